// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the clock counts instructions
 *
 * Two loops of as many instructions take as long as each other then, and that many
 * nanoseconds, although a square root takes QEMU, or a CPU, many times what a decrement
 * does. No clock that counts time shows that for both.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "fail.h"

/* Of a loop: long beside reading the clock, short beside the period of a timer tick */
#define LENGTH 420000
#define ROUNDS 5
/* The kernel measures the frequency of the CPU's clock when it boots */
#define TOLERANCE (LENGTH / 100)

uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t instructions(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int cmp_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t median(uint64_t *counts, size_t nr)
{
	qsort(counts, nr, sizeof(*counts), cmp_u64);
	return counts[nr / 2];
}

static void quick(void)
{
	uint32_t left = LENGTH / 2;

	__asm__ volatile("1:	decl %0\n"
			 "	jnz 1b" : "+r"(left) : : "cc");
}

static void slow(void)
{
	uint32_t left = LENGTH / 3;
	long double root = 1;

	__asm__ volatile("1:	fsqrt\n"
			 "	decl %0\n"
			 "	jnz 1b" : "+r"(left), "+t"(root) : : "cc");
}

/* The least of several: a timer interrupt may come */
static uint64_t least(void (*loop)(void))
{
	uint64_t best = UINT64_MAX, start;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		start = instructions();
		loop();
		start = instructions() - start;
		if (start < best)
			best = start;
	}
	return best;
}

static bool counted(uint64_t took)
{
	return took >= LENGTH - TOLERANCE && took <= LENGTH + TOLERANCE;
}

void clock_check(void)
{
	uint64_t of_quick = least(quick), of_slow = least(slow);

	if (!counted(of_quick) || !counted(of_slow))
		fail("start it by tools/vm/run --icount",
		     "%d instructions take %" PRIu64 " ns if they are quick, %" PRIu64
		     " if they are slow: the clock does not count them, so nothing is measured",
		     LENGTH, of_quick, of_slow);
}
