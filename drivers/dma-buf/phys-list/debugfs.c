// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/dma_buf_phys/buffers: every buffer, its state, its first
 * groups and how many use it. No physical addresses.
 *
 * A reader never waits for a reservation lock, and so for no exporter: a buffer
 * that is busy is shown as such. Nor does anybody wait long for a reader:
 * buffers_lock is held while one page of text is made, a reservation lock while
 * one buffer is described.
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

static LIST_HEAD(buffers);
/* Keeps what is on the list; under it reservation locks are only tried */
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

/* What one buffer is shown with at most, since it is locked meanwhile */
#define DEBUGFS_MAX_GROUPS 64u

static void show_buffer(struct seq_file *m, struct dma_buf_phys *phys)
{
	const struct dma_buf_phys_list *list = phys->list;
	const struct dma_buf_phys_group *group;
	unsigned int nr;

	seq_printf(m, " state=%s attached=%zu behind=%u failed=%u mapped=%u frags=%zu\n",
		   state_names[phys->state],
		   list_count_nodes(&phys->attachments), phys->nr_behind,
		   phys->nr_failed, list ? list->nr_mapped : 0,
		   list ? list->nr_frags : 0);

	/* A dead buffer's provider may be gone */
	if (!list || phys->state == DMA_BUF_PHYS_DEAD)
		return;
	nr = min(list->nr_groups, DEBUGFS_MAX_GROUPS);
	for (group = list->groups; group < list->groups + nr; group++)
		seq_printf(m, "  group offset=%llu length=%llu type=%s attr=%s frags=%u provider=%s\n",
			   group->offset, group->length,
			   type_names[group->type], attr_names[group->attr],
			   group->nr_frags,
			   group->provider ? dev_name(group->provider->owner) :
					     "none");
}

static void *buffers_start(struct seq_file *m, loff_t *pos)
{
	int ret = mutex_lock_interruptible(&buffers_lock);

	return ret ? ERR_PTR(ret) : seq_list_start(&buffers, *pos);
}

static void *buffers_next(struct seq_file *m, void *v, loff_t *pos)
{
	return seq_list_next(v, &buffers, pos);
}

static void buffers_stop(struct seq_file *m, void *v)
{
	if (!IS_ERR(v))
		mutex_unlock(&buffers_lock);
}

static int buffers_show(struct seq_file *m, void *v)
{
	struct dma_buf_phys *phys = list_entry(v, struct dma_buf_phys, node);

	seq_printf(m, "%llu exporter=%s size=%zu", (u64)phys->inode->i_ino,
		   phys->dmabuf->exp_name, phys->dmabuf->size);
	if (!dma_resv_trylock(phys->dmabuf->resv)) {
		seq_puts(m, " busy\n");
		return 0;
	}
	show_buffer(m, phys);
	dma_resv_unlock(phys->dmabuf->resv);
	return 0;
}

static const struct seq_operations buffers_sops = {
	.start = buffers_start,
	.next = buffers_next,
	.stop = buffers_stop,
	.show = buffers_show,
};
DEFINE_SEQ_ATTRIBUTE(buffers);

void phys_debugfs_add(struct dma_buf_phys *phys)
{
	guard(mutex)(&buffers_lock);
	list_add_tail(&phys->node, &buffers);
}

/* From the dma-buf's release: until then its parts may be looked at */
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
