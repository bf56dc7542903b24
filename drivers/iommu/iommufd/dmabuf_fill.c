// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping areas whose source is a dma-buf into domains.
 *
 * A revoke sets pages->dmabuf.stop before it takes pages->mutex, and whoever fills
 * a domain looks at that after every few thousand pages and leaves the rest, which
 * the revoke would unmap anyway. Nor does a fill wait for memory: that comes after
 * it, without locks, and then the fill is tried again.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

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
			    struct iopt_pages_dmabuf_track *track, gfp_t gfp)
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
				       gfp);
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

/*
 * Others who charge to the same cgroup may have taken what was made in between. But
 * it was there, and they have been made to reclaim: once it was as much as the tables
 * can take, those are charged whatever is left.
 */
static gfp_t iopt_dmabuf_gfp(size_t room, size_t most)
{
	return room && room >= most ? IOPT_DMABUF_GFP | __GFP_HIGH :
				      IOPT_DMABUF_GFP;
}

/* @tables receives what those for which there was no memory take at most */
static int iopt_dmabuf_try_fill_all(struct iopt_pages *pages, size_t *tables,
				    gfp_t gfp)
{
	struct iopt_pages_dmabuf_track *track;
	int rc = 0, ret;

	*tables = 0;
	guard(mutex)(&pages->mutex);
	/* What one domain cannot map another one may */
	list_for_each_entry(track, &pages->dmabuf.tracker, elm) {
		if (track->mapped)
			continue;
		ret = iopt_dmabuf_fill(pages, track, gfp);
		if (ret == -ENOMEM)
			*tables += iopt_dmabuf_tables(track->area);
		rc = ret ?: rc;
	}
	return rc;
}

/**
 * iopt_dmabuf_fill_all() - Map what is in the tracker and not mapped
 * @pages: pages of type IOPT_ADDRESS_DMABUF, not locked
 *
 * Return: 0, also if the dma-buf is revoked meanwhile; or what mapping failed with
 * for one of them at least.
 */
int iopt_dmabuf_fill_all(struct iopt_pages *pages)
{
	size_t room = 0, tables = 0, least = SIZE_MAX;
	int rc;

	do {
		rc = iopt_dmabuf_try_fill_all(pages, &tables,
					      iopt_dmabuf_gfp(room, tables));
		/* Some have been mapped by what was made for all */
		if (tables < least) {
			least = tables;
			room = 0;
		}
	} while (iopt_dmabuf_make_room(&room, tables));
	return rc;
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
			rc = iopt_dmabuf_fill(pages, track,
					      iopt_dmabuf_gfp(room, tables));
			if (!rc)
				list_add_tail(&track->elm,
					      &pages->dmabuf.tracker);
		}
	} while (rc == -ENOMEM && iopt_dmabuf_make_room(&room, tables));
	return rc;
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
