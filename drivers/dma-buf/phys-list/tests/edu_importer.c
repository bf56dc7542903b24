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
 * Lock order: edu->lock, file->lock, edu->engine, reservation lock. A
 * copy takes all locks that it needs to signal its fence before it adds it.
 *
 * This file has the device and its file, edu_map.c attachments and mappings,
 * edu_copy.c the engine.
 */
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "edu_importer.h"

#define EDU_ID		0x00
#define EDU_ID_MASK	0xff
#define EDU_ID_MAGIC	0xed

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
