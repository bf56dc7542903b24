/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the scatterlist importer share; edu_importer.c has the model.
 */
#ifndef _DMA_BUF_EDU_IMPORTER_H
#define _DMA_BUF_EDU_IMPORTER_H

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "edu_importer_uapi.h"

/**
 * struct edu - the device
 * @ref: held by the driver binding and by each open file
 * @misc: /dev/dma-buf-edu
 * @pdev: the PCI device; not to be used once @dead
 * @regs: its registers
 * @bounce: where the engine gets data and leaves it
 * @bounce_dma: the same, as the engine sees it
 * @engine: held while a transfer is set up and running
 * @dead: the device is going or does not work; set under @engine, read without
 * @lock: protects @files
 * @files: open files
 */
struct edu {
	struct kref ref;
	struct miscdevice misc;
	struct pci_dev *pdev;
	void __iomem *regs;
	void *bounce;
	dma_addr_t bounce_dma;
	struct mutex engine; /* one transfer at a time */
	bool dead;
	struct mutex lock; /* protects files */
	struct list_head files;
};

/**
 * struct edu_file - an importer
 * @edu: the device
 * @node: in &edu.files
 * @lock: serialises the calls of a file, and the removal of the device
 * @dmabuf: the dma-buf, if attached
 * @attach: the attachment, or NULL
 * @late: unmaps late
 * @dir: what it maps for
 * @wanted: the program wants a mapping
 * @sgt: the mapping, or NULL
 * @stale: access was taken away: @sgt is to be unmapped and not to be used
 * @fence: out while the engine works on @sgt
 * @invalidations: number of callbacks
 * @address: where the last mapping began, to the device
 * @elsewhere: how often it did not begin where the one before it had
 * @unmap_work: unmaps what is stale
 *
 * @sgt and what follows is under the reservation lock.
 */
struct edu_file {
	struct edu *edu;
	struct list_head node;
	struct mutex lock; /* one call at a time */
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	bool late;
	enum dma_data_direction dir;
	bool wanted;
	struct sg_table *sgt;
	bool stale;
	struct dma_fence *fence;
	u32 invalidations;
	dma_addr_t address;
	u32 elsewhere;
	struct delayed_work unmap_work;
};

/* edu_map.c: attachments and mappings; file->lock is held */
void edu_unmap_work(struct work_struct *work);
int edu_map_locked(struct edu_file *file);
int edu_attach(struct edu_file *file, void __user *arg);
int edu_detach(struct edu_file *file);
int edu_map(struct edu_file *file);
int edu_unmap(struct edu_file *file);
int edu_info(struct edu_file *file, void __user *arg);

/* edu_copy.c: the engine; file->lock is held */
int edu_copy(struct edu_file *file, void __user *arg);

#endif /* _DMA_BUF_EDU_IMPORTER_H */
