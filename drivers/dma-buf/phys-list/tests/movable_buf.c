// SPDX-License-Identifier: GPL-2.0-only
/*
 * A buffer of the movable exporter, and its moves.
 *
 * A move is asynchronous. Importers are stopped, a fence goes onto the
 * reservation object, a work item starts to copy and importers may map the new
 * place, where they wait for the fence. The old place is freed when the copy is
 * done and the last importer has unmapped it; the copy is waited for at the next
 * call, so it may be running whenever no call is. The next call is also what a
 * copy waits for that is held.
 *
 * The work item signals the fence, so it allocates nothing and takes no lock:
 * a waiter for the fence may hold any of them. What it needs does not
 * change before it is flushed.
 *
 * The caller has one call at a time for each buffer.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include "movable.h"

/* Memory reclaim may wait for a copy, so the workqueue has a rescuer */
static struct workqueue_struct *movable_copy_wq;

int movable_buf_init(void)
{
	movable_copy_wq = alloc_workqueue("dma-buf-movable",
					  WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return movable_copy_wq ? 0 : -ENOMEM;
}

void movable_buf_exit(void)
{
	destroy_workqueue(movable_copy_wq);
	/* The names of a fence may still be looked at */
	synchronize_rcu();
}

static const char *movable_fence_name(struct dma_fence *fence)
{
	return "dma-buf-movable";
}

static const struct dma_fence_ops movable_fence_ops = {
	.get_driver_name = movable_fence_name,
	.get_timeline_name = movable_fence_name,
};

static void movable_copy_work(struct work_struct *work)
{
	struct movable_buf *buf = container_of(work, struct movable_buf, copy);
	bool cookie = dma_fence_begin_signalling();
	unsigned int i;

	wait_for_completion(&buf->go);
	if (buf->slow)
		msleep(DMA_BUF_MOVABLE_SLOW_MS);
	for (i = 0; i < buf->place->nr_pages; i++) {
		movable_place_read(buf->bar, buf->from, i, 0, buf->bounce,
				   PAGE_SIZE);
		movable_place_write(buf->bar, buf->place, i, 0, buf->bounce,
				    PAGE_SIZE);
	}
	dma_fence_signal(buf->fence);
	dma_fence_end_signalling(cookie);
}

/* Wait for the copy that may be running; nobody has the old place mapped */
static void movable_finish_move(struct movable_buf *buf)
{
	if (!buf->fence)
		return;
	complete_all(&buf->go);
	flush_work(&buf->copy);
	movable_place_free(buf->bar, no_free_ptr(buf->from));
	dma_fence_put(no_free_ptr(buf->fence));
}

/**
 * movable_buf_move - move a buffer to a fresh place
 * @buf: the buffer
 * @placement: %DMA_BUF_MOVABLE_SYSTEM and so on
 * @flags: %DMA_BUF_MOVABLE_SLOW and so on
 *
 * Return: 0 when nobody uses the old place; otherwise the buffer has not moved.
 */
int movable_buf_move(struct movable_buf *buf, u32 placement, u32 flags)
{
	struct dma_resv *resv = buf->phys.dmabuf->resv;
	struct dma_buf_phys_list *list, *old;
	struct movable_place *place;
	struct dma_fence *fence;
	int ret;

	movable_finish_move(buf);
	place = movable_place_new(buf->bar, buf->place->nr_pages, placement);
	if (IS_ERR(place))
		return PTR_ERR(place);
	if (flags & DMA_BUF_MOVABLE_WC)
		place->attr = DMA_BUF_PHYS_WC;
	if (flags & DMA_BUF_MOVABLE_ENCRYPTED)
		place->type = DMA_BUF_PHYS_ENCRYPTED;
	list = movable_place_list(buf->bar, place);
	if (IS_ERR(list)) {
		ret = PTR_ERR(list);
		goto err_place;
	}
	fence = kzalloc_obj(*fence);
	if (!fence) {
		ret = -ENOMEM;
		goto err_list;
	}
	dma_fence_init(fence, &movable_fence_ops, NULL, buf->context,
		       buf->moves + 1);

	dma_resv_lock(resv, NULL);
	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		goto err_unlock;
	old = dma_buf_phys_move_begin(&buf->phys, list);
	if (IS_ERR(old)) {
		ret = PTR_ERR(old);
		goto err_unlock;
	}
	buf->from = buf->place;
	buf->place = place;
	buf->fence = fence;
	buf->slow = flags & DMA_BUF_MOVABLE_SLOW;
	reinit_completion(&buf->go);
	if (!(flags & DMA_BUF_MOVABLE_HOLD))
		complete_all(&buf->go);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_KERNEL);
	queue_work(movable_copy_wq, &buf->copy);
	dma_buf_phys_move_end(&buf->phys);
	dma_resv_unlock(resv);

	dma_buf_phys_drain(&buf->phys, old);
	buf->moves++;
	return 0;

err_unlock:
	dma_resv_unlock(resv);
	dma_fence_put(fence);
err_list:
	dma_buf_phys_list_free(list);
err_place:
	movable_place_free(buf->bar, place);
	return ret;
}

static void movable_buf_free(struct movable_buf *buf)
{
	kfree(buf->bounce);
	kfree(buf);
}

static void movable_buf_release(struct dma_buf_phys *phys)
{
	dma_buf_phys_fini(phys);
	movable_buf_free(container_of(phys, struct movable_buf, phys));
}

static const struct dma_buf_phys_ops movable_phys_ops = {
	.release = movable_buf_release,
};

static int movable_buf_export(struct movable_buf *buf)
{
	DEFINE_DMA_BUF_PHYS_EXPORT_INFO(info);
	int ret;

	info.ops = &movable_phys_ops;
	info.flags = O_RDWR | O_CLOEXEC;
	info.list = movable_place_list(buf->bar, buf->place);
	if (IS_ERR(info.list))
		return PTR_ERR(info.list);
	ret = dma_buf_phys_export(&buf->phys, &info);
	if (ret)
		dma_buf_phys_list_free(info.list);
	return ret;
}

/**
 * movable_buf_new - a buffer, zeroed, in system memory
 * @bar: the device's
 * @nr_pages: how large, at least 2
 *
 * Return: it, with one reference to its dma-buf, or an ERR_PTR.
 */
struct movable_buf *movable_buf_new(struct movable_bar *bar,
				    unsigned int nr_pages)
{
	struct movable_buf *buf;
	int ret = -ENOMEM;

	buf = kzalloc_obj(*buf);
	if (!buf)
		return ERR_PTR(ret);
	INIT_WORK(&buf->copy, movable_copy_work);
	init_completion(&buf->go);
	buf->bar = bar;
	buf->context = dma_fence_context_alloc(1);
	buf->bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!buf->bounce)
		goto err_free;
	buf->place = movable_place_new(bar, nr_pages, DMA_BUF_MOVABLE_SYSTEM);
	if (IS_ERR(buf->place)) {
		ret = PTR_ERR(buf->place);
		goto err_free;
	}
	ret = movable_buf_export(buf);
	if (ret)
		goto err_place;
	return buf;

err_place:
	movable_place_free(bar, buf->place);
err_free:
	movable_buf_free(buf);
	return ERR_PTR(ret);
}

/**
 * movable_buf_end - take away access and memory permanently
 * @buf: the buffer; the reference to its dma-buf is dropped
 */
void movable_buf_end(struct movable_buf *buf)
{
	/* A kill waits for copies */
	complete_all(&buf->go);
	dma_buf_phys_kill(&buf->phys);
	movable_finish_move(buf);
	movable_place_free(buf->bar, no_free_ptr(buf->place));
	/* May free it */
	dma_buf_put(buf->phys.dmabuf);
}

/**
 * movable_buf_info - where a buffer is
 * @buf: the buffer
 * @info: filled in
 */
void movable_buf_info(const struct movable_buf *buf,
		      struct dma_buf_movable_info *info)
{
	info->moves = buf->moves;
	info->placement = buf->place->placement;
	info->copying = buf->fence && !dma_fence_is_signaled(buf->fence);
}

/**
 * movable_buf_rw - read or write by the CPU, wherever the bytes are
 * @buf: the buffer
 * @iocb: says where
 * @iter: the program's bytes
 *
 * Neighbours of what is written are not touched: a device may be writing there.
 *
 * Return: how many bytes, 0 at the end, or -EFAULT.
 */
ssize_t movable_buf_rw(struct movable_buf *buf, struct kiocb *iocb,
		       struct iov_iter *iter)
{
	u64 size = PFN_PHYS(buf->place->nr_pages);
	bool write = iov_iter_rw(iter) == WRITE;
	ssize_t done = 0;

	movable_finish_move(buf);
	while (iov_iter_count(iter) && iocb->ki_pos < size) {
		unsigned int i = iocb->ki_pos >> PAGE_SHIFT;
		size_t at = offset_in_page(iocb->ki_pos);
		size_t n = min(iov_iter_count(iter), PAGE_SIZE - at);

		if (write) {
			n = copy_from_iter(buf->bounce, n, iter);
			movable_place_write(buf->bar, buf->place, i, at,
					    buf->bounce, n);
		} else {
			movable_place_read(buf->bar, buf->place, i, at,
					   buf->bounce, n);
			n = copy_to_iter(buf->bounce, n, iter);
		}
		if (!n)
			return done ?: -EFAULT;
		iocb->ki_pos += n;
		done += n;
	}
	return done;
}
