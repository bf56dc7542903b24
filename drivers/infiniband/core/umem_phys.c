// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory that is a dma-buf with a physical list.
 *
 * Such a umem has no scatterlist. What it covers of the dma-buf is mapped for
 * the device by the framework, and whoever asks for blocks or for the best page
 * size is served from the DMA ranges of that mapping: one range behind an IOMMU,
 * however many pieces the memory has.
 *
 * Drivers need not know. They get a struct dma_buf_attachment that is attached
 * to nothing: it carries the dma-buf, the device and their callbacks, which is
 * what they look at. The exporter never sees it: it would not know it, so pins
 * go through the framework, too. &ib_umem_dmabuf.sgt is set while the memory is
 * mapped; the
 * table it points to has no entries, but an address for
 * ib_umem_start_dma_addr().
 *
 * The exporter may move the memory or take it away at any time, so this is for
 * importers that can be told: the dynamic flavour, whose driver unmaps and maps
 * again when it next needs the memory, and the pinned revocable one, which does
 * not let it move and for which a revoke is the end. The pinned flavour without
 * a callback goes by scatterlist and is for the exporter to accept or to refuse.
 *
 * A region that nobody may write through is mapped for reading only, so that
 * also a dma-buf can be registered that may not be written to. By scatterlist it
 * cannot: there every region is mapped for both.
 *
 * All of it is under the reservation lock, but for attach and detach.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <rdma/ib_umem.h>
#include <rdma/ib_umem_phys.h>

/**
 * struct ib_umem_phys - what a umem has instead of a scatterlist
 * @attach: stands in for the attachment that drivers expect
 * @at: the real one
 * @dma: the mapping, valid while &ib_umem_dmabuf.sgt is set
 * @first: its first DMA address
 */
struct ib_umem_phys {
	struct dma_buf_attachment attach;
	struct dma_buf_phys_attachment *at;
	struct dma_buf_phys_dma dma;
	struct scatterlist first;
};

/* The mapping of a umem, or NULL if it is not of this kind or not mapped */
static struct dma_buf_phys_dma *umem_dma(struct ib_umem *umem)
{
	struct ib_umem_dmabuf *umem_dmabuf;

	if (!umem->is_dmabuf)
		return NULL;
	umem_dmabuf = to_ib_umem_dmabuf(umem);
	if (!umem_dmabuf->phys || !umem_dmabuf->sgt)
		return NULL;
	return &umem_dmabuf->phys->dma;
}

/* Whole pages, as every umem */
static u64 umem_start(const struct ib_umem *umem)
{
	return ALIGN_DOWN(umem->address, PAGE_SIZE);
}

static u64 umem_length(const struct ib_umem *umem)
{
	return ALIGN(umem->address + umem->length, PAGE_SIZE) -
	       umem_start(umem);
}

static void umem_phys_notify(struct dma_buf_phys_attachment *at,
			     enum dma_buf_phys_event event)
{
	struct ib_umem_dmabuf *umem_dmabuf = at->priv;
	struct dma_buf_attachment *attach = &umem_dmabuf->phys->attach;

	/* Drivers map again when they need it */
	if (event != DMA_BUF_PHYS_EV_RESTORE)
		attach->importer_ops->invalidate_mappings(attach);
}

/* Drivers stop in their callback: none leaves a fence */
static const struct dma_buf_phys_importer_ops umem_phys_ops = {
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P),
	.notify = umem_phys_notify,
};

/**
 * ib_umem_phys_attach - attach a umem to a dma-buf by physical list
 * @umem_dmabuf: the umem, complete but for its attachment
 * @dmabuf: the dma-buf; the caller has a reference until it has detached
 * @dma_device: the device that will do the DMA
 * @ops: the driver's callbacks, which may come before this returns
 *
 * Return: an attachment for the driver to look at; -EOPNOTSUPP if it must be by
 * scatterlist; -EACCES if the umem is for writing and the dma-buf is not; or
 * another error of dma_buf_phys_attach().
 */
struct dma_buf_attachment *
ib_umem_phys_attach(struct ib_umem_dmabuf *umem_dmabuf, struct dma_buf *dmabuf,
		    struct device *dma_device,
		    const struct dma_buf_attach_ops *ops)
{
	struct dma_buf_phys_attachment *at;
	struct ib_umem_phys *phys;

	if (!dma_buf_has_phys(dmabuf))
		return ERR_PTR(-EOPNOTSUPP);
	if (umem_dmabuf->umem.writable && !dma_buf_phys_is_writable(dmabuf))
		return ERR_PTR(-EACCES);
	if (!ops->allow_peer2peer || !ops->invalidate_mappings)
		return ERR_PTR(-EOPNOTSUPP);
	/* Without a device, or one whose caches the exporter has to handle */
	if (!dma_device || !dev_is_dma_coherent(dma_device))
		return ERR_PTR(-EOPNOTSUPP);

	phys = kzalloc_obj(*phys);
	if (!phys)
		return ERR_PTR(-ENOMEM);
	phys->attach = (struct dma_buf_attachment){
		.dmabuf = dmabuf,
		.dev = dma_device,
		.peer2peer = true,
		.importer_ops = ops,
		.importer_priv = umem_dmabuf,
	};
	sg_init_table(&phys->first, 1);
	umem_dmabuf->phys = phys;
	umem_dmabuf->attach = &phys->attach;

	at = dma_buf_phys_attach(dmabuf, &umem_phys_ops, umem_dmabuf);
	if (IS_ERR(at)) {
		umem_dmabuf->phys = NULL;
		kfree(phys);
		return ERR_CAST(at);
	}
	phys->at = at;
	return &phys->attach;
}

/**
 * ib_umem_phys_detach - undo ib_umem_phys_attach()
 * @umem_dmabuf: the umem, not mapped
 */
void ib_umem_phys_detach(struct ib_umem_dmabuf *umem_dmabuf)
{
	dma_buf_phys_detach(umem_dmabuf->phys->at);
	kfree(umem_dmabuf->phys);
}

/* What dma_buf_pin() is to an attachment that the exporter knows */
int ib_umem_phys_pin(struct ib_umem_dmabuf *umem_dmabuf)
{
	dma_buf_phys_pin(umem_dmabuf->phys->at);
	return 0;
}

void ib_umem_phys_unpin(struct ib_umem_dmabuf *umem_dmabuf)
{
	dma_buf_phys_unpin(umem_dmabuf->phys->at);
}

/**
 * ib_umem_phys_map - map what a umem covers of its dma-buf
 * @umem_dmabuf: the umem, not mapped
 *
 * Return: 0 or an error of dma_buf_phys_dma_map().
 */
int ib_umem_phys_map(struct ib_umem_dmabuf *umem_dmabuf)
{
	struct ib_umem_phys *phys = umem_dmabuf->phys;
	struct ib_umem *umem = &umem_dmabuf->umem;
	struct dma_buf_phys_dma_iter iter;
	int ret;

	ret = dma_buf_phys_dma_map(phys->at, phys->attach.dev, umem_start(umem),
				   umem_length(umem), umem->writable ?
				   DMA_BIDIRECTIONAL : DMA_TO_DEVICE,
				   &phys->dma);
	if (ret)
		return ret;

	dma_buf_phys_dma_first(&iter, &phys->dma, 0, umem_length(umem));
	sg_dma_address(&phys->first) = iter.addr;
	umem->sgt_append.sgt.sgl = &phys->first;
	umem_dmabuf->sgt = &umem->sgt_append.sgt;
	return 0;
}

/**
 * ib_umem_phys_unmap - undo ib_umem_phys_map()
 * @umem_dmabuf: the umem, which the device no longer uses
 */
void ib_umem_phys_unmap(struct ib_umem_dmabuf *umem_dmabuf)
{
	dma_buf_phys_dma_unmap(&umem_dmabuf->phys->dma);
	umem_dmabuf->umem.sgt_append.sgt.sgl = NULL;
	umem_dmabuf->sgt = NULL;
}

/**
 * ib_umem_phys_pgsz_mask - what the DMA ranges say about the page size
 * @umem: any umem
 * @va: the address its first byte shall have for the remote side
 *
 * A page of the device must be as far into its page as the address is: in the
 * bits where the two differ, and in those that are set in an address at which a
 * new range starts, no page size can be. For ib_umem_find_best_pgsz().
 *
 * Return: these bits; 0 for umems of other kinds.
 */
unsigned long ib_umem_phys_pgsz_mask(struct ib_umem *umem, u64 va)
{
	struct dma_buf_phys_dma *dma = umem_dma(umem);
	struct dma_buf_phys_dma_iter iter;
	dma_addr_t next = 0;
	u64 mask = 0;

	if (!dma)
		return 0;

	/* Of the first page, whose start the ranges begin with */
	va -= ib_umem_offset(umem);
	dma_buf_phys_for_each_dma(&iter, dma, 0, dma->length) {
		if (!iter.offset)
			mask |= iter.addr ^ va;
		else if (iter.addr != next)
			mask |= iter.addr | (va + iter.offset);
		next = iter.addr + iter.length;
	}
	return mask;
}

/**
 * ib_umem_phys_start - begin to iterate the blocks of a umem
 * @cursor: set to the first DMA range; to none for umems of other kinds
 * @umem: the umem
 * @pgsz: size of a block
 */
void ib_umem_phys_start(struct ib_umem_phys_cursor *cursor,
			struct ib_umem *umem, unsigned long pgsz)
{
	struct dma_buf_phys_dma *dma = umem_dma(umem);

	if (!dma)
		return;
	cursor->range = dma_buf_phys_dma_first(&cursor->iter, dma, 0,
					       dma->length);
	/* Small blocks begin with the one that holds the first byte */
	cursor->done = ib_umem_offset(umem) & ~(pgsz - 1);
}
EXPORT_SYMBOL_GPL(ib_umem_phys_start);

/**
 * ib_umem_phys_next - the address of a block, and go to the next one
 * @cursor: where the block starts
 * @pg_bit: the size of blocks, as a power of two
 * @addr: set to the DMA address at @cursor, which may be inside its block
 *
 * Return: false if there is no block left.
 */
bool ib_umem_phys_next(struct ib_umem_phys_cursor *cursor, unsigned int pg_bit,
		       dma_addr_t *addr)
{
	u64 left;

	if (!cursor->range)
		return false;

	*addr = cursor->range->addr + cursor->done;
	/* A block goes on in what is adjacent: no page size allows else */
	left = BIT_ULL(pg_bit) - (*addr & (BIT_ULL(pg_bit) - 1));
	while (cursor->range && cursor->range->length - cursor->done <= left) {
		left -= cursor->range->length - cursor->done;
		cursor->done = 0;
		cursor->range = dma_buf_phys_dma_next(cursor->range);
	}
	cursor->done += left;
	return true;
}
