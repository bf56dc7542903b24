// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worker: executes work requests, one chunk at a time.
 *
 * It takes the first queue pair of the list that has work, moves it to the end
 * of the list, executes one chunk and starts over. Between chunks the device's
 * buffer holds no data and the worker has no state: all progress is recorded in
 * the queue pair. So queue pairs take turns regardless of the size of their
 * messages, and RESET, destruction and flushing wait for a chunk and not for a
 * message.
 *
 * While edu_dev.cur_qp or .cur_peer is a queue pair, its first requests stay in
 * place, so the worker reads them without a lock. The result of a chunk is
 * evaluated with the lock held again: if the program has changed the state of a
 * queue pair in the meantime, the chunk does not count.
 *
 * With loopback both ends are at hand and nothing is sent. What a wire would do
 * to a request is derived instead: the peer does not answer, is not ready, or
 * refuses it.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>

#include "edu_ib.h"

/* Between attempts of a request that has no timeout */
#define EDU_WAIT	(HZ / 10)
#define EDU_RETRY_FOREVER	7

/* Why a request cannot be executed */
enum edu_fault {
	EDU_OK,
	EDU_LOCAL_PROT,		/* the requester's memory */
	EDU_LOCAL_OP,		/* the requester's limits */
	EDU_REMOTE_ACCESS,	/* memory that the request names by rkey */
	EDU_REMOTE_INVALID,	/* what the responder's queue pair allows */
	EDU_RECV_PROT,		/* memory of the receive request */
	EDU_RECV_LENGTH,	/* the receive request is too short */
	EDU_DEVICE,		/* the device is dead */
};

/* Effect on both ends; the responder is in error as well if it noticed */
static const struct {
	enum ib_wc_status send;
	enum ib_wc_status recv;
	enum ib_event_type event;
	bool responder;
} edu_faults[] = {
	[EDU_LOCAL_PROT] = { .send = IB_WC_LOC_PROT_ERR },
	[EDU_LOCAL_OP] = { .send = IB_WC_LOC_QP_OP_ERR },
	[EDU_REMOTE_ACCESS] = {
		.send = IB_WC_REM_ACCESS_ERR,
		.event = IB_EVENT_QP_ACCESS_ERR,
		.responder = true,
	},
	[EDU_REMOTE_INVALID] = {
		.send = IB_WC_REM_INV_REQ_ERR,
		.event = IB_EVENT_QP_REQ_ERR,
		.responder = true,
	},
	[EDU_RECV_PROT] = {
		.send = IB_WC_REM_OP_ERR,
		.recv = IB_WC_LOC_PROT_ERR,
		.responder = true,
	},
	[EDU_RECV_LENGTH] = {
		.send = IB_WC_REM_INV_REQ_ERR,
		.recv = IB_WC_LOC_LEN_ERR,
		.responder = true,
	},
	[EDU_DEVICE] = { .send = IB_WC_FATAL_ERR },
};

/**
 * struct edu_step - one chunk
 * @qp: requester
 * @peer: responder, may be the requester itself
 * @send: request to execute
 * @recv: receive request that takes the data or is consumed at the end; or NULL
 * @done: bytes of @send that have been transferred
 * @bytes: bytes of this chunk
 * @fault: why @send must not be executed, or EDU_OK
 */
struct edu_step {
	struct edu_qp *qp;
	struct edu_qp *peer;
	const struct edu_wqe *send;
	const struct edu_wqe *recv;
	u64 done;
	u32 bytes;
	enum edu_fault fault;
};

/**
 * struct edu_side - source or destination of a request
 * @sge: memory, in order, not shorter than the request
 * @ibpd: protection domain of the keys
 * @access: IB_ACCESS_* that the keys must allow
 * @fault: result if they do not
 */
struct edu_side {
	const struct ib_sge *sge;
	const struct ib_pd *ibpd;
	int access;
	enum edu_fault fault;
};

static bool edu_is_send(const struct edu_wqe *send)
{
	return send->opcode == IB_WR_SEND || send->opcode == IB_WR_SEND_WITH_IMM;
}

/*
 * Selecting; edu_dev.lock is held
 */

/* The responder of a queue pair, or NULL if nothing would answer */
static struct edu_qp *edu_qp_peer(const struct edu_qp *qp)
{
	struct edu_qp *peer;

	list_for_each_entry(peer, &to_edu_dev(qp->ibqp.device)->qps, node) {
		if (peer->ibqp.qp_num != qp->attr.dest_qp_num)
			continue;
		if (peer->attr.qp_state != IB_QPS_RTR &&
		    peer->attr.qp_state != IB_QPS_RTS)
			return NULL;
		if (peer->attr.dest_qp_num != qp->ibqp.qp_num)
			return NULL;
		/* It has been reset since this message was started */
		if (qp->started && peer->epoch != qp->peer_epoch)
			return NULL;
		return peer;
	}
	return NULL;
}

static void edu_fail(struct edu_qp *qp, enum ib_wc_status status)
{
	edu_send_complete(qp, status);
	edu_qp_error(qp);
}

static void edu_back_off(struct edu_qp *qp, u64 nsecs)
{
	qp->not_before = jiffies + max(nsecs_to_jiffies(nsecs), 1UL);
}

static void edu_no_answer(struct edu_qp *qp)
{
	to_edu_dev(qp->ibqp.device)->stats[EDU_STAT_NO_ANSWER]++;
	if (!qp->attr.timeout)
		qp->not_before = jiffies + EDU_WAIT;
	else if (qp->retries++ < qp->attr.retry_cnt)
		edu_back_off(qp, 4096ULL << qp->attr.timeout);
	else
		edu_fail(qp, IB_WC_RETRY_EXC_ERR);
}

/* Encoded: 0.01, 0.02, 0.03, 0.04, 0.06 ms and so on; 0 is the longest */
static u64 edu_rnr_nsecs(u8 timer)
{
	u64 n = timer ?: 32;

	return 10000ULL * (n == 1 ? 1 : (2 + (n & 1)) << ((n >> 1) - 1));
}

static void edu_not_ready(struct edu_qp *qp, const struct edu_qp *peer)
{
	to_edu_dev(qp->ibqp.device)->stats[EDU_STAT_NOT_READY]++;
	if (qp->attr.rnr_retry == EDU_RETRY_FOREVER ||
	    qp->rnrs++ < qp->attr.rnr_retry)
		edu_back_off(qp, edu_rnr_nsecs(peer->attr.min_rnr_timer));
	else
		edu_fail(qp, IB_WC_RNR_RETRY_EXC_ERR);
}

/* Check the request against both queue pairs. Memory is checked later. */
static enum edu_fault edu_check_request(const struct edu_step *step)
{
	const struct ib_qp_attr *peer = &step->peer->attr;

	switch (step->send->opcode) {
	case IB_WR_RDMA_READ:
		if (!step->qp->attr.max_rd_atomic)
			return EDU_LOCAL_OP;
		if (!peer->max_dest_rd_atomic ||
		    !(peer->qp_access_flags & IB_ACCESS_REMOTE_READ))
			return EDU_REMOTE_INVALID;
		return EDU_OK;
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		if (!(peer->qp_access_flags & IB_ACCESS_REMOTE_WRITE))
			return EDU_REMOTE_INVALID;
		return EDU_OK;
	default:
		return step->send->length > step->recv->length ?
		       EDU_RECV_LENGTH : EDU_OK;
	}
}

/* Find the next chunk of a queue pair, or handle why there is none now */
static bool edu_qp_next(struct edu_qp *qp, struct edu_step *step)
{
	const struct edu_wqe *send = edu_ring_first(&qp->sq);
	struct edu_qp *peer = edu_qp_peer(qp);
	u64 left = send->length - qp->done;

	if (!peer) {
		edu_no_answer(qp);
		return false;
	}
	*step = (struct edu_step){
		.qp = qp,
		.peer = peer,
		.send = send,
		.done = qp->done,
		.bytes = min(left, EDU_CHUNK),
	};
	/* Immediate data is in the last packet */
	if (edu_is_send(send) || (left <= EDU_CHUNK &&
				  send->opcode == IB_WR_RDMA_WRITE_WITH_IMM)) {
		if (!peer->rq.count) {
			edu_not_ready(qp, peer);
			return false;
		}
		step->recv = edu_ring_first(&peer->rq);
	}
	step->fault = edu_check_request(step);
	qp->started = true;
	qp->peer_epoch = peer->epoch;
	return true;
}

/* If nothing can be done now, queue the worker for when something can */
static bool edu_step_begin(struct edu_dev *edu, struct edu_step *step)
{
	unsigned long now = jiffies, wait = MAX_JIFFY_OFFSET;
	struct edu_qp *qp;

	guard(spinlock_irqsave)(&edu->lock);
	edu_qp_fatal_all(edu);
	list_for_each_entry(qp, &edu->qps, node) {
		if (qp->attr.qp_state != IB_QPS_RTS || !qp->sq.count)
			continue;
		if (!time_before(now, qp->not_before) &&
		    edu_qp_next(qp, step)) {
			list_move_tail(&qp->node, &edu->qps);
			edu->cur_qp = qp;
			edu->cur_peer = step->peer;
			return true;
		}
		if (time_before(now, qp->not_before))
			wait = min(wait, qp->not_before - now);
	}
	if (wait != MAX_JIFFY_OFFSET)
		queue_delayed_work(edu->wq, &edu->work, wait);
	return false;
}

/*
 * Executing
 */

/* All keys of a request are checked before its first byte is transferred */
static enum edu_fault edu_check_side(struct edu_dev *edu,
				     const struct edu_side *side, u64 length)
{
	const struct ib_sge *sge = side->sge;

	for (; length; sge++) {
		struct ib_sge part = *sge;
		struct edu_mr *mr;

		/* A receive request may be larger than the message */
		part.length = min(length, part.length);
		if (!part.length)
			continue;
		mr = edu_mr_get(edu, side->ibpd, &part, side->access);
		if (!mr)
			return side->fault;
		edu_mr_put(mr);
		length -= part.length;
	}
	return EDU_OK;
}

/*
 * Transfer between memory and the start of the device's buffer. Keys are
 * looked up again: regions may have been deregistered since the last chunk.
 */
static enum edu_fault edu_move(struct edu_dev *edu, const struct edu_side *side,
			       u64 offset, u32 length, bool to_mem)
{
	const struct ib_sge *sge = side->sge;
	u32 buf = 0;

	for (; length; sge++) {
		struct ib_sge part = *sge;
		struct edu_mr *mr;
		int ret;

		if (offset >= sge->length) {
			offset -= sge->length;
			continue;
		}
		part.addr += offset;
		part.length = min_t(u64, length, sge->length - offset);
		mr = edu_mr_get(edu, side->ibpd, &part, side->access);
		if (!mr)
			return side->fault;
		ret = edu_mr_transfer(mr, part.addr, buf, part.length, to_mem);
		edu_mr_put(mr);
		if (ret)
			return READ_ONCE(edu->dead) ? EDU_DEVICE : side->fault;
		offset = 0;
		buf += part.length;
		length -= part.length;
	}
	return EDU_OK;
}

static enum edu_fault edu_step_run(struct edu_dev *edu,
				   const struct edu_step *step)
{
	const struct edu_wqe *send = step->send;
	bool read = send->opcode == IB_WR_RDMA_READ;
	const struct ib_sge remote = {
		.addr = send->remote,
		.length = send->length,
		.lkey = send->rkey,
	};
	const struct edu_side local = {
		.sge = send->sge,
		.ibpd = step->qp->ibqp.pd,
		.access = read ? IB_ACCESS_LOCAL_WRITE : 0,
		.fault = EDU_LOCAL_PROT,
	};
	struct edu_side other = { .ibpd = step->peer->ibqp.pd };
	const struct edu_side *from = read ? &other : &local;
	const struct edu_side *to = read ? &local : &other;
	enum edu_fault fault = step->fault;

	if (edu_is_send(send)) {
		other.sge = step->recv->sge;
		other.access = IB_ACCESS_LOCAL_WRITE;
		other.fault = EDU_RECV_PROT;
	} else {
		other.sge = &remote;
		other.access = read ? IB_ACCESS_REMOTE_READ :
				      IB_ACCESS_REMOTE_WRITE;
		other.fault = EDU_REMOTE_ACCESS;
	}

	if (!fault && !step->done)
		fault = edu_check_side(edu, &local, send->length);
	if (!fault && !step->done)
		fault = edu_check_side(edu, &other, send->length);
	if (!fault)
		fault = edu_move(edu, from, step->done, step->bytes, false);
	if (!fault)
		fault = edu_move(edu, to, step->done, step->bytes, true);
	return fault;
}

/*
 * Finishing; edu_dev.lock is held
 */

static void edu_step_fail(const struct edu_step *step, enum edu_fault fault)
{
	struct ib_qp *ibpeer = &step->peer->ibqp;
	struct ib_event event = {
		.device = ibpeer->device,
		.element.qp = ibpeer,
		.event = edu_faults[fault].event,
	};

	if (edu_faults[fault].recv)
		edu_recv_complete(step->peer, edu_faults[fault].recv, step->qp,
				  step->send);
	edu_send_complete(step->qp, edu_faults[fault].send);
	edu_qp_error(step->qp);
	if (!edu_faults[fault].responder)
		return;
	edu_qp_error(step->peer);
	if (edu_faults[fault].event && ibpeer->event_handler)
		ibpeer->event_handler(&event, ibpeer->qp_context);
}

/* The program waits for its connection manager, and need not any more */
static void edu_step_establish(struct edu_qp *peer)
{
	struct ib_event event = {
		.device = peer->ibqp.device,
		.element.qp = &peer->ibqp,
		.event = IB_EVENT_COMM_EST,
	};

	if (peer->established)
		return;
	peer->established = true;
	if (peer->attr.qp_state == IB_QPS_RTR && peer->ibqp.event_handler)
		peer->ibqp.event_handler(&event, peer->ibqp.qp_context);
}

static void edu_step_succeed(const struct edu_step *step)
{
	struct edu_qp *qp = step->qp;

	edu_step_establish(step->peer);
	qp->retries = 0;
	qp->rnrs = 0;
	qp->done += step->bytes;
	to_edu_dev(qp->ibqp.device)->stats[EDU_STAT_BYTES] += step->bytes;
	if (qp->done < step->send->length)
		return;
	if (step->recv)
		edu_recv_complete(step->peer, IB_WC_SUCCESS, qp, step->send);
	edu_send_complete(qp, IB_WC_SUCCESS);
}

static void edu_step_end(struct edu_dev *edu, const struct edu_step *step,
			 enum edu_fault fault)
{
	guard(spinlock_irqsave)(&edu->lock);
	edu->cur_qp = NULL;
	edu->cur_peer = NULL;
	/* If the peer does not answer anymore, it is retried or fails */
	if (step->qp->attr.qp_state == IB_QPS_RTS &&
	    (fault == EDU_DEVICE || edu_qp_peer(step->qp) == step->peer)) {
		if (fault)
			edu_step_fail(step, fault);
		else
			edu_step_succeed(step);
	}
	if (fault == EDU_DEVICE)
		edu_qp_error_all(edu);
	/* Deferred while the worker was using them */
	edu_qp_run(step->qp);
	edu_qp_run(step->peer);
	wake_up_all(&edu->idle);
}

/**
 * edu_work - execute one chunk
 * @work: edu_dev.work
 */
void edu_work(struct work_struct *work)
{
	struct edu_dev *edu = container_of(to_delayed_work(work),
					   struct edu_dev, work);
	struct ib_event event = {
		.device = &edu->ibdev,
		.element.port_num = EDU_PORT,
		.event = IB_EVENT_DEVICE_FATAL,
	};
	enum edu_fault fault;
	struct edu_step step;

	if (!edu_step_begin(edu, &step))
		return;
	fault = edu_step_run(edu, &step);
	edu_step_end(edu, &step, fault);
	/* Other queue pairs may have work */
	mod_delayed_work(edu->wq, &edu->work, 0);
	if (fault == EDU_DEVICE)
		ib_dispatch_event(&event);
}
