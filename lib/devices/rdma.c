// SPDX-License-Identifier: MIT
/*
 * QEMU's edu as an RDMA device, with what a program needs around it
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "module.h"
#include "pci.h"
#include "rdma.h"
#include "sysfs.h"

#define DRIVER "edu_ib"

/*
 * libibverbs does not list what is just coming or going either: so many looks, so many ms
 * apart, have to agree that a provider is missing
 */
#define SURE_LOOKS 10
#define SURE_MS 100

int __rdma_wait_device(const char *addr, struct verbs_device *device)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	int unlisted = 0, ret;
	bool late;

	for (;;) {
		/* A look may take long, and what it has missed be there by now */
		late = now_ms() > deadline;
		ret = __verbs_find(addr, device);
		if (ret != -ENODEV && ret != -ELIBACC)
			return ret;
		unlisted = ret == -ELIBACC ? unlisted + 1 : 0;
		if (late || unlisted == SURE_LOOKS)
			return ret;
		usleep(1000 * (ret == -ELIBACC ? SURE_MS : 10));
	}
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

static int prepare(struct rdma *rdma)
{
	errno = 0;
	rdma->pd = ibv_alloc_pd(rdma->context);
	if (rdma->pd)
		rdma->channel = ibv_create_comp_channel(rdma->context);
	if (rdma->channel)
		rdma->cq = ibv_create_cq(rdma->context, 4 * RDMA_DEPTH, rdma,
					 rdma->channel, 0);
	if (rdma->cq)
		return 0;
	return errno ? -errno : -EIO;
}

int __rdma_connect(struct rdma *rdma)
{
	int ret = prepare(rdma), i;

	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_create_qp(rdma->pd, rdma->cq, RDMA_DEPTH,
					&rdma->qp[i]);
	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_connect(rdma->qp[i], rdma->qp[1 - i]);
	return ret;
}

static int open_with(struct rdma *rdma, const char *name,
		     int (*then)(struct rdma *rdma))
{
	int ret;

	memset(rdma, 0, sizeof(*rdma));
	ret = __verbs_open(name, &rdma->context);
	if (!ret)
		ret = then(rdma);
	if (ret)
		rdma_close(rdma);
	return ret;
}

int __rdma_open(struct rdma *rdma, const char *name)
{
	return open_with(rdma, name, __rdma_connect);
}

int __rdma_open_alone(struct rdma *rdma, const char *name)
{
	return open_with(rdma, name, prepare);
}

/* Regions keep the domain, and the kernel destroys both with the context */
void rdma_close(struct rdma *rdma)
{
	int i;

	for (i = 0; i < 2; i++)
		if (rdma->qp[i])
			ibv_destroy_qp(rdma->qp[i]);
	if (rdma->cq)
		ibv_destroy_cq(rdma->cq);
	if (rdma->channel)
		ibv_destroy_comp_channel(rdma->channel);
	if (rdma->pd)
		ibv_dealloc_pd(rdma->pd);
	if (rdma->context)
		ibv_close_device(rdma->context);
	memset(rdma, 0, sizeof(*rdma));
}

int __rdma_max_message(struct rdma *rdma, uint32_t *max)
{
	struct ibv_port_attr port;
	int ret = ibv_query_port(rdma->context, VERBS_PORT, &port);

	if (!ret)
		*max = port.max_msg_sz;
	return -ret;
}

int __rdma_reset(struct rdma *rdma)
{
	struct ibv_wc wc;
	int ret = 0, i;

	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_modify_qp(rdma->qp[i], IBV_QPS_RESET, NULL);
	while (!ret && (ret = __verbs_poll_cq(rdma->cq, &wc)) > 0)
		ret = 0;
	for (i = 0; !ret && i < 2; i++)
		ret = __verbs_connect(rdma->qp[i], rdma->qp[1 - i]);
	return ret;
}

int __rdma_reg_memory(struct rdma *rdma, void *addr, uint64_t length,
		      struct verbs_mr *mr)
{
	return __verbs_reg_mr(rdma->pd, addr, length, VERBS_ACCESS_ALL, mr);
}

int __rdma_reg_dmabuf(struct rdma *rdma, int fd, uint64_t offset,
		      uint64_t length, struct verbs_mr *mr)
{
	return __verbs_reg_dmabuf_mr(rdma->pd, fd, offset, length, offset,
				     VERBS_ACCESS_ALL, mr);
}

int __rdma_post(struct rdma *rdma, const struct rdma_op *op, uint64_t wr_id)
{
	return __rdma_post_on(rdma->qp[0], op, wr_id);
}

int __rdma_post_on(struct ibv_qp *qp, const struct rdma_op *op, uint64_t wr_id)
{
	const struct ibv_sge sge = {
		.addr = op->local,
		.length = op->length,
		.lkey = op->lkey,
	};
	struct ibv_send_wr wr = {
		.wr_id = wr_id,
		.num_sge = 1,
		.opcode = op->opcode,
		.send_flags = IBV_SEND_SIGNALED,
	};

	if (op->opcode == IBV_WR_SEND_WITH_IMM ||
	    op->opcode == IBV_WR_RDMA_WRITE_WITH_IMM)
		wr.imm_data = op->imm;
	if (op->opcode != IBV_WR_SEND &&
	    op->opcode != IBV_WR_SEND_WITH_IMM) {
		wr.wr.rdma.remote_addr = op->remote;
		wr.wr.rdma.rkey = op->rkey;
	}
	return __verbs_post_send(qp, &wr, &sge);
}

int __rdma_wait(struct rdma *rdma, uint32_t length, struct ibv_wc *wc)
{
	struct ibv_wc here;
	int ret;

	if (!wc)
		wc = &here;
	/* The engine takes 100 us a byte, and the host may be loaded */
	ret = __verbs_wait_cq(rdma->cq, wc, 30000 + length * 2ull);
	return ret ? ret : (int)wc->status;
}

int __rdma_do(struct rdma *rdma, const struct rdma_op *op)
{
	int ret = __rdma_post(rdma, op, 0);

	return ret ? ret : __rdma_wait(rdma, op->length, NULL);
}

int __rdma_copy(struct rdma *rdma, enum ibv_wr_opcode opcode,
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
