// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DMA_BUF_NO_HOST_ACCESS: ranges of BARs that the host does not touch while
 * a dma-buf of them exists.
 *
 * Ranges are counted in pages of the device's file, since that is what all ways
 * to a BAR have in common: mmap, read and write, ioeventfds, and the other
 * dma-bufs. vdev->no_host_access has an interval for each claimed range; it is
 * empty nearly always, and then asking costs one load. A range is claimed from
 * before the export returns until the dma-buf is released, whether it is revoked
 * or not, or until the device is closed, which kills the dma-buf. Intervals in
 * the tree never overlap, and no dma-buf of the ordinary kind overlaps one.
 *
 * Whoever touches a BAR looks into the tree and then touches it without letting
 * go of memory_lock. So there are no stragglers to wait for when a claim has
 * been made, except for what was set up before and needs no lock afterwards:
 *
 *  - page table entries. Each belongs to a VMA of the file, which is in i_mmap
 *    as long as there may be entries: a claim that finds one is refused. Whoever
 *    is between the mmap callback and i_mmap has no entries and will not get any,
 *    because the fault handler looks into the tree, too.
 *  - ioeventfds, whose handler may run in interrupt context. A claim holds
 *    ioeventfds_lock while it looks for them, and so does whoever adds one.
 *
 * Lock order: ioeventfds_lock, memory_lock, i_mmap_rwsem. The fault handler has
 * mmap_lock or a VMA's lock outside memory_lock, so nothing here may take those,
 * nor copy from or to user space.
 */
#include <linux/fs.h>
#include <linux/interval_tree_generic.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "vfio_pci_priv.h"

#define PAGES_PER_REGION BIT(VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)

/* Of i_mmap; the memory management's own instance is not for modules */
INTERVAL_TREE_DEFINE(struct vm_area_struct, shared.rb, pgoff_t,
		     shared.rb_subtree_last, vma_start_pgoff, vma_last_pgoff,
		     static __maybe_unused, file_vma)

/**
 * vfio_pci_can_forgo_host_access - are all ways to the BARs known here?
 * @vdev: the device
 *
 * Return: false if a variant driver has its own, or there is a legacy VGA window.
 */
bool vfio_pci_can_forgo_host_access(struct vfio_pci_core_device *vdev)
{
	const struct vfio_device_ops *ops = vdev->vdev.ops;

	return ops->mmap == vfio_pci_core_mmap &&
	       ops->read == vfio_pci_core_read &&
	       ops->write == vfio_pci_core_write &&
	       vdev->pci_ops->get_dmabuf_phys ==
		       vfio_pci_core_get_dmabuf_phys &&
	       !vdev->has_vga;
}

/**
 * vfio_pci_ranges_init - start recording
 * @r: zeroed
 * @max: so many ranges may be added
 * @no_host_access: the host shall not touch them
 *
 * Return: 0 or -ENOMEM; then there is nothing to be freed.
 */
int vfio_pci_ranges_init(struct vfio_pci_ranges *r, size_t max,
			 bool no_host_access)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;

	r->pages = kvmalloc_array(max, sizeof(*r->pages), gfp);
	if (!r->pages)
		return -ENOMEM;
	if (no_host_access) {
		r->claims = kvmalloc_array(max, sizeof(*r->claims), gfp);
		if (!r->claims) {
			kvfree(r->pages);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * vfio_pci_ranges_free - undo vfio_pci_ranges_init()
 * @r: not claimed
 */
void vfio_pci_ranges_free(struct vfio_pci_ranges *r)
{
	kvfree(r->claims);
	kvfree(r->pages);
}

/**
 * vfio_pci_ranges_add - record a range
 * @r: from vfio_pci_ranges_init()
 * @region: a BAR
 * @offset: into the BAR, page aligned
 * @length: bytes, a multiple of the page size, not 0; the range is inside the
 *	BAR
 *
 * Return: 0; -EINVAL if the host shall not touch what is so far into a huge BAR
 * that the device's file does not reach it.
 */
int vfio_pci_ranges_add(struct vfio_pci_ranges *r, unsigned int region,
			u64 offset, u64 length)
{
	u64 base = VFIO_PCI_INDEX_TO_OFFSET((u64)region) >> PAGE_SHIFT;
	u64 first = offset >> PAGE_SHIFT;
	u64 end = first + (length >> PAGE_SHIFT);

	if (end > PAGES_PER_REGION) {
		if (r->claims)
			return -EINVAL;
		end = PAGES_PER_REGION;
		if (first >= end)
			return 0;
	}

	if (r->nr && r->pages[r->nr - 1].last + 1 == base + first)
		r->pages[r->nr - 1].last = base + end - 1;
	else
		r->pages[r->nr++] = (struct vfio_pci_pages){
			.first = base + first,
			.last = base + end - 1,
		};
	return 0;
}

static bool is_claimed(struct vfio_pci_core_device *vdev,
		       const struct vfio_pci_ranges *r)
{
	size_t i;

	/* Nothing to be found: do not look up a million ranges */
	if (RB_EMPTY_ROOT(&vdev->no_host_access.rb_root))
		return false;
	for (i = 0; i < r->nr; i++) {
		if (vfio_pci_no_host_access(vdev, r->pages[i].first,
					    r->pages[i].last -
						    r->pages[i].first + 1))
			return true;
		cond_resched();
	}
	return false;
}

/* Does one overlap that is not of this kind? Those of this kind were refused */
static int check_dma_bufs(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_dma_buf *other;

	list_for_each_entry(other, &vdev->dmabufs, dmabufs_elm) {
		/* Many of a million ranges each take minutes */
		if (fatal_signal_pending(current))
			return -EINTR;
		if (!other->ranges.claims && is_claimed(vdev, &other->ranges))
			return -EBUSY;
	}
	return 0;
}

static bool is_mapped(struct vfio_pci_core_device *vdev,
		      const struct vfio_pci_ranges *r)
{
	struct address_space *mapping = vdev->vdev.inode->i_mapping;
	bool mapped = false;
	size_t i;

	i_mmap_lock_read(mapping);
	for (i = 0; i < r->nr && !mapped; i++) {
		mapped = file_vma_iter_first(&mapping->i_mmap,
					     r->pages[i].first,
					     r->pages[i].last);
		cond_resched();
	}
	i_mmap_unlock_read(mapping);
	return mapped;
}

static bool bytes_are_claimed(struct vfio_pci_core_device *vdev,
			      unsigned int bar, u64 offset, u64 length)
{
	u64 pos = VFIO_PCI_INDEX_TO_OFFSET((u64)bar) + offset;
	u64 first = pos >> PAGE_SHIFT;
	u64 last = (pos + length - 1) >> PAGE_SHIFT;

	return vfio_pci_no_host_access(vdev, first, last - first + 1);
}

/* By the kernel itself: ioeventfds and the vector table of MSI-X */
static bool is_used_by_kernel(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_ioeventfd *ioeventfd;

	if (vdev->msix_bar < PCI_STD_NUM_BARS &&
	    bytes_are_claimed(vdev, vdev->msix_bar, vdev->msix_offset,
			      vdev->msix_size))
		return true;
	list_for_each_entry(ioeventfd, &vdev->ioeventfds_list, next)
		if (bytes_are_claimed(vdev, ioeventfd->bar, ioeventfd->pos,
				      ioeventfd->count))
			return true;
	return false;
}

/**
 * vfio_pci_ranges_claim - see that an export contradicts no promise
 * @vdev: the device; memory_lock held for writing, and ioeventfds_lock if the
 *	host shall not touch the ranges
 * @r: all ranges of the export
 *
 * If the host shall not touch them, that holds from here on, until
 * vfio_pci_ranges_unclaim().
 *
 * Return: 0, -EBUSY, or -EINTR if the caller was killed.
 */
int vfio_pci_ranges_claim(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_ranges *r)
{
	int ret;

	lockdep_assert_held_write(&vdev->memory_lock);

	if (is_claimed(vdev, r))
		return -EBUSY;
	if (!r->claims)
		return 0;

	lockdep_assert_held(&vdev->ioeventfds_lock);
	if (is_mapped(vdev, r))
		return -EBUSY;

	for (; r->nr_claimed < r->nr; r->nr_claimed++) {
		struct interval_tree_node *claim = &r->claims[r->nr_claimed];

		claim->start = r->pages[r->nr_claimed].first;
		claim->last = r->pages[r->nr_claimed].last;
		interval_tree_insert(claim, &vdev->no_host_access);
		cond_resched();
	}
	ret = is_used_by_kernel(vdev) ? -EBUSY : check_dma_bufs(vdev);
	if (ret)
		vfio_pci_ranges_unclaim(vdev, r);
	return ret;
}

/**
 * vfio_pci_ranges_unclaim - undo vfio_pci_ranges_claim()
 * @vdev: the device; memory_lock held for writing
 * @r: the ranges, claimed or not
 */
void vfio_pci_ranges_unclaim(struct vfio_pci_core_device *vdev,
			     struct vfio_pci_ranges *r)
{
	lockdep_assert_held_write(&vdev->memory_lock);

	while (r->nr_claimed) {
		interval_tree_remove(&r->claims[--r->nr_claimed],
				     &vdev->no_host_access);
		cond_resched();
	}
}

bool __vfio_pci_no_host_io(struct vfio_pci_core_device *vdev,
			   void __iomem *io, size_t size)
{
	unsigned int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		void __iomem *base = vdev->barmap[bar];

		if (base && io >= base &&
		    io < base + pci_resource_len(vdev->pdev, bar))
			return bytes_are_claimed(vdev, bar, io - base, size);
	}
	return false;
}
