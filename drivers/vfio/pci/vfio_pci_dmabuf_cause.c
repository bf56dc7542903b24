// SPDX-License-Identifier: GPL-2.0-only
/*
 * When can the memory of a device be reached?
 *
 * Many things take it away, and they overlap: user space disables memory, puts the
 * function into a low power state or lets it be suspended; resets come from user
 * space, from neighbours and from sysfs; errors come from the link. The end of one
 * of them says nothing about the others. So no event by itself gives access back.
 * Each event has the whole condition evaluated again, hardware included, and that
 * gives access back or takes it away:
 *
 *  - Whatever is in progress or has failed, and is recorded nowhere else, is a bit
 *    of vdev->dmabuf_state.causes.
 *  - Everything else is read where it is kept: low power in vdev, memory enable in
 *    vconfig, the power state in the pci_dev. The registers tell whether the
 *    function answers at all, has memory enabled, and has its BARs where the kernel
 *    put them. A reset that went unnoticed leaves them elsewhere.
 *
 * All dma-bufs of a device share one state, vdev->dmabuf_state.live. Together with
 * the list of dma-bufs it is under vdev->dmabuf_state.lock; the list is modified with
 * memory_lock held for writing as well. The causes are under a spinlock.
 *
 * VFIO changes what the condition depends on with memory_lock held for writing:
 *
 *	down_write(memory_lock)
 *	vfio_pci_dma_buf_move(true)	nobody has access
 *	change or reset the device
 *	vfio_pci_dma_buf_move(false)	evaluate: access if it can be reached
 *	up_write(memory_lock)
 *
 * Taking access away needs dmabuf_state.lock only. Giving it back needs memory_lock
 * too, at least for reading. So nothing else can give it back between the two calls,
 * and there is nothing to undo should the second one be missing: VFIO leaves it out
 * where memory is disabled, in D3hot or in low power afterwards, and then the
 * evaluation would have found just that. Access comes back with the event that ends
 * that cause.
 *
 * The PCI core's callbacks around a reset cannot wait for memory_lock. VFIO's own
 * resets call them with it held; for all others config space is already blocked,
 * and the holder of memory_lock may be waiting in pci_user_write_config_*() for
 * that very reset to end. So they try to take it, and only to give access back. If
 * that fails, a work item tries again a moment later. It never waits for memory_lock
 * either: a waiting reader gets the lock as soon as VFIO's reset releases it, and a
 * hot reset that follows finds it taken and fails with EBUSY. After VFIO's own resets
 * the work item finds access given back already, and does not touch memory_lock.
 * Under dmabuf_state.lock config space is read in spite of the block.
 *
 * Recovery from an error calls all drivers below a port for one step before it calls
 * any for the next. An importer's fence may be one that another of these drivers
 * signals in a later step, so the callbacks must not wait for importers, or for
 * dmabuf_state.lock. They record the cause, and the work item does the rest. Nor does
 * a request to release the device wait: user space has yet to be told.
 *
 * Lock order: device_lock or memory_lock, dmabuf_state.lock, the reservation lock.
 * memory_lock may be tried inside dmabuf_state.lock. dmabuf_state.causes_lock is
 * innermost.
 *
 * Some changes are noticed only at the next event, because VFIO is not told: root
 * writes to registers of the function or of a bridge through sysfs, the PF of a VF
 * is reset, VGA arbitration moves memory from one device to another, or pci_intx()
 * reverts a memory enable that another CPU has just written. A power state that root
 * writes is not noticed at all: it is what the PCI core has made it.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/spinlock.h>

#include "vfio_pci_priv.h"

/* Until a restore that could not have memory_lock is tried again */
#define VFIO_PCI_DMA_BUF_RESTORE_DELAY msecs_to_jiffies(10)

/**
 * enum vfio_pci_dma_buf_cause - why access is away, if nothing else shows it
 * @VFIO_PCI_DMA_BUF_INACTIVE: no dma-buf was exported since the device was opened
 * @VFIO_PCI_DMA_BUF_IN_RESET: the PCI core is resetting the function
 * @VFIO_PCI_DMA_BUF_IN_RECOVERY: the PCI core is recovering from an error, possibly
 *	with a reset that is not announced
 * @VFIO_PCI_DMA_BUF_FAILED: the recovery failed; ends with a reset or a new open
 */
enum vfio_pci_dma_buf_cause {
	VFIO_PCI_DMA_BUF_INACTIVE	= BIT(0),
	VFIO_PCI_DMA_BUF_IN_RESET	= BIT(1),
	VFIO_PCI_DMA_BUF_IN_RECOVERY	= BIT(2),
	VFIO_PCI_DMA_BUF_FAILED		= BIT(3),
};

/* A VF has neither a memory enable bit nor BARs: the PF has them for all its VFs */
static bool vfio_pci_dma_buf_vfs_decode(struct pci_dev *pf)
{
	const u16 enabled = PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_MSE;
	int pos = pci_find_ext_capability(pf, PCI_EXT_CAP_ID_SRIOV);
	u16 ctrl;

	if (!pos || pf->current_state != PCI_D0)
		return false;
	pci_read_config_word(pf, pos + PCI_SRIOV_CTRL, &ctrl);
	return !PCI_POSSIBLE_ERROR(ctrl) && (ctrl & enabled) == enabled;
}

static bool vfio_pci_dma_buf_bar_in_place(struct pci_dev *pdev, int bar)
{
	u32 low, high = 0;

	pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &low);
	if (pci_resource_flags(pdev, bar) & IORESOURCE_MEM_64)
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * (bar + 1),
				      &high);
	low &= (u32)PCI_BASE_ADDRESS_MEM_MASK;
	return ((u64)high << 32 | low) == pci_bus_address(pdev, bar);
}

static bool vfio_pci_dma_buf_decodes(struct pci_dev *pdev)
{
	u16 cmd;
	int i;

	/* All ones are what reads return without a function, or a path to it */
	pci_read_config_word(pdev, PCI_COMMAND, &cmd);
	if (PCI_POSSIBLE_ERROR(cmd))
		return false;
	if (pdev->is_virtfn)
		return vfio_pci_dma_buf_vfs_decode(pci_physfn(pdev));
	if (pdev->no_command_memory)
		return true;
	if (!(cmd & PCI_COMMAND_MEMORY))
		return false;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		unsigned long flags = pci_resource_flags(pdev, i);

		/* With enhanced allocation the BAR does not hold the address */
		if (flags & IORESOURCE_MEM && pci_resource_len(pdev, i) &&
		    !(flags & (IORESOURCE_UNSET | IORESOURCE_PCI_FIXED)) &&
		    !vfio_pci_dma_buf_bar_in_place(pdev, i))
			return false;
	}
	return true;
}

static bool vfio_pci_dma_buf_reachable(struct vfio_pci_core_device *vdev)
{
	struct pci_dev *bridge, *pdev = vdev->pdev;

	lockdep_assert_held(&vdev->dmabuf_state.lock);

	/* A cause that is recorded without dmabuf_state.lock queues the work item, too */
	if (READ_ONCE(vdev->dmabuf_state.causes))
		return false;
	/*
	 * Without memory_lock these may be changing. Whatever is read then, the
	 * holder of memory_lock evaluates again before releasing it. vconfig
	 * exists, because without an open device there is a cause.
	 */
	if (data_race(vdev->pm_runtime_engaged || !__vfio_pci_memory_enabled(vdev)))
		return false;
	/* A function in D1 or D2 responds to config requests only, as in D3hot */
	if (pdev->current_state != PCI_D0 || pci_dev_is_disconnected(pdev))
		return false;
	for (bridge = pci_upstream_bridge(pdev); bridge;
	     bridge = pci_upstream_bridge(bridge))
		if (bridge->current_state != PCI_D0)
			return false;
	return vfio_pci_dma_buf_decodes(pdev);
}

static void vfio_pci_dma_buf_set_live(struct vfio_pci_core_device *vdev,
				      bool live)
{
	struct vfio_pci_dma_buf *priv;

	lockdep_assert_held(&vdev->dmabuf_state.lock);

	if (vdev->dmabuf_state.live == live)
		return;
	vdev->dmabuf_state.live = live;
	list_for_each_entry(priv, &vdev->dmabufs, dmabufs_elm)
		if (live)
			dma_buf_phys_restore(&priv->phys);
		else
			dma_buf_phys_revoke(&priv->phys);
}

/**
 * vfio_pci_dma_buf_update_live - give access back or take it away
 * @vdev: the device; memory_lock and dmabuf_state.lock held
 *
 * On return, all its dma-bufs are live if its memory can be reached, and revoked
 * otherwise.
 */
void vfio_pci_dma_buf_update_live(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->memory_lock);

	vfio_pci_dma_buf_set_live(vdev, vfio_pci_dma_buf_reachable(vdev));
}

static void vfio_pci_dma_buf_set_causes(struct vfio_pci_core_device *vdev,
					unsigned int set, unsigned int clear)
{
	struct vfio_pci_dma_buf_state *state = &vdev->dmabuf_state;

	guard(spinlock)(&state->causes_lock);
	WRITE_ONCE(state->causes, (state->causes | set) & ~clear);
}

/*
 * For callers that must not wait for memory_lock, or that hold it already. A restore
 * that cannot have it is tried again later, until it succeeds or there is none to do.
 */
static void vfio_pci_dma_buf_update_causes(struct vfio_pci_core_device *vdev,
					   unsigned int set, unsigned int clear)
{
	struct vfio_pci_dma_buf_state *state = &vdev->dmabuf_state;

	guard(mutex)(&state->lock);
	vfio_pci_dma_buf_set_causes(vdev, set, clear);
	if (!vfio_pci_dma_buf_reachable(vdev)) {
		vfio_pci_dma_buf_set_live(vdev, false);
	} else if (!state->live) {
		if (down_read_trylock(&vdev->memory_lock)) {
			vfio_pci_dma_buf_update_live(vdev);
			up_read(&vdev->memory_lock);
		} else {
			schedule_delayed_work(&state->work,
					      VFIO_PCI_DMA_BUF_RESTORE_DELAY);
		}
	}
}

static void vfio_pci_dma_buf_work(struct work_struct *work)
{
	struct vfio_pci_core_device *vdev =
		container_of(to_delayed_work(work), struct vfio_pci_core_device,
			     dmabuf_state.work);

	vfio_pci_dma_buf_update_causes(vdev, 0, 0);
}

/*
 * For callers that must not wait for importers either. Nobody waits for the work item
 * once the device is closed, so it is not queued then.
 */
static void vfio_pci_dma_buf_queue_causes(struct vfio_pci_core_device *vdev,
					  unsigned int set, unsigned int clear)
{
	struct vfio_pci_dma_buf_state *state = &vdev->dmabuf_state;

	vfio_pci_dma_buf_set_causes(vdev, set, clear);
	guard(spinlock)(&state->causes_lock);
	/* At once, even if a restore is due to be tried again */
	if (!(state->causes & VFIO_PCI_DMA_BUF_INACTIVE))
		mod_delayed_work(system_percpu_wq, &state->work, 0);
}

/**
 * vfio_pci_dma_buf_init - initialize a device that has no dma-bufs yet
 * @vdev: the device
 */
void vfio_pci_dma_buf_init(struct vfio_pci_core_device *vdev)
{
	struct vfio_pci_dma_buf_state *state = &vdev->dmabuf_state;

	mutex_init(&state->lock);
	spin_lock_init(&state->causes_lock);
	INIT_DELAYED_WORK(&state->work, vfio_pci_dma_buf_work);
	state->causes = VFIO_PCI_DMA_BUF_INACTIVE;
	state->no_host_access = RB_ROOT_CACHED;
}

/**
 * vfio_pci_dma_buf_enable - the device is about to be opened
 * @vdev: the device
 *
 * An earlier failure does not concern the new user. A recovery in progress
 * continues across opens, though, and may still reset the bus. It ends with resume()
 * or with a permanent failure, except on s390, with EEH if the device is open by
 * then, and for errors that the root complex of a CXL 1.1 device reports: these
 * may end without either.
 */
void vfio_pci_dma_buf_enable(struct vfio_pci_core_device *vdev)
{
	unsigned int over = VFIO_PCI_DMA_BUF_FAILED;
	struct pci_dev *pdev = vdev->pdev;

	if (IS_ENABLED(CONFIG_S390) || IS_ENABLED(CONFIG_EEH) ||
	    (pci_pcie_type(pdev) == PCI_EXP_TYPE_RC_END &&
	     pdev->class >> 8 == PCI_CLASS_MEMORY_CXL))
		over |= VFIO_PCI_DMA_BUF_IN_RECOVERY;
	vfio_pci_dma_buf_set_causes(vdev, 0, over);
}

/**
 * vfio_pci_dma_buf_activate - start to evaluate whether memory can be reached
 * @vdev: the device, open; memory_lock and dmabuf_state.lock held
 *
 * Called before each export; dmabuf_state.live is valid afterwards.
 */
void vfio_pci_dma_buf_activate(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->dmabuf_state.lock);

	vfio_pci_dma_buf_set_causes(vdev, 0, VFIO_PCI_DMA_BUF_INACTIVE);
	vfio_pci_dma_buf_update_live(vdev);
}

/**
 * vfio_pci_dma_buf_deactivate - stop evaluating, the device is being closed
 * @vdev: the device, without dma-bufs; dmabuf_state.lock held
 *
 * The caller cancels dmabuf_state.work afterwards, without locks.
 */
void vfio_pci_dma_buf_deactivate(struct vfio_pci_core_device *vdev)
{
	lockdep_assert_held(&vdev->dmabuf_state.lock);

	vfio_pci_dma_buf_set_causes(vdev, VFIO_PCI_DMA_BUF_INACTIVE, 0);
	vdev->dmabuf_state.live = false;
}

/**
 * vfio_pci_dma_buf_move - something happens to the device's memory
 * @vdev: the device; memory_lock held for writing
 * @revoked: true before it happens: nobody has access when this returns, nor until
 *	a call with false or until memory_lock is released. False afterwards, whether
 *	or not it succeeded: access is given back if the memory can be reached.
 */
void vfio_pci_dma_buf_move(struct vfio_pci_core_device *vdev, bool revoked)
{
	lockdep_assert_held_write(&vdev->memory_lock);

	guard(mutex)(&vdev->dmabuf_state.lock);
	if (revoked)
		vfio_pci_dma_buf_set_live(vdev, false);
	else
		vfio_pci_dma_buf_update_live(vdev);
}

/**
 * vfio_pci_dma_buf_reevaluate - something may have happened to the device
 * @vdev: the device
 *
 * Does not wait for the evaluation.
 */
void vfio_pci_dma_buf_reevaluate(struct vfio_pci_core_device *vdev)
{
	vfio_pci_dma_buf_queue_causes(vdev, 0, 0);
}

/**
 * vfio_pci_dma_buf_error - the PCI core has detected an error
 * @vdev: the device; its device_lock held
 * @state: of the channel, or that the recovery failed
 *
 * Even if this channel works, a neighbour may request a reset of the bus. Does not
 * wait for access to be taken away.
 */
void vfio_pci_dma_buf_error(struct vfio_pci_core_device *vdev,
			    pci_channel_state_t state)
{
	if (state == pci_channel_io_perm_failure)
		vfio_pci_dma_buf_queue_causes(vdev, VFIO_PCI_DMA_BUF_FAILED,
					      VFIO_PCI_DMA_BUF_IN_RECOVERY);
	else
		vfio_pci_dma_buf_queue_causes(vdev, VFIO_PCI_DMA_BUF_IN_RECOVERY,
					      0);
}

/**
 * vfio_pci_core_aer_resume - &pci_error_handlers.resume
 * @pdev: the device
 *
 * If the link was reset, the device has lost its BARs. Then its memory cannot be
 * reached until user space writes to the command register, upon which VFIO writes
 * the BARs again.
 */
void vfio_pci_core_aer_resume(struct pci_dev *pdev)
{
	vfio_pci_dma_buf_queue_causes(dev_get_drvdata(&pdev->dev), 0,
				      VFIO_PCI_DMA_BUF_IN_RECOVERY);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_aer_resume);

/**
 * vfio_pci_core_reset_prepare - &pci_error_handlers.reset_prepare
 * @pdev: the device
 *
 * For all resets, VFIO's own included. A variant driver that uses this must use
 * vfio_pci_core_reset_done() as well.
 */
void vfio_pci_core_reset_prepare(struct pci_dev *pdev)
{
	vfio_pci_dma_buf_update_causes(dev_get_drvdata(&pdev->dev),
				       VFIO_PCI_DMA_BUF_IN_RESET, 0);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_prepare);

/**
 * vfio_pci_core_reset_done - &pci_error_handlers.reset_done
 * @pdev: the device, its config space restored
 */
void vfio_pci_core_reset_done(struct pci_dev *pdev)
{
	vfio_pci_dma_buf_update_causes(dev_get_drvdata(&pdev->dev), 0,
				       VFIO_PCI_DMA_BUF_IN_RESET |
				       VFIO_PCI_DMA_BUF_FAILED);
}
EXPORT_SYMBOL_GPL(vfio_pci_core_reset_done);
