// SPDX-License-Identifier: GPL-2.0-only
/*
 * Example of an exporter: the BAR of a device as a dma-buf. Included, from the
 * first marker to the last, by Documentation/driver-api/dma-buf-phys.rst.
 */
#include <linux/cleanup.h>
#include <linux/fcntl.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "example.h"

/* example: begin */
struct phys_example_buffer {
	struct dma_buf_phys phys;
	struct list_head node;
};

/*
 * Serialises revoke, restore and kill, and keeps the buffers on a device's
 * list alive. Taken before any reservation lock.
 */
static DEFINE_MUTEX(phys_example_lock);

static void phys_example_release(struct dma_buf_phys *phys)
{
	struct phys_example_buffer *buf =
		container_of(phys, struct phys_example_buffer, phys);

	/* The device may be gone; then the buffer is on no list any more */
	scoped_guard(mutex, &phys_example_lock)
		list_del_init(&buf->node);
	dma_buf_phys_fini(phys);
	kfree(buf);
}

static const struct dma_buf_phys_ops phys_example_ops = {
	.release = phys_example_release,
};

static struct dma_buf_phys_list *
phys_example_list(const struct phys_example_device *dev)
{
	struct dma_buf_phys_builder b;

	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_P2P, DMA_BUF_PHYS_UC,
			       dev->provider);
	dma_buf_phys_add_frag(&b, dev->start, dev->size);
	/* Errors stick, so this is the only call to check */
	return dma_buf_phys_seal(&b, dev->size);
}

/* The caller passes the dma-buf to dma_buf_fd(), or drops it */
struct dma_buf *phys_example_export(struct phys_example_device *dev)
{
	DEFINE_DMA_BUF_PHYS_EXPORT_INFO(info);
	struct phys_example_buffer *buf;
	int ret;

	buf = kzalloc_obj(*buf);
	if (!buf)
		return ERR_PTR(-ENOMEM);

	/* The state of the device must not change until buf is on its list */
	mutex_lock(&phys_example_lock);
	if (dev->gone) {
		ret = -ENODEV;
		goto err_unlock;
	}
	info.list = phys_example_list(dev);
	if (IS_ERR(info.list)) {
		ret = PTR_ERR(info.list);
		goto err_unlock;
	}
	info.ops = &phys_example_ops;
	info.flags = O_RDWR;
	info.state = dev->on ? DMA_BUF_PHYS_LIVE : DMA_BUF_PHYS_REVOKED;
	ret = dma_buf_phys_export(&buf->phys, &info);
	if (ret)
		goto err_list;

	/* From here on the dma-buf owns buf, and buf the list */
	list_add_tail(&buf->node, &dev->buffers);
	mutex_unlock(&phys_example_lock);
	return buf->phys.dmabuf;

err_list:
	dma_buf_phys_list_free(info.list);
err_unlock:
	mutex_unlock(&phys_example_lock);
	kfree(buf);
	return ERR_PTR(ret);
}

/* Before the BAR becomes unreachable, and after it is back */
void phys_example_set_access(struct phys_example_device *dev, bool on)
{
	struct phys_example_buffer *buf;

	guard(mutex)(&phys_example_lock);
	dev->on = on;
	list_for_each_entry(buf, &dev->buffers, node) {
		if (on)
			dma_buf_phys_restore(&buf->phys);
		else
			dma_buf_phys_revoke(&buf->phys);
	}
}

/* When the driver is unbound: nothing refers to the provider afterwards */
void phys_example_remove(struct phys_example_device *dev)
{
	struct phys_example_buffer *buf, *next;

	guard(mutex)(&phys_example_lock);
	dev->gone = true;
	list_for_each_entry_safe(buf, next, &dev->buffers, node) {
		dma_buf_phys_kill(&buf->phys);
		list_del_init(&buf->node);
	}
}

/* example: end */
