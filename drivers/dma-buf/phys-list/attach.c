// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importers: attach, map, unmap, detach.
 *
 * An attachment is on the buffer's list before the reservation lock is dropped
 * for the first time, complete with its callback and private pointer. So an
 * importer misses no event: what happens before the attach is in the state it
 * finds, what happens after it comes as a notification, and dma_buf_phys_map()
 * succeeds or fails by the state at that moment.
 */
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include "internal.h"
#include "trace.h"

static int check_types(const struct dma_buf_phys_list *list,
		       const struct dma_buf_phys_importer_ops *ops)
{
	return list->types & ~ops->types ? -EOPNOTSUPP : 0;
}

static int add_attachment(struct dma_buf_phys_attachment *at)
{
	struct dma_buf_phys *phys = at->phys;
	struct dma_buf_phys_list *list;
	int ret;

	dma_resv_assert_held(at->dmabuf->resv);

	if (phys->state == DMA_BUF_PHYS_DEAD)
		return -ENODEV;
	/* A revoked buffer may have no list yet; then map checks the types */
	if (phys->state == DMA_BUF_PHYS_LIVE || phys->list) {
		list = phys_get_list(phys);
		if (IS_ERR(list))
			return PTR_ERR(list);
		ret = check_types(list, at->ops);
		if (ret)
			return ret;
	}
	list_add_tail(&at->node, &phys->attachments);
	return 0;
}

/**
 * dma_buf_phys_attach - attach an importer to a dma-buf
 * @dmabuf: the dma-buf; the caller holds a reference until it has detached
 * @ops: the importer's callbacks
 * @priv: the importer's, complete before this is called: a notification may
 *	come before it returns
 *
 * A revoked buffer can be attached, so that the importer is told when it is
 * restored.
 *
 * Context: may sleep; reservation lock not held.
 *
 * Return: the attachment, to be ended by dma_buf_phys_detach() or
 * dma_buf_phys_detach_locked(); or
 * -EOPNOTSUPP if the dma-buf has no physical list (use the scatterlist) or one
 * with a type the importer cannot use; -ENODEV if the buffer is dead; -EINVAL
 * if @ops has no notify callback; -ENOMEM; or what the exporter returned when
 * asked for the list.
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
	phys = phys_from_dmabuf(dmabuf);
	if (!phys)
		return ERR_PTR(-EOPNOTSUPP);

	at = kzalloc_obj(*at, GFP_KERNEL_ACCOUNT);
	if (!at)
		return ERR_PTR(-ENOMEM);
	at->dmabuf = dmabuf;
	at->phys = phys;
	at->ops = ops;
	at->priv = priv;

	dma_resv_lock(dmabuf->resv, NULL);
	ret = add_attachment(at);
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
 * dma_buf_phys_detach_locked - end an attachment
 * @at: the attachment, with nothing mapped; freed
 *
 * For importers that map when they are notified of a restore: one may come as
 * long as they are attached, so the last unmap and the detach must be in one
 * critical section.
 *
 * Context: does not sleep; reservation lock held. The caller's own reference to
 * the dma-buf keeps the lock alive.
 */
void dma_buf_phys_detach_locked(struct dma_buf_phys_attachment *at)
{
	dma_resv_assert_held(at->dmabuf->resv);

	WARN_ON(at->nr_mapped);
	dma_buf_phys_set_status(at, 0);
	list_del(&at->node);
	trace_dma_buf_phys_detach(at->phys);
	kfree(at);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_detach_locked);

/**
 * dma_buf_phys_detach - end an attachment
 * @at: the attachment, with nothing mapped and of an importer that does not map
 *	in its callback; freed
 *
 * No notification comes after this has returned.
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
 * dma_buf_phys_pin - keep a buffer where it is
 * @at: the attachment
 *
 * For importers that cannot follow a move: until dma_buf_phys_unpin() the
 * exporter's moves fail with -EBUSY. A revoke it must follow all the same. This
 * is dma_buf_pin() for whoever has no attachment that the exporter knows.
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
 * dma_buf_phys_map - get the list and the right to use what it describes
 * @at: the attachment
 *
 * The list and the memory stay until the matching dma_buf_phys_unmap(), which
 * the importer must call in bounded time when it is notified of a move or a
 * revoke. An importer may map several times.
 *
 * Context: may sleep; reservation lock held.
 *
 * Return: the list; or -ENODEV if the buffer is revoked or dead; -EBUSY in the
 * middle of a move; -EOPNOTSUPP if it has moved to memory of a type the importer
 * cannot use; or what the exporter returned when asked for the list.
 */
struct dma_buf_phys_list *dma_buf_phys_map(struct dma_buf_phys_attachment *at)
{
	struct dma_buf_phys_list *list;
	int ret;

	dma_resv_assert_held(at->dmabuf->resv);

	list = phys_map_begin(at->phys);
	if (!IS_ERR(list)) {
		ret = check_types(list, at->ops);
		if (ret) {
			phys_map_end(at->phys, list);
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
 * dma_buf_phys_unmap - give back a list
 * @at: the attachment
 * @list: what dma_buf_phys_map() returned; not to be used any more
 *
 * The importer no longer uses the memory and neither does any device.
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_unmap(struct dma_buf_phys_attachment *at,
			struct dma_buf_phys_list *list)
{
	trace_dma_buf_phys_unmap(at->phys);
	at->nr_mapped--;
	phys_map_end(at->phys, list);
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_unmap);
