/* SPDX-License-Identifier: MIT */
/*
 * VFIO as most programs know it: groups, and containers that are their address spaces
 */
#ifndef DEVICES_VFIO_GROUP_H
#define DEVICES_VFIO_GROUP_H

#include <stdint.h>

#include "vfio.h"

/**
 * struct vfio_group - the group of one device
 * @fd: descriptor of the group, -1 when closed
 * @dev: a device of it
 */
struct vfio_group {
	int fd;
	struct vfio_device dev;
};

/**
 * __container_open - open an empty container
 *
 * Return: descriptor, to be closed by the caller, or -errno; -EPROTO if the kernel
 * speaks another version of VFIO.
 */
int __container_open(void);

/**
 * __container_set_iommu - VFIO_SET_IOMMU
 * @container: container that has a group
 * @iommu: kind of IOMMU, such as %VFIO_TYPE1v2_IOMMU
 *
 * Return: 0 or -errno.
 */
int __container_set_iommu(int container, unsigned long iommu);

/**
 * __group_open - bind a device, open its group and put that into a container
 * @group: filled in, without a device yet
 * @addr: PCI address of a device that has its group to itself
 * @container: from __container_open() or __iommufd_open()
 *
 * Return: 0 or -errno; -EPERM if another device of the group has another driver.
 */
int __group_open(struct vfio_group *group, const char *addr, int container);

/**
 * __group_device - open the device of a group
 * @group: from __group_open(), in a container with an IOMMU
 *
 * Return: 0 or -errno.
 */
int __group_device(struct vfio_group *group);

/**
 * group_close - close device and group
 * @group: may be closed already
 */
void group_close(struct vfio_group *group);

/**
 * __type1_map - VFIO_IOMMU_MAP_DMA
 * @container: container that has an IOMMU
 * @va: memory of this process, which stays pinned until it is unmapped
 * @length: length of it, bytes
 * @iova: where to
 * @flags: %VFIO_DMA_MAP_FLAG_READ, %VFIO_DMA_MAP_FLAG_WRITE or both
 *
 * Return: 0 or -errno.
 */
int __type1_map(int container, const void *va, uint64_t length, uint64_t iova,
		uint32_t flags);

/**
 * __type1_unmap - VFIO_IOMMU_UNMAP_DMA
 * @container: container that has an IOMMU
 * @iova: start of the range
 * @length: length of the range; receives how many bytes were unmapped
 *
 * Return: 0 or -errno.
 */
int __type1_unmap(int container, uint64_t iova, uint64_t *length);

#endif /* DEVICES_VFIO_GROUP_H */
