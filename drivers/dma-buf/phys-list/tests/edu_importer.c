// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scatterlist importer for tests: QEMU's edu device, driven by ioctls.
 *
 * It knows nothing of physical lists, as a stock driver does not, and its DMA
 * is real: the device's engine copies between the dma-buf and the device's 4 KiB
 * buffer. The CPU cannot see that buffer, so the data passes through a bounce
 * buffer in memory, by the same engine.
 *
 * The engine runs without the reservation lock, covered by a fence on the
 * reservation object. So a revoke may come while it is running: it waits for
 * the fence, and a work item unmaps when the engine has stopped.
 *
 * Lock order: edu->lock, file->lock, edu->engine, reservation lock. Whoever has
 * a fence out already holds all it needs to signal it.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "edu_importer_uapi.h"

#define EDU_ID		0x00
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98

#define EDU_DMA_RUN	BIT_ULL(0)
#define EDU_DMA_TO_MEM	BIT_ULL(1)

#define EDU_ID_MASK	0xff
#define EDU_ID_MAGIC	0xed

/* Where the device's buffer is in the engine's eyes */
#define EDU_BUF		0x40000ULL

#define EDU_LATE_MS	200
/* A transfer takes 100 ms of the device's time */
#define EDU_POLL_US	2000
#define EDU_TIMEOUT_US	(10 * USEC_PER_SEC)

/**
 * struct edu - the device
 * @ref: held by the driver binding and by each open file
 * @misc: /dev/dma-buf-edu
 * @pdev: the PCI device; not to be used once @dead
 * @regs: its registers
 * @bounce: where the engine gets data and leaves it
 * @bounce_dma: the same, as the engine sees it
 * @engine: held by whoever uses the engine
 * @dead: the device is going or does not work; set under @engine
 * @lock: protects @files
 * @files: open files
 */
struct edu {
	struct kref ref;
	struct miscdevice misc;
	struct pci_dev *pdev;
	void __iomem *regs;
	void *bounce;
	dma_addr_t bounce_dma;
	struct mutex engine; /* one transfer at a time */
	bool dead;
	struct mutex lock; /* protects files */
	struct list_head files;
};

/**
 * struct edu_file - an importer
 * @edu: the device
 * @node: in &edu.files
 * @lock: serialises the calls of a file, and the removal of the device
 * @dmabuf: the dma-buf, if attached
 * @attach: the attachment, or NULL
 * @late: unmaps late
 * @wanted: the program wants a mapping
 * @sgt: the mapping, or NULL
 * @stale: access was taken away: @sgt is to be unmapped and not to be used
 * @fence: out while the engine works on @sgt
 * @invalidations: number of callbacks
 * @unmap_work: unmaps what is stale
 *
 * @sgt and what follows is under the reservation lock.
 */
struct edu_file {
	struct edu *edu;
	struct list_head node;
	struct mutex lock; /* one call at a time */
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	bool late;
	bool wanted;
	struct sg_table *sgt;
	bool stale;
	struct dma_fence *fence;
	u32 invalidations;
	struct delayed_work unmap_work;
};

/*
 * The engine
 */

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

/*
 * Mappings
 */

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
				 DMA_BIDIRECTIONAL);
	if (edu_must_pin(file))
		dma_buf_unpin(file->attach);
	file->stale = false;
}

/* Called with file->lock held, so that the engine does not use file->sgt */
static int edu_map_locked(struct edu_file *file)
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
	sgt = dma_buf_map_attachment(file->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		if (edu_must_pin(file))
			dma_buf_unpin(file->attach);
		return PTR_ERR(sgt);
	}
	file->sgt = sgt;
	return 0;
}

static void edu_unmap_work(struct work_struct *work)
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

/*
 * Calls; file->lock is held
 */

static int edu_attach(struct edu_file *file, void __user *arg)
{
	struct dma_buf_attachment *attach;
	struct dma_buf_edu_attach a;
	struct dma_buf *dmabuf;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (a.flags & ~(DMA_BUF_EDU_NOT_REVOCABLE | DMA_BUF_EDU_NO_P2P |
			DMA_BUF_EDU_STATIC | DMA_BUF_EDU_LATE_UNMAP))
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

static int edu_detach(struct edu_file *file)
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

static int edu_map(struct edu_file *file)
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

static int edu_unmap(struct edu_file *file)
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

static int edu_info(struct edu_file *file, void __user *arg)
{
	struct dma_buf_edu_info info = {};

	if (!file->attach)
		return -ENOTCONN;
	dma_resv_lock(file->dmabuf->resv, NULL);
	info.invalidations = file->invalidations;
	if (file->sgt && !file->stale)
		edu_describe(file->sgt, &info);
	dma_resv_unlock(file->dmabuf->resv);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

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

	/* file->sgt stays: whoever unmaps it waits for the fence first */
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

static int edu_copy(struct edu_file *file, void __user *arg)
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

static long edu_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct edu_file *file = filp->private_data;
	void __user *uarg = (void __user *)arg;

	ACQUIRE(mutex_intr, lock)(&file->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;
	/* Removal sets this before it takes file->lock and detaches */
	if (READ_ONCE(file->edu->dead))
		return -ENODEV;

	switch (cmd) {
	case DMA_BUF_EDU_ATTACH:
		return edu_attach(file, uarg);
	case DMA_BUF_EDU_DETACH:
		return edu_detach(file);
	case DMA_BUF_EDU_MAP:
		return edu_map(file);
	case DMA_BUF_EDU_UNMAP:
		return edu_unmap(file);
	case DMA_BUF_EDU_INFO:
		return edu_info(file, uarg);
	case DMA_BUF_EDU_COPY:
		return edu_copy(file, uarg);
	default:
		return -ENOTTY;
	}
}

static void edu_free(struct kref *ref)
{
	struct edu *edu = container_of(ref, struct edu, ref);

	mutex_destroy(&edu->lock);
	mutex_destroy(&edu->engine);
	kfree(edu);
}

/* Under the misc devices' lock: the device is bound */
static int edu_open(struct inode *inode, struct file *filp)
{
	struct edu *edu = container_of(filp->private_data, struct edu, misc);
	struct edu_file *file;

	file = kzalloc_obj(*file);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->lock);
	INIT_DELAYED_WORK(&file->unmap_work, edu_unmap_work);
	file->edu = edu;
	kref_get(&edu->ref);
	scoped_guard(mutex, &edu->lock)
		list_add_tail(&file->node, &edu->files);
	filp->private_data = file;
	return 0;
}

static int edu_release(struct inode *inode, struct file *filp)
{
	struct edu_file *file = filp->private_data;
	struct edu *edu = file->edu;

	/* The removal may be detaching it */
	scoped_guard(mutex, &edu->lock) {
		list_del(&file->node);
		scoped_guard(mutex, &file->lock)
			edu_detach(file);
	}
	mutex_destroy(&file->lock);
	kfree(file);
	kref_put(&edu->ref, edu_free);
	return 0;
}

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/*
 * The device
 */

/* There is one name in /dev */
static unsigned long edu_bound;

static int edu_setup(struct edu *edu, struct pci_dev *pdev)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edu->regs = pcim_iomap_region(pdev, 0, KBUILD_MODNAME);
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	if ((readl(edu->regs + EDU_ID) & EDU_ID_MASK) != EDU_ID_MAGIC)
		return -ENODEV;
	/* QEMU has to be told the same: -device edu,dma_mask=... */
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	/* The engine counts in 64 bits, and copies no more than it is told to */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	edu->bounce = dmam_alloc_coherent(&pdev->dev, DMA_BUF_EDU_MAX_COPY,
					  &edu->bounce_dma, GFP_KERNEL);
	if (!edu->bounce)
		return -ENOMEM;
	pci_set_master(pdev);
	return 0;
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu *edu;
	int ret;

	/* The first device is used, further ones are free for others */
	if (test_and_set_bit(0, &edu_bound))
		return -ENODEV;
	edu = kzalloc_obj(*edu);
	if (!edu) {
		ret = -ENOMEM;
		goto err_bound;
	}
	kref_init(&edu->ref);
	mutex_init(&edu->engine);
	mutex_init(&edu->lock);
	INIT_LIST_HEAD(&edu->files);
	edu->pdev = pdev;
	ret = edu_setup(edu, pdev);
	if (ret)
		goto err_put;

	edu->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = "dma-buf-edu",
		.fops = &edu_fops,
		.parent = &pdev->dev,
		.mode = 0600,
	};
	pci_set_drvdata(pdev, edu);
	ret = misc_register(&edu->misc);
	if (ret)
		goto err_master;
	return 0;

err_master:
	pci_clear_master(pdev);
err_put:
	kref_put(&edu->ref, edu_free);
err_bound:
	clear_bit(0, &edu_bound);
	return ret;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu *edu = pci_get_drvdata(pdev);
	struct edu_file *file;

	/* No more opens */
	misc_deregister(&edu->misc);
	/* No more copies, and none is running */
	scoped_guard(mutex, &edu->engine)
		WRITE_ONCE(edu->dead, true);
	/* No more mappings and attachments: they belong to the PCI device */
	scoped_guard(mutex, &edu->lock) {
		list_for_each_entry(file, &edu->files, node) {
			scoped_guard(mutex, &file->lock)
				edu_detach(file);
		}
	}
	pci_clear_master(pdev);
	kref_put(&edu->ref, edu_free);
	clear_bit(0, &edu_bound);
}

/* Without ids: it is bound by driver_override */
static struct pci_driver edu_driver = {
	.name = "dma-buf-edu",
	.probe = edu_probe,
	.remove = edu_remove,
};

static int __init edu_init(void)
{
	return pci_register_driver(&edu_driver);
}
module_init(edu_init);

static void __exit edu_exit(void)
{
	pci_unregister_driver(&edu_driver);
	/* The names of a fence may still be looked at */
	synchronize_rcu();
}
module_exit(edu_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Scatterlist importer for QEMU's edu device");
MODULE_LICENSE("GPL");
