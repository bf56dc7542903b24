// SPDX-License-Identifier: MIT
/*
 * QEMU's edu as an RDMA device, with what a program needs around it
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "module.h"
#include "pci.h"
#include "rdma.h"
#include "sysfs.h"

#define DRIVER "edu_ib"

int __rdma_wait_device(const char *addr, struct verbs_device *device)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	while (__verbs_find(addr, device) || access(device->node, F_OK)) {
		if (now_ms() > deadline)
			return -ENODEV;
		usleep(10000);
	}
	return 0;
}

int __rdma_bind(const char *addr, struct verbs_device *device)
{
	int ret;

	ret = __module_load("ib_uverbs", NULL);
	if (!ret)
		ret = __pci_load_driver(DRIVER);
	if (!ret)
		ret = __pci_bind(addr, DRIVER);
	return ret ? ret : __rdma_wait_device(addr, device);
}

int __rdma_open(struct rdma *rdma, const char *node)
{
	int ret, i;

	memset(rdma, 0, sizeof(*rdma));
	rdma->channel = -1;
	ret = __verbs_open(&rdma->dev, node);
	if (ret)
		return ret;
	ret = __verbs_alloc_pd(&rdma->dev, &rdma->pd);
	if (ret)
		goto fail;
	rdma->channel = ret = __verbs_create_channel(&rdma->dev);
	if (ret < 0)
		goto fail;
	ret = __verbs_create_cq(&rdma->dev, 4 * RDMA_DEPTH, rdma->channel,
				(uintptr_t)rdma, &rdma->cq);
	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_create_qp(&rdma->dev, rdma->pd, rdma->cq,
					RDMA_DEPTH, &rdma->qp[i]);
	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_connect(&rdma->dev, &rdma->qp[i],
				      &rdma->qp[1 - i]);
	if (!ret)
		return 0;
fail:
	rdma_close(rdma);
	return ret;
}

void rdma_close(struct rdma *rdma)
{
	if (rdma->channel >= 0)
		close(rdma->channel);
	rdma->channel = -1;
	verbs_close(&rdma->dev);
}

int __rdma_reset(struct rdma *rdma)
{
	struct ib_uverbs_wc wc;
	int ret = 0, i;

	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_modify_qp(&rdma->dev, &rdma->qp[i],
					VERBS_QPS_RESET, NULL);
	while (!ret && (ret = __verbs_poll_cq(&rdma->dev, rdma->cq, &wc)) > 0)
		ret = 0;
	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_connect(&rdma->dev, &rdma->qp[i],
				      &rdma->qp[1 - i]);
	return ret;
}

int __rdma_reg_memory(struct rdma *rdma, void *addr, uint64_t length,
		      struct verbs_mr *mr)
{
	return __verbs_reg_mr(&rdma->dev, rdma->pd, addr, length,
			      VERBS_ACCESS_ALL, mr);
}

int __rdma_reg_dmabuf(struct rdma *rdma, int fd, uint64_t offset,
		      uint64_t length, struct verbs_mr *mr)
{
	return __verbs_reg_dmabuf_mr(&rdma->dev, rdma->pd, fd, offset, length,
				     offset, VERBS_ACCESS_ALL, mr);
}

int __rdma_post(struct rdma *rdma, const struct rdma_op *op, uint64_t wr_id)
{
	const struct ib_uverbs_sge sge = {
		.addr = op->local,
		.length = op->length,
		.lkey = op->lkey,
	};
	struct ib_uverbs_send_wr wr = {
		.wr_id = wr_id,
		.num_sge = 1,
		.opcode = op->opcode,
		.send_flags = VERBS_SEND_SIGNALED,
	};

	if (op->opcode == IB_UVERBS_WR_SEND_WITH_IMM ||
	    op->opcode == IB_UVERBS_WR_RDMA_WRITE_WITH_IMM)
		wr.ex.imm_data = op->imm;
	if (op->opcode != IB_UVERBS_WR_SEND &&
	    op->opcode != IB_UVERBS_WR_SEND_WITH_IMM) {
		wr.wr.rdma.remote_addr = op->remote;
		wr.wr.rdma.rkey = op->rkey;
	}
	return __verbs_post_send(&rdma->dev, &rdma->qp[0], &wr, &sge);
}

int __rdma_wait(struct rdma *rdma, uint32_t length, struct ib_uverbs_wc *wc)
{
	struct ib_uverbs_wc here;
	int ret;

	if (!wc)
		wc = &here;
	/* The engine takes 100 us a byte, and the host may be loaded */
	ret = __verbs_wait_cq(&rdma->dev, rdma->cq, wc, 30000 + length * 2ull);
	return ret ? ret : (int)wc->status;
}

int __rdma_do(struct rdma *rdma, const struct rdma_op *op)
{
	int ret = __rdma_post(rdma, op, 0);

	return ret ? ret : __rdma_wait(rdma, op->length, NULL);
}

int __rdma_copy(struct rdma *rdma, enum ib_uverbs_wr_opcode opcode,
		const struct verbs_mr *local, uint64_t local_at,
		const struct verbs_mr *remote, uint64_t remote_at,
		uint32_t length)
{
	const struct rdma_op op = {
		.opcode = opcode,
		.lkey = local->lkey,
		.local = local_at,
		.rkey = remote->rkey,
		.remote = remote_at,
		.length = length,
	};

	return __rdma_do(rdma, &op);
}

int __rdma_entries(const char *addr, uint64_t length, uint64_t *entries,
		   uint64_t *page)
{
	uint64_t a_length, a_page, nr;
	char path[128], line[256];
	FILE *file;

	snprintf(path, sizeof(path), RDMA_DEBUGFS "/%s/mrs", addr);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	*entries = *page = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s type=dma-buf length=%" SCNu64
			   " state=mapped page-size=%" SCNu64 " entries=%" SCNu64,
			   &a_length, &a_page, &nr) == 3 && a_length == length) {
			*page = a_page;
			*entries = nr;
		}
	}
	fclose(file);
	return 0;
}
