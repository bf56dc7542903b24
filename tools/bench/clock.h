/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The clock of a VM of tools/vm/run --icount: a nanosecond is an instruction
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Of failures that have no remedy of their own */
#define BENCH_REMEDY \
	"run 'make bench', and look at the console log below build/vm"

/** clock_ns - read a clock, in ns */
uint64_t clock_ns(clockid_t clock);

/** instructions - the clock of the VM */
uint64_t instructions(void);

/** median - of @nr counts, which it sorts */
uint64_t median(uint64_t *counts, size_t nr);

/**
 * clock_check - fail unless the clock counts instructions
 *
 * Called for each row that is printed: no row is of another clock.
 */
void clock_check(void);

#endif /* BENCH_CLOCK_H */
