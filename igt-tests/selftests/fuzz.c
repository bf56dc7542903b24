// SPDX-License-Identifier: MIT
/*
 * Checks what the fuzzer is made of, without the calls
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "bytes.h"
#include "complaint.h"
#include "execute.h"
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

/* Whether the only step of a text may fail like this */
static bool may_fail(const char *text, int error)
{
	struct fuzz_sequence *seq = malloc(sizeof(*seq));
	const struct fuzz_step *step;
	bool may;

	igt_assert(seq);
	igt_assert_eq((int)fuzz_parse(fuzz_ops(), text, seq), 0);
	igt_assert_eq_u32(seq->nr, 1);
	step = &seq->step[0];
	may = fuzz_is_documented(fuzz_ops()->op[step->op], step, error);
	free(seq);
	return may;
}

static long refuse(const uint64_t *arg)
{
	(void)arg;
	return -EINVAL;
}

static const struct fuzz_op refused = {
	.name = "refuse", GIVES_NOTHING, CALL(refuse),
	ARGS(ARG("watch", RES(FUZZ_WATCH)),), ERRNOS(OTHER_FILE),
};

static enum fuzz_reach must(uint64_t unused)
{
	(void)unused;
	return FUZZ_MUST;
}

static bool looks(const struct fuzz_sequence *seq, void *unused)
{
	(void)unused;
	return seq->nr && !strcmp(fuzz_ops()->op[seq->step[0].op]->name, "look");
}

/* The kernel's log, if not NULL: lines, and an empty one for those that are lost */
static const char *const *records;

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	size_t length;

	if (!records)
		return __real_read(fd, bytes, size);
	if (!*records || !**records) {
		errno = *records++ ? EPIPE : EAGAIN;
		return -1;
	}
	length = strlen(*records);
	igt_assert(length <= size);
	memcpy(bytes, *records++, length);
	return (ssize_t)length;
}

static bool complains(const char *const *lines, struct fuzz_report *report)
{
	bool ret;

	memset(report, 0, sizeof(*report));
	records = lines;
	ret = fuzz_complaint(-1, report);
	records = NULL;
	return ret;
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

	igt_describe("Only what makes no sense may get the errnos of nonsense, and nothing an undocumented one");
	igt_subtest("errnos") {
		/* File, address, size, flags, dma-buf, reserved */
		static const char *const nonsense[] = {
			"watch>0 =0x3 0x1000 0x10 0 0x800 0",
			"watch>0 0 0xff8 0x10 0 0x800 0",
			"watch>0 0 0x2008 0x10 0 0x800 0",
			"watch>0 0 0x1000 =0x1000 0 0x800 0",
			"watch>0 0 0x1000 0x10 0 0x900 0",
		};
		static const char *const sense = "watch>0 0 0x1000 0x10 0 0x800 0";
		size_t i;

		igt_assert(may_fail(sense, EOPNOTSUPP));
		igt_assert(may_fail(sense, EBADF));
		igt_assert(!may_fail(sense, EFAULT));
		igt_assert(!may_fail(sense, ENOTTY));
		igt_assert(!may_fail(sense, ENOMEM));
		/* Beside what takes access away and gives it back */
		igt_assert(may_fail("reset 0x2", EBUSY));
		/* Atomics, which edu has not */
		igt_assert(may_fail("reg-mr>0 0x800 0 0x1000 0 =0x9", EOPNOTSUPP));
		igt_assert(may_fail("reg-memory-mr>0 0 0x1000 =0x9", EOPNOTSUPP));
		/* Another file's ioctl of the same number */
		igt_assert(may_fail("reset-info 0x100 0x1000 0x100", ENODEV));
		for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
			igt_assert(may_fail(nonsense[i], EFAULT));
			igt_assert(!may_fail(nonsense[i], EXDEV));
		}
	}

	igt_describe("What another file may be refused with the right one may not");
	igt_subtest("other-file") {
		struct fuzz_step step = { .arg = { FUZZ_WATCH << 8 } };

		fuzz_set(FUZZ_DEVICE, 0, STDIN_FILENO);
		igt_assert_eq(fuzz_execute(&refused, &step), -EINVAL);
		fuzz_set(FUZZ_WATCH, 0, STDIN_FILENO);
		igt_assert_eq(fuzz_execute(&refused, &step), -FUZZ_WRONG);
		step.raw = 1;
		igt_assert_eq(fuzz_execute(&refused, &step), -EINVAL);
		step.raw = 0;
		fuzz_set(FUZZ_DEVICE, 0, -1);
		igt_assert_eq(fuzz_execute(&refused, &step), -EINVAL);
	}

	igt_describe("What an ioctl may write is what is there from then on, and nothing else may change");
	igt_subtest("room") {
		const struct fuzz_room room = { .size = sizeof(int) };
		const uint64_t at = fuzz_at(FUZZ_PAGE);
		int fds[2];

		igt_assert_eq(pipe(fds), 0);
		/* Writes 0, which is not what is there */
		igt_assert_eq(fuzz_checked(fuzz_ioctl((uint64_t)fds[0], FIONREAD, at), at, room), 0);
		igt_assert_eq(fuzz_checked(0, at, (struct fuzz_room) { 0 }), 0);
		fuzz_put(at, "changed", 8);
		igt_assert_eq(fuzz_checked(fuzz_ioctl((uint64_t)fds[0], FIONREAD, at), at + 1, room),
			      -FUZZ_WRONG);
		fuzz_put(at, "changed", 8);
		fuzz_ioctl((uint64_t)fds[0], FIONREAD, at);
		igt_assert_eq(fuzz_checked(-EINVAL, at, room), -FUZZ_WRONG);
		fuzz_put(at, "changed", 8);
		fuzz_ioctl((uint64_t)fds[0], FIONREAD, at);
		igt_assert_eq(fuzz_checked(-EINVAL, at, (struct fuzz_room) { .size = 4, .tells = true }),
			      -EINVAL);
		close(fds[0]);
		close(fds[1]);
	}

	igt_describe("A load has to bring the word of its page, and 0 is another one");
	igt_subtest("lost") {
		struct fuzz_bytes *bytes = fuzz_bytes_new(STDIN_FILENO);
		uint64_t word = fuzz_bar_word(0);

		igt_assert(bytes);
		bytes->reach = must;
		bytes->word[0] = word;
		igt_assert_eq(fuzz_judge("a load", bytes->inode, 0, true, &word), 0);
		word = fuzz_bar_word(1);
		igt_assert_eq(fuzz_judge("a load", bytes->inode, 0, true, &word), -FUZZ_WRONG);
		word = 0;
		igt_assert_eq(fuzz_judge("a load", bytes->inode, 0, true, &word), -FUZZ_WRONG);
		igt_assert_eq(fuzz_judge("a store", bytes->inode, 0, true, NULL), 0);
		fuzz_bytes_forget();
	}

	igt_describe("No mapping of a memfd punches a hole into what udmabufs are made of");
	igt_subtest("hole") {
		const uint64_t pages[] = { 1, 1 }, remove[] = { 0, 2, 0, 1, MADV_REMOVE };
		int memfd = (int)call_memfd(pages);
		const uint64_t map[] = { (uint64_t)memfd, 3, MAP_SHARED, FUZZ_PAGE, 0, 0 };
		const uint64_t over[] = { (uint64_t)memfd, 0, 0, 1 };
		const uint64_t anonymous[] = { 1, 3, 1, 0 };
		uint64_t word;

		igt_assert_fd(memfd);
		fuzz_at(0);
		igt_assert_eq((int)call_map(map), 0);
		igt_assert_eq((int)call_change(remove), -EINVAL);
		igt_assert_eq((int)call_map_anonymous(anonymous), 0);
		igt_assert_eq((int)call_change(remove), 0);
		igt_assert_eq((int)call_map_anonymous(anonymous), 0);
		igt_assert_eq((int)call_map_at(over), 0);
		igt_assert_eq((int)call_change(remove), -EINVAL);
		igt_assert_eq((int)pread(memfd, &word, sizeof(word), 0), (int)sizeof(word));
		igt_assert_eq_u64(word, fuzz_own_word(fuzz_bytes_inode(memfd), 0));
		close(memfd);
	}

	igt_describe("A descriptor that there is no room for is not the one that was sent");
	igt_subtest("pass") {
		const uint64_t pass[] = { STDIN_FILENO, 1 };
		const int spare[2] = { dup(STDIN_FILENO), dup(STDIN_FILENO) };
		struct rlimit before, two;
		long ret;

		igt_assert_fd(spare[0]);
		igt_assert_fd(spare[1]);
		close(spare[0]);
		close(spare[1]);
		ret = call_pass(pass);
		igt_assert_lt(STDIN_FILENO, (int)ret);
		close((int)ret);
		igt_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
		two = before;
		/* They are for the sockets */
		two.rlim_cur = (rlim_t)spare[1] + 1;
		igt_assert_eq(setrlimit(RLIMIT_NOFILE, &two), 0);
		ret = call_pass(pass);
		igt_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		igt_assert_eq((int)ret, -EMFILE);
	}

	igt_describe("The kernel's log is read to its end, also behind lines that were overwritten");
	igt_subtest("complaint") {
		static const char *const lines[] = {
			"6,1,1,-;all is well\n", "", "6,9,1,-;all is well\n", "",
			"4,20,1,-;WARNING: not all\n", "4,21,1,-;BUG: the next\n", NULL,
		};
		struct fuzz_report *report = fuzz_report_new();

		igt_assert(report);
		igt_assert(complains(lines, report));
		igt_assert_eq(strcmp(report->why, "the kernel says: WARNING: not all"), 0);
		igt_assert_eq_u64(report->lost, 2);
		/* Nothing that anybody has read, and nothing lost */
		igt_assert(!complains(&lines[ARRAY_SIZE(lines) - 1], report));
		igt_assert_eq_u64(report->lost, 0);
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
