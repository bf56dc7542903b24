/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VFIO PCI device keeps for its dma-bufs, and the callbacks that tell it
 * about resets and errors.
 */
#ifndef _LINUX_VFIO_PCI_DMABUF_H
#define _LINUX_VFIO_PCI_DMABUF_H

#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct pci_dev;

#ifdef CONFIG_VFIO_PCI_DMABUF

/**
 * struct vfio_pci_dma_buf_state - whether the memory of a device can be reached
 * @lock: protects @live; modifying &vfio_pci_core_device.dmabufs takes both this and
 *	memory_lock held for writing
 * @causes_lock: protects @causes, and queueing @work for a device that is closed
 * @causes: bitmap of enum vfio_pci_dma_buf_cause; modified under @causes_lock
 * @live: the state of all dma-bufs of the device; under @lock
 * @work: takes or restores access on behalf of a callback that cannot wait; queues
 *	itself again if it cannot take memory_lock for a restore
 * @no_host_access: intervals of pages of the device file that the host must not
 *	touch; modified with memory_lock held for writing, read under memory_lock
 *
 * See vfio_pci_dmabuf_cause.c and, for @no_host_access, vfio_pci_host_access.c.
 */
struct vfio_pci_dma_buf_state {
	struct mutex lock; /* see above */
	spinlock_t causes_lock; /* see above */
	unsigned int causes;
	bool live;
	struct delayed_work work;
	struct rb_root_cached no_host_access;
};

void vfio_pci_core_aer_resume(struct pci_dev *pdev);
void vfio_pci_core_reset_prepare(struct pci_dev *pdev);
void vfio_pci_core_reset_done(struct pci_dev *pdev);

#else

struct vfio_pci_dma_buf_state { };

static inline void vfio_pci_core_aer_resume(struct pci_dev *pdev)
{
}

static inline void vfio_pci_core_reset_prepare(struct pci_dev *pdev)
{
}

static inline void vfio_pci_core_reset_done(struct pci_dev *pdev)
{
}

#endif

#endif /* _LINUX_VFIO_PCI_DMABUF_H */
