// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies of the scatterlist importer. All files share the engine, and there is a
 * fence on the dma-buf while it is running.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu_importer.h"

#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98

#define EDU_DMA_RUN	BIT_ULL(0)
#define EDU_DMA_TO_MEM	BIT_ULL(1)

/* Where the device's buffer is in the engine's eyes */
#define EDU_BUF		0x40000ULL

/* A transfer takes 100 ms of the device's time */
#define EDU_POLL_US	2000
#define EDU_TIMEOUT_US	(10 * USEC_PER_SEC)

static int edu_run(struct edu *edu, u64 src, u64 dst, u32 length, u64 dir)
{
	u64 cmd;

	lockdep_assert_held(&edu->engine);

	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(length, edu->regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_RUN | dir, edu->regs + EDU_DMA_CMD);
	/* All ones is what a device that was pulled out reads as */
	if (!read_poll_timeout(readq, cmd, !(cmd & EDU_DMA_RUN) || !~cmd,
			       EDU_POLL_US, EDU_TIMEOUT_US, false,
			       edu->regs + EDU_DMA_CMD) && ~cmd)
		return 0;

	/* Nothing may be written after the fence says that it is over */
	pci_clear_master(edu->pdev);
	WRITE_ONCE(edu->dead, true);
	return -ENODEV;
}

/* Between the device's buffer and a range of the dma-buf, entry by entry */
static int edu_run_table(struct edu *edu, struct sg_table *sgt, u64 offset,
			 u32 length, bool to_dmabuf)
{
	struct scatterlist *sg;
	u64 buf = EDU_BUF;
	int i, ret;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		dma_addr_t addr = sg_dma_address(sg) + offset;
		u32 n;

		if (offset >= sg_dma_len(sg)) {
			offset -= sg_dma_len(sg);
			continue;
		}
		n = min_t(u64, length, sg_dma_len(sg) - offset);
		if (to_dmabuf)
			ret = edu_run(edu, buf, addr, n, EDU_DMA_TO_MEM);
		else
			ret = edu_run(edu, addr, buf, n, 0);
		if (ret)
			return ret;
		buf += n;
		length -= n;
		if (!length)
			return 0;
		offset = 0;
	}
	/* The exporter mapped less than it promised */
	return -EIO;
}

static int edu_run_copy(struct edu *edu, struct sg_table *sgt, u64 offset,
			u32 length, bool to_dmabuf)
{
	int ret;

	if (to_dmabuf)
		ret = edu_run(edu, edu->bounce_dma, EDU_BUF, length, 0);
	else
		ret = edu_run_table(edu, sgt, offset, length, false);
	if (ret)
		return ret;
	if (to_dmabuf)
		return edu_run_table(edu, sgt, offset, length, true);
	return edu_run(edu, EDU_BUF, edu->bounce_dma, length, EDU_DMA_TO_MEM);
}

static const char *edu_fence_name(struct dma_fence *fence)
{
	return "dma-buf-edu";
}

static const struct dma_fence_ops edu_fence_ops = {
	.get_driver_name = edu_fence_name,
	.get_timeline_name = edu_fence_name,
};

/* Make sure there is a mapping and put a fence on it */
static int edu_begin(struct edu_file *file, struct dma_fence *fence)
{
	struct dma_resv *resv = file->dmabuf->resv;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	ret = edu_map_locked(file);
	if (!ret)
		ret = dma_resv_reserve_fences(resv, 1);
	if (!ret) {
		dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_BOOKKEEP);
		file->fence = fence;
	}
	dma_resv_unlock(resv);
	return ret;
}

static void edu_end(struct edu_file *file)
{
	dma_resv_lock(file->dmabuf->resv, NULL);
	file->fence = NULL;
	dma_resv_unlock(file->dmabuf->resv);
}

static int edu_copy_data(struct edu_file *file, void *data,
			 const struct dma_buf_edu_copy *c)
{
	bool to_dmabuf = c->flags & DMA_BUF_EDU_TO_DMABUF;
	struct edu *edu = file->edu;
	struct dma_fence *fence;
	bool cookie;
	int ret;

	fence = kzalloc_obj(*fence);
	if (!fence)
		return -ENOMEM;
	dma_fence_init(fence, &edu_fence_ops, NULL, dma_fence_context_alloc(1),
		       1);

	ret = mutex_lock_interruptible(&edu->engine);
	if (ret)
		goto out_put;
	if (edu->dead) {
		ret = -ENODEV;
		goto out_unlock;
	}
	ret = edu_begin(file, fence);
	if (ret)
		goto out_unlock;

	/* file->sgt stays: it is not unmapped before the fence has signaled */
	cookie = dma_fence_begin_signalling();
	if (to_dmabuf)
		memcpy(edu->bounce, data, c->length);
	ret = edu_run_copy(edu, file->sgt, c->offset, c->length, to_dmabuf);
	if (!ret && !to_dmabuf)
		memcpy(data, edu->bounce, c->length);
	if (ret)
		dma_fence_set_error(fence, ret);
	dma_fence_signal(fence);
	dma_fence_end_signalling(cookie);
	edu_end(file);

out_unlock:
	mutex_unlock(&edu->engine);
out_put:
	dma_fence_put(fence);
	return ret;
}

int edu_copy(struct edu_file *file, void __user *arg)
{
	void *data __free(kfree) = NULL;
	struct dma_buf_edu_copy c;
	u64 end;
	int ret;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!file->attach)
		return -ENOTCONN;
	if (c.flags & ~DMA_BUF_EDU_TO_DMABUF || !c.length ||
	    c.length > DMA_BUF_EDU_MAX_COPY ||
	    check_add_overflow(c.offset, c.length, &end) ||
	    end > file->dmabuf->size)
		return -EINVAL;
	if (!file->wanted)
		return -ENXIO;

	data = kzalloc(c.length, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	if (c.flags & DMA_BUF_EDU_TO_DMABUF &&
	    copy_from_user(data, u64_to_user_ptr(c.data), c.length))
		return -EFAULT;
	ret = edu_copy_data(file, data, &c);
	if (ret)
		return ret;
	if (!(c.flags & DMA_BUF_EDU_TO_DMABUF) &&
	    copy_to_user(u64_to_user_ptr(c.data), data, c.length))
		return -EFAULT;
	return 0;
}
