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
 * A revoke is synchronous, and the exporter waits for it. It sets
 * pages->dmabuf.stop before it takes pages->mutex, and whoever fills a domain
 * looks at that after every few thousand pages and leaves the rest, which the
 * revoke would unmap anyway. Nor does a fill wait for memory: that comes after
 * it, without locks, and then the fill is tried again.
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
#include <linux/iommu.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "io_pagetable.h"

/*
 * A revoke waits for as much to be mapped as it would take to map this in small
 * pages
 */
#define IOPT_DMABUF_STEP SZ_16M

/*
 * With pages->mutex held, for which a revoke waits. To reclaim from a memory cgroup
 * takes its time, and who is above memory.high sleeps for seconds.
 */
#define IOPT_DMABUF_GFP (GFP_NOWAIT | __GFP_ACCOUNT)

/* Without it */
#define IOPT_DMABUF_ROOM_GFP (GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

#define IOPT_DMABUF_MIN_DELAY msecs_to_jiffies(100)
#define IOPT_DMABUF_MAX_DELAY msecs_to_jiffies(10000)

static int iopt_dmabuf_prot(const struct iopt_area *area,
			    const struct dma_buf_phys_group *group)
{
	int prot = area->iommu_prot;

	if (group->attr != DMA_BUF_PHYS_WB) {
		prot &= ~IOMMU_CACHE;
		if (group->type == DMA_BUF_PHYS_P2P)
			prot |= IOMMU_MMIO;
	}
	return prot;
}

/*
 * How much to map at @iova before the next look at pages->dmabuf.stop. No page
 * can be larger than the distance of the two addresses is aligned, so to stop at
 * multiples of that costs no large page.
 */
static u64 iopt_dmabuf_step(const struct iopt_area *area,
			    const struct iommu_domain *domain, u64 iova,
			    phys_addr_t paddr)
{
	u64 step = 1ULL << __fls(domain->pgsize_bitmap);

	/* As batch_iommu_map_small() does */
	if (READ_ONCE(area->iopt->disable_large_pages))
		return PAGE_SIZE;
	if (iova != paddr)
		step = min(step, 1ULL << __ffs64(iova ^ paddr));
	step = max(step, IOPT_DMABUF_STEP);
	return step - (iova & (step - 1));
}

/*
 * Map an area, nothing of which is mapped, into a domain. A dma-buf that is
 * revoked, or about to be, is left unmapped, for a restore to map it. Returns what
 * mapping failed with, now or after the last restore.
 */
static int iopt_dmabuf_fill(struct iopt_pages *pages,
			    struct iopt_pages_dmabuf_track *track)
{
	const struct dma_buf_phys_list *list = READ_ONCE(pages->dmabuf.list);
	struct iopt_area *area = track->area;
	const unsigned long start = iopt_area_iova(area);
	struct dma_buf_phys_iter iter;
	unsigned long iova = start;
	int rc = 0;

	lockdep_assert_held(&pages->mutex);

	if (!list) {
		rc = READ_ONCE(pages->dmabuf.status);
		return rc == -EINPROGRESS ? 0 : rc;
	}

	dma_buf_phys_for_each_frag(&iter, list,
				   pages->dmabuf.start +
					   iopt_area_start_byte(area, start),
				   iopt_area_length(area)) {
		const int prot = iopt_dmabuf_prot(area, iter.group);
		phys_addr_t paddr = iter.paddr;
		u64 left = iter.length;

		while (left) {
			size_t length = min(left,
					    iopt_dmabuf_step(area, track->domain,
							     iova, paddr));

			if (READ_ONCE(pages->dmabuf.stop))
				goto err_unmap;
			rc = iommu_map(track->domain, iova, paddr, length, prot,
				       IOPT_DMABUF_GFP);
			if (rc)
				goto err_unmap;
			iova += length;
			paddr += length;
			left -= length;
			cond_resched();
		}
	}
	track->mapped = true;
	return 0;

err_unmap:
	/* Devices may have written to it, or to some of what @rc is about */
	if (rc || iova != start)
		iopt_dmabuf_lose_dirty(track);
	if (iova != start)
		WARN_ON(iommu_unmap(track->domain, start, iova - start) !=
			iova - start);
	return rc;
}

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

/* Tables for an area in small pages, and what is above them and at its ends */
static size_t iopt_dmabuf_tables(struct iopt_area *area)
{
	return iopt_area_length(area) / PAGE_SIZE * sizeof(u64) + 8 * PAGE_SIZE;
}

/*
 * Wait until there is memory for tables, at first for a little, as large pages
 * take few of them, and for more each time, as a fill that fails gives its own
 * back and begins anew. False if there is none, or if there was @most and that was
 * not enough.
 */
static bool iopt_dmabuf_make_room(size_t *room, size_t most)
{
	void *mem;

	if (*room >= most)
		return false;
	*room = min(max(*room * 4, PAGE_SIZE), most);
	mem = __vmalloc(*room, IOPT_DMABUF_ROOM_GFP);
	vfree(mem);
	return mem;
}

/* @tables receives what those for which there was no memory take at most */
static int iopt_dmabuf_try_fill_all(struct iopt_pages *pages, size_t *tables)
{
	struct iopt_pages_dmabuf_track *track;
	int rc = 0, ret;

	*tables = 0;
	guard(mutex)(&pages->mutex);
	/* What one domain cannot map another one may */
	list_for_each_entry(track, &pages->dmabuf.tracker, elm) {
		if (track->mapped)
			continue;
		ret = iopt_dmabuf_fill(pages, track);
		if (ret == -ENOMEM)
			*tables += iopt_dmabuf_tables(track->area);
		rc = ret ?: rc;
	}
	return rc;
}

static int iopt_dmabuf_fill_all(struct iopt_pages *pages)
{
	size_t room = 0, tables;
	int rc;

	do {
		rc = iopt_dmabuf_try_fill_all(pages, &tables);
	} while (iopt_dmabuf_make_room(&room, tables));
	return rc;
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

/*
 * Let a restore that is due happen now, for those who are about to say that
 * something is mapped
 */
static void iopt_dmabuf_settle(struct iopt_pages *pages)
{
	if (READ_ONCE(pages->dmabuf.status))
		flush_delayed_work(&pages->dmabuf.restore);
}

/**
 * iopt_dmabuf_add() - Map an area into a domain, now and after every restore
 * @pages: pages of type IOPT_ADDRESS_DMABUF, not locked
 * @track: The area and the domain; on success it belongs to the tracker
 *
 * Return: 0, also if the dma-buf is revoked; or what mapping failed with, now or
 * after the last restore.
 */
int iopt_dmabuf_add(struct iopt_pages *pages,
		    struct iopt_pages_dmabuf_track *track)
{
	const size_t tables = iopt_dmabuf_tables(track->area);
	size_t room = 0;
	int rc;

	do {
		iopt_dmabuf_settle(pages);
		scoped_guard(mutex, &pages->mutex) {
			rc = iopt_dmabuf_fill(pages, track);
			if (!rc)
				list_add_tail(&track->elm,
					      &pages->dmabuf.tracker);
		}
	} while (rc == -ENOMEM && iopt_dmabuf_make_room(&room, tables));
	return rc;
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
		/* Unless it has moved again */
		if (iopt_dmabuf_mapped(pages) ||
		    pages->dmabuf.status != -EINPROGRESS)
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

/**
 * iopt_dmabuf_track_alloc() - Allocate what iopt_dmabuf_track_split() needs
 * @area: The area that is to be split
 * @uppers: Receives an element for every domain; the caller holds the iova_rwsem
 *
 * Return: 0 or -ENOMEM.
 */
int iopt_dmabuf_track_alloc(struct iopt_area *area, struct list_head *uppers)
{
	struct iopt_pages_dmabuf_track *upper;
	struct iommu_domain *domain;
	unsigned long index;

	lockdep_assert_held_write(&area->iopt->iova_rwsem);

	xa_for_each(&area->iopt->domains, index, domain) {
		upper = kzalloc_obj(*upper, GFP_KERNEL_ACCOUNT);
		if (!upper) {
			iopt_dmabuf_track_free(uppers);
			return -ENOMEM;
		}
		list_add(&upper->elm, uppers);
	}
	return 0;
}

/**
 * iopt_dmabuf_track_free() - Free what iopt_dmabuf_track_alloc() allocated
 * @uppers: Its elements
 */
void iopt_dmabuf_track_free(struct list_head *uppers)
{
	struct iopt_pages_dmabuf_track *upper, *tmp;

	list_for_each_entry_safe(upper, tmp, uppers, elm)
		kfree(upper);
}

/**
 * iopt_dmabuf_track_split() - Replace an area by two in the tracker
 * @pages: The pages of the area
 * @area: The area that is split
 * @lhs: Its lower part
 * @rhs: Its upper part
 * @uppers: From iopt_dmabuf_track_alloc()
 */
void iopt_dmabuf_track_split(struct iopt_pages *pages, struct iopt_area *area,
			     struct iopt_area *lhs, struct iopt_area *rhs,
			     struct list_head *uppers)
{
	const unsigned long at = iopt_area_length(lhs);
	struct iopt_pages_dmabuf_track *track, *upper;

	lockdep_assert_held(&pages->mutex);

	list_for_each_entry(track, &pages->dmabuf.tracker, elm) {
		if (track->area != area)
			continue;
		upper = list_first_entry(uppers, typeof(*upper), elm);
		list_del(&upper->elm);
		*upper = *track;
		upper->area = rhs;
		iopt_dmabuf_cut_dirty(upper, at, iopt_area_length(area));
		list_add(&upper->elm, &track->elm);
		track->area = lhs;
		iopt_dmabuf_cut_dirty(track, 0, at);
	}
}
