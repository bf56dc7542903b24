// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/edu_ib/<PCI device>/, for tests:
 *
 *	mrs		memory regions, how many entries translate them and how
 *			often they were invalidated; no addresses
 *	engine		direction and memory region of the current transfer
 *	pin		if Y, new regions of dma-bufs are pinned, as by a device
 *			that cannot follow a move
 *	lose-page	if Y, a context's page goes while a program exports it
 *	poll-delay	time in ms from the removal of completions from their
 *			queue to the return to the poller: widens the window for
 *			the destruction of their queue pair
 *	polling		number of pollers in that delay
 */
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <rdma/ib_umem.h>

#include "edu_ib.h"

/* In ms: polling is expected to be quick */
#define EDU_MAX_POLL_DELAY	1000u

static struct dentry *edu_debugfs_dir;

static void edu_mr_show(struct seq_file *m, struct edu_dev *edu,
			const struct edu_mr *mr)
{
	guard(spinlock_irqsave)(&edu->lock);
	seq_printf(m, "0x%08x type=%s length=%llu state=%s page-size=%llu entries=%zu invalidations=%llu\n",
		   mr->ibmr.lkey, mr->umem->is_dmabuf ? "dma-buf" : "memory",
		   mr->ibmr.length, mr->mapped ? "mapped" : "invalid",
		   mr->mapped ? BIT_ULL(mr->shift) : 0, mr->entries,
		   mr->invalidations);
}

static int edu_mrs_show(struct seq_file *m, void *unused)
{
	struct edu_dev *edu = m->private;
	unsigned long index;
	struct edu_mr *mr;

	xa_lock(&edu->mrs);
	xa_for_each(&edu->mrs, index, mr)
		edu_mr_show(m, edu, mr);
	xa_unlock(&edu->mrs);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(edu_mrs);

static int edu_engine_show(struct seq_file *m, void *unused)
{
	struct edu_dev *edu = m->private;

	guard(spinlock_irqsave)(&edu->lock);
	if (edu->engine_mr)
		seq_printf(m, "%s 0x%08x\n",
			   edu->engine_writes ? "writes" : "reads",
			   edu->engine_mr->ibmr.lkey);
	else
		seq_puts(m, "idle\n");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(edu_engine);

void edu_debugfs_add(struct edu_dev *edu)
{
	edu->debugfs = debugfs_create_dir(pci_name(edu->pdev), edu_debugfs_dir);
	debugfs_create_file("mrs", 0400, edu->debugfs, edu, &edu_mrs_fops);
	debugfs_create_file("engine", 0400, edu->debugfs, edu, &edu_engine_fops);
	debugfs_create_bool("pin", 0600, edu->debugfs, &edu->pin);
	debugfs_create_bool("lose-page", 0600, edu->debugfs, &edu->lose_page);
	debugfs_create_u32("poll-delay", 0600, edu->debugfs, &edu->poll_delay);
	debugfs_create_atomic_t("polling", 0400, edu->debugfs, &edu->polling);
}

/*
 * Called after a program's completions have been removed from their queue, with
 * no lock held. uverbs polls in process context, so this may sleep.
 */
void edu_debugfs_polled(struct edu_dev *edu)
{
	u32 ms = min(READ_ONCE(edu->poll_delay), EDU_MAX_POLL_DELAY);

	if (!ms)
		return;
	atomic_inc(&edu->polling);
	msleep(ms);
	atomic_dec(&edu->polling);
}

void edu_debugfs_remove(struct edu_dev *edu)
{
	debugfs_remove(edu->debugfs);
}

void edu_debugfs_init(void)
{
	edu_debugfs_dir = debugfs_create_dir("edu_ib", NULL);
}

void edu_debugfs_exit(void)
{
	debugfs_remove(edu_debugfs_dir);
}
