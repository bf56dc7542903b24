/* SPDX-License-Identifier: MIT */
#ifndef LIB_HOST_ACCESS_H
#define LIB_HOST_ACCESS_H

#include <stddef.h>
#include <stdint.h>

#include "scene.h"

/*
 * Exports with %VFIO_DMA_BUF_NO_HOST_ACCESS, and the ways to a BAR that they
 * close. Offsets are into BAR %SHM_BAR if no BAR is named.
 */
#define NO_HOST VFIO_DMA_BUF_NO_HOST_ACCESS

/** __export_ranges - export with any flags; Return: fd or -errno */
int __export_ranges(struct vfio_device *dev, uint32_t flags, unsigned int bar,
		    const struct vfio_region_dma_range *ranges, size_t nr);

/** __export_one - one range with any flags; Return: fd or -errno */
int __export_one(struct vfio_device *dev, uint32_t flags, uint64_t offset,
		 uint64_t length);

/** export_one - __export_one() or fail the test */
int export_one(struct vfio_device *dev, uint32_t flags, uint64_t offset,
	       uint64_t length);

/** try_export - export and close it at once; Return: 0 or -errno */
int try_export(struct vfio_device *dev, uint32_t flags, uint64_t offset,
	       uint64_t length);

/** host_map - mmap a part of the BAR; Return: where, or NULL with errno */
uint8_t *host_map(struct vfio_device *dev, uint64_t offset, uint64_t length);

/** try_map - mmap, touch both ends, munmap; Return: 0 or -errno */
int try_map(struct vfio_device *dev, uint64_t offset, uint64_t length);

/**
 * try_rw - pread, and pwrite the same back
 * @dev: the device
 * @offset: into the BAR
 * @length: at most 64 bytes
 *
 * Fails the test if only one of both works.
 *
 * Return: 0 or -errno.
 */
int try_rw(struct vfio_device *dev, uint64_t offset, size_t length);

/** __ioeventfd - have an eventfd write 4 bytes; @fd -1 takes it away */
int __ioeventfd(struct vfio_device *dev, uint64_t offset, int fd);

/** expect_open - fail the test unless all ways to a page work */
void expect_open(struct vfio_device *dev, uint64_t offset);

/** expect_closed - fail the test unless all ways to a page are EBUSY */
void expect_closed(struct vfio_device *dev, uint64_t offset);

#endif /* LIB_HOST_ACCESS_H */
