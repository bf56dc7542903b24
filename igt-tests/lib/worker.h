/* SPDX-License-Identifier: MIT */
#ifndef LIB_WORKER_H
#define LIB_WORKER_H

#define MAX_WORKERS 8

/**
 * struct worker - one thread of a storm
 * @name: for the report
 * @once: does its thing once; returns 0 or -errno
 * @allowed: an error that may happen because of a revoke
 * @done: how often it went well
 * @refused: how often it failed as allowed
 * @error: first error that must not happen
 */
struct worker {
	const char *name;
	int (*once)(void);
	int allowed;
	unsigned long done;
	unsigned long refused;
	int error;
};

/**
 * workers_run - let all workers do their things over and over, in parallel
 * @workers: the workers
 * @nr: number of them, at most %MAX_WORKERS
 * @seconds: for how long
 *
 * Fails the test if one of them had another error or never did its thing, and
 * ends the program if one does not come back.
 */
void workers_run(struct worker *workers, unsigned int nr,
		 unsigned int seconds);

#endif /* LIB_WORKER_H */
