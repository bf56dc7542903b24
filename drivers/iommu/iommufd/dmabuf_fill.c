// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping dma-bufs by physical list into domains.
 *
 * A revoke sets iopt_phys.stop before it takes pages->mutex. Anyone who fills a
 * domain checks that flag every few thousand pages and leaves the rest unmapped;
 * the revoke would unmap it anyway. A fill does not wait for memory either: it
 * fails, memory is reclaimed with no lock held, and the fill is repeated.
 *
 * What is mapped is collected first, since a vector of extents takes one walk of
 * the page table.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "io_pagetable.h"

/*
 * Bytes that a fill maps between two checks of iopt_phys.stop if it maps small
 * pages. With large ones it may be more, but not more work.
 */
#define IOPT_PHYS_STEP SZ_16M

/* Extents that are mapped at a time */
#define IOPT_PHYS_VEC 64

/*
 * Under pages->mutex, which a revoke waits for. Reclaim on behalf of a memory
 * cgroup takes time, and a task above memory.high is put to sleep for seconds.
 */
#define IOPT_PHYS_GFP (GFP_NOWAIT | __GFP_ACCOUNT)

/* With no lock held */
#define IOPT_PHYS_ROOM_GFP (GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/**
 * iopt_phys_unmap_track() - Unmap what a track maps
 * @track: A track that is mapped
 */
void iopt_phys_unmap_track(struct iopt_phys_track *track)
{
	WARN_ON(iommu_unmap(track->domain, track->iova, track->length) !=
		track->length);
	track->mapped = false;
}

static int iopt_phys_prot(const struct iopt_phys_track *track,
			  const struct dma_buf_phys_group *group)
{
	int prot = track->prot;

	if (group->attr != DMA_BUF_PHYS_WB) {
		prot &= ~IOMMU_CACHE;
		/* Encrypted memory that is not cached is a BAR, too */
		if (group->type != DMA_BUF_PHYS_CPU)
			prot |= IOMMU_MMIO;
	}
	return prot;
}

/*
 * How much to map at @iova before the next check of iopt_phys.stop. The alignment
 * of the difference between the two addresses limits the page size, so stopping
 * at multiples of it costs no large page.
 */
static u64 iopt_phys_step(const struct iopt_phys_track *track, u64 iova,
			  phys_addr_t paddr)
{
	u64 step = 1ULL << __fls(track->domain->pgsize_bitmap);

	/* As batch_iommu_map_small() does; see iopt_phys_fill_frags() */
	if (READ_ONCE(track->iopt->disable_large_pages))
		return PAGE_SIZE;
	if (iova != paddr)
		step = min(step, 1ULL << __ffs64(iova ^ paddr));
	step = max(step, IOPT_PHYS_STEP);
	return step - (iova & (step - 1));
}

/**
 * struct iopt_phys_filling - how far the fill of a track has come
 * @track: what is filled
 * @stop: set when somebody wants the fill to end
 * @gfp: how to allocate page tables
 * @iova: end of what is mapped
 * @prot: of the extents in @vec
 * @nr: how many there are
 * @collected: bytes of all of them
 * @vec: extents that are to be mapped at @iova
 */
struct iopt_phys_filling {
	struct iopt_phys_track *track;
	const bool *stop;
	gfp_t gfp;
	unsigned long iova;
	int prot;
	unsigned int nr;
	u64 collected;
	struct phys_vec *vec;
};

/*
 * Map what was collected, which is something. Returns 1 if a revoke is waiting, or an
 * error; then nothing of it is mapped.
 */
static int iopt_phys_map_vec(struct iopt_phys_filling *fill)
{
	int rc;

	if (READ_ONCE(*fill->stop))
		return 1;
	rc = iommu_map_vec(fill->track->domain, fill->iova, fill->vec, fill->nr,
			   fill->prot, fill->gfp);
	if (rc)
		return rc;
	fill->iova += fill->collected;
	fill->collected = 0;
	fill->nr = 0;
	cond_resched();
	return 0;
}

static int iopt_phys_flush(struct iopt_phys_filling *fill)
{
	return fill->nr ? iopt_phys_map_vec(fill) : 0;
}

/* Collect part of a frag, or all of it; returns what mapping an earlier one did */
static __always_inline int iopt_phys_collect(struct iopt_phys_filling *fill,
					     phys_addr_t paddr, u64 length, int prot)
{
	int rc = 0;

	if (fill->nr == IOPT_PHYS_VEC || fill->prot != prot ||
	    fill->collected + length > IOPT_PHYS_STEP)
		rc = iopt_phys_flush(fill);
	if (rc)
		return rc;
	fill->prot = prot;
	fill->vec[fill->nr++] = (struct phys_vec){ .paddr = paddr, .len = length };
	fill->collected += length;
	return 0;
}

/* More than is mapped between two checks, or what has to be mapped page by page */
static noinline int iopt_phys_collect_large(struct iopt_phys_filling *fill,
					    const struct dma_buf_phys_iter *frag,
					    int prot)
{
	phys_addr_t paddr = frag->paddr, end = paddr + frag->length;
	size_t length;
	int rc = 0;

	for (; !rc && paddr != end; paddr += length) {
		length = min(end - paddr,
			     iopt_phys_step(fill->track,
					    fill->iova + fill->collected, paddr));
		rc = iopt_phys_collect(fill, paddr, length, prot);
	}
	return rc;
}

static int iopt_phys_fill_frags(struct iopt_phys_filling *fill,
				const struct dma_buf_phys_list *list)
{
	const struct iopt_phys_track *track = fill->track;
	/* It changes under locks of the io_pagetable, which a restore does not hold */
	const bool small = READ_ONCE(track->iopt->disable_large_pages);
	const struct dma_buf_phys_group *group = NULL;
	struct dma_buf_phys_iter iter;
	int prot = 0, rc;

	dma_buf_phys_for_each_frag(&iter, list, track->offset, track->length) {
		if (iter.group != group) {
			group = iter.group;
			prot = iopt_phys_prot(track, group);
		}
		if (iter.length > IOPT_PHYS_STEP || small)
			rc = iopt_phys_collect_large(fill, &iter, prot);
		else
			rc = iopt_phys_collect(fill, iter.paddr, iter.length, prot);
		if (rc)
			return rc;
	}
	return iopt_phys_flush(fill);
}

/*
 * Map a track that is not mapped. While access is revoked, or is about to be, it
 * is left for a restore to map. Returns the error of this call or, while access
 * is revoked, that of the last restore.
 */
static int iopt_phys_fill(struct iopt_phys *phys, struct iopt_phys_track *track,
			  gfp_t gfp)
{
	const struct dma_buf_phys_list *list = READ_ONCE(phys->list);
	struct phys_vec vec[IOPT_PHYS_VEC] __uninitialized;
	struct iopt_phys_filling fill = {
		.track = track,
		.stop = &phys->stop,
		.gfp = gfp,
		.iova = track->iova,
		.vec = vec,
	};
	size_t mapped;
	int rc;

	lockdep_assert_held(&phys->pages->mutex);

	if (!list) {
		rc = READ_ONCE(phys->status);
		return rc == -EINPROGRESS ? 0 : rc;
	}

	rc = iopt_phys_fill_frags(&fill, list);
	if (!rc) {
		track->mapped = true;
		return 0;
	}

	/* A device may have written to what was mapped, even by a failed call */
	mapped = fill.iova - track->iova;
	if (rc < 0 || mapped)
		iopt_phys_lose_dirty(track);
	if (mapped)
		WARN_ON(iommu_unmap(track->domain, track->iova, mapped) != mapped);
	return min(rc, 0);
}

/*
 * Bytes of page tables for a track in the smallest pages of its domain, which may
 * be smaller than PAGE_SIZE. A table is as large as such a page, but takes at
 * least PAGE_SIZE of memory: iommu_alloc_pages_node_sz(). Upper levels add less
 * than 1/256, and a few tables at both ends.
 */
static size_t iopt_phys_tables(const struct iopt_phys_track *track)
{
	size_t page = 1UL << __ffs(track->domain->pgsize_bitmap);
	size_t tables = track->length / page / (page / sizeof(u64));

	return (tables + tables / 256 + 8) * max(page, PAGE_SIZE);
}

/**
 * struct iopt_phys_room - memory that was reclaimed for page tables
 * @size: how much was free, bytes
 * @hold: have as much during the next try, which is the last one
 */
struct iopt_phys_room {
	size_t size;
	bool hold;
};

/*
 * Reclaim until room->size bytes of memory are free. That is little at first, since
 * large pages need few tables, and more each time, since a fill that fails frees
 * its own tables and starts over. Returns false if there is no memory, or if
 * @most, which the tables need at most, was free and even held, and did not suffice.
 */
static bool iopt_phys_make_room(struct iopt_phys_room *room, size_t most)
{
	void *mem;

	if (room->size >= most) {
		if (room->hold || !most)
			return false;
		room->hold = true;
		return true;
	}
	room->size = min(max(room->size * 4, PAGE_SIZE), most);
	mem = __vmalloc(room->size, IOPT_PHYS_ROOM_GFP);
	vfree(mem);
	return mem;
}

/*
 * Another task of the same cgroup may take what was reclaimed. So hold as much while
 * the tables are charged, in any case: once it is freed, the cgroup has no more than
 * its limit, however many tasks do the same.
 */
static void *iopt_phys_hold_room(const struct iopt_phys_room *room)
{
	return room->hold ? __vmalloc(room->size, IOPT_PHYS_ROOM_GFP) : NULL;
}

/* How to allocate up to @most bytes of page tables, while *held bytes are */
static gfp_t iopt_phys_gfp(size_t *held, size_t most)
{
	if (most > *held)
		return IOPT_PHYS_GFP;
	*held -= most;
	return IOPT_PHYS_GFP | __GFP_HIGH;
}

/* *tables becomes what the tracks without memory need at most, in bytes */
static int iopt_phys_try_fill_all(struct iopt_phys *phys, size_t *tables,
				  size_t held)
{
	struct iopt_phys_track *track;
	int rc = 0, ret;
	size_t most;

	*tables = 0;
	guard(mutex)(&phys->pages->mutex);
	/* What one domain cannot map another may */
	list_for_each_entry(track, &phys->tracks, node) {
		if (track->mapped)
			continue;
		most = iopt_phys_tables(track);
		ret = iopt_phys_fill(phys, track, iopt_phys_gfp(&held, most));
		if (ret == -ENOMEM)
			*tables += most;
		rc = ret ?: rc;
	}
	return rc;
}

/**
 * iopt_phys_fill_all() - Map every track that is not mapped
 * @phys: What the pages know of the dma-buf; pages->mutex not held
 *
 * Return: 0, also if access is revoked meanwhile; or the error of a track that
 * could not be mapped.
 */
int iopt_phys_fill_all(struct iopt_phys *phys)
{
	size_t tables = 0, least = SIZE_MAX;
	struct iopt_phys_room room = {};
	int rc;

	do {
		void *mem __free(kvfree) = iopt_phys_hold_room(&room);

		rc = iopt_phys_try_fill_all(phys, &tables, mem ? room.size : 0);
		/* Some were mapped with the memory that was meant for all */
		if (tables < least) {
			least = tables;
			room = (struct iopt_phys_room){};
		}
	} while (iopt_phys_make_room(&room, tables));
	return rc;
}

/**
 * iopt_phys_fill_first() - Map a track, now and after every restore
 * @phys: What the pages know of the dma-buf; pages->mutex not held
 * @track: A new track, which is in &iopt_phys.tracks if this succeeds
 *
 * Return: 0, also while access is revoked; or the error of this mapping or of
 * the last restore.
 */
int iopt_phys_fill_first(struct iopt_phys *phys, struct iopt_phys_track *track)
{
	const size_t tables = iopt_phys_tables(track);
	struct iopt_phys_room room = {};
	size_t held;
	int rc;

	do {
		/* Before anything is held that a restore may need */
		iopt_phys_settle(phys);
		void *mem __free(kvfree) = iopt_phys_hold_room(&room);

		held = mem ? room.size : 0;
		scoped_guard(mutex, &phys->pages->mutex) {
			rc = iopt_phys_fill(phys, track, iopt_phys_gfp(&held, tables));
			if (!rc)
				list_add_tail(&track->node, &phys->tracks);
		}
	} while (rc == -ENOMEM && iopt_phys_make_room(&room, tables));
	return rc;
}
