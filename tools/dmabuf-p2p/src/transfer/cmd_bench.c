// SPDX-License-Identifier: GPL-2.0
/*
 * bench: how fast, and how long it takes
 */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "interrupt.h"
#include "message.h"
#include "transfer.h"
#include "units.h"
#include "verb.h"

#define DEFAULT_SIZES "4K,64K,1M"
#define DEFAULT_DURATION_NS 2000000000ull
#define SWEEP_FROM 4096

enum { OPT_SIZES = 256, OPT_SWEEP, OPT_WARMUP, OPT_BOUNCE,
       OPT_NO_BOUNCE, OPT_BOTH_WAYS, OPT_JSON, OPT_CSV, OPT_SVG };

static const struct argp_option options[] = {
	{ "sizes", OPT_SIZES, "LIST", 0,
	  "Bytes to be moved at a time (" DEFAULT_SIZES ", those that fit)", 0 },
	{ "sweep", OPT_SWEEP, NULL, 0,
	  "All powers of two from 4K on that fit", 0 },
	{ "iterations", 'n', "N", 0, "So many times each", 0 },
	{ "duration", 'D', "SECONDS", 0,
	  "So long each (2, without --iterations)", 0 },
	{ "depth", 'd', "N", 0, "So many under way at a time (1)", 0 },
	{ "warmup", OPT_WARMUP, "N", 0,
	  "So many before those that count (1, none if it takes over 1 s; with the CPU, each place once)", 0 },
	{ "bounce", OPT_BOUNCE, NULL, OPTION_HIDDEN, NULL, 0 },
	{ "no-bounce", OPT_NO_BOUNCE, NULL, 0,
	  "Not the way through memory as well", 0 },
	{ "both-ways", OPT_BOTH_WAYS, NULL, 0,
	  "As many from TO to FROM at the same time: what is in FROM is lost", 0 },
	{ "json", OPT_JSON, NULL, 0, "JSON, at the end", 0 },
	{ "csv", OPT_CSV, NULL, 0, "CSV, a line for each size and way", 0 },
	{ "svg", OPT_SVG, "FILE", 0, "Draw it into FILE as well, at the end", 0 },
	{ 0 }
};

static const char doc[] =
	"Measure how fast bytes get from FROM to TO, and how long each transfer takes.\v"
	BUFFER_HELP END_HELP "\n"
	ENGINE_HELP "\n"
	"Unless one end is memory or on another host, the way through memory is measured beside it: by the engine into memory, and from there by the engine or, to and from a disk, by the CPU. The ratio says how many times the bandwidth of that the direct way has.\n\n"
	"Percentiles are those of single transfers, at most 0.1 % off, or 1 % where one takes more than 5 ms: half of them took no longer than p50. No more are under way than the engine takes at once, whatever --depth says. Small sizes go round in 4M of memory, and through all of the disk's part: name a large one, or what the disk has cached shows. What takes longer than 10 s a transfer is left out unless --sizes asks for it. Ctrl-C shows what was measured so far.\n\n"
	"With --both-ways RDMA WRITEs and READs are under way at the same time, --depth of each, on a queue pair for each way. They go round the same places, half a round apart.\n\n"
	VERIFY_HELP " Before each round through those places what is in TO is spoilt, and after it compared; that time is part of --duration, but not of the results.\n\n"
	"EXAMPLES\n"
	"  From a disk into the BAR of another device, and through memory:\n"
	"    dmabuf-p2p bench disk:0+16G 01:00.0/bar2:0-64M --via nvme:04:00.0 --bind\n"
	"  All sizes by RDMA, 1000 times each, every byte compared, as JSON:\n"
	"    dmabuf-p2p bench mem:1M 01:00.0/bar2:0-1M --via rdma:edu_0 \\\n"
	"        --sweep --iterations 1000 --verify --json --svg bench.svg\n"
	"  With another host, where 'dmabuf-p2p serve' runs, both ways at once:\n"
	"    dmabuf-p2p bench mem:64M host:10.0.0.1 --via rdma:mlx5_0 --both-ways\n\n"
	"Exit status: 0 done; 1 refused, or access was revoked in the middle; 2 bad usage; 3 bytes differ, or no route; 4 not supported; 130 interrupted.";

static uint64_t duration(struct argp_state *state, const char *arg)
{
	char *end;
	double seconds = strtod(arg, &end);

	/* No sign, no blank */
	if (!strchr("0123456789.", *arg) || !*arg || *end || !isfinite(seconds) || seconds <= 0 ||
	    seconds > 1e9)
		argp_error(state, "--duration %s: invalid number of seconds", arg);
	return (uint64_t)(seconds * 1e9);
}

static void finish(struct bench *bench, struct argp_state *state)
{
	if (bench->sweep && bench->asked_for)
		argp_error(state, "--sizes or --sweep, not both");
	if (bench->both_ways && strncmp(bench->job.via, "rdma:", 5))
		argp_error(state, "--both-ways goes with --via rdma:DEVICE");
	/* Each way overwrites what the other one is compared with */
	if (bench->both_ways && bench->job.verify)
		argp_error(state, "--verify compares one way at a time: leave out --both-ways");
	if (bench->both_ways && bench->svg)
		argp_error(state, "--svg does not draw --both-ways");
	/* Either limit is enough; without any there is this one */
	if (bench->iterations == UINT64_MAX && bench->duration == UINT64_MAX)
		bench->duration = DEFAULT_DURATION_NS;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct bench *bench = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &bench->job;
		return 0;
	case OPT_SIZES:
		if (sizes_parse(arg, bench->sizes, &bench->nr_sizes))
			argp_error(state, "--sizes %s: invalid list of sizes (at most %d, try 4K,64K)",
				   arg, SIZES_MAX);
		bench->asked_for = true;
		return 0;
	case OPT_SWEEP:
		bench->sweep = true;
		return 0;
	case 'n':
		bench->iterations = job_number(state, "--iterations", arg, 1,
					       UINT64_MAX - 1);
		return 0;
	case 'D':
		bench->duration = duration(state, arg);
		return 0;
	case 'd':
		bench->depth = (unsigned int)job_number(state, "--depth", arg,
							1, 1024);
		return 0;
	case OPT_WARMUP:
		bench->warmup = job_number(state, "--warmup", arg, 0,
					   UINT64_MAX - 1);
		return 0;
	case OPT_BOUNCE:
	case OPT_NO_BOUNCE:
		bench->bounce = key == OPT_BOUNCE;
		return 0;
	case OPT_BOTH_WAYS:
		bench->both_ways = true;
		return 0;
	case OPT_SVG:
		bench->svg = arg;
		return 0;
	case OPT_JSON:
	case OPT_CSV:
		if (bench->format != BENCH_TEXT)
			argp_error(state, "--json or --csv, once");
		bench->format = key == OPT_JSON ? BENCH_JSON : BENCH_CSV;
		return 0;
	case ARGP_KEY_END:
		finish(bench, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool fits(const struct bench *bench, uint64_t size)
{
	return transfer_areas(&bench->job.from, &bench->job.to, size) &&
	       !(size % bench->job.engine.align);
}

/* What the user asks for has to fit; of what we choose, we take what fits */
static int choose_sizes(struct bench *bench)
{
	const struct job *job = &bench->job;
	const struct end *least = job->from.size <= job->to.size ? &job->from :
								   &job->to;
	char size[UNITS_TEXT], limit[UNITS_TEXT];
	size_t nr = 0, i;

	if (bench->sweep)
		bench->nr_sizes = sizes_sweep(SWEEP_FROM, least->size,
					      bench->sizes);
	else if (!bench->asked_for)
		sizes_parse(DEFAULT_SIZES, bench->sizes, &bench->nr_sizes);

	for (i = 0; i < bench->nr_sizes; i++) {
		if (fits(bench, bench->sizes[i])) {
			bench->sizes[nr++] = bench->sizes[i];
			continue;
		}
		if (!bench->asked_for)
			continue;
		format_size(bench->sizes[i], size);
		if (bench->sizes[i] > least->size)
			complain(least->spec, NULL,
				 "it has only %s, and %s are to be moved",
				 format_size(least->size, limit), size);
		else
			complain(job->engine.name, NULL,
				 "it moves multiples of %s, not %s",
				 format_size(job->engine.align, limit), size);
		return EXIT_USAGE;
	}
	bench->nr_sizes = nr;
	if (nr)
		return EXIT_OK;
	complain(least->spec, "say --sizes", "it has only %s",
		 format_size(least->size, limit));
	return EXIT_USAGE;
}

static bool is_memory(const struct end *end)
{
	return !end->disk && !end->far && end->buffer.fd < 0;
}

/* Memory on the way, if there is a way through memory to be compared with */
static int open_bounce(struct bench *bench)
{
	struct job *job = &bench->job;
	uint64_t most = 0, span;
	size_t i;
	int ret;

	if (is_memory(&job->from) || is_memory(&job->to) ||
	    job->engine.ops == &engine_cpu || job->far || bench->both_ways)
		bench->bounce = false;
	if (!bench->bounce)
		return EXIT_OK;
	/* The CPU's part of it */
	ret = job->from.disk ? buffer_map(&job->to.buffer, true) :
	      job->to.disk ? buffer_map(&job->from.buffer, false) : EXIT_OK;
	if (ret) {
		complain(NULL, "add --no-bounce to measure the direct way alone",
			 "the way through memory needs that access");
		return ret;
	}
	for (i = 0; i < bench->nr_sizes; i++) {
		span = bench_areas(bench, bench->sizes[i]) *
		       transfer_stride(bench->sizes[i]);
		if (span > most)
			most = span;
	}
	return engine_memory(&job->engine, &bench->memory, most);
}

static int bench_all(struct bench *bench)
{
	struct job *job = &bench->job;
	int ret, drawn;

	ret = job_open(job);
	if (!ret)
		ret = choose_sizes(bench);
	job->from.write = bench->both_ways;
	if (!ret)
		ret = engine_reach(&job->engine, &job->from, &job->to);
	if (!ret)
		ret = open_bounce(bench);
	if (!ret) {
		interrupt_catch();
		bench_report_begin(bench);
		ret = bench_measure(bench);
		bench_report_end(bench, ret);
		/* As far as it came before somebody had enough */
		if (bench->svg && bench->nr_results) {
			drawn = bench_svg(bench);
			ret = ret ? ret : drawn;
		}
	}
	/* First the engine, which may still be moving something */
	job_close(job);
	end_close(&bench->memory);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FROM TO",
		.doc = doc,
		.children = job_children,
	};
	static struct bench bench = {
		.job = JOB_DEFAULTS,
		.iterations = UINT64_MAX,
		.duration = UINT64_MAX,
		.depth = 1,
		.warmup = UINT64_MAX,
		.bounce = true,
	};

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &bench);
	return bench_all(&bench);
}

const struct verb cmd_bench = {
	.name = "bench",
	.summary = "measure bandwidth and latency, beside the way through memory",
	.run = run,
};
