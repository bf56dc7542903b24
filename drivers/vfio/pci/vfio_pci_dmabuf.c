// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: ranges of a device's BARs as a dma-buf with a
 * physical list.
 *
 * The framework keeps the state of each dma-buf and drains it; here is which
 * bytes user space may name, and how long a dma-buf lives. When the device can be
 * reached is in vfio_pci_dmabuf_cause.c.
 *
 * A dma-buf on vdev->dmabufs holds a registration of the device, and so keeps
 * vdev alive. It comes off the list once: by the close of the device, after which
 * it is dead, or by its release. Both may be under way at once, and the release
 * may come long after the dma-buf's file is gone, for whoever has an O_PATH
 * descriptor keeps the dentry. So the close asks nobody: it kills everything on
 * the list. As long as it holds memory_lock a release cannot go on, and the
 * dma-buf is there. A release takes a registration of its own before it takes
 * that lock, under detach_lock, where the close takes away priv->vdev.
 */
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "vfio_pci_priv.h"

MODULE_IMPORT_NS("DMA_BUF");

/* More than any device needs; keeps one ioctl from running for minutes */
#define VFIO_PCI_DMA_BUF_MAX_RANGES BIT(20)

/* User space's ranges are read and translated so many at a time */
#define CHUNK 64

/* Protects every priv->vdev; held for a few instructions */
static DEFINE_SPINLOCK(detach_lock);

/*
 * A list in the making, and the ranges it is made of. The regions of a variant
 * driver may be longer than the BARs: then they are as long as the ranges say.
 */
struct build {
	struct vfio_pci_core_device *vdev;
	struct dma_buf_phys_builder b;
	struct vfio_pci_ranges *pages;
	bool write_combine;
	u64 size;
	u64 region_size[VFIO_PCI_ROM_REGION_INDEX];
	struct vfio_region_dma_range ranges[CHUNK];
	struct phys_vec vecs[CHUNK];
};

/**
 * vfio_pci_core_fill_phys_vec - translate ranges of a region
 * @phys_vec: to be filled, @nr_ranges elements
 * @dma_ranges: offsets into the region and lengths, bytes
 * @nr_ranges: number of ranges
 * @start: physical address of the region
 * @len: length of the region, bytes
 *
 * For the get_dmabuf_phys() of variant drivers.
 *
 * Return: 0; -EINVAL if a range is empty or not inside the region; -EOVERFLOW
 * if its end overflows.
 */
int vfio_pci_core_fill_phys_vec(struct phys_vec *phys_vec,
				struct vfio_region_dma_range *dma_ranges,
				size_t nr_ranges, phys_addr_t start,
				phys_addr_t len)
{
	phys_addr_t end;
	size_t i;

	for (i = 0; i < nr_ranges; i++) {
		if (!dma_ranges[i].length)
			return -EINVAL;
		if (check_add_overflow(start, dma_ranges[i].offset,
				       &phys_vec[i].paddr) ||
		    check_add_overflow(phys_vec[i].paddr, dma_ranges[i].length,
				       &end))
			return -EOVERFLOW;
		if (end > start + len)
			return -EINVAL;
		phys_vec[i].len = dma_ranges[i].length;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_pci_core_fill_phys_vec);

/**
 * vfio_pci_core_get_dmabuf_phys - translate ranges of a BAR
 * @vdev: the device
 * @provider: set to the BAR's P2P provider
 * @region_index: the BAR
 * @phys_vec: to be filled, @nr_ranges elements
 * @dma_ranges: offsets into the BAR and lengths, bytes
 * @nr_ranges: number of ranges
 *
 * &vfio_pci_device_ops.get_dmabuf_phys of devices whose regions are BARs.
 *
 * Return: 0; -EINVAL if the BAR is not memory; or as
 * vfio_pci_core_fill_phys_vec().
 */
int vfio_pci_core_get_dmabuf_phys(struct vfio_pci_core_device *vdev,
				  struct p2pdma_provider **provider,
				  unsigned int region_index,
				  struct phys_vec *phys_vec,
				  struct vfio_region_dma_range *dma_ranges,
				  size_t nr_ranges)
{
	*provider = pcim_p2pdma_provider(vdev->pdev, region_index);
	if (!*provider)
		return -EINVAL;
	return vfio_pci_core_fill_phys_vec(phys_vec, dma_ranges, nr_ranges,
					   pci_resource_start(vdev->pdev,
							      region_index),
					   pci_resource_len(vdev->pdev,
							    region_index));
}
EXPORT_SYMBOL_GPL(vfio_pci_core_get_dmabuf_phys);

/*
 * How a region may be cached: as its driver says, MMIO otherwise, for which user
 * space may choose write-combining if the device has nothing against it. Returns
 * an attribute or -EINVAL.
 */
static int region_attr(const struct build *build, u64 region)
{
	struct vfio_pci_core_device *vdev = build->vdev;
	enum dma_buf_phys_attr attr = DMA_BUF_PHYS_UC;

	if (vdev->pci_ops->get_dmabuf_attr)
		attr = vdev->pci_ops->get_dmabuf_attr(vdev, region);
	if (!build->write_combine || attr == DMA_BUF_PHYS_WC)
		return attr;
	if (attr != DMA_BUF_PHYS_UC ||
	    !(pci_resource_flags(vdev->pdev, region) & IORESOURCE_PREFETCH))
		return -EINVAL;
	return DMA_BUF_PHYS_WC;
}

/* Append ranges of one region to the list */
static int add_region_ranges(struct build *build, u64 region, size_t first,
			     size_t nr)
{
	struct vfio_region_dma_range *ranges = &build->ranges[first];
	struct vfio_pci_core_device *vdev = build->vdev;
	struct phys_vec *vecs = &build->vecs[first];
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

	attr = region_attr(build, region);
	if (attr < 0)
		return attr;
	if (build->pages->claims)
		dma_buf_phys_add_group(&build->b, DMA_BUF_PHYS_ENCRYPTED, attr,
				       NULL);
	else
		dma_buf_phys_add_group(&build->b, DMA_BUF_PHYS_P2P, attr,
				       provider);
	for (i = 0; i < nr; i++) {
		if (check_add_overflow(build->size, vecs[i].len, &build->size))
			return -EINVAL;
		ret = vfio_pci_ranges_add(build->pages, region,
					  ranges[i].offset, ranges[i].length);
		if (ret)
			return ret;
		dma_buf_phys_add_frag(&build->b, vecs[i].paddr, vecs[i].len);
		build->region_size[region] = max(build->region_size[region],
						 ranges[i].offset +
						 ranges[i].length);
	}
	return 0;
}

static void get_region_sizes(struct build *build)
{
	struct pci_dev *pdev = build->vdev->pdev;
	int i;

	for (i = 0; i < VFIO_PCI_ROM_REGION_INDEX; i++)
		build->region_size[i] =
			pci_resource_flags(pdev, i) & IORESOURCE_MEM ?
			pci_resource_len(pdev, i) : 0;
}

/*
 * Bytes may be there twice, as for a ring that is to be seen without its end. But
 * what a mapping costs an importer, of page tables and time, must not be for who
 * writes the list to choose.
 */
static bool repeats_too_much(const struct build *build)
{
	u64 size = 0;
	int i;

	for (i = 0; i < VFIO_PCI_ROM_REGION_INDEX; i++)
		size += build->region_size[i];
	return build->size / 2 > size;
}

/*
 * With VFIO_DMA_BUF_DEVICE_OFFSETS every range may be in a region of its own:
 * hand on runs that are in the same one.
 */
static int add_device_ranges(struct build *build, size_t nr)
{
	size_t first, i;
	u64 region;
	int ret;

	for (first = 0; first < nr; first = i) {
		region = VFIO_PCI_OFFSET_TO_INDEX(build->ranges[first].offset);
		for (i = first; i < nr; i++) {
			u64 offset = build->ranges[i].offset;

			if (VFIO_PCI_OFFSET_TO_INDEX(offset) != region)
				break;
			build->ranges[i].offset = offset & VFIO_PCI_OFFSET_MASK;
		}
		ret = add_region_ranges(build, region, first, i - first);
		if (ret)
			return ret;
	}
	return 0;
}

static struct dma_buf_phys_list *
build_list(struct vfio_pci_core_device *vdev,
	   const struct vfio_device_feature_dma_buf *get,
	   struct vfio_region_dma_range __user *uranges,
	   struct vfio_pci_ranges *pages)
{
	struct build *build __free(kfree) = kmalloc_obj(*build);
	u32 done, nr;
	int ret = 0;

	if (!build)
		return ERR_PTR(-ENOMEM);

	build->vdev = vdev;
	build->pages = pages;
	build->write_combine = get->flags & VFIO_DMA_BUF_WRITE_COMBINE;
	build->size = 0;
	get_region_sizes(build);
	dma_buf_phys_build(&build->b, get->nr_ranges);
	for (done = 0; done < get->nr_ranges && !ret; done += nr) {
		nr = min(get->nr_ranges - done, CHUNK);
		if (copy_from_user(build->ranges, uranges + done,
				   array_size(nr, sizeof(*uranges))))
			ret = -EFAULT;
		else if (get->flags & VFIO_DMA_BUF_DEVICE_OFFSETS)
			ret = add_device_ranges(build, nr);
		else
			ret = add_region_ranges(build, get->region_index, 0,
						nr);
		if (!ret && repeats_too_much(build))
			ret = -EINVAL;
		cond_resched();
	}
	if (ret) {
		dma_buf_phys_abandon(&build->b);
		return ERR_PTR(ret);
	}
	return dma_buf_phys_seal(&build->b, build->size);
}

/* The dma-buf has nothing to do with the device any more */
static void detach_from_device(struct vfio_pci_dma_buf *priv)
{
	struct vfio_pci_core_device *vdev = priv->vdev;

	lockdep_assert_held_write(&vdev->memory_lock);
	lockdep_assert_held(&vdev->dmabuf_lock);

	list_del(&priv->dmabufs_elm);
	vfio_pci_ranges_unclaim(vdev, &priv->ranges);
	scoped_guard(spinlock, &detach_lock)
		priv->vdev = NULL;
	vfio_device_put_registration(&vdev->vdev);
}

/* The device if it is not closed, with a registration of the caller's own */
static struct vfio_pci_core_device *get_vdev(struct vfio_pci_dma_buf *priv)
{
	guard(spinlock)(&detach_lock);
	if (priv->vdev && vfio_device_try_get_registration(&priv->vdev->vdev))
		return priv->vdev;
	return NULL;
}

static void vfio_pci_dma_buf_release(struct dma_buf_phys *phys)
{
	struct vfio_pci_dma_buf *priv =
		container_of(phys, struct vfio_pci_dma_buf, phys);
	struct vfio_pci_core_device *vdev = get_vdev(priv);

	if (vdev) {
		scoped_guard(rwsem_write, &vdev->memory_lock) {
			guard(mutex)(&vdev->dmabuf_lock);
			/* Unless it has been closed meanwhile */
			if (priv->vdev)
				detach_from_device(priv);
		}
		vfio_device_put_registration(&vdev->vdev);
	}
	dma_buf_phys_fini(phys);
	vfio_pci_ranges_free(&priv->ranges);
	kfree(priv);
}

static const struct dma_buf_phys_ops vfio_pci_dma_buf_phys_ops = {
	.release = vfio_pci_dma_buf_release,
};

/* Claim the ranges and make the dma-buf, which must be one step for others */
static int export_claimed(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_dma_buf *priv,
			  struct dma_buf_phys_export_info *info)
{
	int ret;

	guard(rwsem_write)(&vdev->memory_lock);
	ret = vfio_pci_ranges_claim(vdev, &priv->ranges);
	if (ret)
		return ret;

	guard(mutex)(&vdev->dmabuf_lock);
	vfio_pci_dma_buf_opened(vdev);
	info->state = vdev->dmabuf_live ? DMA_BUF_PHYS_LIVE :
					  DMA_BUF_PHYS_REVOKED;
	ret = dma_buf_phys_export(&priv->phys, info);
	if (ret)
		vfio_pci_ranges_unclaim(vdev, &priv->ranges);
	else
		list_add_tail(&priv->dmabufs_elm, &vdev->dmabufs);
	return ret;
}

/* On success the dma-buf owns @priv and @list */
static int export_list(struct vfio_pci_core_device *vdev,
		       struct vfio_pci_dma_buf *priv,
		       struct dma_buf_phys_list *list, int flags)
{
	DEFINE_DMA_BUF_PHYS_EXPORT_INFO(info);
	int ret;

	if (!vfio_device_try_get_registration(&vdev->vdev))
		return -ENODEV;
	priv->vdev = vdev;
	info.ops = &vfio_pci_dma_buf_phys_ops;
	info.list = list;
	info.flags = flags;

	if (priv->ranges.claims)
		scoped_guard(mutex, &vdev->ioeventfds_lock)
			ret = export_claimed(vdev, priv, &info);
	else
		ret = export_claimed(vdev, priv, &info);
	if (ret)
		vfio_device_put_registration(&vdev->vdev);
	return ret;
}

int vfio_pci_core_feature_dma_buf(struct vfio_pci_core_device *vdev, u32 flags,
				  struct vfio_device_feature_dma_buf __user *arg,
				  size_t argsz)
{
	struct vfio_device_feature_dma_buf get = {};
	struct vfio_pci_dma_buf *priv;
	struct dma_buf_phys_list *list;
	bool no_host_access;
	int ret;

	if (!vdev->pci_ops || !vdev->pci_ops->get_dmabuf_phys)
		return -EOPNOTSUPP;

	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(get));
	if (ret != 1)
		return ret;
	if (copy_from_user(&get, arg, sizeof(get)))
		return -EFAULT;

	if (!get.nr_ranges || get.nr_ranges > VFIO_PCI_DMA_BUF_MAX_RANGES ||
	    get.flags & ~(VFIO_DMA_BUF_DEVICE_OFFSETS |
			  VFIO_DMA_BUF_NO_HOST_ACCESS |
			  VFIO_DMA_BUF_WRITE_COMBINE) ||
	    (get.flags & VFIO_DMA_BUF_DEVICE_OFFSETS && get.region_index))
		return -EINVAL;
	no_host_access = get.flags & VFIO_DMA_BUF_NO_HOST_ACCESS;
	if (no_host_access && !vfio_pci_can_forgo_host_access(vdev))
		return -EOPNOTSUPP;

	priv = kzalloc_obj(*priv, GFP_KERNEL_ACCOUNT);
	if (!priv)
		return -ENOMEM;
	ret = vfio_pci_ranges_init(&priv->ranges, get.nr_ranges,
				   no_host_access);
	if (ret)
		goto err_free;
	list = build_list(vdev, &get, arg->dma_ranges, &priv->ranges);
	if (IS_ERR(list)) {
		ret = PTR_ERR(list);
		goto err_ranges;
	}
	ret = export_list(vdev, priv, list, get.open_flags);
	if (ret)
		goto err_list;

	/* From here on the dma-buf owns everything and its file the dma-buf */
	ret = dma_buf_fd(priv->phys.dmabuf, get.open_flags);
	if (ret < 0)
		dma_buf_put(priv->phys.dmabuf);
	return ret;

err_list:
	dma_buf_phys_list_free(list);
err_ranges:
	vfio_pci_ranges_free(&priv->ranges);
err_free:
	kfree(priv);
	return ret;
}

/* The device is closed: its dma-bufs are dead, whoever still holds them */
void vfio_pci_dma_buf_cleanup(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_dma_buf *priv, *tmp;

	guard(rwsem_write)(&vdev->memory_lock);
	guard(mutex)(&vdev->dmabuf_lock);
	list_for_each_entry_safe(priv, tmp, &vdev->dmabufs, dmabufs_elm) {
		dma_buf_phys_kill(&priv->phys);
		detach_from_device(priv);
	}
	vfio_pci_dma_buf_closed(vdev);
}
