// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of a buffer, and draining its importers.
 *
 * The reservation lock protects all state. Only a live buffer can be mapped, so
 * once the state has changed under the lock, the mappings of its list can only
 * go away. Revoke, kill and move therefore work alike:
 *
 *  1. With the lock held, change the state, notify every importer, and wait for
 *     the fences that importers left on the reservation object.
 *  2. Without the lock, which a late unmap needs, wait until the list counts no
 *     mapping.
 *
 * The count belongs to the list rather than to a particular revoke, so there is
 * nothing to re-arm: a restored buffer can be revoked again at once.
 *
 * A move copies the bytes between the two steps. The copy must not start before
 * the last importer has stopped, and the first importer must not use the new
 * place before the copy is done. If a device copies, importers wait for it the
 * usual way, by a fence. Since an importer holds the lock while it waits for
 * that fence, and a late unmap needs the lock, the copy is started before the
 * lock is dropped. Step 2 follows, and waits for nothing but unmaps.
 *
 * The exporter serialises revoke, restore, kill and move of a buffer, usually
 * by a lock that it takes before the reservation lock. That lock, not a
 * reference to the file, keeps the buffer around; see "DOC: lifetimes" in the
 * header.
 *
 * A restore waits for nothing. Importers are notified and map again in their
 * own time. The buffer counts those that have not done so yet, and those that
 * tried and failed; see dma_buf_phys_set_status().
 *
 * tools/model has all this as a model, with the names of these functions, that
 * is checked exhaustively. Change both together.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/mm.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static void phys_notify_attachments(struct dma_buf_phys *phys,
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

static void phys_notify_all(struct dma_buf_phys *phys,
			    enum dma_buf_phys_event event)
{
	phys_notify_attachments(phys, event);
	/* Scatterlist importers have only one event */
	if (!list_empty(&phys->dmabuf->attachments))
		dma_buf_invalidate_mappings(phys->dmabuf);
}

/* Page faults make new entries, if the state and the list let them */
static void phys_zap_mmaps(struct dma_buf_phys *phys)
{
	dma_resv_assert_held(phys->dmabuf->resv);

	/* Other drivers take away themselves what they have mapped */
	if (!phys->own_ops)
		return;
	/*
	 * An entry is made with this lock held, or copied by a fork or mremap(), and its
	 * area is in the tree before that: where there is no area there is no entry. A
	 * fork copies no huge entry, see phys_mmap_open(). i_mmap_rwsem is not held. While
	 * mm merges or expands an area, it takes it out of the tree, which may then look
	 * empty, but never a VM_PFNMAP area. A split inserts the new part before it removes
	 * the old one.
	 */
	if (mapping_mapped(phys->inode->i_mapping))
		/* All mappings are shared, so there are no private copies to drop */
		unmap_mapping_range(phys->inode->i_mapping, 0, 0, 0);
}

static void phys_wait_fences(struct dma_buf_phys *phys,
			     enum dma_resv_usage usage)
{
	dma_resv_wait_timeout(phys->dmabuf->resv, usage, false,
			      MAX_SCHEDULE_TIMEOUT);
}

/*
 * Usage of the fences that a revoke or a move waits for. Userspace can add
 * fences by DMA_BUF_IOCTL_IMPORT_SYNC_FILE that signal as late as they like, but
 * not with usage KERNEL. So the others count only while an importer may have
 * left some. A move must not wait for them either: it holds the locks that a
 * revoke needs.
 */
static enum dma_resv_usage phys_stop_usage(struct dma_buf_phys *phys)
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

static void phys_wait_unmapped(struct dma_buf_phys *phys,
			       struct dma_buf_phys_list *list)
{
	if (list)
		wait_event(phys->unmap_wait,
			   /* Pairs with dma_buf_phys_map_end() */
			   !smp_load_acquire(&list->nr_mapped));
}

/*
 * Change the state and bump @counter, if any. Watches read all of this under
 * phys->lock, which nobody holds while waiting, so they cost the exporter a
 * wake-up and nothing else, and that only if there is one.
 */
static void phys_set_state(struct dma_buf_phys *phys,
			   enum dma_buf_phys_state state, u64 *counter)
{
	bool watched;

	dma_resv_assert_held(phys->dmabuf->resv);

	scoped_guard(spinlock, &phys->lock) {
		if (counter)
			++*counter;
		phys->state = state;
		phys->nr_behind = 0;
		phys->nr_failed = 0;
		phys->generation++;
		watched = dma_buf_phys_new_event(phys);
	}
	if (watched)
		wake_up_all(&phys->watch_wait);
}

static __always_inline void __phys_take_access(struct dma_buf_phys *phys,
					       enum dma_buf_phys_state state)
{
	struct dma_buf_phys_list *list;

	dma_resv_lock(phys->dmabuf->resv, NULL);
	if (phys->state == DMA_BUF_PHYS_LIVE) {
		phys_set_state(phys, state, &phys->nr_revokes);
		phys_zap_mmaps(phys);
		phys_notify_all(phys, DMA_BUF_PHYS_EV_REVOKE);
		phys_wait_fences(phys, phys_stop_usage(phys));
	} else if (state == DMA_BUF_PHYS_DEAD && phys->state != state) {
		phys_set_state(phys, state, NULL);
	}
	list = phys->list;
	dma_resv_unlock(phys->dmabuf->resv);

	phys_wait_unmapped(phys, list);
}

static noinline void phys_take_access_timed(struct dma_buf_phys *phys,
					    enum dma_buf_phys_state state)
{
	u64 start = ktime_get_ns();

	__phys_take_access(phys, state);
	trace_dma_buf_phys_revoke_end(phys, ktime_get_ns() - start);
}

static void phys_take_access(struct dma_buf_phys *phys,
			     enum dma_buf_phys_state state)
{
	trace_dma_buf_phys_revoke_begin(phys);
	if (trace_dma_buf_phys_revoke_end_enabled())
		phys_take_access_timed(phys, state);
	else
		__phys_take_access(phys, state);
}

/**
 * dma_buf_phys_revoke - take access away until it is restored
 * @phys: the buffer
 *
 * When this returns, no importer can reach the memory and none has it mapped.
 * If the buffer is not live, this only waits for the mappings that are left.
 *
 * Context: may sleep; takes the reservation lock. The exporter's own lock keeps
 * the buffer around.
 */
void dma_buf_phys_revoke(struct dma_buf_phys *phys)
{
	phys_take_access(phys, DMA_BUF_PHYS_REVOKED);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_revoke);

/**
 * dma_buf_phys_restore - give access back after a revoke
 * @phys: the buffer
 *
 * Importers are notified and may map again from now on. Those that do so
 * without being asked do it later, in a context of their own. Does nothing
 * unless the buffer is revoked; in particular, a dead buffer stays dead.
 *
 * Context: may sleep; takes the reservation lock. The exporter's own lock keeps
 * the buffer around.
 */
void dma_buf_phys_restore(struct dma_buf_phys *phys)
{
	dma_resv_lock(phys->dmabuf->resv, NULL);
	if (phys->state == DMA_BUF_PHYS_REVOKED) {
		trace_dma_buf_phys_restore(phys);
		phys_set_state(phys, DMA_BUF_PHYS_LIVE, &phys->nr_restores);
		phys_notify_all(phys, DMA_BUF_PHYS_EV_RESTORE);
	}
	dma_resv_unlock(phys->dmabuf->resv);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_restore);

/**
 * dma_buf_phys_kill - take access away permanently
 * @phys: the buffer
 *
 * Does what dma_buf_phys_revoke() does, and drops the list, so that nothing
 * refers to the P2P provider anymore. Drivers call this before they give up
 * their device.
 *
 * Context: may sleep; takes the reservation lock. The exporter's own lock keeps
 * the buffer around.
 */
void dma_buf_phys_kill(struct dma_buf_phys *phys)
{
	struct dma_buf_phys_list *list;

	phys_take_access(phys, DMA_BUF_PHYS_DEAD);

	dma_resv_lock(phys->dmabuf->resv, NULL);
	list = phys->list;
	phys->list = NULL;
	dma_resv_unlock(phys->dmabuf->resv);
	dma_buf_phys_list_free(list);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_kill);

/**
 * dma_buf_phys_move_begin - stop importers so that the bytes can be copied
 * @phys: the buffer
 * @list: the new place, as large as the dma-buf; owned by the framework unless
 *	this fails
 *
 * When this returns, no importer uses the old place, none may use the new one
 * yet, and fences of usage KERNEL have signaled. Those that a program has added
 * may have not, unless an importer may leave fences. The exporter
 * copies the bytes, or starts to copy them, and calls dma_buf_phys_move_end()
 * in the same critical section. If the copy completes later, a fence of usage
 * KERNEL tells importers when::
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
 * while they wait for the fence, nor on dma_buf_phys_drain(), which waits for
 * importers.
 *
 * Context: may sleep; reservation lock held. The exporter's own lock keeps the
 * buffer around.
 *
 * Return: the list of the old place, possibly NULL, for dma_buf_phys_drain();
 * -EINVAL if @list and the dma-buf differ in size; -ENODEV if the buffer is
 * dead; -EBUSY if an importer has pinned it.
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
	phys_set_state(phys, phys->state, &phys->nr_moves);
	if (phys->state == DMA_BUF_PHYS_LIVE) {
		phys_zap_mmaps(phys);
		phys_notify_all(phys, DMA_BUF_PHYS_EV_MOVE);
	}
	/* Including that of an earlier copy, whose destination is the old place */
	phys_wait_fences(phys, phys_stop_usage(phys));
	return old;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_move_begin);

/**
 * dma_buf_phys_move_end - let importers use the new place
 * @phys: the buffer, between dma_buf_phys_move_begin() and the unlock
 *
 * The copy is complete, or a fence on the reservation object will signal when
 * it is.
 *
 * Context: may sleep; reservation lock held. May wait for that fence, if an
 * importer cannot make its device wait.
 */
void dma_buf_phys_move_end(struct dma_buf_phys *phys)
{
	dma_resv_assert_held(phys->dmabuf->resv);

	phys->moving = false;
	/* Scatterlist importers map again on their next use */
	if (phys->state == DMA_BUF_PHYS_LIVE)
		phys_notify_attachments(phys, DMA_BUF_PHYS_EV_RESTORE);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_move_end);

/**
 * dma_buf_phys_drain - wait until the old place is no longer mapped
 * @phys: the buffer
 * @old: what dma_buf_phys_move_begin() returned; freed
 *
 * Afterwards the memory can be reused, provided that the copy is complete.
 *
 * Context: may sleep; reservation lock not held.
 */
void dma_buf_phys_drain(struct dma_buf_phys *phys,
			struct dma_buf_phys_list *old)
{
	might_sleep();
	phys_wait_unmapped(phys, old);
	dma_buf_phys_list_free(old);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_drain);

/**
 * dma_buf_phys_move - switch to other memory
 * @phys: the buffer
 * @list: the new place, as large as the dma-buf; owned by the framework if this
 *	returns 0
 *
 * For exporters that do not copy, or that have copied while the buffer was
 * revoked: anything importers wrote to the old place since the copy is lost.
 * All others use dma_buf_phys_move_begin(). When this returns, no importer uses
 * the old place.
 *
 * Context: may sleep; takes the reservation lock. The exporter's own lock keeps
 * the buffer around.
 *
 * Return: 0; -EINVAL if @list and the dma-buf differ in size; -ENODEV if the
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
