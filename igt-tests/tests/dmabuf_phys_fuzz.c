// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys fuzz
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: query
 * Functionality: random sequences of calls
 * Description: Random sequences of everything that a program can do with a dma-buf, and
 *	with those that export and import it
 * Test category: functionality test
 */
#include <inttypes.h>
#include <unistd.h>

#include "array.h"
#include "attempt.h"
#include "igt_core.h"
#include "klog.h"
#include "module.h"
#include "movable.h"
#include "number.h"
#include "ops.h"
#include "pci.h"
#include "rdma.h"
#include "sysfs.h"

/* So many that each operation goes well ten times */
#define ENOUGH 25000u
/* A slow machine makes fewer in that time, which is no failure */
#define CALLS 100000u
#define MAX_MS 600000
#define LENGTH 200	/* tools/fuzz has it as well */

static struct fuzz_report *report;

/* So that what is known of a failure is printed, however long an attempt takes */
#define SHRINK_MS 300000

static struct fuzz_trier trier;
static uint64_t shrink_end;

/* What begins with a digit; letters on their own are words */
static const char *skip_number(const char *text)
{
	return *text >= '0' && *text <= '9' ? text + strspn(text, "0123456789abcdefx") : text;
}

/* Numbers and addresses become smaller on the way */
static bool same_kind(const char *a, const char *b)
{
	do {
		a = skip_number(a);
		b = skip_number(b);
		if (*a != *b)
			return false;
		b++;
	} while (*a++);
	return true;
}

/* Does it fail for the same reason? A device that has got stuck fails whatever is tried. */
static bool fails(const struct fuzz_sequence *seq, void *why)
{
	return now_ms() < shrink_end && !fuzz_try(&trier, seq) &&
	       same_kind(report->why, why);
}

static void print(const struct fuzz_sequence *seq, const char *why)
{
	const char *dir = getenv("SCRATCH");
	char path[200];
	FILE *file;

	fuzz_print_c(fuzz_ops(), seq, why, stdout);
	printf("DMABUF_FUZZ_REPLAY is\n");
	fuzz_print_text(fuzz_ops(), seq, stdout);
	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/fuzz.c", dir);
	file = fopen(path, "w");
	if (!file)
		return;
	fuzz_print_c(fuzz_ops(), seq, why, file);
	fclose(file);
}

/* Again, in as few calls as possible */
static void explain(void)
{
	struct fuzz_sequence *seq = malloc(sizeof(*seq));
	char why[sizeof(report->why)];
	unsigned int attempts;

	igt_assert(seq);
	strcpy(why, report->why);
	igt_info("%s\nDMABUF_FUZZ_SEED=0x%" PRIx64 " DMABUF_FUZZ_CALLS=%u makes the same calls\n",
		 why, report->seed, report->nr);
	fuzz_generate(fuzz_ops(), report->seed, report->nr, seq);
	shrink_end = now_ms() + SHRINK_MS;
	if (fails(seq, why)) {
		attempts = fuzz_shrink(fuzz_ops(), seq, fails, why);
		fuzz_try_no_more(&trier);
		igt_info("shortened in %u attempts; by itself it %s:\n", attempts,
			 fails(seq, why) ? "fails" : "does not fail");
	} else {
		igt_info("it does not fail again by itself (%s); the whole sequence:\n",
			 report->why);
	}
	print(seq, why);
	fflush(stdout);
	fuzz_try_no_more(&trier);
	free(seq);
	igt_assert_f(false, "%s\n", why);
}

static void show_errnos(void)
{
	const struct fuzz_table *table = fuzz_ops();
	unsigned int op, error, sum, pairs = 0, errnos = 0;

	for (error = 0; error < FUZZ_MAX_ERRNO; error++) {
		for (op = sum = 0; op < table->nr; op++) {
			sum += report->came[op][error];
			pairs += !!report->came[op][error];
		}
		errnos += sum && error;
		if (sum)
			igt_info("%8u %s\n", sum, strerror((int)error));
	}
	igt_info("%8" PRIu64 " ms at ends of sequences\n", report->end_us / 1000);
	igt_info("%8" PRIu64 " calls of %u operations, %u errnos, %u kinds of results\n",
		 report->calls, table->nr, errnos, pairs);
}

static void show_operations(void)
{
	const struct fuzz_table *table = fuzz_ops();
	unsigned int op, error, sum;

	for (op = 0; op < table->nr; op++) {
		for (error = sum = 0; error < FUZZ_MAX_ERRNO; error++)
			sum += report->came[op][error];
		igt_info("%8u %s, %" PRIu64 " us each:", sum, table->op[op]->name,
			 sum ? report->us[op] / sum : 0);
		for (error = 0; error < FUZZ_MAX_ERRNO; error++)
			if (report->came[op][error])
				igt_info(" %u %s", report->came[op][error],
					 error ? strerrorname_np((int)error) : "well");
		igt_info("\n");
	}
}

/* What never came, in words; of too few calls it is not asked for */
static char missing[4096];

static void expect_came(bool came, const char *what, const char *when)
{
	size_t length = strlen(missing);

	igt_assert_f(came || report->calls < ENOUGH, "%s never %s, in %" PRIu64 " calls\n",
		     what, when, report->calls);
	if (!came)
		snprintf(missing + length, sizeof(missing) - length, "%s%s never %s",
			 length ? ", " : "", what, when);
}

static void expect_results(void)
{
	static const unsigned int of_interest[] = {
		0, EINVAL, EFAULT, E2BIG, EBADF, EOPNOTSUPP, ENXIO, EAGAIN, ENODEV,
		ENOTTY, EACCES, ENOENT, EBUSY, EEXIST,
	};
	const struct fuzz_table *table = fuzz_ops();
	unsigned int op, sum;
	size_t i;

	/* What is always refused tests nothing but that */
	for (op = 0; op < table->nr; op++)
		expect_came(report->came[op][0] || table->op[op]->refused,
			    table->op[op]->name, "went well");
	for (i = 0; i < ARRAY_SIZE(of_interest); i++) {
		for (op = sum = 0; op < table->nr; op++)
			sum += report->came[op][of_interest[i]];
		expect_came(sum, strerror((int)of_interest[i]), "came");
	}
	if (report->calls < ENOUGH)
		igt_info("WARNING: %" PRIu64 " calls are fewer than %u: NOT asked whether each operation goes well once, and each errno of interest comes (%s)\n",
			 report->calls, ENOUGH, missing[0] ? missing : "none is missing");
}

static void sequences(void)
{
	const uint64_t calls = number_env("DMABUF_FUZZ_CALLS", CALLS);
	const struct fuzz_plan plan = {
		.table = fuzz_ops(),
		.seed = number_env("DMABUF_FUZZ_SEED", 0x5eed0f2a),
		.calls = calls,
		.length = LENGTH,
		.end_ms = getenv("DMABUF_FUZZ_CALLS") ? UINT64_MAX : now_ms() + MAX_MS,
	};

	igt_info("seed 0x%" PRIx64 "\n", plan.seed);
	if (!fuzz_attempt(&plan, report))
		explain();
	if (report->lost)
		igt_info("WARNING: %" PRIu64 " times lines of the kernel's log were overwritten before they were read here: what they said the console has\n",
			 report->lost);
	show_errnos();
	show_operations();
	if (report->calls < calls)
		igt_info("WARNING: ONLY %" PRIu64 " of %" PRIu64 " calls fit into %u s: this machine is slow, or busy\n",
			 report->calls, calls, MAX_MS / 1000);
	igt_assert_lte_u64(1, report->calls);
	expect_results();
}

static void replay(const char *text)
{
	struct fuzz_sequence *seq = malloc(sizeof(*seq));
	bool good;

	igt_assert(seq);
	igt_assert_f(!fuzz_parse(fuzz_ops(), text, seq),
		     "DMABUF_FUZZ_REPLAY: %s: give it as the fuzzer has printed it\n", fuzz_why);
	trier.show = true;
	good = fuzz_try(&trier, seq);
	/* Before anything is asserted: to give the devices back waits for the child, which has them */
	if (!fuzz_try_no_more(&trier))
		good = false;
	igt_assert_f(good, "%s\n", report->why);
	free(seq);
}

int igt_main()
{
	igt_fixture() {
		/* Skips outside a VM */
		pci_env("DMABUF_EXPORTER2");
		module_load("udmabuf");
		module_load("vfio-pci");
		movable_bind();
		rdma_bind(pci_env("DMABUF_EDU"));
		pci_bind(pci_env("DMABUF_EXPORTER2"), "vfio-pci");
		pci_bind(pci_env("DMABUF_NVME"), "vfio-pci");
		pci_bind(pci_env("DMABUF_EDU2"), "vfio-pci");
		report = fuzz_report_new();
		igt_assert(report);
		trier.report = report;
		trier.table = fuzz_ops();
	}

	/**
	 * SUBTEST: sequences
	 * Description: 100,000 calls in sequences that share dma-bufs, mappings,
	 *	address spaces and guests: every documented errno and no other, nothing
	 *	written but where it may be, no byte where it does not belong, none
	 *	reached without access, and all of it gone afterwards. A sequence that
	 *	fails is shortened and printed as C. DMABUF_FUZZ_SEED and
	 *	DMABUF_FUZZ_CALLS choose others; DMABUF_FUZZ_REPLAY is one
	 */
	igt_subtest("sequences") {
		const char *text = getenv("DMABUF_FUZZ_REPLAY");

		if (text)
			replay(text);
		else
			sequences();
	}
}
