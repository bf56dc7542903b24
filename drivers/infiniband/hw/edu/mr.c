// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: keys, translation, and dma-bufs that move.
 *
 * A region is translated by a table of the DMA addresses of blocks of one size,
 * the largest that its memory allows. User memory is pinned, and its table is
 * built once. A dma-buf may be moved or revoked by its exporter at any time, so
 * its table is dropped and built again:
 *
 *	registration	maps, so that memory which the device cannot reach or
 *			may not access is refused at this point
 *	invalidation	marks the region as not mapped, waits for the engine,
 *			unmaps. When it returns nothing accesses the memory.
 *	next use	the worker maps again: edu_mr_transfer()
 *
 * An invalidation is called with the reservation lock held, and waits for the
 * engine under it. So the worker takes that lock only while the engine is idle,
 * and never takes a second one: two regions of a work request are used one
 * after the other. The first transfer after a mapping is started before the
 * lock is dropped. So at least one transfer is made with each mapping, and the
 * worker makes progress however often the buffer moves.
 *
 * A region may also be pinned, to test what devices need that cannot follow a
 * move: it is mapped once, does not move, and is lost upon a revoke.
 *
 * A move between the two transfers of a chunk needs no handling. The bytes in
 * the device's buffer were read from the old location while it was valid, and
 * the exporter copies the dma-buf only after the engine has stopped.
 *
 * The worker looks a region up by its key and holds a reference while it uses
 * it. Deregistration removes the key and waits for that reference.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <rdma/ib_umem.h>
#include <rdma/iter.h>
#include <rdma/uverbs_ioctl.h>

#include "edu_ib.h"

#define EDU_ACCESS	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | \
			 IB_ACCESS_REMOTE_READ | IB_ACCESS_OPTIONAL)

static struct edu_mr *to_edu_mr(struct ib_mr *ibmr)
{
	return container_of(ibmr, struct edu_mr, ibmr);
}

static struct dma_resv *edu_mr_resv(struct edu_mr *mr)
{
	return to_ib_umem_dmabuf(mr->umem)->attach->dmabuf->resv;
}

/*
 * Translation
 */

/*
 * Block only if there is no memory otherwise: for a dma-buf the caller holds the
 * reservation lock, with which a task above memory.high would sleep for seconds
 */
static dma_addr_t *edu_mr_alloc_table(size_t entries)
{
	dma_addr_t *table;

	table = kvmalloc_array(entries, sizeof(*table),
			       GFP_NOWAIT | __GFP_ACCOUNT);
	return table ?: kvmalloc_array(entries, sizeof(*table),
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

/* Build the table of a region whose memory is mapped */
static int edu_mr_translate(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);
	size_t entries, i = 0;
	struct ib_block_iter iter;
	unsigned long size;
	dma_addr_t *table;

	size = ib_umem_find_best_pgsz(mr->umem, EDU_PAGE_SIZES, mr->ibmr.iova);
	if (!size)
		return -EINVAL;
	entries = ib_umem_num_dma_blocks(mr->umem, size);
	table = edu_mr_alloc_table(entries);
	if (!table)
		return -ENOMEM;
	rdma_umem_for_each_dma_block(mr->umem, &iter, size) {
		if (i == entries)
			break;
		table[i++] = rdma_block_iter_dma_address(&iter);
	}
	/* The exporter mapped less than the region needs */
	if (i < entries) {
		kvfree(table);
		return -EIO;
	}

	guard(spinlock_irqsave)(&edu->lock);
	mr->table = table;
	mr->entries = entries;
	mr->shift = ilog2(size);
	mr->mapped = true;
	return 0;
}

static void edu_mr_untranslate(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);
	dma_addr_t *table;

	scoped_guard(spinlock_irqsave, &edu->lock) {
		mr->mapped = false;
		mr->invalidations++;
		/* Not when it is destroyed */
		if (refcount_read(&mr->ref))
			edu->stats[EDU_STAT_INVALIDATIONS]++;
		mr->entries = 0;
		table = mr->table;
		mr->table = NULL;
	}
	edu_engine_quiesce(mr);
	kvfree(table);
}

/*
 * dma-bufs
 */

static int edu_mr_map_locked(struct edu_mr *mr)
{
	struct ib_umem_dmabuf *umem = to_ib_umem_dmabuf(mr->umem);
	int ret;

	dma_resv_assert_held(edu_mr_resv(mr));

	if (mr->mapped)
		return 0;
	ret = ib_umem_dmabuf_map_pages(umem);
	if (!ret)
		ret = edu_mr_translate(mr);
	/* It stays mapped if waiting for the exporter's copy failed */
	if (ret)
		ib_umem_dmabuf_unmap_pages(umem);
	return ret;
}

static void edu_mr_unmap_locked(struct edu_mr *mr)
{
	dma_resv_assert_held(edu_mr_resv(mr));

	if (!mr->mapped)
		return;
	edu_mr_untranslate(mr);
	ib_umem_dmabuf_unmap_pages(to_ib_umem_dmabuf(mr->umem));
}

static void edu_mr_invalidate(struct dma_buf_attachment *attach)
{
	struct ib_umem_dmabuf *umem = attach->importer_priv;
	struct edu_mr *mr = umem->private;

	dma_resv_assert_held(attach->dmabuf->resv);

	/* Before it is set nothing is mapped */
	if (mr)
		edu_mr_unmap_locked(mr);
}

static const struct dma_buf_attach_ops edu_mr_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = edu_mr_invalidate,
};

/*
 * Use by the worker
 */

/**
 * edu_mr_get - look up a memory region for a work request
 * @edu: device
 * @ibpd: protection domain that the region must be in
 * @sge: key of the region, and a range that must be inside it
 * @access: IB_ACCESS_* that it must allow
 *
 * Return: the region, with a reference taken, or NULL.
 */
struct edu_mr *edu_mr_get(struct edu_dev *edu, const struct ib_pd *ibpd,
			  const struct ib_sge *sge, int access)
{
	struct edu_mr *mr;

	xa_lock(&edu->mrs);
	mr = xa_load(&edu->mrs, sge->lkey >> 8);
	/* The order of the checks avoids overflows */
	if (mr && mr->ibmr.lkey == sge->lkey && mr->ibmr.pd == ibpd &&
	    (mr->access & access) == access && sge->addr >= mr->ibmr.iova &&
	    sge->length <= mr->ibmr.length &&
	    sge->addr - mr->ibmr.iova <= mr->ibmr.length - sge->length)
		refcount_inc(&mr->ref);
	else
		mr = NULL;
	xa_unlock(&edu->mrs);
	return mr;
}

void edu_mr_put(struct edu_mr *mr)
{
	if (refcount_dec_and_test(&mr->ref))
		complete(&mr->unused);
}

/* Start a transfer of a region that was invalidated */
static int edu_mr_map_and_start(struct edu_mr *mr, u64 addr, u32 buf,
				u32 length, bool to_mem)
{
	struct dma_resv *resv = edu_mr_resv(mr);
	int ret;

	dma_resv_lock(resv, NULL);
	ret = edu_mr_map_locked(mr);
	if (!ret)
		ret = edu_engine_start(mr, addr, buf, length, to_mem);
	dma_resv_unlock(resv);
	return ret;
}

/**
 * edu_mr_transfer - transfer between a region and the device's buffer
 * @mr: memory region, on which the caller holds a reference
 * @addr: address in @mr
 * @buf: offset in the device's buffer
 * @length: number of bytes, not beyond the end of @mr or of the buffer
 * @to_mem: transfer to @mr rather than from it
 *
 * Context: the worker. Takes the reservation lock if it has to map.
 *
 * Return: 0; -EIO if the device is dead; any other error if the region cannot
 * be mapped.
 */
int edu_mr_transfer(struct edu_mr *mr, u64 addr, u32 buf, u32 length,
		    bool to_mem)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);

	while (length) {
		int ret, n;

		n = edu_engine_start(mr, addr, buf, length, to_mem);
		if (n == -EAGAIN)
			n = edu_mr_map_and_start(mr, addr, buf, length, to_mem);
		if (n < 0)
			return n;
		ret = edu_engine_wait(edu);
		if (ret)
			return ret;
		addr += n;
		buf += n;
		length -= n;
	}
	return 0;
}

/*
 * Registration
 */

/* A region whose key cannot be looked up yet */
static struct edu_mr *edu_mr_alloc(struct ib_pd *ibpd, u64 length, u64 iova,
				   int access)
{
	struct edu_dev *edu = to_edu_dev(ibpd->device);
	struct edu_mr *mr;
	u32 index;
	u64 end;
	int ret;

	if (access & ~EDU_ACCESS)
		return ERR_PTR(-EOPNOTSUPP);
	if (!length || length > EDU_MAX_LENGTH ||
	    check_add_overflow(iova, length - 1, &end))
		return ERR_PTR(-EINVAL);

	mr = kzalloc_obj(*mr, GFP_KERNEL_ACCOUNT);
	if (!mr)
		return ERR_PTR(-ENOMEM);
	ret = xa_alloc(&edu->mrs, &index, NULL, XA_LIMIT(1, EDU_MAX_MR),
		       GFP_KERNEL);
	if (ret) {
		kfree(mr);
		return ERR_PTR(ret == -EBUSY ? -ENOSPC : ret);
	}
	refcount_set(&mr->ref, 1);
	init_completion(&mr->unused);
	mr->access = access;
	mr->ibmr.device = ibpd->device;
	mr->ibmr.pd = ibpd;
	mr->ibmr.iova = iova;
	mr->ibmr.length = length;
	/* A stale key must not match the next region with the same index */
	mr->ibmr.lkey = index << 8 | (u8)atomic_inc_return(&edu->key);
	mr->ibmr.rkey = mr->ibmr.lkey;
	return mr;
}

/* Cannot fail: edu_mr_alloc() reserved the entry */
static struct ib_mr *edu_mr_publish(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);

	xa_store(&edu->mrs, mr->ibmr.lkey >> 8, mr, GFP_KERNEL);
	return &mr->ibmr;
}

static void edu_mr_destroy(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);

	/* No new references, and wait for existing ones */
	xa_erase(&edu->mrs, mr->ibmr.lkey >> 8);
	edu_mr_put(mr);
	wait_for_completion(&mr->unused);

	if (mr->umem && mr->umem->is_dmabuf) {
		struct dma_resv *resv = edu_mr_resv(mr);

		dma_resv_lock(resv, NULL);
		edu_mr_unmap_locked(mr);
		dma_resv_unlock(resv);
	} else if (mr->umem) {
		edu_mr_untranslate(mr);
	}
	/* Callbacks may run until this returns */
	if (mr->umem)
		ib_umem_release(mr->umem);
	kfree(mr);
}

struct ib_mr *edu_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 length,
			      u64 iova, int access, struct ib_dmah *dmah,
			      struct ib_udata *udata)
{
	struct ib_umem *umem;
	struct edu_mr *mr;
	int ret;

	if (dmah)
		return ERR_PTR(-EOPNOTSUPP);
	ret = ib_no_udata_io(udata);
	if (ret)
		return ERR_PTR(ret);
	mr = edu_mr_alloc(ibpd, length, iova, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);

	umem = ib_umem_get_va(ibpd->device, start, length, access);
	if (IS_ERR(umem)) {
		ret = PTR_ERR(umem);
		goto err_destroy;
	}
	mr->umem = umem;
	ret = edu_mr_translate(mr);
	if (ret)
		goto err_destroy;
	return edu_mr_publish(mr);

err_destroy:
	edu_mr_destroy(mr);
	return ERR_PTR(ret);
}

/**
 * edu_rereg_user_mr - change a memory region
 * @ibmr: memory region
 * @flags: IB_MR_REREG_*: which of the following are new
 * @start: address of the memory
 * @length: number of bytes
 * @iova: address in work requests
 * @access: IB_ACCESS_*
 * @ibpd: protection domain
 * @udata: empty
 *
 * Other memory, or memory that has to be pinned again to be written to, is a new
 * region with a new key. The core destroys the old one then; if this fails, it is
 * as it was. A region of a dma-buf stays as it is: see ib_umem_check_rereg().
 *
 * Return: the new region; NULL if @ibmr was changed; or an error pointer.
 */
struct ib_mr *edu_rereg_user_mr(struct ib_mr *ibmr, int flags, u64 start,
				u64 length, u64 iova, int access,
				struct ib_pd *ibpd, struct ib_udata *udata)
{
	struct edu_dev *edu = to_edu_dev(ibmr->device);
	struct edu_mr *mr = to_edu_mr(ibmr);

	if (mr->umem->is_dmabuf)
		return ERR_PTR(-EOPNOTSUPP);
	if (!(flags & IB_MR_REREG_ACCESS))
		access = mr->access;
	if (access & ~EDU_ACCESS)
		return ERR_PTR(-EOPNOTSUPP);
	if (flags & IB_MR_REREG_TRANS)
		return edu_reg_user_mr(ibpd, start, length, iova, access, NULL,
				       udata);
	if (!ib_access_writable(access) || mr->umem->writable) {
		/*
		 * The new rights are not for the old domain: both change at once
		 * for the worker. The core sets the domain, too, but later.
		 */
		xa_lock(&edu->mrs);
		mr->access = access;
		mr->ibmr.pd = ibpd;
		xa_unlock(&edu->mrs);
		return NULL;
	}
	/* The memory of another process is not pinned again */
	if (mr->umem->owning_mm != current->mm)
		return ERR_PTR(-EOPNOTSUPP);
	return edu_reg_user_mr(ibpd, mr->umem->address, ibmr->length,
			       ibmr->iova, access, NULL, udata);
}

/* Called with the reservation lock held; the core unmaps and unpins */
static void edu_mr_revoke(void *priv)
{
	struct edu_mr *mr = priv;

	if (mr->mapped)
		edu_mr_untranslate(mr);
}

static int edu_mr_get_pinned(struct edu_mr *mr, u64 offset, int fd)
{
	struct ib_umem_dmabuf *umem;
	int ret;

	umem = ib_umem_dmabuf_get_pinned_revocable_and_lock(mr->ibmr.device,
							    offset,
							    mr->ibmr.length, fd,
							    mr->access);
	if (IS_ERR(umem))
		return PTR_ERR(umem);
	mr->umem = &umem->umem;
	ret = edu_mr_translate(mr);
	ib_umem_dmabuf_set_revoke_locked(umem, edu_mr_revoke, mr);
	ib_umem_dmabuf_revoke_unlock(umem);
	return ret;
}

static int edu_mr_get_dynamic(struct edu_mr *mr, u64 offset, int fd)
{
	struct ib_umem_dmabuf *umem;
	struct dma_resv *resv;
	int ret;

	umem = ib_umem_dmabuf_get(mr->ibmr.device, offset, mr->ibmr.length, fd,
				  mr->access, &edu_mr_attach_ops);
	if (IS_ERR(umem))
		return PTR_ERR(umem);
	mr->umem = &umem->umem;
	resv = edu_mr_resv(mr);
	dma_resv_lock(resv, NULL);
	umem->private = mr;
	ret = edu_mr_map_locked(mr);
	dma_resv_unlock(resv);
	return ret;
}

struct ib_mr *edu_reg_user_mr_dmabuf(struct ib_pd *ibpd, u64 offset,
				     u64 length, u64 iova, int fd, int access,
				     struct ib_dmah *dmah,
				     struct uverbs_attr_bundle *attrs)
{
	struct edu_mr *mr;
	int ret;

	if (dmah)
		return ERR_PTR(-EOPNOTSUPP);
	ret = ib_no_udata_io(&attrs->driver_udata);
	if (ret)
		return ERR_PTR(ret);
	mr = edu_mr_alloc(ibpd, length, iova, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);

	if (READ_ONCE(to_edu_dev(ibpd->device)->pin))
		ret = edu_mr_get_pinned(mr, offset, fd);
	else
		ret = edu_mr_get_dynamic(mr, offset, fd);
	if (ret) {
		edu_mr_destroy(mr);
		return ERR_PTR(ret);
	}
	return edu_mr_publish(mr);
}

int edu_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata)
{
	edu_mr_destroy(to_edu_mr(ibmr));
	return 0;
}
