// SPDX-License-Identifier: GPL-2.0-only
/*
 * When can the memory of a device be reached?
 *
 * Many things take it away, and they overlap: user space switches memory off,
 * puts the function to sleep and lets it be suspended; resets come from user
 * space, from its neighbours and from sysfs; errors come from the link. What ends
 * one of them says nothing about the others. So nobody decides that access is
 * back. Whoever has changed something has all of it looked at again, the hardware
 * included, and that is what gives access back or takes it away:
 *
 *  - what is under way or has gone wrong, and shows nowhere else, is a bit of
 *    vdev->dmabuf_causes;
 *  - everything else is looked up where it is kept: low power in vdev, memory
 *    enable in vconfig, the power state in the pci_dev, and in the registers
 *    whether the function answers at all, has memory on, and its BARs where the
 *    kernel has put them. A reset that nobody saw leaves them elsewhere.
 *
 * All dma-bufs of a device have one state, vdev->dmabuf_live. It, the causes and
 * the list are under dmabuf_lock, and the list changes under memory_lock held for
 * writing as well. vfio_pci_dma_buf_move() is a bracket in a critical section of
 * memory_lock: "something is going to happen", and after it "look again".
 *
 * The PCI core's callbacks around a reset must not take memory_lock. VFIO's own
 * resets call them with it held, and for all others config space is blocked
 * already: whoever holds memory_lock may be waiting in pci_user_write_config_*()
 * for that reset to end. This is what dmabuf_lock is for. Under it config space is
 * read past the block, and nothing is waited for but importers.
 *
 * Lock order: device_lock or memory_lock, dmabuf_lock, the reservation lock.
 *
 * Not seen before the next event, as there is no one to tell: root who writes to the
 * registers of the function or of a bridge through sysfs, a VF whose PF is reset, VGA
 * arbitration that takes memory from one device for another, and pci_intx(), which
 * may take back a memory enable that another CPU has just written.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/pci.h>

#include "vfio_pci_priv.h"

/* Of vdev->dmabuf_causes */
enum {
	/* No dma-buf has been exported since the device was opened */
	CAUSE_CLOSED	= BIT(0),
	/* Between vfio_pci_dma_buf_move(true) and (false) */
	CAUSE_MOVING	= BIT(1),
	/* The PCI core resets the function */
	CAUSE_RESET	= BIT(2),
	/* It is recovering from an error: there may be a reset without notice */
	CAUSE_RECOVERY	= BIT(3),
	/* It could not: until there is a reset, or it is opened anew */
	CAUSE_FAILED	= BIT(4),
};

/* A VF has no memory enable bit and no BARs. Its PF has them for all VFs. */
static bool vf_decodes(struct pci_dev *pf)
{
	const u16 wanted = PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE;
	int pos = pci_find_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);
	u16 ctrl;

	if (!pos || pf->current_state != PCI_D0)
		return false;
	pci_read_config_word(pf, pos + PCI_SRIOV_CTRL, &ctrl);
	return !PCI_POSSIBLE_ERROR(ctrl) && (ctrl & wanted) == wanted;
}

static bool bar_is_in_place(struct pci_dev *pdev, int bar)
{
	u32 low, high = 0;

	pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &low);
	if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM_64)
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * (bar + 1),
				      &high);
	low &= (u32)PCI_BASE_ADDRESS_MEM_MASK;
	return ((u64)high << 32 | low) == pci_bus_address(pdev, bar);
}

static bool decodes(struct pci_dev *pdev)
{
	u16 cmd;
	int i;

	/* All ones come from where there is no function, or no way to it */
	pci_read_config_word(pdev, PCI_COMMAND, &cmd);
	if (PCI_POSSIBLE_ERROR(cmd))
		return false;
	if (pdev->is_virtfn)
		return vf_decodes(pci_physfn(pdev));
	if (pdev->no_command_memory)
		return true;
	if (!(cmd & PCI_COMMAND_MEMORY))
		return false;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		unsigned long flags = pci_resource_flags(pdev, i);

		/* With enhanced allocation the address is not in the BAR */
		if (flags & IORESOURCE_MEM && pci_resource_len(pdev, i) &&
		    !(flags & (IORESOURCE_UNSET | IORESOURCE_PCI_FIXED)) &&
		    !bar_is_in_place(pdev, i))
			return false;
	}
	return true;
}

static bool is_reachable(struct vfio_pci_core_device *vdev)
{
	struct pci_dev *bridge, *pdev = vdev->pdev;

	lockdep_assert_held(&vdev->dmabuf_lock);

	/*
	 * Whoever changes pm_runtime_engaged or vconfig holds memory_lock, and
	 * looks here afterwards. They are there unless it is closed.
	 */
	if (vdev->dmabuf_causes || vdev->pm_runtime_engaged ||
	    !__vfio_pci_memory_enabled(vdev))
		return false;
	/* In D1 and D2 a function answers to config requests only, too */
	if (pdev->current_state != PCI_D0 || pci_dev_is_disconnected(pdev))
		return false;
	for (bridge = pci_upstream_bridge(pdev); bridge;
	     bridge = pci_upstream_bridge(bridge))
		if (bridge->current_state != PCI_D0)
			return false;
	return decodes(pdev);
}

/**
 * vfio_pci_dma_buf_follow - give access back or take it away
 * @vdev: the device; dmabuf_lock held
 *
 * When this returns, all its dma-bufs are live if its memory can be reached, and
 * revoked otherwise.
 */
void vfio_pci_dma_buf_follow(struct vfio_pci_core_device *vdev)
{
	bool live = is_reachable(vdev);
	struct vfio_pci_dma_buf *priv;

	if (vdev->dmabuf_live == live)
		return;
	vdev->dmabuf_live = live;
	list_for_each_entry(priv, &vdev->dmabufs, dmabufs_elm)
		if (live)
			dma_buf_phys_restore(&priv->phys);
		else
			dma_buf_phys_revoke(&priv->phys);
}

static void change_causes(struct vfio_pci_core_device *vdev, unsigned int set,
			  unsigned int clear)
{
	guard(mutex)(&vdev->dmabuf_lock);
	vdev->dmabuf_causes |= set;
	vdev->dmabuf_causes &= ~clear;
	vfio_pci_dma_buf_follow(vdev);
}

/**
 * vfio_pci_dma_buf_init - there are no dma-bufs yet
 * @vdev: the device
 */
void vfio_pci_dma_buf_init(struct vfio_pci_core_device *vdev)
{
	INIT_LIST_HEAD(&vdev->dmabufs);
	mutex_init(&vdev->dmabuf_lock);
	vdev->dmabuf_causes = CAUSE_CLOSED;
	vdev->no_host_access = RB_ROOT_CACHED;
}

/**
 * vfio_pci_dma_buf_open - somebody opens the device
 * @vdev: the device, not open yet
 *
 * Whoever that is has had no error. But a recovery that is under way goes on,
 * whoever has the device meanwhile, and may still reset the bus; its end is told by
 * resume() or by a permanent failure. There is none on s390, nor with EEH for a
 * device that is open by then, nor for what the root complex of a CXL 1.1 device
 * reports.
 */
void vfio_pci_dma_buf_open(struct vfio_pci_core_device *vdev)
{
	struct pci_dev *pdev = vdev->pdev;

	guard(mutex)(&vdev->dmabuf_lock);
	vdev->dmabuf_causes &= ~CAUSE_FAILED;
	if (IS_ENABLED(CONFIG_S390) || IS_ENABLED(CONFIG_EEH) ||
	    (pci_pcie_type(pdev) == PCI_EXP_TYPE_RC_END &&
	     pdev->class >> 8 == PCI_CLASS_MEMORY_CXL))
		vdev->dmabuf_causes &= ~CAUSE_RECOVERY;
}

/**
 * vfio_pci_dma_buf_opened - from now on there may be dma-bufs
 * @vdev: the device, open; dmabuf_lock held
 */
void vfio_pci_dma_buf_opened(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->dmabuf_lock);

	vdev->dmabuf_causes &= ~CAUSE_CLOSED;
	vfio_pci_dma_buf_follow(vdev);
}

/**
 * vfio_pci_dma_buf_closed - from now on nothing of the device is looked at
 * @vdev: the device, without dma-bufs; dmabuf_lock held
 */
void vfio_pci_dma_buf_closed(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->dmabuf_lock);

	vdev->dmabuf_causes |= CAUSE_CLOSED;
	vdev->dmabuf_live = false;
}

/**
 * vfio_pci_dma_buf_move - something happens to the device's memory
 * @vdev: the device; memory_lock held for writing
 * @revoked: it is going to, so no access to any dma-buf. Otherwise it is over,
 *	for better or worse, and access is back if the memory can be reached.
 *
 * Every call with true is followed by one with false before memory_lock is
 * dropped.
 */
void vfio_pci_dma_buf_move(struct vfio_pci_core_device *vdev, bool revoked)
{
	lockdep_assert_held_write(&vdev->memory_lock);

	if (revoked)
		change_causes(vdev, CAUSE_MOVING, 0);
	else
		change_causes(vdev, 0, CAUSE_MOVING);
}

/**
 * vfio_pci_dma_buf_look - something may have happened to the device
 * @vdev: the device
 */
void vfio_pci_dma_buf_look(struct vfio_pci_core_device *vdev)
{
	change_causes(vdev, 0, 0);
}

/**
 * vfio_pci_dma_buf_error - the PCI core has found an error
 * @vdev: the device; its device_lock held
 * @state: that of the channel, or that it could not be recovered
 *
 * Even if the channel is in order, a neighbour may ask for a reset of the bus.
 */
void vfio_pci_dma_buf_error(struct vfio_pci_core_device *vdev,
			    pci_channel_state_t state)
{
	if (state == pci_channel_io_perm_failure)
		change_causes(vdev, CAUSE_FAILED, CAUSE_RECOVERY);
	else
		change_causes(vdev, CAUSE_RECOVERY, 0);
}

/**
 * vfio_pci_core_aer_resume - &pci_error_handlers.resume
 * @pdev: the device
 *
 * If the link was reset meanwhile, the device has lost its BARs. Then its memory
 * cannot be reached before user space writes to the command register, for VFIO
 * then writes them again.
 */
void vfio_pci_core_aer_resume(struct pci_dev *pdev)
{
	change_causes(dev_get_drvdata(&pdev->dev), 0, CAUSE_RECOVERY);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_aer_resume);

/**
 * vfio_pci_core_reset_prepare - &pci_error_handlers.reset_prepare
 * @pdev: the device
 *
 * For resets by VFIO and by anybody else; a variant driver that has this has
 * vfio_pci_core_reset_done(), too.
 */
void vfio_pci_core_reset_prepare(struct pci_dev *pdev)
{
	change_causes(dev_get_drvdata(&pdev->dev), CAUSE_RESET, 0);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_prepare);

/**
 * vfio_pci_core_reset_done - &pci_error_handlers.reset_done
 * @pdev: the device, its config space restored
 */
void vfio_pci_core_reset_done(struct pci_dev *pdev)
{
	change_causes(dev_get_drvdata(&pdev->dev), 0,
		      CAUSE_RESET | CAUSE_FAILED);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_done);
