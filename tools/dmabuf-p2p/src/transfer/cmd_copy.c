// SPDX-License-Identifier: GPL-2.0
/*
 * copy: one transfer of everything
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>

#include "interrupt.h"
#include "job.h"
#include "json.h"
#include "message.h"
#include "progress.h"
#include "transfer.h"
#include "units.h"
#include "verb.h"
#include "verify.h"

/* The engine gets this many pieces, so that there is progress to be seen */
#define PIECES 64

enum { OPT_SIZE = 256 };

struct copy {
	struct job job;
	uint64_t size;
	bool json;
	bool quiet;
};

static const struct argp_option options[] = {
	{ "size", OPT_SIZE, "SIZE", 0, "Only so many bytes, from the beginning", 0 },
	{ "json", 'j', NULL, 0, "Print as JSON", 0 },
	{ "quiet", 'q', NULL, 0, "Print nothing unless something goes wrong", 0 },
	{ 0 }
};

static const char doc[] =
	"Move the bytes of FROM to TO, once, by a device that does DMA.\v"
	BUFFER_HELP END_HELP "\n"
	ENGINE_HELP "\n"
	VERIFY_HELP "\n\n"
	"EXAMPLES\n"
	"  16 MiB of a disk into the BAR of another device, every byte compared:\n"
	"    dmabuf-p2p copy disk:0+16M 01:00.0/bar2:0-16M \\\n"
	"        --via nvme:04:00.0 --bind --verify\n"
	"  A BAR into memory, by RDMA READ:\n"
	"    dmabuf-p2p copy 01:00.0/bar2:0-64K mem:64K --via rdma:edu_0\n"
	"  Into the memory of another host, where 'dmabuf-p2p serve' runs:\n"
	"    dmabuf-p2p copy 01:00.0/bar2:0-64K host:10.0.0.1 --via rdma:mlx5_0\n\n"
	"Exit status: 0 done; 1 refused, or access was revoked in the middle; 2 bad usage; 3 bytes differ, or no route; 4 not supported; 130 interrupted.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct copy *copy = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &copy->job;
		return 0;
	case ARGP_KEY_SUCCESS:
		if (copy->quiet && copy->json)
			argp_error(state, "--quiet or --json");
		return 0;
	case OPT_SIZE:
		if (parse_size(arg, &copy->size) || !copy->size)
			argp_error(state, "--size %s: invalid size (try 64K)",
				   arg);
		return 0;
	case 'q':
		copy->quiet = true;
		return 0;
	case 'j':
		copy->json = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int choose_size(struct copy *copy)
{
	char is[UNITS_TEXT], wanted[UNITS_TEXT];
	const struct end *end;

	if (!copy->size)
		copy->size = copy->job.from.size;
	end = copy->size > copy->job.from.size ? &copy->job.from : &copy->job.to;
	if (copy->size > end->size) {
		complain(end->spec, "say --size, or take another part",
			 "it has only %s, and %s are to be moved",
			 format_size(end->size, is),
			 format_size(copy->size, wanted));
		return EXIT_USAGE;
	}
	if (copy->size % copy->job.engine.align) {
		complain(copy->job.engine.name, NULL,
			 "it moves multiples of %s, not %s",
			 format_size(copy->job.engine.align, is),
			 format_size(copy->size, wanted));
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

static void tick(const struct transfer *transfer, void *arg)
{
	double done = (double)transfer->moved / (double)transfer->size;
	double elapsed = (double)(now_ns() - transfer->began);

	(void)arg;
	/* Nothing can be foretold before something has been done */
	if (done > 0)
		progress_show("copy", done,
			      (uint64_t)(elapsed / done - elapsed));
}

static void report(const struct copy *copy, uint64_t elapsed)
{
	const double rate = (double)copy->size * 1e9 / (double)(elapsed + 1);
	char size[UNITS_TEXT], time[UNITS_TEXT], rate_text[UNITS_TEXT];
	struct json_object *json;

	if (!copy->json) {
		printf("%s in %s, %s%s\n", format_size_i(copy->size, size),
		       format_time((double)elapsed, time),
		       format_rate(rate, rate_text),
		       copy->job.verify ? ", every byte compared" : "");
		return;
	}
	json = json_new_object();
	json_text(json, "from", copy->job.spec[0]);
	json_text(json, "to", copy->job.spec[1]);
	json_text(json, "engine", copy->job.engine.name);
	json_number(json, "bytes", copy->size);
	json_number(json, "ns", elapsed);
	json_real(json, "bytes_per_second", rate);
	json_flag(json, "verified", copy->job.verify);
	json_print(json, "copy");
}

/* Done is what a loss of power does not undo */
static int flush(struct engine *engine)
{
	engine->why[0] = 0;
	if (!engine_flush(engine))
		return EXIT_OK;
	complain(engine->name, "see dmesg", "%s", engine->why);
	return EXIT_FAILED;
}

static int move(struct copy *copy)
{
	const struct way way = {
		.leg = { { .from = &copy->job.from, .to = &copy->job.to } },
		.nr = 1,
	};
	static struct stats stats;
	struct transfer transfer = {
		.engine = &copy->job.engine,
		.way = &way,
		.size = copy->size,
		.areas = 1,
		.piece = transfer_piece(&copy->job.engine, copy->size, PIECES),
		.depth = 1,
		.iterations = 1,
		.duration = UINT64_MAX,
		.tick = copy->quiet ? NULL : tick,
		.stats = &stats,
	};
	const struct verify verify = {
		.engine = &copy->job.engine,
		.from = &copy->job.from,
		.to = &copy->job.to,
		.size = copy->size,
		.areas = 1,
		.pattern = copy->job.pattern,
		.seed = copy->job.seed,
	};
	int ret = EXIT_OK;

	stats_reset(&stats);
	if (copy->job.verify)
		ret = verify_prepare(&verify);
	if (!ret)
		ret = transfer_run(&transfer);
	if (!ret && copy->job.to.disk)
		ret = flush(&copy->job.engine);
	if (!ret && copy->job.verify)
		ret = verify_check(&verify, 1);
	if (ret)
		return ret;
	if (!copy->quiet)
		report(copy, transfer.elapsed);
	return EXIT_OK;
}

static int copy_all(struct copy *copy)
{
	struct job *job = &copy->job;
	int ret;

	ret = job_open(job);
	if (!ret)
		ret = choose_size(copy);
	if (!ret)
		ret = engine_reach(&job->engine, &job->from, &job->to);
	if (!ret) {
		interrupt_catch();
		ret = move(copy);
	}
	job_close(job);
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
	struct copy copy = { .job = JOB_DEFAULTS };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &copy);
	return copy_all(&copy);
}

const struct verb cmd_copy = {
	.name = "copy",
	.summary = "move bytes from one buffer to another, and compare them",
	.run = run,
};
