// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma verbs
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: verbs
 * Description: What else an RDMA device does with regions that are dma-bufs: messages,
 *	immediate data, several pieces, events; and its objects
 * Test category: functionality test
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "igt_core.h"
#include "pci.h"
#include "rdma.h"
#include "sysfs.h"

static struct rdma_scene scene;

/**
 * SUBTEST: device
 * Description: sysfs lists the device; device and port can be queried
 */
static void device(void)
{
	struct ibv_context *context = scene.rdma.context;
	struct verbs_device *devices;
	struct ibv_device_attr attr;
	struct ibv_port_attr port;
	int nr, found = 0, i;

	nr = __verbs_list(&devices);
	for (i = 0; i < nr; i++) {
		igt_info("%s: PCI device %s, %s\n", devices[i].name,
			 devices[i].pci, devices[i].node);
		found += !strcmp(devices[i].pci, pci_env("DMABUF_EDU"));
	}
	free(devices);
	igt_assert_eq(found, 1);

	igt_assert_eq(ibv_query_device(context, &attr), 0);
	igt_info("version %s, %u queue pairs, %u regions, page sizes 0x%" PRIx64 "\n",
		 attr.fw_ver, attr.max_qp, attr.max_mr,
		 (uint64_t)attr.page_size_cap);
	igt_assert_eq(attr.phys_port_cnt, 1);
	igt_assert(attr.page_size_cap & PAGE);
	igt_assert_lte(2, attr.max_qp);
	igt_assert_eq(ibv_query_port(context, 1, &port), 0);
	igt_assert_eq((int)port.state, IBV_PORT_ACTIVE);
	igt_assert_eq(ibv_query_port(context, 2, &port), EINVAL);
	for (i = 0; i < 2; i++)
		igt_assert_eq(__verbs_qp_state(scene.rdma.qp[i]), IBV_QPS_RTS);
}

/**
 * SUBTEST: objects
 * Description: Handles of nothing, objects in use, invalid state transitions
 */
static void objects(void)
{
	struct ibv_mr no_mr = *scene.mem_mr.ibv;
	struct ibv_qp *qp, no_qp = *scene.rdma.qp[0];
	struct ibv_cq no_cq = *scene.rdma.cq;
	struct ibv_wc wc;

	no_mr.handle = no_qp.handle = no_cq.handle = 1000;
	igt_assert_eq(ibv_dereg_mr(&no_mr), ENOENT);
	igt_assert_eq(ibv_destroy_qp(&no_qp), ENOENT);
	igt_assert_eq(ibv_destroy_cq(&no_cq), ENOENT);
	igt_assert_eq(__verbs_poll_cq(&no_cq, &wc), -ENOENT);
	/* A region keeps its domain, a queue pair its completion queue */
	igt_assert_eq(ibv_dealloc_pd(scene.rdma.pd), EBUSY);
	igt_assert_eq(ibv_destroy_cq(scene.rdma.cq), EBUSY);

	igt_assert_eq(__verbs_create_qp(scene.rdma.pd, scene.rdma.cq, 4, &qp), 0);
	igt_assert_eq(__verbs_qp_state(qp), IBV_QPS_RESET);
	igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_RTS, NULL), -EINVAL);
	igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_INIT, NULL), 0);
	/* Receives may be posted from here on, sends not yet */
	igt_assert_eq(__verbs_post_recv(qp, 7, NULL), 0);
	igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_ERR, NULL), 0);
	igt_assert_eq(__verbs_wait_cq(scene.rdma.cq, &wc, 10000), 0);
	igt_assert_eq_u64(wc.wr_id, 7);
	igt_assert_eq_u32(wc.status, IBV_WC_WR_FLUSH_ERR);
	igt_assert_eq(ibv_destroy_qp(qp), 0);
	device();
}

struct poller {
	struct ibv_wc wc;
	int ret;
};

static void *poll_one(void *arg)
{
	struct poller *poller = arg;
	uint64_t deadline = now_ms() + 30000;

	do {
		poller->ret = __verbs_poll_cq(scene.rdma.cq, &poller->wc);
	} while (!poller->ret && now_ms() < deadline);
	return NULL;
}

/**
 * SUBTEST: destroy-polled
 * Description: A queue pair is destroyed while another thread is being handed a
 *	completion of it, which names the queue pair all the same
 */
static void destroy_polled(void)
{
	struct poller poller;
	struct ibv_qp *qp;
	pthread_t thread;
	uint64_t deadline;
	uint32_t qp_num;
	int i, met = 0;

	for (i = 0; i < 20 && met < 2; i++) {
		igt_assert_eq(__verbs_create_qp(scene.rdma.pd, scene.rdma.cq, 4,
						&qp), 0);
		qp_num = qp->qp_num;
		igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_INIT, NULL), 0);
		igt_assert_eq(__verbs_post_recv(qp, 7, NULL), 0);
		rdma_poll_delay(500);
		igt_assert(!pthread_create(&thread, NULL, poll_one, &poller));
		/* Flushes what was posted */
		igt_assert_eq(__verbs_modify_qp(qp, IBV_QPS_ERR, NULL), 0);
		deadline = now_ms() + 30000;
		while (!rdma_polling() && now_ms() < deadline)
			usleep(1000);
		igt_assert_eq(ibv_destroy_qp(qp), 0);
		/* Not if this thread had to wait too long for a processor */
		met += rdma_polling() != 0;
		igt_assert(!pthread_join(thread, NULL));
		rdma_poll_delay(0);
		igt_assert_eq(poller.ret, 1);
		igt_assert_eq_u64(poller.wc.wr_id, 7);
		igt_assert_eq_u32(poller.wc.status, IBV_WC_WR_FLUSH_ERR);
		igt_assert_eq_u32(poller.wc.qp_num, qp_num);
	}
	igt_assert_f(met, "no queue pair was destroyed in time\n");
}

/* Both completions of a message, in whichever order they come */
static void wait_message(uint32_t length, uint32_t recv_opcode,
			 uint32_t wc_flags, uint32_t imm)
{
	bool sent = false, received = false;
	struct ibv_wc wc;
	int i;

	for (i = 0; i < 2; i++) {
		rdma_expect("a message", __rdma_wait(&scene.rdma, length, &wc),
			    IBV_WC_SUCCESS);
		if (wc.wr_id == 1) {
			sent = true;
			igt_assert_eq_u32(wc.qp_num, scene.rdma.qp[0]->qp_num);
			continue;
		}
		igt_assert_eq_u64(wc.wr_id, 2);
		received = true;
		igt_assert_eq_u32(wc.qp_num, scene.rdma.qp[1]->qp_num);
		igt_assert_eq_u32(wc.opcode, recv_opcode);
		igt_assert_eq_u32(wc.byte_len, length);
		igt_assert_eq_u32(wc.wc_flags & IBV_WC_WITH_IMM, wc_flags);
		if (wc_flags)
			igt_assert_eq_u32(wc.imm_data, imm);
	}
	igt_assert(sent && received);
}

/* Of no memory if @mr is NULL */
static void post_recv(const struct verbs_mr *mr, uint64_t at, uint32_t length)
{
	const struct ibv_sge sge = {
		.addr = at, .length = length, .lkey = mr ? mr->lkey : 0 };

	igt_assert_eq(__verbs_post_recv(scene.rdma.qp[1], 2,
					mr ? &sge : NULL), 0);
}

/**
 * SUBTEST: send
 * Description: SEND from a dma-buf, received in host memory; SEND with immediate
 *	data from host memory, received in a dma-buf
 */
static void send(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(4, 0, PAGE);
	const uint32_t length = 3000, at = PAGE - 100;
	struct rdma_op op = { .opcode = IBV_WR_SEND, .length = length };
	struct rdma_target target;
	uint32_t i;

	guard_fill(scene.bar, 0, 8 * PAGE);
	rdma_target_open(&scene, &target, ranges, 4);
	memset(scene.mem, 0x66, RDMA_MEMORY);
	/* More room than the message needs: what is left stays as it is */
	post_recv(&scene.mem_mr, scene.mem_mr.iova + 9, length + 50);
	op.lkey = target.mr.lkey;
	op.local = at;
	igt_assert_eq(__rdma_post(&scene.rdma, &op, 1), 0);
	wait_message(length, IBV_WC_RECV, 0, 0);
	for (i = 0; i < length; i++)
		igt_assert_eq(scene.mem[9 + i],
			      scene.bar[ranges_find(ranges, 4, at + i)]);
	igt_assert_eq(scene.mem[8], 0x66);
	igt_assert_eq(scene.mem[9 + length], 0x66);
	guard_check(scene.bar, 0, 8 * PAGE);

	post_recv(&target.mr, at, length);
	op = (struct rdma_op) {
		.opcode = IBV_WR_SEND_WITH_IMM,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova + 5,
		.length = length - 1,
		.imm = 0x12345678,
	};
	igt_assert_eq(__rdma_post(&scene.rdma, &op, 1), 0);
	wait_message(length - 1, IBV_WC_RECV, IBV_WC_WITH_IMM, op.imm);
	for (i = 0; i < length - 1; i++)
		igt_assert_eq(scene.bar[ranges_find(ranges, 4, at + i)],
			      scene.mem[5 + i]);
	for (i = 0; i < 4; i++)
		guard_check(scene.bar, ranges[i].offset + PAGE, PAGE);
	rdma_target_close(&target);
	free(ranges);
}

/**
 * SUBTEST: write-imm
 * Description: RDMA WRITE with immediate data into a dma-buf completes a receive
 */
static void write_imm(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	struct rdma_op op = {
		.opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova,
		.remote = 3 * PAGE + 1,
		.length = 700,
		.imm = 0xfeedc0de,
	};
	struct rdma_target target;

	guard_fill(scene.bar, 0, MiB(1));
	rdma_target_open(&scene, &target, &range, 1);
	op.rkey = target.mr.rkey;
	memset(scene.mem, 0x77, 700);
	post_recv(NULL, 0, 0);
	igt_assert_eq(__rdma_post(&scene.rdma, &op, 1), 0);
	wait_message(700, IBV_WC_RECV_RDMA_WITH_IMM, IBV_WC_WITH_IMM,
		     op.imm);
	igt_assert(!memcmp(scene.bar + 3 * PAGE + 1, scene.mem, 700));
	guard_check(scene.bar, 0, 3 * PAGE);
	guard_check(scene.bar, 4 * PAGE, PAGE);
	rdma_target_close(&target);
}

/**
 * SUBTEST: pieces
 * Description: RDMA WRITE gathers from several regions, RDMA READ scatters to them
 */
static void pieces(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(4, 0, PAGE);
	struct ibv_sge sge[3] = {
		{ .addr = scene.mem_mr.iova + 7, .length = 1000 },
		{ .addr = PAGE - 3, .length = 9 },
		{ .addr = scene.mem_mr.iova + 2 * PAGE, .length = 1500 },
	};
	struct ibv_send_wr wr = {
		.num_sge = 3,
		.opcode = IBV_WR_RDMA_WRITE,
		.send_flags = IBV_SEND_SIGNALED,
	};
	struct rdma_target target;
	uint8_t out[2509], *to = scene.mem + KiB(32);
	size_t i;

	guard_fill(scene.bar, 0, 8 * PAGE);
	rdma_target_open(&scene, &target, ranges, 4);
	for (i = 0; i < 2 * sizeof(out) + 2 * PAGE; i++)
		scene.mem[i] = (uint8_t)(i * 11 + (i >> 8));
	memcpy(out, scene.mem + 7, 1000);
	for (i = 0; i < 9; i++)
		out[1000 + i] = scene.bar[ranges_find(ranges, 4, PAGE - 3 + i)];
	memcpy(out + 1009, scene.mem + 2 * PAGE, 1500);
	sge[0].lkey = sge[2].lkey = scene.mem_mr.lkey;
	sge[1].lkey = target.mr.lkey;
	wr.wr.rdma.remote_addr = scene.mem_mr.iova + KiB(32);
	wr.wr.rdma.rkey = scene.mem_mr.rkey;
	igt_assert_eq(__verbs_post_send(scene.rdma.qp[0], &wr,
					sge), 0);
	rdma_expect("WRITE of three pieces",
		    __rdma_wait(&scene.rdma, sizeof(out), NULL), 0);
	igt_assert(!memcmp(to, out, sizeof(out)));

	for (i = 0; i < sizeof(out); i++)
		out[i] = to[i] = (uint8_t)~out[i];
	wr.opcode = IBV_WR_RDMA_READ;
	igt_assert_eq(__verbs_post_send(scene.rdma.qp[0], &wr,
					sge), 0);
	rdma_expect("READ into three pieces",
		    __rdma_wait(&scene.rdma, sizeof(out), NULL), 0);
	igt_assert(!memcmp(scene.mem + 7, out, 1000));
	for (i = 0; i < 9; i++)
		igt_assert_eq(scene.bar[ranges_find(ranges, 4, PAGE - 3 + i)],
			      out[1000 + i]);
	igt_assert(!memcmp(scene.mem + 2 * PAGE, out + 1009, 1500));
	rdma_target_close(&target);
	free(ranges);
}

/*
 * An event within 20 s, or none now: whoever has polled a completion would have the
 * event already
 */
static void expect_event(bool expected)
{
	void *cookie = NULL;
	int ret = __verbs_get_cq_event(scene.rdma.channel,
				       expected ? 20000 : 0, &cookie);

	igt_assert_f(ret == (expected ? 0 : -ETIMEDOUT),
		     "%s a completion event: %s\n",
		     expected ? "waiting for" : "there is", strerror(-ret));
	if (expected)
		igt_assert(cookie == &scene.rdma);
}

/* A WRITE from one page of the program's memory to the next */
static struct rdma_op write_in_memory(void)
{
	return (struct rdma_op){
		.opcode = IBV_WR_RDMA_WRITE,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova,
		.rkey = scene.mem_mr.rkey,
		.remote = scene.mem_mr.iova + PAGE,
		.length = 8,
	};
}

/**
 * SUBTEST: events
 * Description: A completion event is delivered once per request, and only for what
 *	was requested
 */
static void events(void)
{
	const struct rdma_op op = write_in_memory();
	struct ibv_send_wr wr = {
		.wr_id = 1,
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED | IBV_SEND_SOLICITED,
	};
	int i;

	/* Not asked for */
	rdma_expect("WRITE", __rdma_do(&scene.rdma, &op), IBV_WC_SUCCESS);
	expect_event(false);
	/* Asked once, for two completions */
	igt_assert_eq(ibv_req_notify_cq(scene.rdma.cq, 0), 0);
	for (i = 0; i < 2; i++)
		igt_assert_eq(__rdma_post(&scene.rdma, &op, 1), 0);
	expect_event(true);
	for (i = 0; i < 2; i++)
		rdma_expect("WRITE", __rdma_wait(&scene.rdma, 8, NULL),
			    IBV_WC_SUCCESS);
	expect_event(false);
	/* Asked for what the sender marks */
	igt_assert_eq(ibv_req_notify_cq(scene.rdma.cq, 1), 0);
	rdma_expect("WRITE", __rdma_do(&scene.rdma, &op), IBV_WC_SUCCESS);
	expect_event(false);
	post_recv(NULL, 0, 0);
	igt_assert_eq(__verbs_post_send(scene.rdma.qp[0], &wr, NULL), 0);
	expect_event(true);
	wait_message(0, IBV_WC_RECV, 0, 0);
	expect_event(false);
}

/**
 * SUBTEST: established
 * Description: A queue pair that may only answer yet tells its program once that the
 *	peer has reached it
 */
static void established(void)
{
	const struct rdma_op op = write_in_memory();
	struct ibv_async_event event = { .event_type = IBV_EVENT_CQ_ERR };
	struct ibv_qp **qp = scene.rdma.qp;
	int i;

	igt_assert_eq(__verbs_modify_qp(qp[1], IBV_QPS_RESET, NULL), 0);
	igt_assert_eq(__verbs_modify_qp(qp[1], IBV_QPS_INIT, NULL), 0);
	igt_assert_eq(__verbs_modify_qp(qp[1], IBV_QPS_RTR, qp[0]), 0);
	for (i = 0; i < 2; i++)
		rdma_expect("WRITE", __rdma_do(&scene.rdma, &op),
			    IBV_WC_SUCCESS);
	igt_assert_eq(__verbs_get_async_event(scene.rdma.context, 10000, &event),
		      0);
	igt_assert_eq_u32(event.event_type, IBV_EVENT_COMM_EST);
	igt_assert(event.element.qp == qp[1]);
	igt_assert_eq(__verbs_get_async_event(scene.rdma.context, 0, &event),
		      -ETIMEDOUT);
	igt_assert_eq(__verbs_modify_qp(qp[1], IBV_QPS_RTS, NULL), 0);
	rdma_expect("WRITE", __rdma_do(&scene.rdma, &op), IBV_WC_SUCCESS);
}

static uint64_t counter(const char *name)
{
	char path[160], text[32];
	int ret;

	snprintf(path, sizeof(path),
		 "/sys/class/infiniband/%s/ports/1/hw_counters/%s",
		 scene.rdma.context->device->name, name);
	/* The core keeps what it has read for 10 ms */
	usleep(20000);
	ret = __sysfs_read(path, text, sizeof(text));
	igt_assert_f(!ret, "cannot read %s: %s\n", path, strerror(-ret));
	return strtoull(text, NULL, 10);
}

/**
 * SUBTEST: counters
 * Description: The port counts transfers, bytes, errors and invalidations of dma-bufs
 */
static void counters(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	uint64_t writes, reads, bytes, errors, invalidations;
	struct rdma_target target;

	rdma_target_open(&scene, &target, &range, 1);
	writes = counter("rdma_writes");
	reads = counter("rdma_reads");
	bytes = counter("bytes");
	errors = counter("errors");
	invalidations = counter("mr_invalidations");
	rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE, &scene.mem_mr,
		  scene.mem_mr.iova, &target.mr, 0, 3000);
	rdma_copy(&scene.rdma, IBV_WR_RDMA_READ, &scene.mem_mr,
		  scene.mem_mr.iova, &target.mr, 0, 5);
	igt_assert_eq_u64(counter("rdma_writes"), writes + 1);
	igt_assert_eq_u64(counter("rdma_reads"), reads + 1);
	igt_assert_eq_u64(counter("bytes"), bytes + 3005);
	igt_assert_eq_u64(counter("errors"), errors);
	igt_assert_eq_u64(counter("mr_invalidations"), invalidations);

	vfio_memory_enable(&scene.shm, false);
	igt_assert_eq_u64(counter("mr_invalidations"), invalidations + 1);
	rdma_expect("WRITE into what is revoked",
		    __rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE, &scene.mem_mr,
				scene.mem_mr.iova, &target.mr, 0, 8),
		    IBV_WC_REM_ACCESS_ERR);
	igt_assert_eq_u64(counter("rdma_writes"), writes + 1);
	igt_assert_eq_u64(counter("errors"), errors + 1);
	vfio_memory_enable(&scene.shm, true);
	rdma_target_close(&target);
	igt_assert_eq_u64(counter("mr_invalidations"), invalidations + 1);
}

static int write_to(const struct verbs_mr *mr, uint32_t rkey, uint64_t at)
{
	const struct rdma_op op = {
		.opcode = IBV_WR_RDMA_WRITE,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova,
		.rkey = rkey,
		.remote = mr->iova + at,
		.length = 16,
	};
	int status = __rdma_do(&scene.rdma, &op);

	if (status)
		rdma_reset(&scene.rdma);
	return status;
}

/**
 * SUBTEST: reregister
 * Description: A region of memory is given other rights, another domain and other
 *	memory
 */
static void reregister(void)
{
	uint8_t *mem = scene.mem + KiB(32), *other = mem + 2 * PAGE;
	struct ibv_pd *pd = ibv_alloc_pd(scene.rdma.context);
	struct verbs_mr mr;
	uint32_t old;

	igt_assert(pd);
	memset(scene.mem, 0x31, 16);
	rdma_reg_memory(&scene.rdma, mem, PAGE, &mr);
	old = mr.rkey;
	rdma_expect("WRITE", write_to(&mr, old, 0), IBV_WC_SUCCESS);
	igt_assert_eq(mem[15], 0x31);

	/* The same key all along */
	igt_assert_eq(ibv_rereg_mr(mr.ibv, IBV_REREG_MR_CHANGE_ACCESS, NULL,
				   NULL, 0, IBV_ACCESS_LOCAL_WRITE), 0);
	igt_assert_eq_u32(mr.ibv->rkey, old);
	rdma_expect("WRITE without the right", write_to(&mr, old, 0),
		    IBV_WC_REM_ACCESS_ERR);
	igt_assert_eq(ibv_rereg_mr(mr.ibv, IBV_REREG_MR_CHANGE_ACCESS |
				   IBV_REREG_MR_CHANGE_PD, pd, NULL, 0,
				   VERBS_ACCESS_ALL), 0);
	rdma_expect("WRITE in another domain", write_to(&mr, old, 0),
		    IBV_WC_REM_ACCESS_ERR);
	igt_assert_eq(ibv_rereg_mr(mr.ibv, IBV_REREG_MR_CHANGE_PD,
				   scene.rdma.pd, NULL, 0, 0), 0);
	rdma_expect("WRITE", write_to(&mr, old, 32), IBV_WC_SUCCESS);

	/* Memory that cannot be had leaves it as it was */
	igt_assert(ibv_rereg_mr(mr.ibv, IBV_REREG_MR_CHANGE_TRANSLATION, NULL,
				(void *)PAGE, PAGE, 0));
	rdma_expect("WRITE", write_to(&mr, old, 64), IBV_WC_SUCCESS);
	igt_assert_eq(ibv_rereg_mr(mr.ibv, IBV_REREG_MR_CHANGE_TRANSLATION,
				   NULL, other, PAGE, 0), 0);
	memset(mem, 0, PAGE);
	memset(other, 0, PAGE);
	rdma_expect("WRITE by the old key", write_to(&mr, old, 0),
		    IBV_WC_REM_ACCESS_ERR);
	mr.iova = (uintptr_t)other;
	rdma_expect("WRITE to other memory", write_to(&mr, mr.ibv->rkey, 8),
		    IBV_WC_SUCCESS);
	igt_assert_eq(other[8], 0x31);
	igt_assert_eq(other[24], 0);
	igt_assert_eq(mem[8], 0);
	verbs_dereg_mr(&mr);
	igt_assert_eq(ibv_dealloc_pd(pd), 0);
}

int igt_main()
{
	igt_fixture()
		rdma_scene_open(&scene);

	igt_subtest("device")
		device();

	igt_subtest("objects") {
		rdma_scene_reset(&scene);
		objects();
	}

	igt_subtest("destroy-polled") {
		rdma_scene_reset(&scene);
		destroy_polled();
	}

	igt_subtest("send") {
		rdma_scene_reset(&scene);
		send();
	}

	igt_subtest("write-imm") {
		rdma_scene_reset(&scene);
		write_imm();
	}

	igt_subtest("pieces") {
		rdma_scene_reset(&scene);
		pieces();
	}

	igt_subtest("events") {
		rdma_scene_reset(&scene);
		events();
	}

	igt_subtest("established") {
		rdma_scene_reset(&scene);
		established();
	}

	igt_subtest("counters") {
		rdma_scene_reset(&scene);
		counters();
	}

	igt_subtest("reregister") {
		rdma_scene_reset(&scene);
		reregister();
	}

	igt_fixture()
		rdma_scene_close(&scene);
}
