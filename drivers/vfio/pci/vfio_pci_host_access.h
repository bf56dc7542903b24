/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ranges of BARs that the host must not touch while a dma-buf of them exists.
 */
#ifndef VFIO_PCI_HOST_ACCESS_H
#define VFIO_PCI_HOST_ACCESS_H

#include <linux/interval_tree.h>
#include <linux/vfio_pci_core.h>

#ifdef CONFIG_VFIO_PCI_DMABUF

/**
 * struct vfio_pci_pages - a run of consecutive pages of the device file
 * @first: page offset of the first page; those of all BARs fit in 31 bits
 * @last: page offset of the last page
 */
struct vfio_pci_pages {
	u32 first;
	u32 last;
};

/**
 * struct vfio_pci_ranges - the pages of the device file that back one dma-buf
 * @pages: array of runs, adjacent ones merged; constant after the export
 * @nr: number of elements in use in @pages
 * @claims: array of nodes for the device's no_host_access tree, one for each
 *	element of @pages; NULL if the host may touch the ranges
 * @nr_claimed: number of @claims that are in the tree; under memory_lock
 */
struct vfio_pci_ranges {
	struct vfio_pci_pages *pages;
	size_t nr;
	struct interval_tree_node *claims;
	size_t nr_claimed;
};

bool vfio_pci_ranges_claimable(struct vfio_pci_core_device *vdev);
int vfio_pci_ranges_init(struct vfio_pci_ranges *r, size_t max,
			 bool no_host_access);
void vfio_pci_ranges_free(struct vfio_pci_ranges *r);
int vfio_pci_ranges_add(struct vfio_pci_ranges *r, unsigned int region,
			u64 offset, u64 length);
int vfio_pci_ranges_claim(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_ranges *r);
void vfio_pci_ranges_unclaim(struct vfio_pci_core_device *vdev,
			     struct vfio_pci_ranges *r);

bool vfio_pci_host_access_denied(struct vfio_pci_core_device *vdev, u64 pos,
				 u64 size);
bool __vfio_pci_host_fault_denied(struct vfio_pci_core_device *vdev,
				  struct vm_fault *vmf, unsigned int order);
bool __vfio_pci_host_io_denied(struct vfio_pci_core_device *vdev,
			       void __iomem *io, size_t size);

/* With memory_lock held, whether there are no claims at all: nearly always */
static inline bool
vfio_pci_host_access_unclaimed(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->memory_lock);

	return likely(RB_EMPTY_ROOT(&vdev->dmabuf_state.no_host_access.rb_root));
}

/* Whether a fault must not map the block of this order around its address */
static inline bool
vfio_pci_host_fault_denied(struct vfio_pci_core_device *vdev,
			   struct vm_fault *vmf, unsigned int order)
{
	return !vfio_pci_host_access_unclaimed(vdev) &&
	       __vfio_pci_host_fault_denied(vdev, vmf, order);
}

/*
 * Whether an access through the kernel's mapping of a BAR must fail. If so, this
 * releases memory_lock, which the caller holds for reading.
 */
static inline bool
vfio_pci_host_io_denied_unlock(struct vfio_pci_core_device *vdev,
			       void __iomem *io, size_t size)
{
	if (vfio_pci_host_access_unclaimed(vdev) ||
	    !__vfio_pci_host_io_denied(vdev, io, size))
		return false;
	up_read(&vdev->memory_lock);
	return true;
}

#else

static inline bool
vfio_pci_host_access_denied(struct vfio_pci_core_device *vdev, u64 pos,
			    u64 size)
{
	return false;
}

static inline bool
vfio_pci_host_fault_denied(struct vfio_pci_core_device *vdev,
			   struct vm_fault *vmf, unsigned int order)
{
	return false;
}

static inline bool
vfio_pci_host_io_denied_unlock(struct vfio_pci_core_device *vdev,
			       void __iomem *io, size_t size)
{
	return false;
}

#endif

#endif /* VFIO_PCI_HOST_ACCESS_H */
