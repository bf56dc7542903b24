// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long it takes to map a dma-buf for a device, and to unmap it.
 *
 * The same source is a module of a kernel with physical lists and an external
 * one for an unmodified kernel, so both are measured by the same code:
 *
 *  - by scatterlist, as stock drivers do; there is nothing else in an
 *    unmodified kernel;
 *  - by physical list;
 *  - as a yardstick, the bare calls of the DMA API that link ranges of a BAR
 *    into an IOVA window, without any dma-buf.
 *
 * No DMA is done, and no mapping outlives the reservation lock.
 *
 * In a VM that counts instructions a nanosecond is one instruction. There is
 * one CPU then, and now and then a timer interrupt; hence median and minimum.
 *
 * The importing device keeps its driver, and with it its DMA set-up, as long as
 * its device lock is held, which is a whole call. For a device that has none
 * the module brings a driver that does nothing, to be bound by driver_override.
 *
 * Lock order: device lock, reservation lock.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "bench.h"

static int bench_less(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 bench_without(u64 time, u64 overhead)
{
	return time > overhead ? time - overhead : 0;
}

/* Times are sorted afterwards */
static int bench_run_rounds(struct bench *b, const struct bench_method *method,
			    u32 rounds)
{
	u64 start, mapped, walked, length;
	u32 i;
	int ret;

	for (i = 0; i < rounds; i++) {
		start = ktime_get_ns();
		ret = method->map(b);
		mapped = ktime_get_ns();
		if (ret)
			return ret;
		length = method->walk(b);
		walked = ktime_get_ns();
		method->unmap(b);
		b->map_unmap[i] = ktime_get_ns() - walked + mapped - start;
		b->walk[i] = walked - mapped;

		if (length != b->size)
			return -EIO;
		if (signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	sort(b->map_unmap, rounds, sizeof(u64), bench_less, NULL);
	sort(b->walk, rounds, sizeof(u64), bench_less, NULL);
	return 0;
}

static int bench_measure(struct bench *b, const struct bench_method *method,
			 struct dma_buf_bench_run *r)
{
	u64 overhead, walk_overhead;
	int ret;

	ret = bench_run_rounds(b, &bench_nothing, DMA_BUF_BENCH_MAX_ROUNDS);
	if (ret)
		return ret;
	overhead = b->map_unmap[0];
	walk_overhead = b->walk[0];

	ret = bench_run_rounds(b, method, r->rounds);
	if (ret || !r->rounds)
		return ret;
	r->map_unmap_min = bench_without(b->map_unmap[0], overhead);
	r->map_unmap_median = bench_without(b->map_unmap[r->rounds / 2],
					    overhead);
	r->walk_median = bench_without(b->walk[r->rounds / 2], walk_overhead);
	r->dma_ranges = b->dma_ranges;
	r->embedded = method->embedded;
	return 0;
}

static int bench_dmabuf(struct bench *b, const struct bench_method *method,
			struct dma_buf_bench_run *r)
{
	int ret;

	if (r->nr_ranges)
		return -EINVAL;
	b->dmabuf = dma_buf_get(r->fd);
	if (IS_ERR(b->dmabuf))
		return PTR_ERR(b->dmabuf);
	b->size = b->dmabuf->size;

	ret = method->attach(b);
	if (ret)
		goto out_put;
	ret = dma_resv_lock_interruptible(b->dmabuf->resv, NULL);
	if (ret)
		goto out_detach;
	ret = bench_measure(b, method, r);
	dma_resv_unlock(b->dmabuf->resv);

out_detach:
	method->detach(b);
out_put:
	dma_buf_put(b->dmabuf);
	return ret;
}

/* The device that is asked for, with a reference to it, or NULL */
static struct pci_dev *bench_get_pdev(const struct dma_buf_bench_device *d)
{
	if (d->slot > 31 || d->function > 7 || d->domain > INT_MAX)
		return NULL;
	return pci_get_domain_bus_and_slot(d->domain, d->bus,
					   PCI_DEVFN(d->slot, d->function));
}

static int bench_check_ranges(struct bench *b, u64 bar_size)
{
	u64 end;
	u32 i;

	for (i = 0; i < b->nr_ranges; i++) {
		const struct dma_buf_bench_range *range = &b->ranges[i];

		if (!range->length ||
		    !PAGE_ALIGNED(range->offset | range->length) ||
		    check_add_overflow(range->offset, range->length, &end) ||
		    end > bar_size ||
		    check_add_overflow(b->size, range->length, &b->size) ||
		    b->size & DMA_IOVA_USE_SWIOTLB)
			return -EINVAL;
	}
	return 0;
}

static int bench_links(struct bench *b, const struct bench_method *method,
		       struct dma_buf_bench_run *r)
{
	struct pci_dev *pdev __free(pci_dev_put) = bench_get_pdev(&r->exporter);
	struct dma_buf_bench_range *ranges __free(kvfree) = NULL;
	int bar = r->exporter.bar;
	int ret;

	if (!pdev)
		return -ENODEV;
	if (bar >= PCI_STD_NUM_BARS || !r->nr_ranges ||
	    r->nr_ranges > DMA_BUF_BENCH_MAX_RANGES)
		return -EINVAL;
	if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM))
		return -EINVAL;

	ranges = vmemdup_array_user(u64_to_user_ptr(r->ranges), r->nr_ranges,
				    sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	b->bar = pci_resource_start(pdev, bar);
	b->ranges = ranges;
	b->nr_ranges = r->nr_ranges;
	ret = bench_check_ranges(b, pci_resource_len(pdev, bar));
	if (ret)
		return ret;
	return bench_measure(b, method, r);
}

static int bench_run(struct dma_buf_bench_run *r)
{
	struct pci_dev *pdev __free(pci_dev_put) = bench_get_pdev(&r->importer);
	const struct bench_method *method = bench_find_method(r->method);
	struct bench *b __free(kfree) = NULL;

	if (!method)
		return -EOPNOTSUPP;
	if (r->rounds > DMA_BUF_BENCH_MAX_ROUNDS)
		return -EINVAL;
	if (!pdev)
		return -ENODEV;

	b = kzalloc_obj(*b);
	if (!b)
		return -ENOMEM;
	ACQUIRE(device_intr, lock)(&pdev->dev);
	if (ACQUIRE_ERR(device_intr, &lock))
		return -ERESTARTSYS;
	if (!pdev->dev.driver)
		return -ENXIO;
	/* Then somebody else says what its DMA addresses mean */
	if (to_pci_driver(pdev->dev.driver)->driver_managed_dma)
		return -EBUSY;

	b->dev = &pdev->dev;
	if (method->attach)
		return bench_dmabuf(b, method, r);
	return bench_links(b, method, r);
}

static long bench_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;
	struct dma_buf_bench_run r;
	int ret;

	if (cmd != DMA_BUF_BENCH_RUN)
		return -ENOTTY;
	if (copy_from_user(&r, uarg, sizeof(r)))
		return -EFAULT;
	r.map_unmap_min = 0;
	r.map_unmap_median = 0;
	r.walk_median = 0;
	r.dma_ranges = 0;
	r.embedded = 0;
	ret = bench_run(&r);
	if (ret)
		return ret;
	return copy_to_user(uarg, &r, sizeof(r)) ? -EFAULT : 0;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bench_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice bench_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dma-buf-bench",
	.fops = &bench_fops,
	.mode = 0600,
};

/*
 * The driver that does nothing
 */

static int bench_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
}

static struct pci_driver bench_driver = {
	.name = "dma-buf-bench",
	.probe = bench_probe,
};

static int __init bench_init(void)
{
	int ret;

	ret = pci_register_driver(&bench_driver);
	if (ret)
		return ret;
	ret = misc_register(&bench_misc);
	if (ret)
		pci_unregister_driver(&bench_driver);
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	misc_deregister(&bench_misc);
	pci_unregister_driver(&bench_driver);
}
module_exit(bench_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("Measures mapping and unmapping of dma-bufs");
MODULE_LICENSE("GPL");
