/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "job.h"
#include "sizes.h"

/**
 * struct measured - what one size has given on one way
 * @iterations: how many were done
 * @rate: bytes a second, of all of them
 * @min: the quickest, ns
 * @mean: ns
 * @p50: half of them took no longer, ns
 * @p90: the same of nine tenths
 * @p99: the same of 99 of 100
 * @max: the slowest, ns
 * @verified: every byte was compared
 */
struct measured {
	uint64_t iterations;
	double rate;
	uint64_t min;
	double mean;
	uint64_t p50;
	uint64_t p90;
	uint64_t p99;
	uint64_t max;
	bool verified;
};

/**
 * struct bench_result - one size
 * @size: bytes
 * @depth: how many were under way at a time: not more than there is room for, in
 *	both ends and in the engine
 * @direct: from one end to the other
 * @bounce: through memory; no iterations if it was not measured
 * @back: the other way at the same time; no iterations if it was not measured
 * @both: bytes a second of both ways together
 */
struct bench_result {
	uint64_t size;
	unsigned int depth;
	struct measured direct;
	struct measured bounce;
	struct measured back;
	double both;
};

enum bench_format { BENCH_TEXT, BENCH_JSON, BENCH_CSV };

/**
 * struct bench - what is to be measured, and what came of it
 * @job: by which engine, from where and to where; open
 * @sizes: bytes, in the order they are measured
 * @nr_sizes: number of them
 * @asked_for: by the user, so that none is left out for taking too long
 * @sweep: all powers of two
 * @iterations: see &struct transfer
 * @duration: ns, see &struct transfer
 * @depth: wanted
 * @warmup: jobs before those that count; UINT64_MAX: one, if it is quick
 * @bounce: measure the way through memory as well
 * @both_ways: move as much the other way at the same time
 * @format: of the output
 * @svg: file to draw into as well, or NULL
 * @memory: on the way through memory, if @bounce
 * @result: in the order of @sizes
 * @nr_results: how many there are
 * @left_out: sizes that would have taken too long
 * @nr_left_out: number of them
 */
struct bench {
	struct job job;
	uint64_t sizes[SIZES_MAX];
	size_t nr_sizes;
	bool asked_for;
	bool sweep;
	uint64_t iterations;
	uint64_t duration;
	unsigned int depth;
	uint64_t warmup;
	bool bounce;
	bool both_ways;
	enum bench_format format;
	const char *svg;
	struct end memory;
	struct bench_result result[SIZES_MAX];
	size_t nr_results;
	uint64_t left_out[SIZES_MAX];
	size_t nr_left_out;
};

/** bench_areas - places of a size that are used, see &struct transfer */
uint64_t bench_areas(const struct bench *bench, uint64_t size);

/**
 * bench_measure - measure all sizes
 * @bench: everything is open, and @sizes fit
 *
 * Reports each size when it is done.
 *
 * Return: EXIT_OK, EXIT_INTERRUPTED with what was measured so far, or enum
 * exit_code, complained about.
 */
int bench_measure(struct bench *bench);

/** bench_report_begin - what is going to be measured, and how */
void bench_report_begin(const struct bench *bench);

/** bench_report_size - a line for the last result */
void bench_report_size(const struct bench *bench);

/** bench_report_end - what there is to say at the end; @ret: enum exit_code */
void bench_report_end(const struct bench *bench, int ret);

/** bench_svg - draw it into a file; Return: enum exit_code, complained about */
int bench_svg(const struct bench *bench);

#endif /* BENCH_H */
