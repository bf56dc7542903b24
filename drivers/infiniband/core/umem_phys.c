// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory that is a dma-buf with a physical list.
 *
 * The framework maps what the umem covers of the dma-buf for the device. The DMA
 * ranges of that mapping, one behind an IOMMU, become a scatterlist without pages,
 * so that everything that walks the table of a umem works as it is. Where
 * umem_dmabuf.c would call dma-buf it calls this file, which does the same for
 * dma-bufs without a list.
 *
 * Drivers need not know. They get a struct dma_buf_attachment that is attached to
 * nothing: it carries the dma-buf, the device and their callbacks, which is all
 * they look at. The exporter never sees it, so pins go through the framework as
 * well.
 *
 * The exporter may move the memory or take it away at any time. So this is for
 * importers that can be told: dynamic ones, which unmap and map again at their
 * next use, and pinned revocable ones, which keep the memory where it is and for
 * which a revoke is the end. Pinned importers without a callback use the
 * scatterlist method, and the exporter accepts or refuses them.
 *
 * A region that nobody may write through is mapped for reading only, so it can be
 * registered from a dma-buf that is read-only. The scatterlist method maps every
 * region for both directions.
 *
 * Apart from attach and detach, callers hold the reservation lock.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-resv.h>
#include <linux/math64.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <rdma/ib_umem.h>
#include <rdma/ib_umem_phys.h>

/* Bytes of a scatterlist entry: at most 32 bits, and aligned as blocks are */
#define IB_UMEM_PHYS_MAX_SG	SZ_2G

/**
 * struct ib_umem_phys - the physical side of a umem
 * @fake: what drivers take for their attachment
 * @at: the real one
 * @dma: mapping of what the umem covers; valid while &ib_umem_dmabuf.sgt is set
 * @sgt: its DMA ranges, behind entries for what precedes them in the dma-buf
 */
struct ib_umem_phys {
	struct dma_buf_attachment fake;
	struct dma_buf_phys_attachment *at;
	struct dma_buf_phys_dma dma;
	struct sg_table sgt;
};

/* In whole pages, as for every umem */
static u64 ib_umem_phys_start(const struct ib_umem *umem)
{
	return ALIGN_DOWN(umem->address, PAGE_SIZE);
}

static u64 ib_umem_phys_length(const struct ib_umem *umem)
{
	return ALIGN(umem->address + umem->length, PAGE_SIZE) -
	       ib_umem_phys_start(umem);
}

static void ib_umem_phys_notify(struct dma_buf_phys_attachment *at,
				enum dma_buf_phys_event event)
{
	struct ib_umem_dmabuf *umem_dmabuf = at->priv;
	struct dma_buf_attachment *fake = &umem_dmabuf->phys->fake;

	/* Drivers map again when they need the memory */
	if (event != DMA_BUF_PHYS_EV_RESTORE)
		fake->importer_ops->invalidate_mappings(fake);
}

static struct device *
ib_umem_phys_device(struct dma_buf_phys_attachment *at)
{
	struct ib_umem_dmabuf *umem_dmabuf = at->priv;

	return umem_dmabuf->phys->fake.dev;
}

/* Drivers have stopped when their callback returns: none leaves a fence */
static const struct dma_buf_phys_importer_ops ib_umem_phys_importer_ops = {
	.name = "ib_core",
	.device = ib_umem_phys_device,
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P),
	.notify = ib_umem_phys_notify,
};

/**
 * ib_umem_phys_attach - attach a umem to a dma-buf
 * @dmabuf: dma-buf; the caller holds a reference until it has detached
 * @dev: device that will do the DMA
 * @ops: callbacks of the driver, which may be called before this returns
 * @umem_dmabuf: umem, complete except for its attachment
 *
 * Return: an attachment for the driver to look at; -EACCES if the umem is writable
 * and the dma-buf is not; or an error of dma_buf_phys_attach() or
 * dma_buf_dynamic_attach().
 */
struct dma_buf_attachment *
ib_umem_phys_attach(struct dma_buf *dmabuf, struct device *dev,
		    const struct dma_buf_attach_ops *ops,
		    struct ib_umem_dmabuf *umem_dmabuf)
{
	struct dma_buf_phys_attachment *at;
	struct ib_umem_phys *phys;

	if (!dma_buf_has_phys(dmabuf))
		goto by_scatterlist;
	if (umem_dmabuf->umem.writable && !dma_buf_phys_is_writable(dmabuf))
		return ERR_PTR(-EACCES);
	if (!ops->allow_peer2peer || !ops->invalidate_mappings)
		goto by_scatterlist;
	/* No device, or one whose caches the exporter has to maintain */
	if (!dev || !dev_is_dma_coherent(dev))
		goto by_scatterlist;

	phys = kzalloc_obj(*phys);
	if (!phys)
		return ERR_PTR(-ENOMEM);
	phys->fake = (struct dma_buf_attachment){
		.dmabuf = dmabuf,
		.dev = dev,
		.peer2peer = true,
		.importer_ops = ops,
		.importer_priv = umem_dmabuf,
	};
	umem_dmabuf->phys = phys;
	umem_dmabuf->attach = &phys->fake;

	at = dma_buf_phys_attach(dmabuf, &ib_umem_phys_importer_ops,
				 umem_dmabuf);
	if (!IS_ERR(at)) {
		phys->at = at;
		return &phys->fake;
	}
	/* A callback may run before dma_buf_dynamic_attach() returns */
	umem_dmabuf->attach = NULL;
	umem_dmabuf->phys = NULL;
	kfree(phys);
	if (at != ERR_PTR(-EOPNOTSUPP))
		return ERR_CAST(at);

by_scatterlist:
	return dma_buf_dynamic_attach(dmabuf, dev, ops, umem_dmabuf);
}

/**
 * ib_umem_phys_detach - undo ib_umem_phys_attach()
 * @umem_dmabuf: umem, not mapped
 */
void ib_umem_phys_detach(struct ib_umem_dmabuf *umem_dmabuf)
{
	struct ib_umem_phys *phys = umem_dmabuf->phys;

	if (!phys) {
		dma_buf_detach(umem_dmabuf->attach->dmabuf,
			       umem_dmabuf->attach);
		return;
	}
	dma_buf_phys_detach(phys->at);
	kfree(phys);
}

/**
 * ib_umem_phys_pin - keep the memory of a umem where it is
 * @umem_dmabuf: umem, attached and not mapped
 *
 * Return: 0 or an error of dma_buf_pin().
 */
int ib_umem_phys_pin(struct ib_umem_dmabuf *umem_dmabuf)
{
	/*
	 * An invalidation between attach and pin found nothing mapped and nothing
	 * pinned. Taken for a revoke, it would make the release skip the unpin.
	 */
	umem_dmabuf->revoked = 0;
	if (!umem_dmabuf->phys)
		return dma_buf_pin(umem_dmabuf->attach);
	dma_buf_phys_pin(umem_dmabuf->phys->at);
	return 0;
}

/**
 * ib_umem_phys_unpin - undo ib_umem_phys_pin()
 * @umem_dmabuf: umem, not mapped
 */
void ib_umem_phys_unpin(struct ib_umem_dmabuf *umem_dmabuf)
{
	if (umem_dmabuf->phys)
		dma_buf_phys_unpin(umem_dmabuf->phys->at);
	else
		dma_buf_unpin(umem_dmabuf->attach);
}

/*
 * Append entries for a range after @sg, and count those that a table lacks. In
 * between ib_umem_dmabuf_map_pages() finds the start of the umem by adding up
 * lengths, as if the whole dma-buf were mapped.
 */
static unsigned int ib_umem_phys_append(struct scatterlist **sg,
					dma_addr_t addr, u64 length)
{
	unsigned int nents = 0;

	while (length) {
		/* End at multiples, where large blocks end as well */
		u64 len = min(length, IB_UMEM_PHYS_MAX_SG -
				      (addr & (IB_UMEM_PHYS_MAX_SG - 1)));

		if (*sg) {
			sg_dma_address(*sg) = addr;
			sg_dma_len(*sg) = len;
			*sg = sg_next(*sg);
		}
		nents++;
		addr += len;
		length -= len;
	}
	return nents;
}

/* Returns how many entries a mapping takes. Adjacent ranges are one. */
static u64 ib_umem_phys_fill(struct ib_umem_phys *phys, u64 start, u64 length,
			     struct scatterlist *sg)
{
	u64 nents = ib_umem_phys_append(&sg, 0, start);
	struct dma_buf_phys_dma_iter iter;
	dma_addr_t addr = 0;
	u64 len = 0;

	dma_buf_phys_for_each_dma(&iter, &phys->dma, 0, length) {
		if (len && addr + len == iter.addr) {
			len += iter.length;
			continue;
		}
		nents += ib_umem_phys_append(&sg, addr, len);
		addr = iter.addr;
		len = iter.length;
	}
	return nents + ib_umem_phys_append(&sg, addr, len);
}

/*
 * A revoke waits for the reservation lock, which is held here. A task above
 * memory.high that allocates sleeps for seconds, every few hundred KiB; with
 * GFP_NOWAIT it does so on its return to userspace, where it holds no locks. So
 * block only if that fails.
 */
static int ib_umem_phys_alloc_table(struct sg_table *sgt, unsigned int nents)
{
	int ret = sg_alloc_table(sgt, nents, GFP_NOWAIT | __GFP_ACCOUNT);

	return ret ? sg_alloc_table(sgt, nents, GFP_KERNEL_ACCOUNT) : 0;
}

/*
 * Walking the ranges costs more than anything else here, so it is not done to count
 * them. The first guess is too low only if some of them cross a multiple of the size
 * of an entry, and then the fill tells how many entries it takes.
 */
static int ib_umem_phys_make_table(struct ib_umem_phys *phys, u64 start,
				   u64 length)
{
	u64 max, nents = dma_buf_phys_dma_max_ranges(&phys->dma) + 2 +
			 div_u64(start + length, IB_UMEM_PHYS_MAX_SG);
	int ret;

	do {
		max = nents;
		if (max > INT_MAX)
			return -ENOMEM;
		ret = ib_umem_phys_alloc_table(&phys->sgt, max);
		if (ret)
			return ret;
		nents = ib_umem_phys_fill(phys, start, length, phys->sgt.sgl);
		if (nents > max)
			sg_free_table(&phys->sgt);
	} while (nents > max);
	phys->sgt.nents = nents;
	return 0;
}

/**
 * ib_umem_phys_map - map what a umem covers of its dma-buf
 * @umem_dmabuf: umem, not mapped
 *
 * Return: a table with the DMA ranges, in which what precedes the umem in the
 * dma-buf has a length but no address; or an error of dma_buf_phys_dma_map() or
 * dma_buf_map_attachment().
 */
struct sg_table *ib_umem_phys_map(struct ib_umem_dmabuf *umem_dmabuf)
{
	struct ib_umem_phys *phys = umem_dmabuf->phys;
	struct ib_umem *umem = &umem_dmabuf->umem;
	u64 start = ib_umem_phys_start(umem);
	u64 length = ib_umem_phys_length(umem);
	int ret;

	if (!phys)
		return dma_buf_map_attachment(umem_dmabuf->attach,
					      DMA_BIDIRECTIONAL);

	ret = dma_buf_phys_dma_map(phys->at, phys->fake.dev, start, length,
				   umem->writable ? DMA_BIDIRECTIONAL :
						    DMA_TO_DEVICE, &phys->dma);
	if (ret)
		return ERR_PTR(ret);
	ret = ib_umem_phys_make_table(phys, start, length);
	if (ret) {
		dma_buf_phys_dma_unmap(&phys->dma);
		return ERR_PTR(ret);
	}
	return &phys->sgt;
}

/**
 * ib_umem_phys_unmap - undo ib_umem_phys_map()
 * @umem_dmabuf: umem, which the device no longer uses
 */
void ib_umem_phys_unmap(struct ib_umem_dmabuf *umem_dmabuf)
{
	struct ib_umem_phys *phys = umem_dmabuf->phys;

	if (!phys) {
		dma_buf_unmap_attachment(umem_dmabuf->attach, umem_dmabuf->sgt,
					 DMA_BIDIRECTIONAL);
		return;
	}
	dma_buf_phys_dma_unmap(&phys->dma);
	sg_free_table(&phys->sgt);
	/* It may be looked at until the next mapping */
	umem_dmabuf->umem.sgt_append.sgt.sgl = NULL;
	umem_dmabuf->umem.sgt_append.sgt.nents = 0;
}
