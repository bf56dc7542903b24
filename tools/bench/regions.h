/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory regions of an RDMA device: what they cost, and what translates them
 */
#ifndef BENCH_REGIONS_H
#define BENCH_REGIONS_H

#include <stddef.h>
#include <stdint.h>

#include "devices/vfio.h"

/* What regions_entries() registers: all of ivshmem's BAR */
#define REGIONS_LENGTH GiB(1)

/** regions_open - make $DMABUF_EDU an RDMA device, or fail */
void regions_open(void);

/** regions_close - done with the RDMA device */
void regions_close(void);

/**
 * struct region - what is registered
 * @fd: a dma-buf, from its start; or -1
 * @memory: if there is none, the program's own
 * @length: of it, bytes
 * @iova: its address in work requests
 */
struct region {
	int fd;
	void *memory;
	uint64_t length;
	uint64_t iova;
};

/**
 * struct region_cost - of a memory region
 * @instructions: median of registering and deregistering it, both system calls
 *	from the program's side
 * @entries: how many translation entries the device needs; of dma-bufs only
 * @page: how large they are, bytes; of dma-bufs only
 */
struct region_cost {
	uint64_t instructions;
	uint64_t entries;
	uint64_t page;
};

/**
 * regions_cost - register and deregister over and over
 * @region: what
 * @rounds: how often, at most %REGIONS_MAX_ROUNDS
 * @cost: filled in
 *
 * Return: 0 or -errno.
 */
int regions_cost(const struct region *region, unsigned int rounds,
		 struct region_cost *cost);

#define REGIONS_MAX_ROUNDS 255

/**
 * regions_entries - translation entries an RDMA device needs for 1 GiB of a BAR
 * @dev: whose BAR
 * @bar: which, of %REGIONS_LENGTH bytes
 * @ranges: in how many pieces it is exported, the last one first
 *
 * Return: how many, with pages of any size.
 */
uint64_t regions_entries(struct vfio_device *dev, unsigned int bar,
			 size_t ranges);

#endif /* BENCH_REGIONS_H */
