/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_FOOTPRINT_H
#define BENCH_FOOTPRINT_H

#include <stdint.h>

/** footprint_open - have the kernel trace what it allocates for this process */
void footprint_open(void);

/**
 * footprint_close - have it trace nothing any more
 *
 * Until then each allocation costs a little more, even while nothing is recorded.
 */
void footprint_close(void);

/** footprint_start - forget what was traced, trace from now on */
void footprint_start(void);

/**
 * footprint_stop - stop and add up
 *
 * Return: bytes that were allocated since footprint_start(), whether they were
 * freed again or not. Page tables are not among them, neither the CPU's nor the
 * IOMMU's.
 */
uint64_t footprint_stop(void);

#endif /* BENCH_FOOTPRINT_H */
