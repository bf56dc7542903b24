// SPDX-License-Identifier: MIT
/*
 * Checks what the fuzzer is made of, without the calls
 */
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "ops.h"

#define NR 1000

static long never(const uint64_t *arg)
{
	(void)arg;
	igt_assert_f(false, "nothing is called here\n");
	return 0;
}

/* Three that belong together, and noise */
enum { OPEN, SPOIL, USE, NR_FAKES = 12 };

static const struct fuzz_op fakes[NR_FAKES] = {
	[OPEN] = {
		.name = "open", .weight = 1, GIVES(FUZZ_DMABUF), CALL(never),
		ARGS(ARG("pages", BELOW(1000, 1)),),
	},
	[SPOIL] = {
		.name = "spoil", .weight = 1, GIVES_NOTHING, CALL(never),
		ARGS(ARG("file", RES(FUZZ_DMABUF)), ARG("how", BELOW(100, 1)),),
	},
	[USE] = {
		.name = "use", .weight = 1, GIVES_NOTHING, CALL(never),
		ARGS(ARG("file", RES(FUZZ_DMABUF)),),
	},
#define NOISE(i) \
	[i] = { .name = "noise" #i, .weight = 1, GIVES_NOTHING, CALL(never), \
		ARGS(ARG("number", ODD),), }
	NOISE(3), NOISE(4), NOISE(5), NOISE(6), NOISE(7), NOISE(8), NOISE(9),
	NOISE(10), NOISE(11),
};

static const struct fuzz_table *fake_table(void)
{
	static const struct fuzz_op *all[NR_FAKES];
	static const struct fuzz_table table = { all, NR_FAKES };
	unsigned int i;

	for (i = 0; i < NR_FAKES; i++)
		all[i] = &fakes[i];
	return &table;
}

/* What is opened with some pages, spoiled with 17 or more and used then is broken */
static bool broken(const struct fuzz_sequence *seq, void *tries)
{
	enum { CLOSED, OPENED, SPOILED } state[FUZZ_SLOTS] = { CLOSED };
	unsigned int i;

	++*(unsigned int *)tries;
	for (i = 0; i < seq->nr; i++) {
		const struct fuzz_step *step = &seq->step[i];
		unsigned int slot = step->arg[0] & 0xff;
		bool file = !(step->raw & 1) && step->arg[0] >> 8 == FUZZ_DMABUF;

		if (step->op == OPEN)
			state[step->slot] = step->arg[0] >= 3 ? OPENED : CLOSED;
		else if (step->op == SPOIL && file && state[slot] == OPENED &&
			 step->arg[1] >= 17)
			state[slot] = SPOILED;
		else if (step->op == USE && file && state[slot] == SPOILED)
			return true;
	}
	return false;
}

static void find_three(uint64_t seed)
{
	struct fuzz_sequence *seq = malloc(sizeof(*seq));
	unsigned int tries = 0, told;

	igt_assert(seq);
	fuzz_generate(fake_table(), seed, NR, seq);
	if (broken(seq, &tries)) {
		told = fuzz_shrink(fake_table(), seq, broken, &tries);
		igt_assert_eq_u32(tries, told + 1);
		igt_assert_eq_u32(seq->nr, 3);
		igt_assert_eq_u32(seq->step[0].op, OPEN);
		igt_assert_eq_u64(seq->step[0].arg[0], 3);
		igt_assert_eq_u32(seq->step[1].op, SPOIL);
		igt_assert_eq_u64(seq->step[1].arg[1], 17);
		igt_assert_eq_u32(seq->step[2].op, USE);
		igt_debug("seed %u: %u attempts\n", (unsigned int)seed, told);
		igt_assert_lt((int)told, 500);
	} else {
		igt_assert_f(false, "%u steps have nothing of it\n", NR);
	}
	free(seq);
}

static struct fuzz_sequence *generate(uint64_t seed)
{
	struct fuzz_sequence *seq = malloc(sizeof(*seq));

	igt_assert(seq);
	memset(seq, 0, sizeof(*seq));
	fuzz_generate(fuzz_ops(), seed, NR, seq);
	return seq;
}

static bool same(const struct fuzz_sequence *a, const struct fuzz_sequence *b)
{
	return a->nr == b->nr && !memcmp(a->step, b->step, a->nr * sizeof(a->step[0]));
}

static char *text_of(const struct fuzz_sequence *seq, bool in_c)
{
	size_t size;
	char *text;
	FILE *file = open_memstream(&text, &size);

	igt_assert(file);
	if (in_c)
		fuzz_print_c(fuzz_ops(), seq, "a test", file);
	else
		fuzz_print_text(fuzz_ops(), seq, file);
	igt_assert_eq(fclose(file), 0);
	return text;
}

/* $FUZZ_COMPILE is fuzz/compile; as one program, since that takes seconds */
static void compile(const struct fuzz_sequence *seq)
{
	char source[] = "/tmp/fuzz-XXXXXX.c", program[] = "/tmp/fuzz-XXXXXX.c.out";
	const char *compiler = getenv("FUZZ_COMPILE");
	int fd = mkstemps(source, 2), status;
	FILE *file = fdopen(fd, "w");
	pid_t pid;

	igt_assert(compiler && file);
	fuzz_print_c(fuzz_ops(), seq, "a test", file);
	igt_assert_eq(fclose(file), 0);
	memcpy(program, source, strlen(source));
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		execl(compiler, compiler, source, program, NULL);
		_exit(127);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	unlink(source);
	unlink(program);
	igt_assert_eq(status, 0);
}

static bool looks(const struct fuzz_sequence *seq, void *unused)
{
	(void)unused;
	return seq->nr && !strcmp(fuzz_ops()->op[seq->step[0].op]->name, "look");
}

int igt_main()
{
	igt_describe("A seed makes the same sequence each time, and another one another");
	igt_subtest("seed") {
		struct fuzz_sequence *seq = generate(1), *again = generate(1),
				     *other = generate(2);

		igt_assert_eq_u32(seq->nr, NR);
		igt_assert(same(seq, again));
		igt_assert(!same(seq, other));
		free(seq);
		free(again);
		free(other);
	}

	igt_describe("Every operation comes, and none has more arguments than there is room for");
	igt_subtest("operations") {
		const struct fuzz_table *table = fuzz_ops();
		unsigned int came[128] = { 0 }, i, n;
		uint64_t seed;

		igt_assert_lt(64, (int)table->nr);
		igt_assert_lt((int)table->nr, 128);
		for (seed = 0; seed < 100; seed++) {
			struct fuzz_sequence *seq = generate(seed);

			for (i = 0; i < seq->nr; i++)
				came[seq->step[i].op]++;
			free(seq);
		}
		for (i = 0; i < table->nr; i++) {
			igt_assert_f(came[i], "%s never comes\n", table->op[i]->name);
			for (n = 0; fuzz_arg(table->op[i], n); n++)
				;
			igt_assert_lte((int)n, FUZZ_MAX_ARGS);
		}
	}

	igt_describe("No number of a file or an id is one that anybody has, nor an id that of a file");
	igt_subtest("no-such") {
		unsigned int raw = 0, others = 0, i, n;
		uint64_t seed;

		for (seed = 0; seed < 100; seed++) {
			struct fuzz_sequence *seq = generate(seed);

			for (i = 0; i < seq->nr; i++) {
				const struct fuzz_step *step = &seq->step[i];
				const struct fuzz_arg *what;

				for (n = 0; (what = fuzz_arg(fuzz_ops()->op[step->op], n)); n++) {
					enum fuzz_kind kind = (enum fuzz_kind)(step->arg[n] >> 8);

					if (what->type != FUZZ_RES)
						continue;
					if (step->raw >> n & 1) {
						igt_assert_lte_u64(FUZZ_NO_SUCH, step->arg[n]);
						igt_assert_lte_u64(step->arg[n], UINT32_MAX);
						raw++;
						continue;
					}
					igt_assert_eq(fuzz_is_id(kind), fuzz_is_id(what->kind));
					others += kind != what->kind;
				}
			}
			free(seq);
		}
		igt_debug("%u as they are, %u of another kind\n", raw, others);
		igt_assert_lt(100, (int)raw);
		igt_assert_lt(100, (int)others);
	}

	igt_describe("A sequence is the same after it was printed and read");
	igt_subtest("text") {
		uint64_t seed;

		for (seed = 0; seed < 20; seed++) {
			struct fuzz_sequence *seq = generate(seed), *read = generate(99);
			char *text = text_of(seq, false);

			igt_assert_eq((int)fuzz_parse(fuzz_ops(), text, read), 0);
			igt_assert(same(seq, read));
			free(text);
			free(seq);
			free(read);
		}
	}

	igt_describe("What is no sequence is refused, and step and word are named");
	igt_subtest("bad-text") {
		static const struct {
			const char *text, *why;
		} bad[] = {
			{ "memory 0x1; memori 0x1", "step 2: \"memori\" is no" },
			{ "memory", "step 1: its argument \"on\" is missing" },
			{ "memory; memory 1", "step 1: its argument \"on\" is missing" },
			{ "memory\n1", "step 1: its argument \"on\" is missing" },
			{ "memory 1 2", "step 1: \"2\" is one" },
			{ "memory 1x", "step 1: \"1x\" is no number" },
			{ "memory -1", "step 1: \"-1\" is no number" },
			{ "memory =", "step 1: \"=\" is no number" },
			{ "memory 0x10000000000000000", "\"0x10000000000000000\" is no number" },
			{ "memory>1 1", "\"memory>1\" has a slot" },
			{ "close>8", "\"close>8\" does not end" },
			{ "close>", "\"close>\" does not end" },
			{ "close 1", "\"close\" does not end" },
			/* Of kind 19 and of kind 255, in slot 8, 32 bits and more */
			{ "look 0x800; look 0x1300", "step 2: \"0x1300\" is of a kind" },
			{ "look 0xff00", "\"0xff00\" is of a kind" },
			{ "look 0xffffffffffff0800", "\"0xffffffffffff0800\" is of a kind" },
			{ "look 0x808", "\"0x808\" is a slot" },
			{ "load 8 0", "\"8\" is a slot" },
			{ "load =1 0", "\"=1\" is passed as it is" },
			{ "type1-map 0x800000000 0x1000 0 3", "\"0x800000000\" is in a slot" },
			{ "sync 0x800 0x1000 1; attach 0x200 0x1000 0x100000000 0 0xc00",
			  "step 2: \"0x100000000\" is larger" },
			{ "query =0x1000 0x1000 0x28 =0x100000000 0x18 0x1200 3 0 0",
			  "\"=0x100000000\" is larger" },
		};
		struct fuzz_sequence *seq = generate(0);
		size_t i;

		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			igt_assert_f(fuzz_parse(fuzz_ops(), bad[i].text, seq) == -FUZZ_WRONG,
				     "\"%s\" is taken\n", bad[i].text);
			igt_assert_f(strstr(fuzz_why, bad[i].why), "\"%s\": %s\n",
				     bad[i].text, fuzz_why);
		}
		igt_assert_eq((int)fuzz_parse(fuzz_ops(), " close>1; memory =7;\n", seq), 0);
		igt_assert_eq_u32(seq->nr, 2);
		free(seq);
	}

	igt_describe("Three calls of a thousand that fail together are found, with the smallest numbers");
	igt_subtest("shrink") {
		uint64_t seed;

		for (seed = 0; seed < 20; seed++)
			find_three(seed);
	}

	igt_describe("Shortening makes no number of a file one that somebody has");
	igt_subtest("shrink-file") {
		struct fuzz_sequence *seq = malloc(sizeof(*seq));

		igt_assert(seq);
		igt_assert_eq((int)fuzz_parse(fuzz_ops(), "look =0xffffff", seq), 0);
		fuzz_shrink(fuzz_ops(), seq, looks, NULL);
		igt_assert_eq_u32(seq->nr, 1);
		igt_assert_eq_u64(seq->step[0].arg[0], FUZZ_NO_SUCH);
		free(seq);
	}

	igt_describe("A program that is printed makes a call before it looks at what came of it");
	igt_subtest("order") {
		struct fuzz_sequence *seq = generate(5);
		char *text = text_of(seq, true), *outcome = text;
		unsigned int n;

		igt_assert(strstr(text, "fuzz_is_other("));
		for (n = 0; (outcome = strstr(outcome, "fuzz_expect(\"")); n++) {
			outcome = strstr(outcome, "\", ");
			igt_assert(outcome && !strncmp(outcome, "\", ret,", 7));
		}
		igt_assert_eq_u32(n, NR);
		free(text);
		free(seq);
	}

	igt_describe("A program that is printed compiles: all operations, all kinds of arguments");
	igt_subtest("program") {
		struct fuzz_sequence *seq = generate(5);

		compile(seq);
		free(seq);
	}
}
