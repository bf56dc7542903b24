/* SPDX-License-Identifier: MIT */
#ifndef LIB_WORKER_H
#define LIB_WORKER_H

#include <stdbool.h>

#define MAX_WORKERS 8

/**
 * struct worker - one thread of a storm
 * @name: for the report
 * @once: does its thing once; returns 0 or -errno
 * @allowed: an error that may happen because of a revoke
 * @done: how often it went well
 * @refused: how often it failed as allowed
 * @met: how often it was at work together with the first worker
 * @error: first error that must not happen; ends the storm
 * @first: it is the first worker
 */
struct worker {
	const char *name;
	int (*once)(void);
	int allowed;
	unsigned long done;
	unsigned long refused;
	unsigned long met;
	int error;
	bool first;
};

/**
 * workers_run - let all workers do their things over and over, in parallel
 * @workers: the workers; the first is the one that the others have to meet
 * @nr: number of them, at most %MAX_WORKERS
 * @seconds: for how long at least
 *
 * Goes on until each worker has gone well, and was at work together with the first
 * one, ten times. Fails the test if that does not happen in some minutes or if one
 * of them had another error, and ends the program if one does not come back.
 */
void workers_run(struct worker *workers, unsigned int nr,
		 unsigned int seconds);

#endif /* LIB_WORKER_H */
