/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What programs may ask of /dev/dma-buf-bench. A test interface: it may change.
 *
 * A call does everything: it attaches, measures, and leaves nothing behind.
 */
#ifndef _DMA_BUF_BENCH_UAPI_H
#define _DMA_BUF_BENCH_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct dma_buf_bench_device - PCI address of a device
 * @domain: its segment
 * @bus: number of its bus
 * @slot: 0 to 31
 * @function: 0 to 7
 * @bar: 0 to 5 where a BAR of it is meant, otherwise 0
 */
struct dma_buf_bench_device {
	__u32 domain;
	__u8 bus;
	__u8 slot;
	__u8 function;
	__u8 bar;
};

/**
 * struct dma_buf_bench_range - a piece of a BAR
 * @offset: in the BAR, bytes, page-aligned
 * @length: bytes, page-aligned, not 0
 */
struct dma_buf_bench_range {
	__u64 offset;
	__u64 length;
};

/* Map the dma-buf by scatterlist, as an importer that can be revoked */
#define DMA_BUF_BENCH_SCATTERLIST	0
/* Map the dma-buf by physical list; EOPNOTSUPP if the kernel has none */
#define DMA_BUF_BENCH_PHYS		1
/*
 * No dma-buf: allocate an IOVA window, link ranges of a BAR into it, sync;
 * unmapping destroys it. The least that can map them; EOPNOTSUPP without an
 * IOMMU that translates.
 */
#define DMA_BUF_BENCH_LINKS		2

#define DMA_BUF_BENCH_MAX_ROUNDS	255
#define DMA_BUF_BENCH_MAX_RANGES	1048576

/**
 * struct dma_buf_bench_run - measure mapping and unmapping
 * @method: one of the above
 * @rounds: how often to map and unmap, up to %DMA_BUF_BENCH_MAX_ROUNDS; with 0
 *	all else is done, so that what that allocates can be told apart
 * @importer: the device to map for; it has a driver that uses the DMA API, such
 *	as the "dma-buf-bench" that comes with this interface
 * @exporter: whose BAR to link; used by %DMA_BUF_BENCH_LINKS only
 * @fd: the dma-buf; not used by %DMA_BUF_BENCH_LINKS
 * @nr_ranges: number of @ranges; 0 but for %DMA_BUF_BENCH_LINKS
 * @ranges: array of &struct dma_buf_bench_range, a pointer
 * @map_unmap_min: receives the time the fastest round took, nanoseconds
 * @map_unmap_median: receives the median of all rounds
 * @walk_median: receives the median of walking all DMA ranges of a mapping
 * @dma_ranges: receives the number of DMA ranges of a mapping
 * @embedded: receives the bytes of a mapping that are part of the importer's own
 *	structure, which no allocation shows
 *
 * Times are without the clock's and the calls' own. The reservation lock is
 * taken once around all rounds.
 */
struct dma_buf_bench_run {
	__u32 method;
	__u32 rounds;
	struct dma_buf_bench_device importer;
	struct dma_buf_bench_device exporter;
	__s32 fd;
	__u32 nr_ranges;
	__u64 ranges;
	__u64 map_unmap_min;
	__u64 map_unmap_median;
	__u64 walk_median;
	__u64 dma_ranges;
	__u64 embedded;
};

#define DMA_BUF_BENCH_RUN	_IOWR(0xed, 0x10, struct dma_buf_bench_run)

#endif /* _DMA_BUF_BENCH_UAPI_H */
