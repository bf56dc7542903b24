/* SPDX-License-Identifier: GPL-2.0 */
#ifndef JOB_H
#define JOB_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine.h"

/**
 * struct job - what copy and bench have in common: an engine between two ends
 * @spec: FROM and TO
 * @via: name of the engine
 * @verify: compare every byte
 * @pattern: of what is in FROM before that
 * @seed: of the pattern
 * @seeded: the user has chosen it
 * @overwrite: a disk may be written to
 * @bind: devices may be taken away from their drivers
 * @force: try what the kernel knows no route to
 * @far: one end is on another host
 * @engine: open, from job_open() to job_close()
 * @from: the same
 * @to: the same
 */
struct job {
	const char *spec[2];
	const char *via;
	bool verify;
	bool pattern;
	uint64_t seed;
	bool seeded;
	bool overwrite;
	bool bind;
	bool force;
	bool far;
	struct engine engine;
	struct end from, to;
};

#define JOB_DEFAULTS { .via = "cpu" }

/* For the --help of verbs that have jobs */
#define VERIFY_HELP                                                          \
	"With --verify TO is made different from FROM first, and compared with it in the end; what is on a disk or on another host is read by the engine for that, and only that. " \
	"Where TO is one of these, and has had the same bytes before, only --pattern proves that they were written. --pattern overwrites FROM; " \
	"what is in mem:SIZE is a pattern in any case."

/**
 * job_children - the options and arguments of a job
 *
 * Children of a verb's parser. The input of the first is the &struct job.
 */
extern const struct argp_child job_children[];

/**
 * job_number - a number the user has to give, or the end with a message
 * @state: of the parser
 * @option: which, for the message
 * @arg: what the user gave
 * @min: the least it may be
 * @max: the most
 */
uint64_t job_number(struct argp_state *state, const char *option,
		    const char *arg, uint64_t min, uint64_t max);

/**
 * job_open - open the engine and both ends
 * @job: as parsed; job_close() it, whatever comes of this
 *
 * Return: enum exit_code; anything but EXIT_OK has been complained about.
 */
int job_open(struct job *job);

/** job_has_seed - whether what is moved is a pattern, and @seed tells which */
bool job_has_seed(const struct job *job);

/** job_close - whatever is under way is over */
void job_close(struct job *job);

#endif /* JOB_H */
