/* SPDX-License-Identifier: MIT */
#ifndef SOAK_RUN_H
#define SOAK_RUN_H

#include <stdio.h>

#include "soak.h"

/**
 * struct soak_plan - what is to run
 * @kinds: the workers, up to NULL: a thread behind the worker it is a thread of
 * @seed: of everything that is random
 * @seconds: how long, and up to @stands_still_s longer if that is not enough to judge
 * @stands_still_s: seconds that a worker may take for a call, and to stop, and that what it
 *	had may take to go
 * @injects: whether allocations are made to fail
 * @log: for one JSON object a line, or NULL
 * @bad: what was wrong, one a line, once soak_run() has returned
 */
struct soak_plan {
	const struct soak_kind *const *kinds;
	uint64_t seed;
	unsigned int seconds;
	unsigned int stands_still_s;
	bool injects;
	FILE *log;
	char bad[4096];
};

/**
 * struct soak_shared - what workers and who watches them share
 * @stop: workers are to end
 * @unplugs: devices may be unplugged
 * @injects: allocations are made to fail
 * @nr: how many workers there are
 * @worker: they
 * @socket: where each that gives is asked for dma-bufs, -1 for others
 */
struct soak_shared {
	bool stop;
	bool unplugs;
	bool injects;
	unsigned int nr;
	struct soak_worker worker[SOAK_WORKERS];
	int socket[SOAK_WORKERS];
};

extern struct soak_shared *soak_shared;

/**
 * soak_run - run a plan and judge it
 * @plan: its @bad is filled in
 *
 * Devices are bound to their drivers already. Prints a line a minute, and one in the end.
 *
 * Return: whether all went well.
 */
bool soak_run(struct soak_plan *plan);

/** soak_work - be a worker until it ends */
void soak_work(struct soak_worker *worker);

/** soak_listen - make the socket of a worker; Return: fd or -errno */
int soak_listen(unsigned int worker);

/** soak_print_minute - what has happened since the last time, in one line */
void soak_print_minute(uint64_t ms);

/** soak_log_units - what the values of samples are, as JSON */
void soak_log_units(FILE *log);

/** soak_log_calls - how all calls have ended so far, as JSON */
void soak_log_calls(FILE *log, uint64_t ms);

#endif /* SOAK_RUN_H */
