// SPDX-License-Identifier: GPL-2.0-only
/*
 * Importing dma-bufs by physical list: attach, revoke, restore.
 *
 * Every area and domain that should map the dma-buf has a track, so a revoke and
 * a restore can find them without the locks of any io_pagetable. While access is
 * revoked iopt_phys.list is NULL: areas exist and are accounted for as usual, but
 * no domain maps anything for them.
 *
 * Lock order: io_pagetable locks, the dma-buf's reservation lock, pages->mutex.
 * The list is set under the reservation lock and cleared under both of the inner
 * ones, so anyone who holds pages->mutex and finds a list may use it. Domains are
 * filled and emptied under pages->mutex, and not necessarily under the
 * reservation lock.
 *
 * A revoke is synchronous and the exporter waits for it; dmabuf_fill.c keeps that
 * wait short.
 *
 * A restore has to be cheap for the exporter. Its notification only queues a work
 * item, which waits for the exporter's copy, if there is one, and then maps what
 * is not mapped. The memory cgroup that asked for the mapping is charged. If this
 * fails the work item reports the error, keeps what it has mapped and tries again
 * later. Attaching a domain or copying a mapping waits for a restore that is due,
 * and fails if that one fails.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-resv.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "io_pagetable.h"

#define IOPT_PHYS_MIN_DELAY msecs_to_jiffies(100)
#define IOPT_PHYS_MAX_DELAY msecs_to_jiffies(10000)

/* Copies that are waited for without the reservation lock */
#define IOPT_PHYS_LOCK_TRIES 16

static void iopt_phys_stop(struct iopt_phys *phys,
			   struct dma_buf_phys_attachment *attach)
{
	struct dma_buf_phys_list *list = phys->list;
	struct iopt_phys_track *track;

	lockdep_assert_held(&phys->pages->mutex);

	if (!list)
		return;
	list_for_each_entry(track, &phys->tracks, node) {
		if (!track->mapped)
			continue;
		iopt_phys_unmap_track(track);
		iopt_phys_lose_dirty(track);
	}
	phys->list = NULL;
	dma_buf_phys_unmap(attach, list);
}

/*
 * Take the reservation lock once the exporter's copy has finished: a device uses
 * what is mapped for it at once, and does not wait for fences. Wait without the
 * lock, which others need meanwhile. But a buffer that moves all the time always
 * has a copy to wait for, except while the lock keeps it from moving.
 */
static int iopt_phys_lock(struct dma_buf *dmabuf, bool intr)
{
	unsigned int tries = IOPT_PHYS_LOCK_TRIES;
	long ret;

	while (true) {
		ret = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL,
					    intr, MAX_SCHEDULE_TIMEOUT);
		if (ret < 0)
			return ret;
		dma_resv_lock(dmabuf->resv, NULL);
		if (dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_KERNEL))
			return 0;
		if (!--tries)
			break;
		dma_resv_unlock(dmabuf->resv);
	}

	ret = dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, intr,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret >= 0)
		return 0;
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static int iopt_phys_get_list(struct iopt_phys *phys)
{
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(phys->attach->dmabuf->resv);

	if (phys->list)
		return 0;
	list = dma_buf_phys_map(phys->attach);
	if (IS_ERR(list))
		return PTR_ERR(list);
	/* The exporter may have just made it: pairs with READ_ONCE() of a fill */
	smp_store_release(&phys->list, list);
	return 0;
}

static void iopt_phys_set_status(struct iopt_phys *phys, int status)
{
	WRITE_ONCE(phys->status, status);
	dma_buf_phys_set_status(phys->attach, status);
}

static void iopt_phys_restore(struct work_struct *work)
{
	struct iopt_phys *phys = container_of(to_delayed_work(work),
					      struct iopt_phys, restore);
	struct dma_buf *dmabuf = phys->attach->dmabuf;
	struct mem_cgroup *old = set_active_memcg(phys->memcg);
	int rc;

	rc = iopt_phys_lock(dmabuf, false);
	if (rc)
		dma_resv_lock(dmabuf->resv, NULL);
	/* A revoke resets the status, and a restore after it queues this again */
	if (!phys->status)
		goto out_unlock;
	if (!rc)
		rc = iopt_phys_get_list(phys);
	if (!rc) {
		dma_resv_unlock(dmabuf->resv);
		rc = iopt_phys_fill_all(phys);
		dma_resv_lock(dmabuf->resv, NULL);
		/* Revoked meanwhile: nobody but this function sets it again */
		if (!phys->list)
			goto out_unlock;
	}
	iopt_phys_set_status(phys, rc);
	if (rc) {
		queue_delayed_work(system_dfl_long_wq, &phys->restore,
				   phys->delay);
		phys->delay = min(phys->delay * 2, IOPT_PHYS_MAX_DELAY);
	}
out_unlock:
	dma_resv_unlock(dmabuf->resv);
	set_active_memcg(old);
}

/*
 * The restore may sleep for memory or for somebody else's copy, so it must not
 * delay those of other dma-bufs: hence an unbound workqueue. Nothing that frees
 * memory waits for a restore, so the queue needs no rescuer.
 */
static void iopt_phys_notify(struct dma_buf_phys_attachment *attach,
			     enum dma_buf_phys_event event)
{
	struct iopt_pages *pages = attach->priv;
	struct iopt_phys *phys = pages->dmabuf.iopt_phys;

	if (event == DMA_BUF_PHYS_EV_RESTORE) {
		/* Until it is set, iopt_phys_map() has yet to map, or will fail */
		if (!phys->attach)
			return;
		iopt_phys_set_status(phys, -EINPROGRESS);
		phys->delay = IOPT_PHYS_MIN_DELAY;
		mod_delayed_work(system_dfl_long_wq, &phys->restore, 0);
		return;
	}

	/* For a fill that holds the mutex, and lets go of it when it sees this */
	WRITE_ONCE(phys->stop, true);
	guard(mutex)(&pages->mutex);
	WRITE_ONCE(phys->stop, false);
	WRITE_ONCE(phys->status, 0);
	iopt_phys_stop(phys, attach);
}

static const struct dma_buf_phys_importer_ops iopt_phys_importer_ops = {
	.name = "iommufd",
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P) |
		 BIT(DMA_BUF_PHYS_ENCRYPTED),
	.notify = iopt_phys_notify,
};

static int iopt_phys_attach(struct iopt_phys *phys, struct dma_buf *dmabuf)
{
	struct dma_buf_phys_attachment *attach;
	int rc;

	attach = dma_buf_phys_attach(dmabuf, &iopt_phys_importer_ops,
				     phys->pages);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	if (phys->pages->writable && !dma_buf_phys_is_writable(dmabuf)) {
		rc = -EACCES;
		goto err_detach;
	}
	rc = iopt_phys_lock(dmabuf, true);
	if (rc)
		goto err_detach;

	phys->attach = attach;
	rc = iopt_phys_get_list(phys);
	if (rc)
		phys->attach = NULL;
	dma_resv_unlock(dmabuf->resv);
	if (!rc)
		return 0;

err_detach:
	dma_buf_phys_detach(attach);
	return rc;
}

/**
 * iopt_phys_map() - Attach to a dma-buf and map its list
 * @pages: Pages of type IOPT_ADDRESS_DMABUF that no area uses yet
 * @dmabuf: A dma-buf that has a physical list; on success its reference belongs
 *	to @pages
 *
 * Return: 0; -EACCES if @pages are writable and @dmabuf is not; -EOPNOTSUPP if
 * the list has memory that no IOMMU may map; -ENODEV if access is revoked;
 * -ERESTARTSYS; -ENOMEM.
 */
int iopt_phys_map(struct iopt_pages *pages, struct dma_buf *dmabuf)
{
	struct iopt_phys *phys;
	int rc;

	phys = kzalloc_obj(*phys, GFP_KERNEL_ACCOUNT);
	if (!phys)
		return -ENOMEM;
	phys->pages = pages;
	INIT_LIST_HEAD(&phys->tracks);
	INIT_DELAYED_WORK(&phys->restore, iopt_phys_restore);
	phys->memcg = get_mem_cgroup_from_mm(current->mm);
	/* The attachment may be notified before it is returned */
	pages->dmabuf.iopt_phys = phys;

	rc = iopt_phys_attach(phys, dmabuf);
	if (rc) {
		pages->dmabuf.iopt_phys = NULL;
		mem_cgroup_put(phys->memcg);
		kfree(phys);
	}
	return rc;
}

/**
 * iopt_phys_unmap() - Undo iopt_phys_map()
 * @pages: Pages that no area uses any more
 */
void iopt_phys_unmap(struct iopt_pages *pages)
{
	struct iopt_phys *phys = pages->dmabuf.iopt_phys;
	struct dma_buf_phys_attachment *attach = phys->attach;
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	/* Most likely it was never queued; under the lock it cannot be now */
	if (phys->delay) {
		dma_resv_unlock(dmabuf->resv);
		disable_delayed_work_sync(&phys->restore);
		dma_resv_lock(dmabuf->resv, NULL);
	}
	scoped_guard(mutex, &pages->mutex)
		iopt_phys_stop(phys, attach);
	if (phys->pinned)
		dma_buf_phys_unpin(attach);
	dma_buf_phys_detach_locked(attach);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
	WARN_ON(!list_empty(&phys->tracks));
	mem_cgroup_put(phys->memcg);
	kfree(phys);
}
