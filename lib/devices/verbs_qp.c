// SPDX-License-Identifier: MIT
/*
 * The kernel's verbs without a library in between: queues
 *
 * Every work request and every completion passes through a system call; there
 * is no queue in user memory.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "sysfs.h"
#include "verbs.h"

#define PORT 1

/* Which fields of struct ib_uverbs_modify_qp count */
#define QP_STATE (1u << 0)
#define QP_ACCESS_FLAGS (1u << 3)
#define QP_PKEY_INDEX (1u << 4)
#define QP_PORT (1u << 5)
#define QP_AV (1u << 7)
#define QP_PATH_MTU (1u << 8)
#define QP_TIMEOUT (1u << 9)
#define QP_RETRY_CNT (1u << 10)
#define QP_RNR_RETRY (1u << 11)
#define QP_RQ_PSN (1u << 12)
#define QP_MAX_QP_RD_ATOMIC (1u << 13)
#define QP_MIN_RNR_TIMER (1u << 15)
#define QP_SQ_PSN (1u << 16)
#define QP_MAX_DEST_RD_ATOMIC (1u << 17)
#define QP_DEST_QPN (1u << 20)

#define MTU_2048 4

int __verbs_create_cq(struct verbs *verbs, uint32_t entries, int channel,
		      uint64_t cookie, uint32_t *cq)
{
	struct ib_uverbs_create_cq_resp response;
	struct ib_uverbs_create_cq request = {
		.response = (uintptr_t)&response,
		.user_handle = cookie,
		.cqe = entries,
		.comp_channel = channel,
	};
	int ret;

	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_CREATE_CQ, &request,
			      sizeof(request), sizeof(response));
	if (!ret)
		*cq = response.cq_handle;
	return ret;
}

int __verbs_destroy_cq(struct verbs *verbs, uint32_t cq)
{
	struct ib_uverbs_destroy_cq_resp response;
	struct ib_uverbs_destroy_cq request = {
		.response = (uintptr_t)&response,
		.cq_handle = cq,
	};

	return __verbs_command(verbs, IB_USER_VERBS_CMD_DESTROY_CQ, &request,
			       sizeof(request), sizeof(response));
}

int __verbs_req_notify_cq(struct verbs *verbs, uint32_t cq, bool solicited)
{
	struct ib_uverbs_req_notify_cq request = {
		.cq_handle = cq,
		.solicited_only = solicited,
	};

	return __verbs_command(verbs, IB_USER_VERBS_CMD_REQ_NOTIFY_CQ, &request,
			       sizeof(request), 0);
}

int __verbs_poll_cq(struct verbs *verbs, uint32_t cq, struct ib_uverbs_wc *wc)
{
	struct {
		uint32_t count;
		uint32_t reserved;
		struct ib_uverbs_wc wc;
	} response;
	struct ib_uverbs_poll_cq request = {
		.response = (uintptr_t)&response,
		.cq_handle = cq,
		.ne = 1,
	};
	int ret;

	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_POLL_CQ, &request,
			      sizeof(request), sizeof(response));
	if (ret || !response.count)
		return ret;
	*wc = response.wc;
	return 1;
}

int __verbs_wait_cq(struct verbs *verbs, uint32_t cq, struct ib_uverbs_wc *wc,
		    uint64_t timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	int ret;

	for (;;) {
		ret = __verbs_poll_cq(verbs, cq, wc);
		if (ret)
			return ret < 0 ? ret : 0;
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		usleep(2000);
	}
}

int __verbs_create_qp(struct verbs *verbs, uint32_t pd, uint32_t cq,
		      uint32_t depth, struct verbs_qp *qp)
{
	struct ib_uverbs_create_qp_resp response;
	struct ib_uverbs_create_qp request = {
		.response = (uintptr_t)&response,
		.user_handle = (uintptr_t)qp,
		.pd_handle = pd,
		.send_cq_handle = cq,
		.recv_cq_handle = cq,
		.max_send_wr = depth,
		.max_recv_wr = depth,
		.max_send_sge = VERBS_MAX_SGE,
		.max_recv_sge = VERBS_MAX_SGE,
		.qp_type = IB_UVERBS_QPT_RC,
	};
	int ret;

	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_CREATE_QP, &request,
			      sizeof(request), sizeof(response));
	if (!ret) {
		qp->handle = response.qp_handle;
		qp->qpn = response.qpn;
	}
	return ret;
}

int __verbs_destroy_qp(struct verbs *verbs, const struct verbs_qp *qp)
{
	struct ib_uverbs_destroy_qp_resp response;
	struct ib_uverbs_destroy_qp request = {
		.response = (uintptr_t)&response,
		.qp_handle = qp->handle,
	};

	return __verbs_command(verbs, IB_USER_VERBS_CMD_DESTROY_QP, &request,
			       sizeof(request), sizeof(response));
}

int __verbs_modify_qp(struct verbs *verbs, const struct verbs_qp *qp,
		      enum verbs_qp_state state, const struct verbs_qp *peer)
{
	struct ib_uverbs_modify_qp request = {
		.qp_handle = qp->handle,
		.attr_mask = QP_STATE,
		.qp_state = (uint8_t)state,
	};
	struct ib_uverbs_query_port_resp port;
	int ret;

	switch (state) {
	case VERBS_QPS_INIT:
		request.attr_mask |= QP_PKEY_INDEX | QP_PORT | QP_ACCESS_FLAGS;
		request.port_num = PORT;
		request.qp_access_flags = VERBS_ACCESS_ALL;
		break;
	case VERBS_QPS_RTR:
		ret = __verbs_query_port(verbs, PORT, &port);
		if (ret)
			return ret;
		request.attr_mask |= QP_AV | QP_PATH_MTU | QP_DEST_QPN |
				     QP_RQ_PSN | QP_MAX_DEST_RD_ATOMIC |
				     QP_MIN_RNR_TIMER;
		request.dest.port_num = PORT;
		request.dest.dlid = port.lid;
		request.path_mtu = MTU_2048;
		request.dest_qp_num = peer->qpn;
		request.max_dest_rd_atomic = 1;
		break;
	case VERBS_QPS_RTS:
		request.attr_mask |= QP_TIMEOUT | QP_RETRY_CNT | QP_RNR_RETRY |
				     QP_SQ_PSN | QP_MAX_QP_RD_ATOMIC;
		request.max_rd_atomic = 1;
		request.timeout = 8;	/* 4.096 us << 8, about 1 ms */
		request.retry_cnt = 1;
		break;
	default:
		break;
	}
	return __verbs_command(verbs, IB_USER_VERBS_CMD_MODIFY_QP, &request,
			       sizeof(request), 0);
}

int __verbs_connect(struct verbs *verbs, const struct verbs_qp *qp,
		    const struct verbs_qp *peer)
{
	static const enum verbs_qp_state states[] = {
		VERBS_QPS_INIT, VERBS_QPS_RTR, VERBS_QPS_RTS };
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < ARRAY_SIZE(states); i++)
		ret = __verbs_modify_qp(verbs, qp, states[i], peer);
	return ret;
}

int __verbs_qp_state(struct verbs *verbs, const struct verbs_qp *qp)
{
	struct ib_uverbs_query_qp_resp response;
	struct ib_uverbs_query_qp request = {
		.response = (uintptr_t)&response,
		.qp_handle = qp->handle,
		.attr_mask = QP_STATE,
	};
	int ret;

	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_QUERY_QP, &request,
			      sizeof(request), sizeof(response));
	return ret ? ret : response.qp_state;
}

int __verbs_post_send(struct verbs *verbs, const struct verbs_qp *qp,
		      const struct ib_uverbs_send_wr *wr,
		      const struct ib_uverbs_sge *sge)
{
	struct ib_uverbs_post_send_resp response;
	struct {
		struct {
			uint64_t response;
			uint32_t qp_handle;
			uint32_t wr_count;
			uint32_t sge_count;
			uint32_t wqe_size;
		} head;
		struct ib_uverbs_send_wr wr;
		struct ib_uverbs_sge sge[VERBS_MAX_SGE];
	} request = {
		.head = {
			.response = (uintptr_t)&response,
			.qp_handle = qp->handle,
			.wr_count = 1,
			.sge_count = wr->num_sge,
			.wqe_size = sizeof(*wr),
		},
		.wr = *wr,
	};

	_Static_assert(sizeof(request.head) ==
		       sizeof(struct ib_uverbs_post_send), "layout");
	if (wr->num_sge > VERBS_MAX_SGE)
		return -EINVAL;
	if (wr->num_sge)
		memcpy(request.sge, sge, wr->num_sge * sizeof(*sge));
	return __verbs_command(verbs, IB_USER_VERBS_CMD_POST_SEND, &request,
			       offsetof(typeof(request), sge) +
				       wr->num_sge * sizeof(*sge),
			       sizeof(response));
}

int __verbs_post_recv(struct verbs *verbs, const struct verbs_qp *qp,
		      uint64_t wr_id, const struct ib_uverbs_sge *sge)
{
	struct ib_uverbs_post_recv_resp response;
	struct {
		struct {
			uint64_t response;
			uint32_t qp_handle;
			uint32_t wr_count;
			uint32_t sge_count;
			uint32_t wqe_size;
		} head;
		struct ib_uverbs_recv_wr wr;
		struct ib_uverbs_sge sge;
	} request = {
		.head = {
			.response = (uintptr_t)&response,
			.qp_handle = qp->handle,
			.wr_count = 1,
			.sge_count = sge ? 1 : 0,
			.wqe_size = sizeof(request.wr),
		},
		.wr = {
			.wr_id = wr_id,
			.num_sge = sge ? 1 : 0,
		},
	};

	_Static_assert(sizeof(request.head) ==
		       sizeof(struct ib_uverbs_post_recv), "layout");
	if (sge)
		request.sge = *sge;
	return __verbs_command(verbs, IB_USER_VERBS_CMD_POST_RECV, &request,
			       sge ? sizeof(request) :
				     offsetof(typeof(request), sge),
			       sizeof(response));
}

const char *verbs_wc_name(int status)
{
	static const char *const names[] = {
		[VERBS_WC_SUCCESS] = "success",
		[VERBS_WC_LOC_LEN_ERR] = "local length error",
		[VERBS_WC_LOC_QP_OP_ERR] = "local QP operation error",
		[VERBS_WC_LOC_PROT_ERR] = "local protection error",
		[VERBS_WC_WR_FLUSH_ERR] = "work request flushed",
		[VERBS_WC_REM_INV_REQ_ERR] = "remote invalid request",
		[VERBS_WC_REM_ACCESS_ERR] = "remote access error",
		[VERBS_WC_REM_OP_ERR] = "remote operation error",
		[VERBS_WC_RETRY_EXC_ERR] = "retries exceeded",
		[VERBS_WC_RNR_RETRY_EXC_ERR] = "receiver not ready",
		[VERBS_WC_FATAL_ERR] = "fatal error",
		[VERBS_WC_GENERAL_ERR] = "general error",
	};

	if (status < 0)
		return strerror(-status);
	if ((size_t)status < ARRAY_SIZE(names) && names[status])
		return names[status];
	return "unknown status";
}
