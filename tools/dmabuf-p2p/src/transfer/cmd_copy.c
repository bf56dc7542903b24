// SPDX-License-Identifier: GPL-2.0
/*
 * copy: one transfer of everything
 */
#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "progress.h"
#include "transfer.h"
#include "units.h"
#include "verb.h"
#include "verify.h"

/* The engine gets this many pieces, so that there is progress to be seen */
#define PIECES 64

struct copy {
	const char *spec[2];
	const char *via;
	uint64_t size;
	uint64_t seed;
	bool verify;
	bool overwrite;
	bool json;
	struct engine engine;
	struct end from, to;
};

enum { OPT_SEED = 256, OPT_OVERWRITE };

static const struct argp_option options[] = {
	{ "via", 'e', "ENGINE", 0, "What moves the bytes (cpu)", 0 },
	{ "size", 's', "SIZE", 0, "Only so many bytes, from the beginning", 0 },
	{ "verify", 'v', NULL, 0,
	  "Fill FROM with a pattern first, and compare every byte of TO", 0 },
	{ "seed", OPT_SEED, "N", 0, "Of that pattern (1)", 0 },
	{ "yes-overwrite", OPT_OVERWRITE, NULL, 0,
	  "Do write to a disk", 0 },
	{ "json", 'j', NULL, 0, "Print as JSON", 0 },
	{ 0 }
};

static const char doc[] =
	"Move the bytes of FROM to TO, once, by a device that does DMA.\v"
	BUFFER_HELP "or disk:OFFSET+LENGTH, on the disk of an NVMe engine.\n\n"
	ENGINE_HELP "\n"
	"With --verify what was in FROM is lost, unless it is a disk: that is read into memory a second time, and compared with.\n\n"
	"EXAMPLES\n"
	"  16 MiB of a disk into the BAR of another device, every byte compared:\n"
	"    dmabuf-p2p copy disk:0+16M 01:00.0/bar2:0-16M \\\n"
	"        --via nvme:04:00.0 --verify\n"
	"  A BAR into memory, by RDMA READ:\n"
	"    dmabuf-p2p copy 01:00.0/bar2:0-64K mem:64K --via rdma:edu_0\n\n"
	"Exit status: 0 done; 1 refused, or access was revoked in the middle; 2 bad usage; 3 bytes differ, or no route; 4 not supported; 130 interrupted.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct copy *copy = state->input;
	char *end;

	switch (key) {
	case 'e':
		copy->via = arg;
		return 0;
	case 's':
		if (parse_size(arg, &copy->size) || !copy->size)
			argp_error(state, "--size %s: no size such as 64K",
				   arg);
		return 0;
	case 'v':
		copy->verify = true;
		return 0;
	case OPT_SEED:
		copy->seed = strtoull(arg, &end, 0);
		if (!*arg || *end)
			argp_error(state, "--seed %s: no number", arg);
		return 0;
	case OPT_OVERWRITE:
		copy->overwrite = true;
		return 0;
	case 'j':
		copy->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			return ARGP_ERR_UNKNOWN;
		copy->spec[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < 2)
			argp_error(state, "say from where, and to where");
		/* Each mem:SIZE is memory of its own */
		if (copy->verify && !strcmp(copy->spec[0], copy->spec[1]) &&
		    strncmp(copy->spec[0], "mem:", 4))
			argp_error(state, "--verify of %s with itself",
				   copy->spec[0]);
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
		copy->size = copy->from.size;
	end = copy->size > copy->from.size ? &copy->from : &copy->to;
	if (copy->size > end->size) {
		complain(end->spec, "say --size, or take another part",
			 "it has only %s, and %s are to be moved",
			 format_size(end->size, is),
			 format_size(copy->size, wanted));
		return EXIT_USAGE;
	}
	if (copy->size % copy->engine.align) {
		complain(copy->engine.name, NULL,
			 "it moves multiples of %s, not %s",
			 format_size(copy->engine.align, is),
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
		printf("%s in %s, %s%s\n", format_size(copy->size, size),
		       format_time((double)elapsed, time),
		       format_rate(rate, rate_text),
		       copy->verify ? ", every byte compared" : "");
		return;
	}
	json = json_new_object();
	json_text(json, "from", copy->spec[0]);
	json_text(json, "to", copy->spec[1]);
	json_text(json, "engine", copy->engine.name);
	json_number(json, "bytes", copy->size);
	json_number(json, "ns", elapsed);
	json_real(json, "bytes_per_second", rate);
	json_flag(json, "verified", copy->verify);
	json_print(json);
}

static int move(struct copy *copy)
{
	const struct way way = {
		.leg = { { .from = &copy->from, .to = &copy->to } },
		.nr = 1,
	};
	static struct stats stats;
	struct transfer transfer = {
		.engine = &copy->engine,
		.way = &way,
		.size = copy->size,
		.areas = 1,
		.piece = transfer_stride(copy->size / PIECES + 1),
		.depth = 1,
		.iterations = 1,
		.duration = UINT64_MAX,
		.tick = tick,
		.stats = &stats,
	};
	const struct verify verify = {
		.engine = &copy->engine,
		.from = &copy->from,
		.to = &copy->to,
		.size = copy->size,
		.areas = 1,
		.seed = copy->seed,
	};
	int ret = EXIT_OK;

	if (transfer.piece > copy->engine.max)
		transfer.piece = copy->engine.max;
	stats_reset(&stats);
	if (copy->verify)
		ret = verify_prepare(&verify);
	if (!ret)
		ret = transfer_run(&transfer);
	if (!ret && copy->verify)
		ret = verify_check(&verify, 1);
	if (ret)
		return ret;
	report(copy, transfer.elapsed);
	return EXIT_OK;
}

static int copy_all(struct copy *copy)
{
	int ret;

	ret = end_may_write(copy->spec[1], copy->overwrite);
	if (!ret)
		ret = engine_open(&copy->engine, copy->via);
	if (!ret)
		ret = end_open(&copy->from, copy->spec[0]);
	if (!ret)
		ret = end_open(&copy->to, copy->spec[1]);
	if (!ret)
		ret = choose_size(copy);
	if (!ret)
		ret = engine_reach(&copy->engine, &copy->from, &copy->to);
	if (!ret) {
		interrupt_catch();
		ret = move(copy);
	}
	/* First the engine: it may still be moving something */
	engine_close(&copy->engine);
	end_close(&copy->from);
	end_close(&copy->to);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "FROM TO",
		.doc = doc,
	};
	struct copy copy = { .via = "cpu", .seed = 1 };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &copy);
	return copy_all(&copy);
}

const struct verb cmd_copy = {
	.name = "copy",
	.summary = "move bytes from one buffer to another, and compare them",
	.run = run,
};
