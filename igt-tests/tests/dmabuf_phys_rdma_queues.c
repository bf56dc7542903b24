// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma queues
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: queues
 * Description: What verbs promise of queues that are full, of requests that cannot be
 *	posted, and of the extended ways to post and poll
 * Test category: functionality test
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "rdma.h"
#include "sysfs.h"

#define DEPTH 4

static struct rdma_scene scene;

/* A queue pair that is its own peer */
static struct ibv_qp *deep_open(struct ibv_cq *send, struct ibv_cq *recv,
				uint32_t depth, uint32_t max_sge)
{
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = send,
		.recv_cq = recv,
		.cap = {
			.max_send_wr = depth,
			.max_recv_wr = depth,
			.max_send_sge = max_sge,
			.max_recv_sge = max_sge,
		},
		.qp_type = IBV_QPT_RC,
		.comp_mask = IBV_QP_INIT_ATTR_PD |
			     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = scene.rdma.pd,
		.send_ops_flags = IBV_QP_EX_WITH_RDMA_WRITE,
	};
	struct ibv_qp *qp = ibv_create_qp_ex(scene.rdma.context, &attr);

	igt_assert_f(qp, "ibv_create_qp_ex: %s\n", strerror(errno));
	igt_assert_eq(__verbs_connect(qp, qp), 0);
	return qp;
}

static struct ibv_qp *loop_open(struct ibv_cq *send, struct ibv_cq *recv)
{
	return deep_open(send, recv, DEPTH, 1);
}

/* Needs neither memory nor time */
static struct ibv_send_wr nothing(uint64_t wr_id)
{
	return (struct ibv_send_wr) {
		.wr_id = wr_id,
		.opcode = IBV_WR_RDMA_WRITE,
		.send_flags = IBV_SEND_SIGNALED,
	};
}

/* Takes seconds, in which it is the first of the queue */
static void post_long(struct ibv_qp *qp, uint64_t wr_id)
{
	const struct ibv_sge sge = {
		.addr = scene.mem_mr.iova,
		.length = RDMA_MEMORY,
		.lkey = scene.mem_mr.lkey,
	};
	struct ibv_send_wr wr = nothing(wr_id);

	wr.num_sge = 1;
	wr.wr.rdma.remote_addr = scene.mem_mr.iova;
	wr.wr.rdma.rkey = scene.mem_mr.rkey;
	igt_assert_eq(__verbs_post_send(qp, &wr, &sge), 0);
}

static void expect_wc(struct ibv_cq *cq, uint64_t wr_id, int status)
{
	struct ibv_wc wc;

	rdma_expect("a completion", __verbs_wait_cq(cq, &wc, 20000), 0);
	igt_assert_eq_u64(wc.wr_id, wr_id);
	igt_assert_eq_u32(wc.status, (uint32_t)status);
}

/* What a queue pair had left comes back in order, and nothing else does */
static void expect_flushed(struct ibv_qp *qp, const uint64_t *wr_ids, size_t nr)
{
	struct ibv_wc wc;
	size_t i;

	igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_ERR, NULL), 0);
	for (i = 0; i < nr; i++)
		expect_wc(qp->send_cq, wr_ids[i], IBV_WC_WR_FLUSH_ERR);
	igt_assert_eq(__verbs_poll_cq(qp->send_cq, &wc), 0);
}

static int got[IBV_EVENT_WQ_FATAL + 1];

static void expect_events(int nr, const struct ibv_qp *qp)
{
	struct ibv_async_event event;

	memset(got, 0, sizeof(got));
	while (nr--) {
		igt_assert_eq(__verbs_get_async_event(scene.rdma.context, 10000,
						      &event), 0);
		igt_info("%s\n", ibv_event_type_str(event.event_type));
		got[event.event_type]++;
		if (qp && event.event_type == IBV_EVENT_QP_FATAL)
			igt_assert(event.element.qp == qp);
	}
	igt_assert_eq(__verbs_get_async_event(scene.rdma.context, 0, &event),
		      -ETIMEDOUT);
}

/**
 * SUBTEST: overflow
 * Description: A completion queue that overflows stops the queue pairs that use it,
 *	and says so; other queue pairs go on
 */
static void overflow(void)
{
	struct ibv_cq *cq = ibv_create_cq(scene.rdma.context, 1, NULL, NULL, 0);
	struct ibv_qp *sender, *receiver;
	struct ibv_send_wr wr;
	struct ibv_wc wc;
	uint64_t i;

	igt_assert(cq);
	igt_assert_eq(cq->cqe, 1);
	sender = loop_open(cq, scene.rdma.cq);
	receiver = loop_open(scene.rdma.cq, cq);
	for (i = 1; i <= 3; i++) {
		wr = nothing(i);
		igt_assert_eq(__verbs_post_send(sender, &wr, NULL), 0);
	}
	expect_events(3, NULL);
	igt_assert_eq(got[IBV_EVENT_CQ_ERR], 1);
	igt_assert_eq(got[IBV_EVENT_QP_FATAL], 2);
	igt_assert_eq(__verbs_qp_state(sender), IBV_QPS_ERR);
	igt_assert_eq(__verbs_qp_state(receiver), IBV_QPS_ERR);
	igt_assert_eq(__verbs_qp_state(scene.rdma.qp[0]), IBV_QPS_RTS);

	/* What came before is not lost, and nothing comes after */
	expect_wc(cq, 1, IBV_WC_SUCCESS);
	igt_assert_eq(__verbs_poll_cq(cq, &wc), 0);
	igt_assert_eq(__verbs_modify_qp(receiver, IBV_QPS_RESET, NULL), 0);
	igt_assert_eq(__verbs_modify_qp(receiver, IBV_QPS_INIT, NULL), 0);
	expect_events(1, receiver);
	igt_assert_eq(got[IBV_EVENT_QP_FATAL], 1);

	igt_assert_eq(ibv_destroy_qp(sender), 0);
	igt_assert_eq(ibv_destroy_qp(receiver), 0);
	igt_assert_eq(ibv_destroy_cq(cq), 0);
	wr = nothing(9);
	igt_assert_eq(__verbs_post_send(scene.rdma.qp[0], &wr, NULL), 0);
	expect_wc(scene.rdma.cq, 9, IBV_WC_SUCCESS);
}

/**
 * SUBTEST: bad-request
 * Description: Of a list, what comes before a bad request is posted, and the program is
 *	told which one that is
 */
static void bad_request(void)
{
	struct ibv_qp *qp = loop_open(scene.rdma.cq, scene.rdma.cq);
	struct ibv_sge sge[2] = { { .lkey = 1 }, { .lkey = 1 } };
	struct ibv_recv_wr recv[DEPTH + 1] = { 0 }, *bad_recv = NULL;
	struct ibv_send_wr wr[DEPTH + 1], *bad = NULL;
	static const uint64_t posted[] = { 1, 2, 4, 5 }, received[] = { 1 };
	int i;

	for (i = 0; i < DEPTH + 1; i++) {
		wr[i] = nothing((uint64_t)i + 3);
		wr[i].next = i < DEPTH ? &wr[i + 1] : NULL;
		recv[i].wr_id = (uint64_t)i + 1;
		recv[i].next = i < DEPTH ? &recv[i + 1] : NULL;
	}
	wr[1].num_sge = recv[1].num_sge = 2;
	wr[1].sg_list = recv[1].sg_list = sge;
	igt_assert_eq(ibv_post_send(qp, wr, &bad), EINVAL);
	igt_assert(bad == &wr[1]);
	expect_wc(scene.rdma.cq, 3, IBV_WC_SUCCESS);
	igt_assert_eq(ibv_post_recv(qp, recv, &bad_recv), EINVAL);
	igt_assert(bad_recv == &recv[1]);
	expect_flushed(qp, received, ARRAY_SIZE(received));

	/* As many as fit */
	igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_RESET, NULL), 0);
	igt_assert_eq(__verbs_connect(qp, qp), 0);
	post_long(qp, 1);
	post_long(qp, 2);
	wr[1].num_sge = 0;
	igt_assert_eq(ibv_post_send(qp, &wr[1], &bad), ENOMEM);
	igt_assert(bad == &wr[3]);
	expect_flushed(qp, posted, ARRAY_SIZE(posted));
	igt_assert_eq(ibv_destroy_qp(qp), 0);
}

/**
 * SUBTEST: long-lists
 * Description: As many requests in a list, and as many completions polled at once, as
 *	the device's queues hold
 */
static void long_lists(void)
{
	uint32_t depth, i, polled = 0;
	struct ibv_sge sge[32] = { 0 };
	struct ibv_recv_wr *recv, *bad_recv = NULL;
	struct ibv_send_wr *wr, *bad = NULL;
	uint64_t deadline = now_ms() + 60000;
	struct ibv_device_attr attr;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_wc *wc;
	int nr;

	igt_assert_eq(ibv_query_device(scene.rdma.context, &attr), 0);
	depth = (uint32_t)attr.max_qp_wr;
	igt_assert_lte(attr.max_sge, (int)ARRAY_SIZE(sge));
	cq = ibv_create_cq(scene.rdma.context, attr.max_cqe, NULL, NULL, 0);
	igt_assert(cq);
	qp = deep_open(cq, cq, depth, (uint32_t)attr.max_sge);
	wr = calloc(depth, sizeof(*wr));
	recv = calloc(depth + 1, sizeof(*recv));
	wc = calloc((size_t)attr.max_cqe, sizeof(*wc));
	igt_assert(wr && recv && wc);
	for (i = 0; i <= depth; i++) {
		recv[i] = (struct ibv_recv_wr) {
			.wr_id = i,
			.sg_list = sge,
			.num_sge = attr.max_sge,
			.next = i < depth ? &recv[i + 1] : NULL,
		};
		if (i == depth)
			break;
		wr[i] = nothing(i);
		wr[i].sg_list = sge;
		wr[i].num_sge = attr.max_sge;
		wr[i].next = i + 1 < depth ? &wr[i + 1] : NULL;
	}
	igt_assert_eq(ibv_post_recv(qp, recv, &bad_recv), ENOMEM);
	igt_assert(bad_recv == &recv[depth]);
	igt_assert_eq(ibv_post_send(qp, wr, &bad), 0);
	while (polled < depth && now_ms() < deadline) {
		nr = ibv_poll_cq(cq, attr.max_cqe, wc);
		igt_assert_lte(0, nr);
		for (i = 0; i < (uint32_t)nr; i++) {
			igt_assert_eq_u64(wc[i].wr_id, polled++);
			igt_assert_eq_u32(wc[i].status, IBV_WC_SUCCESS);
		}
	}
	igt_assert_eq_u32(polled, depth);
	igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_ERR, NULL), 0);
	igt_assert_eq(ibv_poll_cq(cq, attr.max_cqe, wc), (int)depth);
	for (i = 0; i < depth; i++)
		igt_assert_eq_u64(wc[i].wr_id, i);
	free(wc);
	free(recv);
	free(wr);
	igt_assert_eq(ibv_destroy_qp(qp), 0);
	igt_assert_eq(ibv_destroy_cq(cq), 0);
}

static int write_together(struct ibv_qp *qp, uint64_t first, int nr,
			  size_t sges_of_last)
{
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(qp);
	const struct ibv_sge sge[2] = { { .lkey = 1 }, { .lkey = 1 } };
	int i;

	igt_assert(ex);
	ibv_wr_start(ex);
	ex->wr_flags = IBV_SEND_SIGNALED;
	for (i = 0; i < nr; i++) {
		ex->wr_id = first + (uint64_t)i;
		ibv_wr_rdma_write(ex, 0, 0);
		ibv_wr_set_sge_list(ex, i + 1 < nr ? 0 : sges_of_last,
				    i + 1 < nr ? NULL : sge);
	}
	return ibv_wr_complete(ex);
}

/**
 * SUBTEST: together
 * Description: Of requests that are built by calls, all are posted or none: also if only
 *	the kernel sees that they do not fit
 */
static void together(void)
{
	struct ibv_qp *qp = loop_open(scene.rdma.cq, scene.rdma.cq);
	static const uint64_t posted[] = { 1, 2, 40, 41 };

	post_long(qp, 1);
	post_long(qp, 2);
	igt_assert_eq(write_together(qp, 10, 3, 0), ENOMEM);
	igt_assert_eq(write_together(qp, 20, 2, 2), EINVAL);
	igt_assert_eq(write_together(qp, 30, DEPTH + 1, 0), ENOMEM);
	igt_assert_eq(write_together(qp, 40, 2, 1), 0);
	igt_assert_eq(write_together(qp, 50, 1, 0), ENOMEM);
	expect_flushed(qp, posted, ARRAY_SIZE(posted));
	igt_assert_eq(ibv_destroy_qp(qp), 0);
}

/**
 * SUBTEST: inline
 * Description: No data can be posted inline, in either way to post; more is refused
 */
static void inline_data(void)
{
	struct ibv_qp *qp = loop_open(scene.rdma.cq, scene.rdma.cq);
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(qp);
	struct ibv_sge sge = { .addr = (uintptr_t)&sge };
	struct ibv_data_buf buf = { .addr = &sge };
	struct ibv_send_wr wr = nothing(1);
	uint32_t length;

	wr.send_flags |= IBV_SEND_INLINE;
	wr.num_sge = 1;
	for (length = 0; length < 2; length++) {
		sge.length = length;
		buf.length = length;
		wr.wr_id = 1;
		igt_assert_eq(__verbs_post_send(qp, &wr, &sge),
			      length ? -EINVAL : 0);
		ibv_wr_start(ex);
		ex->wr_flags = IBV_SEND_SIGNALED;
		ex->wr_id = 2;
		ibv_wr_rdma_write(ex, 0, 0);
		ibv_wr_set_inline_data(ex, &sge, length);
		ex->wr_id = 3;
		ibv_wr_rdma_write(ex, 0, 0);
		ibv_wr_set_inline_data_list(ex, 1, &buf);
		igt_assert_eq(ibv_wr_complete(ex), length ? EINVAL : 0);
		for (wr.wr_id = 1; !length && wr.wr_id <= 3; wr.wr_id++)
			expect_wc(scene.rdma.cq, wr.wr_id, IBV_WC_SUCCESS);
	}
	expect_flushed(qp, NULL, 0);
	igt_assert_eq(ibv_destroy_qp(qp), 0);
}

struct poller {
	struct ibv_cq_ex *cq;
	atomic_bool started;
	uint64_t wr_id;
	int ret;
};

static int start_poll(struct ibv_cq_ex *cq)
{
	struct ibv_poll_cq_attr attr = { 0 };
	uint64_t deadline = now_ms() + 20000;
	int ret;

	do {
		ret = ibv_start_poll(cq, &attr);
	} while (ret == ENOENT && now_ms() < deadline);
	return ret;
}

static void *poll_one(void *arg)
{
	struct poller *poller = arg;

	poller->ret = start_poll(poller->cq);
	poller->started = true;
	if (!poller->ret) {
		poller->wr_id = poller->cq->wr_id;
		ibv_end_poll(poller->cq);
	}
	return NULL;
}

/**
 * SUBTEST: poll-threads
 * Description: Two threads poll an extended completion queue: one waits until the other
 *	is through with its completion
 */
static void poll_threads(void)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = 4, .wc_flags = IBV_WC_STANDARD_FLAGS };
	struct poller poller = {
		.cq = ibv_create_cq_ex(scene.rdma.context, &attr) };
	struct ibv_qp *qp;
	struct ibv_send_wr wr;
	pthread_t thread;
	int i;

	igt_assert(poller.cq);
	qp = loop_open(ibv_cq_ex_to_cq(poller.cq), scene.rdma.cq);
	for (i = 1; i <= 2; i++) {
		wr = nothing((uint64_t)i);
		igt_assert_eq(__verbs_post_send(qp, &wr, NULL), 0);
	}
	igt_assert_eq(start_poll(poller.cq), 0);
	igt_assert_eq_u64(poller.cq->wr_id, 1);
	igt_assert(!pthread_create(&thread, NULL, poll_one, &poller));
	for (i = 0; i < 100 && !poller.started; i++)
		usleep(10000);
	igt_assert(!poller.started);
	igt_assert_eq_u64(poller.cq->wr_id, 1);
	igt_assert_eq_u32(ibv_wc_read_qp_num(poller.cq), qp->qp_num);
	ibv_end_poll(poller.cq);
	igt_assert(!pthread_join(thread, NULL));
	igt_assert_eq(poller.ret, 0);
	igt_assert_eq_u64(poller.wr_id, 2);
	igt_assert_eq(ibv_destroy_qp(qp), 0);
	igt_assert_eq(ibv_destroy_cq(ibv_cq_ex_to_cq(poller.cq)), 0);
}

static void moderate(struct ibv_cq *cq, uint16_t count, uint16_t period)
{
	struct ibv_modify_cq_attr attr = {
		.attr_mask = IBV_CQ_ATTR_MODERATE,
		.moderate = { .cq_count = count, .cq_period = period },
	};

	igt_assert_eq(ibv_modify_cq(cq, &attr), 0);
	igt_assert_eq(ibv_req_notify_cq(cq, 0), 0);
}

/* The completions are there before an event is looked for */
static void complete(struct ibv_qp *qp, int nr)
{
	struct ibv_send_wr wr = nothing(1);

	while (nr--) {
		igt_assert_eq(__verbs_post_send(qp, &wr, NULL), 0);
		expect_wc(qp->send_cq, 1, IBV_WC_SUCCESS);
	}
}

static void expect_event(struct ibv_comp_channel *channel, int timeout_ms,
			 int expected)
{
	void *cookie;

	igt_assert_eq(__verbs_get_cq_event(channel, timeout_ms, &cookie),
		      expected);
}

/**
 * SUBTEST: moderation
 * Description: A completion event waits for as many completions as the program says, or
 *	for so long
 */
static void moderation(void)
{
	struct ibv_comp_channel *channel =
		ibv_create_comp_channel(scene.rdma.context);
	struct ibv_device_attr_ex attr;
	struct ibv_cq *cq;
	struct ibv_qp *qp;

	igt_assert_eq(ibv_query_device_ex(scene.rdma.context, NULL, &attr), 0);
	igt_assert_eq(attr.cq_mod_caps.max_cq_count, UINT16_MAX);
	igt_assert_eq(attr.cq_mod_caps.max_cq_period, UINT16_MAX);
	igt_assert(channel);
	cq = ibv_create_cq(scene.rdma.context, 8, NULL, channel, 0);
	igt_assert(cq);
	qp = loop_open(cq, scene.rdma.cq);

	moderate(cq, 3, 0);
	complete(qp, 2);
	expect_event(channel, 300, -ETIMEDOUT);
	complete(qp, 1);
	expect_event(channel, 20000, 0);
	/* Asked for again, it counts from there */
	complete(qp, 1);
	igt_assert_eq(ibv_req_notify_cq(cq, 0), 0);
	complete(qp, 2);
	expect_event(channel, 0, -ETIMEDOUT);
	/* Those that are waited for are reported by the old limits or the new ones */
	moderate(cq, 1000, 50000);
	expect_event(channel, 20000, 0);
	complete(qp, 1);
	expect_event(channel, 20000, 0);
	moderate(cq, 0, 0);
	complete(qp, 1);
	expect_event(channel, 20000, 0);
	/* The time is not up when the queue goes */
	moderate(cq, 0, UINT16_MAX);
	complete(qp, 1);
	igt_assert_eq(ibv_destroy_qp(qp), 0);
	igt_assert_eq(ibv_destroy_cq(cq), 0);
	igt_assert_eq(ibv_destroy_comp_channel(channel), 0);
}

/**
 * SUBTEST: domains
 * Description: There are no more protection domains than the device says
 */
static void domains(void)
{
	struct ibv_device_attr attr;
	struct ibv_pd **pds;
	int nr = 0, i;

	igt_assert_eq(ibv_query_device(scene.rdma.context, &attr), 0);
	pds = calloc((size_t)attr.max_pd, sizeof(*pds));
	igt_assert(pds);
	while (nr < attr.max_pd &&
	       (pds[nr] = ibv_alloc_pd(scene.rdma.context)))
		nr++;
	igt_assert_eq(errno, ENOSPC);
	/* One is the scene's */
	igt_assert_eq(nr, attr.max_pd - 1);
	for (i = 0; i < nr; i++)
		igt_assert_eq(ibv_dealloc_pd(pds[i]), 0);
	free(pds);
}

int igt_main()
{
	static const struct {
		const char *name;
		void (*run)(void);
	} subtests[] = {
		{ "overflow", overflow },
		{ "bad-request", bad_request },
		{ "long-lists", long_lists },
		{ "together", together },
		{ "inline", inline_data },
		{ "poll-threads", poll_threads },
		{ "moderation", moderation },
		{ "domains", domains },
	};
	static size_t i;

	igt_fixture()
		rdma_scene_open(&scene);

	for (i = 0; i < ARRAY_SIZE(subtests); i++)
		igt_subtest(subtests[i].name) {
			rdma_scene_reset(&scene);
			subtests[i].run();
		}

	igt_fixture()
		rdma_scene_close(&scene);
}
