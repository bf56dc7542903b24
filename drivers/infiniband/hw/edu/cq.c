// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completion queues: rings in kernel memory, protected by edu_dev.lock.
 *
 * Event handlers are called with that lock held. They are those of uverbs,
 * which do not call back: a driver without get_dma_mr has no kernel consumers.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <rdma/uverbs_ioctl.h>

#include "edu_ib.h"

/* Raise the event that was asked for. edu_dev.lock is held. */
static void edu_cq_notify(struct edu_cq *cq)
{
	cq->armed = 0;
	cq->unreported = 0;
	if (cq->ibcq.comp_handler)
		cq->ibcq.comp_handler(&cq->ibcq, cq->ibcq.cq_context);
}

static void edu_cq_report(struct work_struct *work)
{
	struct edu_cq *cq = container_of(to_delayed_work(work), struct edu_cq,
					 report);

	guard(spinlock_irqsave)(&to_edu_dev(cq->ibcq.device)->lock);
	if (cq->unreported)
		edu_cq_notify(cq);
}

/* There is a completion that the event was asked for. edu_dev.lock is held. */
static void edu_cq_moderate(struct edu_cq *cq)
{
	bool moderated = cq->moderate_count || cq->moderate_period;

	cq->unreported++;
	if (!moderated || cq->unreported == cq->moderate_count)
		edu_cq_notify(cq);
	else if (cq->unreported == 1 && cq->moderate_period)
		mod_delayed_work(system_dfl_wq, &cq->report,
				 usecs_to_jiffies(cq->moderate_period));
}

/**
 * edu_modify_cq - say how many completions may wait for an event, and how long
 * @ibcq: completion queue
 * @count: raise it after so many; 0: any number
 * @period: raise it so long after the first, us; 0: for ever
 *
 * With neither, each completion that it was asked for raises it.
 *
 * Return: 0.
 */
int edu_modify_cq(struct ib_cq *ibcq, u16 count, u16 period)
{
	struct edu_cq *cq = to_edu_cq(ibcq);

	guard(spinlock_irqsave)(&to_edu_dev(ibcq->device)->lock);
	cq->moderate_count = count;
	cq->moderate_period = period;
	/* The new limits are for what comes now */
	if (cq->unreported)
		edu_cq_notify(cq);
	return 0;
}

int edu_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		  struct uverbs_attr_bundle *attrs)
{
	struct edu_dev *edu = to_edu_dev(ibcq->device);
	struct edu_cq *cq = to_edu_cq(ibcq);
	int ret;

	if (!attrs || attr->flags)
		return -EOPNOTSUPP;
	ret = ib_no_udata_io(&attrs->driver_udata);
	if (ret)
		return ret;
	if (!attr->cqe || attr->cqe > EDU_MAX_CQE)
		return -EINVAL;
	if (!atomic_add_unless(&edu->num_cqs, 1, EDU_MAX_CQ))
		return -ENOSPC;

	cq->ring = kvcalloc(attr->cqe, sizeof(*cq->ring), GFP_KERNEL_ACCOUNT);
	if (!cq->ring) {
		atomic_dec(&edu->num_cqs);
		return -ENOMEM;
	}
	INIT_DELAYED_WORK(&cq->report, edu_cq_report);
	ibcq->cqe = attr->cqe;
	return 0;
}

/* No queue pair uses it anymore */
int edu_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata)
{
	struct edu_cq *cq = to_edu_cq(ibcq);

	cancel_delayed_work_sync(&cq->report);
	kvfree(cq->ring);
	atomic_dec(&to_edu_dev(ibcq->device)->num_cqs);
	return 0;
}

/*
 * ib_core reports the QP number of a completion after edu_poll_cq() has dropped
 * edu_dev.lock, when the QP may have been destroyed. So it must not read
 * wc->qp->qp_num, and has wc->qp_num instead.
 *
 * EDU_WC_WITHOUT_QP_NUM is defined by builds for an ib_core that has no such
 * member and does read wc->qp->qp_num. There, point wc->qp at a fake QP of
 * which nothing but qp_num is valid. It is part of the CQ, on which the poller
 * holds a reference, and is reused after EDU_MAX_CQE more completions.
 */
static void edu_wc_set_qp_num(struct edu_cq *cq, struct ib_wc *wc)
{
#ifdef EDU_WC_WITHOUT_QP_NUM
	u32 *qp_num = &cq->qp_nums[cq->polled++ % EDU_MAX_CQE];

	*qp_num = wc->qp->qp_num;
	wc->qp = container_of(qp_num, struct ib_qp, qp_num);
#else
	wc->qp_num = wc->qp->qp_num;
#endif
}

/*
 * A completion holds no reference on its QP, which can be destroyed as soon as
 * the lock is dropped. That purges completions that have not been polled. Of
 * the QP of a polled one, nothing but the number may be used.
 */
int edu_poll_cq(struct ib_cq *ibcq, int num_entries, struct ib_wc *wc)
{
	struct edu_dev *edu = to_edu_dev(ibcq->device);
	struct edu_cq *cq = to_edu_cq(ibcq);
	int n = 0;

	scoped_guard(spinlock_irqsave, &edu->lock) {
		while (n < num_entries && cq->count) {
			wc[n] = cq->ring[cq->head];
			edu_wc_set_qp_num(cq, &wc[n++]);
			cq->head = (cq->head + 1) % ibcq->cqe;
			cq->count--;
		}
	}
	if (n && ibcq->uobject)
		edu_debugfs_polled(edu);
	return n;
}

int edu_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags)
{
	struct edu_cq *cq = to_edu_cq(ibcq);

	guard(spinlock_irqsave)(&to_edu_dev(ibcq->device)->lock);
	/* IB_CQ_NEXT_COMP includes solicited completions: do not narrow it */
	if (cq->armed != IB_CQ_NEXT_COMP)
		cq->armed = flags & IB_CQ_SOLICITED_MASK;
	return flags & IB_CQ_REPORT_MISSED_EVENTS && cq->count;
}

/**
 * edu_cq_push - add a completion
 * @ibcq: completion queue
 * @wc: completion
 * @solicited: raise an event also if only solicited completions are waited for
 *
 * If the queue is full it enters the error state, which is reported once, and so do
 * the queue pairs that use it, when the worker comes to them: this may be called for
 * one of them, with its requests being flushed.
 */
void edu_cq_push(struct ib_cq *ibcq, const struct ib_wc *wc, bool solicited)
{
	struct edu_cq *cq = to_edu_cq(ibcq);
	struct ib_event event = {
		.device = ibcq->device,
		.element.cq = ibcq,
		.event = IB_EVENT_CQ_ERR,
	};
	struct edu_dev *edu = to_edu_dev(ibcq->device);
	struct ib_wc *entry;

	lockdep_assert_held(&edu->lock);

	if (cq->overflow)
		return;
	if (cq->count == ibcq->cqe) {
		cq->overflow = true;
		edu->stats[EDU_STAT_CQ_OVERFLOWS]++;
		if (ibcq->event_handler)
			ibcq->event_handler(&event, ibcq->cq_context);
		mod_delayed_work(edu->wq, &edu->work, 0);
		return;
	}
	entry = &cq->ring[(cq->head + cq->count) % ibcq->cqe];
	*entry = *wc;
	cq->count++;

	if (cq->armed == IB_CQ_NEXT_COMP ||
	    (cq->armed == IB_CQ_SOLICITED &&
	     (solicited || wc->status != IB_WC_SUCCESS)))
		edu_cq_moderate(cq);
}

/**
 * edu_cq_purge - drop the completions of a queue pair
 * @ibcq: completion queue
 * @ibqp: queue pair, about to be reset or destroyed
 */
void edu_cq_purge(struct ib_cq *ibcq, const struct ib_qp *ibqp)
{
	struct edu_cq *cq = to_edu_cq(ibcq);
	u32 i, kept = 0;

	lockdep_assert_held(&to_edu_dev(ibcq->device)->lock);

	for (i = 0; i < cq->count; i++) {
		struct ib_wc *wc = &cq->ring[(cq->head + i) % ibcq->cqe];

		if (wc->qp != ibqp)
			cq->ring[(cq->head + kept++) % ibcq->cqe] = *wc;
	}
	cq->count = kept;
}
