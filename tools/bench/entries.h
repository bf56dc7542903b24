/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_ENTRIES_H
#define BENCH_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

/* What entries_count() registers: all of ivshmem's BAR */
#define ENTRIES_LENGTH GiB(1)

/** entries_open - make $DMABUF_EDU an RDMA device, or fail */
void entries_open(void);

/**
 * entries_count - translation entries an RDMA device needs for 1 GiB of a BAR
 * @dev: whose BAR
 * @bar: which, of %ENTRIES_LENGTH bytes
 * @ranges: in how many pieces it is exported, the last one first
 *
 * Return: how many, with pages of any size.
 */
uint64_t entries_count(struct vfio_device *dev, unsigned int bar,
		       size_t ranges);

/** entries_close - done with the RDMA device */
void entries_close(void);

#endif /* BENCH_ENTRIES_H */
