/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The examples of Documentation/driver-api/dma-buf-phys.rst, which includes
 * their source: an exporter and an importer, without the hardware.
 */
#ifndef _DMA_BUF_PHYS_EXAMPLE_H
#define _DMA_BUF_PHYS_EXAMPLE_H

#include <linux/dma-buf-phys.h>
#include <linux/workqueue.h>

/**
 * struct phys_example_device - a device with one BAR to share
 * @provider: the BAR's P2P provider, from pcim_p2pdma_provider()
 * @start: physical address of the BAR, from pci_resource_start()
 * @size: length of the BAR, bytes
 * @buffers: its dma-bufs, by &struct phys_example_buffer.node
 * @on: the BAR can be reached
 * @gone: the driver has been unbound
 *
 * The exporter's lock protects the last three.
 */
struct phys_example_device {
	struct p2pdma_provider *provider;
	phys_addr_t start;
	u64 size;
	struct list_head buffers;
	bool on;
	bool gone;
};

struct dma_buf *phys_example_export(struct phys_example_device *dev);
void phys_example_set_access(struct phys_example_device *dev, bool on);
void phys_example_remove(struct phys_example_device *dev);

/**
 * struct phys_example_importer - an importer that programs a translation table
 * @dmabuf: the dma-buf, with a reference
 * @at: the attachment; NULL until phys_example_attach() has set it
 * @list: the list that the table shows, or NULL
 * @restore: fills the table again
 * @filled: stands for the table: number of bytes it translates
 *
 * The reservation lock protects all but @dmabuf.
 */
struct phys_example_importer {
	struct dma_buf *dmabuf;
	struct dma_buf_phys_attachment *at;
	struct dma_buf_phys_list *list;
	struct delayed_work restore;
	u64 filled;
};

int phys_example_attach(struct phys_example_importer *imp,
			struct dma_buf *dmabuf);
void phys_example_detach(struct phys_example_importer *imp);

#endif /* _DMA_BUF_PHYS_EXAMPLE_H */
