// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracks: which part of a dma-buf each domain should map.
 *
 * A track covers an area or a part of one, and knows it by IOVA, not by pointer.
 * So an area can be split in two steps: first its tracks, which may fail, then
 * the area itself. If the second step fails after all, the area has more tracks
 * than it needs, which makes no difference.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>

#include "io_pagetable.h"

/**
 * iopt_phys_mapped() - Is everything mapped that should be?
 * @phys: What the pages know of the dma-buf; pages->mutex held
 *
 * Return: false while access is revoked and until a restore has succeeded.
 */
bool iopt_phys_mapped(struct iopt_phys *phys)
{
	struct iopt_phys_track *track;

	lockdep_assert_held(&phys->pages->mutex);

	list_for_each_entry(track, &phys->tracks, node)
		if (!track->mapped)
			return false;
	return true;
}

/* Most pages are mapped into one domain, once */
static struct iopt_phys_track *iopt_phys_take_own(struct iopt_phys *phys)
{
	lockdep_assert_held(&phys->pages->mutex);

	if (phys->own_taken)
		return NULL;
	phys->own_taken = true;
	return &phys->own;
}

static void iopt_phys_put_track(struct iopt_phys *phys,
				struct iopt_phys_track *track)
{
	lockdep_assert_held(&phys->pages->mutex);

	if (track == &phys->own)
		phys->own_taken = false;
	else
		kfree(track);
}

/**
 * iopt_phys_track() - Map an area into a domain, now and after every restore
 * @pages: Pages of the area, which need not be set in @area
 * @area: An area that @domain does not map yet
 * @domain: The domain
 *
 * Context: pages->mutex held. Drops and retakes it, since mapping waits for
 * restores and for memory.
 *
 * Return: 0, also while access is revoked; or the error of the mapping or of the
 * last restore.
 */
int iopt_phys_track(struct iopt_pages *pages, struct iopt_area *area,
		    struct iommu_domain *domain)
{
	struct iopt_phys *phys = pages->dmabuf.iopt_phys;
	struct iopt_phys_track *track = iopt_phys_take_own(phys);
	int rc = -ENOMEM;

	mutex_unlock(&pages->mutex);
	if (!track)
		track = kmalloc_obj(*track, GFP_KERNEL_ACCOUNT);
	if (track) {
		*track = (struct iopt_phys_track){
			.iopt = area->iopt,
			.domain = domain,
			.iova = iopt_area_iova(area),
			.length = iopt_area_length(area),
			.offset = pages->dmabuf.start +
				  iopt_area_start_byte(area, iopt_area_iova(area)),
			.prot = area->iommu_prot,
		};
		rc = iopt_phys_fill_first(phys, track);
	}
	mutex_lock(&pages->mutex);
	if (rc)
		iopt_phys_put_track(phys, track);
	return rc;
}

/**
 * __iopt_phys_untrack() - Unmap an area and forget about it
 * @phys: What the pages know of the dma-buf; pages->mutex held
 * @area: The area
 * @domain: The domain to unmap it from, or NULL for every domain
 */
void __iopt_phys_untrack(struct iopt_phys *phys, struct iopt_area *area,
			 struct iommu_domain *domain)
{
	struct iopt_phys_track *track, *tmp;

	lockdep_assert_held(&phys->pages->mutex);

	list_for_each_entry_safe(track, tmp, &phys->tracks, node) {
		if (track->iopt != area->iopt ||
		    (domain && track->domain != domain) ||
		    track->iova < iopt_area_iova(area) ||
		    track->iova > iopt_area_last_iova(area))
			continue;
		if (track->mapped)
			iopt_phys_unmap_track(track);
		list_del(&track->node);
		iopt_phys_put_track(phys, track);
	}
}

static void iopt_phys_free_tracks(struct list_head *tracks)
{
	struct iopt_phys_track *track, *tmp;

	list_for_each_entry_safe(track, tmp, tracks, node)
		kfree(track);
}

static int iopt_phys_alloc_tracks(struct io_pagetable *iopt,
				  struct list_head *tracks)
{
	struct iopt_phys_track *track;
	struct iommu_domain *domain;
	unsigned long index;

	xa_for_each(&iopt->domains, index, domain) {
		track = kzalloc_obj(*track, GFP_KERNEL_ACCOUNT);
		if (!track) {
			iopt_phys_free_tracks(tracks);
			return -ENOMEM;
		}
		list_add(&track->node, tracks);
	}
	return 0;
}

/* Cut off what is at @iova and above */
static void iopt_phys_split_track(struct iopt_phys_track *track,
				  struct iopt_phys_track *upper,
				  unsigned long iova)
{
	const unsigned long at = iova - track->iova;

	*upper = *track;
	upper->iova += at;
	upper->offset += at;
	upper->length -= at;
	iopt_phys_cut_dirty(upper, at, track->length);
	list_add(&upper->node, &track->node);

	iopt_phys_cut_dirty(track, 0, at);
	track->length = at;
}

/**
 * __iopt_phys_split() - Split the tracks of an area
 * @area: The area
 * @iova: Start of the upper part, aligned as the io_pagetable needs it
 *
 * Context: iova_rwsem held for writing.
 *
 * Return: 0; -EINVAL if a domain may map the area by a page that contains @iova;
 * -ENOMEM.
 */
int __iopt_phys_split(struct iopt_area *area, unsigned long iova)
{
	struct iopt_phys *phys = area->pages->dmabuf.iopt_phys;
	struct io_pagetable *iopt = area->iopt;
	struct iopt_phys_track *track, *upper;
	LIST_HEAD(spare);
	int rc;

	lockdep_assert_held_write(&iopt->iova_rwsem);

	if (area->storage_domain && !iopt->disable_large_pages)
		return -EINVAL;
	/* At most one track of each domain contains it */
	rc = iopt_phys_alloc_tracks(iopt, &spare);
	if (rc)
		return rc;

	scoped_guard(mutex, &area->pages->mutex) {
		list_for_each_entry(track, &phys->tracks, node) {
			if (track->iopt != iopt || track->iova >= iova ||
			    iova - track->iova >= track->length)
				continue;
			upper = list_first_entry(&spare, typeof(*upper), node);
			list_del(&upper->node);
			iopt_phys_split_track(track, upper, iova);
		}
	}
	iopt_phys_free_tracks(&spare);
	return 0;
}

#ifdef CONFIG_IOMMUFD_NOIOMMU
/*
 * Take pages->mutex and, if everything is mapped, pin the dma-buf: nothing can
 * keep a device without an IOMMU from an address it was told. It stays pinned
 * until iopt_phys_unmap(). One that is not mapped has no address to tell, and its
 * exporter may have to move it before it can be mapped. While this waits for a
 * restore the dma-buf is pinned in any case: otherwise it could be moved again
 * and again, and this would not end.
 */
static void iopt_phys_lock_pinned(struct iopt_phys *phys)
{
	struct dma_buf_phys_attachment *attach = phys->attach;
	struct dma_resv *resv = attach->dmabuf->resv;

	dma_resv_lock(resv, NULL);
	dma_buf_phys_pin(attach);
	if (phys->status) {
		dma_resv_unlock(resv);
		iopt_phys_settle(phys);
		dma_resv_lock(resv, NULL);
	}
	mutex_lock(&phys->pages->mutex);
	if (phys->pinned || !iopt_phys_mapped(phys))
		dma_buf_phys_unpin(attach);
	else
		phys->pinned = true;
	dma_resv_unlock(resv);
}

/**
 * iopt_phys_get_pa() - Tell the physical address of an IOVA
 * @area: The area that contains @iova; the caller holds the iova_rwsem
 * @iova: The IOVA
 * @paddr: Set to the physical address
 * @length: How much the caller wants to know about, bytes; set to how much of
 *	that is physically contiguous
 *
 * The list answers this at once. Walking the domain page by page would take time
 * in proportion to @length, with pages->mutex held and a revoke waiting for it.
 *
 * Return: 0; -EINVAL if access is revoked or the last restore failed; -EOPNOTSUPP
 * if there is an IOMMU.
 */
int iopt_phys_get_pa(struct iopt_area *area, unsigned long iova, u64 *paddr,
		     u64 *length)
{
	struct iommu_domain *domain = area->storage_domain;
	struct iopt_pages *pages = area->pages;
	struct iopt_phys *phys = pages->dmabuf.iopt_phys;
	const u64 most = min_t(u64, *length, iopt_area_last_iova(area) - iova + 1);
	const u64 offset = pages->dmabuf.start + iopt_area_start_byte(area, iova);
	struct dma_buf_phys_iter iter;
	u64 found = 0;
	int rc = -EINVAL;

	if (!domain || domain->owner != &iommufd_noiommu_ops) {
		guard(mutex)(&pages->mutex);
		return iopt_phys_mapped(phys) ? -EOPNOTSUPP : -EINVAL;
	}

	iopt_phys_lock_pinned(phys);
	if (!iopt_phys_mapped(phys))
		goto out_unlock;
	dma_buf_phys_for_each_frag(&iter, phys->list, offset, most) {
		if (!found)
			*paddr = iter.paddr;
		else if (iter.paddr != *paddr + found)
			break;
		found += iter.length;
	}
	*length = found;
	rc = 0;

out_unlock:
	mutex_unlock(&pages->mutex);
	return rc;
}
#endif
