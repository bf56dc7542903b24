// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/dma_buf_phys: what programs may ask about a dma-buf they have.
 *
 * The file has no state: holding a file descriptor of the dma-buf is the
 * permission check. An answer is put together under the reservation lock and
 * copied out after it, since user memory must not be touched under a lock that a
 * fault on it may need.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/limits.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <uapi/linux/dma-buf-phys.h>

#include "internal.h"

/* What each structure was when it first appeared; none may be shorter */
#define QUERY_SIZE_V1 offsetofend(struct dma_buf_phys_query, nr_mapped)
#define GROUP_SIZE_V1 offsetofend(struct dma_buf_phys_group_info, route)
#define WATCH_SIZE_V1 offsetofend(struct dma_buf_phys_watch, reserved)

/* For how many groups an exporter may have to wait */
#define QUERY_GROUPS_AT_ONCE 256u

/**
 * struct answer - the groups that a query is answered with
 * @infos: the groups, allocated
 * @room: how many fit into @infos
 * @nr: how many have been filled in
 */
struct answer {
	struct dma_buf_phys_group_info *infos;
	unsigned int room;
	unsigned int nr;
};

/* The kernel's enums are shown as they are */
static_assert((int)DMA_BUF_PHYS_LIVE == DMA_BUF_PHYS_QUERY_LIVE);
static_assert((int)DMA_BUF_PHYS_REVOKED == DMA_BUF_PHYS_QUERY_REVOKED);
static_assert((int)DMA_BUF_PHYS_DEAD == DMA_BUF_PHYS_QUERY_DEAD);
static_assert((int)DMA_BUF_PHYS_CPU == DMA_BUF_PHYS_QUERY_CPU);
static_assert((int)DMA_BUF_PHYS_P2P == DMA_BUF_PHYS_QUERY_P2P);
static_assert((int)DMA_BUF_PHYS_ENCRYPTED == DMA_BUF_PHYS_QUERY_ENCRYPTED);
static_assert((int)DMA_BUF_PHYS_WB == DMA_BUF_PHYS_QUERY_WB);
static_assert((int)DMA_BUF_PHYS_WC == DMA_BUF_PHYS_QUERY_WC);
static_assert((int)DMA_BUF_PHYS_UC == DMA_BUF_PHYS_QUERY_UC);

/* Copies a structure that begins with its size; a bad one has its errno */
static int get_arg(void *dst, size_t size, size_t min_size, void __user *arg,
		   u32 *usize)
{
	if (get_user(*usize, (u32 __user *)arg))
		return -EFAULT;
	if (*usize < min_size)
		return -EINVAL;
	if (*usize > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(dst, size, arg, *usize);
}

static int driver_has_mask(struct device_driver *driver, void *data)
{
	const struct pci_dev *pdev = data;

	return READ_ONCE(pdev->dev.driver) == driver &&
	       !to_pci_driver(driver)->driver_managed_dma;
}

/*
 * A device nobody drives, or that user space drives, has not said what addresses
 * it can send: its mask means nothing. Without the device's lock, which others only
 * try to take and fail: what comes back is of one moment. The walk keeps the driver.
 */
static bool mask_counts(struct pci_dev *pdev)
{
	return bus_for_each_drv(&pci_bus_type, NULL, pdev, driver_has_mask);
}

static u64 provider_address(const struct dma_buf_phys_group *group)
{
	struct pci_dev *pdev;

	if (!group->provider || !dev_is_pci(group->provider->owner))
		return DMA_BUF_PHYS_NO_DEVICE;
	pdev = to_pci_dev(group->provider->owner);
	return DMA_BUF_PHYS_PCI(pci_domain_nr(pdev->bus), pdev->bus->number,
				pdev->devfn);
}

static void query_groups(struct dma_buf_phys_list *list,
			 struct pci_dev *pdev, bool masked,
			 struct dma_buf_phys_group_info *infos,
			 unsigned int first, unsigned int nr)
{
	struct phys_asker asker = {
		.dev = pdev ? &pdev->dev : NULL,
		.masked = masked,
	};
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		const struct dma_buf_phys_group *group = &list->groups[i];

		infos[i].offset = group->offset;
		infos[i].length = group->length;
		infos[i].provider = provider_address(group);
		infos[i].nr_frags = group->nr_frags;
		infos[i].type = group->type;
		infos[i].attr = group->attr;
		if (pdev)
			infos[i].route = phys_dma_tell_route(&asker, list,
							     group);
	}
}

/* All but the groups. NULL if there is no list to be had, now or ever again. */
static struct dma_buf_phys_list *query_buffer(struct dma_buf_phys *phys,
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

	list = phys_get_list(phys);
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
 * Fills in @query, and @answer with as many groups as the caller has room for.
 *
 * An answer is of one moment, but an exporter must not wait for a long one: so
 * the lock is dropped every so many groups, and if the buffer has changed since,
 * the answer is begun anew.
 */
static int query_all(struct dma_buf_phys *phys, struct pci_dev *pdev,
		     struct dma_buf_phys_query *query, struct answer *answer)
{
	struct dma_resv *resv = phys->dmabuf->resv;
	const unsigned int max = query->groups ? query->nr_groups : 0;
	const bool masked = pdev && mask_counts(pdev);
	struct dma_buf_phys_list *list;
	u64 generation = 0;
	unsigned int nr;
	int ret;

	answer->nr = 0;
	do {
		ret = dma_resv_lock_interruptible(resv, NULL);
		if (ret)
			return ret;
		list = query_buffer(phys, query);
		nr = IS_ERR_OR_NULL(list) ? 0 : min(max, list->nr_groups);
		if (query->generation != generation)
			answer->nr = 0;
		generation = query->generation;
		if (nr <= answer->room) {
			nr = min(nr - answer->nr, QUERY_GROUPS_AT_ONCE);
			if (nr)
				query_groups(list, pdev, masked, answer->infos,
					     answer->nr, nr);
			answer->nr += nr;
			nr = min(max, query->nr_groups);
		}
		dma_resv_unlock(resv);

		if (IS_ERR(list))
			return PTR_ERR(list);
		if (nr > answer->room) {
			kvfree(answer->infos);
			answer->infos = kvcalloc(nr, sizeof(*answer->infos),
						 GFP_KERNEL_ACCOUNT |
						 __GFP_NOWARN);
			answer->room = answer->infos ? nr : 0;
			answer->nr = 0;
			if (!answer->infos)
				return -ENOMEM;
		}
	} while (answer->nr < nr);
	return 0;
}

static int query_copy_groups(const struct dma_buf_phys_query *query,
			     const struct answer *answer)
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

static int check_query(const struct dma_buf_phys_query *query)
{
	if (query->flags & ~DMA_BUF_PHYS_QUERY_ROUTE)
		return -EINVAL;
	if (query->device && !(query->flags & DMA_BUF_PHYS_QUERY_ROUTE))
		return -EINVAL;
	if (!query->groups)
		return query->group_size ? -EINVAL : 0;
	if (query->group_size < GROUP_SIZE_V1 || query->group_size > PAGE_SIZE)
		return -EINVAL;
	return 0;
}

/* With a reference; NULL: none is asked for */
static struct pci_dev *find_device(const struct dma_buf_phys_query *query)
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

static int query_dmabuf(struct dma_buf *dmabuf,
			struct dma_buf_phys_query *query, struct answer *answer)
{
	struct dma_buf_phys *phys = phys_from_dmabuf(dmabuf);
	struct pci_dev *pdev;
	int ret;

	if (!phys)
		return -EOPNOTSUPP;
	pdev = find_device(query);
	if (IS_ERR(pdev))
		return PTR_ERR(pdev);
	ret = query_all(phys, pdev, query, answer);
	pci_dev_put(pdev);
	return ret;
}

static long query_ioctl(void __user *arg)
{
	struct dma_buf_phys_query query;
	struct answer answer = {};
	struct dma_buf *dmabuf;
	u32 usize;
	int ret;

	ret = get_arg(&query, sizeof(query), QUERY_SIZE_V1, arg, &usize);
	if (!ret)
		ret = check_query(&query);
	if (ret)
		return ret;

	dmabuf = dma_buf_get(query.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = query_dmabuf(dmabuf, &query, &answer);
	dma_buf_put(dmabuf);
	if (!ret)
		ret = query_copy_groups(&query, &answer);
	if (!ret)
		ret = copy_struct_to_user(arg, usize, &query, sizeof(query),
					  NULL);
	kvfree(answer.infos);
	return ret;
}

static long watch_ioctl(void __user *arg)
{
	struct dma_buf_phys_watch watch;
	struct dma_buf *dmabuf;
	u32 usize;
	int ret;

	ret = get_arg(&watch, sizeof(watch), WATCH_SIZE_V1, arg, &usize);
	if (ret)
		return ret;
	if (watch.reserved)
		return -EINVAL;

	dmabuf = dma_buf_get(watch.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = phys_watch(dmabuf, watch.flags);
	dma_buf_put(dmabuf);
	return ret;
}

static long phys_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case DMA_BUF_PHYS_IOC_QUERY:
		return query_ioctl((void __user *)arg);
	case DMA_BUF_PHYS_IOC_WATCH:
		return watch_ioctl((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations query_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = phys_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

/* For everybody: a question takes a file descriptor of the buffer */
static struct miscdevice query_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dma_buf_phys",
	.fops = &query_fops,
	.mode = 0666,
};

int __init phys_query_init(void)
{
	return misc_register(&query_device);
}

void phys_query_exit(void)
{
	misc_deregister(&query_device);
}
