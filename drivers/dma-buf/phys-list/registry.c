// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a dma-buf to its physical side.
 *
 * The dma_buf_ops of a dma-buf tell whether it has a physical list: they are
 * either the framework's or those of a registered driver. Nothing is ever
 * searched by address, and nothing here depends on the module's init function:
 * the dma-bufs of a built-in exporter are recognised before it has run, and
 * also if it has failed.
 */
#include <linux/cleanup.h>
#include <linux/rwsem.h>

#include "internal.h"

static LIST_HEAD(phys_exporters);
/* Protects phys_exporters and keeps an exporter registered while it is called */
static DECLARE_RWSEM(phys_exporters_rwsem);

/**
 * dma_buf_phys_register - register a driver with dma_buf_ops of its own
 * @exporter: static data, see &struct dma_buf_phys_exporter
 *
 * To importers, dma-bufs with these ops have no physical list until this
 * returns.
 */
void dma_buf_phys_register(struct dma_buf_phys_exporter *exporter)
{
	guard(rwsem_write)(&phys_exporters_rwsem);
	list_add_tail(&exporter->node, &phys_exporters);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_register);

/**
 * dma_buf_phys_unregister - undo dma_buf_phys_register()
 * @exporter: what was registered
 *
 * No dma-buf with these ops may be left. A module that is set as the owner of
 * its dma-bufs is not unloaded before that.
 */
void dma_buf_phys_unregister(struct dma_buf_phys_exporter *exporter)
{
	guard(rwsem_write)(&phys_exporters_rwsem);
	list_del(&exporter->node);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_unregister);

/*
 * For dma-bufs of a driver that is part of a kernel without physical lists, and
 * so cannot register. Overridden by packaging/modules/udmabuf.c only.
 */
struct dma_buf_phys *__weak dma_buf_phys_adopt(struct dma_buf *dmabuf)
{
	return NULL;
}

/**
 * dma_buf_phys_lookup - get the physical side of a dma-buf
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * Return: the physical side, valid for as long as @dmabuf is, or NULL if the
 * dma-buf has no physical list.
 */
struct dma_buf_phys *dma_buf_phys_lookup(struct dma_buf *dmabuf)
{
	struct dma_buf_phys_exporter *exporter;

	if (dmabuf->ops == &dma_buf_phys_dma_buf_ops)
		return dmabuf->priv;

	guard(rwsem_read)(&phys_exporters_rwsem);
	list_for_each_entry(exporter, &phys_exporters, node)
		if (exporter->dma_buf_ops == dmabuf->ops)
			return exporter->to_phys(dmabuf);
	return dma_buf_phys_adopt(dmabuf);
}

/**
 * dma_buf_has_phys - test whether a dma-buf has a physical list
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * For importers that have to allocate or choose something before they attach.
 * Only dma_buf_phys_attach() tells whether the importer can use the memory.
 *
 * Return: true if dma_buf_phys_attach() is worth trying.
 */
bool dma_buf_has_phys(struct dma_buf *dmabuf)
{
	return dma_buf_phys_lookup(dmabuf);
}
EXPORT_SYMBOL_GPL(dma_buf_has_phys);

/**
 * dma_buf_phys_is_writable - test whether importers may write to a dma-buf
 * @dmabuf: the dma-buf; the caller holds a reference
 *
 * For importers that use the list itself. dma_buf_phys_dma_map() makes this
 * check for all others.
 *
 * Return: true if the dma-buf has a physical list and its file was created with
 * FMODE_WRITE.
 */
bool dma_buf_phys_is_writable(struct dma_buf *dmabuf)
{
	const struct dma_buf_phys *phys = dma_buf_phys_lookup(dmabuf);

	return phys && phys->writable;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_is_writable);
