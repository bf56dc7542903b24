/* SPDX-License-Identifier: MIT */
#ifndef LIB_VFIO_GROUP_H
#define LIB_VFIO_GROUP_H

#include "devices/vfio_group.h"

/* These do what devices/vfio_group.h says, and fail the test if that does */

int container_open(void);

/** type1_map - __type1_map(), readable and writable */
void type1_map(int container, const void *va, uint64_t length, uint64_t iova);

/** type1_unmap - __type1_unmap() of exactly what one call has mapped */
void type1_unmap(int container, uint64_t iova, uint64_t length);

/**
 * group_open - __group_open() and __group_device(), memory and bus master on
 * @group: filled in
 * @addr: PCI address of a device that has its group to itself
 * @container: from container_open() or iommufd_open()
 * @iommu: what kind of IOMMU @container gets by its first group, such as
 *	%VFIO_TYPE1v2_IOMMU; 0: it has one
 */
void group_open(struct vfio_group *group, const char *addr, int container,
		unsigned long iommu);

#endif /* LIB_VFIO_GROUP_H */
