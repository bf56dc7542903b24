// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/dma_buf_phys/buffers: all buffers with their state, their
 * users and their first groups. No physical addresses.
 *
 * A reader never waits for a reservation lock, and therefore never for an
 * exporter: a locked buffer is shown as busy. Nor does anything wait long for a
 * reader: phys_buffers_lock is held while one page of text is generated, a
 * reservation lock while one buffer is shown.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/mutex.h>
#include <linux/pci-p2pdma.h>
#include <linux/seq_file.h>

#include "internal.h"

static LIST_HEAD(phys_buffers);
/*
 * Protects phys_buffers and keeps the buffers on it around. Only trylock
 * reservation locks under it: they may be held for as long as a revoke takes.
 */
static DEFINE_MUTEX(phys_buffers_lock);
static struct dentry *phys_debugfs_dir;

static const char * const phys_type_names[] = {
	[DMA_BUF_PHYS_CPU] = "cpu",
	[DMA_BUF_PHYS_P2P] = "p2p",
	[DMA_BUF_PHYS_ENCRYPTED] = "encrypted",
};

static const char * const phys_attr_names[] = {
	[DMA_BUF_PHYS_WB] = "wb",
	[DMA_BUF_PHYS_WC] = "wc",
	[DMA_BUF_PHYS_UC] = "uc",
};

static const char * const phys_state_names[] = {
	[DMA_BUF_PHYS_LIVE] = "live",
	[DMA_BUF_PHYS_REVOKED] = "revoked",
	[DMA_BUF_PHYS_DEAD] = "dead",
};

/* Importers and groups shown per buffer, which is locked meanwhile */
#define PHYS_DEBUGFS_MAX 64u

static void phys_buffers_show_importers(struct seq_file *m,
					struct dma_buf_phys *phys)
{
	struct dma_buf_phys_attachment *at;
	unsigned int nr = 0;

	list_for_each_entry(at, &phys->attachments, node) {
		if (nr++ == PHYS_DEBUGFS_MAX)
			break;
		seq_printf(m, "  importer=%s device=%s mapped=%u\n",
			   at->ops->name ?: "unknown",
			   at->ops->device ? dev_name(at->ops->device(at)) :
					     "none",
			   at->nr_mapped);
	}
}

static void phys_buffers_show_one(struct seq_file *m, struct dma_buf_phys *phys)
{
	const struct dma_buf_phys_list *list = phys->list;
	const struct dma_buf_phys_group *group;
	unsigned int nr;

	seq_printf(m, " state=%s attached=%zu behind=%u failed=%u mapped=%u frags=%zu\n",
		   phys_state_names[phys->state],
		   list_count_nodes(&phys->attachments), phys->nr_behind,
		   phys->nr_failed, list ? list->nr_mapped : 0,
		   list ? list->nr_frags : 0);
	phys_buffers_show_importers(m, phys);

	/* The provider of a dead buffer may be gone */
	if (!list || phys->state == DMA_BUF_PHYS_DEAD)
		return;
	nr = min(list->nr_groups, PHYS_DEBUGFS_MAX);
	for (group = list->groups; group < list->groups + nr; group++)
		seq_printf(m, "  group offset=%llu length=%llu type=%s attr=%s frags=%u provider=%s\n",
			   group->offset, group->length,
			   phys_type_names[group->type],
			   phys_attr_names[group->attr], group->nr_frags,
			   group->provider ? dev_name(group->provider->owner) :
					     "none");
}

static void *phys_buffers_start(struct seq_file *m, loff_t *pos)
{
	int ret = mutex_lock_interruptible(&phys_buffers_lock);

	return ret ? ERR_PTR(ret) : seq_list_start(&phys_buffers, *pos);
}

static void *phys_buffers_next(struct seq_file *m, void *v, loff_t *pos)
{
	return seq_list_next(v, &phys_buffers, pos);
}

static void phys_buffers_stop(struct seq_file *m, void *v)
{
	if (!IS_ERR(v))
		mutex_unlock(&phys_buffers_lock);
}

static int phys_buffers_show(struct seq_file *m, void *v)
{
	struct dma_buf_phys *phys = list_entry(v, struct dma_buf_phys, node);

	seq_printf(m, "%llu exporter=%s size=%zu", (u64)phys->inode->i_ino,
		   phys->dmabuf->exp_name, phys->dmabuf->size);
	if (!dma_resv_trylock(phys->dmabuf->resv)) {
		seq_puts(m, " busy\n");
		return 0;
	}
	phys_buffers_show_one(m, phys);
	dma_resv_unlock(phys->dmabuf->resv);
	return 0;
}

static const struct seq_operations phys_buffers_sops = {
	.start = phys_buffers_start,
	.next = phys_buffers_next,
	.stop = phys_buffers_stop,
	.show = phys_buffers_show,
};
DEFINE_SEQ_ATTRIBUTE(phys_buffers);

void dma_buf_phys_debugfs_add(struct dma_buf_phys *phys)
{
	guard(mutex)(&phys_buffers_lock);
	list_add_tail(&phys->node, &phys_buffers);
}

/*
 * Called from the dma-buf's release, by dma_buf_phys_fini() at the latest. Nothing
 * looks at the buffer afterwards.
 */
void dma_buf_phys_debugfs_remove(struct dma_buf_phys *phys)
{
	guard(mutex)(&phys_buffers_lock);
	list_del_init(&phys->node);
}

void dma_buf_phys_debugfs_init(void)
{
	phys_debugfs_dir = debugfs_create_dir("dma_buf_phys", NULL);
	debugfs_create_file("buffers", 0400, phys_debugfs_dir, NULL,
			    &phys_buffers_fops);
}

void dma_buf_phys_debugfs_exit(void)
{
	debugfs_remove(phys_debugfs_dir);
}
