/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STATS_H
#define STATS_H

#include <stdint.h>

/* Buckets in which the upper half of each power of two is counted */
#define STATS_HALF 512
#define STATS_BUCKETS ((64 - 9 + 1) * STATS_HALF)

/**
 * struct stats - how long many things took
 * @count: how many
 * @sum: of their times, ns
 * @min: the shortest, ns, exact; UINT64_MAX if there is none
 * @max: the longest, ns, exact
 * @bucket: how many took how long
 *
 * Memory does not grow with @count. A time below 1 us is kept exactly, a longer
 * one in a bucket that is at most 1/512 of it wide, so that what
 * stats_percentile() says is at most 0.1 % off.
 */
struct stats {
	uint64_t count;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
	uint64_t bucket[STATS_BUCKETS];
};

/** stats_reset - forget everything; also how to initialise */
void stats_reset(struct stats *stats);

/** stats_add - count a time, ns */
void stats_add(struct stats *stats, uint64_t ns);

/**
 * stats_percentile - the time within which a part of them was done
 * @stats: them
 * @percent: 0 to 100
 *
 * The nearest rank: the smallest time such that at least @percent of all took
 * no longer.
 *
 * Return: ns; 0 if there is none.
 */
uint64_t stats_percentile(const struct stats *stats, double percent);

/** stats_mean - ns; 0 if there is none */
double stats_mean(const struct stats *stats);

#endif /* STATS_H */
