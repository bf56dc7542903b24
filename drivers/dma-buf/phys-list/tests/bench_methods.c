// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is measured: by scatterlist, by physical list, and bare links.
 *
 * No mapping outlives the reservation lock, so the callbacks that tell of a
 * move or a revoke never find one.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/scatterlist.h>

#include "bench.h"

#define DIR DMA_BIDIRECTIONAL

/*
 * By scatterlist
 */

static void bench_sg_invalidate(struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);
}

static int bench_sg_attach(struct bench *b)
{
	static const struct dma_buf_attach_ops ops = {
		.allow_peer2peer = true,
		.invalidate_mappings = bench_sg_invalidate,
	};

	b->sg_attach = dma_buf_dynamic_attach(b->dmabuf, b->dev, &ops, b);
	return PTR_ERR_OR_ZERO(b->sg_attach);
}

static void bench_sg_detach(struct bench *b)
{
	dma_buf_detach(b->dmabuf, b->sg_attach);
}

static int bench_sg_map(struct bench *b)
{
	b->sgt = dma_buf_map_attachment(b->sg_attach, DIR);
	return PTR_ERR_OR_ZERO(b->sgt);
}

static u64 bench_sg_walk(struct bench *b)
{
	struct scatterlist *sg;
	u64 length = 0;
	int i;

	for_each_sgtable_dma_sg(b->sgt, sg, i) {
		OPTIMIZER_HIDE_VAR(sg);
		length += sg_dma_len(sg);
	}
	b->dma_ranges = i;
	return length;
}

static void bench_sg_unmap(struct bench *b)
{
	dma_buf_unmap_attachment(b->sg_attach, b->sgt, DIR);
}

static const struct bench_method bench_sg_method = {
	.attach = bench_sg_attach,
	.detach = bench_sg_detach,
	.map = bench_sg_map,
	.walk = bench_sg_walk,
	.unmap = bench_sg_unmap,
};

/*
 * By physical list
 */

#if IS_ENABLED(CONFIG_DMA_BUF_PHYS)

static void bench_phys_notify(struct dma_buf_phys_attachment *at,
			      enum dma_buf_phys_event event)
{
	dma_resv_assert_held(at->dmabuf->resv);
}

static int bench_phys_attach(struct bench *b)
{
	static const struct dma_buf_phys_importer_ops ops = {
		.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P),
		.notify = bench_phys_notify,
	};

	b->phys_attach = dma_buf_phys_attach(b->dmabuf, &ops, b);
	return PTR_ERR_OR_ZERO(b->phys_attach);
}

static void bench_phys_detach(struct bench *b)
{
	dma_buf_phys_detach(b->phys_attach);
}

static int bench_phys_map(struct bench *b)
{
	return dma_buf_phys_dma_map(b->phys_attach, b->dev, 0, b->size, DIR,
				    &b->dma);
}

static u64 bench_phys_walk(struct bench *b)
{
	struct dma_buf_phys_dma_iter iter;
	u64 length = 0, nr = 0;

	dma_buf_phys_for_each_dma(&iter, &b->dma, 0, b->size) {
		length += iter.length;
		nr++;
	}
	b->dma_ranges = nr;
	return length;
}

static void bench_phys_unmap(struct bench *b)
{
	dma_buf_phys_dma_unmap(&b->dma);
}

static const struct bench_method bench_phys_method = {
	.attach = bench_phys_attach,
	.detach = bench_phys_detach,
	.map = bench_phys_map,
	.walk = bench_phys_walk,
	.unmap = bench_phys_unmap,
	.embedded = sizeof(struct dma_buf_phys_dma),
};

#endif /* CONFIG_DMA_BUF_PHYS */

/*
 * Bare links
 */

static int bench_links_map(struct bench *b)
{
	u64 linked = 0;
	u32 i;
	int ret;

	if (!dma_iova_try_alloc(b->dev, &b->iova, 0, b->size))
		return -EOPNOTSUPP;
	for (i = 0; i < b->nr_ranges; i++) {
		ret = dma_iova_link(b->dev, &b->iova,
				    b->bar + b->ranges[i].offset, linked,
				    b->ranges[i].length, DIR, DMA_ATTR_MMIO);
		if (ret)
			goto err;
		linked += b->ranges[i].length;
	}
	ret = dma_iova_sync(b->dev, &b->iova, 0, linked);
	if (ret)
		goto err;
	return 0;

err:
	dma_iova_destroy(b->dev, &b->iova, linked, DIR, DMA_ATTR_MMIO);
	return ret;
}

static u64 bench_links_walk(struct bench *b)
{
	b->dma_ranges = 1;
	return b->size;
}

static void bench_links_unmap(struct bench *b)
{
	dma_iova_destroy(b->dev, &b->iova, b->size, DIR, DMA_ATTR_MMIO);
}

static const struct bench_method bench_links_method = {
	.map = bench_links_map,
	.walk = bench_links_walk,
	.unmap = bench_links_unmap,
};

/*
 * What the measuring itself takes
 */

static int bench_nothing_map(struct bench *b)
{
	return 0;
}

static u64 bench_nothing_walk(struct bench *b)
{
	return b->size;
}

static void bench_nothing_unmap(struct bench *b)
{
}

const struct bench_method bench_nothing = {
	.map = bench_nothing_map,
	.walk = bench_nothing_walk,
	.unmap = bench_nothing_unmap,
};

/**
 * bench_find_method - what a program asked for
 * @method: %DMA_BUF_BENCH_PHYS and so on
 *
 * Return: %NULL if there is no such method, or not in this kernel.
 */
const struct bench_method *bench_find_method(u32 method)
{
	switch (method) {
	case DMA_BUF_BENCH_SCATTERLIST:
		return &bench_sg_method;
#if IS_ENABLED(CONFIG_DMA_BUF_PHYS)
	case DMA_BUF_BENCH_PHYS:
		return &bench_phys_method;
#endif
	case DMA_BUF_BENCH_LINKS:
		return &bench_links_method;
	default:
		return NULL;
	}
}
