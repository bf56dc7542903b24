// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scatterlist bridge, for importers that are unaware of physical lists.
 *
 * An importer gets a scatterlist with DMA addresses but no pages, for the
 * lifetime of one mapping. The exporter may take the memory away, and the
 * memory may be a BAR. So the importer must be revocable and must support
 * peer-to-peer memory.
 *
 * An entry of a scatterlist is shorter than 4 GiB, so a frag, or the IOVA
 * window with all frags, may need several entries.
 *
 * Each attachment has room for one mapping, and for one entry of its scatterlist,
 * which is all that most ever have: so they are mapped without allocating.
 */
#include <linux/dma-resv.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "internal.h"

#define PHYS_SG_MAX_LENGTH ALIGN_DOWN(UINT_MAX, PAGE_SIZE)

/**
 * struct phys_sgt - a mapping made for a scatterlist importer
 * @sgt: what the importer gets
 * @dma: the mapping that @sgt describes
 * @one: entry of @sgt, if one is enough
 * @busy: of the one that belongs to an attachment: it is in use; under the
 *	reservation lock
 */
struct phys_sgt {
	struct sg_table sgt;
	struct dma_buf_phys_dma dma;
	struct scatterlist one;
	bool busy;
};

/**
 * dma_buf_phys_sgt_attach - attach a scatterlist importer, &dma_buf_ops.attach
 * @dmabuf: the dma-buf
 * @attach: the attachment
 *
 * Return: 0; -ENOMEM; -EOPNOTSUPP if the importer is not revocable or does not support
 * peer-to-peer memory; -EACCES if the dma-buf's file was created without
 * FMODE_READ; -ENODEV if the buffer is not live; or an error as for
 * dma_buf_phys_dma_map(), so that a missing route shows early.
 */
int dma_buf_phys_sgt_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct dma_buf_phys *phys = dmabuf->priv;
	struct dma_buf_phys_list *list;
	struct phys_sgt *ps;
	int ret;

	if (!attach->peer2peer || !dma_buf_attach_revocable(attach))
		return -EOPNOTSUPP;
	if (!phys->readable)
		return -EACCES;
	ps = kzalloc_obj(*ps, GFP_KERNEL_ACCOUNT);
	if (!ps)
		return -ENOMEM;

	dma_resv_lock(dmabuf->resv, NULL);
	if (phys->state != DMA_BUF_PHYS_LIVE) {
		ret = -ENODEV;
	} else {
		list = dma_buf_phys_get_list(phys);
		ret = PTR_ERR_OR_ZERO(list);
		if (!ret)
			ret = dma_buf_phys_check_routes(attach->dev, list);
	}
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		kfree(ps);
	else
		attach->priv = ps;
	return ret;
}

/**
 * dma_buf_phys_sgt_detach - undo dma_buf_phys_sgt_attach(), &dma_buf_ops.detach
 * @dmabuf: the dma-buf
 * @attach: the attachment, with nothing mapped
 */
void dma_buf_phys_sgt_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct phys_sgt *ps = attach->priv;

	WARN_ON(ps->busy);
	kfree(ps);
}

/* The attachment's own, or another one if that is in use */
static struct phys_sgt *phys_sgt_get(struct dma_buf_attachment *attach)
{
	struct phys_sgt *ps = attach->priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (ps->busy)
		return kzalloc_obj(*ps, GFP_KERNEL_ACCOUNT);
	ps->busy = true;
	return ps;
}

static void phys_sgt_put(struct dma_buf_attachment *attach, struct phys_sgt *ps)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	if (ps == attach->priv)
		ps->busy = false;
	else
		kfree(ps);
}

/*
 * Entries are written one after the other, and there is room for all of them: so
 * not sg_next(), which is a call and looks for the end.
 */
static __always_inline struct scatterlist *phys_sg_next(struct scatterlist *sg)
{
	return unlikely(sg_is_chain(sg)) ? sg_chain_ptr(sg) : sg;
}

/* Fill in the entries of a DMA range, from @sg on; returns the last one */
static __always_inline struct scatterlist *
phys_sgt_append(struct phys_sgt *ps, struct scatterlist *sg, dma_addr_t addr,
		u64 length)
{
	for (;; sg = phys_sg_next(sg + 1)) {
		unsigned int len = min_t(u64, length, PHYS_SG_MAX_LENGTH);

		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = len;
		ps->sgt.nents++;
		addr += len;
		length -= len;
		if (likely(!length))
			return sg;
	}
}

/* An upper bound: entries of maximum length, plus a shorter one for each range */
static u64 phys_sgt_max_nents(struct phys_sgt *ps)
{
	return div_u64(ps->dma.length, PHYS_SG_MAX_LENGTH) +
	       dma_buf_phys_dma_max_ranges(&ps->dma);
}

static int phys_sgt_alloc(struct phys_sgt *ps)
{
	u64 nents = phys_sgt_max_nents(ps);

	if (nents == 1) {
		sg_init_table(&ps->one, 1);
		ps->sgt.sgl = &ps->one;
		return 0;
	}
	if (nents > INT_MAX)
		return -ENOMEM;
	/*
	 * A revoke waits for the reservation lock, which is held here. A task above
	 * memory.high that allocates sleeps for seconds, every few hundred KiB; with
	 * GFP_NOWAIT it does so on its return to userspace, where it holds no locks.
	 * So block only if that fails.
	 */
	if (!sg_alloc_table(&ps->sgt, nents, GFP_NOWAIT | __GFP_ACCOUNT))
		return 0;
	return sg_alloc_table(&ps->sgt, nents, GFP_KERNEL_ACCOUNT);
}

static void phys_sgt_fill(struct phys_sgt *ps)
{
	struct dma_buf_phys_dma_iter iter;
	struct scatterlist *next = ps->sgt.sgl, *last = next;

	ps->sgt.nents = 0;
	dma_buf_phys_for_each_dma(&iter, &ps->dma, 0, ps->dma.length) {
		last = phys_sgt_append(ps, phys_sg_next(next), iter.addr, iter.length);
		next = last + 1;
	}
	sg_mark_end(last);
	/* There are no pages, only DMA addresses */
	ps->sgt.orig_nents = 0;
}

/**
 * dma_buf_phys_sgt_map - map for a scatterlist importer,
 * &dma_buf_ops.map_dma_buf
 * @attach: the attachment
 * @dir: direction of the DMA
 *
 * Context: may sleep; reservation lock held.
 *
 * Return: the scatterlist, or an error as for dma_buf_phys_dma_map().
 */
struct sg_table *dma_buf_phys_sgt_map(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;
	struct dma_buf_phys_list *list;
	struct phys_sgt *ps;
	int ret;

	if (dir != DMA_TO_DEVICE && !phys->writable)
		return ERR_PTR(-EACCES);
	ps = phys_sgt_get(attach);
	if (!ps)
		return ERR_PTR(-ENOMEM);

	list = dma_buf_phys_map_begin(phys);
	if (IS_ERR(list)) {
		ret = PTR_ERR(list);
		goto err_put;
	}
	ret = dma_buf_phys_map_slice(&ps->dma, attach->dev, list, 0, list->size, dir);
	if (ret)
		goto err_end;
	ret = phys_sgt_alloc(ps);
	if (ret)
		goto err_unmap;
	phys_sgt_fill(ps);
	return &ps->sgt;

err_unmap:
	dma_buf_phys_unmap_slice(&ps->dma);
err_end:
	dma_buf_phys_map_end(phys, list);
err_put:
	phys_sgt_put(attach, ps);
	return ERR_PTR(ret);
}

/**
 * dma_buf_phys_sgt_unmap - undo dma_buf_phys_sgt_map(),
 * &dma_buf_ops.unmap_dma_buf
 * @attach: the attachment
 * @sgt: what dma_buf_phys_sgt_map() returned
 * @dir: direction of the DMA
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_sgt_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			    enum dma_data_direction dir)
{
	struct phys_sgt *ps = container_of(sgt, struct phys_sgt, sgt);

	ps->sgt.orig_nents = phys_sgt_max_nents(ps);
	dma_buf_phys_unmap_slice(&ps->dma);
	if (ps->sgt.sgl != &ps->one)
		sg_free_table(&ps->sgt);
	dma_buf_phys_map_end(attach->dmabuf->priv, ps->dma.list);
	phys_sgt_put(attach, ps);
}
