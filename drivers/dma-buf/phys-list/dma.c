// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a slice of a list for the DMA of a device, with the two-step DMA API.
 *
 * The route to a group (see route.c) decides how the group is mapped. A bus
 * address is computed, so there is nothing to map. What is reached through the
 * host bridge is mapped as MMIO. Ordinary memory is mapped as such, but never
 * bounced, because a copy in swiotlb would not be the buffer; where that would
 * happen, there is no route.
 *
 * Behind an IOMMU of the DMA API, all that has to be mapped is linked into one
 * IOVA window, frag after frag, skipping groups with a bus address. Without
 * such groups the slice is a single contiguous range to the device. Unmapping
 * is a single call as well and takes effect at once, even where the DMA API
 * defers IOTLB flushes of single mappings. A revoke depends on that: when it
 * returns, the device must have lost access. So if there is no window, mapping
 * fails.
 *
 * Elsewhere, each frag is mapped on its own. Without an IOMMU its DMA address
 * follows from the physical one. On platforms with DMA operations of their own
 * the addresses have to be kept for unmapping, which is the only case in which
 * the size of a mapping depends on the number of frags.
 *
 * DMA ranges are not stored either: an iterator computes them from the list.
 */
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "internal.h"

/* IOMMU page tables of 4 KiB pages for this many bytes take 32 KiB */
#define PHYS_PAUSE_BYTES ((u64)SZ_16M)

/* Frags that are linked by one walk of the IOMMU's page table */
#define PHYS_WINDOW_VEC 64

static unsigned long phys_dma_attrs(const struct dma_buf_phys_group *group)
{
	return group->type == DMA_BUF_PHYS_P2P ? DMA_ATTR_MMIO :
						 DMA_ATTR_REQUIRE_COHERENT;
}

/*
 * Walking what is mapped
 */

/**
 * struct phys_dma_walk - a walk over the frags that the DMA API maps
 * @done: bytes that the DMA API has mapped so far
 * @pause: value of @done at which to pause next
 * @first: the frag in which the slice starts
 * @end: after an error, position in the dma-buf of the frag that failed
 * @vec: frags that are to be linked together
 * @nr: how many there are in @vec
 * @attrs: of all of them
 * @collected: bytes of all of them
 */
struct phys_dma_walk {
	u64 done;
	u64 pause;
	const struct dma_buf_phys_frag *first;
	u64 end;
	struct phys_vec *vec;
	unsigned int nr;
	unsigned long attrs;
	u64 collected;
};

typedef int (*phys_dma_frag_fn)(struct dma_buf_phys_dma *dma,
				const struct dma_buf_phys_iter *frag,
				struct phys_dma_walk *walk);

/* As dma_buf_phys_next_part(), without the groups that have bus addresses */
static bool phys_dma_next_mapped(const struct dma_buf_phys_dma *dma,
				 struct phys_part *part)
{
	while (dma_buf_phys_next_part(dma, part))
		if (!phys_has_bus_addr(dma, part->group))
			return true;
	return false;
}

/*
 * Call @fn for the frags that the DMA API maps within the first @length bytes
 * of the slice, until it fails. Inline, so that @fn is as well: with an IOMMU,
 * this is all that a frag costs in addition to the IOMMU's own work.
 */
static __always_inline int phys_dma_walk(struct dma_buf_phys_dma *dma,
					 u64 length, phys_dma_frag_fn fn,
					 struct phys_dma_walk *walk)
{
	u64 end = dma->offset + length;
	struct dma_buf_phys_iter iter, *frag;
	struct phys_part part = {};
	int ret;

	while (phys_dma_next_mapped(dma, &part) && part.offset < end) {
		/* The macro, inlined several times in a function, is beyond sparse */
		frag = dma_buf_phys_iter_first(&iter, dma->list, part.offset,
					       min(part.length, end - part.offset));
		for (; frag; frag = dma_buf_phys_iter_next(frag)) {
			ret = fn(dma, frag, walk);
			if (ret) {
				walk->end = frag->offset;
				return ret;
			}
		}
	}
	return 0;
}

static noinline int phys_dma_pause(struct phys_dma_walk *walk)
{
	walk->pause = walk->done + PHYS_PAUSE_BYTES;
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* From time to time, let others run, and a process that waits for this be killed */
static __always_inline int phys_dma_may_pause(struct phys_dma_walk *walk)
{
	return likely(walk->done < walk->pause) ? 0 : phys_dma_pause(walk);
}

/* Number of frags that are at least partly inside the slice */
static size_t phys_dma_nr_frags(const struct dma_buf_phys_dma *dma)
{
	u64 end = dma->offset + dma->length;
	size_t first = dma_buf_phys_frag_at(dma->list, dma->offset);
	size_t last = dma_buf_phys_frag_at(dma->list, end);

	/* The end may be inside a frag, which counts */
	return last - first + (dma->list->frags[last].offset < end);
}

/*
 * The window
 */

static void phys_window_destroy(struct dma_buf_phys_dma *dma, u64 linked)
{
	/*
	 * DMA_ATTR_MMIO skips cache maintenance and swiotlb, neither of which
	 * any frag needs. Not dma_iova_destroy(), which may leave entries in
	 * IOTLBs for a while, and did so up to 7.2.
	 */
	if (linked)
		dma_iova_unlink(dma->dev, &dma->iova, 0, linked, dma->dir,
				DMA_ATTR_MMIO);
	dma_iova_free(dma->dev, &dma->iova);
}

/*
 * Link what was collected, which is something. If there is an error, nothing of it
 * is linked.
 */
static int phys_window_link_vec(struct dma_buf_phys_dma *dma,
				struct phys_dma_walk *walk)
{
	int ret = phys_dma_may_pause(walk);

	if (ret)
		return ret;
	if (walk->nr == 1)
		ret = dma_iova_link(dma->dev, &dma->iova, walk->vec->paddr,
				    walk->done, walk->vec->len, dma->dir,
				    walk->attrs);
	else
		ret = dma_iova_link_vec(dma->dev, &dma->iova, walk->vec,
					walk->nr, walk->done, dma->dir,
					walk->attrs);
	if (ret)
		return ret;
	walk->done += walk->collected;
	walk->collected = 0;
	walk->nr = 0;
	return 0;
}

static __always_inline int phys_window_flush(struct dma_buf_phys_dma *dma,
					     struct phys_dma_walk *walk)
{
	return walk->nr ? phys_window_link_vec(dma, walk) : 0;
}

/* Few enough bytes at a time that it can be interrupted, unless it is one range */
static __always_inline int phys_window_link_range(struct dma_buf_phys_dma *dma,
						  phys_addr_t paddr, u64 length,
						  unsigned long attrs,
						  struct phys_dma_walk *walk)
{
	int ret = 0;

	if (walk->nr == PHYS_WINDOW_VEC || walk->attrs != attrs ||
	    walk->collected + length > PHYS_PAUSE_BYTES)
		ret = phys_window_flush(dma, walk);
	if (ret)
		return ret;
	walk->attrs = attrs;
	walk->vec[walk->nr++] = (struct phys_vec){ .paddr = paddr, .len = length };
	walk->collected += length;
	return 0;
}

/*
 * A frag may be an entire large BAR. Link it piece by piece, so that it can be
 * interrupted; few IOMMUs have pages larger than 1 GiB.
 */
static noinline int phys_window_link_large(struct dma_buf_phys_dma *dma,
					   const struct dma_buf_phys_iter *frag,
					   unsigned long attrs,
					   struct phys_dma_walk *walk)
{
	phys_addr_t paddr = frag->paddr, end = paddr + frag->length, next;
	int ret = 0;

	for (; !ret && paddr < end; paddr = next) {
		next = min(end, round_down(paddr, SZ_1G) + SZ_1G);
		ret = phys_window_link_range(dma, paddr, next - paddr, attrs,
					     walk);
	}
	return ret;
}

static __always_inline int phys_window_link(struct dma_buf_phys_dma *dma,
					    const struct dma_buf_phys_iter *frag,
					    struct phys_dma_walk *walk)
{
	unsigned long attrs = phys_dma_attrs(frag->group);

	if (unlikely(frag->length > SZ_1G))
		return phys_window_link_large(dma, frag, attrs, walk);
	return phys_window_link_range(dma, frag->paddr, frag->length, attrs,
				      walk);
}

static int phys_window_map(struct dma_buf_phys_dma *dma, u64 size)
{
	struct phys_vec vec[PHYS_WINDOW_VEC] __uninitialized;
	struct phys_dma_walk walk = { .pause = PHYS_PAUSE_BYTES, .vec = vec };
	int ret;

	/* The DMA API uses the top bit of a size as a flag */
	if (size & DMA_IOVA_USE_SWIOTLB ||
	    !dma_iova_try_alloc(dma->dev, &dma->iova, 0, size))
		return -ENOMEM;
	ret = phys_dma_walk(dma, dma->length, phys_window_link, &walk);
	if (!ret)
		ret = phys_window_flush(dma, &walk);
	if (!ret)
		ret = dma_iova_sync(dma->dev, &dma->iova, 0, walk.done);
	if (ret)
		phys_window_destroy(dma, walk.done);
	return ret;
}

/* Bytes of the window in front of @offset, a position in the dma-buf */
static u64 phys_window_before(const struct dma_buf_phys_dma *dma, u64 offset)
{
	struct phys_part part = {};
	u64 sum = 0;

	while (phys_dma_next_mapped(dma, &part) && part.offset < offset)
		sum += min(part.length, offset - part.offset);
	return sum;
}

/*
 * Frag by frag
 */

/* DMA address of the byte at @offset, a position in the dma-buf inside @frag */
static dma_addr_t phys_frag_addr(const struct dma_buf_phys_dma *dma,
				 const struct dma_buf_phys_group *group,
				 const struct dma_buf_phys_frag *frag, u64 offset)
{
	size_t first;

	if (!dma->addrs)
		return dma_buf_phys_direct_addr(dma->dev, group, frag->paddr +
						(offset - frag->offset));
	first = dma_buf_phys_frag_at(dma->list, dma->offset);
	return dma->addrs[frag - &dma->list->frags[first]] +
	       (offset - max(frag->offset, dma->offset));
}

static int phys_frag_unmap(struct dma_buf_phys_dma *dma,
			   const struct dma_buf_phys_iter *frag,
			   struct phys_dma_walk *walk)
{
	dma_addr_t addr = phys_frag_addr(dma, frag->group, frag->frag,
					 frag->offset);

	dma_unmap_phys(dma->dev, addr, frag->length, dma->dir,
		       phys_dma_attrs(frag->group));
	return 0;
}

/* Undo phys_frags_map() for the first @length bytes of the slice */
static void phys_frags_unmap(struct dma_buf_phys_dma *dma, u64 length)
{
	struct phys_dma_walk walk = {};

	if (dma_need_unmap(dma->dev))
		phys_dma_walk(dma, length, phys_frag_unmap, &walk);
	kvfree(dma->addrs);
}

static int phys_frag_map(struct dma_buf_phys_dma *dma,
			 const struct dma_buf_phys_iter *frag,
			 struct phys_dma_walk *walk)
{
	dma_addr_t addr;
	int ret;

	ret = phys_dma_may_pause(walk);
	if (ret)
		return ret;
	addr = dma_map_phys(dma->dev, frag->paddr, frag->length, dma->dir,
			    phys_dma_attrs(frag->group));
	if (dma_mapping_error(dma->dev, addr))
		return -EIO;
	if (dma->addrs)
		dma->addrs[frag->frag - walk->first] = addr;
	walk->done += frag->length;
	return 0;
}

/* As for an importer's table: block only if there is no memory otherwise */
static dma_addr_t *phys_alloc_addrs(size_t nr)
{
	dma_addr_t *addrs;

	addrs = kvmalloc_array(nr, sizeof(*addrs), GFP_NOWAIT | __GFP_ACCOUNT);
	return addrs ?: kvmalloc_array(nr, sizeof(*addrs),
				       GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

static int phys_frags_map(struct dma_buf_phys_dma *dma)
{
	size_t first = dma_buf_phys_frag_at(dma->list, dma->offset);
	struct phys_dma_walk walk = {
		.pause = PHYS_PAUSE_BYTES,
		.first = &dma->list->frags[first],
	};
	int ret;

	if (!dma_buf_phys_is_direct(dma->dev)) {
		dma->addrs = phys_alloc_addrs(phys_dma_nr_frags(dma));
		if (!dma->addrs)
			return -ENOMEM;
	}
	ret = phys_dma_walk(dma, dma->length, phys_frag_map, &walk);
	if (ret)
		phys_frags_unmap(dma, walk.end - dma->offset);
	return ret;
}

/**
 * dma_buf_phys_map_slice - map a slice of a list for a device
 * @dma: the mapping, filled in
 * @dev: the device
 * @list: the list, which the caller has mapped
 * @offset: position of the slice in the dma-buf in bytes, page aligned
 * @length: length of the slice in bytes, page aligned
 * @dir: direction of the DMA
 *
 * Return: as for dma_buf_phys_dma_map(). On error nothing is mapped.
 */
int dma_buf_phys_map_slice(struct dma_buf_phys_dma *dma, struct device *dev,
			   struct dma_buf_phys_list *list, u64 offset,
			   u64 length, enum dma_data_direction dir)
{
	u64 mapped;
	int ret;

	if (!PAGE_ALIGNED(offset | length) || !length ||
	    offset > list->size || length > list->size - offset)
		return -EINVAL;

	*dma = (struct dma_buf_phys_dma){
		.list = list,
		.dev = dev,
		.offset = offset,
		.length = length,
		.dir = dir,
	};
	ret = dma_buf_phys_find_routes(dma, &mapped);
	if (!ret && mapped) {
		dma->mapped = true;
		ret = use_dma_iommu(dev) ? phys_window_map(dma, mapped) :
					   phys_frags_map(dma);
	}
	if (ret)
		dma_buf_phys_free_routes(dma);
	return ret;
}

/**
 * dma_buf_phys_unmap_slice - undo dma_buf_phys_map_slice()
 * @dma: the mapping
 */
void dma_buf_phys_unmap_slice(struct dma_buf_phys_dma *dma)
{
	if (dma_use_iova(&dma->iova))
		phys_window_destroy(dma, dma_iova_size(&dma->iova));
	else if (dma->mapped)
		phys_frags_unmap(dma, dma->length);
	dma_buf_phys_free_routes(dma);
}

/*
 * DMA ranges
 */

/*
 * Describe the range at iter->offset, which is inside @frag. If the addresses of
 * the whole frags that follow it in the group, up to @end, follow from their
 * physical ones in the same way, they are a run, which dma_buf_phys_dma_next()
 * walks inline.
 */
static struct dma_buf_phys_dma_iter *
phys_range_load(struct dma_buf_phys_dma_iter *iter,
		const struct dma_buf_phys_frag *frag)
{
	struct dma_buf_phys_dma *dma = iter->dma;
	const struct dma_buf_phys_list *list = dma->list;
	const struct dma_buf_phys_group *group = iter->group;
	u64 start = dma->offset + iter->offset;
	u64 end = min(group->offset + group->length, dma->offset + iter->end);
	phys_addr_t paddr = frag->paddr + (start - frag->offset);
	const struct dma_buf_phys_frag *behind;

	iter->p2p = group->type == DMA_BUF_PHYS_P2P;
	iter->bus_addr = phys_has_bus_addr(dma, group);
	behind = &list->frags[dma_buf_phys_frag_at(list, end)];
	if (!iter->bus_addr && dma_use_iova(&dma->iova)) {
		/* All frags of the group are contiguous in the window */
		iter->addr = dma->iova.addr + iter->window;
		iter->length = end - start;
		iter->window += iter->length;
		iter->next = behind;
		iter->last = behind;
		return iter;
	}

	iter->length = min(frag[1].offset, end) - start;
	iter->next = frag + 1;
	if (iter->bus_addr) {
		iter->addr = pci_p2pdma_bus_addr_map(group->provider, paddr);
		iter->last = max(behind, iter->next);
	} else {
		iter->addr = phys_frag_addr(dma, group, frag, start);
		iter->last = dma->addrs || dma->dev->dma_range_map ?
			     iter->next : max(behind, iter->next);
	}
	iter->delta = iter->addr - paddr;
	return iter;
}

/**
 * dma_buf_phys_dma_max_ranges - limit the number of DMA ranges of a mapping
 * @dma: the mapping
 *
 * To allocate room for all of them without walking them first. Takes O(log
 * frags), or constant time if the mapping is contiguous or of the whole buffer.
 *
 * Return: the number of frags that the mapping covers, or 1 if it is contiguous;
 * dma_buf_phys_for_each_dma() finds at most that many ranges.
 */
size_t dma_buf_phys_dma_max_ranges(struct dma_buf_phys_dma *dma)
{
	return phys_dma_is_contiguous(dma) ? 1 : phys_dma_nr_frags(dma);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_max_ranges);

/**
 * dma_buf_phys_dma_first - get the first DMA range of a part of a mapping
 * @iter: the iterator
 * @dma: the mapping
 * @offset: position of the part in the mapping in bytes
 * @length: length of the part in bytes
 *
 * See dma_buf_phys_for_each_dma(). Takes O(groups + log frags), or constant
 * time if the mapping is contiguous.
 *
 * Return: @iter, or NULL if the part is empty or not inside the mapping.
 */
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_first(struct dma_buf_phys_dma_iter *iter,
		       struct dma_buf_phys_dma *dma, u64 offset, u64 length)
{
	const struct dma_buf_phys_list *list = dma->list;
	u64 start = dma->offset + offset;

	if (!length || offset > dma->length || length > dma->length - offset)
		return NULL;

	iter->dma = dma;
	iter->offset = offset;
	iter->end = offset + length;
	if (phys_dma_is_contiguous(dma)) {
		iter->addr = dma->iova.addr + offset;
		iter->length = length;
		iter->p2p = dma->p2p;
		iter->bus_addr = false;
		iter->next = NULL;
		iter->last = NULL;
		return iter;
	}

	iter->group = dma_buf_phys_group_at(list, start);
	iter->window = dma_use_iova(&dma->iova) ?
		       phys_window_before(dma, start) : 0;
	return phys_range_load(iter, &list->frags[dma_buf_phys_frag_at(list, start)]);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_first);

/**
 * dma_buf_phys_dma_next_run - as dma_buf_phys_dma_next(), at the end of a run
 * @iter: the iterator
 *
 * Return: @iter, or NULL if there are no more ranges.
 */
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_next_run(struct dma_buf_phys_dma_iter *iter)
{
	const struct dma_buf_phys_group *group = iter->group;

	iter->offset += iter->length;
	if (iter->offset == iter->end)
		return NULL;
	if (iter->dma->offset + iter->offset == group->offset + group->length)
		iter->group++;
	return phys_range_load(iter, iter->next);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_next_run);
