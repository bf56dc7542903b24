// SPDX-License-Identifier: MIT
/*
 * Completion queues, and the extended way to poll them
 *
 * Extended polling hands out one completion after the other, and each is a system call
 * of its own here: the kernel has no way to leave one in its queue that was looked at.
 */
#include <stdlib.h>

#include "edu.h"

static struct edu_cq *to_edu_cq(struct ibv_cq_ex *cq)
{
	return container_of(cq, struct edu_cq, vcq.cq_ex);
}

struct ibv_cq *edu_create_cq(struct ibv_context *context, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector)
{
	struct ib_uverbs_create_cq_resp resp;
	struct ibv_create_cq cmd;
	struct edu_cq *cq;
	int ret;

	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return edu_null(ENOMEM);
	ret = ibv_cmd_create_cq(context, cqe, channel, comp_vector, &cq->vcq.cq,
				&cmd, sizeof(cmd), &resp, sizeof(resp));
	if (ret) {
		free(cq);
		return edu_null(ret);
	}
	pthread_mutex_init(&cq->lock, NULL);
	return &cq->vcq.cq;
}

static int next_poll(struct ibv_cq_ex *cq_ex)
{
	struct edu_cq *cq = to_edu_cq(cq_ex);
	int nr;

	nr = ibv_cmd_poll_cq(&cq->vcq.cq, 1, &cq->wc);
	if (nr < 0)
		return errno;
	if (!nr)
		return ENOENT;
	cq_ex->wr_id = cq->wc.wr_id;
	cq_ex->status = cq->wc.status;
	return 0;
}

/* If it fails there is no end_poll() */
static int start_poll(struct ibv_cq_ex *cq_ex, struct ibv_poll_cq_attr *attr)
{
	struct edu_cq *cq = to_edu_cq(cq_ex);
	int ret;

	if (attr->comp_mask)
		return EINVAL;
	pthread_mutex_lock(&cq->lock);
	ret = next_poll(cq_ex);
	if (ret)
		pthread_mutex_unlock(&cq->lock);
	return ret;
}

static void end_poll(struct ibv_cq_ex *cq)
{
	pthread_mutex_unlock(&to_edu_cq(cq)->lock);
}

static enum ibv_wc_opcode read_opcode(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.opcode;
}

static uint32_t read_vendor_err(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.vendor_err;
}

static uint32_t read_byte_len(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.byte_len;
}

static __be32 read_imm_data(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.imm_data;
}

static uint32_t read_qp_num(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.qp_num;
}

static uint32_t read_src_qp(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.src_qp;
}

static unsigned int read_wc_flags(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.wc_flags;
}

static uint32_t read_slid(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.slid;
}

static uint8_t read_sl(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.sl;
}

static uint8_t read_dlid_path_bits(struct ibv_cq_ex *cq)
{
	return to_edu_cq(cq)->wc.dlid_path_bits;
}

struct ibv_cq_ex *edu_create_cq_ex(struct ibv_context *context,
				   struct ibv_cq_init_attr_ex *attr)
{
	struct ib_uverbs_ex_create_cq_resp resp;
	struct ibv_create_cq_ex cmd;
	struct edu_cq *cq;
	int ret;

	if (attr->wc_flags & ~(uint64_t)IBV_WC_STANDARD_FLAGS)
		return edu_null(EOPNOTSUPP);
	cq = calloc(1, sizeof(*cq));
	if (!cq)
		return edu_null(ENOMEM);
	ret = ibv_cmd_create_cq_ex(context, attr, &cq->vcq, &cmd, sizeof(cmd),
				   &resp, sizeof(resp), 0);
	if (ret) {
		free(cq);
		return edu_null(ret);
	}
	pthread_mutex_init(&cq->lock, NULL);
	cq->vcq.cq_ex.start_poll = start_poll;
	cq->vcq.cq_ex.next_poll = next_poll;
	cq->vcq.cq_ex.end_poll = end_poll;
	cq->vcq.cq_ex.read_opcode = read_opcode;
	cq->vcq.cq_ex.read_vendor_err = read_vendor_err;
	cq->vcq.cq_ex.read_byte_len = read_byte_len;
	cq->vcq.cq_ex.read_imm_data = read_imm_data;
	cq->vcq.cq_ex.read_qp_num = read_qp_num;
	cq->vcq.cq_ex.read_src_qp = read_src_qp;
	cq->vcq.cq_ex.read_wc_flags = read_wc_flags;
	cq->vcq.cq_ex.read_slid = read_slid;
	cq->vcq.cq_ex.read_sl = read_sl;
	cq->vcq.cq_ex.read_dlid_path_bits = read_dlid_path_bits;
	return &cq->vcq.cq_ex;
}

int edu_modify_cq(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr)
{
	struct ibv_modify_cq cmd = { 0 };

	return ibv_cmd_modify_cq(cq, attr, &cmd, sizeof(cmd));
}

int edu_destroy_cq(struct ibv_cq *cq)
{
	struct edu_cq *edu = container_of(cq, struct edu_cq, vcq.cq);
	int ret = ibv_cmd_destroy_cq(cq);

	if (ret)
		return ret;
	pthread_mutex_destroy(&edu->lock);
	free(edu);
	return 0;
}
