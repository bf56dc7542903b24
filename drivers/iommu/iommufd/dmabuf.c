// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopt_pages whose source is a dma-buf with a physical list.
 *
 * The tracker has an element for every area and domain that shall be mapped, so
 * that all of them can be unmapped and mapped again without the locks of any
 * io_pagetable. pages->dmabuf.list is NULL while the dma-buf is revoked; then
 * areas exist and are accounted for as always, but no domain maps anything for
 * them.
 *
 * Lock order: io_pagetable locks, then the dma-buf's reservation lock, then
 * pages->mutex. The list is set under the reservation lock and cleared under
 * both of the last two: who holds pages->mutex and sees a list may use it.
 * Domains are filled and emptied under pages->mutex, not necessarily under the
 * reservation lock.
 *
 * A revoke is synchronous, and the exporter waits for it; see dmabuf_fill.c for how
 * little.
 *
 * A restore must cost the exporter next to nothing: the notification queues a
 * work item, which waits for the exporter's copy, if there is one, and then maps
 * what is not mapped, on account of the memory cgroup that asked for the mapping
 * in the first place. If it fails it says so, keeps what it has, and tries again
 * later. So does everyone who attaches a domain or copies a mapping meanwhile,
 * before anything else, and fails if that fails.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-resv.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>

#include "io_pagetable.h"

#define IOPT_DMABUF_MIN_DELAY msecs_to_jiffies(100)
#define IOPT_DMABUF_MAX_DELAY msecs_to_jiffies(10000)

/**
 * iopt_dmabuf_mapped() - Is all mapped that should be?
 * @pages: pages of type IOPT_ADDRESS_DMABUF
 *
 * Return: whether it is.
 */
bool iopt_dmabuf_mapped(struct iopt_pages *pages)
{
	struct iopt_pages_dmabuf_track *track;

	lockdep_assert_held(&pages->mutex);

	list_for_each_entry(track, &pages->dmabuf.tracker, elm)
		if (!track->mapped)
			return false;
	return true;
}

static void iopt_dmabuf_stop(struct iopt_pages *pages,
			     struct dma_buf_phys_attachment *attach)
{
	struct iopt_pages_dmabuf_track *track;
	struct dma_buf_phys_list *list = pages->dmabuf.list;

	lockdep_assert_held(&pages->mutex);

	if (!list)
		return;
	list_for_each_entry(track, &pages->dmabuf.tracker, elm) {
		if (!track->mapped)
			continue;
		iopt_area_unmap_domain(track->area, track->domain);
		track->mapped = false;
		iopt_dmabuf_lose_dirty(track);
	}
	WRITE_ONCE(pages->dmabuf.list, NULL);
	dma_buf_phys_unmap(attach, list);
}

/*
 * Lock the reservation when the bytes have arrived: a device uses what is mapped
 * for it at once and knows of no fences. The wait itself is without the lock,
 * which others need meanwhile.
 */
static int iopt_dmabuf_lock(struct dma_buf *dmabuf, bool intr)
{
	long ret;

	while (true) {
		ret = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL,
					    intr, MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ret;
		dma_resv_lock(dmabuf->resv, NULL);
		if (dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_KERNEL))
			return 0;
		dma_resv_unlock(dmabuf->resv);
	}
}

static int iopt_dmabuf_get_list(struct iopt_pages *pages)
{
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(pages->dmabuf.attach->dmabuf->resv);

	if (pages->dmabuf.list)
		return 0;
	list = dma_buf_phys_map(pages->dmabuf.attach);
	if (IS_ERR(list))
		return PTR_ERR(list);
	WRITE_ONCE(pages->dmabuf.list, list);
	return 0;
}

static void iopt_dmabuf_set_status(struct iopt_pages *pages, int status)
{
	WRITE_ONCE(pages->dmabuf.status, status);
	dma_buf_phys_set_status(pages->dmabuf.attach, status);
}

static void iopt_dmabuf_restore(struct work_struct *work)
{
	struct iopt_pages_dmabuf *source =
		container_of(to_delayed_work(work), struct iopt_pages_dmabuf,
			     restore);
	struct iopt_pages *pages =
		container_of(source, struct iopt_pages, dmabuf);
	struct dma_buf *dmabuf = source->attach->dmabuf;
	struct mem_cgroup *old = set_active_memcg(source->memcg);
	int rc;

	rc = iopt_dmabuf_lock(dmabuf, false);
	if (rc)
		dma_resv_lock(dmabuf->resv, NULL);
	else
		rc = iopt_dmabuf_get_list(pages);
	if (!rc) {
		dma_resv_unlock(dmabuf->resv);
		rc = iopt_dmabuf_fill_all(pages);
		dma_resv_lock(dmabuf->resv, NULL);
		/* Revoked meanwhile; only this function sets it */
		if (!source->list)
			rc = -ENODEV;
	}
	/* If it has been restored again, the work has been queued again */
	if (rc != -ENODEV)
		iopt_dmabuf_set_status(pages, rc);
	if (rc && rc != -ENODEV) {
		queue_delayed_work(system_dfl_long_wq, &source->restore,
				   source->delay);
		source->delay = min(source->delay * 2, IOPT_DMABUF_MAX_DELAY);
	}
	dma_resv_unlock(dmabuf->resv);
	set_active_memcg(old);
}

/*
 * The workqueue: nothing that frees memory waits for a restore, and a restore
 * may sleep for the memory or the copy of others, which must not hold up those
 * of other programs.
 */
static void iopt_dmabuf_notify(struct dma_buf_phys_attachment *attach,
			       enum dma_buf_phys_event event)
{
	struct iopt_pages *pages = attach->priv;

	if (event == DMA_BUF_PHYS_EV_RESTORE) {
		/* Before that iopt_map_dmabuf() maps, or fails */
		if (!pages->dmabuf.attach)
			return;
		iopt_dmabuf_set_status(pages, -EINPROGRESS);
		pages->dmabuf.delay = IOPT_DMABUF_MIN_DELAY;
		mod_delayed_work(system_dfl_long_wq, &pages->dmabuf.restore, 0);
		return;
	}

	WRITE_ONCE(pages->dmabuf.stop, true);
	guard(mutex)(&pages->mutex);
	WRITE_ONCE(pages->dmabuf.stop, false);
	WRITE_ONCE(pages->dmabuf.status, 0);
	iopt_dmabuf_stop(pages, attach);
}

static const struct dma_buf_phys_importer_ops iopt_dmabuf_importer_ops = {
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P) |
		 BIT(DMA_BUF_PHYS_ENCRYPTED),
	.notify = iopt_dmabuf_notify,
};

/**
 * iopt_dmabuf_settle() - Let a restore that is due happen now
 * @pages: pages of type IOPT_ADDRESS_DMABUF, not locked
 *
 * For those who are about to say that something is mapped.
 */
void iopt_dmabuf_settle(struct iopt_pages *pages)
{
	if (READ_ONCE(pages->dmabuf.status))
		flush_delayed_work(&pages->dmabuf.restore);
}

/**
 * iopt_dmabuf_lock_pinned() - Lock pages, and keep the dma-buf where it is
 * @pages: pages of type IOPT_ADDRESS_DMABUF, not locked
 *
 * For those who are about to tell a physical address: a device that uses it can
 * be kept from it by nobody. Until iopt_unmap_dmabuf() the dma-buf stays. Of one
 * that is not mapped there is nothing to tell, and its exporter may have to move it
 * before it can be: it is not pinned, see iopt_dmabuf_revoked().
 */
void iopt_dmabuf_lock_pinned(struct iopt_pages *pages)
{
	struct dma_buf_phys_attachment *attach = pages->dmabuf.attach;
	struct dma_resv *resv = attach->dmabuf->resv;

	while (true) {
		iopt_dmabuf_settle(pages);
		dma_resv_lock(resv, NULL);
		mutex_lock(&pages->mutex);
		/* Unless it has moved again, which it may do for ever */
		if (iopt_dmabuf_mapped(pages) ||
		    pages->dmabuf.status != -EINPROGRESS ||
		    fatal_signal_pending(current))
			break;
		mutex_unlock(&pages->mutex);
		dma_resv_unlock(resv);
	}
	if (!pages->dmabuf.pinned && iopt_dmabuf_mapped(pages)) {
		dma_buf_phys_pin(attach);
		pages->dmabuf.pinned = true;
	}
	dma_resv_unlock(resv);
}

/**
 * iopt_map_dmabuf() - Attach to a dma-buf and map its list
 * @pages: iopt_pages of type IOPT_ADDRESS_DMABUF that no area uses yet
 * @dmabuf: the dma-buf; on success its reference belongs to @pages
 *
 * Return: 0; -EACCES if it was opened for reading and is to be written to;
 * -EOPNOTSUPP if it has no physical list or one of memory that no IOMMU may map;
 * -ENODEV if it is revoked; -ERESTARTSYS; -ENOMEM.
 */
int iopt_map_dmabuf(struct iopt_pages *pages, struct dma_buf *dmabuf)
{
	struct dma_buf_phys_attachment *attach;
	int rc;

	INIT_DELAYED_WORK(&pages->dmabuf.restore, iopt_dmabuf_restore);
	attach = dma_buf_phys_attach(dmabuf, &iopt_dmabuf_importer_ops, pages);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	if (pages->writable && !dma_buf_phys_is_writable(dmabuf)) {
		rc = -EACCES;
		goto err_detach;
	}
	rc = iopt_dmabuf_lock(dmabuf, true);
	if (rc)
		goto err_detach;

	pages->dmabuf.attach = attach;
	rc = iopt_dmabuf_get_list(pages);
	if (rc)
		pages->dmabuf.attach = NULL;
	else
		pages->dmabuf.memcg = get_mem_cgroup_from_mm(current->mm);
	dma_resv_unlock(dmabuf->resv);
	if (!rc)
		return 0;

err_detach:
	dma_buf_phys_detach(attach);
	return rc;
}

/**
 * iopt_unmap_dmabuf() - Undo iopt_map_dmabuf()
 * @pages: iopt_pages that no area uses any more
 */
void iopt_unmap_dmabuf(struct iopt_pages *pages)
{
	struct dma_buf_phys_attachment *attach = pages->dmabuf.attach;
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	/* Never queued, most likely, and not any more under the lock */
	if (pages->dmabuf.delay) {
		dma_resv_unlock(dmabuf->resv);
		disable_delayed_work_sync(&pages->dmabuf.restore);
		dma_resv_lock(dmabuf->resv, NULL);
	}
	scoped_guard(mutex, &pages->mutex)
		iopt_dmabuf_stop(pages, attach);
	if (pages->dmabuf.pinned)
		dma_buf_phys_unpin(attach);
	dma_buf_phys_detach_locked(attach);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
	mem_cgroup_put(pages->dmabuf.memcg);
}
