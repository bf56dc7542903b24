// SPDX-License-Identifier: GPL-2.0
/*
 * Times in a histogram whose buckets are as fine as the times are long
 *
 * Numbers below 2 * STATS_HALF have a bucket each. Above, each power of two is
 * divided into STATS_HALF buckets.
 */
#include <string.h>

#include "stats.h"

#define HALF_SHIFT 9

_Static_assert(STATS_HALF == 1 << HALF_SHIFT, "a power of two");

void stats_reset(struct stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	stats->min = UINT64_MAX;
}

/* By how much a time is shifted so that only 10 bits are left */
static unsigned int shift_of(uint64_t ns)
{
	unsigned int bits = ns ? 64 - (unsigned int)__builtin_clzll(ns) : 0;

	return bits > HALF_SHIFT + 1 ? bits - (HALF_SHIFT + 1) : 0;
}

static unsigned int bucket_of(uint64_t ns)
{
	unsigned int shift = shift_of(ns);

	return shift * STATS_HALF + (unsigned int)(ns >> shift);
}

/* The middle of a bucket */
static uint64_t time_of(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 2 * STATS_HALF)
		return bucket;
	shift = bucket / STATS_HALF - 1;
	return ((uint64_t)(bucket % STATS_HALF + STATS_HALF) << shift) +
	       (1ull << shift) / 2;
}

void stats_add(struct stats *stats, uint64_t ns)
{
	stats->count++;
	stats->sum += ns;
	if (ns < stats->min)
		stats->min = ns;
	if (ns > stats->max)
		stats->max = ns;
	stats->bucket[bucket_of(ns)]++;
}

uint64_t stats_percentile(const struct stats *stats, double percent)
{
	uint64_t rank, seen = 0, ns;
	unsigned int i;
	double exact;

	if (!stats->count)
		return 0;
	exact = (double)stats->count * percent / 100;
	rank = (uint64_t)exact;
	if ((double)rank < exact)
		rank++;
	/* The ends are known exactly */
	if (rank <= 1)
		return stats->min;
	if (rank >= stats->count)
		return stats->max;
	for (i = 0; i < STATS_BUCKETS; i++) {
		seen += stats->bucket[i];
		if (seen >= rank)
			break;
	}
	ns = time_of(i);
	/* The middle may be beyond the longest, or before the shortest */
	if (ns < stats->min)
		return stats->min;
	return ns > stats->max ? stats->max : ns;
}

double stats_mean(const struct stats *stats)
{
	return stats->count ? (double)stats->sum / (double)stats->count : 0;
}
