/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEMO_H
#define DEMO_H

#include <stdint.h>

#include "devices/edu.h"
#include "devices/nvme.h"
#include "devices/ranges.h"
#include "devices/vfio.h"

/* ivshmem's memory */
#define BAR 2

/**
 * struct demo - what the steps share
 * @iommufd: all devices are bound to it
 * @ioas: address space of @edu and @nvme
 * @exporter: ivshmem, whose BAR2 is the others' target
 * @exporter2: NVMe controller with memory, whose two BARs are exported
 * @edu: a small DMA engine
 * @nvme: NVMe controller with a disk
 * @bar: CPU's view of @exporter's BAR2
 * @bar_start: where it is, to compare the IOMMU's tables with; never printed
 */
struct demo {
	int iommufd;
	uint32_t ioas;
	struct vfio_device exporter;
	struct vfio_device exporter2;
	struct edu edu;
	struct nvme nvme;
	uint8_t *bar;
	uint64_t bar_start;
};

/* Each does one or more steps and ends the program if one fails */
void demo_map(struct demo *demo);
void demo_revoke(struct demo *demo);
void demo_nvme(struct demo *demo);
void demo_bars(struct demo *demo);
void demo_udmabuf(struct demo *demo);
void demo_kvm(struct demo *demo);
void demo_rdma(struct demo *demo);

/** demo_ranges - the ranges that demo_map() exported and mapped, 3 of them */
extern const struct vfio_region_dma_range demo_ranges[3];

/** DEMO_IOVA - where it mapped them; puts the 2 MiB range on a 2 MiB border */
#define DEMO_IOVA (0x100200000ull - KiB(80))

/** DEMO_WINDOW - the part of the BAR that is compared, with all the gaps */
#define DEMO_WINDOW MiB(8)

#endif /* DEMO_H */
