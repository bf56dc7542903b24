// SPDX-License-Identifier: MIT
/*
 * The extended way to post: work requests that are built by calls, and posted together
 *
 * They are collected as ibv_post_send() takes them, with a flag for the kernel to post
 * none if one of them cannot be: that the send queue is full, only the kernel knows.
 */
#include <stdlib.h>
#include <string.h>

#include "edu.h"

/* What libibverbs hands to the kernel at once: see post.c. These cannot be in pieces. */
#define MAX_COMMAND (UINT16_MAX - sizeof(struct ib_uverbs_post_send))

#define SEND_OPS                                                          \
	(IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | \
	 IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM |             \
	 IBV_QP_EX_WITH_RDMA_READ)

static struct edu_qp *to_edu_qp(struct ibv_qp_ex *qp)
{
	return container_of(qp, struct edu_qp, vqp.qp_ex);
}

static void wr_start(struct ibv_qp_ex *qp_ex)
{
	struct edu_qp *qp = to_edu_qp(qp_ex);

	pthread_mutex_lock(&qp->lock);
	qp->nr = 0;
	qp->error = 0;
}

static int wr_complete(struct ibv_qp_ex *qp_ex)
{
	struct edu_qp *qp = to_edu_qp(qp_ex);
	struct ibv_send_wr *bad;
	int ret = qp->error;
	uint32_t i;

	if (!ret && qp->nr) {
		for (i = 0; i + 1 < qp->nr; i++)
			qp->wr[i].next = &qp->wr[i + 1];
		ret = ibv_cmd_post_send(&qp->vqp.qp, qp->wr, &bad);
	}
	pthread_mutex_unlock(&qp->lock);
	return ret;
}

static void wr_abort(struct ibv_qp_ex *qp_ex)
{
	pthread_mutex_unlock(&to_edu_qp(qp_ex)->lock);
}

/* Of requests that do not fit the last is written to: wr_complete() fails */
static struct ibv_send_wr *wr_add(struct ibv_qp_ex *qp_ex,
				  enum ibv_wr_opcode opcode)
{
	struct edu_qp *qp = to_edu_qp(qp_ex);
	struct ibv_send_wr *wr;

	if (qp->nr == qp->max)
		qp->error = ENOMEM;
	else
		qp->nr++;
	wr = &qp->wr[qp->nr - 1];
	*wr = (struct ibv_send_wr) {
		.wr_id = qp_ex->wr_id,
		.opcode = opcode,
		.send_flags = qp_ex->wr_flags | EDU_SEND_TOGETHER,
		.sg_list = &qp->sge[(size_t)(qp->nr - 1) * qp->max_sge],
	};
	return wr;
}

static void wr_add_rdma(struct ibv_qp_ex *qp, enum ibv_wr_opcode opcode,
			uint32_t rkey, uint64_t addr, __be32 imm)
{
	struct ibv_send_wr *wr = wr_add(qp, opcode);

	wr->imm_data = imm;
	wr->wr.rdma.rkey = rkey;
	wr->wr.rdma.remote_addr = addr;
}

static void wr_rdma_read(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t addr)
{
	wr_add_rdma(qp, IBV_WR_RDMA_READ, rkey, addr, 0);
}

static void wr_rdma_write(struct ibv_qp_ex *qp, uint32_t rkey, uint64_t addr)
{
	wr_add_rdma(qp, IBV_WR_RDMA_WRITE, rkey, addr, 0);
}

static void wr_rdma_write_imm(struct ibv_qp_ex *qp, uint32_t rkey,
			      uint64_t addr, __be32 imm)
{
	wr_add_rdma(qp, IBV_WR_RDMA_WRITE_WITH_IMM, rkey, addr, imm);
}

static void wr_send(struct ibv_qp_ex *qp)
{
	wr_add(qp, IBV_WR_SEND);
}

static void wr_send_imm(struct ibv_qp_ex *qp, __be32 imm)
{
	wr_add(qp, IBV_WR_SEND_WITH_IMM)->imm_data = imm;
}

static void wr_set_sge_list(struct ibv_qp_ex *qp_ex, size_t nr,
			    const struct ibv_sge *list)
{
	struct edu_qp *qp = to_edu_qp(qp_ex);
	struct ibv_send_wr *wr;

	if (qp->error)
		return;
	if (!qp->nr || nr > qp->max_sge) {
		qp->error = EINVAL;
		return;
	}
	wr = &qp->wr[qp->nr - 1];
	/* There need not be a list then */
	if (nr)
		memcpy(wr->sg_list, list, nr * sizeof(*list));
	wr->num_sge = (int)nr;
}

static void wr_set_sge(struct ibv_qp_ex *qp, uint32_t lkey, uint64_t addr,
		       uint32_t length)
{
	const struct ibv_sge sge = {
		.addr = addr,
		.length = length,
		.lkey = lkey,
	};

	wr_set_sge_list(qp, 1, &sge);
}

/* max_inline_data is 0: so much can be sent inline */
static void wr_set_inline_data_list(struct ibv_qp_ex *qp, size_t nr,
				    const struct ibv_data_buf *list)
{
	size_t i;

	wr_set_sge_list(qp, 0, NULL);
	for (i = 0; i < nr; i++)
		if (list[i].length && !to_edu_qp(qp)->error)
			to_edu_qp(qp)->error = EINVAL;
}

static void wr_set_inline_data(struct ibv_qp_ex *qp, void *addr, size_t length)
{
	const struct ibv_data_buf buf = { .addr = addr, .length = length };

	wr_set_inline_data_list(qp, 1, &buf);
}

/**
 * edu_wr_init - let a queue pair be posted to by ibv_wr_*()
 * @qp: queue pair
 * @cap: its limits, as the kernel granted them
 * @send_ops: IBV_QP_EX_WITH_* that the program will use
 *
 * Return: 0 or an errno.
 */
int edu_wr_init(struct edu_qp *qp, const struct ibv_qp_cap *cap,
		uint64_t send_ops)
{
	struct ibv_qp_ex *ex = &qp->vqp.qp_ex;
	uint32_t fit;

	if (send_ops & ~(uint64_t)SEND_OPS)
		return EOPNOTSUPP;
	qp->max = cap->max_send_wr ? cap->max_send_wr : 1;
	qp->max_sge = cap->max_send_sge ? cap->max_send_sge : 1;
	fit = (uint32_t)(MAX_COMMAND /
			 (sizeof(struct ib_uverbs_send_wr) +
			  qp->max_sge * sizeof(struct ib_uverbs_sge)));
	if (qp->max > fit)
		qp->max = fit;
	qp->wr = calloc(qp->max, sizeof(*qp->wr));
	qp->sge = calloc((size_t)qp->max * qp->max_sge, sizeof(*qp->sge));
	if (!qp->wr || !qp->sge) {
		free(qp->wr);
		free(qp->sge);
		qp->wr = NULL;
		return ENOMEM;
	}
	pthread_mutex_init(&qp->lock, NULL);
	ex->wr_start = wr_start;
	ex->wr_complete = wr_complete;
	ex->wr_abort = wr_abort;
	ex->wr_rdma_read = wr_rdma_read;
	ex->wr_rdma_write = wr_rdma_write;
	ex->wr_rdma_write_imm = wr_rdma_write_imm;
	ex->wr_send = wr_send;
	ex->wr_send_imm = wr_send_imm;
	ex->wr_set_inline_data = wr_set_inline_data;
	ex->wr_set_inline_data_list = wr_set_inline_data_list;
	ex->wr_set_sge = wr_set_sge;
	ex->wr_set_sge_list = wr_set_sge_list;
	return 0;
}

/** edu_wr_exit - free what edu_wr_init() has allocated, if it has */
void edu_wr_exit(struct edu_qp *qp)
{
	if (!qp->wr)
		return;
	pthread_mutex_destroy(&qp->lock);
	free(qp->sge);
	free(qp->wr);
}
