/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dma-bufs of a VFIO PCI device: what vfio_pci_dmabuf*.c share, and what the
 * rest of vfio-pci-core calls.
 */
#ifndef VFIO_PCI_DMABUF_H
#define VFIO_PCI_DMABUF_H

#include <linux/dma-buf-phys.h>
#include <linux/list.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_host_access.h"

#ifdef CONFIG_VFIO_PCI_DMABUF

/**
 * struct vfio_pci_dma_buf - one exported dma-buf
 * @phys: the framework's part: state, physical list and attachments
 * @vdev: the device, on which a registration is held; NULL once the device has
 *	been closed. Cleared under vfio_pci_dma_buf_vdev_lock.
 * @dmabufs_elm: entry in &vfio_pci_core_device.dmabufs, which is modified with
 *	memory_lock held for writing and &vfio_pci_dma_buf_state.lock held, and may
 *	be walked under either
 * @ranges: pages of the device file that the dma-buf consists of
 */
struct vfio_pci_dma_buf {
	struct dma_buf_phys phys;
	struct vfio_pci_core_device *vdev;
	struct list_head dmabufs_elm;
	struct vfio_pci_ranges ranges;
};

struct dma_buf_phys_list *
vfio_pci_dma_buf_build_list(struct vfio_pci_core_device *vdev,
			    const struct vfio_device_feature_dma_buf *get,
			    struct vfio_region_dma_range __user *uranges,
			    struct vfio_pci_ranges *ranges);

void vfio_pci_dma_buf_init(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_enable(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_activate(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_deactivate(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_update_live(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_reevaluate(struct vfio_pci_core_device *vdev);
void vfio_pci_dma_buf_error(struct vfio_pci_core_device *vdev,
			    pci_channel_state_t state);

#else

static inline void vfio_pci_dma_buf_init(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_dma_buf_enable(struct vfio_pci_core_device *vdev)
{
}

static inline void
vfio_pci_dma_buf_reevaluate(struct vfio_pci_core_device *vdev)
{
}

static inline void vfio_pci_dma_buf_error(struct vfio_pci_core_device *vdev,
					  pci_channel_state_t state)
{
}

#endif

#endif /* VFIO_PCI_DMABUF_H */
