// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a buffer: live, revoked, dead; and the drain.
 *
 * All state is under the reservation lock. Only a live buffer can be mapped, so
 * once the state has changed under the lock the mappings of its list can only
 * become fewer. Taking access away is then always the same:
 *
 *  1. under the lock: change the state, tell every importer, wait for the
 *     fences importers left on the reservation object;
 *  2. without the lock, which a late unmap needs: wait until the list counts no
 *     mapping.
 *
 * The count belongs to the list and not to a particular revoke, so there is
 * nothing to re-arm: a restored buffer can be revoked again at once.
 *
 * A move is the same with a copy between the steps: the bytes can be copied only
 * after the last importer has stopped and must be there before the first one
 * uses the new place. A copy by a device is waited for as dma-buf has it, by a
 * fence. An importer holds the lock while it waits for that fence, and a late
 * unmap needs the lock: so the copy starts before the lock is dropped, and step
 * 2 comes after it and waits for nothing but unmaps.
 *
 * The exporter serialises revoke, restore, kill and move of one buffer, usually
 * by a lock of its own that is taken before the reservation lock. That lock, and
 * not a reference to the file, keeps the buffer while it calls them: see "DOC:
 * lifetimes" in the header.
 *
 * Giving access back is the opposite of taking it away: nobody has to be waited
 * for. Importers are told, and map again when they get to it. How many have not
 * yet done so, and how many of them tried and failed, is part of the state.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * dma_buf_phys_init - give a dma-buf its physical side
 * @phys: embedded in the exporter's buffer, zeroed
 * @dmabuf: the dma-buf; no importer can reach it yet
 * @ops: the exporter's callbacks; get_list is mandatory here
 *
 * For exporters with &struct dma_buf_ops of their own, which must be registered
 * with dma_buf_phys_register(). The buffer is live. Undone by
 * dma_buf_phys_fini().
 *
 * Context: @dmabuf's file is the caller's, who has not handed it out yet.
 */
void dma_buf_phys_init(struct dma_buf_phys *phys, struct dma_buf *dmabuf,
		       const struct dma_buf_phys_ops *ops)
{
	phys->dmabuf = dmabuf;
	phys->ops = ops;
	phys->inode = file_inode(dmabuf->file);
	ihold(phys->inode);
	phys->memcg = get_mem_cgroup_from_mm(current->mm);
	phys->writable = dmabuf->file->f_mode & FMODE_WRITE;
	INIT_LIST_HEAD(&phys->attachments);
	spin_lock_init(&phys->lock);
	init_waitqueue_head(&phys->changed);
	init_waitqueue_head(&phys->unmapped);
	phys_debugfs_add(phys);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_init);

/**
 * dma_buf_phys_fini - end of a dma-buf's physical side
 * @phys: what dma_buf_phys_init() was called for
 *
 * To be called from the exporter's release callback, once no other code of the
 * exporter can reach @phys.
 *
 * Context: may sleep.
 */
void dma_buf_phys_fini(struct dma_buf_phys *phys)
{
	phys_debugfs_remove(phys);
	WARN_ON(!list_empty(&phys->attachments));
	dma_buf_phys_list_free(phys->list);
	phys->list = NULL;
	mem_cgroup_put(phys->memcg);
	iput(phys->inode);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_fini);

/*
 * The list of a buffer that is not dead, asked for if need be. A revoked buffer
 * may have none yet: then it is asked for when it is live again, and the result
 * is -ENODEV as for a dead one.
 */
struct dma_buf_phys_list *phys_get_list(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_list *list;
	struct mem_cgroup *old;

	dma_resv_assert_held(phys->dmabuf->resv);

	if (phys->list && phys->state != DMA_BUF_PHYS_DEAD)
		return phys->list;
	if (phys->state != DMA_BUF_PHYS_LIVE || !phys->ops->get_list)
		return ERR_PTR(-ENODEV);

	/* Not to whoever happens to be the first to ask */
	old = set_active_memcg(phys->memcg);
	list = phys->ops->get_list(phys);
	set_active_memcg(old);
	if (IS_ERR(list))
		return list;
	/* What is mapped must be what the dma-buf promises */
	if (list->size != phys->dmabuf->size) {
		dma_buf_phys_list_free(list);
		return ERR_PTR(-EINVAL);
	}
	phys->list = list;
	return list;
}

/* Every mapping, of whichever access method, begins and ends here */
struct dma_buf_phys_list *phys_map_begin(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(phys->dmabuf->resv);

	if (phys->state != DMA_BUF_PHYS_LIVE)
		return ERR_PTR(-ENODEV);
	/* The bytes are at neither place */
	if (phys->moving)
		return ERR_PTR(-EBUSY);
	list = phys_get_list(phys);
	if (!IS_ERR(list))
		list->nr_mapped++;
	return list;
}

void phys_map_end(struct dma_buf_phys *phys, struct dma_buf_phys_list *list)
{
	unsigned int nr_mapped;

	dma_resv_assert_held(phys->dmabuf->resv);

	nr_mapped = list->nr_mapped - 1;
	/* Pairs with wait_unmapped(), whose caller may free the list */
	smp_store_release(&list->nr_mapped, nr_mapped);
	if (!nr_mapped && wq_has_sleeper(&phys->unmapped))
		wake_up_all(&phys->unmapped);
}

static bool has_failed(int status)
{
	return status && status != -EINPROGRESS;
}

/**
 * dma_buf_phys_set_status - say whether an importer has followed a restore
 * @at: the attachment
 * @status: 0: it has mapped again, or need not; -EINPROGRESS: it will, by
 *	itself; another error: it tried, this happened, and it will try again
 *
 * For importers that map by themselves after a restore and not at their next
 * use. Programs are told how many importers are behind and how many of them have
 * failed, and those that watch are woken when one fails and when the last one
 * has mapped. A revoke, a move and the end of the buffer set every status to 0;
 * one that comes while the buffer is not live is ignored.
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_set_status(struct dma_buf_phys_attachment *at, int status)
{
	struct dma_buf_phys *phys = at->phys;
	bool news;

	dma_resv_assert_held(at->dmabuf->resv);

	if (phys->state != DMA_BUF_PHYS_LIVE || at->status == status)
		return;
	scoped_guard(spinlock, &phys->lock) {
		phys->nr_behind += !!status - !!at->status;
		phys->nr_failed += has_failed(status) - has_failed(at->status);
		news = has_failed(status) || !phys->nr_behind;
		if (news) {
			phys->changed_at = ktime_get_ns();
			phys->news++;
		}
	}
	at->status = status;
	if (news)
		wake_up_all(&phys->changed);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_set_status);

static void notify_attachments(struct dma_buf_phys *phys,
			       enum dma_buf_phys_event event)
{
	struct dma_buf_phys_attachment *at;

	dma_resv_assert_held(phys->dmabuf->resv);

	list_for_each_entry(at, &phys->attachments, node) {
		if (event != DMA_BUF_PHYS_EV_RESTORE)
			at->status = 0;
		at->ops->notify(at, event);
	}
}

static void notify(struct dma_buf_phys *phys, enum dma_buf_phys_event event)
{
	notify_attachments(phys, event);
	/* Importers by scatterlist know one event only */
	dma_buf_invalidate_mappings(phys->dmabuf);
}

static void wait_fences(struct dma_buf_phys *phys, enum dma_resv_usage usage)
{
	dma_resv_wait_timeout(phys->dmabuf->resv, usage, false,
			      MAX_SCHEDULE_TIMEOUT);
}

/*
 * What a revoke waits for. Whoever has a descriptor may add fences as well, by
 * DMA_BUF_IOCTL_IMPORT_SYNC_FILE, and they may take as long as they like. They
 * count only where a fence may be an importer's; no program can add one of KERNEL.
 */
static enum dma_resv_usage importers_usage(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_attachment *at;

	dma_resv_assert_held(phys->dmabuf->resv);

	if (!list_empty(&phys->dmabuf->attachments))
		return DMA_RESV_USAGE_BOOKKEEP;
	list_for_each_entry(at, &phys->attachments, node)
		if (at->ops->leaves_fences)
			return DMA_RESV_USAGE_BOOKKEEP;
	return DMA_RESV_USAGE_KERNEL;
}

static void wait_unmapped(struct dma_buf_phys *phys,
			  struct dma_buf_phys_list *list)
{
	if (list)
		wait_event(phys->unmapped,
			   /* Pairs with phys_map_end() */
			   !smp_load_acquire(&list->nr_mapped));
}

/*
 * Changes that importers need not know of are for programs that watch. Those
 * take phys->lock only, and never while they wait: each costs the exporter a
 * wake-up.
 */
static void change(struct dma_buf_phys *phys, enum dma_buf_phys_state state,
		   u64 *count)
{
	dma_resv_assert_held(phys->dmabuf->resv);

	scoped_guard(spinlock, &phys->lock) {
		if (count)
			++*count;
		phys->state = state;
		phys->nr_behind = 0;
		phys->nr_failed = 0;
		phys->changed_at = ktime_get_ns();
		phys->generation++;
		phys->news++;
	}
	wake_up_all(&phys->changed);
}

static void take_access(struct dma_buf_phys *phys,
			enum dma_buf_phys_state state)
{
	struct dma_buf_phys_list *list;
	bool traced = trace_dma_buf_phys_revoke_end_enabled();
	u64 start = traced ? ktime_get_ns() : 0;

	might_sleep();
	trace_dma_buf_phys_revoke_begin(phys);

	dma_resv_lock(phys->dmabuf->resv, NULL);
	if (phys->state == DMA_BUF_PHYS_LIVE) {
		change(phys, state, &phys->nr_revokes);
		phys_mmap_zap(phys);
		notify(phys, DMA_BUF_PHYS_EV_REVOKE);
		wait_fences(phys, importers_usage(phys));
	} else if (state == DMA_BUF_PHYS_DEAD && phys->state != state) {
		change(phys, state, NULL);
	}
	list = phys->list;
	dma_resv_unlock(phys->dmabuf->resv);

	wait_unmapped(phys, list);
	if (traced)
		trace_dma_buf_phys_revoke_end(phys, ktime_get_ns() - start);
}

/**
 * dma_buf_phys_revoke - take access away until it is restored
 * @phys: the buffer
 *
 * When this returns no importer can reach the memory and none has a mapping.
 * Does nothing but wait if the buffer is not live.
 *
 * Context: may sleep; takes the reservation lock; the exporter's own lock keeps
 * the buffer.
 */
void dma_buf_phys_revoke(struct dma_buf_phys *phys)
{
	take_access(phys, DMA_BUF_PHYS_REVOKED);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_revoke);

/**
 * dma_buf_phys_restore - give access back
 * @phys: the buffer
 *
 * Importers are told, and may map again from now on; those that do so by
 * themselves do it later, in a context of their own. Does nothing unless the
 * buffer is revoked: a dead one stays dead.
 *
 * Context: may sleep; takes the reservation lock; the exporter's own lock keeps
 * the buffer.
 */
void dma_buf_phys_restore(struct dma_buf_phys *phys)
{
	dma_resv_lock(phys->dmabuf->resv, NULL);
	if (phys->state == DMA_BUF_PHYS_REVOKED) {
		trace_dma_buf_phys_restore(phys);
		change(phys, DMA_BUF_PHYS_LIVE, &phys->nr_restores);
		notify(phys, DMA_BUF_PHYS_EV_RESTORE);
	}
	dma_resv_unlock(phys->dmabuf->resv);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_restore);

/**
 * dma_buf_phys_kill - take access away for ever
 * @phys: the buffer
 *
 * Like dma_buf_phys_revoke(), and drops the list, so that nothing refers to the
 * provider any more: what a driver calls before it gives up its device.
 *
 * Context: may sleep; takes the reservation lock; the exporter's own lock keeps
 * the buffer.
 */
void dma_buf_phys_kill(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_list *list;

	take_access(phys, DMA_BUF_PHYS_DEAD);

	dma_resv_lock(phys->dmabuf->resv, NULL);
	list = phys->list;
	phys->list = NULL;
	dma_resv_unlock(phys->dmabuf->resv);
	dma_buf_phys_list_free(list);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_kill);

/**
 * dma_buf_phys_move_begin - stop importers, for the bytes to be copied
 * @phys: the buffer
 * @list: where the bytes will be, as long as the dma-buf; owned by the
 *	framework unless this fails
 *
 * When this returns no importer uses the old place, none may use the new one
 * yet, and every fence on the reservation object has signaled. Then comes the
 * copy, now or later, and dma_buf_phys_move_end(), in the same critical
 * section. For a copy that is made later a fence of usage KERNEL is added in
 * between, for importers to wait for::
 *
 *	dma_resv_lock(resv, NULL);
 *	ret = dma_resv_reserve_fences(resv, 1);
 *	...
 *	old = dma_buf_phys_move_begin(phys, list);
 *	...
 *	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_KERNEL);
 *	start_copy();
 *	dma_buf_phys_move_end(phys);
 *	dma_resv_unlock(resv);
 *	dma_buf_phys_drain(phys, old);
 *
 * The copy must depend neither on the reservation lock, which importers hold
 * while they wait for it, nor on dma_buf_phys_drain(), which waits for importers.
 *
 * Context: may sleep; reservation lock held; the exporter's own lock keeps the
 * buffer.
 *
 * Return: the list of the old place, perhaps NULL, to be given to
 * dma_buf_phys_drain(); -EINVAL if @list has another size than the dma-buf;
 * -ENODEV if the buffer is dead; -EBUSY if an importer has pinned it.
 */
struct dma_buf_phys_list *
dma_buf_phys_move_begin(struct dma_buf_phys *phys,
			struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_list *old;

	dma_resv_assert_held(phys->dmabuf->resv);

	if (list->size != phys->dmabuf->size)
		return ERR_PTR(-EINVAL);
	if (phys->state == DMA_BUF_PHYS_DEAD)
		return ERR_PTR(-ENODEV);
	if (phys->nr_pinned)
		return ERR_PTR(-EBUSY);

	trace_dma_buf_phys_move(phys);
	old = phys->list;
	phys->list = list;
	phys->moving = true;
	change(phys, phys->state, &phys->nr_moves);
	if (phys->state == DMA_BUF_PHYS_LIVE) {
		phys_mmap_zap(phys);
		notify(phys, DMA_BUF_PHYS_EV_MOVE);
	}
	/* Of importers, and of a copy that was made to the old place */
	wait_fences(phys, DMA_RESV_USAGE_BOOKKEEP);
	return old;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_move_begin);

/**
 * dma_buf_phys_move_end - let importers use the new place
 * @phys: the buffer, between dma_buf_phys_move_begin() and the unlock
 *
 * The bytes are there, or a fence on the reservation object signals when they
 * are.
 *
 * Context: may sleep; reservation lock held. May wait for the fence, if there
 * is an importer that cannot make its device wait.
 */
void dma_buf_phys_move_end(struct dma_buf_phys *phys)
{
	dma_resv_assert_held(phys->dmabuf->resv);

	phys->moving = false;
	/* Importers by scatterlist map at their next use */
	if (phys->state == DMA_BUF_PHYS_LIVE)
		notify_attachments(phys, DMA_BUF_PHYS_EV_RESTORE);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_move_end);

/**
 * dma_buf_phys_drain - wait until nobody has the old place mapped
 * @phys: the buffer
 * @old: what dma_buf_phys_move_begin() returned; freed
 *
 * Then the memory there may be used for something else, once it has been copied.
 *
 * Context: may sleep; reservation lock not held.
 */
void dma_buf_phys_drain(struct dma_buf_phys *phys,
			struct dma_buf_phys_list *old)
{
	might_sleep();
	wait_unmapped(phys, old);
	dma_buf_phys_list_free(old);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_drain);

/**
 * dma_buf_phys_move - use other memory from now on
 * @phys: the buffer
 * @list: where it is, as long as the dma-buf; owned by the framework when 0 is
 *	returned
 *
 * For exporters that copy nothing, or that have copied while the buffer was
 * revoked: what importers have written to the old place since is lost. Those
 * that copy between use dma_buf_phys_move_begin(). When this returns no importer
 * uses the old place.
 *
 * Context: may sleep; takes the reservation lock; the exporter's own lock keeps
 * the buffer.
 *
 * Return: 0; -EINVAL if @list has another size than the dma-buf; -ENODEV if the
 * buffer is dead; -EBUSY if an importer has pinned it.
 */
int dma_buf_phys_move(struct dma_buf_phys *phys, struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_list *old;

	dma_resv_lock(phys->dmabuf->resv, NULL);
	old = dma_buf_phys_move_begin(phys, list);
	if (!IS_ERR(old))
		dma_buf_phys_move_end(phys);
	dma_resv_unlock(phys->dmabuf->resv);
	if (IS_ERR(old))
		return PTR_ERR(old);

	dma_buf_phys_drain(phys, old);
	return 0;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_move);
