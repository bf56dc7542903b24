/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vfio_pci_dmabuf*.c and vfio_pci_host_access.c share, and what they offer
 * to the rest of vfio-pci-core.
 */
#ifndef VFIO_PCI_HOST_ACCESS_H
#define VFIO_PCI_HOST_ACCESS_H

#include <linux/dma-buf-phys.h>
#include <linux/interval_tree.h>
#include <linux/vfio_pci_core.h>

#ifdef CONFIG_VFIO_PCI_DMABUF

/**
 * struct vfio_pci_pages - consecutive pages of the device's file
 * @first: number of the first; those of all BARs fit in 31 bits
 * @last: number of the last
 */
struct vfio_pci_pages {
	u32 first;
	u32 last;
};

/**
 * struct vfio_pci_ranges - the pages of the device's file in one dma-buf
 * @pages: what they are, neighbours joined
 * @nr: number of @pages
 * @claims: if the host shall not touch them, as many nodes of the device's
 *	no_host_access; otherwise NULL
 * @nr_claimed: how many of @claims are in that tree, under memory_lock
 */
struct vfio_pci_ranges {
	struct vfio_pci_pages *pages;
	size_t nr;
	struct interval_tree_node *claims;
	size_t nr_claimed;
};

/**
 * struct vfio_pci_dma_buf - one export
 * @phys: its physical side
 * @vdev: the device, with a registration of it; NULL once it is closed
 * @dmabufs_elm: in the device's list, which changes under memory_lock held for
 *	writing and dmabuf_lock, and may be read under either
 * @ranges: what it is made of
 */
struct vfio_pci_dma_buf {
	struct dma_buf_phys phys;
	struct vfio_pci_core_device *vdev;
	struct list_head dmabufs_elm;
	struct vfio_pci_ranges ranges;
};

bool vfio_pci_can_forgo_host_access(struct vfio_pci_core_device *vdev);
int vfio_pci_ranges_init(struct vfio_pci_ranges *r, size_t max,
			 bool no_host_access);
void vfio_pci_ranges_free(struct vfio_pci_ranges *r);
int vfio_pci_ranges_add(struct vfio_pci_ranges *r, unsigned int region,
			u64 offset, u64 length);
int vfio_pci_ranges_claim(struct vfio_pci_core_device *vdev,
			  struct vfio_pci_ranges *r);
void vfio_pci_ranges_unclaim(struct vfio_pci_core_device *vdev,
			     struct vfio_pci_ranges *r);
bool __vfio_pci_no_host_io(struct vfio_pci_core_device *vdev,
			   void __iomem *io, size_t size);

void vfio_pci_dma_buf_follow(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_init(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_open(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_opened(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_closed(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_look(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_error(struct vfio_pci_core_device *vdev,
			    pci_channel_state_t state);

/* May the host not touch some of these pages of the device's file? */
static inline bool vfio_pci_no_host_access(struct vfio_pci_core_device *vdev,
					   unsigned long first,
					   unsigned long nr)
{
	lockdep_assert_held(&vdev->memory_lock);

	if (likely(RB_EMPTY_ROOT(&vdev->no_host_access.rb_root)))
		return false;
	return interval_tree_iter_first(&vdev->no_host_access, first,
					first + (nr - 1));
}

/* The same of bytes of the kernel's own mapping of a BAR */
static inline bool vfio_pci_no_host_io(struct vfio_pci_core_device *vdev,
				       void __iomem *io, size_t size)
{
	lockdep_assert_held(&vdev->memory_lock);

	if (likely(RB_EMPTY_ROOT(&vdev->no_host_access.rb_root)))
		return false;
	return __vfio_pci_no_host_io(vdev, io, size);
}

#else

static inline void vfio_pci_dma_buf_init(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_dma_buf_open(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_dma_buf_look(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_dma_buf_error(struct vfio_pci_core_device *vdev,
					  pci_channel_state_t state)
{
}

static inline bool vfio_pci_no_host_access(struct vfio_pci_core_device *vdev,
					   unsigned long first,
					   unsigned long nr)
{
	return false;
}

static inline bool vfio_pci_no_host_io(struct vfio_pci_core_device *vdev,
				       void __iomem *io, size_t size)
{
	return false;
}

#endif

#endif /* VFIO_PCI_HOST_ACCESS_H */
