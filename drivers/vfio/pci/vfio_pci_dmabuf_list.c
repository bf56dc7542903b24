// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the ranges that user space names to the physical list of a dma-buf.
 *
 * An export may have a million ranges. They are copied in and translated in
 * batches, so that no copy of all of them exists.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "vfio_pci_priv.h"

/* Number of ranges copied in and translated per pass */
#define VFIO_PCI_DMA_BUF_BATCH 64

/**
 * struct vfio_pci_dma_buf_builder - a physical list under construction
 * @vdev: the device
 * @b: builder of the list
 * @pages: records the ranges as pages of the device file
 * @write_combine: %VFIO_DMA_BUF_WRITE_COMBINE was requested
 * @size: of the list so far, bytes
 * @region_size: of each region, bytes. Regions of a variant driver may be longer
 *	than the BARs; they count as far as ranges reach into them.
 * @ranges: the current batch as user space wrote it
 * @vecs: the current batch as physical addresses
 */
struct vfio_pci_dma_buf_builder {
	struct vfio_pci_core_device *vdev;
	struct dma_buf_phys_builder b;
	struct vfio_pci_ranges *pages;
	bool write_combine;
	u64 size;
	u64 region_size[VFIO_PCI_ROM_REGION_INDEX];
	struct vfio_region_dma_range ranges[VFIO_PCI_DMA_BUF_BATCH];
	struct phys_vec vecs[VFIO_PCI_DMA_BUF_BATCH];
};

/* What a BAR is, or what a variant driver says of memory it shows in its place */
static enum dma_buf_phys_attr
vfio_pci_dma_buf_default_attr(struct vfio_pci_core_device *vdev, u64 region,
			      const struct phys_vec *vec)
{
	phys_addr_t start = pci_resource_start(vdev->pdev, region);

	if (vec->paddr >= start &&
	    vec->paddr - start < pci_resource_len(vdev->pdev, region))
		return DMA_BUF_PHYS_UC;
	if (vdev->pci_ops->dmabuf_wb_regions & BIT(region))
		return DMA_BUF_PHYS_WB;
	if (vdev->pci_ops->dmabuf_wc_regions & BIT(region))
		return DMA_BUF_PHYS_WC;
	return DMA_BUF_PHYS_UC;
}

/*
 * User space may choose write-combining for what is uncached by default, if the
 * BAR is prefetchable. Returns an attribute or -EINVAL.
 */
static int
vfio_pci_dma_buf_region_attr(const struct vfio_pci_dma_buf_builder *builder,
			     u64 region, const struct phys_vec *vec)
{
	struct vfio_pci_core_device *vdev = builder->vdev;
	enum dma_buf_phys_attr attr;

	attr = vfio_pci_dma_buf_default_attr(vdev, region, vec);
	if (!builder->write_combine || attr == DMA_BUF_PHYS_WC)
		return attr;
	if (attr != DMA_BUF_PHYS_UC ||
	    !(pci_resource_flags(vdev->pdev, region) & IORESOURCE_PREFETCH))
		return -EINVAL;
	return DMA_BUF_PHYS_WC;
}

/* Append ranges of one region to the list */
static int
vfio_pci_dma_buf_add_region_ranges(struct vfio_pci_dma_buf_builder *builder,
				   u64 region, size_t first, size_t nr)
{
	struct vfio_region_dma_range *ranges = &builder->ranges[first];
	struct vfio_pci_core_device *vdev = builder->vdev;
	struct phys_vec *vecs = &builder->vecs[first];
	struct p2pdma_provider *provider;
	int attr, ret;
	size_t i;

	if (region >= VFIO_PCI_ROM_REGION_INDEX)
		return -ENODEV;
	region = array_index_nospec(region, VFIO_PCI_ROM_REGION_INDEX);
	if (IS_ERR(vfio_pci_core_get_iomap(vdev, region)))
		return -ENODEV;

	for (i = 0; i < nr; i++)
		if (!ranges[i].length || !PAGE_ALIGNED(ranges[i].offset) ||
		    !PAGE_ALIGNED(ranges[i].length))
			return -EINVAL;

	ret = vdev->pci_ops->get_dmabuf_phys(vdev, &provider, region, vecs,
					     ranges, nr);
	if (ret)
		return ret;

	attr = vfio_pci_dma_buf_region_attr(builder, region, vecs);
	if (attr < 0)
		return attr;
	if (builder->pages->claims)
		dma_buf_phys_add_group(&builder->b, DMA_BUF_PHYS_ENCRYPTED,
				       attr, NULL);
	else
		dma_buf_phys_add_group(&builder->b, DMA_BUF_PHYS_P2P, attr,
				       provider);
	for (i = 0; i < nr; i++) {
		u64 end = ranges[i].offset + ranges[i].length;

		if (check_add_overflow(builder->size, vecs[i].len,
				       &builder->size))
			return -EINVAL;
		ret = vfio_pci_ranges_add(builder->pages, region,
					  ranges[i].offset, ranges[i].length);
		if (ret)
			return ret;
		dma_buf_phys_add_frag(&builder->b, vecs[i].paddr, vecs[i].len);
		builder->region_size[region] =
			max(builder->region_size[region], end);
	}
	return 0;
}

/*
 * With VFIO_DMA_BUF_DEVICE_OFFSETS each range names its own region. Add runs of
 * ranges in the same region together.
 */
static int
vfio_pci_dma_buf_add_device_ranges(struct vfio_pci_dma_buf_builder *builder,
				   size_t nr)
{
	size_t first, i;
	u64 region;
	int ret;

	for (first = 0; first < nr; first = i) {
		region = VFIO_PCI_OFFSET_TO_INDEX(builder->ranges[first].offset);
		for (i = first; i < nr; i++) {
			u64 offset = builder->ranges[i].offset;

			if (VFIO_PCI_OFFSET_TO_INDEX(offset) != region)
				break;
			builder->ranges[i].offset = offset & VFIO_PCI_OFFSET_MASK;
		}
		ret = vfio_pci_dma_buf_add_region_ranges(builder, region, first,
							 i - first);
		if (ret)
			return ret;
	}
	return 0;
}

static void
vfio_pci_dma_buf_get_region_sizes(struct vfio_pci_dma_buf_builder *builder)
{
	struct pci_dev *pdev = builder->vdev->pdev;
	int i;

	for (i = 0; i < VFIO_PCI_ROM_REGION_INDEX; i++)
		builder->region_size[i] =
			pci_resource_flags(pdev, i) & IORESOURCE_MEM ?
			pci_resource_len(pdev, i) : 0;
}

/*
 * Bytes may appear twice, for instance to map a ring so that it wraps around. But
 * page tables and time that an importer spends on a mapping must stay proportional
 * to the device, whatever list user space writes.
 */
static bool
vfio_pci_dma_buf_too_large(const struct vfio_pci_dma_buf_builder *builder)
{
	u64 size = 0;
	int i;

	for (i = 0; i < VFIO_PCI_ROM_REGION_INDEX; i++)
		size += builder->region_size[i];
	return builder->size / 2 > size;
}

/**
 * vfio_pci_dma_buf_build_list - make the physical list of an export
 * @vdev: the device, open
 * @get: user space's request, already validated but for its ranges
 * @uranges: array of get->nr_ranges ranges in user space
 * @ranges: initialized; records the pages of the device file that the list has
 *
 * Context: may sleep and copies from user space; no locks held.
 *
 * Return: the list, owned by the caller; or -EFAULT; -EINVAL if a range is empty,
 * unaligned or outside of its region, or if the ranges add up to too much; -ENODEV
 * if there is no such region, or VFIO does not have it for itself; -ENOMEM; or an
 * error of the variant driver.
 */
struct dma_buf_phys_list *
vfio_pci_dma_buf_build_list(struct vfio_pci_core_device *vdev,
			    const struct vfio_device_feature_dma_buf *get,
			    struct vfio_region_dma_range __user *uranges,
			    struct vfio_pci_ranges *ranges)
{
	struct vfio_pci_dma_buf_builder *builder __free(kfree) =
		kmalloc_obj(*builder);
	u32 done, nr;
	int ret = 0;

	if (!builder)
		return ERR_PTR(-ENOMEM);

	builder->vdev = vdev;
	builder->pages = ranges;
	builder->write_combine = get->flags & VFIO_DMA_BUF_WRITE_COMBINE;
	builder->size = 0;
	vfio_pci_dma_buf_get_region_sizes(builder);
	dma_buf_phys_build(&builder->b, get->nr_ranges);
	for (done = 0; done < get->nr_ranges && !ret; done += nr) {
		nr = min(get->nr_ranges - done, VFIO_PCI_DMA_BUF_BATCH);
		if (copy_from_user(builder->ranges, uranges + done,
				   array_size(nr, sizeof(*uranges))))
			ret = -EFAULT;
		else if (get->flags & VFIO_DMA_BUF_DEVICE_OFFSETS)
			ret = vfio_pci_dma_buf_add_device_ranges(builder, nr);
		else
			ret = vfio_pci_dma_buf_add_region_ranges(builder,
								 get->region_index,
								 0, nr);
		if (!ret && vfio_pci_dma_buf_too_large(builder))
			ret = -EINVAL;
		cond_resched();
	}
	if (ret) {
		dma_buf_phys_abandon(&builder->b);
		return ERR_PTR(ret);
	}
	return dma_buf_phys_seal(&builder->b, builder->size);
}
