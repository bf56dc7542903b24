/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _DMA_BUF_BENCH_H
#define _DMA_BUF_BENCH_H

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/types.h>

#if IS_ENABLED(CONFIG_DMA_BUF_PHYS)
#include <linux/dma-buf-phys.h>
#endif

#include "bench_uapi.h"

struct bench;

/**
 * struct bench_method - one way to map
 * @attach: optional; everything that is done once. Reservation lock not held
 * @detach: undoes @attach
 * @map: what is measured, as are the next two. Reservation lock held
 * @walk: goes over all DMA ranges, sets &bench.dma_ranges; returns their bytes
 * @unmap: undoes @map
 * @embedded: bytes of a mapping that an importer embeds
 */
struct bench_method {
	int (*attach)(struct bench *b);
	void (*detach)(struct bench *b);
	int (*map)(struct bench *b);
	u64 (*walk)(struct bench *b);
	void (*unmap)(struct bench *b);
	size_t embedded;
};

/**
 * struct bench - one call
 * @dev: the importing device
 * @dmabuf: the dma-buf, %NULL for links
 * @size: bytes to be mapped
 * @dma_ranges: how many there were at the last walk
 * @sg_attach: scatterlist: the attachment
 * @sgt: scatterlist: the mapping
 * @phys_attach: physical list: the attachment
 * @dma: physical list: the mapping
 * @bar: links: where the BAR starts
 * @ranges: links: what to link
 * @nr_ranges: links: number of @ranges
 * @iova: links: the window
 * @map_unmap: time of each round
 * @walk: the same, for walking
 */
struct bench {
	struct device *dev;
	struct dma_buf *dmabuf;
	u64 size;
	u64 dma_ranges;

	struct dma_buf_attachment *sg_attach;
	struct sg_table *sgt;

#if IS_ENABLED(CONFIG_DMA_BUF_PHYS)
	struct dma_buf_phys_attachment *phys_attach;
	struct dma_buf_phys_dma dma;
#endif

	phys_addr_t bar;
	struct dma_buf_bench_range *ranges;
	u32 nr_ranges;
	struct dma_iova_state iova;

	u64 map_unmap[DMA_BUF_BENCH_MAX_ROUNDS];
	u64 walk[DMA_BUF_BENCH_MAX_ROUNDS];
};

/* Maps nothing: what the measuring itself takes */
extern const struct bench_method bench_nothing;

const struct bench_method *bench_find_method(u32 method);

#endif /* _DMA_BUF_BENCH_H */
