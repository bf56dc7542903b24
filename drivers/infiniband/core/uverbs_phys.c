// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical lists for the dma-bufs that uverbs exports.
 *
 * The framework owns the dma-buf and its operations, so of uverbs' own
 * dma_buf_ops only the release is called. A revoke goes through the framework
 * as well, which waits for importers but not for fences of strangers: anyone
 * with an fd can add those with DMA_BUF_IOCTL_IMPORT_SYNC_FILE.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/export.h>
#include <linux/fcntl.h>
#include <linux/slab.h>

#include "uverbs.h"

/* Freed when the dma-buf is released */
struct ib_uverbs_phys {
	struct dma_buf_phys phys;
	/* NULL if the uobject was aborted */
	struct ib_uverbs_dmabuf_file *file;
	/* uverbs' own; its module is the dma-buf's owner */
	void (*release)(struct dma_buf *dmabuf);
};

static void ib_uverbs_phys_release(struct dma_buf_phys *phys)
{
	struct ib_uverbs_phys *up = container_of(phys, struct ib_uverbs_phys,
						 phys);
	struct dma_buf *dmabuf = phys->dmabuf;

	/*
	 * uverbs expects its uobject here. A concurrent revoke finds @up by the
	 * uobject instead, until uverbs clears its pointer to the dma-buf.
	 */
	dmabuf->priv = up->file;
	up->release(dmabuf);
	dma_buf_phys_fini(phys);
	kfree(up);
}

static const struct dma_buf_phys_ops ib_uverbs_phys_ops = {
	.release = ib_uverbs_phys_release,
};

/**
 * ib_uverbs_phys_export - export a mapping entry of a driver by physical list
 * @exp_info: as for dma_buf_export(); the private data is the uobject, whose
 *	physical range and provider are set
 *
 * The memory can be mapped by the CPU, uncached, and be pinned: it never moves.
 *
 * Return: the dma-buf or an ERR_PTR.
 */
struct dma_buf *
ib_uverbs_phys_export(const struct dma_buf_export_info *exp_info)
{
	struct ib_uverbs_dmabuf_file *file = exp_info->priv;
	struct dma_buf_phys_export_info info = {
		.exp_name = exp_info->exp_name,
		.owner = exp_info->owner,
		.ops = &ib_uverbs_phys_ops,
		.flags = exp_info->flags | O_RDWR,
	};
	struct dma_buf_phys_builder b;
	int ret;

	struct ib_uverbs_phys *up __free(kfree) = kzalloc_obj(*up);
	if (!up)
		return ERR_PTR(-ENOMEM);
	up->file = file;
	up->release = exp_info->ops->release;

	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_P2P, DMA_BUF_PHYS_UC,
			       file->provider);
	dma_buf_phys_add_frag(&b, file->phys_vec.paddr, file->phys_vec.len);
	info.list = dma_buf_phys_seal(&b, file->phys_vec.len);
	if (IS_ERR(info.list))
		return ERR_CAST(info.list);

	ret = dma_buf_phys_export(&up->phys, &info);
	if (ret) {
		dma_buf_phys_list_free(info.list);
		return ERR_PTR(ret);
	}
	file->phys = up;
	return no_free_ptr(up)->phys.dmabuf;
}
EXPORT_SYMBOL_GPL(ib_uverbs_phys_export);

/**
 * ib_uverbs_phys_abort - give up a dma-buf whose uobject is being aborted
 * @dmabuf: from ib_uverbs_phys_export(); the caller drops its reference next
 */
void ib_uverbs_phys_abort(struct dma_buf *dmabuf)
{
	struct ib_uverbs_phys *up = container_of(dmabuf->priv,
						 struct ib_uverbs_phys, phys);

	/* The list can be read until the release; its provider may be gone */
	dma_buf_phys_kill(&up->phys);
	up->file = NULL;
}
EXPORT_SYMBOL_GPL(ib_uverbs_phys_abort);

/**
 * ib_uverbs_phys_kill - revoke a dma-buf for good
 * @file: the uobject
 *
 * Context: may sleep; the caller holds dmabuf_release_lock, without which the
 * release of the dma-buf does not complete. Its file may have gone already.
 *
 * Return: whether there was a dma-buf to revoke.
 */
bool ib_uverbs_phys_kill(struct ib_uverbs_dmabuf_file *file)
{
	lockdep_assert_held(&file->dmabuf_release_lock);

	if (!file->dmabuf)
		return false;
	dma_buf_phys_kill(&file->phys->phys);
	return true;
}
EXPORT_SYMBOL_GPL(ib_uverbs_phys_kill);
