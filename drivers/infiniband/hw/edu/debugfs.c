// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/edu_ib/<PCI device>/mrs: the memory regions, how many
 * entries translate them and how often they were invalidated. No addresses.
 */
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <rdma/ib_umem.h>

#include "edu_ib.h"

static struct dentry *edu_debugfs_dir;

static void mr_show(struct seq_file *m, struct edu_dev *edu,
		    const struct edu_mr *mr)
{
	guard(spinlock_irqsave)(&edu->lock);
	seq_printf(m, "0x%08x type=%s length=%llu state=%s page-size=%llu entries=%zu invalidations=%llu\n",
		   mr->ibmr.lkey, mr->umem->is_dmabuf ? "dma-buf" : "memory",
		   mr->ibmr.length, mr->mapped ? "mapped" : "invalid",
		   mr->mapped ? BIT_ULL(mr->shift) : 0, mr->entries,
		   mr->invalidations);
}

static int mrs_show(struct seq_file *m, void *unused)
{
	struct edu_dev *edu = m->private;
	unsigned long index;
	struct edu_mr *mr;

	xa_lock(&edu->mrs);
	xa_for_each(&edu->mrs, index, mr)
		mr_show(m, edu, mr);
	xa_unlock(&edu->mrs);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mrs);

void edu_debugfs_add(struct edu_dev *edu)
{
	edu->debugfs = debugfs_create_dir(pci_name(edu->pdev), edu_debugfs_dir);
	debugfs_create_file("mrs", 0400, edu->debugfs, edu, &mrs_fops);
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
