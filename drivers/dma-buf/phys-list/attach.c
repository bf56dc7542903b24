// SPDX-License-Identifier: GPL-2.0-only
/*
 * The importer's interface: attach, map, unmap, detach.
 *
 * When dma_buf_phys_attach() drops the reservation lock, the attachment is
 * complete, private pointer included, and on the buffer's list. So an importer
 * misses no event: what happened before is part of the state it finds, what
 * happens later is notified, and whether dma_buf_phys_map() succeeds depends on
 * the state at that moment alone.
 */
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

static int phys_check_types(const struct dma_buf_phys_list *list,
			    const struct dma_buf_phys_importer_ops *ops)
{
	return list->types & ~ops->types ? -EOPNOTSUPP : 0;
}

static int phys_attach_locked(struct dma_buf_phys_attachment *at)
{
	struct dma_buf_phys *phys = at->phys;
	struct dma_buf_phys_list *list;
	int ret;

	dma_resv_assert_held(at->dmabuf->resv);

	if (phys->state == DMA_BUF_PHYS_DEAD)
		return -ENODEV;
	/* A revoked buffer may have no list yet; map checks the types then */
	if (phys->state == DMA_BUF_PHYS_LIVE || phys->list) {
		list = dma_buf_phys_get_list(phys);
		if (IS_ERR(list))
			return PTR_ERR(list);
		ret = phys_check_types(list, at->ops);
		if (ret)
			return ret;
	}
	list_add_tail(&at->node, &phys->attachments);
	return 0;
}

/**
 * dma_buf_phys_attach - attach an importer to a dma-buf
 * @dmabuf: the dma-buf; the caller holds a reference until it has detached
 * @ops: callbacks of the importer
 * @priv: importer's private pointer, ready for use: notifications may arrive
 *	before this returns
 *
 * A revoked buffer can be attached to. The importer is notified of the restore.
 *
 * Context: may sleep; reservation lock not held.
 *
 * Return: the attachment, to be ended with dma_buf_phys_detach() or
 * dma_buf_phys_detach_locked(); -EOPNOTSUPP if the dma-buf has no physical
 * list, in which case the importer can fall back to a scatterlist, or if the
 * list has a type that the importer cannot use; -EACCES if the dma-buf's file
 * was created without FMODE_READ; -ENODEV if the buffer is dead; -EINVAL if
 * @ops has no notify callback; -ENOMEM; or the exporter's error when asked for
 * the list.
 */
struct dma_buf_phys_attachment *
dma_buf_phys_attach(struct dma_buf *dmabuf,
		    const struct dma_buf_phys_importer_ops *ops, void *priv)
{
	struct dma_buf_phys_attachment *at;
	struct dma_buf_phys *phys;
	int ret;

	if (!ops || !ops->notify)
		return ERR_PTR(-EINVAL);
	phys = dma_buf_phys_lookup(dmabuf);
	if (!phys)
		return ERR_PTR(-EOPNOTSUPP);
	if (!phys->readable)
		return ERR_PTR(-EACCES);

	at = kzalloc_obj(*at, GFP_KERNEL_ACCOUNT);
	if (!at)
		return ERR_PTR(-ENOMEM);
	at->dmabuf = dmabuf;
	at->phys = phys;
	at->ops = ops;
	at->priv = priv;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = phys_attach_locked(at);
	dma_resv_unlock(dmabuf->resv);
	trace_dma_buf_phys_attach(phys, ret);
	if (ret) {
		kfree(at);
		return ERR_PTR(ret);
	}
	return at;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_attach);

/**
 * dma_buf_phys_detach_locked - end an attachment, reservation lock held
 * @at: the attachment, with nothing mapped; freed
 *
 * For importers that map when they are notified of a restore. A notification
 * may arrive for as long as they are attached, so the last unmap and the detach
 * have to be in the same critical section.
 *
 * Context: does not sleep; reservation lock held. The caller's reference to the
 * dma-buf keeps the lock around.
 */
void dma_buf_phys_detach_locked(struct dma_buf_phys_attachment *at)
{
	dma_resv_assert_held(at->dmabuf->resv);

	WARN_ON(at->nr_mapped);
	if (at->status)
		dma_buf_phys_set_status(at, 0);
	list_del(&at->node);
	trace_dma_buf_phys_detach(at->phys);
	kfree(at);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_detach_locked);

/**
 * dma_buf_phys_detach - end an attachment
 * @at: the attachment, with nothing mapped; freed
 *
 * No notification arrives after this has returned. An importer that maps in its
 * notify callback has to use dma_buf_phys_detach_locked() instead.
 *
 * Context: may sleep; reservation lock not held.
 */
void dma_buf_phys_detach(struct dma_buf_phys_attachment *at)
{
	struct dma_buf *dmabuf = at->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_phys_detach_locked(at);
	dma_resv_unlock(dmabuf->resv);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_detach);

/**
 * dma_buf_phys_pin - keep a buffer from moving
 * @at: the attachment
 *
 * For importers that cannot follow a move: the exporter's moves fail with
 * -EBUSY until dma_buf_phys_unpin(). A revoke has to be followed regardless.
 * This is dma_buf_pin() for importers without a &struct dma_buf_attachment.
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_pin(struct dma_buf_phys_attachment *at)
{
	dma_resv_assert_held(at->dmabuf->resv);
	at->phys->nr_pinned++;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_pin);

/**
 * dma_buf_phys_unpin - undo dma_buf_phys_pin()
 * @at: the attachment
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_unpin(struct dma_buf_phys_attachment *at)
{
	dma_resv_assert_held(at->dmabuf->resv);
	at->phys->nr_pinned--;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_unpin);

/**
 * dma_buf_phys_map - get the list and the right to use the memory
 * @at: the attachment
 *
 * The list is valid, and the memory stays where it is, until the matching
 * dma_buf_phys_unmap(), which the importer has to call within bounded time when
 * it is notified of a move or a revoke. An importer may map several times.
 *
 * Context: may sleep; reservation lock held.
 *
 * Return: the list; -ENODEV if the buffer is revoked or dead; -EBUSY between
 * the halves of a move; -EOPNOTSUPP if the buffer has moved to a type of memory
 * that the importer cannot use; or the exporter's error when asked for the
 * list.
 */
struct dma_buf_phys_list *dma_buf_phys_map(struct dma_buf_phys_attachment *at)
{
	struct dma_buf_phys_list *list;
	int ret;

	dma_resv_assert_held(at->dmabuf->resv);

	list = dma_buf_phys_map_begin(at->phys);
	if (!IS_ERR(list)) {
		ret = phys_check_types(list, at->ops);
		if (ret) {
			dma_buf_phys_map_end(at->phys, list);
			list = ERR_PTR(ret);
		} else {
			at->nr_mapped++;
		}
	}
	trace_dma_buf_phys_map(at->phys, PTR_ERR_OR_ZERO(list));
	return list;
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_map);

/**
 * dma_buf_phys_unmap - undo dma_buf_phys_map()
 * @at: the attachment
 * @list: what dma_buf_phys_map() returned; must not be used afterwards
 *
 * Neither the importer nor any device uses the memory anymore.
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_unmap(struct dma_buf_phys_attachment *at,
			struct dma_buf_phys_list *list)
{
	trace_dma_buf_phys_unmap(at->phys);
	at->nr_mapped--;
	dma_buf_phys_map_end(at->phys, list);
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_unmap);

/**
 * dma_buf_phys_dma_map - map a slice of a dma-buf for the DMA of a device
 * @at: the attachment
 * @dev: the device; stopping its DMA is up to the importer
 * @offset: position of the slice in the dma-buf in bytes, page aligned
 * @length: length of the slice in bytes, page aligned and not 0
 * @dir: direction of the DMA
 * @dma: the mapping, filled in on success; must not move until it is unmapped
 *
 * This is to importers with a device what dma_buf_phys_map() is to importers
 * that program translation tables, and the same rules apply. Undone by
 * dma_buf_phys_dma_unmap(). A buffer may be mapped for several devices, and
 * several slices of it for the same device.
 *
 * Nothing is copied or bounced; memory that the device cannot reach in place is
 * an error. The cost is proportional to the number of groups, and to the number
 * of frags only where each has to be entered into IOMMU page tables.
 *
 * Context: may sleep; reservation lock held.
 *
 * Return: 0; -ENODEV if the buffer is revoked or dead; -EBUSY between the
 * halves of a move; -EACCES if the buffer is read-only and @dir is not
 * DMA_TO_DEVICE; -EREMOTEIO if there is no route from the device to a group of
 * the slice, which is logged with the names of both devices, or if the device
 * cannot address a group, or not in place; -EOPNOTSUPP if the buffer is
 * encrypted, or has moved to a type of memory that the importer cannot use;
 * -EINVAL if the slice is invalid; -EINTR if the calling process is being
 * killed; -ENOMEM; -EIO or another error of the DMA API; or the exporter's
 * error when asked for the list.
 */
int dma_buf_phys_dma_map(struct dma_buf_phys_attachment *at, struct device *dev,
			 u64 offset, u64 length, enum dma_data_direction dir,
			 struct dma_buf_phys_dma *dma)
{
	struct dma_buf_phys_list *list;
	int ret;

	if (dir != DMA_TO_DEVICE && !at->phys->writable)
		return -EACCES;
	list = dma_buf_phys_map(at);
	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = dma_buf_phys_map_slice(dma, dev, list, offset, length, dir);
	if (ret) {
		dma_buf_phys_unmap(at, list);
		return ret;
	}
	dma->at = at;
	return 0;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_map);

/**
 * dma_buf_phys_dma_unmap - undo dma_buf_phys_dma_map()
 * @dma: the mapping, which the device no longer uses
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_dma_unmap(struct dma_buf_phys_dma *dma)
{
	dma_buf_phys_unmap_slice(dma);
	dma_buf_phys_unmap(dma->at, dma->list);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_unmap);
