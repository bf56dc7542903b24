// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two ways in for exporters.
 *
 * Whether a dma-buf has a physical list is a look at its dma_buf_ops: they are
 * the framework's own, or those of a driver that registered them. Nothing is
 * ever searched by address.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/rwsem.h>

#include "internal.h"

static LIST_HEAD(exporters);
static DECLARE_RWSEM(exporters_rwsem);

static void phys_release(struct dma_buf *dmabuf)
{
	struct dma_buf_phys *phys = dmabuf->priv;

	if (phys->ops->release)
		phys->ops->release(phys);
	else
		dma_buf_phys_fini(phys);
}

/* An importer that pins cannot cope with a move; a revoke it must cope with */
static int phys_pin(struct dma_buf_attachment *attach)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	phys->nr_pinned++;
	return 0;
}

static void phys_unpin(struct dma_buf_attachment *attach)
{
	struct dma_buf_phys *phys = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	phys->nr_pinned--;
}

static const struct dma_buf_ops phys_dma_buf_ops = {
	.attach = phys_sgt_attach,
	.pin = phys_pin,
	.unpin = phys_unpin,
	.map_dma_buf = phys_sgt_map,
	.unmap_dma_buf = phys_sgt_unmap,
	.mmap = phys_mmap,
	.release = phys_release,
};

/**
 * dma_buf_phys_export - make a dma-buf from a list
 * @phys: embedded in the exporter's buffer, zeroed
 * @info: see &struct dma_buf_phys_export_info
 *
 * On success @phys->dmabuf is the dma-buf, with the one reference that
 * dma_buf_fd() or dma_buf_put() takes over, and @info->list belongs to the
 * framework. On failure the caller still owns both.
 *
 * Context: may sleep.
 *
 * Return: 0; -EOVERFLOW if the list is longer than a dma-buf can be here; or
 * what dma_buf_export() failed with.
 */
int dma_buf_phys_export(struct dma_buf_phys *phys,
			const struct dma_buf_phys_export_info *info)
{
	struct dma_buf_export_info exp = {
		.exp_name = info->exp_name,
		.owner = info->owner,
		.ops = &phys_dma_buf_ops,
		.size = info->list->size,
		.flags = info->flags,
		.priv = phys,
	};
	struct dma_buf *dmabuf;

	if (info->list->size > SIZE_MAX)
		return -EOVERFLOW;
	dmabuf = dma_buf_export(&exp);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	phys->list = info->list;
	phys->state = info->state;
	dma_buf_phys_init(phys, dmabuf, info->ops);
	return 0;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_export);

/**
 * dma_buf_phys_register - join with dma_buf_ops of one's own
 * @exporter: static; see &struct dma_buf_phys_exporter
 *
 * To be called before the first dma-buf with these ops exists.
 */
void dma_buf_phys_register(struct dma_buf_phys_exporter *exporter)
{
	guard(rwsem_write)(&exporters_rwsem);
	list_add_tail(&exporter->node, &exporters);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_register);

/**
 * dma_buf_phys_unregister - undo dma_buf_phys_register()
 * @exporter: what was registered
 *
 * To be called when no dma-buf with these ops exists, as when a module that
 * owns its dma-bufs is unloaded.
 */
void dma_buf_phys_unregister(struct dma_buf_phys_exporter *exporter)
{
	guard(rwsem_write)(&exporters_rwsem);
	list_del(&exporter->node);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_unregister);

/* Is it of dma_buf_phys_export(), so that all its ops are the framework's? */
bool phys_owns_ops(const struct dma_buf *dmabuf)
{
	return dmabuf->ops == &phys_dma_buf_ops;
}

/*
 * What of a driver that cannot register, as it is built into a kernel without
 * physical lists: packaging/modules/udmabuf.c knows one.
 */
struct dma_buf_phys *__weak phys_adopt(struct dma_buf *dmabuf)
{
	return NULL;
}

/* The physical side of a dma-buf, or NULL. The caller holds a reference. */
struct dma_buf_phys *phys_from_dmabuf(struct dma_buf *dmabuf)
{
	struct dma_buf_phys_exporter *exporter;

	if (phys_owns_ops(dmabuf))
		return dmabuf->priv;

	guard(rwsem_read)(&exporters_rwsem);
	list_for_each_entry(exporter, &exporters, node)
		if (exporter->dma_buf_ops == dmabuf->ops)
			return exporter->to_phys(dmabuf);
	return phys_adopt(dmabuf);
}

/**
 * dma_buf_has_phys - does a dma-buf have a physical list?
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * For importers that have to prepare before they attach. Whether the importer
 * can use what is in the list only dma_buf_phys_attach() tells.
 *
 * Return: whether dma_buf_phys_attach() is worth trying.
 */
bool dma_buf_has_phys(struct dma_buf *dmabuf)
{
	return phys_from_dmabuf(dmabuf);
}
EXPORT_SYMBOL_GPL(dma_buf_has_phys);

/**
 * dma_buf_phys_is_writable - may importers write to a dma-buf's memory?
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * For importers that take the list: dma_buf_phys_dma_map() asks by itself.
 *
 * Return: whether the dma-buf has a physical list and a file that was created
 * for writing.
 */
bool dma_buf_phys_is_writable(struct dma_buf *dmabuf)
{
	const struct dma_buf_phys *phys = phys_from_dmabuf(dmabuf);

	return phys && phys->writable;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_is_writable);

static int __init phys_module_init(void)
{
	int ret;

	ret = phys_query_init();
	if (ret)
		return ret;
	phys_debugfs_init();
	return 0;
}
module_init(phys_module_init);

static void __exit phys_module_exit(void)
{
	phys_debugfs_exit();
	phys_query_exit();
}
module_exit(phys_module_exit);

MODULE_IMPORT_NS("DMA_BUF");
MODULE_DESCRIPTION("DMA-BUF physical lists");
MODULE_LICENSE("GPL");
