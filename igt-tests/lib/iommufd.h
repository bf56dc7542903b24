/* SPDX-License-Identifier: MIT */
#ifndef LIB_IOMMUFD_H
#define LIB_IOMMUFD_H

#include <stdbool.h>
#include <stdint.h>

#include "dmabuf_phys_uapi.h"

/* Lets the kernel choose the IOVA */
#define IOVA_ANY UINT64_MAX

/** iommufd_open - open /dev/iommu or fail the test; Return: the fd */
int iommufd_open(void);

/** __iommufd_open - the same; Return: the fd or -errno */
int __iommufd_open(void);

/** iommufd_destroy - destroy any object of @iommufd by its id */
void iommufd_destroy(int iommufd, uint32_t id);
int __iommufd_destroy(int iommufd, uint32_t id);

/** ioas_alloc - a new, empty address space; Return: its id */
uint32_t ioas_alloc(int iommufd);

/** __ioas_alloc - the same, @ioas receives the id; Return: 0 or -errno */
int __ioas_alloc(int iommufd, uint32_t *ioas);

/**
 * __hwpt_alloc - a page table for a device, fed from an IOAS
 * @iommufd: where
 * @devid: of the device, see struct vfio_device
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
 * @fd: dma-buf or memfd
 * @start: of the slice in the file, bytes
 * @length: of the slice, bytes
 * @iova: where to map; %IOVA_ANY there lets the kernel choose and say so
 * @prot: %IOMMU_IOAS_MAP_READABLE, %IOMMU_IOAS_MAP_WRITEABLE or both
 *
 * Return: 0 or -errno.
 */
int __ioas_map_file_prot(int iommufd, uint32_t ioas, int fd, uint64_t start,
			 uint64_t length, uint64_t *iova, uint32_t prot);

/** __ioas_map_file - the same, readable and writeable, at a fixed @iova */
int __ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
		    uint64_t length, uint64_t iova);

/** ioas_map_file - __ioas_map_file() or fail the test */
void ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
		   uint64_t length, uint64_t iova);

/**
 * __ioas_map - map memory of this process, readable and writeable
 * @iommufd: where
 * @ioas: id
 * @va: the memory
 * @length: bytes
 * @iova: where to map; %IOVA_ANY there lets the kernel choose and say so
 *
 * Return: 0 or -errno.
 */
int __ioas_map(int iommufd, uint32_t ioas, void *va, uint64_t length,
	       uint64_t *iova);

/** ioas_map - map @length bytes of this process's memory at a fixed @iova */
void ioas_map(int iommufd, uint32_t ioas, void *va, uint64_t length,
	      uint64_t iova);

/**
 * __ioas_unmap - unmap whatever is mapped in a range
 * @iommufd: where
 * @ioas: id
 * @iova: start of the range
 * @length: of the range, bytes
 *
 * Return: 0 or -errno; -ENOENT if nothing was mapped or the range cuts a
 * mapping in two.
 */
int __ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length);
void ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length);

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

/** __ioas_set_huge_pages - allow or forbid large I/O pages in an empty IOAS */
int __ioas_set_huge_pages(int iommufd, uint32_t ioas, bool allow);

/** __vfio_compat_set_ioas - which IOAS the VFIO ioctls on @iommufd act on */
int __vfio_compat_set_ioas(int iommufd, uint32_t ioas);

/**
 * __vfio_compat_unmap - VFIO_IOMMU_UNMAP_DMA on /dev/iommu
 * @iommufd: where, after __vfio_compat_set_ioas()
 * @iova: start of the range
 * @length: of the range; receives how many bytes were unmapped
 *
 * Return: 0 or -errno.
 */
int __vfio_compat_unmap(int iommufd, uint64_t iova, uint64_t *length);

#endif /* LIB_IOMMUFD_H */
