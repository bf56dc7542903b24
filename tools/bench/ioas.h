/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mappings that a VMM makes by iommufd: what one of a single range costs
 */
#ifndef BENCH_IOAS_H
#define BENCH_IOAS_H

#include <stdint.h>

#include "devices/vfio.h"

/**
 * struct ioas_cost - medians, in instructions
 * @map: IOMMU_IOAS_MAP_FILE
 * @unmap: IOMMU_IOAS_UNMAP
 * @revoke: the config write that switches the memory off while it is mapped
 */
struct ioas_cost {
	uint64_t map;
	uint64_t unmap;
	uint64_t revoke;
};

/** ioas_open - give $DMABUF_EDU2 an address space, or fail */
void ioas_open(int iommufd);

/** ioas_close - take it away */
void ioas_close(void);

/**
 * ioas_cost - measure
 * @shm: the exporter
 * @bar: whose memory is mapped, from its start
 * @size: how much of it, bytes
 * @cost: receives the costs
 *
 * Return: 0 or -errno of what failed
 */
int ioas_cost(struct vfio_device *shm, unsigned int bar, uint64_t size,
	      struct ioas_cost *cost);

#endif /* BENCH_IOAS_H */
