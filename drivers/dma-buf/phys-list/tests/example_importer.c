// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of an importer that programs a translation table and follows every
 * restore by itself. Included, from the first marker to the last, by
 * Documentation/driver-api/dma-buf-phys.rst.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/sched.h>

#include "example.h"

/* example: begin */
/* Map, unless that is done already; reservation lock held */
static int phys_example_start(struct phys_example_importer *imp)
{
	struct dma_buf_phys_list *list;
	struct dma_buf_phys_iter iter;

	if (imp->list)
		return 0;
	list = dma_buf_phys_map(imp->at);
	if (IS_ERR(list))
		return PTR_ERR(list);

	/* Program iter.paddr here, with the attribute in iter.group->attr */
	dma_buf_phys_for_each_frag(&iter, list, 0, imp->dmabuf->size)
		imp->filled += iter.length;
	imp->list = list;
	return 0;
}

/* Unmap, if anything is mapped; reservation lock held */
static void phys_example_stop(struct phys_example_importer *imp)
{
	if (!imp->list)
		return;
	/* Clear the table here, and wait until the device has noticed */
	imp->filled = 0;
	dma_buf_phys_unmap(imp->at, imp->list);
	imp->list = NULL;
}

/* Lock the reservation object once the bytes have arrived */
static void phys_example_lock_filled(struct dma_buf *dmabuf)
{
	while (true) {
		/* Without the lock, which a revoke needs */
		dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				      false, MAX_SCHEDULE_TIMEOUT);
		dma_resv_lock(dmabuf->resv, NULL);
		if (dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_KERNEL))
			return;
		dma_resv_unlock(dmabuf->resv);
	}
}

static void phys_example_restore(struct work_struct *work)
{
	struct phys_example_importer *imp =
		container_of(to_delayed_work(work),
			     struct phys_example_importer, restore);
	int ret;

	phys_example_lock_filled(imp->dmabuf);
	ret = phys_example_start(imp);
	/* -ENODEV: revoked again, so the next restore queues this again */
	if (ret != -ENODEV)
		dma_buf_phys_set_status(imp->at, ret);
	if (ret && ret != -ENODEV)
		queue_delayed_work(system_dfl_wq, &imp->restore, HZ);
	dma_resv_unlock(imp->dmabuf->resv);
}

static void phys_example_notify(struct dma_buf_phys_attachment *at,
				enum dma_buf_phys_event event)
{
	struct phys_example_importer *imp = at->priv;

	if (event != DMA_BUF_PHYS_EV_RESTORE) {
		phys_example_stop(imp);
		return;
	}
	/* phys_example_attach() is still under way, and is going to map */
	if (!imp->at)
		return;
	dma_buf_phys_set_status(at, -EINPROGRESS);
	mod_delayed_work(system_dfl_wq, &imp->restore, 0);
}

static const struct dma_buf_phys_importer_ops phys_example_importer_ops = {
	.name = "example",
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P),
	.notify = phys_example_notify,
};

int phys_example_attach(struct phys_example_importer *imp,
			struct dma_buf *dmabuf)
{
	struct dma_buf_phys_attachment *at;
	int ret;

	imp->dmabuf = dmabuf;
	imp->at = NULL;
	imp->list = NULL;
	imp->filled = 0;
	INIT_DELAYED_WORK(&imp->restore, phys_example_restore);

	/* The callback may be called from here on */
	at = dma_buf_phys_attach(dmabuf, &phys_example_importer_ops, imp);
	if (IS_ERR(at))
		return PTR_ERR(at);

	phys_example_lock_filled(dmabuf);
	imp->at = at;
	ret = dma_buf_phys_is_writable(dmabuf) ? phys_example_start(imp) :
						 -EACCES;
	/* Revoked: the restore comes as an event */
	if (ret == -ENODEV)
		ret = 0;
	if (ret)
		dma_buf_phys_detach_locked(at);
	else
		get_dma_buf(dmabuf);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

void phys_example_detach(struct phys_example_importer *imp)
{
	struct dma_buf *dmabuf = imp->dmabuf;

	/* Before the lock: the work item takes it */
	disable_delayed_work_sync(&imp->restore);

	/*
	 * In one critical section: after an unlock in between, a restore would
	 * find an importer that is attached.
	 */
	dma_resv_lock(dmabuf->resv, NULL);
	phys_example_stop(imp);
	dma_buf_phys_detach_locked(imp->at);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

/* example: end */
