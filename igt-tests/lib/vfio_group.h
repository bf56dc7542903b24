/* SPDX-License-Identifier: MIT */
/*
 * VFIO as most programs know it: groups, and containers that are their address spaces
 */
#ifndef LIB_VFIO_GROUP_H
#define LIB_VFIO_GROUP_H

#include <stdint.h>

#include "vfio.h"

/**
 * struct vfio_group - the group of one device
 * @fd: of the group, -1 when closed
 * @dev: a device of it
 */
struct vfio_group {
	int fd;
	struct vfio_device dev;
};

/** container_open - an empty container, or fail the test; Return: its fd */
int container_open(void);

/**
 * __group_open - bind a device, open its group and put that into a container
 * @group: filled in, without a device yet
 * @addr: PCI address of a device that has its group to itself
 * @container: from container_open() or iommufd_open()
 *
 * Return: 0 or -errno.
 */
int __group_open(struct vfio_group *group, const char *addr, int container);

/**
 * group_open - __group_open() and the device, memory and bus master on
 * @group: filled in
 * @addr: PCI address of a device that has its group to itself
 * @container: from container_open() or iommufd_open()
 * @iommu: what kind of IOMMU @container gets by its first group, such as
 *	%VFIO_TYPE1v2_IOMMU; 0: it has one
 *
 * Fails the test if any of it does.
 */
void group_open(struct vfio_group *group, const char *addr, int container,
		unsigned long iommu);

/** __group_device - open the device of a group; Return: 0 or -errno */
int __group_device(struct vfio_group *group);

/** group_close - close device and group; harmless if closed already */
void group_close(struct vfio_group *group);

/**
 * __type1_map - VFIO_IOMMU_MAP_DMA
 * @container: which has an IOMMU
 * @va: memory of this process
 * @length: of it, bytes
 * @iova: where to
 * @flags: %VFIO_DMA_MAP_FLAG_READ, %VFIO_DMA_MAP_FLAG_WRITE or both
 *
 * Return: 0 or -errno.
 */
int __type1_map(int container, const void *va, uint64_t length, uint64_t iova,
		uint32_t flags);

/** type1_map - the same, readable and writable, or fail the test */
void type1_map(int container, const void *va, uint64_t length, uint64_t iova);

/** type1_unmap - VFIO_IOMMU_UNMAP_DMA of exactly what one call has mapped */
void type1_unmap(int container, uint64_t iova, uint64_t length);

#endif /* LIB_VFIO_GROUP_H */
