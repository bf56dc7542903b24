/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: the flags of kernels with dma-buf-phys.
 *
 * Works with any version of <linux/vfio.h>: that of a distribution may predate the
 * feature itself, which is defined here then. Nothing that <linux/vfio.h> defines is
 * defined again.
 */
#ifndef _UAPI_LINUX_DMA_BUF_PHYS_VFIO_H
#define _UAPI_LINUX_DMA_BUF_PHYS_VFIO_H

#include <linux/types.h>
#include <linux/vfio.h>

#ifndef VFIO_DEVICE_FEATURE_DMA_BUF
#define VFIO_DEVICE_FEATURE_DMA_BUF 11

/**
 * struct vfio_region_dma_range - a range of a region
 * @offset: of the range in the region, or in the device fd with
 *	%VFIO_DMA_BUF_DEVICE_OFFSETS; bytes, page-aligned
 * @length: of the range; bytes, page-aligned
 */
struct vfio_region_dma_range {
	__u64 offset;
	__u64 length;
};

/**
 * struct vfio_device_feature_dma_buf - export ranges of a device as a dma-buf
 * @region_index: index of the region; 0 with %VFIO_DMA_BUF_DEVICE_OFFSETS
 * @open_flags: flags of open(2) for the new file descriptor: access mode, %O_CLOEXEC
 * @flags: VFIO_DMA_BUF_*, or 0
 * @nr_ranges: number of elements of @dma_ranges
 * @dma_ranges: the ranges, in the order in which the dma-buf has them
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

/*
 * The same bytes may be in several ranges, but an export fails with EINVAL if its
 * ranges add up to more than twice the size of all memory BARs of the device.
 */

#ifndef VFIO_DMA_BUF_DEVICE_OFFSETS
/*
 * Offsets of ranges are offsets into the device fd, as VFIO_DEVICE_GET_REGION_INFO
 * reports them, so that the ranges may lie in several BARs. region_index must be 0.
 */
#define VFIO_DMA_BUF_DEVICE_OFFSETS (1 << 0)
#endif

#ifndef VFIO_DMA_BUF_NO_HOST_ACCESS
/*
 * The host must not touch the ranges until the dma-buf is released or the device is
 * closed. They cannot be mapped, read, written or given an ioeventfd through the
 * device fd (EBUSY, SIGBUS), and cannot be part of any other dma-buf (EBUSY). The
 * dma-buf itself can be imported only by iommufd, and by KVM as private memory of a
 * VM.
 *
 * The export fails with EBUSY if the ranges are already in use in such a way, or if
 * their pages contain the MSI-X table; with EOPNOTSUPP if the driver has paths to
 * the regions that it cannot close.
 */
#define VFIO_DMA_BUF_NO_HOST_ACCESS (1 << 1)
#endif

#ifndef VFIO_DMA_BUF_WRITE_COMBINE
/*
 * CPUs may map the ranges write-combining. On x86 they are mapped uncached
 * nevertheless, as is every BAR that the kernel itself has mapped. The export fails
 * with EINVAL if a range is in a BAR that is not prefetchable.
 */
#define VFIO_DMA_BUF_WRITE_COMBINE (1 << 2)
#endif

#endif /* _UAPI_LINUX_DMA_BUF_PHYS_VFIO_H */
