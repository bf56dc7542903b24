// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scatterlist bridge: importers that know nothing of physical lists.
 *
 * They get a scatterlist that has DMA addresses only, for the lifetime of one
 * mapping. Since the exporter may take the memory away, and since it may be a
 * BAR, the bridge is for importers that are told of both: revocable ones that
 * can handle peer-to-peer memory.
 *
 * A scatterlist entry holds less than 4 GiB, so a frag, or the IOVA window that
 * holds all of them, may need several.
 */
#include <linux/dma-resv.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "internal.h"

#define MAX_SG_LENGTH ALIGN_DOWN(UINT_MAX, PAGE_SIZE)

struct phys_sgt {
	struct sg_table sgt;
	struct dma_buf_phys_dma dma;
};

/* &dma_buf_ops.attach */
int phys_sgt_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct dma_buf_phys *phys = dmabuf->priv;
	struct dma_buf_phys_list *list;
	int ret;

	if (!attach->peer2peer || !dma_buf_attach_revocable(attach))
		return -EOPNOTSUPP;

	dma_resv_lock(dmabuf->resv, NULL);
	if (phys->state != DMA_BUF_PHYS_LIVE) {
		ret = -ENODEV;
	} else {
		list = phys_get_list(phys);
		ret = PTR_ERR_OR_ZERO(list);
		if (!ret)
			ret = phys_dma_check_route(attach->dev, list);
	}
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

/* Add entries for a DMA range after @sg, the last used one or NULL */
static struct scatterlist *append_range(struct phys_sgt *ps,
					struct scatterlist *sg, dma_addr_t addr,
					u64 length)
{
	while (length) {
		unsigned int len = min_t(u64, length, MAX_SG_LENGTH);

		sg = sg ? sg_next(sg) : ps->sgt.sgl;
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = len;
		ps->sgt.nents++;
		addr += len;
		length -= len;
	}
	return sg;
}

/* What the ranges need at most: the longest entries, and a short one a range */
static u64 max_nents(struct phys_sgt *ps)
{
	return div_u64(ps->dma.length, MAX_SG_LENGTH) +
	       (phys_dma_is_contiguous(&ps->dma) ? 1 : ps->dma.list->nr_frags);
}

static int alloc_table(struct phys_sgt *ps)
{
	u64 nents = max_nents(ps);

	if (nents > INT_MAX)
		return -ENOMEM;
	return sg_alloc_table(&ps->sgt, nents, GFP_KERNEL_ACCOUNT);
}

static void fill_table(struct phys_sgt *ps)
{
	struct dma_buf_phys_dma_iter iter;
	struct scatterlist *sg = NULL;

	ps->sgt.nents = 0;
	dma_buf_phys_for_each_dma(&iter, &ps->dma, 0, ps->dma.length)
		sg = append_range(ps, sg, iter.addr, iter.length);
	sg_mark_end(sg);
	/* Say that there are no pages, only DMA addresses */
	ps->sgt.orig_nents = 0;
}

/* &dma_buf_ops.map_dma_buf */
struct sg_table *phys_sgt_map(struct dma_buf_attachment *attach,
			      enum dma_data_direction dir)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;
	struct dma_buf_phys_list *list;
	struct phys_sgt *ps;
	int ret;

	if (dir != DMA_TO_DEVICE && !phys->writable)
		return ERR_PTR(-EACCES);
	ps = kzalloc_obj(*ps, GFP_KERNEL_ACCOUNT);
	if (!ps)
		return ERR_PTR(-ENOMEM);

	list = phys_map_begin(phys);
	if (IS_ERR(list)) {
		ret = PTR_ERR(list);
		goto err_free;
	}
	ret = phys_dma_map(&ps->dma, attach->dev, list, 0, list->size, dir);
	if (ret)
		goto err_end;
	ret = alloc_table(ps);
	if (ret)
		goto err_unmap;
	fill_table(ps);
	return &ps->sgt;

err_unmap:
	phys_dma_unmap(&ps->dma);
err_end:
	phys_map_end(phys, list);
err_free:
	kfree(ps);
	return ERR_PTR(ret);
}

/* &dma_buf_ops.unmap_dma_buf */
void phys_sgt_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		    enum dma_data_direction dir)
{
	struct phys_sgt *ps = container_of(sgt, struct phys_sgt, sgt);

	ps->sgt.orig_nents = max_nents(ps);
	phys_dma_unmap(&ps->dma);
	sg_free_table(&ps->sgt);
	phys_map_end(attach->dmabuf->priv, ps->dma.list);
	kfree(ps);
}
