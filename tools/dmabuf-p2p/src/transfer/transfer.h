/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine.h"
#include "stats.h"

/* Jobs begin at multiples of this: what every engine can begin at */
#define TRANSFER_STRIDE 4096ull

/**
 * struct leg - one move of a job
 * @from: from where
 * @to: to where
 * @by_cpu: by the CPU, not by the engine
 */
struct leg {
	const struct end *from;
	const struct end *to;
	bool by_cpu;
};

/**
 * struct way - how bytes get from one end to the other
 * @leg: one after the other, at the same offset at all ends
 * @nr: number of them
 */
struct way {
	struct leg leg[2];
	unsigned int nr;
};

/**
 * struct transfer - moving pieces of one size again and again
 * @engine: by what
 * @way: how
 * @back: the other way, of one leg: as many jobs of it at the same time, half a round
 *	ahead; NULL: none
 * @size: bytes of a job
 * @areas: job i moves the (i % areas)-th place of this size
 * @disk_areas: of a disk the ((i + disk_first) % disk_areas)-th; 0: as @areas
 * @disk_first: see there
 * @piece: bytes that the engine moves at once, at most
 * @depth: jobs at a time; transfer_run() makes that transfer_depth()
 * @iterations: jobs to do; UINT64_MAX: as many as @duration allows
 * @duration: start no job later than this, ns; UINT64_MAX: no limit. One is done
 *	in any case.
 * @tick: called all the time, with the transfer so far and @arg; may be NULL
 * @arg: its
 * @stats: how long each job took; the caller resets it
 * @back_stats: the same of @back
 * @moved: bytes that have arrived so far
 * @began: when the first job did, ns
 * @elapsed: from then to the end of the last one that has ended, ns
 * @back_elapsed: the same of @back
 */
struct transfer {
	struct engine *engine;
	const struct way *way;
	const struct way *back;
	uint64_t size;
	uint64_t areas;
	uint64_t disk_areas;
	uint64_t disk_first;
	uint64_t piece;
	unsigned int depth;
	uint64_t iterations;
	uint64_t duration;
	void (*tick)(const struct transfer *transfer, void *arg);
	void *arg;
	struct stats *stats;
	struct stats *back_stats;
	uint64_t moved;
	uint64_t began;
	uint64_t elapsed;
	uint64_t back_elapsed;
};

/** transfer_areas - how many jobs of a size fit into both ends side by side */
uint64_t transfer_areas(const struct end *from, const struct end *to,
			uint64_t size);

/** transfer_disk_areas - how many fit into the end that is a disk; 0 if none is */
uint64_t transfer_disk_areas(const struct end *from, const struct end *to,
			     uint64_t size);

/**
 * transfer_piece - what an engine is to move at once, for there to be progress
 * @engine: the engine
 * @size: bytes in all
 * @pieces: about so many
 *
 * Return: bytes, as many as the engine moves and, if it has a disk, whole blocks.
 */
uint64_t transfer_piece(const struct engine *engine, uint64_t size,
			unsigned int pieces);

/** transfer_stride - bytes from one job's place to the next one's */
uint64_t transfer_stride(uint64_t size);

/**
 * transfer_depth - how many jobs an engine has at a time
 * @engine: the engine
 * @size: bytes of a job
 * @piece: bytes that the engine moves at once, at most
 * @wanted: so many at most
 *
 * No more than it has room for: those that wait here for others to end would have
 * times that say nothing about the engine.
 */
unsigned int transfer_depth(const struct engine *engine, uint64_t size,
			    uint64_t piece, unsigned int wanted);

/**
 * transfer_run - do it
 * @transfer: what
 *
 * An error ends it; whatever is under way then is over at engine_close() only.
 *
 * Return: EXIT_OK; EXIT_INTERRUPTED if the user has had enough; otherwise enum
 * exit_code, complained about.
 */
int transfer_run(struct transfer *transfer);

#endif /* TRANSFER_H */
