/* SPDX-License-Identifier: MIT */
/*
 * Address spaces of iommufd. @iommufd is a descriptor of /dev/iommu throughout; the
 * objects in it have ids, and go when it is closed or they are destroyed.
 */
#ifndef DEVICES_IOMMUFD_H
#define DEVICES_IOMMUFD_H

#include <stdbool.h>
#include <stdint.h>

#include "uapi.h"

/* Lets the kernel choose the IOVA */
#define IOVA_ANY UINT64_MAX

/**
 * __iommufd_open - open /dev/iommu
 *
 * Return: descriptor, to be closed by the caller, or -errno.
 */
int __iommufd_open(void);

/**
 * __iommufd_destroy - destroy an object
 * @iommufd: where
 * @id: its id
 *
 * Return: 0 or -errno; -EBUSY if something uses it.
 */
int __iommufd_destroy(int iommufd, uint32_t id);

/**
 * __ioas_alloc - make an empty address space
 * @iommufd: where
 * @ioas: receives its id
 *
 * Return: 0 or -errno.
 */
int __ioas_alloc(int iommufd, uint32_t *ioas);

/**
 * __hwpt_alloc - make a page table for a device, fed from an IOAS
 * @iommufd: where
 * @devid: id of the device, see struct vfio_device
 * @ioas: id
 * @hwpt: receives its id
 *
 * Return: 0 or -errno.
 */
int __hwpt_alloc(int iommufd, uint32_t devid, uint32_t ioas, uint32_t *hwpt);

/**
 * __ioas_map_file_prot - map a slice of a file
 * @iommufd: where
 * @ioas: id
 * @fd: dma-buf or memfd; the mapping keeps a reference, @fd may be closed
 * @start: start of the slice in the file, bytes
 * @length: length of the slice, bytes
 * @iova: where to map; %IOVA_ANY lets the kernel choose and is replaced by its choice
 * @prot: %IOMMU_IOAS_MAP_READABLE, %IOMMU_IOAS_MAP_WRITEABLE or both
 *
 * Return: 0 or -errno.
 */
int __ioas_map_file_prot(int iommufd, uint32_t ioas, int fd, uint64_t start,
			 uint64_t length, uint64_t *iova, uint32_t prot);

/** __ioas_map_file - __ioas_map_file_prot(), readable and writeable, at @iova */
int __ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
		    uint64_t length, uint64_t iova);

/**
 * __ioas_map - map memory of this process, readable and writeable
 * @iommufd: where
 * @ioas: id
 * @va: the memory, which stays pinned until it is unmapped
 * @length: bytes
 * @iova: where to map; %IOVA_ANY lets the kernel choose and is replaced by its choice
 *
 * Return: 0 or -errno; -ENOMEM if RLIMIT_MEMLOCK ('ulimit -l') is too low.
 */
int __ioas_map(int iommufd, uint32_t ioas, void *va, uint64_t length,
	       uint64_t *iova);

/**
 * __ioas_unmap - unmap all that is mapped in a range
 * @iommufd: where
 * @ioas: id
 * @iova: start of the range
 * @length: length of the range, bytes
 *
 * Return: 0 or -errno; -ENOENT if nothing was mapped or the range cuts a
 * mapping in two.
 */
int __ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length);

/**
 * __ioas_copy - map in one address space what is mapped in another
 * @iommufd: where
 * @dst: id of the IOAS that gets the mapping
 * @dst_iova: where there
 * @src: id of the IOAS that has it
 * @src_iova: where there
 * @length: bytes
 *
 * Return: 0 or -errno.
 */
int __ioas_copy(int iommufd, uint32_t dst, uint64_t dst_iova, uint32_t src,
		uint64_t src_iova, uint64_t length);

/**
 * __ioas_get_pa - ask for a physical address, for a device without an IOMMU
 * @iommufd: where
 * @ioas: id
 * @iova: where
 * @pa: receives it
 *
 * Return: 0 or -errno.
 */
int __ioas_get_pa(int iommufd, uint32_t ioas, uint64_t iova, uint64_t *pa);

/**
 * __ioas_set_huge_pages - allow or forbid large I/O pages in an empty IOAS
 * @iommufd: where
 * @ioas: id
 * @allow: which
 *
 * Return: 0 or -errno.
 */
int __ioas_set_huge_pages(int iommufd, uint32_t ioas, bool allow);

/**
 * __vfio_compat_set_ioas - choose the IOAS that VFIO's ioctls on @iommufd act on
 * @iommufd: where
 * @ioas: id
 *
 * Return: 0 or -errno.
 */
int __vfio_compat_set_ioas(int iommufd, uint32_t ioas);

/**
 * __vfio_compat_unmap - VFIO_IOMMU_UNMAP_DMA on /dev/iommu
 * @iommufd: where, after __vfio_compat_set_ioas()
 * @iova: start of the range
 * @length: length of the range; receives how many bytes were unmapped
 *
 * Return: 0 or -errno.
 */
int __vfio_compat_unmap(int iommufd, uint64_t iova, uint64_t *length);

#endif /* DEVICES_IOMMUFD_H */
