// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical lists for the dma-bufs of a udmabuf driver that is built into the kernel.
 *
 * Such a dma-buf is adopted when somebody first asks whether it has a list. Its
 * operations become a copy of the driver's in which release ends the physical side
 * first, and its owner becomes this module, which stays loaded that way. The dma-buf
 * core looks the operations up again for each call, and both sets do the same, so
 * that it does not matter which of them a caller sees.
 *
 * The driver keeps the pages pinned while the dma-buf exists. Which they are is read
 * off a kernel mapping: that is part of every dma-buf's interface, unlike what is
 * private to the driver. It is made for as long as that takes. What devices and
 * guests wrote is marked dirty on release, which reads the list: that stays until
 * then, as nobody moves or kills such a buffer.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

/**
 * struct adopted - the physical side of a dma-buf that is not ours
 * @phys: what importers get
 * @theirs: operations of the driver
 * @ops: operations of the dma-buf now
 */
struct adopted {
	struct dma_buf_phys phys;
	const struct dma_buf_ops *theirs;
	struct dma_buf_ops ops;
};

static DEFINE_MUTEX(adopt_lock);

static struct page *mapped_page(const struct iosys_map *map, size_t offset)
{
	void *addr = map->vaddr + offset;

	return is_vmalloc_addr(addr) ? vmalloc_to_page(addr) :
				       virt_to_page(addr);
}

static void mark_dirty(const struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_iter iter;
	unsigned long pfn, end;
	struct folio *folio;

	dma_buf_phys_for_each_frag(&iter, list, 0, list->size) {
		pfn = PHYS_PFN(iter.paddr);
		end = pfn + (iter.length >> PAGE_SHIFT);
		while (pfn < end) {
			folio = page_folio(pfn_to_page(pfn));
			folio_mark_dirty_lock(folio);
			pfn = folio_pfn(folio) + folio_nr_pages(folio);
		}
	}
}

static void adopted_release(struct dma_buf *dmabuf)
{
	struct adopted *adopted =
		container_of(dmabuf->ops, struct adopted, ops);
	const struct dma_buf_ops *theirs = adopted->theirs;

	if (adopted->phys.list)
		mark_dirty(adopted->phys.list);
	dma_buf_phys_fini(&adopted->phys);
	dmabuf->ops = theirs;
	kfree(adopted);
	/* The core lets go of the module when this has returned */
	theirs->release(dmabuf);
}

static struct dma_buf_phys_list *adopted_get_list(struct dma_buf_phys *phys)
{
	struct adopted *adopted = container_of(phys, struct adopted, phys);
	struct dma_buf *dmabuf = phys->dmabuf;
	struct dma_buf_phys_builder b;
	struct iosys_map map = {};
	size_t offset;
	int ret;

	dma_resv_assert_held(dmabuf->resv);

	ret = adopted->theirs->vmap(dmabuf, &map);
	if (ret)
		return ERR_PTR(ret);
	/* How many folios there are nobody says: far fewer than pages, perhaps */
	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB, NULL);
	for (offset = 0; offset < dmabuf->size; offset += PAGE_SIZE)
		dma_buf_phys_add_frag(&b,
				      page_to_phys(mapped_page(&map, offset)),
				      PAGE_SIZE);
	adopted->theirs->vunmap(dmabuf, &map);
	return dma_buf_phys_seal(&b, dmabuf->size);
}

static const struct dma_buf_phys_ops adopted_phys_ops = {
	.get_list = adopted_get_list,
};

static struct dma_buf_phys *adopted_phys(struct dma_buf *dmabuf)
{
	/* Pairs with smp_store_release() in dma_buf_phys_adopt() */
	const struct dma_buf_ops *ops = smp_load_acquire(&dmabuf->ops);

	if (ops->release != adopted_release)
		return NULL;
	return &container_of(ops, struct adopted, ops)->phys;
}

/**
 * dma_buf_phys_adopt - the physical side of a dma-buf of the kernel's own udmabuf
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * Return: what importers get; NULL if the dma-buf is another driver's or memory is
 * short.
 */
struct dma_buf_phys *dma_buf_phys_adopt(struct dma_buf *dmabuf)
{
	struct dma_buf_phys *phys = adopted_phys(dmabuf);
	struct adopted *adopted;

	if (phys)
		return phys;
	if (strcmp(dmabuf->exp_name, "udmabuf"))
		return NULL;

	guard(mutex)(&adopt_lock);
	phys = adopted_phys(dmabuf);
	if (phys)
		return phys;
	/*
	 * A module of that name could be unloaded while its operations are in use.
	 * Under the lock, since it is us whom somebody else may have made the owner.
	 */
	if (dmabuf->owner || !dmabuf->ops->vmap || !dmabuf->ops->vunmap)
		return NULL;
	adopted = kzalloc_obj(*adopted, GFP_KERNEL_ACCOUNT);
	if (!adopted)
		return NULL;
	adopted->theirs = dmabuf->ops;
	adopted->ops = *dmabuf->ops;
	adopted->ops.release = adopted_release;
	dma_buf_phys_init(&adopted->phys, dmabuf, &adopted_phys_ops);
	__module_get(THIS_MODULE);
	dmabuf->owner = THIS_MODULE;
	/* Pairs with smp_load_acquire() in adopted_phys() */
	smp_store_release(&dmabuf->ops, (const struct dma_buf_ops *)&adopted->ops);
	return &adopted->phys;
}

/* For who asks for the module it is elsewhere; /dev/udmabuf is there anyway */
MODULE_ALIAS("udmabuf");
