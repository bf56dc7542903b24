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
	unsigned int allocated;
	struct phys_dma dma;
	struct dma_buf_phys_list *list;
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

/* Undo map_frags() for the first @length bytes */
static void unmap_frags(struct phys_sgt *ps, u64 length)
{
	struct scatterlist *sg = ps->sgt.sgl;
	struct dma_buf_phys_iter iter;
	u64 n;

	dma_buf_phys_for_each_frag(&iter, ps->list, 0, length) {
		phys_dma_unmap_frag(&ps->dma, &iter, sg_dma_address(sg));
		for (n = DIV_ROUND_UP(iter.length, MAX_SG_LENGTH); n; n--)
			sg = sg_next(sg);
	}
}

static int map_frags(struct phys_sgt *ps)
{
	struct scatterlist *sg = NULL;
	struct dma_buf_phys_iter iter;
	dma_addr_t addr;
	int ret;

	dma_buf_phys_for_each_frag(&iter, ps->list, 0, ps->list->size) {
		ret = phys_dma_map_frag(&ps->dma, &iter, &addr);
		if (ret) {
			unmap_frags(ps, iter.offset);
			return ret;
		}
		sg = append_range(ps, sg, addr, iter.length);
	}
	sg_mark_end(sg);
	return 0;
}

/* What the list needs at most: the longest entries, and a short one a frag */
static int alloc_table(struct phys_sgt *ps)
{
	u64 nents = div_u64(ps->list->size, MAX_SG_LENGTH);
	int ret;

	nents += dma_use_iova(&ps->dma.iova) ? 1 : ps->list->nr_frags;
	if (nents > INT_MAX)
		return -ENOMEM;
	ret = sg_alloc_table(&ps->sgt, nents, GFP_KERNEL);
	if (ret)
		return ret;
	ps->allocated = nents;
	ps->sgt.nents = 0;
	return 0;
}

static void free_table(struct phys_sgt *ps)
{
	ps->sgt.orig_nents = ps->allocated;
	sg_free_table(&ps->sgt);
}

static int map_table(struct phys_sgt *ps)
{
	int ret;

	if (!dma_use_iova(&ps->dma.iova))
		return map_frags(ps);

	ret = phys_dma_link_all(&ps->dma);
	if (ret)
		return ret;
	sg_mark_end(append_range(ps, NULL, ps->dma.iova.addr, ps->list->size));
	return 0;
}

/* &dma_buf_ops.map_dma_buf */
struct sg_table *phys_sgt_map(struct dma_buf_attachment *attach,
			      enum dma_data_direction dir)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;
	struct phys_sgt *ps;
	int ret;

	ps = kzalloc_obj(*ps);
	if (!ps)
		return ERR_PTR(-ENOMEM);

	ps->list = phys_map_begin(phys);
	if (IS_ERR(ps->list)) {
		ret = PTR_ERR(ps->list);
		goto err_free;
	}
	ret = phys_dma_begin(&ps->dma, attach->dev, ps->list, dir);
	if (ret)
		goto err_end;
	ret = alloc_table(ps);
	if (ret)
		goto err_window;
	ret = map_table(ps);
	if (ret)
		goto err_table;

	/* Say that there are no pages, only DMA addresses */
	ps->sgt.orig_nents = 0;
	return &ps->sgt;

err_table:
	free_table(ps);
	goto err_end;
err_window:
	if (dma_use_iova(&ps->dma.iova))
		dma_iova_free(attach->dev, &ps->dma.iova);
err_end:
	phys_map_end(phys, ps->list);
err_free:
	kfree(ps);
	return ERR_PTR(ret);
}

/* &dma_buf_ops.unmap_dma_buf */
void phys_sgt_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		    enum dma_data_direction dir)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;
	struct phys_sgt *ps = container_of(sgt, struct phys_sgt, sgt);

	if (dma_use_iova(&ps->dma.iova))
		phys_dma_unlink_all(&ps->dma);
	else
		unmap_frags(ps, ps->list->size);
	free_table(ps);
	phys_map_end(phys, ps->list);
	kfree(ps);
}
