// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exporting dma-bufs: those whose dma_buf_ops are the framework's, and those of
 * drivers that keep their memory in an array of pages.
 *
 * The framework's dma_buf_ops implement the scatterlist and mmap access methods
 * from the list, once for all exporters that use them.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/limits.h>
#include <linux/mm.h>

#include "internal.h"

static void phys_export_release(struct dma_buf *dmabuf)
{
	struct dma_buf_phys *phys = dmabuf->priv;

	/* A reader looks at the provider, which may go once the exporter lets go */
	dma_buf_phys_debugfs_remove(phys);
	if (phys->ops->release)
		phys->ops->release(phys);
	else
		dma_buf_phys_fini(phys);
}

/* An importer that pins is one that cannot follow a move; see dma_buf_phys_pin() */
static int phys_export_pin(struct dma_buf_attachment *attach)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	phys->nr_pinned++;
	return 0;
}

static void phys_export_unpin(struct dma_buf_attachment *attach)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	phys->nr_pinned--;
}

const struct dma_buf_ops dma_buf_phys_dma_buf_ops = {
	.attach = dma_buf_phys_sgt_attach,
	.detach = dma_buf_phys_sgt_detach,
	.pin = phys_export_pin,
	.unpin = phys_export_unpin,
	.map_dma_buf = dma_buf_phys_sgt_map,
	.unmap_dma_buf = dma_buf_phys_sgt_unmap,
	.mmap = dma_buf_phys_mmap,
	.release = phys_export_release,
};

/**
 * dma_buf_phys_export - create a dma-buf from a list
 * @phys: the physical side, embedded in the exporter's buffer and zeroed
 * @info: parameters, see &struct dma_buf_phys_export_info
 *
 * On success @phys->dmabuf is the dma-buf, with the one reference that
 * dma_buf_fd() or dma_buf_put() consumes, and the framework owns @info->list.
 * On failure the caller still owns @phys and the list.
 *
 * Context: may sleep.
 *
 * Return: 0; -EOVERFLOW if the size of the list does not fit a size_t; or the
 * error of dma_buf_export().
 */
int dma_buf_phys_export(struct dma_buf_phys *phys,
			const struct dma_buf_phys_export_info *info)
{
	struct dma_buf_export_info exp = {
		.exp_name = info->exp_name,
		.owner = info->owner,
		.ops = &dma_buf_phys_dma_buf_ops,
		.size = info->list->size,
		.flags = info->flags,
		.priv = phys,
	};
	struct dma_buf *dmabuf;

	if (info->list->size > SIZE_MAX)
		return -EOVERFLOW;
	dmabuf = dma_buf_export(&exp);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	phys->list = info->list;
	phys->state = info->state;
	phys->own_ops = true;
	phys->no_mmap = info->no_mmap;
	dma_buf_phys_init(phys, dmabuf, info->ops);
	return 0;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_export);

static struct dma_buf_phys_list *phys_pages_get_list(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_pages *pp =
		container_of(phys, struct dma_buf_phys_pages, phys);
	struct dma_buf_phys_builder b;
	unsigned long i;

	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB, NULL);
	for (i = 0; i < pp->nr_pages; i++)
		dma_buf_phys_add_frag(&b, page_to_phys(pp->pages[i]),
				      PAGE_SIZE);
	return dma_buf_phys_seal(&b, phys->dmabuf->size);
}

static const struct dma_buf_phys_ops phys_pages_ops = {
	.get_list = phys_pages_get_list,
};

/**
 * dma_buf_phys_init_pages - give a dma-buf of ordinary pages a physical side
 * @pp: the physical side, embedded in the exporter's buffer and zeroed
 * @dmabuf: the dma-buf; no importer can reach it yet
 * @pages: the pages in order, all of the dma-buf; they stay where they are
 *	until dma_buf_phys_fini()
 * @nr_pages: number of @pages
 *
 * This is dma_buf_phys_init() for drivers with dma_buf_ops of their own that
 * have nothing to say but where their pages are. The list is one group of
 * cached CPU memory and is built for the first importer that asks for it.
 *
 * Context: @dmabuf's file has not been handed out yet.
 */
void dma_buf_phys_init_pages(struct dma_buf_phys_pages *pp,
			     struct dma_buf *dmabuf, struct page **pages,
			     unsigned long nr_pages)
{
	pp->pages = pages;
	pp->nr_pages = nr_pages;
	dma_buf_phys_init(&pp->phys, dmabuf, &phys_pages_ops);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_init_pages);
