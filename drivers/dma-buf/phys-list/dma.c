// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a slice of a list for the DMA of one device, by the two-step DMA API.
 *
 * The route to a group (see route.c) decides how the group is mapped. A bus
 * address is a sum: nothing is mapped. What is reached through the host bridge
 * is mapped as MMIO. Memory of the host is mapped, but never bounced, since a
 * copy in swiotlb would not be the buffer; where that would happen there is no
 * route.
 *
 * Behind an IOMMU of the DMA API what has to be mapped is linked into one IOVA
 * window, frag after frag, groups with a bus address left out. So a slice without
 * such groups is one contiguous range to the device, and one call undoes it: at
 * once, also where the DMA API is lazy about what was mapped piece by piece. When
 * memory is taken away the device has lost it, or the promise of a revoke would
 * not hold. So it is a window or nothing.
 *
 * Elsewhere each frag is mapped by itself. If no IOMMU translates, its DMA address
 * follows from its physical one; on a platform with ways of its own the addresses
 * are kept for unmapping. Only then does a mapping's memory grow with the number
 * of frags.
 *
 * DMA ranges are not stored either: an iterator computes them from the list.
 */
#include <linux/cc_platform.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "internal.h"

/* A table of 4 KiB pages for so much takes 32 KiB */
#define PAUSE_BYTES ((u64)SZ_16M)

static unsigned long map_attrs(const struct dma_buf_phys_group *group)
{
	return group->type == DMA_BUF_PHYS_P2P ? DMA_ATTR_MMIO :
						 DMA_ATTR_REQUIRE_COHERENT;
}

/*
 * The window
 */

static void destroy_window(struct dma_buf_phys_dma *dma, u64 linked)
{
	/*
	 * No frag needs the cache or bounce handling that MMIO goes without. Not
	 * dma_iova_destroy(): it is free to leave entries in IOTLBs for a while,
	 * and did up to 7.2.
	 */
	if (linked)
		dma_iova_unlink(dma->dev, &dma->iova, 0, linked, dma->dir,
				DMA_ATTR_MMIO);
	dma_iova_free(dma->dev, &dma->iova);
}

static noinline int pause_now(u64 done, u64 *pause)
{
	*pause = done + PAUSE_BYTES;
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Let others run, and a process that waits be killed, every so many bytes */
static __always_inline int pause_at(u64 done, u64 *pause)
{
	return likely(done < *pause) ? 0 : pause_now(done, pause);
}

/* Inline: this is what a frag costs beside the IOMMU's own work */
static __always_inline int link_range(struct dma_buf_phys_dma *dma,
				      phys_addr_t paddr, u64 length,
				      unsigned long attrs, u64 *linked,
				      u64 *pause)
{
	int ret = pause_at(*linked, pause);

	if (!ret)
		ret = dma_iova_link(dma->dev, &dma->iova, paddr, *linked,
				    length, dma->dir, attrs);
	if (!ret)
		*linked += length;
	return ret;
}

/* A frag may be all of a large BAR. Few IOMMUs have pages of more than 1 GiB. */
static noinline int link_large_frag(struct dma_buf_phys_dma *dma,
				    const struct dma_buf_phys_iter *iter,
				    unsigned long attrs, u64 *linked,
				    u64 *pause)
{
	phys_addr_t paddr = iter->paddr, end = paddr + iter->length, next;
	int ret = 0;

	for (; !ret && paddr < end; paddr = next) {
		next = min(end, round_down(paddr, SZ_1G) + SZ_1G);
		ret = link_range(dma, paddr, next - paddr, attrs, linked,
				 pause);
	}
	return ret;
}

static __always_inline int link_frag(struct dma_buf_phys_dma *dma,
				     const struct dma_buf_phys_iter *iter,
				     unsigned long attrs, u64 *linked,
				     u64 *pause)
{
	if (unlikely(iter->length > SZ_1G))
		return link_large_frag(dma, iter, attrs, linked, pause);
	return link_range(dma, iter->paddr, iter->length, attrs, linked, pause);
}

static int link_frags(struct dma_buf_phys_dma *dma)
{
	struct dma_buf_phys_iter iter, *frag;
	struct phys_dma_part part = {};
	u64 linked = 0, pause = PAUSE_BYTES;
	int ret;

	while (phys_dma_next_part(dma, &part)) {
		unsigned long attrs = map_attrs(part.group);

		if (phys_dma_has_bus_addr(dma, part.group))
			continue;
		/* dma_buf_phys_for_each_frag() would call for the next one */
		frag = dma_buf_phys_iter_first(&iter, dma->list, part.offset,
					       part.length);
		for (; frag; frag = phys_iter_next(frag)) {
			ret = link_frag(dma, frag, attrs, &linked, &pause);
			if (ret)
				goto err;
		}
	}
	ret = dma_iova_sync(dma->dev, &dma->iova, 0, linked);
	if (ret)
		goto err;
	return 0;

err:
	destroy_window(dma, linked);
	return ret;
}

static int map_window(struct dma_buf_phys_dma *dma, u64 size)
{
	/* The DMA API uses the top bit of a size for itself */
	if (size & DMA_IOVA_USE_SWIOTLB ||
	    !dma_iova_try_alloc(dma->dev, &dma->iova, 0, size))
		return -ENOMEM;
	return link_frags(dma);
}

/*
 * Frag by frag
 */

/* Some platforms do not let modules call phys_to_dma() */
#define CAN_COMPUTE_ADDRS (!IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))

/* Does an address of the device follow from a physical one, and nothing else? */
bool phys_dma_is_direct(struct device *dev)
{
	return CAN_COMPUTE_ADDRS && !use_dma_iommu(dev) && !get_dma_ops(dev);
}

/* As dma_map_phys() does it then; %DMA_MAPPING_ERROR if there is none */
dma_addr_t phys_dma_direct_addr(struct device *dev,
				const struct dma_buf_phys_group *group,
				phys_addr_t paddr)
{
	if (!CAN_COMPUTE_ADDRS)
		return DMA_MAPPING_ERROR;
	if (group->type == DMA_BUF_PHYS_P2P &&
	    cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT))
		return phys_to_dma_unencrypted(dev, paddr);
	return phys_to_dma(dev, paddr);
}

/* The address of the frag that holds @iter, which may start inside it */
static dma_addr_t frag_addr(const struct dma_buf_phys_dma *dma,
			    const struct dma_buf_phys_iter *iter)
{
	const struct phys_frag *frag = &dma->list->frags[iter->frag];
	size_t first;

	if (!dma->addrs)
		return phys_dma_direct_addr(dma->dev, iter->group, iter->paddr);
	first = phys_list_frag_at(dma->list, dma->offset);
	return dma->addrs[iter->frag - first] +
	       (iter->offset - max(frag->offset, dma->offset));
}

/* Undo map_frags() for the first @length bytes of the slice */
static void unmap_frags(struct dma_buf_phys_dma *dma, u64 length)
{
	u64 end = dma->offset + length;
	struct dma_buf_phys_iter iter;
	struct phys_dma_part part = {};

	while (dma_need_unmap(dma->dev) && phys_dma_next_part(dma, &part) &&
	       part.offset < end) {
		if (phys_dma_has_bus_addr(dma, part.group))
			continue;
		dma_buf_phys_for_each_frag(&iter, dma->list, part.offset,
					   min(part.length, end - part.offset))
			dma_unmap_phys(dma->dev, frag_addr(dma, &iter),
				       iter.length, dma->dir,
				       map_attrs(part.group));
	}
	kvfree(dma->addrs);
}

static int map_frag(struct dma_buf_phys_dma *dma,
		    const struct dma_buf_phys_iter *iter, size_t first)
{
	dma_addr_t addr;

	addr = dma_map_phys(dma->dev, iter->paddr, iter->length, dma->dir,
			    map_attrs(iter->group));
	if (dma_mapping_error(dma->dev, addr))
		return -EIO;
	if (dma->addrs)
		dma->addrs[iter->frag - first] = addr;
	return 0;
}

static int map_frags(struct dma_buf_phys_dma *dma)
{
	size_t first = phys_list_frag_at(dma->list, dma->offset);
	size_t last = phys_list_frag_at(dma->list,
					dma->offset + dma->length - 1);
	struct dma_buf_phys_iter iter;
	struct phys_dma_part part = {};
	u64 pause = PAUSE_BYTES;
	int ret;

	if (!phys_dma_is_direct(dma->dev)) {
		dma->addrs = kvmalloc_array(last - first + 1,
					    sizeof(*dma->addrs),
					    GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!dma->addrs)
			return -ENOMEM;
	}
	while (phys_dma_next_part(dma, &part)) {
		if (phys_dma_has_bus_addr(dma, part.group))
			continue;
		dma_buf_phys_for_each_frag(&iter, dma->list, part.offset,
					   part.length) {
			ret = pause_at(iter.offset - dma->offset, &pause);
			if (!ret)
				ret = map_frag(dma, &iter, first);
			if (ret) {
				unmap_frags(dma, iter.offset - dma->offset);
				return ret;
			}
		}
	}
	return 0;
}

/**
 * phys_dma_map - map a slice of a list for a device
 * @dma: to be filled
 * @dev: the device
 * @list: the list, which the caller has mapped
 * @offset: where the slice starts, bytes, page aligned
 * @length: how long it is, bytes, page aligned
 * @dir: direction of the DMA
 *
 * Return: as dma_buf_phys_dma_map(); nothing is mapped on error.
 */
int phys_dma_map(struct dma_buf_phys_dma *dma, struct device *dev,
		 struct dma_buf_phys_list *list, u64 offset, u64 length,
		 enum dma_data_direction dir)
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
	ret = phys_dma_find_routes(dma, &mapped);
	if (!ret && mapped) {
		dma->mapped = true;
		ret = use_dma_iommu(dev) ? map_window(dma, mapped) :
					   map_frags(dma);
	}
	if (ret)
		phys_dma_forget_routes(dma);
	return ret;
}

/**
 * phys_dma_unmap - undo phys_dma_map()
 * @dma: mapped
 */
void phys_dma_unmap(struct dma_buf_phys_dma *dma)
{
	if (dma_use_iova(&dma->iova))
		destroy_window(dma, dma_iova_size(&dma->iova));
	else if (dma->mapped)
		unmap_frags(dma, dma->length);
	phys_dma_forget_routes(dma);
}

/**
 * dma_buf_phys_dma_map - map a slice of a dma-buf for the DMA of a device
 * @at: the attachment
 * @dev: the device; its driver's DMA is the importer's to stop
 * @offset: where the slice starts in the dma-buf, bytes, page aligned
 * @length: how long it is, bytes, page aligned, not 0
 * @dir: direction of the DMA
 * @dma: filled in on success; stays where it is until unmapped
 *
 * What dma_buf_phys_map() is to an importer that programs translation tables,
 * this is to one that makes a device do DMA: the same rules hold, and
 * dma_buf_phys_dma_unmap() is what it owes. A buffer may be mapped for several
 * devices, and several slices of it for one.
 *
 * Nothing is copied or bounced: what cannot be reached in place is an error.
 * The cost grows with the number of groups, and with that of frags only where
 * frags must be entered into an IOMMU's tables.
 *
 * Context: may sleep; reservation lock held.
 *
 * Return: 0; -ENODEV if the buffer is revoked or dead; -EACCES if the device may
 * not write to it and @dir is not DMA_TO_DEVICE; -EREMOTEIO if the device
 * has no route to a group of the slice, which is logged with the names of both
 * devices, or cannot address it, or not in place; -EOPNOTSUPP if the buffer is encrypted or has
 * moved to memory of a type the importer cannot use; -EINVAL if the slice is bad;
 * -EINTR if the process is being killed; -ENOMEM; -EIO or another error of the DMA
 * API; or what the exporter returned when asked for the list.
 */
int dma_buf_phys_dma_map(struct dma_buf_phys_attachment *at, struct device *dev,
			 u64 offset, u64 length, enum dma_data_direction dir,
			 struct dma_buf_phys_dma *dma)
{
	struct dma_buf_phys_list *list;
	int ret;

	if (dir != DMA_TO_DEVICE && !at->phys->writable)
		return -EACCES;
	list = dma_buf_phys_map(at);
	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = phys_dma_map(dma, dev, list, offset, length, dir);
	if (ret) {
		dma_buf_phys_unmap(at, list);
		return ret;
	}
	dma->at = at;
	return 0;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_map);

/**
 * dma_buf_phys_dma_unmap - undo dma_buf_phys_dma_map()
 * @dma: the mapping, which the device no longer uses
 *
 * Context: does not sleep; reservation lock held.
 */
void dma_buf_phys_dma_unmap(struct dma_buf_phys_dma *dma)
{
	phys_dma_unmap(dma);
	dma_buf_phys_unmap(dma->at, dma->list);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_unmap);

/*
 * DMA ranges
 */

/* Bytes of the window before @offset, which is where the iterator's group is */
static u64 window_before(const struct dma_buf_phys_dma *dma, u64 offset)
{
	struct phys_dma_part part = {};
	u64 sum = 0;

	while (phys_dma_next_part(dma, &part) && part.offset < offset)
		if (!phys_dma_has_bus_addr(dma, part.group))
			sum += min(part.length, offset - part.offset);
	return sum;
}

/* Describe the range at iter->frag */
static __always_inline void load_range(struct dma_buf_phys_dma_iter *iter)
{
	struct dma_buf_phys_dma *dma = iter->dma;
	const struct dma_buf_phys_iter *frag = &iter->frag;
	const struct dma_buf_phys_group *group = frag->group;

	if (iter->group != group) {
		iter->group = group;
		iter->p2p = group->type == DMA_BUF_PHYS_P2P;
		iter->bus_addr = phys_dma_has_bus_addr(dma, group);
	}
	iter->length = frag->length;
	if (iter->bus_addr) {
		iter->addr = pci_p2pdma_bus_addr_map(group->provider,
						     frag->paddr);
	} else if (dma_use_iova(&dma->iova)) {
		iter->addr = dma->iova.addr + iter->window;
		/* The group's frags follow each other in the window */
		iter->length = min(group->offset + group->length,
				   dma->offset + iter->end) - frag->offset;
		iter->window += iter->length;
	} else {
		iter->addr = frag_addr(dma, frag);
	}
}

/**
 * dma_buf_phys_dma_first - go to the first DMA range of a part of a mapping
 * @iter: the iterator
 * @dma: the mapping
 * @offset: where the part starts in the mapping, bytes
 * @length: how long it is, bytes
 *
 * See dma_buf_phys_for_each_dma(). Costs O(groups + log frags), or nothing if
 * the mapping is contiguous.
 *
 * Return: @iter, or NULL if the part is empty or not inside the mapping.
 */
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_first(struct dma_buf_phys_dma_iter *iter,
		       struct dma_buf_phys_dma *dma, u64 offset, u64 length)
{
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
		return iter;
	}

	dma_buf_phys_iter_first(&iter->frag, dma->list, dma->offset + offset,
				length);
	iter->group = NULL;
	iter->window = dma_use_iova(&dma->iova) ?
		       window_before(dma, dma->offset + offset) : 0;
	load_range(iter);
	return iter;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_first);

/**
 * dma_buf_phys_dma_next - go to the next DMA range
 * @iter: the iterator, on a range
 *
 * Return: @iter, or NULL if there is none.
 */
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_next(struct dma_buf_phys_dma_iter *iter)
{
	struct dma_buf_phys_dma *dma = iter->dma;

	iter->offset += iter->length;
	if (iter->offset == iter->end)
		return NULL;

	if (iter->length == iter->frag.length)
		phys_iter_next(&iter->frag);
	else
		dma_buf_phys_iter_first(&iter->frag, dma->list,
					dma->offset + iter->offset,
					iter->end - iter->offset);
	load_range(iter);
	return iter;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_dma_next);
