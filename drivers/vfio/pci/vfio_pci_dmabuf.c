// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: ranges of a device's BARs as a dma-buf with a
 * physical list.
 *
 * The framework keeps the state of each dma-buf and drains it. This file is about
 * the lifetime of a dma-buf. Its physical list is made in vfio_pci_dmabuf_list.c;
 * vfio_pci_dmabuf_cause.c decides when the device can be reached.
 *
 * A dma-buf on vdev->dmabufs holds a registration of the device, which keeps vdev
 * alive. It leaves the list once: when the device is closed, after which it is dead,
 * or when it is released. Both may happen at the same time, and the release may
 * come long after the dma-buf's file is gone, because an O_PATH descriptor keeps
 * the dentry. So the close does not look at files: it kills everything on the list.
 * While it holds memory_lock a release cannot proceed, and the dma-buf exists. A
 * release gets a registration of its own before it takes that lock, under
 * vfio_pci_dma_buf_vdev_lock, under which the close clears priv->vdev.
 */
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/overflow.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "vfio_pci_priv.h"

MODULE_IMPORT_NS("DMA_BUF");

/* More than any device needs; keeps one ioctl from running for minutes */
#define VFIO_PCI_DMA_BUF_MAX_RANGES BIT(20)

#define VFIO_PCI_DMA_BUF_FLAGS (VFIO_DMA_BUF_DEVICE_OFFSETS | \
				VFIO_DMA_BUF_NO_HOST_ACCESS | \
				VFIO_DMA_BUF_WRITE_COMBINE)

/* Protects priv->vdev of all dma-bufs; held for a few instructions */
static DEFINE_SPINLOCK(vfio_pci_dma_buf_vdev_lock);

/**
 * vfio_pci_core_fill_phys_vec - translate ranges of a region
 * @phys_vec: to be filled in, array of @nr_ranges elements
 * @dma_ranges: offsets into the region and lengths, bytes
 * @nr_ranges: number of ranges
 * @start: physical address of the region
 * @len: length of the region, bytes
 *
 * For get_dmabuf_phys() of variant drivers.
 *
 * Return: 0; -EINVAL if a range is empty or not inside the region; -EOVERFLOW if
 * its end overflows.
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
 * @provider: set to the P2P provider of the BAR
 * @region_index: index of the BAR
 * @phys_vec: to be filled in, array of @nr_ranges elements
 * @dma_ranges: offsets into the BAR and lengths, bytes
 * @nr_ranges: number of ranges
 *
 * &vfio_pci_device_ops.get_dmabuf_phys for devices whose regions are BARs.
 *
 * Return: 0; -EINVAL if the BAR is not memory; or an error of
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

/* Separate a dma-buf from its device for good */
static void vfio_pci_dma_buf_detach(struct vfio_pci_dma_buf *priv)
{
	struct vfio_pci_core_device *vdev = priv->vdev;

	lockdep_assert_held_write(&vdev->memory_lock);
	lockdep_assert_held(&vdev->dmabuf_state.lock);

	list_del(&priv->dmabufs_elm);
	vfio_pci_ranges_unclaim(vdev, &priv->ranges);
	scoped_guard(spinlock, &vfio_pci_dma_buf_vdev_lock)
		priv->vdev = NULL;
	vfio_device_put_registration(&vdev->vdev);
}

/* The device unless it is closed, with a registration for the caller */
static struct vfio_pci_core_device *
vfio_pci_dma_buf_get_vdev(struct vfio_pci_dma_buf *priv)
{
	guard(spinlock)(&vfio_pci_dma_buf_vdev_lock);
	if (priv->vdev && vfio_device_try_get_registration(&priv->vdev->vdev))
		return priv->vdev;
	return NULL;
}

static void vfio_pci_dma_buf_release(struct dma_buf_phys *phys)
{
	struct vfio_pci_dma_buf *priv =
		container_of(phys, struct vfio_pci_dma_buf, phys);
	struct vfio_pci_core_device *vdev = vfio_pci_dma_buf_get_vdev(priv);

	if (vdev) {
		scoped_guard(rwsem_write, &vdev->memory_lock) {
			guard(mutex)(&vdev->dmabuf_state.lock);
			/* Unless the device was closed in the meantime */
			if (priv->vdev)
				vfio_pci_dma_buf_detach(priv);
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

/* Claim the ranges and create the dma-buf: to others, this is a single step */
static int
vfio_pci_dma_buf_claim_and_export(struct vfio_pci_core_device *vdev,
				  struct vfio_pci_dma_buf *priv,
				  struct dma_buf_phys_export_info *info)
{
	int ret;

	guard(rwsem_write)(&vdev->memory_lock);
	ret = vfio_pci_ranges_claim(vdev, &priv->ranges);
	if (ret)
		return ret;

	guard(mutex)(&vdev->dmabuf_state.lock);
	vfio_pci_dma_buf_activate(vdev);
	info->state = vdev->dmabuf_state.live ? DMA_BUF_PHYS_LIVE :
						DMA_BUF_PHYS_REVOKED;
	ret = dma_buf_phys_export(&priv->phys, info);
	if (ret)
		vfio_pci_ranges_unclaim(vdev, &priv->ranges);
	else
		list_add_tail(&priv->dmabufs_elm, &vdev->dmabufs);
	return ret;
}

/* On success the dma-buf owns @priv and @list */
static int vfio_pci_dma_buf_export(struct vfio_pci_core_device *vdev,
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
	/*
	 * Memory that a variant driver shows in the place of a BAR may be poisoned, or
	 * not ready after a reset. Only the driver's own mappings are told.
	 */
	info.no_mmap = vdev->pci_ops->dmabuf_wb_regions ||
		       vdev->pci_ops->dmabuf_wc_regions;

	if (priv->ranges.claims)
		scoped_guard(mutex, &vdev->ioeventfds_lock)
			ret = vfio_pci_dma_buf_claim_and_export(vdev, priv,
								&info);
	else
		ret = vfio_pci_dma_buf_claim_and_export(vdev, priv, &info);
	if (ret)
		vfio_device_put_registration(&vdev->vdev);
	return ret;
}

static bool
vfio_pci_dma_buf_request_valid(const struct vfio_device_feature_dma_buf *get)
{
	if (!get->nr_ranges || get->nr_ranges > VFIO_PCI_DMA_BUF_MAX_RANGES)
		return false;
	if (get->flags & ~VFIO_PCI_DMA_BUF_FLAGS)
		return false;
	return !(get->flags & VFIO_DMA_BUF_DEVICE_OFFSETS) ||
	       !get->region_index;
}

/**
 * vfio_pci_core_feature_dma_buf - VFIO_DEVICE_FEATURE_DMA_BUF
 * @vdev: the device, open
 * @flags: VFIO_DEVICE_FEATURE_* operation
 * @arg: the request in user space
 * @argsz: size of what user space passes at @arg, bytes
 *
 * Return: a new file descriptor of the dma-buf, or a negative errno.
 */
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

	if (!vfio_pci_dma_buf_request_valid(&get))
		return -EINVAL;
	no_host_access = get.flags & VFIO_DMA_BUF_NO_HOST_ACCESS;
	if (no_host_access && !vfio_pci_ranges_claimable(vdev))
		return -EOPNOTSUPP;

	priv = kzalloc_obj(*priv, GFP_KERNEL_ACCOUNT);
	if (!priv)
		return -ENOMEM;
	ret = vfio_pci_ranges_init(&priv->ranges, get.nr_ranges,
				   no_host_access);
	if (ret)
		goto err_free;
	list = vfio_pci_dma_buf_build_list(vdev, &get, arg->dma_ranges,
					   &priv->ranges);
	if (IS_ERR(list)) {
		ret = PTR_ERR(list);
		goto err_ranges;
	}
	ret = vfio_pci_dma_buf_export(vdev, priv, list, get.open_flags);
	if (ret)
		goto err_list;

	/* From here on the dma-buf owns everything, and its file owns the dma-buf */
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

/**
 * vfio_pci_dma_buf_cleanup - kill all dma-bufs, the device is being closed
 * @vdev: the device
 *
 * Context: may sleep; takes memory_lock and waits for the work item, which is not
 * queued again while the device is inactive.
 */
void vfio_pci_dma_buf_cleanup(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_dma_buf *priv, *tmp;

	scoped_guard(rwsem_write, &vdev->memory_lock) {
		guard(mutex)(&vdev->dmabuf_state.lock);
		list_for_each_entry_safe(priv, tmp, &vdev->dmabufs,
					 dmabufs_elm) {
			dma_buf_phys_kill(&priv->phys);
			vfio_pci_dma_buf_detach(priv);
		}
		vfio_pci_dma_buf_deactivate(vdev);
	}
	cancel_delayed_work_sync(&vdev->dmabuf_state.work);
}
