/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long others have to wait meanwhile
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <pthread.h>
#include <stdint.h>

/** start_first - start a thread that runs before all others, or fail */
pthread_t start_first(void *(*thread)(void *), void *arg);

/**
 * struct probe - what a thread found that runs before all others
 * @late: longest time from its timer to the thread, ns: nothing could be scheduled
 * @wait: longest time that it took to have the dma-buf's reservation lock, ns
 * @samples: how often it looked
 * @cpu: what the thread has used itself, ns
 */
struct probe {
	uint64_t late;
	uint64_t wait;
	uint64_t samples;
	uint64_t cpu;
};

/**
 * probe_start - look from now on
 * @period: how often, ns; what is held for less may be missed, and what is held for
 *	longer is measured to within that
 * @fd: the dma-buf, or -1: then nothing waits for a lock
 *
 * A query takes the reservation lock. Where the kernel has no queries, @wait stays 0.
 */
void probe_start(uint64_t period, int fd);

/**
 * probe_stop - look no longer
 * @probe: receives what was found
 */
void probe_stop(struct probe *probe);

/**
 * query_behind - ask how many importers have yet to map again what was given back
 * @fd: the dma-buf
 *
 * Return: that; or -errno, -ENOENT in a kernel without queries.
 */
int query_behind(int fd);

/**
 * watch_open - watch a dma-buf
 * @fd: it
 *
 * Return: descriptor, to be closed by the caller.
 */
int watch_open(int fd);

/**
 * watch_restored - wait until all importers have mapped again
 * @watch: from watch_open() before it was given back
 */
void watch_restored(int watch);

#endif /* BENCH_PROBE_H */
