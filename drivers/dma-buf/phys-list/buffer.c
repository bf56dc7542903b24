// SPDX-License-Identifier: GPL-2.0-only
/*
 * A buffer: its beginning and end, its list, and what is counted of its
 * mappings. state.c changes its state.
 */
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "internal.h"

/**
 * dma_buf_phys_init - give a dma-buf a physical side
 * @phys: the physical side, embedded in the exporter's buffer and zeroed
 * @dmabuf: the dma-buf; no importer can reach it yet
 * @ops: callbacks of the exporter; &dma_buf_phys_ops.get_list is mandatory
 *
 * For exporters with &struct dma_buf_ops of their own, which have to be
 * registered with dma_buf_phys_register(). The buffer is live. Undone by
 * dma_buf_phys_fini().
 *
 * Context: @dmabuf's file has not been handed out yet.
 */
void dma_buf_phys_init(struct dma_buf_phys *phys, struct dma_buf *dmabuf,
		       const struct dma_buf_phys_ops *ops)
{
	phys->dmabuf = dmabuf;
	phys->ops = ops;
	phys->inode = file_inode(dmabuf->file);
	ihold(phys->inode);
	phys->memcg = get_mem_cgroup_from_mm(current->mm);
	phys->readable = dmabuf->file->f_mode & FMODE_READ;
	phys->writable = dmabuf->file->f_mode & FMODE_WRITE;
	INIT_LIST_HEAD(&phys->attachments);
	spin_lock_init(&phys->lock);
	init_waitqueue_head(&phys->watch_wait);
	init_waitqueue_head(&phys->unmap_wait);
	dma_buf_phys_debugfs_add(phys);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_init);

/**
 * dma_buf_phys_fini - undo dma_buf_phys_init()
 * @phys: the physical side; the exporter may free it afterwards
 *
 * To be called from the exporter's release callback, once nothing else in the
 * exporter can reach @phys. With dma_buf_ops of its own, an exporter keeps its
 * device until this has returned: debugfs looks at the list's providers.
 *
 * Context: may sleep.
 */
void dma_buf_phys_fini(struct dma_buf_phys *phys)
{
	dma_buf_phys_debugfs_remove(phys);
	WARN_ON(!list_empty(&phys->attachments));
	dma_buf_phys_list_free(phys->list);
	phys->list = NULL;
	mem_cgroup_put(phys->memcg);
	iput(phys->inode);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_fini);

/**
 * dma_buf_phys_get_list - get the list, from the exporter if necessary
 * @phys: the buffer; reservation lock held
 *
 * Return: the list; the exporter's error; or -ENODEV if the buffer is dead, or
 * if it is revoked and the exporter has not been asked for a list before.
 */
struct dma_buf_phys_list *dma_buf_phys_get_list(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_list *list;
	struct mem_cgroup *old;

	dma_resv_assert_held(phys->dmabuf->resv);

	if (phys->list && phys->state != DMA_BUF_PHYS_DEAD)
		return phys->list;
	if (phys->state != DMA_BUF_PHYS_LIVE)
		return ERR_PTR(-ENODEV);

	/* Charge the exporter, not the first importer to come along */
	old = set_active_memcg(phys->memcg);
	list = phys->ops->get_list(phys);
	set_active_memcg(old);
	if (IS_ERR(list))
		return list;
	/* Importers rely on the list to describe exactly the dma-buf */
	if (list->size != phys->dmabuf->size) {
		dma_buf_phys_list_free(list);
		return ERR_PTR(-EINVAL);
	}
	phys->list = list;
	return list;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_phys_get_list);

/**
 * dma_buf_phys_map_begin - account for a new mapping
 * @phys: the buffer; reservation lock held
 *
 * Mappings of every access method but mmap begin here.
 *
 * Return: the list, until dma_buf_phys_map_end(); or an error as for
 * dma_buf_phys_map().
 */
struct dma_buf_phys_list *dma_buf_phys_map_begin(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(phys->dmabuf->resv);

	if (phys->state != DMA_BUF_PHYS_LIVE)
		return ERR_PTR(-ENODEV);
	/* The bytes are neither at the old place nor at the new one */
	if (phys->moving)
		return ERR_PTR(-EBUSY);
	list = dma_buf_phys_get_list(phys);
	if (!IS_ERR(list))
		list->nr_mapped++;
	return list;
}

static bool phys_status_is_failure(int status)
{
	return status && status != -EINPROGRESS;
}

/**
 * dma_buf_phys_set_status - report how far an importer has followed a restore
 * @at: the attachment
 * @status: 0 if the importer has mapped again or does not have to; -EINPROGRESS
 *	if it is going to; or the error it failed with, if it is going to retry
 *
 * For importers that map again on their own after a restore rather than on
 * their next use. Userspace can query how many importers are behind and how
 * many of them have failed. A watch fires when one fails and when the last one
 * has caught up. Revoke, move and kill reset the status to 0. A status reported
 * while the buffer is not live is ignored.
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_set_status(struct dma_buf_phys_attachment *at, int status)
{
	struct dma_buf_phys *phys = at->phys;
	bool fire;

	dma_resv_assert_held(at->dmabuf->resv);

	if (phys->state != DMA_BUF_PHYS_LIVE || at->status == status)
		return;
	scoped_guard(spinlock, &phys->lock) {
		phys->nr_behind += !!status - !!at->status;
		phys->nr_failed += phys_status_is_failure(status) -
				   phys_status_is_failure(at->status);
		fire = phys_status_is_failure(status) || !phys->nr_behind;
		if (fire)
			fire = dma_buf_phys_new_event(phys);
	}
	at->status = status;
	if (fire)
		wake_up_all(&phys->watch_wait);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_set_status);
