/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEMO_TOPOLOGY_H
#define DEMO_TOPOLOGY_H

#include <stdbool.h>

#include "demo.h"

/** topology_print - kernel, devices and the route of DMA, as dmabuf-p2p has them */
void topology_print(const struct demo *demo);

/** size_text - a number of bytes as "64 KiB"; keeps the last four results */
const char *size_text(uint64_t bytes);

/** has_iommu - whether an IOMMU translates what a device does */
bool has_iommu(const char *addr);

/** bar_start - physical address of a BAR, 0 if there is none */
uint64_t bar_start(const char *addr, unsigned int bar);

#endif /* DEMO_TOPOLOGY_H */
