// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/dma_buf_phys/buffers: every buffer, its state, its groups
 * and who uses it. No physical addresses.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/pci-p2pdma.h>
#include <linux/seq_file.h>

#include "internal.h"

static LIST_HEAD(buffers);
/* Lock order: this, then the reservation lock */
static DEFINE_MUTEX(buffers_lock);
static struct dentry *debugfs_dir;

static const char * const type_names[] = {
	[DMA_BUF_PHYS_CPU] = "cpu",
	[DMA_BUF_PHYS_P2P] = "p2p",
	[DMA_BUF_PHYS_ENCRYPTED] = "encrypted",
};

static const char * const attr_names[] = {
	[DMA_BUF_PHYS_WB] = "wb",
	[DMA_BUF_PHYS_WC] = "wc",
	[DMA_BUF_PHYS_UC] = "uc",
};

static const char * const state_names[] = {
	[DMA_BUF_PHYS_LIVE] = "live",
	[DMA_BUF_PHYS_REVOKED] = "revoked",
	[DMA_BUF_PHYS_DEAD] = "dead",
};

static void show_buffer(struct seq_file *m, struct dma_buf_phys *phys,
			struct file *file)
{
	const struct dma_buf_phys_list *list = phys->list;
	const struct dma_buf_phys_group *group;

	seq_printf(m, "%llu exporter=%s size=%zu state=%s attached=%zu mapped=%u frags=%zu\n",
		   file_inode(file)->i_ino, phys->dmabuf->exp_name,
		   phys->dmabuf->size, state_names[phys->state],
		   list_count_nodes(&phys->attachments),
		   list ? list->nr_mapped : 0, list ? list->nr_frags : 0);

	/* A dead buffer's provider may be gone */
	if (!list || phys->state == DMA_BUF_PHYS_DEAD)
		return;
	for (group = list->groups; group < list->groups + list->nr_groups;
	     group++)
		seq_printf(m, "  group offset=%llu length=%llu type=%s attr=%s frags=%u provider=%s\n",
			   group->offset, group->length,
			   type_names[group->type], attr_names[group->attr],
			   group->nr_frags,
			   group->provider ? dev_name(group->provider->owner) :
					     "none");
}

static int buffers_show(struct seq_file *m, void *unused)
{
	struct dma_buf_phys *phys;

	guard(mutex)(&buffers_lock);
	list_for_each_entry(phys, &buffers, node) {
		/* A buffer on its way out has no file any more */
		struct file *file = get_file_active(&phys->dmabuf->file);

		if (!file)
			continue;
		dma_resv_lock(phys->dmabuf->resv, NULL);
		show_buffer(m, phys, file);
		dma_resv_unlock(phys->dmabuf->resv);
		fput(file);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(buffers);

void phys_debugfs_add(struct dma_buf_phys *phys)
{
	guard(mutex)(&buffers_lock);
	list_add_tail(&phys->node, &buffers);
}

/* Called from the dma-buf's release: until then its parts may be looked at */
void phys_debugfs_remove(struct dma_buf_phys *phys)
{
	guard(mutex)(&buffers_lock);
	list_del(&phys->node);
}

void phys_debugfs_init(void)
{
	debugfs_dir = debugfs_create_dir("dma_buf_phys", NULL);
	debugfs_create_file("buffers", 0400, debugfs_dir, NULL, &buffers_fops);
}

void phys_debugfs_exit(void)
{
	debugfs_remove(debugfs_dir);
}
