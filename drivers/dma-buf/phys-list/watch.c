// SPDX-License-Identifier: GPL-2.0-only
/*
 * A watch: a file that tells a program when access is taken away and given back.
 *
 * A watch is not an importer. The buffer counts what happens to it and wakes its
 * wait queue each time; a watch remembers the counts at its beginning and the
 * change it has told last. So it costs the exporter a wake-up and cannot lose an
 * event, however late it is read. It takes the buffer's spinlock only, never the
 * reservation lock, which may be held for as long as a revoke takes.
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
 * @dmabuf: its dma-buf, with a reference
 * @nr_revokes: of the buffer when the watch was made
 * @nr_restores: the same
 * @nr_moves: the same
 * @told: news of the buffer that were read last; under the buffer's spinlock
 */
struct phys_watch {
	struct dma_buf_phys *phys;
	struct dma_buf *dmabuf;
	u64 nr_revokes;
	u64 nr_restores;
	u64 nr_moves;
	u64 told;
};

/* EPOLL* bits: is there anything to read, will there ever be? */
static __poll_t watch_events(const struct phys_watch *watch)
{
	struct dma_buf_phys *phys = watch->phys;
	__poll_t mask = 0;

	guard(spinlock)(&phys->lock);
	if (phys->state == DMA_BUF_PHYS_DEAD)
		mask |= EPOLLHUP;
	if (phys->news != watch->told)
		mask |= EPOLLIN | EPOLLRDNORM;
	return mask;
}

/* Fill in the event; false if there is none, perhaps since somebody else read it */
static bool watch_take(struct phys_watch *watch,
		       struct dma_buf_phys_watch_event *event)
{
	struct dma_buf_phys *phys = watch->phys;

	guard(spinlock)(&phys->lock);
	if (phys->news == watch->told)
		return false;
	watch->told = phys->news;
	event->time = phys->changed_at;
	event->generation = phys->generation;
	event->nr_revokes = phys->nr_revokes - watch->nr_revokes;
	event->nr_restores = phys->nr_restores - watch->nr_restores;
	event->nr_moves = phys->nr_moves - watch->nr_moves;
	event->state = phys->state;
	event->nr_behind = phys->nr_behind;
	return true;
}

static ssize_t watch_read(struct file *file, char __user *buf, size_t count,
			  loff_t *pos)
{
	struct phys_watch *watch = file->private_data;
	struct dma_buf_phys_watch_event event = {};
	int ret;

	if (count < offsetofend(struct dma_buf_phys_watch_event, state))
		return -EINVAL;
	count = min(count, sizeof(event));

	while (!watch_take(watch, &event)) {
		if (watch_events(watch) == EPOLLHUP)
			return 0;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event_interruptible(watch->phys->changed,
					       watch_events(watch));
		if (ret)
			return ret;
	}

	return copy_to_user(buf, &event, count) ? -EFAULT : count;
}

static __poll_t watch_poll(struct file *file, poll_table *wait)
{
	struct phys_watch *watch = file->private_data;

	poll_wait(file, &watch->phys->changed, wait);
	return watch_events(watch);
}

static int watch_release(struct inode *inode, struct file *file)
{
	struct phys_watch *watch = file->private_data;

	dma_buf_put(watch->dmabuf);
	kfree(watch);
	return 0;
}

static const struct file_operations watch_fops = {
	.owner = THIS_MODULE,
	.read = watch_read,
	.poll = watch_poll,
	.release = watch_release,
	.llseek = noop_llseek,
};

/* Remember where the buffer stands; -ENODEV if there is nothing to come */
static int start_watch(struct phys_watch *watch)
{
	struct dma_buf_phys *phys = watch->phys;

	guard(spinlock)(&phys->lock);
	if (phys->state == DMA_BUF_PHYS_DEAD)
		return -ENODEV;
	watch->nr_revokes = phys->nr_revokes;
	watch->nr_restores = phys->nr_restores;
	watch->nr_moves = phys->nr_moves;
	watch->told = phys->news;
	return 0;
}

/**
 * phys_watch - make a watch
 * @dmabuf: of whichever exporter; the caller holds a reference
 * @flags: O_CLOEXEC, O_NONBLOCK
 *
 * Return: the file descriptor, or an error as &struct dma_buf_phys_watch has it.
 */
int phys_watch(struct dma_buf *dmabuf, u32 flags)
{
	struct phys_watch *watch __free(kfree) = NULL;
	struct dma_buf_phys *phys;
	int ret;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	phys = phys_from_dmabuf(dmabuf);
	if (!phys)
		return -EOPNOTSUPP;

	watch = kzalloc_obj(*watch, GFP_KERNEL_ACCOUNT);
	if (!watch)
		return -ENOMEM;
	watch->phys = phys;
	watch->dmabuf = dmabuf;
	ret = start_watch(watch);
	if (ret)
		return ret;

	get_dma_buf(dmabuf);
	ret = anon_inode_getfd("[dma_buf_phys_watch]", &watch_fops, watch,
			       O_RDONLY | flags);
	if (ret < 0)
		dma_buf_put(dmabuf);
	else
		/* The file's now, which may be closed already */
		retain_and_null_ptr(watch);
	return ret;
}
