/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What tools/vm/run says of the machine that it has started
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "bench_uapi.h"

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

#endif /* BENCH_MACHINE_H */
