// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attachments and mappings of the scatterlist importer.
 *
 * When access is taken away a mapping goes at once, or late and by a work item:
 * if the engine is at it, and if the program wants an importer that is late.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/uaccess.h>

#include "edu_importer.h"

#define EDU_LATE_MS	200

static bool edu_must_pin(const struct edu_file *file)
{
	const struct dma_buf_attach_ops *ops = file->attach->importer_ops;

	/* The core does it for importers without ops */
	return ops && !ops->invalidate_mappings;
}

static void edu_unmap_locked(struct edu_file *file)
{
	dma_resv_assert_held(file->dmabuf->resv);

	if (!file->sgt)
		return;
	dma_buf_unmap_attachment(file->attach, no_free_ptr(file->sgt),
				 file->dir);
	if (edu_must_pin(file))
		dma_buf_unpin(file->attach);
	file->stale = false;
}

/* Called with file->lock held, so that the engine does not use file->sgt */
int edu_map_locked(struct edu_file *file)
{
	struct sg_table *sgt;
	long ret;

	dma_resv_assert_held(file->dmabuf->resv);

	if (file->stale)
		edu_unmap_locked(file);
	if (file->sgt)
		return 0;

	/* The exporter may be moving the bytes to where they will be mapped */
	ret = dma_resv_wait_timeout(file->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				    true, MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;
	if (edu_must_pin(file)) {
		ret = dma_buf_pin(file->attach);
		if (ret)
			return ret;
	}
	sgt = dma_buf_map_attachment(file->attach, file->dir);
	if (IS_ERR(sgt)) {
		if (edu_must_pin(file))
			dma_buf_unpin(file->attach);
		return PTR_ERR(sgt);
	}
	file->sgt = sgt;
	if (sg_dma_address(sgt->sgl) != file->address)
		file->elsewhere++;
	file->address = sg_dma_address(sgt->sgl);
	return 0;
}

void edu_unmap_work(struct work_struct *work)
{
	struct edu_file *file = container_of(to_delayed_work(work),
					     struct edu_file, unmap_work);

	dma_resv_lock(file->dmabuf->resv, NULL);
	if (file->stale) {
		if (file->fence)
			dma_fence_wait(file->fence, false);
		edu_unmap_locked(file);
	}
	dma_resv_unlock(file->dmabuf->resv);
}

static void edu_invalidate(struct dma_buf_attachment *attach)
{
	struct edu_file *file = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);

	file->invalidations++;
	if (!file->sgt)
		return;
	file->stale = true;
	if (file->late || file->fence)
		schedule_delayed_work(&file->unmap_work, file->late ?
				      msecs_to_jiffies(EDU_LATE_MS) : 0);
	else
		edu_unmap_locked(file);
}

static const struct dma_buf_attach_ops *edu_attach_ops(u32 flags)
{
	static const struct dma_buf_attach_ops revocable_p2p = {
		.allow_peer2peer = true,
		.invalidate_mappings = edu_invalidate,
	};
	static const struct dma_buf_attach_ops revocable = {
		.invalidate_mappings = edu_invalidate,
	};
	static const struct dma_buf_attach_ops p2p = {
		.allow_peer2peer = true,
	};
	static const struct dma_buf_attach_ops neither = {};

	if (flags & DMA_BUF_EDU_STATIC)
		return NULL;
	if (flags & DMA_BUF_EDU_NOT_REVOCABLE)
		return flags & DMA_BUF_EDU_NO_P2P ? &neither : &p2p;
	return flags & DMA_BUF_EDU_NO_P2P ? &revocable : &revocable_p2p;
}

int edu_attach(struct edu_file *file, void __user *arg)
{
	struct dma_buf_attachment *attach;
	struct dma_buf_edu_attach a;
	struct dma_buf *dmabuf;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (a.flags & ~(DMA_BUF_EDU_NOT_REVOCABLE | DMA_BUF_EDU_NO_P2P |
			DMA_BUF_EDU_STATIC | DMA_BUF_EDU_LATE_UNMAP |
			DMA_BUF_EDU_READ_ONLY))
		return -EINVAL;
	if (a.flags & DMA_BUF_EDU_STATIC && a.flags != DMA_BUF_EDU_STATIC)
		return -EINVAL;
	if (file->attach)
		return -EBUSY;

	dmabuf = dma_buf_get(a.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	/* Complete before the first callback */
	file->dmabuf = dmabuf;
	file->late = a.flags & DMA_BUF_EDU_LATE_UNMAP;
	file->dir = a.flags & DMA_BUF_EDU_READ_ONLY ? DMA_TO_DEVICE :
						      DMA_BIDIRECTIONAL;
	file->invalidations = 0;
	attach = dma_buf_dynamic_attach(dmabuf, &file->edu->pdev->dev,
					edu_attach_ops(a.flags), file);
	if (IS_ERR(attach)) {
		dma_buf_put(no_free_ptr(file->dmabuf));
		return PTR_ERR(attach);
	}
	file->attach = attach;
	return 0;
}

int edu_detach(struct edu_file *file)
{
	if (!file->attach)
		return -ENOTCONN;
	dma_resv_lock(file->dmabuf->resv, NULL);
	edu_unmap_locked(file);
	dma_resv_unlock(file->dmabuf->resv);
	file->wanted = false;
	dma_buf_detach(file->dmabuf, no_free_ptr(file->attach));
	/* No callback queues it any more, and it finds nothing to unmap */
	cancel_delayed_work_sync(&file->unmap_work);
	dma_buf_put(no_free_ptr(file->dmabuf));
	return 0;
}

int edu_map(struct edu_file *file)
{
	int ret;

	if (!file->attach)
		return -ENOTCONN;
	ret = dma_resv_lock_interruptible(file->dmabuf->resv, NULL);
	if (ret)
		return ret;
	ret = edu_map_locked(file);
	dma_resv_unlock(file->dmabuf->resv);
	if (!ret)
		file->wanted = true;
	return ret;
}

int edu_unmap(struct edu_file *file)
{
	if (!file->attach)
		return -ENOTCONN;
	if (!file->wanted)
		return -ENXIO;
	file->wanted = false;
	dma_resv_lock(file->dmabuf->resv, NULL);
	edu_unmap_locked(file);
	dma_resv_unlock(file->dmabuf->resv);
	return 0;
}

static void edu_describe(struct sg_table *sgt, struct dma_buf_edu_info *info)
{
	dma_addr_t next = sg_dma_address(sgt->sgl);
	struct scatterlist *sg;
	int i;

	info->mapped = 1;
	info->contiguous = 1;
	info->nents = sgt->nents;
	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (sg_dma_address(sg) != next)
			info->contiguous = 0;
		next = sg_dma_address(sg) + sg_dma_len(sg);
		info->length += sg_dma_len(sg);
	}
}

int edu_info(struct edu_file *file, void __user *arg)
{
	struct dma_buf_edu_info info = {};

	if (!file->attach)
		return -ENOTCONN;
	dma_resv_lock(file->dmabuf->resv, NULL);
	info.invalidations = file->invalidations;
	info.stale = file->sgt && file->stale;
	info.elsewhere = file->elsewhere;
	if (file->sgt && !file->stale)
		edu_describe(file->sgt, &info);
	dma_resv_unlock(file->dmabuf->resv);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}
