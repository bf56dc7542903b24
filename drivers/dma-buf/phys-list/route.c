// SPDX-License-Identifier: GPL-2.0-only
/*
 * The route by which a device reaches each group of a slice.
 *
 *  - bus address: device and BAR are below one switch that lets them talk
 *    directly;
 *  - through the host bridge;
 *  - none of both, for memory of the host;
 *  - not at all: an error, and a message that names both devices.
 *
 * A route is looked up per group, never per frag, and only if some group of the
 * slice has a bus address is it looked up again after the mapping was made.
 */
#include <linux/pci-p2pdma.h>
#include <linux/ratelimit.h>
#include <uapi/linux/dma-buf-phys.h>

#include "internal.h"

/* Go to the next group of the slice; %NULL as group is before the first */
bool phys_dma_next_part(const struct dma_buf_phys_dma *dma,
			struct phys_dma_part *part)
{
	const struct dma_buf_phys_group *group = part->group;
	u64 end = dma->offset + dma->length;

	group = group ? group + 1 : dma->list->groups;
	while (group < dma->list->groups + dma->list->nr_groups &&
	       group->offset + group->length <= dma->offset)
		group++;
	if (group == dma->list->groups + dma->list->nr_groups ||
	    group->offset >= end)
		return false;

	part->group = group;
	part->offset = max(group->offset, dma->offset);
	part->length = min(group->offset + group->length, end) - part->offset;
	return true;
}

static enum pci_p2pdma_map_type route(struct device *dev,
				      const struct dma_buf_phys_group *group)
{
	if (group->type != DMA_BUF_PHYS_P2P)
		return PCI_P2PDMA_MAP_NONE;
	return pci_p2pdma_map_type(group->provider, dev);
}

/* Is this group of the slice reached by bus address? */
bool phys_dma_has_bus_addr(const struct dma_buf_phys_dma *dma,
			   const struct dma_buf_phys_group *group)
{
	return dma->bus &&
	       route(dma->dev, group) == PCI_P2PDMA_MAP_BUS_ADDR;
}

bool phys_dma_can_address(struct device *dev, dma_addr_t last)
{
	return last <= min_not_zero(dma_get_mask(dev), dev->bus_dma_limit);
}

/* Of a group that goes by bus address; the group's highest one mostly tells */
static int check_bus_addrs(const struct dma_buf_phys_dma *dma,
			   const struct phys_dma_part *part)
{
	struct p2pdma_provider *provider = part->group->provider;
	struct dma_buf_phys_iter iter;
	dma_addr_t last;

	last = pci_p2pdma_bus_addr_map(provider, part->group->last);
	if (phys_dma_can_address(dma->dev, last))
		return 0;

	dma_buf_phys_for_each_frag(&iter, dma->list, part->offset,
				   part->length) {
		last = pci_p2pdma_bus_addr_map(provider,
					       iter.paddr + (iter.length - 1));
		if (!phys_dma_can_address(dma->dev, last))
			return -EREMOTEIO;
	}
	return 0;
}

/* Fills in what depends on the routes; @mapped: bytes that must be mapped */
int phys_dma_find_routes(struct dma_buf_phys_dma *dma, u64 *mapped)
{
	struct phys_dma_part part = {};
	int ret;

	*mapped = 0;
	if (dma->list->types & BIT(DMA_BUF_PHYS_ENCRYPTED))
		return -EOPNOTSUPP;

	while (phys_dma_next_part(dma, &part)) {
		dma->p2p |= part.group->type == DMA_BUF_PHYS_P2P;
		switch (route(dma->dev, part.group)) {
		case PCI_P2PDMA_MAP_NONE:
		case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
			*mapped += part.length;
			break;
		case PCI_P2PDMA_MAP_BUS_ADDR:
			dma->bus = true;
			ret = check_bus_addrs(dma, &part);
			if (ret)
				return ret;
			break;
		default:
			dev_err_ratelimited(dma->dev, "no peer-to-peer route to the memory of %s: put both below one PCIe switch or behind a host bridge that supports it\n",
					    dev_name(part.group->provider->owner));
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
 * or that it cannot address; -EOPNOTSUPP if there is an encrypted group.
 */
int phys_dma_check_route(struct device *dev, struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_dma dma = {
		.dev = dev,
		.list = list,
		.length = list->size,
	};
	u64 mapped;

	return phys_dma_find_routes(&dma, &mapped);
}

/**
 * phys_dma_tell_route - what a program is told about a device and a group
 * @dev: the device
 * @list: the list, whose buffer is not dead; reservation lock held
 * @group: one of its groups
 * @masked: @dev has a driver that has said what addresses it can send
 *
 * Says nothing to the log.
 *
 * Return: enum dma_buf_phys_query_route.
 */
u32 phys_dma_tell_route(struct device *dev, struct dma_buf_phys_list *list,
			const struct dma_buf_phys_group *group, bool masked)
{
	struct dma_buf_phys_dma dma = {
		.dev = dev,
		.list = list,
	};
	struct phys_dma_part part = {
		.group = group,
		.offset = group->offset,
		.length = group->length,
	};

	if (group->type == DMA_BUF_PHYS_ENCRYPTED)
		return DMA_BUF_PHYS_ROUTE_ENCRYPTED;
	switch (route(dev, group)) {
	case PCI_P2PDMA_MAP_NONE:
		return DMA_BUF_PHYS_ROUTE_MEMORY;
	case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
		return DMA_BUF_PHYS_ROUTE_HOST_BRIDGE;
	case PCI_P2PDMA_MAP_BUS_ADDR:
		if (masked && check_bus_addrs(&dma, &part))
			return DMA_BUF_PHYS_ROUTE_MASK;
		return DMA_BUF_PHYS_ROUTE_BUS_ADDR;
	default:
		return DMA_BUF_PHYS_ROUTE_NONE;
	}
}
