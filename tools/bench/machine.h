/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tools/vm/run says of the machine that it has started
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdint.h>

#include "bench_uapi.h"
#include "devices/vfio.h"

/**
 * machine_variant - what maps in the kernel that runs
 *
 * Return: "phys-list", "upstream" or "stock".
 */
const char *machine_variant(void);

/** machine_route - the topology */
const char *machine_route(void);

/**
 * machine_device - a device, as dma-buf-bench wants it to be named
 * @variable: the environment's, with its PCI address
 */
struct dma_buf_bench_device machine_device(const char *variable);

/**
 * machine_ioas - an address space with a device, so that there are page tables; or fail
 * @iommufd: descriptor of /dev/iommu
 * @dev: receives $DMABUF_EDU2, to be closed by vfio_close()
 */
uint32_t machine_ioas(int iommufd, struct vfio_device *dev);

#endif /* BENCH_MACHINE_H */
