// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export of one page of the device's BAR as a dma-buf.
 *
 * The page has no registers, so access to it has no effect. It stands for what
 * other devices export, doorbells and memory, and shows how access is revoked
 * when the user context is destroyed. Each context has one such page, at mmap
 * offset 0, although this driver does not support mmap.
 */
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <rdma/uverbs_ioctl.h>

#include "edu_ib.h"

static struct edu_ucontext *to_edu_ucontext(struct ib_ucontext *ibuctx)
{
	return container_of(ibuctx, struct edu_ucontext, ibuctx);
}

/**
 * edu_export_init - make the device's BAR available to other devices
 * @edu: device
 *
 * Return: 0, also if the kernel does not support that; or a negative errno.
 */
int edu_export_init(struct edu_dev *edu)
{
	int ret = pcim_p2pdma_init(edu->pdev);

	return ret == -EOPNOTSUPP ? 0 : ret;
}

int edu_alloc_ucontext(struct ib_ucontext *ibuctx, struct ib_udata *udata)
{
	int ret = ib_no_udata_io(udata);

	if (ret)
		return ret;
	return rdma_user_mmap_entry_insert(ibuctx,
					   &to_edu_ucontext(ibuctx)->page,
					   PAGE_SIZE);
}

static void edu_remove_page(struct edu_ucontext *ucontext)
{
	if (!test_and_set_bit(0, &ucontext->page_gone))
		rdma_user_mmap_entry_remove(&ucontext->page);
}

/* All dma-bufs of the page are dead by now */
void edu_dealloc_ucontext(struct ib_ucontext *ibuctx)
{
	edu_remove_page(to_edu_ucontext(ibuctx));
}

struct rdma_user_mmap_entry *
edu_pgoff_to_mmap_entry(struct ib_ucontext *ibuctx, off_t pg_off)
{
	return rdma_user_mmap_entry_get_pgoff(ibuctx, pg_off >> PAGE_SHIFT);
}

int edu_mmap_get_pfns(struct rdma_user_mmap_entry *entry, struct phys_vec *vec,
		      struct p2pdma_provider **provider)
{
	struct edu_dev *edu = to_edu_dev(entry->ucontext->device);
	struct pci_dev *pdev = edu->pdev;

	/* As if it were freed by another call of the program */
	if (READ_ONCE(edu->lose_page))
		edu_remove_page(to_edu_ucontext(entry->ucontext));
	*provider = pcim_p2pdma_provider(pdev, EDU_BAR);
	if (!*provider)
		return -EOPNOTSUPP;
	vec->paddr = pci_resource_start(pdev, EDU_BAR) + PAGE_SIZE;
	vec->len = PAGE_SIZE;
	return 0;
}
