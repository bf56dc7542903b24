/* SPDX-License-Identifier: MIT */
#ifndef SOAK_SAMPLE_H
#define SOAK_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What is looked at: memory in KiB, and numbers of things */
enum soak_value {
	SOAK_USED,		/* MemTotal - MemAvailable */
	SOAK_UNRECLAIMABLE,	/* slabs that cannot be freed on demand */
	SOAK_STACKS,
	SOAK_ALLOCATED,		/* what is allocated; sample.c says what is left out */
	SOAK_OURS,		/* by our code; see tools/vm/allocated */
	SOAK_DMABUFS,
	SOAK_PROCESSES,
	SOAK_FILES,
	SOAK_NR_VALUES
};

/**
 * struct soak_value_kind - what is known of a value
 * @name: of it
 * @unit: of it, empty for a number of things
 * @more: how much more it may be in the end
 * @from_s: how long a run is at least in which it is judged: what fills up takes its time
 */
struct soak_value_kind {
	const char *name;
	const char *unit;
	uint64_t more;
	unsigned int from_s;
};

extern const struct soak_value_kind soak_values[SOAK_NR_VALUES];

/**
 * struct soak_sample - what there was at a time
 * @ms: since the beginning
 * @value: each, or %UINT64_MAX where it is not known
 */
struct soak_sample {
	uint64_t ms;
	uint64_t value[SOAK_NR_VALUES];
};

/** soak_sample - look now */
void soak_sample(struct soak_sample *sample, uint64_t ms);

/* Samples of half of the time that is judged; with fewer nothing can be said */
#define SOAK_ENOUGH 10

/**
 * soak_grows - whether there is ever more of something
 * @samples: in the order of time
 * @nr: how many
 * @value: of what
 * @first: receives the median of the first half of what is judged
 * @last: receives that of the second half
 *
 * The first two fifths of the samples are not judged, in which what there is fills up. Of
 * the rest the medians of the first and the second half are compared, so that a peak does
 * not count, and a slow leak does.
 *
 * Return: whether @last is more than &soak_value_kind.more above @first.
 */
bool soak_grows(const struct soak_sample *samples, size_t nr,
		enum soak_value value, uint64_t *first, uint64_t *last);

#endif /* SOAK_SAMPLE_H */
