// SPDX-License-Identifier: GPL-2.0
/*
 * Measuring: size by size, first one way and then the other
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "progress.h"
#include "transfer.h"
#include "units.h"
#include "verb.h"
#include "verify.h"

/* So much of the ends is used, if a size is small: memory has to be locked */
#define SPREAD (4ull << 20)

/* Nobody has asked for sizes of which one takes longer, or for a warm-up that
 * does */
#define TOO_LONG_NS 10000000000.0
#define WARMUP_NS 1000000000.0

/**
 * struct run - where we are
 * @bench: what is measured
 * @direct: the way without a detour
 * @bounce: the other one
 * @back: the direct one backwards
 * @began: when all of it did, ns
 * @rate: bytes a second, of the last size, on the slower way; 0 if not known yet
 * @index: of the size
 * @ways_left: of this size, with the one under way
 * @way_began: when that one did, ns
 * @passes: of which all bytes were compared
 * @disk_next: where on the disk to go on, bytes: not where it was just now
 * @label: for the progress
 */
struct run {
	struct bench *bench;
	struct way direct;
	struct way bounce;
	struct way back;
	uint64_t began;
	double rate;
	size_t index;
	unsigned int ways_left;
	uint64_t way_began;
	uint64_t passes;
	uint64_t disk_next;
	char label[UNITS_TEXT];
};

static struct stats stats, back_stats;

uint64_t bench_areas(const struct bench *bench, uint64_t size)
{
	uint64_t fit = transfer_areas(&bench->job.from, &bench->job.to, size);
	uint64_t wanted = SPREAD / transfer_stride(size);

	if (wanted < bench->depth)
		wanted = bench->depth;
	return fit < wanted ? fit : wanted;
}

static double one_takes(const struct run *run, uint64_t size)
{
	return run->rate > 0 ? (double)size * 1e9 / run->rate : 0;
}

/* What a size will take on one way */
static double will_take(const struct run *run, uint64_t size)
{
	const struct bench *bench = run->bench;
	double one = one_takes(run, size), all;

	if (bench->iterations != UINT64_MAX) {
		all = one * (double)bench->iterations;
		if (bench->duration == UINT64_MAX ||
		    all < (double)bench->duration)
			return all;
	}
	return one > (double)bench->duration ? one : (double)bench->duration;
}

static void tick(const struct transfer *transfer, void *arg)
{
	struct run *run = arg;
	const struct bench *bench = run->bench;
	uint64_t now = now_ns();
	double ways = bench->bounce ? 2 : 1, left, elapsed;
	size_t i;

	if (run->rate <= 0)
		run->rate = (double)transfer->moved * 1e9 /
			    (double)(now - transfer->began + 1);
	/* Nothing can be foretold before something has been done */
	if (run->rate <= 0 && bench->iterations != UINT64_MAX)
		return;
	left = will_take(run, transfer->size) * run->ways_left -
	       (double)(now - run->way_began);
	if (left < 0)
		left = 0;
	for (i = run->index + 1; i < bench->nr_sizes; i++)
		if (bench->asked_for ||
		    one_takes(run, bench->sizes[i]) < TOO_LONG_NS)
			left += will_take(run, bench->sizes[i]) * ways;
	elapsed = (double)(now - run->began);
	progress_show(run->label, elapsed / (elapsed + left + 1),
		      (uint64_t)left);
}

static double rate(uint64_t count, uint64_t size, uint64_t elapsed)
{
	return (double)count * (double)size * 1e9 / (double)(elapsed ? elapsed : 1);
}

static void note(struct measured *m, const struct stats *of, uint64_t size,
		 uint64_t elapsed)
{
	if (!of->count)
		return;
	m->iterations = of->count;
	m->rate = rate(of->count, size, elapsed);
	m->min = of->min;
	m->mean = stats_mean(of);
	m->p50 = stats_percentile(of, 50);
	m->p90 = stats_percentile(of, 90);
	m->p99 = stats_percentile(of, 99);
	m->max = of->max;
}

/* The sum of the two rates would be too much where one way ends before the other */
static void note_back(struct bench_result *result, const struct transfer *t)
{
	note(&result->back, &back_stats, t->size, t->back_elapsed);
	if (result->back.iterations)
		result->both = rate(stats.count + back_stats.count, t->size,
				    t->elapsed > t->back_elapsed ?
					    t->elapsed : t->back_elapsed);
}

/* All of the disk in turn: what it has just read it has in its cache */
static int move(struct run *run, struct transfer *transfer)
{
	const uint64_t stride = transfer_stride(transfer->size), done = stats.count;
	int ret;

	if (transfer->disk_areas)
		transfer->disk_first = run->disk_next / stride %
				       transfer->disk_areas;
	ret = transfer_run(transfer);
	run->disk_next = (transfer->disk_first + stats.count - done) * stride;
	return ret;
}

static int warm_up(struct run *run, struct transfer *transfer)
{
	struct bench *bench = run->bench;
	struct transfer warmup = *transfer;
	int ret;

	warmup.iterations = bench->warmup;
	warmup.duration = UINT64_MAX;
	if (bench->warmup == UINT64_MAX)
		warmup.iterations =
			one_takes(run, transfer->size) < WARMUP_NS ? 1 : 0;
	/* To the CPU every place is new until it has been there */
	if (warmup.iterations && bench->warmup == UINT64_MAX &&
	    transfer->engine->ops == &engine_cpu)
		warmup.iterations = transfer->areas;
	if (!warmup.iterations)
		return EXIT_OK;
	stats_reset(&stats);
	stats_reset(&back_stats);
	ret = move(run, &warmup);
	if (!ret && run->rate <= 0)
		run->rate = (double)stats.count * (double)warmup.size * 1e9 /
			    (double)(warmup.elapsed + 1);
	return ret;
}

/*
 * Passes over all places, each with bytes of its own, and all of them compared:
 * what the last pass has left there would hide that this one has done nothing.
 * Comparing counts for the duration, not for what is measured.
 */
static int verified_run(struct run *run, struct transfer *transfer)
{
	const struct bench *bench = run->bench;
	const uint64_t duration = transfer->duration;
	struct verify verify = {
		.engine = transfer->engine,
		.from = &run->bench->job.from,
		.to = &run->bench->job.to,
		.size = transfer->size,
		.areas = transfer->areas,
		.disk_areas = transfer->disk_areas,
		.pattern = bench->job.pattern,
	};
	uint64_t left = transfer->iterations, elapsed = 0, done, past;
	int ret;

	do {
		transfer->iterations = left < transfer->areas ? left :
								transfer->areas;
		verify.seed = bench->job.seed + run->passes++;
		ret = verify_prepare(&verify);
		past = now_ns() - run->way_began;
		if (ret || (stats.count && past >= duration))
			break;
		transfer->duration = past < duration ? duration - past : 0;
		done = stats.count;
		ret = move(run, transfer);
		done = stats.count - done;
		left -= done;
		elapsed += transfer->elapsed;
		verify.disk_first = transfer->disk_first;
		if (!ret)
			ret = verify_check(&verify, done);
	} while (!ret && left && now_ns() - run->way_began < duration);
	transfer->elapsed = elapsed;
	return ret;
}

static int measure_way(struct run *run, const struct way *way,
		       struct bench_result *result, struct measured *m)
{
	struct bench *bench = run->bench;
	struct transfer transfer = {
		.engine = &bench->job.engine,
		.way = way,
		.back = bench->both_ways ? &run->back : NULL,
		.size = result->size,
		.areas = bench_areas(bench, result->size),
		.disk_areas = transfer_disk_areas(&bench->job.from,
						  &bench->job.to, result->size),
		.piece = bench->job.engine.max,
		.depth = result->depth,
		.iterations = bench->iterations,
		.duration = bench->duration,
		.tick = tick,
		.arg = run,
		.stats = &stats,
		.back_stats = &back_stats,
	};
	int ret;

	run->way_began = now_ns();
	ret = warm_up(run, &transfer);
	if (ret)
		return ret;
	stats_reset(&stats);
	stats_reset(&back_stats);
	run->way_began = now_ns();
	ret = bench->job.verify ? verified_run(run, &transfer) :
				  move(run, &transfer);
	/* What an interrupted or broken run has done, it has done */
	note(m, &stats, transfer.size, transfer.elapsed);
	if (transfer.back)
		note_back(result, &transfer);
	if (m->iterations && (way == &run->direct || m->rate < run->rate))
		run->rate = m->rate;
	m->verified = !ret && bench->job.verify;
	return ret;
}

static int measure_size(struct run *run)
{
	struct bench *bench = run->bench;
	uint64_t size = bench->sizes[run->index], areas = bench_areas(bench, size);
	struct bench_result *result = &bench->result[bench->nr_results];
	char text[UNITS_TEXT];
	int ret;

	memset(result, 0, sizeof(*result));
	result->size = size;
	result->depth = transfer_depth(&bench->job.engine, size,
				       bench->job.engine.max,
				       areas < bench->depth ?
					       (unsigned int)areas :
					       bench->depth);
	snprintf(run->label, sizeof(run->label), "%s", format_size_i(size, text));
	run->ways_left = bench->bounce ? 2 : 1;
	ret = measure_way(run, &run->direct, result, &result->direct);
	if (!ret && bench->bounce) {
		run->ways_left = 1;
		ret = measure_way(run, &run->bounce, result, &result->bounce);
	}
	if (result->direct.iterations) {
		bench->nr_results++;
		bench_report_size(bench);
	}
	return ret;
}

static void lay_ways(struct run *run)
{
	struct bench *bench = run->bench;
	const struct end *from = &bench->job.from, *to = &bench->job.to;

	run->direct = (struct way) {
		.leg = { { .from = from, .to = to } },
		.nr = 1,
	};
	run->back = (struct way) {
		.leg = { { .from = to, .to = from } },
		.nr = 1,
	};
	/* What the engine cannot do, the CPU does: a disk's engine does only one */
	run->bounce = (struct way) {
		.leg = {
			{ .from = from, .to = &bench->memory,
			  .by_cpu = to->disk },
			{ .from = &bench->memory, .to = to,
			  .by_cpu = from->disk },
		},
		.nr = 2,
	};
}

int bench_measure(struct bench *bench)
{
	struct run run = { .bench = bench, .began = now_ns() };
	int ret = EXIT_OK;

	lay_ways(&run);
	for (; !ret && run.index < bench->nr_sizes; run.index++) {
		uint64_t size = bench->sizes[run.index];

		if (!bench->asked_for && one_takes(&run, size) > TOO_LONG_NS)
			bench->left_out[bench->nr_left_out++] = size;
		else
			ret = measure_size(&run);
	}
	return ret;
}
