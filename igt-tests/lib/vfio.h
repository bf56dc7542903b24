/* SPDX-License-Identifier: MIT */
#ifndef LIB_VFIO_H
#define LIB_VFIO_H

#include "devices/vfio.h"

/* These do what devices/vfio.h says, and fail the test if that does */

/** vfio_open - __vfio_open() and vfio_enable() */
void vfio_open(struct vfio_device *dev, const char *addr, int iommufd);

void vfio_enable(struct vfio_device *dev);
void vfio_attach(struct vfio_device *dev, uint32_t pt_id);
void vfio_detach(struct vfio_device *dev);

/** vfio_map_bar - __vfio_map_bar(); Return: where the BAR is */
void *vfio_map_bar(struct vfio_device *dev, unsigned int bar);

/** vfio_memory_enable - __vfio_memory_enable(); on: and wait_restored() */
void vfio_memory_enable(struct vfio_device *dev, bool on);

void wait_restored(void);

/** vfio_require_bar - skip the subtest if the device's BAR has less than size bytes */
void vfio_require_bar(const struct vfio_device *dev, unsigned int bar, uint64_t size);

/* They skip it where the BAR is shorter than the ranges */
int vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		const struct vfio_region_dma_range *ranges, size_t nr);
int vfio_dmabuf_mode(struct vfio_device *dev, int mode, unsigned int bar,
		     const struct vfio_region_dma_range *ranges, size_t nr);

/** vfio_dmabuf_one - export one range of one BAR */
int vfio_dmabuf_one(struct vfio_device *dev, unsigned int bar, uint64_t offset,
		    uint64_t length);

/**
 * vfio_dmabuf_two_bars - export a page of one BAR, then a page of another
 * @dev: the device
 * @first: 0 to 5
 * @first_at: offset of the page in it
 * @second: 0 to 5
 * @second_at: offset of the page in it
 *
 * Return: the dma-buf's fd.
 */
int vfio_dmabuf_two_bars(struct vfio_device *dev, unsigned int first,
			 uint64_t first_at, unsigned int second,
			 uint64_t second_at);

/**
 * vfio_dmabuf_many_groups - export pages of BAR0 and BAR2 in turn
 * @dev: the device; BAR2 has @nr pages
 * @nr: how many, the first of BAR0 over and over and others of BAR2: each is a group
 *
 * Return: the dma-buf's fd.
 */
int vfio_dmabuf_many_groups(struct vfio_device *dev, unsigned int nr);

#endif /* LIB_VFIO_H */
