// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exporter for tests whose buffers move, as those of a GPU do: between system
 * memory and the BAR of a PCI device, all of it or a half.
 *
 * A file owns a buffer and kills it in the end, when it is closed or the device
 * is removed, whichever is first. What importers keep alive after that is a
 * dma-buf without memory.
 *
 * Lock order: movable->lock, file->lock, reservation lock.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "movable.h"

/* The BAR of ivshmem that is memory */
#define BAR 2

/**
 * struct movable - the device
 * @ref: held by the driver binding and by each open file
 * @misc: /dev/dma-buf-movable
 * @bar: its BAR, not to be used once @dead
 * @dead: the device is going; set without the lock that a running call holds
 * @lock: protects @files
 * @files: open files
 */
struct movable {
	struct kref ref;
	struct miscdevice misc;
	struct movable_bar bar;
	bool dead;
	struct mutex lock; /* protects files */
	struct list_head files;
};

/**
 * struct movable_file - an open file
 * @movable: the device
 * @node: in &movable.files
 * @lock: serialises the calls of a file, and the removal of the device
 * @buf: the buffer, with a reference to its dma-buf, or NULL
 */
struct movable_file {
	struct movable *movable;
	struct list_head node;
	struct mutex lock; /* one call at a time */
	struct movable_buf *buf;
};

/*
 * Calls; file->lock is held
 */

static void movable_end_buffer(struct movable_file *file)
{
	lockdep_assert_held(&file->lock);

	if (file->buf)
		movable_buf_end(no_free_ptr(file->buf));
}

static int movable_create(struct movable_file *file, void __user *arg)
{
	struct dma_buf_movable_create c;
	struct movable_buf *buf;
	int fd;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	if (!PAGE_ALIGNED(c.size) || c.size < 2 * PAGE_SIZE ||
	    c.size > DMA_BUF_MOVABLE_MAX_SIZE)
		return -EINVAL;
	if (file->buf)
		return -EBUSY;

	buf = movable_buf_new(&file->movable->bar, c.size >> PAGE_SHIFT);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	file->buf = buf;
	/* The program's; the first reference is the file's */
	get_dma_buf(buf->phys.dmabuf);
	fd = dma_buf_fd(buf->phys.dmabuf, O_CLOEXEC);
	if (fd < 0) {
		dma_buf_put(buf->phys.dmabuf);
		movable_end_buffer(file);
	}
	return fd;
}

static int movable_move_once(struct movable_buf *buf,
			     const struct dma_buf_movable_move *m)
{
	u32 to = buf->place->placement;

	do {
		to = (to + 1) % DMA_BUF_MOVABLE_NR_PLACEMENTS;
	} while (!(m->placements & BIT(to)));
	return movable_buf_move(buf, to, m->flags);
}

static int movable_move(struct movable_file *file, void __user *arg)
{
	struct movable_buf *buf = file->buf;
	struct dma_buf_movable_move m;
	int ret = 0;

	if (copy_from_user(&m, arg, sizeof(m)))
		return -EFAULT;
	if (!m.placements ||
	    m.placements >= BIT(DMA_BUF_MOVABLE_NR_PLACEMENTS) || !m.count ||
	    m.count > DMA_BUF_MOVABLE_MAX_MOVES ||
	    m.flags & ~DMA_BUF_MOVABLE_FLAGS)
		return -EINVAL;
	if (!buf)
		return -ENXIO;

	for (m.done = 0; m.done < m.count; m.done++) {
		if (READ_ONCE(file->movable->dead))
			ret = -ENODEV;
		else if (signal_pending(current))
			ret = -ERESTARTSYS;
		else
			ret = movable_move_once(buf, &m);
		if (ret)
			break;
	}
	/* What was done must not be done again */
	if (ret == -ERESTARTSYS && m.done)
		ret = 0;
	if (!ret && copy_to_user(arg, &m, sizeof(m)))
		ret = -EFAULT;
	return ret;
}

static int movable_info(struct movable_file *file, void __user *arg)
{
	struct dma_buf_movable_info info = {};

	if (!file->buf)
		return -ENXIO;
	movable_buf_info(file->buf, &info);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long movable_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct movable_file *file = filp->private_data;
	void __user *uarg = (void __user *)arg;

	ACQUIRE(mutex_intr, lock)(&file->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;
	if (READ_ONCE(file->movable->dead))
		return -ENODEV;

	switch (cmd) {
	case DMA_BUF_MOVABLE_CREATE:
		return movable_create(file, uarg);
	case DMA_BUF_MOVABLE_MOVE:
		return movable_move(file, uarg);
	case DMA_BUF_MOVABLE_INFO:
		return movable_info(file, uarg);
	default:
		return -ENOTTY;
	}
}

static ssize_t movable_rw(struct kiocb *iocb, struct iov_iter *iter)
{
	struct movable_file *file = iocb->ki_filp->private_data;

	ACQUIRE(mutex_intr, lock)(&file->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;
	if (READ_ONCE(file->movable->dead))
		return -ENODEV;
	if (!file->buf)
		return -ENXIO;
	return movable_buf_rw(file->buf, iocb, iter);
}

static void movable_free(struct kref *ref)
{
	struct movable *movable = container_of(ref, struct movable, ref);

	mutex_destroy(&movable->lock);
	kfree(movable);
}

/* Under the misc devices' lock: the device is bound */
static int movable_open(struct inode *inode, struct file *filp)
{
	struct movable *movable = container_of(filp->private_data,
					       struct movable, misc);
	struct movable_file *file;

	file = kzalloc_obj(*file);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	file->movable = movable;
	kref_get(&movable->ref);
	scoped_guard(mutex, &movable->lock)
		list_add_tail(&file->node, &movable->files);
	filp->private_data = file;
	return 0;
}

static int movable_release(struct inode *inode, struct file *filp)
{
	struct movable_file *file = filp->private_data;
	struct movable *movable = file->movable;

	/* The removal may be ending it */
	scoped_guard(mutex, &movable->lock) {
		list_del(&file->node);
		scoped_guard(mutex, &file->lock)
			movable_end_buffer(file);
	}
	mutex_destroy(&file->lock);
	kfree(file);
	kref_put(&movable->ref, movable_free);
	return 0;
}

static const struct file_operations movable_fops = {
	.owner = THIS_MODULE,
	.open = movable_open,
	.release = movable_release,
	.read_iter = movable_rw,
	.write_iter = movable_rw,
	.unlocked_ioctl = movable_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/*
 * The device
 */

/* There is one name in /dev */
static unsigned long movable_bound;

static int movable_setup_bar(struct movable_bar *bar, struct pci_dev *pdev)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	bar->start = pci_resource_start(pdev, BAR);
	bar->nr_pages = min(pci_resource_len(pdev, BAR) >> PAGE_SHIFT,
			    MOVABLE_BAR_PAGES);
	if (!(pci_resource_flags(pdev, BAR) & IORESOURCE_MEM) ||
	    !PAGE_ALIGNED(bar->start) || !bar->nr_pages)
		return -ENODEV;
	bar->regs = pcim_iomap_region(pdev, BAR, KBUILD_MODNAME);
	if (IS_ERR(bar->regs))
		return PTR_ERR(bar->regs);
	ret = pcim_p2pdma_init(pdev);
	if (ret)
		return ret;
	bar->provider = pcim_p2pdma_provider(pdev, BAR);
	return bar->provider ? 0 : -ENODEV;
}

static int movable_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct movable *movable;
	int ret;

	if (test_and_set_bit(0, &movable_bound))
		return -EBUSY;
	movable = kzalloc_obj(*movable);
	if (!movable) {
		ret = -ENOMEM;
		goto err_bound;
	}
	kref_init(&movable->ref);
	mutex_init(&movable->lock);
	spin_lock_init(&movable->bar.lock);
	INIT_LIST_HEAD(&movable->files);
	ret = movable_setup_bar(&movable->bar, pdev);
	if (ret)
		goto err_put;

	movable->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = "dma-buf-movable",
		.fops = &movable_fops,
		.parent = &pdev->dev,
		.mode = 0600,
	};
	pci_set_drvdata(pdev, movable);
	ret = misc_register(&movable->misc);
	if (ret)
		goto err_put;
	return 0;

err_put:
	kref_put(&movable->ref, movable_free);
err_bound:
	clear_bit(0, &movable_bound);
	return ret;
}

static void movable_remove(struct pci_dev *pdev)
{
	struct movable *movable = pci_get_drvdata(pdev);
	struct movable_file *file;

	/* No more opens */
	misc_deregister(&movable->misc);
	/* No more calls, and a long one stops */
	WRITE_ONCE(movable->dead, true);
	/* No more importers: the BAR belongs to the PCI device */
	scoped_guard(mutex, &movable->lock) {
		list_for_each_entry(file, &movable->files, node) {
			scoped_guard(mutex, &file->lock)
				movable_end_buffer(file);
		}
	}
	kref_put(&movable->ref, movable_free);
	clear_bit(0, &movable_bound);
}

/* No IDs: whose BAR may be overwritten is said by driver_override */
static struct pci_driver movable_driver = {
	.name = "dma-buf-movable",
	.probe = movable_probe,
	.remove = movable_remove,
};

static int __init movable_init(void)
{
	int ret;

	ret = movable_buf_init();
	if (ret)
		return ret;
	ret = pci_register_driver(&movable_driver);
	if (ret)
		movable_buf_exit();
	return ret;
}
module_init(movable_init);

static void __exit movable_exit(void)
{
	pci_unregister_driver(&movable_driver);
	movable_buf_exit();
}
module_exit(movable_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Exporter whose buffers move, for tests of DMA-BUF importers");
MODULE_LICENSE("GPL");
