// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty bits of areas whose source is a dma-buf.
 *
 * Who reads them holds the iova_rwsem, which keeps areas but not their page
 * tables: a revoke and a restore, which know of no io_pagetable, free those under
 * pages->mutex. So the walk takes it, too. Under it the user's bitmap must not be
 * touched, as pinning may fault, a fault may need the dma-buf's reservation lock,
 * and a revoke takes pages->mutex under that. Hence the walk goes a window at a
 * time, with what it finds held back in kernel memory; one window is also what a
 * revoke has to wait for.
 *
 * A revoke and a move take the dirty bits away with the mapping. To read them
 * first would make the exporter wait. Instead the whole of what was mapped
 * writable counts as dirty from then on, until it is read: memory that moves
 * under a program that migrates is copied once more than necessary, but not lost.
 * The same goes for what a bitmap leaves out of a large page that is clean after
 * the walk.
 */
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>

#include "io_pagetable.h"

/**
 * iopt_dmabuf_lose_dirty() - Note that dirty bits go with their mapping
 * @track: The area and the domain in which it is not mapped any more
 */
void iopt_dmabuf_lose_dirty(struct iopt_pages_dmabuf_track *track)
{
	if (!(track->area->iommu_prot & IOMMU_WRITE))
		return;
	track->lost[0].start = 0;
	track->lost[0].end = iopt_area_length(track->area);
	track->lost[1].end = 0;
}

/**
 * iopt_dmabuf_cut_dirty() - Keep what is lost of a part of an area
 * @track: The area and the domain
 * @start: Start of the part, which becomes the area's
 * @end: End of the part
 */
void iopt_dmabuf_cut_dirty(struct iopt_pages_dmabuf_track *track,
			   unsigned long start, unsigned long end)
{
	struct iopt_dmabuf_range *lost = track->lost;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(track->lost); i++, lost++) {
		lost->start = max(lost->start, start) - start;
		lost->end = max(min(lost->end, end), start) - start;
	}
}

/*
 * What of a range lost its dirty bits since they were read last. A program that
 * reads an area in pieces, from anywhere up or down, is told each piece once, as
 * what is left fits into two ranges. What does not is told again.
 */
static void iopt_dmabuf_take_lost(struct iopt_pages_dmabuf_track *track,
				  struct iopt_dmabuf_range *found,
				  unsigned long start, unsigned long end,
				  bool clear)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(track->lost); i++) {
		struct iopt_dmabuf_range *lost = &track->lost[i];
		struct iopt_dmabuf_range *other = &track->lost[!i];

		found[i].start = max(start, lost->start);
		found[i].end = min(end, lost->end);
		if (found[i].start >= found[i].end || !clear)
			continue;
		if (found[i].start == lost->start) {
			lost->start = found[i].end;
		} else if (found[i].end == lost->end) {
			lost->end = found[i].start;
		} else if (other->start >= other->end) {
			other->start = found[i].end;
			other->end = lost->end;
			lost->end = found[i].start;
		}
	}
}

static unsigned long iopt_dmabuf_grown(const struct iopt_dmabuf_range *range,
				       unsigned long start, unsigned long end)
{
	if (range->start >= range->end)
		return end - start;
	return max(range->end, end) - min(range->start, start) -
	       (range->end - range->start);
}

/* Rather too much than too little: both ranges may be in use */
static void iopt_dmabuf_add_lost(struct iopt_pages_dmabuf_track *track,
				 unsigned long start, unsigned long end)
{
	struct iopt_dmabuf_range *lost = &track->lost[0];
	struct iopt_dmabuf_range *other = &track->lost[1];
	unsigned long grown, other_grown;

	if (start >= end)
		return;
	grown = iopt_dmabuf_grown(lost, start, end);
	other_grown = iopt_dmabuf_grown(other, start, end);
	/* If it makes no difference keep the one that is empty for something else */
	if (other_grown < grown ||
	    (other_grown == grown && lost->start >= lost->end))
		lost = other;
	if (lost->start < lost->end) {
		start = min(start, lost->start);
		end = max(end, lost->end);
	}
	lost->start = start;
	lost->end = end;
}

/*
 * Pages that a walk has made clean may be larger than what was asked for. Noted
 * before others can walk, who find them clean.
 */
static void iopt_dmabuf_keep_rest(struct iopt_pages_dmabuf_track *track,
				  const struct iova_bitmap *bitmap,
				  unsigned long start, unsigned long end)
{
	const unsigned long length = iopt_area_length(track->area);
	size_t before, behind;

	lockdep_assert_held(&track->area->pages->mutex);

	iova_bitmap_cut_off(bitmap, &before, &behind);
	iopt_dmabuf_add_lost(track, start - min(start, before), start);
	iopt_dmabuf_add_lost(track, end, end + min(length - end, behind));
}

static struct iopt_pages_dmabuf_track *
iopt_dmabuf_find(struct iopt_pages *pages, struct iopt_area *area,
		 struct iommu_domain *domain)
{
	struct iopt_pages_dmabuf_track *track;

	lockdep_assert_held(&pages->mutex);

	list_for_each_entry(track, &pages->dmabuf.tracker, elm)
		if (track->area == area && track->domain == domain)
			return track;
	return NULL;
}

/**
 * iopt_dmabuf_read_dirty() - Read dirty bits of an area
 * @area: The area; the caller holds the iova_rwsem
 * @domain: The domain
 * @iova: Where to start, in the area
 * @last: Where to end, in the area
 * @flags: IOMMU_DIRTY_NO_CLEAR
 * @dirty: Where to; without a bitmap, if they are only to be cleared
 *
 * Return: 0 or what the driver returned.
 */
int iopt_dmabuf_read_dirty(struct iopt_area *area, struct iommu_domain *domain,
			   unsigned long iova, unsigned long last,
			   unsigned long flags,
			   struct iommu_dirty_bitmap *dirty)
{
	const struct iommu_dirty_ops *ops = domain->dirty_ops;
	const unsigned int shift = __ffs(domain->pgsize_bitmap);
	const unsigned long window = IOVA_BITMAP_HELD_BITS << shift;
	const unsigned long base = iopt_area_iova(area);
	const unsigned long from = iova - base, to = last - base + 1;
	const bool clear = !(flags & IOMMU_DIRTY_NO_CLEAR);
	struct iopt_pages *pages = area->pages;
	struct iopt_pages_dmabuf_track *track;
	struct iopt_dmabuf_range lost[2];
	unsigned int i;
	int rc = 0;

	/* The iova_rwsem keeps it */
	scoped_guard(mutex, &pages->mutex)
		track = iopt_dmabuf_find(pages, area, domain);
	if (WARN_ON(!track))
		return -EINVAL;

	while (true) {
		unsigned long end = min(last, iova | (window - 1));

		if (dirty->bitmap)
			iova_bitmap_hold(dirty->bitmap, iova & ~(window - 1),
					 shift);
		/* io-pgtable-arm fails where nothing is mapped */
		scoped_guard(mutex, &pages->mutex) {
			if (track->mapped)
				rc = ops->read_and_clear_dirty(domain, iova,
							       end - iova + 1,
							       flags, dirty);
			if (dirty->bitmap && clear)
				iopt_dmabuf_keep_rest(track, dirty->bitmap, from,
						      to);
		}
		if (dirty->bitmap)
			iova_bitmap_release(dirty->bitmap);
		if (rc || end == last)
			break;
		iova = end + 1;
	}

	/* Last, as a revoke may have taken what the walk had not come to */
	scoped_guard(mutex, &pages->mutex)
		iopt_dmabuf_take_lost(track, lost, from, to, clear);
	for (i = 0; i < ARRAY_SIZE(lost); i++)
		if (dirty->bitmap && lost[i].start < lost[i].end)
			iova_bitmap_set(dirty->bitmap, base + lost[i].start,
					lost[i].end - lost[i].start);
	return rc;
}
