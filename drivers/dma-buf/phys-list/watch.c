// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches: files that become readable when access is taken away or given back.
 *
 * A watch is not an importer, and no revoke waits for one. The buffer counts its
 * events and its watches, and wakes these up. A watch stores the counters as of its
 * creation and the sequence number of the event it has reported last. So it
 * costs the exporter a wake-up, and no event is lost, however late userspace
 * reads it. A watch takes the buffer's spinlock but not the reservation lock,
 * which may be held for as long as a revoke takes.
 */
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-buf-phys.h>

#include "internal.h"

/**
 * struct phys_watch - an open watch
 * @phys: the buffer
 * @dmabuf: the dma-buf of @phys, with a reference
 * @nr_revokes: number of revokes of the buffer before the watch was created
 * @nr_restores: number of restores before the watch was created
 * @nr_moves: number of moves before the watch was created
 * @seq: &dma_buf_phys.watch_seq as of the last read; under the buffer's
 *	spinlock
 */
struct phys_watch {
	struct dma_buf_phys *phys;
	struct dma_buf *dmabuf;
	u64 nr_revokes;
	u64 nr_restores;
	u64 nr_moves;
	u64 seq;
};

/* EPOLLIN if there is something to read, EPOLLHUP if nothing more will happen */
static __poll_t phys_watch_events(const struct phys_watch *watch)
{
	struct dma_buf_phys *phys = watch->phys;
	__poll_t mask = 0;

	guard(spinlock)(&phys->lock);
	if (phys->state == DMA_BUF_PHYS_DEAD)
		mask |= EPOLLHUP;
	if (phys->watch_seq != watch->seq)
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

/* Fill in the event. Returns false if there is none, or another reader got it. */
static bool phys_watch_take(struct phys_watch *watch,
			    struct dma_buf_phys_watch_event *event)
{
	struct dma_buf_phys *phys = watch->phys;

	guard(spinlock)(&phys->lock);
	if (phys->watch_seq == watch->seq)
		return false;
	watch->seq = phys->watch_seq;
	event->time = phys->changed_at;
	event->generation = phys->generation;
	event->nr_revokes = phys->nr_revokes - watch->nr_revokes;
	event->nr_restores = phys->nr_restores - watch->nr_restores;
	event->nr_moves = phys->nr_moves - watch->nr_moves;
	event->state = phys->state;
	event->nr_behind = phys->nr_behind;
	return true;
}

static ssize_t phys_watch_read(struct file *file, char __user *buf, size_t count,
			       loff_t *pos)
{
	struct phys_watch *watch = file->private_data;
	struct dma_buf_phys_watch_event event = {};
	int ret;

	if (count < offsetofend(struct dma_buf_phys_watch_event, state))
		return -EINVAL;
	count = min(count, sizeof(event));

	while (!phys_watch_take(watch, &event)) {
		if (phys_watch_events(watch) == EPOLLHUP)
			return 0;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(watch->phys->watch_wait,
					       phys_watch_events(watch));
		if (ret)
			return ret;
	}

	return copy_to_user(buf, &event, count) ? -EFAULT : count;
}

static __poll_t phys_watch_poll(struct file *file, poll_table *wait)
{
	struct phys_watch *watch = file->private_data;

	poll_wait(file, &watch->phys->watch_wait, wait);
	return phys_watch_events(watch);
}

static void phys_watch_free(struct phys_watch *watch)
{
	scoped_guard(spinlock, &watch->phys->lock)
		watch->phys->nr_watches--;
	dma_buf_put(watch->dmabuf);
	kfree(watch);
}

static int phys_watch_release(struct inode *inode, struct file *file)
{
	struct phys_watch *watch = file->private_data;

	phys_watch_free(watch);
	return 0;
}

static const struct file_operations phys_watch_fops = {
	.owner = THIS_MODULE,
	.read = phys_watch_read,
	.poll = phys_watch_poll,
	.release = phys_watch_release,
	.llseek = noop_llseek,
};

/* Store the current counters. Returns -ENODEV if nothing more will happen. */
static int phys_watch_start(struct phys_watch *watch)
{
	struct dma_buf_phys *phys = watch->phys;

	guard(spinlock)(&phys->lock);
	if (phys->state == DMA_BUF_PHYS_DEAD)
		return -ENODEV;
	watch->nr_revokes = phys->nr_revokes;
	watch->nr_restores = phys->nr_restores;
	watch->nr_moves = phys->nr_moves;
	watch->seq = phys->watch_seq;
	phys->nr_watches++;
	return 0;
}

/**
 * dma_buf_phys_watch_fd - create a watch
 * @dmabuf: the dma-buf; the caller holds a reference
 * @flags: O_CLOEXEC, O_NONBLOCK or both, or 0
 *
 * Return: a file descriptor, or an error as documented at &struct
 * dma_buf_phys_watch.
 */
int dma_buf_phys_watch_fd(struct dma_buf *dmabuf, u32 flags)
{
	struct phys_watch *watch;
	struct dma_buf_phys *phys;
	int ret;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	phys = dma_buf_phys_lookup(dmabuf);
	if (!phys)
		return -EOPNOTSUPP;

	watch = kzalloc_obj(*watch, GFP_KERNEL_ACCOUNT);
	if (!watch)
		return -ENOMEM;
	watch->phys = phys;
	watch->dmabuf = dmabuf;
	ret = phys_watch_start(watch);
	if (ret) {
		kfree(watch);
		return ret;
	}

	get_dma_buf(dmabuf);
	/* Owned by the file if this succeeds, which may have been closed already then */
	ret = anon_inode_getfd("[dma_buf_phys_watch]", &phys_watch_fops, watch,
			       O_RDONLY | flags);
	if (ret < 0)
		phys_watch_free(watch);
	return ret;
}
