/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Dma-bufs of VFIO devices, beside a <linux/vfio.h> of any version.
 *
 * A kernel with dma-buf-phys has these in its own <linux/vfio.h>, which says what
 * they do; the headers of a distribution may lack the flags, or the feature itself.
 * Whatever <linux/vfio.h> defines is left alone.
 */
#ifndef _UAPI_LINUX_DMA_BUF_PHYS_VFIO_H
#define _UAPI_LINUX_DMA_BUF_PHYS_VFIO_H

#include <linux/types.h>
#include <linux/vfio.h>

#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11

/**
 * struct vfio_region_dma_range - a piece of a region
 * @offset: of its first byte in the region, or in the device fd with
 *	%VFIO_DMA_BUF_DEVICE_OFFSETS
 * @length: bytes
 */
struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

/**
 * struct vfio_device_feature_dma_buf - make a dma-buf of ranges of a device
 * @region_index: the region, or 0 with %VFIO_DMA_BUF_DEVICE_OFFSETS
 * @open_flags: %O_RDWR, %O_CLOEXEC, ... of the new file descriptor
 * @flags: VFIO_DMA_BUF_*, or 0
 * @nr_ranges: how many @dma_ranges has
 * @dma_ranges: what the dma-buf consists of, in its order
 *
 * Data of %VFIO_DEVICE_FEATURE_GET, which returns the file descriptor.
 */
struct vfio_device_feature_dma_buf {
	__u32 region_index;
	__u32 open_flags;
	__u32 flags;
	__u32 nr_ranges;
	struct vfio_region_dma_range dma_ranges[];
};
#endif

#ifndef VFIO_DMA_BUF_DEVICE_OFFSETS
/* Offsets of ranges are offsets into the device fd; region_index is 0 */
#define VFIO_DMA_BUF_DEVICE_OFFSETS (1 << 0)
#endif

#ifndef VFIO_DMA_BUF_NO_HOST_ACCESS
/* The host does not touch the ranges while the dma-buf exists */
#define VFIO_DMA_BUF_NO_HOST_ACCESS (1 << 1)
#endif

#ifndef VFIO_DMA_BUF_WRITE_COMBINE
/* The ranges, in prefetchable BARs, may be mapped write-combining */
#define VFIO_DMA_BUF_WRITE_COMBINE (1 << 2)
#endif

#endif /* _UAPI_LINUX_DMA_BUF_PHYS_VFIO_H */
