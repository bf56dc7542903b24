/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What programs may ask of /dev/dma-buf-edu. A test interface: it may change.
 *
 * An open file is one importer with at most one attachment. Calls return 0 or
 * set errno; -ENODEV also means that the edu device is gone.
 */
#ifndef _DMA_BUF_EDU_UAPI_H
#define _DMA_BUF_EDU_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Attach with a move callback missing */
#define DMA_BUF_EDU_NOT_REVOCABLE	0x1
/* Attach as an importer that cannot reach peers */
#define DMA_BUF_EDU_NO_P2P		0x2
/* Attach without any callbacks, as dma_buf_attach() does; excludes the others */
#define DMA_BUF_EDU_STATIC		0x4
/* When access is taken away, unmap 200 ms after the callback */
#define DMA_BUF_EDU_LATE_UNMAP		0x8
/*
 * Map for reading only. A copy to the dma-buf is tried all the same: it is for the
 * IOMMU, if there is one, to stop it.
 */
#define DMA_BUF_EDU_READ_ONLY		0x10

struct dma_buf_edu_attach {
	__s32 fd;
	__u32 flags;
};

/**
 * struct dma_buf_edu_info - what the importer sees
 * @length: bytes the scatterlist describes; 0 if nothing is mapped
 * @nents: entries of the scatterlist
 * @mapped: 1 if there is a mapping that may be used
 * @contiguous: 1 if each entry starts where the one before it ends
 * @invalidations: how often the exporter took access away or gave it back
 * @stale: 1 if access was taken away and the mapping is still there
 * @elsewhere: how often a mapping began at another address than the one before it, the
 *	first one included
 */
struct dma_buf_edu_info {
	__u64 length;
	__u32 nents;
	__u32 mapped;
	__u32 contiguous;
	__u32 invalidations;
	__u32 stale;
	__u32 elsewhere;
};

/* Bytes one copy can have at most */
#define DMA_BUF_EDU_MAX_COPY	2048

/* Copy to the dma-buf, not from it */
#define DMA_BUF_EDU_TO_DMABUF	0x1

/**
 * struct dma_buf_edu_copy - copy by the device's DMA engine
 * @offset: in the dma-buf, bytes
 * @data: the program's buffer, a pointer
 * @length: bytes, 1 to %DMA_BUF_EDU_MAX_COPY
 * @flags: %DMA_BUF_EDU_TO_DMABUF or 0
 *
 * Takes about 200 ms, and 100 ms more for each further entry of the scatterlist
 * the range is in. -ENXIO if the program has not mapped; a mapping that the
 * exporter took away is made again if it can be, -ENODEV if not.
 */
struct dma_buf_edu_copy {
	__u64 offset;
	__u64 data;
	__u32 length;
	__u32 flags;
};

#define DMA_BUF_EDU_ATTACH	_IOW(0xed, 0, struct dma_buf_edu_attach)
#define DMA_BUF_EDU_DETACH	_IO(0xed, 1)
#define DMA_BUF_EDU_MAP		_IO(0xed, 2)
#define DMA_BUF_EDU_UNMAP	_IO(0xed, 3)
#define DMA_BUF_EDU_INFO	_IOR(0xed, 4, struct dma_buf_edu_info)
#define DMA_BUF_EDU_COPY	_IOW(0xed, 5, struct dma_buf_edu_copy)

#endif /* _DMA_BUF_EDU_UAPI_H */
