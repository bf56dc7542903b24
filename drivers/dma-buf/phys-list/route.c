// SPDX-License-Identifier: GPL-2.0-only
/*
 * Routes: how a device reaches each group of a slice.
 *
 *  - by bus address: device and BAR are below a switch that lets them talk
 *    directly;
 *  - through the host bridge;
 *  - as ordinary memory;
 *  - not at all, because the PCI topology forbids it: an error, logged with the
 *    names of both devices;
 *  - not at all, because the memory is out of the device's reach or would have to
 *    be copied: an error.
 *
 * The route is determined per group rather than per frag, and only once: the
 * mapping records which groups have bus addresses. The PCI core may give
 * another answer later, since it looks at the switches again whenever a driver
 * asks for the distance between two devices.
 */
#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cc_platform.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <uapi/linux/dma-buf-phys.h>

#include "internal.h"

/**
 * dma_buf_phys_next_part - get the next group of a slice
 * @dma: the slice
 * @part: the group, clipped to the slice; zeroed before the first call
 *
 * Return: false if there are no more groups.
 */
bool dma_buf_phys_next_part(const struct dma_buf_phys_dma *dma,
			    struct phys_part *part)
{
	const struct dma_buf_phys_list *list = dma->list;
	const struct dma_buf_phys_group *group =
		part->group ? part->group + 1 : list->groups;
	const struct dma_buf_phys_group *behind = list->groups + list->nr_groups;
	u64 end = dma->offset + dma->length;

	while (group != behind && group->offset + group->length <= dma->offset)
		group++;
	if (group == behind || group->offset >= end)
		return false;

	part->group = group;
	part->offset = max(group->offset, dma->offset);
	part->length = min(group->offset + group->length, end) - part->offset;
	return true;
}

/**
 * dma_buf_phys_map_type - ask the PCI core for the route to a group
 * @dev: the device
 * @group: the group
 * @ask: leave no trace, neither in the log nor in what the PCI core caches
 *
 * KUnit tests, which have no PCI devices, replace this function.
 *
 * Return: PCI_P2PDMA_MAP_NONE for memory that is not a BAR, otherwise the
 * answer of the PCI core.
 */
enum pci_p2pdma_map_type
dma_buf_phys_map_type(struct device *dev,
		      const struct dma_buf_phys_group *group, bool ask)
{
	KUNIT_STATIC_STUB_REDIRECT(dma_buf_phys_map_type, dev, group, ask);

	if (group->type != DMA_BUF_PHYS_P2P)
		return PCI_P2PDMA_MAP_NONE;
	return __pci_p2pdma_map_type(group->provider, dev, ask);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_phys_map_type);

static enum pci_p2pdma_map_type
phys_query_map_type(struct phys_route_query *query,
		    const struct dma_buf_phys_group *group)
{
	if (!group->provider || group->provider != query->provider) {
		query->map_type = dma_buf_phys_map_type(query->dev, group, true);
		query->provider = group->provider;
	}
	return query->map_type;
}

/*
 * In place or not at all
 */

/*
 * Would the DMA API copy what the device reads and writes? Without an IOMMU,
 * DMA_ATTR_REQUIRE_COHERENT makes it refuse, but only at the very end, and with
 * a warning in a confidential guest. The &struct dma_map_ops of some platforms
 * ignore that attribute. Those that bounce, such as Xen's, limit the size of a
 * mapping to what fits in a bounce buffer.
 */
static bool phys_route_bounces(struct device *dev,
			       const struct dma_buf_phys_group *group)
{
	if (use_dma_iommu(dev))
		return false;
	if (get_dma_ops(dev))
		return group->type == DMA_BUF_PHYS_CPU &&
		       dma_max_mapping_size(dev) != SIZE_MAX;
	return is_swiotlb_force_bounce(dev) ||
	       cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT);
}

/*
 * If the pages of the IOMMU are larger than the CPU's, the device could reach
 * what shares an IOMMU page with the buffer.
 */
static bool phys_route_exposes(const struct dma_buf_phys_dma *dma,
			       const struct phys_part *part)
{
	unsigned long mask = dma_get_merge_boundary(dma->dev);
	struct dma_buf_phys_iter iter;

	if (mask < PAGE_SIZE)
		return false;
	dma_buf_phys_for_each_frag(&iter, dma->list, part->offset,
				   part->length) {
		if ((iter.paddr | iter.length) & mask)
			return true;
	}
	return false;
}

static bool phys_route_is_in_place(const struct dma_buf_phys_dma *dma,
				   const struct phys_part *part, bool ask)
{
	/* Caches are not flushed for the lifetime of a mapping */
	if (part->group->type == DMA_BUF_PHYS_CPU &&
	    !dev_is_dma_coherent(dma->dev))
		return false;
	if (phys_route_bounces(dma->dev, part->group))
		return false;
	/* When only asked, the device may be unbinding and its domain be gone */
	return (ask && use_dma_iommu(dma->dev)) ||
	       !phys_route_exposes(dma, part);
}

/*
 * What the device can address
 */

/* Some platforms do not let modules call phys_to_dma() */
#define PHYS_CAN_COMPUTE_ADDRS (!IS_ENABLED(CONFIG_ARCH_HAS_PHYS_TO_DMA))

/**
 * dma_buf_phys_is_direct - do DMA addresses follow from physical ones alone?
 * @dev: the device
 *
 * Return: true if dma_buf_phys_direct_addr() is what dma_map_phys() returns.
 */
bool dma_buf_phys_is_direct(struct device *dev)
{
	return PHYS_CAN_COMPUTE_ADDRS && !use_dma_iommu(dev) &&
	       !get_dma_ops(dev);
}

/**
 * dma_buf_phys_direct_addr - compute a DMA address from a physical one
 * @dev: the device; dma_buf_phys_is_direct() is true for it
 * @group: the group that @paddr is in
 * @paddr: the physical address
 *
 * Return: the DMA address, or %DMA_MAPPING_ERROR if there is none.
 */
dma_addr_t dma_buf_phys_direct_addr(struct device *dev,
				    const struct dma_buf_phys_group *group,
				    phys_addr_t paddr)
{
	if (!PHYS_CAN_COMPUTE_ADDRS)
		return DMA_MAPPING_ERROR;
	if (group->type == DMA_BUF_PHYS_P2P &&
	    cc_platform_has(CC_ATTR_HOST_MEM_ENCRYPT))
		return phys_to_dma_unencrypted(dev, paddr);
	return phys_to_dma(dev, paddr);
}

static dma_addr_t phys_unmapped_addr(const struct dma_buf_phys_dma *dma,
				     const struct dma_buf_phys_group *group,
				     phys_addr_t paddr, bool bus)
{
	return bus ? pci_p2pdma_bus_addr_map(group->provider, paddr) :
		     dma_buf_phys_direct_addr(dma->dev, group, paddr);
}

static bool phys_can_send(struct device *dev, dma_addr_t addr)
{
	return addr <= min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

static bool phys_can_address(const struct dma_buf_phys_dma *dma,
			     const struct dma_buf_phys_iter *frag, bool bus)
{
	phys_addr_t last = frag->paddr + (frag->length - 1);
	dma_addr_t from = phys_unmapped_addr(dma, frag->group, frag->paddr, bus);
	dma_addr_t to = phys_unmapped_addr(dma, frag->group, last, bus);

	/* A frag in two windows of a bridge may not be contiguous to the device */
	return from != DMA_MAPPING_ERROR && to - from == frag->length - 1 &&
	       phys_can_send(dma->dev, to);
}

/*
 * Check this before mapping, since the DMA API would warn. Usually the highest
 * address of the group settles it.
 */
static bool phys_can_address_part(const struct dma_buf_phys_dma *dma,
				  const struct phys_part *part, bool bus)
{
	const struct dma_buf_phys_group *group = part->group;
	struct dma_buf_phys_iter iter;

	if (!bus && !dma_buf_phys_is_direct(dma->dev))
		return true;
	if ((bus || !dma->dev->dma_range_map) &&
	    phys_can_send(dma->dev,
			  phys_unmapped_addr(dma, group, group->last, bus)))
		return true;
	dma_buf_phys_for_each_frag(&iter, dma->list, part->offset,
				   part->length) {
		if (!phys_can_address(dma, &iter, bus))
			return false;
	}
	return true;
}

/*
 * Returns enum dma_buf_phys_query_route, both for mapping and for answering a
 * @query, so that the two never disagree. For a mapping, a driver is bound to
 * the device. A query only has a reference to the device, which keeps neither
 * its IOMMU domain nor its dma_range_map around, so these are left out.
 */
static u32 phys_route_of_part(const struct dma_buf_phys_dma *dma,
			      const struct phys_part *part,
			      struct phys_route_query *query)
{
	bool bus = false;
	u32 route;

	if (part->group->type == DMA_BUF_PHYS_ENCRYPTED)
		return DMA_BUF_PHYS_ROUTE_ENCRYPTED;
	switch (query ? phys_query_map_type(query, part->group) :
			dma_buf_phys_map_type(dma->dev, part->group, false)) {
	case PCI_P2PDMA_MAP_NONE:
		route = DMA_BUF_PHYS_ROUTE_MEMORY;
		break;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		route = DMA_BUF_PHYS_ROUTE_HOST_BRIDGE;
		break;
	case PCI_P2PDMA_MAP_BUS_ADDR:
		route = DMA_BUF_PHYS_ROUTE_BUS_ADDR;
		bus = true;
		break;
	default:
		return DMA_BUF_PHYS_ROUTE_NONE;
	}
	if (!bus && !phys_route_is_in_place(dma, part, query))
		return DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE;
	if (query && (!query->has_mask || (!bus && dma->dev->dma_range_map)))
		return route;
	if (!phys_can_address_part(dma, part, bus))
		return DMA_BUF_PHYS_ROUTE_MASK;
	return route;
}

static int phys_set_bus_addr(struct dma_buf_phys_dma *dma,
			     const struct dma_buf_phys_group *group)
{
	if (phys_has_many_groups(dma) && !dma->bus) {
		dma->bus_many = kvcalloc(BITS_TO_LONGS(dma->list->nr_groups),
					 sizeof(*dma->bus_many),
					 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!dma->bus_many)
			return -ENOMEM;
	}
	dma->bus = true;
	__set_bit(group - dma->list->groups,
		  phys_has_many_groups(dma) ? dma->bus_many : &dma->bus_few);
	return 0;
}

/**
 * dma_buf_phys_find_routes - determine the route to each group of a slice
 * @dma: the slice; @dma->p2p, @dma->bus and the bitmap are filled in
 * @mapped: set to the number of bytes that the DMA API has to map
 *
 * Undone by dma_buf_phys_free_routes(), which is also necessary on error.
 *
 * Return: 0, or an error as for dma_buf_phys_dma_map().
 */
int dma_buf_phys_find_routes(struct dma_buf_phys_dma *dma, u64 *mapped)
{
	struct phys_part part = {};
	int ret;

	*mapped = 0;
	if (dma->list->types & BIT(DMA_BUF_PHYS_ENCRYPTED))
		return -EOPNOTSUPP;

	while (dma_buf_phys_next_part(dma, &part)) {
		dma->p2p |= part.group->type == DMA_BUF_PHYS_P2P;
		switch (phys_route_of_part(dma, &part, NULL)) {
		case DMA_BUF_PHYS_ROUTE_MEMORY:
		case DMA_BUF_PHYS_ROUTE_HOST_BRIDGE:
			*mapped += part.length;
			break;
		case DMA_BUF_PHYS_ROUTE_BUS_ADDR:
			ret = phys_set_bus_addr(dma, part.group);
			if (ret)
				return ret;
			break;
		case DMA_BUF_PHYS_ROUTE_NONE:
			dev_err_ratelimited(dma->dev, "no peer-to-peer route to the memory of %s: put both below one PCIe switch or behind a host bridge that supports it\n",
					    dev_name(part.group->provider->owner));
			return -EREMOTEIO;
		default:
			return -EREMOTEIO;
		}
	}
	return 0;
}

/**
 * dma_buf_phys_free_routes - undo dma_buf_phys_find_routes()
 * @dma: the slice
 */
void dma_buf_phys_free_routes(struct dma_buf_phys_dma *dma)
{
	if (dma->bus && phys_has_many_groups(dma))
		kvfree(dma->bus_many);
}

/**
 * dma_buf_phys_check_routes - test whether a device can reach all of a list
 * @dev: the device
 * @list: list of a buffer that is not dead; reservation lock held
 *
 * Return: 0, or an error as for dma_buf_phys_dma_map().
 */
int dma_buf_phys_check_routes(struct device *dev,
			      struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_dma dma = {
		.dev = dev,
		.list = list,
		.length = list->size,
	};
	u64 mapped;
	int ret;

	ret = dma_buf_phys_find_routes(&dma, &mapped);
	dma_buf_phys_free_routes(&dma);
	return ret;
}

/**
 * dma_buf_phys_query_group - tell userspace how a device would reach a group
 * @query: the device, and what is remembered between groups
 * @list: list of a buffer that is not dead; reservation lock held
 * @group: one of the groups of @list
 *
 * Logs nothing. Disregards what only a bound driver may look at: an IOMMU with
 * pages larger than the CPU's, and the reach of a device with a dma_range_map.
 *
 * Return: enum dma_buf_phys_query_route.
 */
u32 dma_buf_phys_query_group(struct phys_route_query *query,
			     struct dma_buf_phys_list *list,
			     const struct dma_buf_phys_group *group)
{
	struct dma_buf_phys_dma dma = {
		.dev = query->dev,
		.list = list,
	};
	struct phys_part part = {
		.group = group,
		.offset = group->offset,
		.length = group->length,
	};

	return phys_route_of_part(&dma, &part, query);
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_phys_query_group);
