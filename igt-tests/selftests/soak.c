// SPDX-License-Identifier: MIT
/*
 * How a soak is judged: by samples that are made up, and of workers that do what they must
 * not. Those with dma-bufs are in tests/dmabuf_phys_soak.c.
 */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "run.h"
#include "sample.h"

#define NR 400u

static struct soak_sample samples[NR];

/* One every @ms, with noise above a base and a slope, in KiB */
static void make(unsigned int ms, uint64_t base, double slope)
{
	unsigned int i, value;

	for (i = 0; i < NR; i++) {
		samples[i].ms = (uint64_t)i * ms;
		for (value = 0; value < SOAK_NR_VALUES; value++)
			samples[i].value[value] = base + i * 7919u % 16 +
						  (uint64_t)(slope * i);
	}
}

static bool grows(enum soak_value value)
{
	uint64_t first, last;

	return soak_grows(samples, NR, value, &first, &last);
}

/* A slope whose growth from one median to the other, 120 samples, is this many KiB */
#define MORE(kib) ((kib) / 120.0)

/* Of a busy machine with a call that takes no time */
#define PATIENCE_S 3

enum { CALL };

static const struct soak_call calls[] = {
	[CALL] = SOAK_CALL("call", EAGAIN),
	{ 0 }
};

/* One call ends like this, and all that come behind it like that */
static int call(struct soak_worker *worker, int first, int then)
{
	soak_ended(worker, CALL, first);
	while (!soak_stops()) {
		soak_ended(worker, CALL, then);
		usleep(10000);
	}
	return 0;
}

static int works(struct soak_worker *worker)
{
	return call(worker, -EAGAIN, 0);
}

/* Not before a run of 1 s is over */
static int late(struct soak_worker *worker)
{
	sleep(2);
	return soak_stops() ? 0 : call(worker, 0, 0);
}

static int idles(struct soak_worker *worker)
{
	(void)worker;
	while (!soak_stops())
		usleep(10000);
	return 0;
}

static int fails(struct soak_worker *worker)
{
	return call(worker, -EPERM, 0);
}

static int never(struct soak_worker *worker)
{
	return call(worker, -EAGAIN, -EAGAIN);
}

static int strays(struct soak_worker *worker)
{
	const struct soak_buffer buffer = { .word = { soak_word(1, 2) } };

	igt_assert_eq(soak_judge(worker, &buffer, 0, 0), -EFAULT);
	igt_assert_eq(soak_judge(worker, &buffer, 0, soak_word(1, 2)), 0);
	if (!worker->nr_odd)
		soak_judge(worker, &buffer, 0, soak_word(1, 3));
	return call(worker, 0, 0);
}

static int misses(struct soak_worker *worker)
{
	const struct soak_buffer buffer = { .word = { soak_word(1, 2) } };

	soak_expect(worker, &buffer, 0, 0);
	return call(worker, 0, 0);
}

/* As often as it may */
static int gives_up(struct soak_worker *worker)
{
	return call(worker, 0, -EAGAIN);
}

static int stands(struct soak_worker *worker)
{
	soak_ended(worker, CALL, 0);
	return idles(worker);
}

static int stays(struct soak_worker *worker)
{
	for (;; usleep(10000))
		soak_ended(worker, CALL, 0);
	return 0;
}

static int ends(struct soak_worker *worker)
{
	return soak_ended(worker, CALL, 0);
}

static int lacks(struct soak_worker *worker)
{
	soak_ended(worker, CALL, 0);
	return -ENODEV;
}

static int crashes(struct soak_worker *worker)
{
	soak_ended(worker, CALL, 0);
	return raise(SIGKILL);
}

static const struct {
	const char *name;
	int (*work)(struct soak_worker *worker);
	const char *bad;
} notices[] = {
	{ "error", fails, "bad: call: Operation not permitted, 1 times such things\n" },
	{ "never-well", never, "bad has stood still for 3 s\nbad: call never went well\n" },
	{ "nothing", idles, "bad has stood still for 3 s\nbad: call never went well\n" },
	{ "another-page", strays, "bad: page 0 has 0x50a6000000100003 instead of 0x50a6000000100002, 1 times such things\n" },
	{ "no-page", misses, "bad: page 0 has 0x0 instead of 0x50a6000000100002, 1 times such things\n" },
	{ "never-again", gives_up, "bad has stood still for 3 s\n" },
	{ "stands-still", stands, "bad has stood still for 3 s\n" },
	{ "does-not-stop", stays, "bad does not stop\nbad was ended by signal 9\n" },
	{ "ends", ends, "bad has ended by itself\n" },
	{ "cannot-begin", lacks, "bad: cannot begin: No such device, 1 times such things\n" },
	{ "crash", crashes, "bad was ended by signal 9\n" },
};

/* Beside one of whom there is nothing to say */
static void run(int (*work)(struct soak_worker *worker), bool injects,
		const char *bad)
{
	const struct soak_kind good_kind = {
		.name = "good", .calls = calls, .work = works,
	};
	const struct soak_kind kind = { .name = "bad", .calls = calls, .work = work };
	const struct soak_kind *const kinds[] = { &good_kind, &kind, NULL };
	struct soak_plan plan = {
		.kinds = kinds,
		.seconds = work == stands || work == gives_up ? 2 * PATIENCE_S : 1,
		.stands_still_s = PATIENCE_S,
		.injects = injects,
	};

	igt_assert_eq(soak_run(&plan), !bad[0]);
	igt_assert_f(!strcmp(plan.bad, bad), "'%s' instead of '%s'\n", plan.bad, bad);
}

int igt_main()
{
	uint64_t first, last;
	unsigned int i;

	/**
	 * SUBTEST: flat
	 * Description: Noise is no growth
	 */
	igt_subtest("flat") {
		make(5000, 100000, 0);
		for (i = 0; i < SOAK_NR_VALUES; i++)
			igt_assert(!grows((enum soak_value)i));
	}

	/**
	 * SUBTEST: limit
	 * Description: What is a little below the limit is none, a little more is
	 */
	igt_subtest("limit") {
		make(5000, 100000, MORE(soak_values[SOAK_USED].more - 1024));
		igt_assert(!grows(SOAK_USED));
		make(5000, 100000, MORE(soak_values[SOAK_USED].more + 1024));
		igt_assert(grows(SOAK_USED));
	}

	/**
	 * SUBTEST: warm-up
	 * Description: What is taken in the first two fifths is no growth, nor is a peak
	 *	behind that, nor that less is used
	 */
	igt_subtest("warm-up") {
		make(5000, 100000, 0);
		for (i = 0; i < NR * 2 / 5; i++)
			samples[i].value[SOAK_USED] /= 2;
		for (i = NR * 9 / 10; i < NR * 9 / 10 + 20; i++)
			samples[i].value[SOAK_USED] *= 4;
		igt_assert(!grows(SOAK_USED));
		make(5000, 200000, -100);
		igt_assert(!grows(SOAK_USED));
	}

	/**
	 * SUBTEST: short
	 * Description: Memory is not judged in a short run, dma-bufs are
	 */
	igt_subtest("short") {
		make(500, 100000, 1000);
		igt_assert(!grows(SOAK_USED));
		igt_assert(grows(SOAK_DMABUFS));
	}

	/**
	 * SUBTEST: unknown
	 * Description: What the kernel does not tell, and too few samples, is no growth
	 */
	igt_subtest("unknown") {
		make(5000, 100000, 1000);
		for (i = 0; i < NR; i++)
			samples[i].value[SOAK_OURS] = UINT64_MAX;
		igt_assert(!grows(SOAK_OURS));
		igt_assert(!soak_grows(samples, 30, SOAK_DMABUFS, &first, &last));
		igt_assert(soak_grows(samples, 40, SOAK_DMABUFS, &first, &last));
	}

	/**
	 * SUBTEST: good
	 * Description: Errors that may be are no failure
	 */
	igt_subtest("good")
		run(works, false, "");

	/**
	 * SUBTEST: late
	 * Description: A run is not over before each worker has done something
	 */
	igt_subtest("late")
		run(late, false, "");

	/**
	 * SUBTEST: no-injection
	 * Description: A run in which allocations are to fail and none does
	 */
	igt_subtest("no-injection")
		run(works, true, "no allocation was made to fail\n");

	/**
	 * SUBTEST: notices
	 * Description: A worker that fails, never succeeds or never again, does nothing, reads what it must
	 *	not, stands still, does not stop, ends, cannot begin or crashes is named,
	 *	and no other
	 */
	igt_subtest_with_dynamic("notices")
		for (i = 0; i < ARRAY_SIZE(notices); i++)
			igt_dynamic_f("%s", notices[i].name)
				run(notices[i].work, false, notices[i].bad);
}
