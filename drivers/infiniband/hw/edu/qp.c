// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue pairs: creation, attributes and states.
 *
 * The state changes under edu_dev.lock: by the program, and to ERR also by the
 * worker. In each state:
 *
 *	RESET	nothing is executed or posted. Entering it waits for the worker,
 *		so the program gets the memory of its work requests back.
 *	INIT	receive requests may be posted
 *	RTR	requests of the peer are answered
 *	RTS	send requests are executed as well
 *	ERR	all requests are flushed: immediately or, if the worker executes
 *		one of them, after its chunk
 *
 * edu_qp.mutex keeps other changes out while RESET waits: the queues are not
 * emptied until then, and must not be filled in the meantime.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <rdma/uverbs_ioctl.h>

#include "edu_ib.h"

#define EDU_QPN_MAX	0xffffff
#define EDU_QPN_FIRST	2 /* 0 and 1 are for management */

#define EDU_QP_ATTR	(IB_QP_STATE | IB_QP_CUR_STATE | IB_QP_ACCESS_FLAGS | \
			 IB_QP_PKEY_INDEX | IB_QP_PORT | IB_QP_AV | \
			 IB_QP_PATH_MTU | IB_QP_TIMEOUT | IB_QP_RETRY_CNT | \
			 IB_QP_RNR_RETRY | IB_QP_RQ_PSN | IB_QP_SQ_PSN | \
			 IB_QP_MAX_QP_RD_ATOMIC | IB_QP_MAX_DEST_RD_ATOMIC | \
			 IB_QP_MIN_RNR_TIMER | IB_QP_DEST_QPN)

/* Programs ask for atomics before they know whether there are any: none are executed */
#define EDU_QP_ACCESS	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | \
			 IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC)

static bool edu_qpn_taken(struct edu_dev *edu, u32 qpn)
{
	struct edu_qp *qp;

	list_for_each_entry(qp, &edu->qps, node) {
		if (qp->ibqp.qp_num == qpn)
			return true;
	}
	return false;
}

/* A number is not reused for long, so that stale ones are noticed */
static int edu_qp_add(struct edu_dev *edu, struct edu_qp *qp)
{
	guard(spinlock_irqsave)(&edu->lock);
	if (edu->num_qps == EDU_MAX_QP)
		return -ENOSPC;
	do {
		if (edu->next_qpn < EDU_QPN_FIRST ||
		    edu->next_qpn > EDU_QPN_MAX)
			edu->next_qpn = EDU_QPN_FIRST;
		qp->ibqp.qp_num = edu->next_qpn++;
	} while (edu_qpn_taken(edu, qp->ibqp.qp_num));
	list_add_tail(&qp->node, &edu->qps);
	edu->num_qps++;
	return 0;
}

static int edu_ring_init(struct edu_ring *ring, u32 size)
{
	ring->size = size;
	ring->wqe = kvcalloc(size, sizeof(*ring->wqe), GFP_KERNEL_ACCOUNT);
	return ring->wqe ? 0 : -ENOMEM;
}

static void edu_qp_free_rings(struct edu_qp *qp)
{
	kvfree(qp->sq.wqe);
	kvfree(qp->rq.wqe);
}

int edu_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		  struct ib_udata *udata)
{
	struct edu_qp *qp = to_edu_qp(ibqp);
	int ret;

	if (!udata || init->qp_type != IB_QPT_RC || init->create_flags ||
	    init->srq || init->rwq_ind_tbl || !init->send_cq || !init->recv_cq)
		return -EOPNOTSUPP;
	ret = ib_no_udata_io(udata);
	if (ret)
		return ret;
	if (init->cap.max_send_wr > EDU_MAX_WR ||
	    init->cap.max_recv_wr > EDU_MAX_WR ||
	    init->cap.max_send_sge > EDU_MAX_SGE ||
	    init->cap.max_recv_sge > EDU_MAX_SGE || init->cap.max_inline_data)
		return -EINVAL;

	mutex_init(&qp->mutex);
	qp->attr.cap = init->cap;
	qp->attr.qp_state = IB_QPS_RESET;
	qp->not_before = jiffies;
	qp->sig_all = init->sq_sig_type == IB_SIGNAL_ALL_WR;
	ret = edu_ring_init(&qp->sq, init->cap.max_send_wr);
	if (!ret)
		ret = edu_ring_init(&qp->rq, init->cap.max_recv_wr);
	if (!ret)
		ret = edu_qp_add(to_edu_dev(ibqp->device), qp);
	if (ret) {
		edu_qp_free_rings(qp);
		mutex_destroy(&qp->mutex);
	}
	return ret;
}

static bool edu_qp_idle(struct edu_qp *qp)
{
	guard(spinlock_irqsave)(&to_edu_dev(qp->ibqp.device)->lock);
	return !edu_qp_in_use(qp);
}

/* In RESET the worker does not select it again */
static void edu_qp_wait(struct edu_qp *qp)
{
	wait_event(to_edu_dev(qp->ibqp.device)->idle, edu_qp_idle(qp));
}

static void edu_qp_purge(struct edu_qp *qp)
{
	edu_cq_purge(qp->ibqp.send_cq, &qp->ibqp);
	edu_cq_purge(qp->ibqp.recv_cq, &qp->ibqp);
}

int edu_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata)
{
	struct edu_dev *edu = to_edu_dev(ibqp->device);
	struct edu_qp *qp = to_edu_qp(ibqp);

	scoped_guard(spinlock_irqsave, &edu->lock) {
		qp->attr.qp_state = IB_QPS_RESET;
		list_del(&qp->node);
		edu->num_qps--;
	}
	edu_qp_wait(qp);
	scoped_guard(spinlock_irqsave, &edu->lock)
		edu_qp_purge(qp);
	edu_qp_free_rings(qp);
	mutex_destroy(&qp->mutex);
	return 0;
}

static void edu_qp_reset(struct edu_qp *qp)
{
	edu_qp_wait(qp);
	guard(spinlock_irqsave)(&to_edu_dev(qp->ibqp.device)->lock);
	edu_qp_purge(qp);
	qp->sq.count = 0;
	qp->rq.count = 0;
	qp->started = false;
	qp->done = 0;
	qp->retries = 0;
	qp->rnrs = 0;
	qp->established = false;
	qp->not_before = jiffies;
	/* The peer may be in the middle of a message to this queue pair */
	qp->epoch++;
}

static int edu_qp_check(const struct ib_qp_attr *attr, int mask)
{
	if (mask & ~EDU_QP_ATTR)
		return -EOPNOTSUPP;
	if (mask & IB_QP_STATE &&
	    (attr->qp_state == IB_QPS_SQD || attr->qp_state == IB_QPS_SQE))
		return -EOPNOTSUPP;
	if (mask & IB_QP_ACCESS_FLAGS &&
	    attr->qp_access_flags & ~EDU_QP_ACCESS)
		return -EOPNOTSUPP;

	if ((mask & IB_QP_PORT && attr->port_num != EDU_PORT) ||
	    (mask & IB_QP_PKEY_INDEX && attr->pkey_index) ||
	    (mask & IB_QP_AV &&
	     rdma_ah_get_dlid(&attr->ah_attr) != EDU_LID) ||
	    (mask & IB_QP_PATH_MTU && (attr->path_mtu < IB_MTU_256 ||
				       attr->path_mtu > IB_MTU_4096)) ||
	    (mask & IB_QP_DEST_QPN && attr->dest_qp_num > EDU_QPN_MAX) ||
	    (mask & IB_QP_MAX_QP_RD_ATOMIC &&
	     attr->max_rd_atomic > EDU_MAX_RD) ||
	    (mask & IB_QP_MAX_DEST_RD_ATOMIC &&
	     attr->max_dest_rd_atomic > EDU_MAX_RD) ||
	    (mask & IB_QP_TIMEOUT && attr->timeout > 31) ||
	    (mask & IB_QP_MIN_RNR_TIMER && attr->min_rnr_timer > 31) ||
	    (mask & IB_QP_RETRY_CNT && attr->retry_cnt > 7) ||
	    (mask & IB_QP_RNR_RETRY && attr->rnr_retry > 7))
		return -EINVAL;
	return 0;
}

static void edu_qp_set(struct edu_qp *qp, const struct ib_qp_attr *attr,
		       int mask)
{
	struct ib_qp_attr *to = &qp->attr;

	if (mask & IB_QP_ACCESS_FLAGS)
		to->qp_access_flags = attr->qp_access_flags;
	if (mask & IB_QP_PKEY_INDEX)
		to->pkey_index = attr->pkey_index;
	if (mask & IB_QP_PORT)
		to->port_num = attr->port_num;
	if (mask & IB_QP_AV) {
		to->ah_attr = attr->ah_attr;
		/* A reference of the core's, dropped after this call */
		to->ah_attr.grh.sgid_attr = NULL;
	}
	if (mask & IB_QP_PATH_MTU)
		to->path_mtu = attr->path_mtu;
	if (mask & IB_QP_TIMEOUT)
		to->timeout = attr->timeout;
	if (mask & IB_QP_RETRY_CNT)
		to->retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		to->rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_RQ_PSN)
		to->rq_psn = attr->rq_psn;
	if (mask & IB_QP_SQ_PSN)
		to->sq_psn = attr->sq_psn;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		to->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		to->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & IB_QP_MIN_RNR_TIMER)
		to->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IB_QP_DEST_QPN)
		to->dest_qp_num = attr->dest_qp_num;
}

static int edu_qp_modify_locked(struct edu_qp *qp,
				const struct ib_qp_attr *attr, int mask)
{
	struct edu_dev *edu = to_edu_dev(qp->ibqp.device);
	enum ib_qp_state cur = qp->attr.qp_state;
	enum ib_qp_state next = mask & IB_QP_STATE ? attr->qp_state : cur;

	lockdep_assert_held(&edu->lock);

	if (mask & IB_QP_CUR_STATE && attr->cur_qp_state != cur)
		return -EINVAL;
	if (!ib_modify_qp_is_ok(cur, next, IB_QPT_RC, mask))
		return -EINVAL;
	if (edu->dead && next != IB_QPS_RESET && next != IB_QPS_ERR)
		return -EIO;
	edu_qp_set(qp, attr, mask);
	qp->attr.qp_state = next;
	edu_qp_run(qp);
	return 0;
}

int edu_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata)
{
	struct edu_dev *edu = to_edu_dev(ibqp->device);
	struct edu_qp *qp = to_edu_qp(ibqp);
	int ret;

	ret = ib_no_udata_io(udata);
	if (ret)
		return ret;
	ret = edu_qp_check(attr, mask);
	if (ret)
		return ret;

	guard(mutex)(&qp->mutex);
	scoped_guard(spinlock_irqsave, &edu->lock)
		ret = edu_qp_modify_locked(qp, attr, mask);
	if (!ret && mask & IB_QP_STATE && attr->qp_state == IB_QPS_RESET)
		edu_qp_reset(qp);
	return ret;
}

int edu_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init)
{
	struct edu_qp *qp = to_edu_qp(ibqp);

	scoped_guard(spinlock_irqsave, &to_edu_dev(ibqp->device)->lock) {
		*attr = qp->attr;
	}
	attr->cur_qp_state = attr->qp_state;
	attr->path_mig_state = IB_MIG_MIGRATED;

	init->qp_context = ibqp->qp_context;
	init->send_cq = ibqp->send_cq;
	init->recv_cq = ibqp->recv_cq;
	init->cap = attr->cap;
	init->sq_sig_type = qp->sig_all ? IB_SIGNAL_ALL_WR : IB_SIGNAL_REQ_WR;
	init->qp_type = ibqp->qp_type;
	return 0;
}
