// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work queues: posting, completing and flushing of work requests.
 *
 * Requests are copied into rings of fixed size. Keys are not checked when they
 * are posted, but when the worker executes them, as a device does.
 */
#include <linux/cleanup.h>

#include "edu_ib.h"

#define EDU_SEND_FLAGS	(IB_SEND_SIGNALED | IB_SEND_SOLICITED | IB_SEND_FENCE | \
			 IB_SEND_INLINE | EDU_SEND_TOGETHER)

/*
 * Completing; edu_dev.lock is held
 */

static enum ib_wc_opcode edu_wc_opcode(enum ib_wr_opcode opcode)
{
	switch (opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return IB_WC_RDMA_WRITE;
	case IB_WR_RDMA_READ:
		return IB_WC_RDMA_READ;
	default:
		return IB_WC_SEND;
	}
}

static enum edu_stat edu_send_stat(enum ib_wr_opcode opcode)
{
	switch (edu_wc_opcode(opcode)) {
	case IB_WC_RDMA_WRITE:
		return EDU_STAT_WRITES;
	case IB_WC_RDMA_READ:
		return EDU_STAT_READS;
	default:
		return EDU_STAT_SENDS;
	}
}

static void edu_count(struct edu_qp *qp, enum ib_wc_status status,
		      enum edu_stat success)
{
	struct edu_dev *edu = to_edu_dev(qp->ibqp.device);

	if (status == IB_WC_SUCCESS)
		edu->stats[success]++;
	else if (status == IB_WC_WR_FLUSH_ERR)
		edu->stats[EDU_STAT_FLUSHED]++;
	else
		edu->stats[EDU_STAT_ERRORS]++;
}

/**
 * edu_send_complete - complete the first send request of a queue pair
 * @qp: queue pair
 * @status: status of the completion
 */
void edu_send_complete(struct edu_qp *qp, enum ib_wc_status status)
{
	const struct edu_wqe *send = edu_ring_first(&qp->sq);
	struct ib_wc wc = {
		.wr_id = send->wr_id,
		.status = status,
		.opcode = edu_wc_opcode(send->opcode),
		.byte_len = send->length,
		.qp = &qp->ibqp,
		.port_num = EDU_PORT,
	};

	edu_count(qp, status, edu_send_stat(send->opcode));
	if (status != IB_WC_SUCCESS || qp->sig_all ||
	    send->flags & IB_SEND_SIGNALED)
		edu_cq_push(qp->ibqp.send_cq, &wc, false);
	edu_ring_drop_first(&qp->sq);
	qp->started = false;
	qp->done = 0;
}

/**
 * edu_recv_complete - complete the first receive request of a queue pair
 * @qp: queue pair
 * @status: status of the completion
 * @from: requester, or NULL
 * @send: send request of @from, or NULL
 */
void edu_recv_complete(struct edu_qp *qp, enum ib_wc_status status,
		       const struct edu_qp *from, const struct edu_wqe *send)
{
	struct ib_wc wc = {
		.wr_id = edu_ring_first(&qp->rq)->wr_id,
		.status = status,
		.opcode = IB_WC_RECV,
		.qp = &qp->ibqp,
		.slid = EDU_LID,
		.port_num = EDU_PORT,
	};

	if (send) {
		wc.byte_len = send->length;
		wc.src_qp = from->ibqp.qp_num;
		if (send->opcode == IB_WR_RDMA_WRITE_WITH_IMM)
			wc.opcode = IB_WC_RECV_RDMA_WITH_IMM;
		if (send->opcode != IB_WR_SEND) {
			wc.wc_flags = IB_WC_WITH_IMM;
			wc.ex.imm_data = send->imm;
		}
	}
	edu_count(qp, status, EDU_STAT_RECVS);
	edu_cq_push(qp->ibqp.recv_cq, &wc,
		    send && send->flags & IB_SEND_SOLICITED);
	edu_ring_drop_first(&qp->rq);
}

static void edu_qp_flush(struct edu_qp *qp)
{
	while (qp->sq.count)
		edu_send_complete(qp, IB_WC_WR_FLUSH_ERR);
	while (qp->rq.count)
		edu_recv_complete(qp, IB_WC_WR_FLUSH_ERR, NULL, NULL);
}

/*
 * States; edu_dev.lock is held
 */

/* Whether the worker executes a chunk of it, as requester or responder */
bool edu_qp_in_use(const struct edu_qp *qp)
{
	struct edu_dev *edu = to_edu_dev(qp->ibqp.device);

	lockdep_assert_held(&edu->lock);
	return edu->cur_qp == qp || edu->cur_peer == qp;
}

/* Whether completions of it are lost, and it has not been stopped for that */
static bool edu_qp_doomed(const struct edu_qp *qp)
{
	return qp->attr.qp_state != IB_QPS_RESET &&
	       qp->attr.qp_state != IB_QPS_ERR &&
	       (to_edu_cq(qp->ibqp.send_cq)->overflow ||
		to_edu_cq(qp->ibqp.recv_cq)->overflow);
}

/**
 * edu_qp_run - do what the state requires
 * @qp: queue pair whose state or queues have changed
 *
 * While the worker uses the queue pair, the first requests belong to it. It
 * calls this again afterwards.
 */
void edu_qp_run(struct edu_qp *qp)
{
	struct edu_dev *edu = to_edu_dev(qp->ibqp.device);

	lockdep_assert_held(&edu->lock);
	if (qp->attr.qp_state == IB_QPS_ERR && !edu_qp_in_use(qp))
		edu_qp_flush(qp);
	else if ((qp->attr.qp_state == IB_QPS_RTS && qp->sq.count) ||
		 edu_qp_doomed(qp))
		mod_delayed_work(edu->wq, &edu->work, 0);
}

/* A queue pair in RESET has nothing to flush and stays there */
void edu_qp_error(struct edu_qp *qp)
{
	lockdep_assert_held(&to_edu_dev(qp->ibqp.device)->lock);
	if (qp->attr.qp_state == IB_QPS_RESET)
		return;
	qp->attr.qp_state = IB_QPS_ERR;
	edu_qp_run(qp);
}

void edu_qp_error_all(struct edu_dev *edu)
{
	struct edu_qp *qp;

	lockdep_assert_held(&edu->lock);
	list_for_each_entry(qp, &edu->qps, node)
		edu_qp_error(qp);
}

/**
 * edu_qp_fatal_all - stop queue pairs whose completion queues have overflowed
 * @edu: device
 *
 * Their programs cannot know what became of their requests anymore. Context: the
 * worker, which uses none of them.
 */
void edu_qp_fatal_all(struct edu_dev *edu)
{
	struct edu_qp *qp;

	lockdep_assert_held(&edu->lock);
	list_for_each_entry(qp, &edu->qps, node) {
		struct ib_event event = {
			.device = &edu->ibdev,
			.element.qp = &qp->ibqp,
			.event = IB_EVENT_QP_FATAL,
		};

		if (!edu_qp_doomed(qp))
			continue;
		edu_qp_error(qp);
		if (qp->ibqp.event_handler)
			qp->ibqp.event_handler(&event, qp->ibqp.qp_context);
	}
}

/*
 * Posting
 */

static struct edu_wqe *edu_ring_next(struct edu_ring *ring)
{
	if (ring->count == ring->size)
		return NULL;
	return &ring->wqe[(ring->head + ring->count) % ring->size];
}

static int edu_wqe_set_sge(struct edu_wqe *wqe, const struct ib_sge *sge,
			   int num_sge, u32 max)
{
	int i;

	if (num_sge < 0 || num_sge > max)
		return -EINVAL;
	wqe->num_sge = num_sge;
	wqe->length = 0;
	for (i = 0; i < num_sge; i++) {
		wqe->sge[i] = sge[i];
		wqe->length += sge[i].length;
	}
	return 0;
}

static int edu_queue_send(struct edu_qp *qp, const struct ib_send_wr *wr)
{
	struct edu_wqe *wqe = edu_ring_next(&qp->sq);
	int ret;

	if (wr->send_flags & ~EDU_SEND_FLAGS)
		return -EINVAL;
	if (!wqe)
		return -ENOMEM;

	switch (wr->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
		wqe->remote = rdma_wr(wr)->remote_addr;
		wqe->rkey = rdma_wr(wr)->rkey;
		break;
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
		break;
	default:
		return -EINVAL;
	}
	wqe->wr_id = wr->wr_id;
	wqe->opcode = wr->opcode;
	wqe->flags = wr->send_flags;
	wqe->imm = wr->ex.imm_data;
	ret = edu_wqe_set_sge(wqe, wr->sg_list, wr->num_sge,
			      qp->attr.cap.max_send_sge);
	if (ret)
		return ret;
	if (wqe->length > EDU_MAX_MSG)
		return -EINVAL;
	/* max_inline_data is 0, which is a length that programs send inline, too */
	if (wr->send_flags & IB_SEND_INLINE && wqe->length)
		return -EINVAL;
	qp->sq.count++;
	return 0;
}

static int edu_queue_recv(struct edu_qp *qp, const struct ib_recv_wr *wr)
{
	struct edu_wqe *wqe = edu_ring_next(&qp->rq);
	int ret;

	if (!wqe)
		return -ENOMEM;
	wqe->wr_id = wr->wr_id;
	ret = edu_wqe_set_sge(wqe, wr->sg_list, wr->num_sge,
			      qp->attr.cap.max_recv_sge);
	if (!ret)
		qp->rq.count++;
	return ret;
}

int edu_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad_wr)
{
	const struct ib_send_wr *first = wr;
	struct edu_qp *qp = to_edu_qp(ibqp);
	u32 count;
	int ret = 0;

	guard(spinlock_irqsave)(&to_edu_dev(ibqp->device)->lock);
	if (qp->attr.qp_state != IB_QPS_RTS &&
	    qp->attr.qp_state != IB_QPS_ERR) {
		*bad_wr = wr;
		return -EINVAL;
	}
	count = qp->sq.count;
	for (; wr && !ret; wr = wr->next) {
		*bad_wr = wr;
		ret = edu_queue_send(qp, wr);
	}
	if (ret && first->send_flags & EDU_SEND_TOGETHER) {
		*bad_wr = first;
		qp->sq.count = count;
	}
	edu_qp_run(qp);
	return ret;
}

int edu_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad_wr)
{
	struct edu_qp *qp = to_edu_qp(ibqp);
	int ret = 0;

	guard(spinlock_irqsave)(&to_edu_dev(ibqp->device)->lock);
	if (qp->attr.qp_state == IB_QPS_RESET) {
		*bad_wr = wr;
		return -EINVAL;
	}
	for (; wr && !ret; wr = wr->next) {
		*bad_wr = wr;
		ret = edu_queue_recv(qp, wr);
	}
	edu_qp_run(qp);
	return ret;
}
