// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mock exporter of dma-bufs with physical lists, beside the one of selftest.c.
 * Their memory is the kernel's and nobody accesses it.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/fcntl.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "io_pagetable.h"
#include "iommufd_test.h"

/* Beyond those of iommufd_test.h; with the same arguments as the ones there */
enum {
	IOMMU_TEST_OP_PHYS_GET = 256,
	IOMMU_TEST_OP_PHYS_REVOKE,
};

/**
 * struct iommufd_test_phys_buf - a dma-buf
 * @phys: physical side of the dma-buf
 * @memory: its memory
 * @node: in iommufd_test_phys_bufs
 */
struct iommufd_test_phys_buf {
	struct dma_buf_phys phys;
	void *memory;
	struct list_head node;
};

static LIST_HEAD(iommufd_test_phys_bufs);
/* Protects the list; serialises revoke, restore and release */
static DEFINE_MUTEX(iommufd_test_phys_lock);

static void iommufd_test_phys_free(struct iommufd_test_phys_buf *buf)
{
	kfree(buf->memory);
	kfree(buf);
}

static void iommufd_test_phys_release(struct dma_buf_phys *phys)
{
	struct iommufd_test_phys_buf *buf =
		container_of(phys, struct iommufd_test_phys_buf, phys);

	scoped_guard(mutex, &iommufd_test_phys_lock)
		list_del(&buf->node);
	dma_buf_phys_fini(phys);
	iommufd_test_phys_free(buf);
}

static const struct dma_buf_phys_ops iommufd_test_phys_ops = {
	.release = iommufd_test_phys_release,
};

static int iommufd_test_phys_export(struct iommufd_test_phys_buf *buf,
				    size_t len)
{
	DEFINE_DMA_BUF_PHYS_EXPORT_INFO(info);
	struct dma_buf_phys_builder b;
	int rc;

	buf->memory = kzalloc(len, GFP_KERNEL);
	if (!buf->memory)
		return -ENOMEM;
	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_UC, NULL);
	dma_buf_phys_add_frag(&b, virt_to_phys(buf->memory), len);
	info.list = dma_buf_phys_seal(&b, len);
	if (IS_ERR(info.list))
		return PTR_ERR(info.list);
	info.ops = &iommufd_test_phys_ops;
	info.flags = O_RDWR;
	rc = dma_buf_phys_export(&buf->phys, &info);
	if (rc) {
		dma_buf_phys_list_free(info.list);
		return rc;
	}
	guard(mutex)(&iommufd_test_phys_lock);
	list_add(&buf->node, &iommufd_test_phys_bufs);
	return 0;
}

static int iommufd_test_phys_get(unsigned int open_flags, size_t len)
{
	struct iommufd_test_phys_buf *buf;
	int rc;

	len = ALIGN(len, PAGE_SIZE);
	if (len == 0 || len > PAGE_SIZE * 512)
		return -EINVAL;

	buf = kzalloc_obj(*buf);
	if (!buf)
		return -ENOMEM;
	rc = iommufd_test_phys_export(buf, len);
	if (rc) {
		iommufd_test_phys_free(buf);
		return rc;
	}

	rc = dma_buf_fd(buf->phys.dmabuf, open_flags);
	if (rc < 0)
		dma_buf_put(buf->phys.dmabuf);
	return rc;
}

static int iommufd_test_phys_revoke(struct dma_buf *dmabuf, bool revoked)
{
	struct iommufd_test_phys_buf *buf;

	guard(mutex)(&iommufd_test_phys_lock);
	list_for_each_entry(buf, &iommufd_test_phys_bufs, node) {
		if (buf->phys.dmabuf != dmabuf)
			continue;
		if (revoked)
			dma_buf_phys_revoke(&buf->phys);
		else
			dma_buf_phys_restore(&buf->phys);
		return 0;
	}
	return -EOPNOTSUPP;
}

/**
 * iommufd_test_phys() - Run a command of IOMMU_TEST_CMD that selftest.c does not know
 * @cmd: The command
 *
 * IOMMU_TEST_OP_PHYS_GET makes a dma-buf, IOMMU_TEST_OP_PHYS_REVOKE takes away or
 * restores access to it.
 *
 * Return: a file descriptor or 0; or a negative errno.
 */
int iommufd_test_phys(struct iommu_test_cmd *cmd)
{
	struct dma_buf *dmabuf;
	int rc;

	switch (cmd->op) {
	case IOMMU_TEST_OP_PHYS_GET:
		return iommufd_test_phys_get(cmd->dmabuf_get.open_flags,
					     cmd->dmabuf_get.length);
	case IOMMU_TEST_OP_PHYS_REVOKE:
		dmabuf = dma_buf_get(cmd->dmabuf_revoke.dmabuf_fd);
		if (IS_ERR(dmabuf))
			return PTR_ERR(dmabuf);
		rc = iommufd_test_phys_revoke(dmabuf,
					      cmd->dmabuf_revoke.revoked);
		dma_buf_put(dmabuf);
		return rc;
	default:
		return -EOPNOTSUPP;
	}
}
