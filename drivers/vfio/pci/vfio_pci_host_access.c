// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DMA_BUF_NO_HOST_ACCESS: ranges of BARs that the host must not touch while a
 * dma-buf of them exists.
 *
 * Ranges are kept as pages of the device file, because that is what all paths to a
 * BAR have in common: mmap, read and write, ioeventfds and other dma-bufs. The
 * device's no_host_access tree holds an interval for each claimed range. It is
 * nearly always empty, and then the check costs one load. A range is claimed from
 * before the export returns until the dma-buf is released, whether or not it is
 * revoked in between, or until the device is closed, which kills the dma-buf.
 * Intervals in the tree never overlap each other, nor do they overlap a dma-buf
 * without claims.
 *
 * Every access to a BAR checks the tree and then proceeds without dropping
 * memory_lock, which a claim takes for writing. So a claim has no accesses in
 * flight to wait for, only uses that were set up before it and need no lock later:
 *
 *  - Page table entries. Each belongs to a VMA of the device file, which is in
 *    i_mmap for as long as it may have entries: a claim that finds one is refused.
 *    A VMA between the mmap callback and i_mmap has no entries yet and gets none,
 *    because the fault handler checks the tree as well.
 *  - ioeventfds, whose handler may run in interrupt context. A claim holds
 *    ioeventfds_lock while it looks for them, as does adding one.
 *
 * This is about CPUs. Devices keep the access that VFIO type 1 or ACRN gave them by
 * way of an mmap of the BAR, even after it has been unmapped: neither tells where its
 * mappings lead. And the PCI core's resets of some devices write to BAR0.
 *
 * Lock order: ioeventfds_lock, memory_lock, i_mmap_rwsem. The fault handler takes
 * memory_lock inside mmap_lock or a VMA lock, so nothing here may take those or
 * copy from or to user space.
 */
#include <linux/fs.h>
#include <linux/interval_tree_generic.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "vfio_pci_priv.h"

#define VFIO_PCI_PAGES_PER_REGION BIT(VFIO_PCI_OFFSET_SHIFT - PAGE_SHIFT)

/* For i_mmap: the MM's own instance is not exported to modules */
INTERVAL_TREE_DEFINE(struct vm_area_struct, shared.rb, pgoff_t,
		     shared.rb_subtree_last, vma_start_pgoff, vma_last_pgoff,
		     static __maybe_unused, vfio_pci_file_vma)

/**
 * vfio_pci_ranges_claimable - whether all paths to the BARs are known here
 * @vdev: the device
 *
 * Return: false if a variant driver has paths of its own, or if there is a legacy
 * VGA window.
 */
bool vfio_pci_ranges_claimable(struct vfio_pci_core_device *vdev)
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
 * vfio_pci_ranges_init - prepare to record ranges
 * @r: zeroed
 * @max: maximum number of calls of vfio_pci_ranges_add()
 * @no_host_access: the ranges are going to be claimed
 *
 * Return: 0, or -ENOMEM with nothing left to free.
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
 * @r: ranges that are not claimed
 */
void vfio_pci_ranges_free(struct vfio_pci_ranges *r)
{
	kvfree(r->claims);
	kvfree(r->pages);
}

/**
 * vfio_pci_ranges_add - record a range
 * @r: from vfio_pci_ranges_init()
 * @region: index of the BAR
 * @offset: of the range in the BAR, bytes, page-aligned
 * @length: of the range, bytes, a nonzero multiple of the page size; the range lies
 *	inside the BAR
 *
 * Return: 0; -EINVAL if a no-host-access range lies beyond what the device file can
 * address.
 */
int vfio_pci_ranges_add(struct vfio_pci_ranges *r, unsigned int region,
			u64 offset, u64 length)
{
	u64 base = VFIO_PCI_INDEX_TO_OFFSET((u64)region) >> PAGE_SHIFT;
	u64 first = offset >> PAGE_SHIFT;
	u64 end = first + (length >> PAGE_SHIFT);

	if (end > VFIO_PCI_PAGES_PER_REGION) {
		if (r->claims)
			return -EINVAL;
		end = VFIO_PCI_PAGES_PER_REGION;
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

static bool vfio_pci_host_pages_claimed(struct vfio_pci_core_device *vdev,
					unsigned long first, unsigned long last)
{
	lockdep_assert_held(&vdev->memory_lock);

	return interval_tree_iter_first(&vdev->dmabuf_state.no_host_access,
					first, last);
}

static bool vfio_pci_host_bytes_claimed(struct vfio_pci_core_device *vdev,
					u64 pos, u64 size)
{
	return vfio_pci_host_pages_claimed(vdev, pos >> PAGE_SHIFT,
					   (pos + size - 1) >> PAGE_SHIFT);
}

static bool vfio_pci_ranges_claimed(struct vfio_pci_core_device *vdev,
				    const struct vfio_pci_ranges *r)
{
	size_t i;

	/* There may be a million ranges: do not look them up in an empty tree */
	if (vfio_pci_host_access_unclaimed(vdev))
		return false;
	for (i = 0; i < r->nr; i++) {
		if (vfio_pci_host_pages_claimed(vdev, r->pages[i].first,
						r->pages[i].last))
			return true;
		cond_resched();
	}
	return false;
}

/*
 * Whether another dma-buf overlaps the ranges just claimed. Those that have claims
 * themselves have been ruled out already.
 */
static int vfio_pci_ranges_check_dma_bufs(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_dma_buf *other;

	list_for_each_entry(other, &vdev->dmabufs, dmabufs_elm) {
		/* Many dma-bufs of a million ranges each take minutes */
		if (fatal_signal_pending(current))
			return -EINTR;
		if (!other->ranges.claims &&
		    vfio_pci_ranges_claimed(vdev, &other->ranges))
			return -EBUSY;
	}
	return 0;
}

static bool vfio_pci_ranges_mapped(struct vfio_pci_core_device *vdev,
				   const struct vfio_pci_ranges *r)
{
	struct address_space *mapping = vdev->vdev.inode->i_mapping;
	bool mapped = false;
	size_t i;

	i_mmap_lock_read(mapping);
	for (i = 0; i < r->nr && !mapped; i++) {
		mapped = vfio_pci_file_vma_iter_first(&mapping->i_mmap,
						      r->pages[i].first,
						      r->pages[i].last);
		cond_resched();
	}
	i_mmap_unlock_read(mapping);
	return mapped;
}

/* Whether the kernel itself uses claimed bytes: ioeventfds, the MSI-X table */
static bool vfio_pci_ranges_used_by_kernel(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_ioeventfd *ioeventfd;

	if (vdev->msix_bar < PCI_STD_NUM_BARS &&
	    vfio_pci_host_bytes_claimed(vdev,
					VFIO_PCI_INDEX_TO_OFFSET(vdev->msix_bar) +
					vdev->msix_offset, vdev->msix_size))
		return true;
	list_for_each_entry(ioeventfd, &vdev->ioeventfds_list, next)
		if (vfio_pci_host_bytes_claimed(vdev,
						VFIO_PCI_INDEX_TO_OFFSET(ioeventfd->bar) +
						ioeventfd->pos, ioeventfd->count))
			return true;
	return false;
}

/**
 * vfio_pci_ranges_claim - check an export against claims, and claim its own ranges
 * @vdev: the device; memory_lock held for writing, and ioeventfds_lock held if the
 *	host must not touch the ranges
 * @r: all ranges of the export
 *
 * If the host must not touch the ranges, they are claimed from here on, until
 * vfio_pci_ranges_unclaim().
 *
 * Return: 0; -EBUSY; or -EINTR if the caller was killed.
 */
int vfio_pci_ranges_claim(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_ranges *r)
{
	int ret;

	lockdep_assert_held_write(&vdev->memory_lock);

	if (vfio_pci_ranges_claimed(vdev, r))
		return -EBUSY;
	if (!r->claims)
		return 0;

	lockdep_assert_held(&vdev->ioeventfds_lock);
	if (vfio_pci_ranges_mapped(vdev, r))
		return -EBUSY;

	for (; r->nr_claimed < r->nr; r->nr_claimed++) {
		struct interval_tree_node *claim = &r->claims[r->nr_claimed];

		claim->start = r->pages[r->nr_claimed].first;
		claim->last = r->pages[r->nr_claimed].last;
		interval_tree_insert(claim, &vdev->dmabuf_state.no_host_access);
		cond_resched();
	}
	ret = vfio_pci_ranges_used_by_kernel(vdev) ? -EBUSY :
	      vfio_pci_ranges_check_dma_bufs(vdev);
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
				     &vdev->dmabuf_state.no_host_access);
		cond_resched();
	}
}

/**
 * vfio_pci_host_access_denied - whether the host must not touch a range
 * @vdev: the device
 * @pos: where the range starts in the device file, bytes
 * @size: of the range, bytes, not 0
 *
 * For setting up accesses that do not check again, or whose failure should be seen
 * early.
 *
 * Context: may sleep; takes memory_lock.
 *
 * Return: true if any byte of a page of the range is claimed.
 */
bool vfio_pci_host_access_denied(struct vfio_pci_core_device *vdev, u64 pos,
				 u64 size)
{
	guard(rwsem_read)(&vdev->memory_lock);
	return !vfio_pci_host_access_unclaimed(vdev) &&
	       vfio_pci_host_bytes_claimed(vdev, pos, size);
}

bool __vfio_pci_host_fault_denied(struct vfio_pci_core_device *vdev,
				  struct vm_fault *vmf, unsigned int order)
{
	pgoff_t first = linear_page_index(vmf->vma, vmf->address &
					  ~((PAGE_SIZE << order) - 1));

	return vfio_pci_host_pages_claimed(vdev, first,
					   first + (1UL << order) - 1);
}

bool __vfio_pci_host_io_denied(struct vfio_pci_core_device *vdev,
			       void __iomem *io, size_t size)
{
	unsigned int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		void __iomem *base = vdev->barmap[bar];

		if (base && io >= base &&
		    io < base + pci_resource_len(vdev->pdev, bar))
			return vfio_pci_host_bytes_claimed(vdev,
							   VFIO_PCI_INDEX_TO_OFFSET(bar) +
							   (io - base), size);
	}
	return false;
}
