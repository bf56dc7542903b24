/* SPDX-License-Identifier: MIT */
#ifndef LIB_RANGES_H
#define LIB_RANGES_H

#include "devices/picture.h"
#include "devices/ranges.h"

/* These do what devices/ranges.h and devices/picture.h say, or fail the test */

struct vfio_region_dma_range *ranges_scattered(size_t nr, uint64_t start,
					       uint64_t length);
void picture_start(struct picture *picture, void *bar, uint64_t size);
void picture_disk(struct picture *picture,
		  const struct vfio_region_dma_range *ranges, size_t nr,
		  uint64_t start, uint64_t length, uint64_t disk);
void picture_check(const struct picture *picture);
void guard_check(const void *bar, uint64_t offset, uint64_t length);

#endif /* LIB_RANGES_H */
