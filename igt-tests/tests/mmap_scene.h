/* SPDX-License-Identifier: MIT */
/*
 * What the files of dmabuf_phys_mmap work on: a dma-buf of a BAR, or one that moves
 */
#ifndef TESTS_MMAP_SCENE_H
#define TESTS_MMAP_SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

extern int iommufd;

/* Whose BAR; the first is opened when it is needed */
extern struct vfio_device shm, nvme1;

/* The dma-buf, and its exporter's file if it moves */
extern int dmabuf, movable;

/* VFIO's own mapping of the first device's BAR */
extern uint8_t *bar;

/** begin - close what the subtest before has left, however it has ended */
void begin(void);

/** with_vfio - make @dmabuf of ranges of the first device's BAR */
void with_vfio(const struct vfio_region_dma_range *ranges, size_t nr);

/** with_one - the same of one range, bytes */
void with_one(uint64_t offset, uint64_t length);

/** with_movable - make @dmabuf a buffer that moves */
void with_movable(uint64_t size);

#endif /* TESTS_MMAP_SCENE_H */
