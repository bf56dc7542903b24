/* SPDX-License-Identifier: MIT */
#ifndef LIB_SG_IMPORTER_H
#define LIB_SG_IMPORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "edu_importer_uapi.h"
#include "ranges.h"

/**
 * sg_bind - give an edu to the kernel's scatterlist importer, or fail the test
 * @addr: PCI address; the importer can have only one device
 *
 * It goes back to what it had when the program exits.
 */
void sg_bind(const char *addr);

/** sg_open - a new importer; Return: its fd */
int sg_open(void);

/**
 * __sg_attach - attach an importer to a dma-buf
 * @importer: from sg_open()
 * @dmabuf: fd
 * @flags: %DMA_BUF_EDU_NOT_REVOCABLE and so on
 *
 * Return: 0 or -errno.
 */
int __sg_attach(int importer, int dmabuf, uint32_t flags);

/** sg_attach - attach and map, or fail the test */
void sg_attach(int importer, int dmabuf, uint32_t flags);

/** __sg_attach_map - attach, without flags, and map, or neither; Return: 0 or -errno */
int __sg_attach_map(int importer, int dmabuf);

int __sg_map(int importer);
int __sg_unmap(int importer);
int __sg_detach(int importer);

/** sg_info - what the importer sees */
void sg_info(int importer, struct dma_buf_edu_info *info);

/**
 * __sg_copy - have the device copy to or from the dma-buf
 * @importer: from sg_open(), mapped
 * @offset: in the dma-buf
 * @data: the program's bytes
 * @length: at most %DMA_BUF_EDU_MAX_COPY
 * @to_dmabuf: direction
 *
 * Return: 0 or -errno.
 */
int __sg_copy(int importer, uint64_t offset, void *data, size_t length,
	      bool to_dmabuf);

/* Bytes that sg_copy_both() copies */
#define SG_COPY_BOTH 256u

/**
 * sg_copy_both - copy to the dma-buf and from it, compared by the CPU
 * @importer: from sg_open(), mapped
 * @bar: CPU mapping of what the dma-buf is made of
 * @ranges: of the dma-buf, offsets into @bar
 * @nr: number of them
 * @at: offset in the dma-buf
 *
 * Afterwards the guard pattern is in their place.
 */
void sg_copy_both(int importer, uint8_t *bar,
		  const struct vfio_region_dma_range *ranges, size_t nr,
		  uint64_t at);

#endif /* LIB_SG_IMPORTER_H */
