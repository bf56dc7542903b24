// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/dma_buf_phys: queries about dma-bufs.
 *
 * The file has no state: holding a file descriptor of the dma-buf is the
 * permission check. The answer is assembled under the reservation lock and
 * copied to userspace after it was dropped, because a fault on the user's
 * memory may need that lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-resv.h>
#include <linux/limits.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-buf-phys.h>

#include "internal.h"

/* Sizes of the first version of each structure, which are the minimum */
#define PHYS_QUERY_SIZE_V1 offsetofend(struct dma_buf_phys_query, nr_mapped)
#define PHYS_GROUP_SIZE_V1 offsetofend(struct dma_buf_phys_group_info, route)
#define PHYS_WATCH_SIZE_V1 offsetofend(struct dma_buf_phys_watch, reserved)

/* Groups described per critical section, which an exporter may have to wait for */
#define PHYS_QUERY_GROUPS_PER_PASS 256u

/**
 * struct phys_answer - the groups to be copied to userspace
 * @infos: allocated array of groups, or NULL
 * @max: number of elements of @infos
 * @nr: number of elements that have been filled in
 */
struct phys_answer {
	struct dma_buf_phys_group_info *infos;
	unsigned int max;
	unsigned int nr;
};

/* The kernel's enums are passed to userspace unchanged */
static_assert((int)DMA_BUF_PHYS_LIVE == DMA_BUF_PHYS_QUERY_LIVE);
static_assert((int)DMA_BUF_PHYS_REVOKED == DMA_BUF_PHYS_QUERY_REVOKED);
static_assert((int)DMA_BUF_PHYS_DEAD == DMA_BUF_PHYS_QUERY_DEAD);
static_assert((int)DMA_BUF_PHYS_CPU == DMA_BUF_PHYS_QUERY_CPU);
static_assert((int)DMA_BUF_PHYS_P2P == DMA_BUF_PHYS_QUERY_P2P);
static_assert((int)DMA_BUF_PHYS_ENCRYPTED == DMA_BUF_PHYS_QUERY_ENCRYPTED);
static_assert((int)DMA_BUF_PHYS_WB == DMA_BUF_PHYS_QUERY_WB);
static_assert((int)DMA_BUF_PHYS_WC == DMA_BUF_PHYS_QUERY_WC);
static_assert((int)DMA_BUF_PHYS_UC == DMA_BUF_PHYS_QUERY_UC);

/* Copy a structure that starts with its size from userspace */
static int phys_query_get_arg(void *dst, size_t size, size_t min_size,
			      void __user *arg, u32 *usize)
{
	if (get_user(*usize, (u32 __user *)arg))
		return -EFAULT;
	if (*usize < min_size)
		return -EINVAL;
	if (*usize > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(dst, size, arg, *usize);
}

static int phys_driver_has_mask(struct device_driver *driver, void *data)
{
	const struct pci_dev *pdev = data;

	/* The device lock is not held: it may be binding or unbinding */
	return READ_ONCE(pdev->dev.driver) == driver &&
	       !to_pci_driver(driver)->driver_managed_dma;
}

/*
 * The DMA mask of a device is meaningless unless a kernel driver is bound that
 * has set it. Not under the device lock, since others that only trylock it
 * would fail; the answer is a snapshot anyway. The walk keeps the driver
 * around.
 */
static bool phys_device_has_mask(struct pci_dev *pdev)
{
	return bus_for_each_drv(&pci_bus_type, NULL, pdev, phys_driver_has_mask);
}

static u64 phys_provider_address(const struct dma_buf_phys_group *group)
{
	struct pci_dev *pdev;

	if (!group->provider || !dev_is_pci(group->provider->owner))
		return DMA_BUF_PHYS_NO_DEVICE;
	pdev = to_pci_dev(group->provider->owner);
	return DMA_BUF_PHYS_PCI(pci_domain_nr(pdev->bus), pdev->bus->number,
				pdev->devfn);
}

static void phys_query_groups(struct dma_buf_phys_list *list,
			      struct pci_dev *pdev, bool has_mask,
			 struct dma_buf_phys_group_info *infos,
			 unsigned int first, unsigned int nr)
{
	struct phys_route_query route_query = {
		.dev = pdev ? &pdev->dev : NULL,
		.has_mask = has_mask,
	};
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		const struct dma_buf_phys_group *group = &list->groups[i];

		infos[i].offset = group->offset;
		infos[i].length = group->length;
		infos[i].provider = phys_provider_address(group);
		infos[i].nr_frags = group->nr_frags;
		infos[i].type = group->type;
		infos[i].attr = group->attr;
		if (pdev)
			infos[i].route = dma_buf_phys_query_group(&route_query, list,
								  group);
	}
}

/* Fill in @query, except the groups. Returns NULL if there is no list. */
static struct dma_buf_phys_list *phys_query_buffer(struct dma_buf_phys *phys,
						   struct dma_buf_phys_query *query)
{
	struct dma_buf *dmabuf = phys->dmabuf;
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(dmabuf->resv);

	query->state = phys->state;
	query->length = dmabuf->size;
	query->generation = phys->generation;
	query->nr_importers = list_count_nodes(&phys->attachments) +
			      list_count_nodes(&dmabuf->attachments);
	query->nr_behind = phys->nr_behind;
	query->nr_failed = phys->nr_failed;
	query->nr_groups = 0;
	query->nr_frags = 0;
	query->nr_mapped = 0;

	list = dma_buf_phys_get_list(phys);
	if (list == ERR_PTR(-ENODEV))
		return NULL;
	if (!IS_ERR(list)) {
		query->nr_groups = list->nr_groups;
		query->nr_frags = list->nr_frags;
		query->nr_mapped = list->nr_mapped;
	}
	return list;
}

/*
 * Fill in @query, and @answer with as many groups as the caller has room for.
 *
 * The answer has to be consistent, but it may be long, and an exporter must not
 * have to wait for it. So drop the lock every PHYS_QUERY_GROUPS_PER_PASS
 * groups, and start over if the buffer has changed meanwhile.
 */
static int phys_query_all(struct dma_buf_phys *phys, struct pci_dev *pdev,
			  struct dma_buf_phys_query *query, struct phys_answer *answer)
{
	struct dma_resv *resv = phys->dmabuf->resv;
	const unsigned int max = query->groups ? query->nr_groups : 0;
	const bool has_mask = pdev && phys_device_has_mask(pdev);
	struct dma_buf_phys_list *list;
	u64 generation = 0;
	unsigned int nr;

	answer->nr = 0;
	do {
		if (dma_resv_lock_interruptible(resv, NULL))
			return -ERESTARTSYS;
		list = phys_query_buffer(phys, query);
		nr = IS_ERR_OR_NULL(list) ? 0 : min(max, list->nr_groups);
		if (query->generation != generation)
			answer->nr = 0;
		generation = query->generation;
		if (nr <= answer->max) {
			nr = min(nr - answer->nr, PHYS_QUERY_GROUPS_PER_PASS);
			if (nr)
				phys_query_groups(list, pdev, has_mask, answer->infos,
						  answer->nr, nr);
			answer->nr += nr;
			nr = min(max, query->nr_groups);
		}
		dma_resv_unlock(resv);

		if (IS_ERR(list))
			return PTR_ERR(list);
		if (nr > answer->max) {
			kvfree(answer->infos);
			answer->infos = kvcalloc(nr, sizeof(*answer->infos),
						 GFP_KERNEL_ACCOUNT |
						 __GFP_NOWARN);
			answer->max = answer->infos ? nr : 0;
			answer->nr = 0;
			if (!answer->infos)
				return -ENOMEM;
		}
	} while (answer->nr < nr);
	return 0;
}

static int phys_query_copy_groups(const struct dma_buf_phys_query *query,
				  const struct phys_answer *answer)
{
	u8 __user *to = u64_to_user_ptr(query->groups);
	unsigned int i;

	for (i = 0; i < answer->nr; i++, to += query->group_size) {
		if (copy_struct_to_user(to, query->group_size,
					&answer->infos[i],
					sizeof(*answer->infos), NULL))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

static int phys_query_check(const struct dma_buf_phys_query *query)
{
	if (query->flags & ~DMA_BUF_PHYS_QUERY_ROUTE)
		return -EINVAL;
	if (query->device && !(query->flags & DMA_BUF_PHYS_QUERY_ROUTE))
		return -EINVAL;
	if (!query->groups)
		return query->group_size ? -EINVAL : 0;
	if (query->group_size < PHYS_GROUP_SIZE_V1 || query->group_size > PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/* Returns the device with a reference, or NULL if no route is asked for */
static struct pci_dev *phys_query_find_device(const struct dma_buf_phys_query *query)
{
	const u64 domain = query->device >> 16;
	struct pci_dev *pdev;

	if (!(query->flags & DMA_BUF_PHYS_QUERY_ROUTE))
		return NULL;
	if (domain > INT_MAX)
		return ERR_PTR(-ENXIO);
	pdev = pci_get_domain_bus_and_slot(domain, query->device >> 8 & 0xff,
					   query->device & 0xff);
	return pdev ?: ERR_PTR(-ENXIO);
}

/*
 * A VF, which has the route of its PF, points to that without a reference once it is
 * removed. So look for the PF among all devices. Returns it with a reference, @pdev
 * itself if that is no VF, or NULL if the PF has gone.
 */
static struct pci_dev *phys_query_get_physfn(struct pci_dev *pdev)
{
	const struct pci_dev *physfn = pci_physfn(pdev);
	struct pci_dev *found = NULL;

	if (physfn == pdev)
		return pci_dev_get(pdev);
	for_each_pci_dev(found)
		if (found == physfn)
			break;
	return found;
}

/*
 * The route depends on the registers of the ports above, which read as all ones below
 * a port in D3. The bus has a reference to its bridge.
 */
static int phys_query_route(struct dma_buf_phys *phys, struct pci_dev *pdev,
			    struct dma_buf_phys_query *query, struct phys_answer *answer)
{
	struct pci_dev *physfn = phys_query_get_physfn(pdev);
	int ret;

	if (!physfn)
		return -ENXIO;
	pm_runtime_get_sync(physfn->bus->bridge);
	ret = phys_query_all(phys, pdev, query, answer);
	pm_runtime_put(physfn->bus->bridge);
	pci_dev_put(physfn);
	return ret;
}

static int phys_query_dmabuf(struct dma_buf *dmabuf,
			     struct dma_buf_phys_query *query, struct phys_answer *answer)
{
	struct dma_buf_phys *phys = dma_buf_phys_lookup(dmabuf);
	struct pci_dev *pdev;
	int ret;

	if (!phys)
		return -EOPNOTSUPP;
	pdev = phys_query_find_device(query);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	if (pdev)
		ret = phys_query_route(phys, pdev, query, answer);
	else
		ret = phys_query_all(phys, NULL, query, answer);
	pci_dev_put(pdev);
	return ret;
}

static long phys_query_ioctl(void __user *arg)
{
	struct dma_buf_phys_query query;
	struct phys_answer answer = {};
	struct dma_buf *dmabuf;
	u32 usize;
	int ret;

	ret = phys_query_get_arg(&query, sizeof(query), PHYS_QUERY_SIZE_V1, arg, &usize);
	if (!ret)
		ret = phys_query_check(&query);
	if (ret)
		return ret;

	dmabuf = dma_buf_get(query.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = phys_query_dmabuf(dmabuf, &query, &answer);
	dma_buf_put(dmabuf);
	if (!ret)
		ret = phys_query_copy_groups(&query, &answer);
	if (!ret)
		ret = copy_struct_to_user(arg, usize, &query, sizeof(query),
					  NULL);
	kvfree(answer.infos);
	return ret;
}

static long phys_watch_ioctl(void __user *arg)
{
	struct dma_buf_phys_watch watch;
	struct dma_buf *dmabuf;
	u32 usize;
	int ret;

	ret = phys_query_get_arg(&watch, sizeof(watch), PHYS_WATCH_SIZE_V1, arg, &usize);
	if (ret)
		return ret;
	if (watch.reserved)
		return -EINVAL;

	dmabuf = dma_buf_get(watch.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = dma_buf_phys_watch_fd(dmabuf, watch.flags);
	dma_buf_put(dmabuf);
	return ret;
}

static long phys_chardev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case DMA_BUF_PHYS_IOC_QUERY:
		return phys_query_ioctl((void __user *)arg);
	case DMA_BUF_PHYS_IOC_WATCH:
		return phys_watch_ioctl((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations phys_chardev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = phys_chardev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* For all users: what matters is having a file descriptor of the dma-buf */
static struct miscdevice phys_chardev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dma_buf_phys",
	.fops = &phys_chardev_fops,
	.mode = 0666,
};

/*
 * Exporters and importers need nothing of this. If they are built in they still
 * work when this fails, or before it has run: there are no queries, that is
 * all.
 */
static int __init phys_init(void)
{
	int ret;

	ret = misc_register(&phys_chardev);
	if (ret) {
		pr_err("cannot register /dev/dma_buf_phys (error %d), queries and watches are not available\n",
		       ret);
		return ret;
	}
	dma_buf_phys_debugfs_init();
	return 0;
}
module_init(phys_init);

static void __exit phys_exit(void)
{
	dma_buf_phys_debugfs_exit();
	misc_deregister(&phys_chardev);
}
module_exit(phys_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("DMA-BUF physical lists");
MODULE_LICENSE("GPL");
