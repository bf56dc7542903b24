// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a list for the DMA of one device, by the two-step DMA API.
 *
 * The route from the device to a group decides how the group is mapped:
 *
 *  - bus address: device and BAR are below one switch that lets them talk
 *    directly. The address is a sum, nothing is mapped;
 *  - through the host bridge: mapped as MMIO;
 *  - ordinary memory: mapped, but never bounced, since a copy in swiotlb would
 *    not be the buffer;
 *  - not at all: an error, before anything is mapped.
 *
 * If no group has a bus address and an IOMMU translates for the device, the
 * whole list is linked into one IOVA window: the device sees one contiguous
 * range, and it is undone by one call. Otherwise each frag has its own address,
 * which the caller keeps for unmapping.
 */
#include <linux/dma-direct.h>
#include <linux/iommu-dma.h>
#include <linux/pci-p2pdma.h>
#include <linux/ratelimit.h>

#include "internal.h"

static enum pci_p2pdma_map_type route(struct device *dev,
				      const struct dma_buf_phys_group *group)
{
	if (group->type != DMA_BUF_PHYS_P2P)
		return PCI_P2PDMA_MAP_NONE;
	return pci_p2pdma_map_type(group->provider, dev);
}

static unsigned long map_attrs(const struct dma_buf_phys_group *group)
{
	return group->type == DMA_BUF_PHYS_P2P ? DMA_ATTR_MMIO :
						 DMA_ATTR_REQUIRE_COHERENT;
}

static int check_routes(struct device *dev,
			const struct dma_buf_phys_list *list, bool *bus_addr)
{
	const struct dma_buf_phys_group *group;

	*bus_addr = false;
	if (list->types & BIT(DMA_BUF_PHYS_ENCRYPTED))
		return -EOPNOTSUPP;

	for (group = list->groups; group < list->groups + list->nr_groups;
	     group++) {
		switch (route(dev, group)) {
		case PCI_P2PDMA_MAP_NONE:
		case PCI_P2PDMA_MAP_THRU_HOST_BRIDGE:
			break;
		case PCI_P2PDMA_MAP_BUS_ADDR:
			*bus_addr = true;
			break;
		default:
			dev_err_ratelimited(dev, "no peer-to-peer route to the memory of %s: put both below one PCIe switch or behind a host bridge that supports it\n",
					    dev_name(group->provider->owner));
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
 * Return: 0; -EREMOTEIO if there is a group it has no route to, which is logged;
 * -EOPNOTSUPP if there is an encrypted group.
 */
int phys_dma_check_route(struct device *dev,
			 const struct dma_buf_phys_list *list)
{
	bool bus_addr;

	return check_routes(dev, list, &bus_addr);
}

/**
 * phys_dma_begin - prepare to map a list for a device
 * @dma: to be filled
 * @dev: the device
 * @list: the list, which the caller has mapped
 * @dir: direction of the DMA
 *
 * If dma_use_iova(&dma->iova) is true afterwards, everything is mapped by
 * phys_dma_link_all(), otherwise each frag by phys_dma_map_frag().
 *
 * Return: as phys_dma_check_route().
 */
int phys_dma_begin(struct phys_dma *dma, struct device *dev,
		   const struct dma_buf_phys_list *list,
		   enum dma_data_direction dir)
{
	bool bus_addr;
	int ret;

	ret = check_routes(dev, list, &bus_addr);
	if (ret)
		return ret;

	dma->dev = dev;
	dma->list = list;
	dma->dir = dir;
	dma->iova = (struct dma_iova_state){};
	/* The DMA API uses the top bit of a size for itself */
	if (!bus_addr && !(list->size & DMA_IOVA_USE_SWIOTLB))
		dma_iova_try_alloc(dev, &dma->iova, 0, list->size);
	return 0;
}

/**
 * phys_dma_link_all - map the list into the IOVA window
 * @dma: prepared
 *
 * Return: 0, or an error with nothing mapped and no window.
 */
int phys_dma_link_all(struct phys_dma *dma)
{
	struct dma_buf_phys_iter iter;
	u64 linked = 0;
	int ret = 0;

	dma_buf_phys_for_each_frag(&iter, dma->list, 0, dma->list->size) {
		ret = dma_iova_link(dma->dev, &dma->iova, iter.paddr,
				    iter.offset, iter.length, dma->dir,
				    map_attrs(iter.group));
		if (ret)
			goto err;
		linked += iter.length;
	}
	ret = dma_iova_sync(dma->dev, &dma->iova, 0, linked);
	if (ret)
		goto err;
	return 0;

err:
	/* No frag needs the cache or bounce handling that MMIO goes without */
	dma_iova_destroy(dma->dev, &dma->iova, linked, dma->dir, DMA_ATTR_MMIO);
	return ret;
}

/**
 * phys_dma_unlink_all - undo phys_dma_link_all()
 * @dma: linked
 */
void phys_dma_unlink_all(struct phys_dma *dma)
{
	dma_iova_destroy(dma->dev, &dma->iova, dma->list->size, dma->dir,
			 DMA_ATTR_MMIO);
}

/**
 * phys_dma_map_frag - map the frag an iterator is at
 * @dma: prepared, without a window
 * @iter: the iterator
 * @addr: set to its DMA address
 *
 * Return: 0; -EREMOTEIO if the device cannot address it; -EIO if it cannot be
 * mapped.
 */
int phys_dma_map_frag(struct phys_dma *dma,
		      const struct dma_buf_phys_iter *iter, dma_addr_t *addr)
{
	const struct dma_buf_phys_group *group = iter->group;
	bool bus_addr = route(dma->dev, group) == PCI_P2PDMA_MAP_BUS_ADDR;

	/*
	 * Where no IOMMU translates, what is out of the device's reach stays so.
	 * The DMA API would warn.
	 */
	*addr = bus_addr ? pci_p2pdma_bus_addr_map(group->provider, iter->paddr) :
			   phys_to_dma(dma->dev, iter->paddr);
	if ((bus_addr || !use_dma_iommu(dma->dev)) &&
	    *addr + (iter->length - 1) >
	    min_not_zero(dma_get_mask(dma->dev), dma->dev->bus_dma_limit))
		return -EREMOTEIO;
	if (bus_addr)
		return 0;

	*addr = dma_map_phys(dma->dev, iter->paddr, iter->length, dma->dir,
			     map_attrs(group));
	return dma_mapping_error(dma->dev, *addr) ? -EIO : 0;
}

/**
 * phys_dma_unmap_frag - undo phys_dma_map_frag()
 * @dma: as when it was mapped
 * @iter: at the same frag
 * @addr: its DMA address
 */
void phys_dma_unmap_frag(struct phys_dma *dma,
			 const struct dma_buf_phys_iter *iter, dma_addr_t addr)
{
	if (route(dma->dev, iter->group) != PCI_P2PDMA_MAP_BUS_ADDR)
		dma_unmap_phys(dma->dev, addr, iter->length, dma->dir,
			       map_attrs(iter->group));
}
