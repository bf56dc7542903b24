// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty tracking of dma-bufs that are mapped by physical list.
 *
 * Reading dirty bits holds the iova_rwsem, which keeps areas but not their page
 * tables: a revoke and a restore free those under pages->mutex and know of no
 * io_pagetable. So the walk takes that mutex as well. It must not touch the user's
 * bitmap meanwhile: pinning it may fault, a fault may need the dma-buf's
 * reservation lock, and a revoke takes pages->mutex under that lock. Hence the
 * walk proceeds in windows, and what it finds in one is held back in kernel
 * memory until the mutex is released. One window is also what a revoke has to
 * wait for.
 *
 * A revoke and a move destroy the dirty bits together with the mapping. Reading
 * them first would delay the exporter. Instead, all that was mapped writable
 * counts as dirty from then on until it is read: a program that migrates copies
 * some memory once more than necessary, but loses none. The same applies to the
 * part of a large page that a bitmap does not cover, when the walk has made the
 * page clean.
 */
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/iova_bitmap.h>

#include "io_pagetable.h"

/* Smallest pages in a window; 16 MiB if they have 4 KiB */
#define IOPT_PHYS_HELD_BITS 4096UL

/**
 * struct iopt_phys_held - what a walk finds in one window
 * @hold: for &struct iova_bitmap
 * @first: first IOVA the user has asked about
 * @last: last one
 * @iova: start of the window, aligned to its size
 * @shift: log2 of the size of the smallest page, bytes
 * @bits: dirty pages of the window
 * @page_iova: start of a dirty page that is not inside the window
 * @page_length: its length, bytes; 0 if there is none
 * @before: how far dirty pages reach below @first, bytes
 * @behind: how far they reach beyond @last, bytes
 */
struct iopt_phys_held {
	struct iova_bitmap_hold hold;
	unsigned long first;
	unsigned long last;
	unsigned long iova;
	unsigned int shift;
	DECLARE_BITMAP(bits, IOPT_PHYS_HELD_BITS);
	unsigned long page_iova;
	size_t page_length;
	size_t before;
	size_t behind;
};

/*
 * Called for one page at a time, no smaller than 1 << @shift. The user may have
 * asked about a part of it only, and io-pgtable-arm passes the address its walk is
 * at, not the start of the page.
 */
static void iopt_phys_held_set(struct iova_bitmap_hold *hold,
			       unsigned long iova, size_t length)
{
	struct iopt_phys_held *held = container_of(hold, struct iopt_phys_held,
						   hold);
	unsigned long end = held->iova + (IOPT_PHYS_HELD_BITS << held->shift) - 1;
	unsigned long page = iova & ~(length - 1);
	unsigned long page_last = iova | (length - 1);
	unsigned long first = max(page, held->first);
	unsigned long last = min(page_last, held->last);

	held->before = max(held->before, first - page);
	held->behind = max(held->behind, page_last - last);
	if (first >= held->iova && last <= end) {
		bitmap_set(held->bits, (first - held->iova) >> held->shift,
			   ((last - first) >> held->shift) + 1);
	} else {
		held->page_iova = first;
		held->page_length = last - first + 1;
	}
}

static void iopt_phys_hold(struct iopt_phys_held *held,
			   struct iova_bitmap *bitmap, unsigned long iova)
{
	if (!IS_ENABLED(CONFIG_IOMMUFD_DRIVER) || !bitmap)
		return;
	held->iova = iova & ~((IOPT_PHYS_HELD_BITS << held->shift) - 1);
	held->page_length = 0;
	held->before = 0;
	held->behind = 0;
	bitmap_zero(held->bits, IOPT_PHYS_HELD_BITS);
	iova_bitmap_hold(bitmap, &held->hold);
}

/* Hand on what was held back; no lock that a page fault may need is held */
static void iopt_phys_unhold(struct iopt_phys_held *held,
			     struct iova_bitmap *bitmap)
{
	unsigned int start, end;

	if (!IS_ENABLED(CONFIG_IOMMUFD_DRIVER) || !bitmap)
		return;
	iova_bitmap_hold(bitmap, NULL);
	if (held->page_length)
		iova_bitmap_set(bitmap, held->page_iova, held->page_length);
	for_each_set_bitrange(start, end, held->bits, IOPT_PHYS_HELD_BITS)
		iova_bitmap_set(bitmap,
				held->iova +
					((unsigned long)start << held->shift),
				(size_t)(end - start) << held->shift);
}

/**
 * iopt_phys_lose_dirty() - Note that dirty bits went with a mapping
 * @track: A track that has been unmapped; pages->mutex held
 */
void iopt_phys_lose_dirty(struct iopt_phys_track *track)
{
	if (!(track->prot & IOMMU_WRITE))
		return;
	track->lost[0].start = 0;
	track->lost[0].end = track->length;
	track->lost[1].end = 0;
}

/**
 * iopt_phys_cut_dirty() - Keep what is lost of a part of a track
 * @track: A track that is being split; pages->mutex held
 * @start: First byte of the part, which becomes the start of the track
 * @end: Byte after the last one
 */
void iopt_phys_cut_dirty(struct iopt_phys_track *track, unsigned long start,
			 unsigned long end)
{
	struct iopt_phys_range *lost = track->lost;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(track->lost); i++, lost++) {
		lost->start = max(lost->start, start) - start;
		lost->end = max(min(lost->end, end), start) - start;
	}
}

/*
 * Find what of a range has lost its dirty bits since they were last read. A
 * program that reads a track piece by piece, from any point up or down, is told
 * of each piece once, because the rest fits into two ranges. Anything that does
 * not is reported again.
 */
static void iopt_phys_take_lost(struct iopt_phys_track *track,
				struct iopt_phys_range *found,
				unsigned long start, unsigned long end,
				bool clear)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(track->lost); i++) {
		struct iopt_phys_range *lost = &track->lost[i];
		struct iopt_phys_range *other = &track->lost[!i];

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

static unsigned long iopt_phys_growth(const struct iopt_phys_range *range,
				      unsigned long start, unsigned long end)
{
	if (range->start >= range->end)
		return end - start;
	return max(range->end, end) - min(range->start, start) -
	       (range->end - range->start);
}

/* If both ranges are in use one of them grows: too much rather than too little */
static void iopt_phys_add_lost(struct iopt_phys_track *track,
			       unsigned long start, unsigned long end)
{
	struct iopt_phys_range *lost = &track->lost[0];
	struct iopt_phys_range *other = &track->lost[1];
	unsigned long growth, other_growth;

	if (start >= end)
		return;
	growth = iopt_phys_growth(lost, start, end);
	other_growth = iopt_phys_growth(other, start, end);
	/* If it makes no difference keep the empty one for something else */
	if (other_growth < growth ||
	    (other_growth == growth && lost->start >= lost->end))
		lost = other;
	if (lost->start < lost->end) {
		start = min(start, lost->start);
		end = max(end, lost->end);
	}
	lost->start = start;
	lost->end = end;
}

/*
 * The pages that a walk has made clean may extend beyond [start, end). Note that
 * before anyone else can walk and find them clean.
 */
static void iopt_phys_keep_rest(struct iopt_phys_track *track,
				const struct iopt_phys_held *held,
				unsigned long start, unsigned long end)
{
	iopt_phys_add_lost(track, start - min(start, held->before), start);
	iopt_phys_add_lost(track, end,
			   end + min(track->length - end, held->behind));
}

static int iopt_phys_read_track(struct iopt_phys *phys,
				struct iopt_phys_track *track,
				unsigned long iova, unsigned long last,
				unsigned long flags,
				struct iommu_dirty_bitmap *dirty)
{
	const struct iommu_dirty_ops *ops = track->domain->dirty_ops;
	const unsigned long start = iova - track->iova;
	const unsigned long end = last - track->iova + 1;
	const bool clear = !(flags & IOMMU_DIRTY_NO_CLEAR);
	struct iopt_phys_held held = {
		.hold.set = iopt_phys_held_set,
		.first = iova,
		.last = last,
		.shift = __ffs(track->domain->pgsize_bitmap),
	};
	const unsigned long window = IOPT_PHYS_HELD_BITS << held.shift;
	struct iopt_phys_range lost[2];
	unsigned int i;
	int rc = 0;

	while (true) {
		unsigned long to = min(last, iova | (window - 1));

		iopt_phys_hold(&held, dirty->bitmap, iova);
		scoped_guard(mutex, &phys->pages->mutex) {
			/* io-pgtable-arm fails where nothing is mapped */
			if (track->mapped)
				rc = ops->read_and_clear_dirty(track->domain,
							       iova,
							       to - iova + 1,
							       flags, dirty);
			if (clear)
				iopt_phys_keep_rest(track, &held, start, end);
		}
		iopt_phys_unhold(&held, dirty->bitmap);
		if (rc || to == last)
			break;
		iova = to + 1;
	}

	/* Now, as a revoke may have unmapped what the walk had not reached */
	scoped_guard(mutex, &phys->pages->mutex)
		iopt_phys_take_lost(track, lost, start, end, clear);
	for (i = 0; i < ARRAY_SIZE(lost); i++)
		if (dirty->bitmap && lost[i].start < lost[i].end)
			iova_bitmap_set(dirty->bitmap,
					track->iova + lost[i].start,
					lost[i].end - lost[i].start);
	return rc;
}

static struct iopt_phys_track *iopt_phys_find(struct iopt_phys *phys,
					      struct iommu_domain *domain,
					      unsigned long iova)
{
	struct iopt_phys_track *track;

	guard(mutex)(&phys->pages->mutex);
	list_for_each_entry(track, &phys->tracks, node)
		if (track->domain == domain && track->iova <= iova &&
		    iova - track->iova < track->length)
			return track;
	return NULL;
}

/**
 * iopt_phys_read_dirty() - Read the dirty bits of a range of an area
 * @phys: What the pages know of the dma-buf; pages->mutex not held
 * @domain: The domain
 * @iova: Start of the range
 * @length: Length of the range, bytes
 * @flags: IOMMU_DIRTY_NO_CLEAR or 0
 * @dirty: Where to record them; without a bitmap they are only cleared
 *
 * Context: iova_rwsem held, which keeps the tracks of the area.
 *
 * Return: 0 or what the driver returned.
 */
int iopt_phys_read_dirty(struct iopt_phys *phys, struct iommu_domain *domain,
			 unsigned long iova, size_t length, unsigned long flags,
			 struct iommu_dirty_bitmap *dirty)
{
	const unsigned long last = iova + length - 1;
	struct iopt_phys_track *track;
	unsigned long track_last;
	int rc;

	while (true) {
		track = iopt_phys_find(phys, domain, iova);
		if (WARN_ON(!track))
			return -EINVAL;
		track_last = min(last, track->iova + track->length - 1);
		rc = iopt_phys_read_track(phys, track, iova, track_last, flags,
					  dirty);
		if (rc || track_last == last)
			return rc;
		iova = track_last + 1;
	}
}
