/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What system calls take: what the curves of scale have in common
 */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/vfio.h"
#include "probe.h"

/* ivshmem's memory, of which there are 128 GiB */
#define BAR 2
/* Above what the IOMMU reserves, and aligned to every page size */
#define IOVA GiB(64)

/* Instructions that @nr of something take, roughly; of one, rather more */
#define EXPECT(nr, each) ((uint64_t)(nr) * (each) + 20000)

/**
 * struct scale - the scene
 * @variant: "phys-list", "upstream" or "stock"
 * @route: the topology
 * @iommufd: descriptor of /dev/iommu
 * @ioas: an address space with a device, so that there are page tables
 * @shm: the exporter
 * @dma: the device that uses @ioas
 */
struct scale {
	const char *variant;
	const char *route;
	int iommufd;
	uint32_t ioas;
	struct vfio_device shm;
	struct vfio_device dma;
};

extern struct scale scale;

/**
 * struct cost - what something took
 * @instructions: of the thread that asked for it
 * @others: of all other threads meanwhile, the one that finds @late and @wait excepted
 * @bytes: of memory, if that was measured; UINT64_MAX if not
 * @late: longest time that nothing could be scheduled; UINT64_MAX if not measured
 * @wait: longest time that somebody else had to wait for the reservation lock; the same
 * @ret: 0 or -errno
 */
struct cost {
	uint64_t instructions;
	uint64_t others;
	uint64_t bytes;
	uint64_t late;
	uint64_t wait;
	int ret;
};

/**
 * cost_begin - measure from now on
 * @cost: where
 * @expected: instructions that it may take, roughly: a 256th of them is how
 *	precisely @late and @wait are measured. 0 for without these.
 * @fd: the dma-buf whose lock others want, or -1
 */
void cost_begin(struct cost *cost, uint64_t expected, int fd);

/** cost_end - until now */
void cost_end(struct cost *cost);

/** cost_calibrate - before all that; print what the probe finds where nobody waits */
void cost_calibrate(void);

/** tables - bytes of page tables that devices have, of the whole system */
uint64_t tables(void);

/** memory_free - bytes of memory that nothing uses */
uint64_t memory_free(void);

/**
 * print_cost - print a row
 * @name: what was measured
 * @ranges: pieces of a dma-buf
 * @count: where on the curve this is
 * @cost: what it took
 */
void print_cost(const char *name, size_t ranges, uint64_t count,
		const struct cost *cost);

/** export_ranges - VFIO_DEVICE_FEATURE_DMA_BUF, and nothing else, measured */
int export_ranges(const struct vfio_region_dma_range *ranges, size_t nr,
		  uint32_t flags, struct cost *cost, uint64_t expected);

/**
 * measure_claim - export a page that no CPU may touch, and print what that takes
 * @name: of the row
 * @ranges: of the other dma-buf
 * @count: where on the curve
 * @expected: instructions: it is compared with all ranges there are
 */
void measure_claim(const char *name, size_t ranges, uint64_t count,
		   uint64_t expected);

/** memory - switch the exporter's memory on or off, measured; fails if it fails */
void memory(bool on, struct cost *cost, uint64_t expected, int fd);

/**
 * restore - switch it on, and wait until a dma-buf is mapped again
 * @prefix: first word of the names of the rows that are printed
 * @ranges: of the dma-buf
 * @count: where on the curve
 * @expected: instructions of all that map again
 * @fd: the dma-buf
 */
void restore(const char *prefix, size_t ranges, uint64_t count,
	     uint64_t expected, int fd);

/** map_at - map a whole dma-buf, measured */
void map_at(int fd, uint64_t size, uint64_t iova, struct cost *cost,
	    uint64_t expected);

/** unmap_at - undo that, measured */
void unmap_at(uint64_t size, uint64_t iova, struct cost *cost,
	      uint64_t expected, int fd);

#endif /* BENCH_COST_H */
