// SPDX-License-Identifier: GPL-2.0-only
/*
 * The route by which a device reaches each group of a slice.
 *
 *  - bus address: device and BAR are below one switch that lets them talk
 *    directly;
 *  - through the host bridge;
 *  - none of both, for memory of the host;
 *  - not at all: an error, and a message that names both devices;
 *  - not in place, or beyond what the device can address: an error.
 *
 * A route is looked up per group, never per frag, and once: the mapping notes which
 * groups have a bus address. The PCI core may say something else later: it looks at
 * the switches again when a driver asks how far two devices are apart.
 */
#include <kunit/static_stub.h>
#include <linux/cc_platform.h>
#include <linux/dma-map-ops.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <uapi/linux/dma-buf-phys.h>

#include "internal.h"

/* Go to the next group of the slice; %NULL as group is before the first */
bool phys_dma_next_part(const struct dma_buf_phys_dma *dma,
			struct phys_dma_part *part)
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

/*
 * To @ask leaves nothing behind, neither in the log nor in what the PCI core
 * remembers. Tests, which have no PCI devices, put another function in its place.
 */
enum pci_p2pdma_map_type
phys_dma_map_type(struct device *dev, const struct dma_buf_phys_group *group,
		  bool ask)
{
	KUNIT_STATIC_STUB_REDIRECT(phys_dma_map_type, dev, group, ask);

	if (group->type != DMA_BUF_PHYS_P2P)
		return PCI_P2PDMA_MAP_NONE;
	return ask ? pci_p2pdma_ask_map_type(group->provider, dev) :
		     pci_p2pdma_map_type(group->provider, dev);
}
EXPORT_SYMBOL_FOR_MODULES(phys_dma_map_type, "dma-buf-phys-kunit");

static enum pci_p2pdma_map_type
ask_map_type(struct phys_asker *asker, const struct dma_buf_phys_group *group)
{
	if (!group->provider || group->provider != asker->provider) {
		asker->type = phys_dma_map_type(asker->dev, group, true);
		asker->provider = group->provider;
	}
	return asker->type;
}

/*
 * In place or not at all
 */

/*
 * Would the DMA API copy what the device reads and writes? Where nothing
 * translates DMA_ATTR_REQUIRE_COHERENT makes it refuse, but only in the end, and
 * with a warning in a confidential guest. The &struct dma_map_ops of platforms do
 * not know that attribute. Those that bounce, Xen's, say that they map no more at a
 * time than a bounce buffer holds.
 */
static bool route_bounces(struct device *dev,
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

/* An IOMMU with pages larger than ours would let the device reach what is beside */
static bool route_exposes(const struct dma_buf_phys_dma *dma,
			  const struct phys_dma_part *part)
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

static bool route_is_in_place(const struct dma_buf_phys_dma *dma,
			      const struct phys_dma_part *part, bool ask)
{
	/* Nobody flushes caches for the time of a mapping */
	if (part->group->type == DMA_BUF_PHYS_CPU &&
	    !dev_is_dma_coherent(dma->dev))
		return false;
	if (route_bounces(dma->dev, part->group))
		return false;
	/* The device may be on its way out, and its domain gone */
	return (ask && use_dma_iommu(dma->dev)) || !route_exposes(dma, part);
}

/*
 * What the device can address
 */

static dma_addr_t unmapped_addr(const struct dma_buf_phys_dma *dma,
				const struct dma_buf_phys_group *group,
				phys_addr_t paddr, bool bus)
{
	return bus ? pci_p2pdma_bus_addr_map(group->provider, paddr) :
		     phys_dma_direct_addr(dma->dev, group, paddr);
}

static bool can_send(struct device *dev, dma_addr_t addr)
{
	return addr != DMA_MAPPING_ERROR &&
	       addr <= min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

static bool can_address(const struct dma_buf_phys_dma *dma,
			const struct dma_buf_phys_iter *frag, bool bus)
{
	phys_addr_t last = frag->paddr + (frag->length - 1);
	dma_addr_t from = unmapped_addr(dma, frag->group, frag->paddr, bus);
	dma_addr_t to = unmapped_addr(dma, frag->group, last, bus);

	/* What is in two of a bridge's windows may be torn apart */
	return from != DMA_MAPPING_ERROR && to - from == frag->length - 1 &&
	       can_send(dma->dev, to);
}

/* The DMA API would warn. The group's highest address mostly tells. */
static bool can_address_part(const struct dma_buf_phys_dma *dma,
			     const struct phys_dma_part *part, bool bus)
{
	const struct dma_buf_phys_group *group = part->group;
	struct dma_buf_phys_iter iter;

	if (!bus && !phys_dma_is_direct(dma->dev))
		return true;
	if ((bus || !dma->dev->dma_range_map) &&
	    can_send(dma->dev, unmapped_addr(dma, group, group->last, bus)))
		return true;
	dma_buf_phys_for_each_frag(&iter, dma->list, part->offset,
				   part->length) {
		if (!can_address(dma, &iter, bus))
			return false;
	}
	return true;
}

/*
 * One answer for who maps and for who asks: enum dma_buf_phys_query_route. Who maps,
 * without an @asker, has a driver bound to the device. A reference to the device,
 * which is what an asker has, keeps neither its IOMMU domain nor its map of DMA
 * addresses: both are left out of the answer.
 */
static u32 route_of_part(const struct dma_buf_phys_dma *dma,
			 const struct phys_dma_part *part,
			 struct phys_asker *asker)
{
	bool bus = false;
	u32 route;

	if (part->group->type == DMA_BUF_PHYS_ENCRYPTED)
		return DMA_BUF_PHYS_ROUTE_ENCRYPTED;
	switch (asker ? ask_map_type(asker, part->group) :
			phys_dma_map_type(dma->dev, part->group, false)) {
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
	if (!bus && !route_is_in_place(dma, part, asker))
		return DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE;
	if (asker && (!asker->masked || (!bus && dma->dev->dma_range_map)))
		return route;
	if (!can_address_part(dma, part, bus))
		return DMA_BUF_PHYS_ROUTE_MASK;
	return route;
}

static int set_bus_addr(struct dma_buf_phys_dma *dma,
			const struct dma_buf_phys_group *group)
{
	if (phys_dma_has_many_groups(dma) && !dma->bus) {
		dma->bus_many = kvcalloc(BITS_TO_LONGS(dma->list->nr_groups),
					 sizeof(*dma->bus_many),
					 GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!dma->bus_many)
			return -ENOMEM;
	}
	dma->bus = true;
	__set_bit(group - dma->list->groups,
		  phys_dma_has_many_groups(dma) ? dma->bus_many :
						  &dma->bus_few);
	return 0;
}

void phys_dma_forget_routes(struct dma_buf_phys_dma *dma)
{
	if (dma->bus && phys_dma_has_many_groups(dma))
		kvfree(dma->bus_many);
}

/*
 * Fills in what depends on the routes, and is to be forgotten, also after an
 * error; @mapped: bytes that must be mapped
 */
int phys_dma_find_routes(struct dma_buf_phys_dma *dma, u64 *mapped)
{
	struct phys_dma_part part = {};
	int ret;

	*mapped = 0;
	if (dma->list->types & BIT(DMA_BUF_PHYS_ENCRYPTED))
		return -EOPNOTSUPP;

	while (phys_dma_next_part(dma, &part)) {
		dma->p2p |= part.group->type == DMA_BUF_PHYS_P2P;
		switch (route_of_part(dma, &part, NULL)) {
		case DMA_BUF_PHYS_ROUTE_MEMORY:
		case DMA_BUF_PHYS_ROUTE_HOST_BRIDGE:
			*mapped += part.length;
			break;
		case DMA_BUF_PHYS_ROUTE_BUS_ADDR:
			ret = set_bus_addr(dma, part.group);
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
 * phys_dma_check_route - can a device reach all of a list?
 * @dev: the device
 * @list: the list, whose buffer is not dead; reservation lock held
 *
 * Return: 0; -EREMOTEIO if there is a group it has no route to, which is logged,
 * or that it cannot address, or not in place; -EOPNOTSUPP if there is an
 * encrypted group; -ENOMEM.
 */
int phys_dma_check_route(struct device *dev, struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_dma dma = {
		.dev = dev,
		.list = list,
		.length = list->size,
	};
	u64 mapped;
	int ret;

	ret = phys_dma_find_routes(&dma, &mapped);
	phys_dma_forget_routes(&dma);
	return ret;
}

/**
 * phys_dma_tell_route - what a program is told about a device and a group
 * @asker: who asks, for a device
 * @list: the list, whose buffer is not dead; reservation lock held
 * @group: one of its groups
 *
 * Says nothing to the log. Not asked is what only a bound driver may look at: an
 * IOMMU whose pages are larger than ours, and the reach of a device with a map of
 * DMA addresses.
 *
 * Return: enum dma_buf_phys_query_route.
 */
u32 phys_dma_tell_route(struct phys_asker *asker, struct dma_buf_phys_list *list,
			const struct dma_buf_phys_group *group)
{
	struct dma_buf_phys_dma dma = {
		.dev = asker->dev,
		.list = list,
	};
	struct phys_dma_part part = {
		.group = group,
		.offset = group->offset,
		.length = group->length,
	};

	return route_of_part(&dma, &part, asker);
}
EXPORT_SYMBOL_FOR_MODULES(phys_dma_tell_route, "dma-buf-phys-kunit");
