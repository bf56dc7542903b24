// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "job.h"
#include "progress.h"
#include "units.h"
#include "verb.h"

enum { OPT_SEED = 256, OPT_PATTERN, OPT_OVERWRITE, OPT_FORCE };

static const struct argp_option options[] = {
	{ "via", 'e', "ENGINE", 0, "What moves the bytes (cpu)", 0 },
	{ "bind", 'b', NULL, 0,
	  "Take devices away from their drivers while this runs", 0 },
	{ "verify", 'v', NULL, 0,
	  "Compare every byte of TO with FROM", 0 },
	{ "pattern", OPT_PATTERN, NULL, 0,
	  "Fill FROM with a pattern before that: what was there is lost", 0 },
	{ "seed", OPT_SEED, "N", 0, "Of that pattern (another one each time)", 0 },
	{ "force", OPT_FORCE, NULL, 0,
	  "Try it where Linux knows no peer-to-peer route", 0 },
	{ "yes-overwrite", OPT_OVERWRITE, NULL, 0, "Do write to a disk", 0 },
	{ 0 }
};

uint64_t job_number(struct argp_state *state, const char *option,
		    const char *arg, uint64_t min, uint64_t max)
{
	uint64_t value = 0;

	if (parse_number(arg, min, max, &value))
		argp_error(state, "%s %s: no number from %llu to %llu", option,
			   arg, (unsigned long long)min,
			   (unsigned long long)max);
	return value;
}

static void finish(struct job *job, struct argp_state *state)
{
	uint32_t seed = 1;

	/* What an earlier run has left must not pass for this one's; easy to type */
	if (!job->seeded && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uint32_t)now_ns();
	if (!job->seeded)
		job->seed = seed;

	if (!job->spec[1])
		argp_error(state, "say from where, and to where");
	job->far = is_far(job->spec[0]) || is_far(job->spec[1]);
	if (job->far && strncmp(job->via, "rdma:", 5))
		argp_error(state, "host: goes with --via rdma:DEVICE");
	if (is_far(job->spec[0]) && is_far(job->spec[1]))
		argp_error(state, "one end is to be on this host");
	if (job->pattern && is_far(job->spec[0]))
		argp_error(state, "--pattern does not overwrite what is on another host");
	if (job->pattern && !strncmp(job->spec[0], "disk:", 5))
		argp_error(state, "--pattern does not overwrite a disk");
	/* Each mem:SIZE is memory of its own */
	if (job->verify && !strcmp(job->spec[0], job->spec[1]) &&
	    strncmp(job->spec[0], "mem:", 4))
		argp_error(state, "--verify of %s with itself", job->spec[0]);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct job *job = state->input;

	switch (key) {
	case 'e':
		job->via = arg;
		return 0;
	case 'b':
		job->bind = true;
		return 0;
	case 'v':
		job->verify = true;
		return 0;
	case OPT_PATTERN:
		job->pattern = job->verify = true;
		return 0;
	case OPT_SEED:
		job->seed = job_number(state, "--seed", arg, 0, UINT64_MAX);
		job->seeded = true;
		return 0;
	case OPT_FORCE:
		job->force = true;
		return 0;
	case OPT_OVERWRITE:
		job->overwrite = true;
		return 0;
	case ARGP_KEY_ARG:
		if (job->spec[1])
			return ARGP_ERR_UNKNOWN;
		job->spec[job->spec[0] ? 1 : 0] = arg;
		return 0;
	case ARGP_KEY_END:
		finish(job, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { .options = options, .parser = parse };

const struct argp_child job_children[] = { { &argp, 0, NULL, 0 }, { 0 } };

int job_open(struct job *job)
{
	int ret;

	ret = end_may_write(job->spec[1], job->overwrite);
	if (!ret)
		ret = job->far ? engine_open_far(&job->engine, job->via,
						 job->bind, job->force) :
				 engine_open(&job->engine, job->via, job->bind,
					     job->force);
	if (!ret)
		ret = end_open(&job->from, job->spec[0], job->bind);
	if (!ret)
		ret = end_open(&job->to, job->spec[1], job->bind);
	return ret;
}

bool job_has_seed(const struct job *job)
{
	return job->verify && !job->from.disk && !job->from.far &&
	       (job->pattern || job->from.buffer.fd < 0);
}

void job_close(struct job *job)
{
	/* First the engine: it may still be moving something */
	engine_close(&job->engine);
	end_close(&job->from);
	end_close(&job->to);
}
