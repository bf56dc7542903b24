// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma access
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: access rights
 * Description: What is not allowed: each violation has the completion status that
 *	verbs prescribe, moves no byte and stops the queue pair until it is reset
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "rdma.h"

/* The region is a slice: what is around it is the dma-buf's, and not allowed */
#define START PAGE
#define LENGTH (2 * PAGE)
#define BAR_USED (8 * PAGE)

#define WRITE IBV_WR_RDMA_WRITE
#define READ IBV_WR_RDMA_READ

static struct rdma_scene scene;
static struct vfio_region_dma_range *ranges;
static int fd = -1;
static struct verbs_mr region;

static void begin(void)
{
	rdma_scene_reset(&scene);
	if (fd >= 0)
		close(fd);
	fd = vfio_dmabuf(&scene.shm, 2, ranges, 4);
	rdma_reg_dmabuf(&scene.rdma, fd, START, LENGTH, &region);
	guard_fill(scene.bar, 0, BAR_USED);
	memset(scene.mem, 0x99, RDMA_MEMORY);
}

static struct rdma_op to_region(enum ibv_wr_opcode opcode)
{
	return (struct rdma_op) {
		.opcode = opcode,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova,
		.rkey = region.rkey,
		.remote = START,
		.length = 8,
	};
}

static struct rdma_op from_region(enum ibv_wr_opcode opcode)
{
	return (struct rdma_op) {
		.opcode = opcode,
		.lkey = region.lkey,
		.local = START,
		.rkey = scene.mem_mr.rkey,
		.remote = scene.mem_mr.iova,
		.length = 8,
	};
}

static void expect_untouched(void)
{
	uint32_t i;

	guard_check(scene.bar, 0, BAR_USED);
	for (i = 0; i < RDMA_MEMORY; i++)
		igt_assert_f(scene.mem[i] == 0x99,
			     "host memory has changed at 0x%x\n", i);
}

/* What is queued behind the violation is flushed, and so is what comes later */
static void violate(const char *what, struct rdma_op op, int expected)
{
	const struct rdma_op good = to_region(READ);
	struct ibv_wc wc;
	int i;

	igt_info("%s\n", what);
	igt_assert_eq(__rdma_post(&scene.rdma, &op, 100), 0);
	for (i = 0; i < 3; i++)
		igt_assert_eq(__rdma_post(&scene.rdma, &good,
					  101 + (uint64_t)i), 0);
	rdma_expect(what, __rdma_wait(&scene.rdma, 0, &wc), expected);
	igt_assert_eq_u64(wc.wr_id, 100);
	igt_assert_eq_u32(wc.qp_num, scene.rdma.qp[0]->qp_num);
	for (i = 0; i < 3; i++) {
		rdma_expect("queued behind it",
			    __rdma_wait(&scene.rdma, 8, &wc),
			    IBV_WC_WR_FLUSH_ERR);
		igt_assert_eq_u64(wc.wr_id, 101 + (uint64_t)i);
	}
	igt_assert_eq(__verbs_qp_state(scene.rdma.qp[0]),
		      IBV_QPS_ERR);
	rdma_expect("posted later", __rdma_do(&scene.rdma, &good),
		    IBV_WC_WR_FLUSH_ERR);
	expect_untouched();
	rdma_reset(&scene.rdma);
}

/* After all that, the region is what it was */
static void end(void)
{
	const struct rdma_target target = { region, scene.bar, ranges, 4 };

	rdma_scene_both(&scene, &target, START, 100);
	rdma_scene_both(&scene, &target, START + LENGTH - 8, 8);
	guard_check(scene.bar, 0, BAR_USED);
	verbs_dereg_mr(&region);
}

/**
 * SUBTEST: keys
 * Description: Keys of nothing, of another protection domain, of a deregistered
 *	region
 */
static void keys(void)
{
	struct verbs_mr foreign, gone;
	struct rdma_op op;
	struct ibv_pd *pd;

	begin();
	pd = ibv_alloc_pd(scene.rdma.context);
	igt_assert(pd);
	igt_assert_eq(__verbs_reg_dmabuf_mr(pd, fd, START,
					    LENGTH, START, VERBS_ACCESS_ALL,
					    &foreign), 0);
	rdma_reg_dmabuf(&scene.rdma, fd, START, LENGTH, &gone);
	verbs_dereg_mr(&gone);

	op = to_region(WRITE);
	op.rkey = ~region.rkey;
	violate("WRITE, rkey of nothing", op, IBV_WC_REM_ACCESS_ERR);
	op.rkey = 0;
	violate("WRITE, rkey 0", op, IBV_WC_REM_ACCESS_ERR);
	op.rkey = foreign.rkey;
	violate("WRITE, rkey of another domain", op, IBV_WC_REM_ACCESS_ERR);
	op.rkey = gone.rkey;
	violate("WRITE, rkey that is gone", op, IBV_WC_REM_ACCESS_ERR);
	op = to_region(READ);
	op.rkey = foreign.rkey;
	violate("READ, rkey of another domain", op, IBV_WC_REM_ACCESS_ERR);

	op = from_region(WRITE);
	op.lkey = ~region.lkey;
	violate("WRITE, lkey of nothing", op, IBV_WC_LOC_PROT_ERR);
	op.lkey = foreign.lkey;
	violate("WRITE, lkey of another domain", op, IBV_WC_LOC_PROT_ERR);
	op.lkey = gone.lkey;
	violate("WRITE, lkey that is gone", op, IBV_WC_LOC_PROT_ERR);
	op = from_region(READ);
	op.lkey = foreign.lkey;
	violate("READ, lkey of another domain", op, IBV_WC_LOC_PROT_ERR);
	verbs_dereg_mr(&foreign);
	igt_assert_eq(ibv_dealloc_pd(pd), 0);
	end();
}

/**
 * SUBTEST: bounds
 * Description: One byte before, one after, the whole region and one byte more,
 *	addresses that wrap around
 */
static void bounds(void)
{
	static const struct {
		const char *what;
		uint64_t at;
		uint32_t length;
	} cases[] = {
		{ "one byte before", START - 1, 8 },
		{ "one byte after", START + LENGTH - 7, 8 },
		{ "after the end", START + LENGTH, 1 },
		{ "all and one more", START, LENGTH + 1 },
		{ "far away", 1ull << 62, 8 },
		{ "around the end of addresses", UINT64_MAX - 3, 8 },
	};
	struct rdma_op op;
	char what[96];
	size_t i;

	begin();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(what, sizeof(what), "WRITE to %s", cases[i].what);
		op = to_region(WRITE);
		op.remote = cases[i].at;
		op.length = cases[i].length;
		violate(what, op, IBV_WC_REM_ACCESS_ERR);
		snprintf(what, sizeof(what), "READ of %s", cases[i].what);
		op.opcode = READ;
		violate(what, op, IBV_WC_REM_ACCESS_ERR);

		op = from_region(WRITE);
		op.local = cases[i].at;
		op.length = cases[i].length;
		snprintf(what, sizeof(what), "WRITE from %s", cases[i].what);
		violate(what, op, IBV_WC_LOC_PROT_ERR);
		snprintf(what, sizeof(what), "READ into %s", cases[i].what);
		op.opcode = READ;
		violate(what, op, IBV_WC_LOC_PROT_ERR);
	}
	end();
}

/**
 * SUBTEST: rights
 * Description: A region that grants too few rights
 */
static void rights(void)
{
	struct verbs_mr full;
	struct rdma_op op;

	begin();
	full = region;
	igt_assert_eq(__verbs_reg_dmabuf_mr(scene.rdma.pd, fd, START,
					    LENGTH, START,
					    IBV_ACCESS_LOCAL_WRITE |
						    IBV_ACCESS_REMOTE_READ,
					    &region), 0);
	violate("WRITE without the right to write remotely", to_region(WRITE),
		IBV_WC_REM_ACCESS_ERR);
	verbs_dereg_mr(&region);

	igt_assert_eq(__verbs_reg_dmabuf_mr(scene.rdma.pd, fd, START,
					    LENGTH, START,
					    IBV_ACCESS_LOCAL_WRITE |
						    IBV_ACCESS_REMOTE_WRITE,
					    &region), 0);
	/* What violate() queues behind it is a READ as well, and flushed */
	violate("READ without the right to read remotely", to_region(READ),
		IBV_WC_REM_ACCESS_ERR);
	verbs_dereg_mr(&region);

	/* Reading one's own memory needs no right */
	igt_assert_eq(__verbs_reg_dmabuf_mr(scene.rdma.pd, fd, START,
					    LENGTH, START, 0, &region), 0);
	violate("READ into what must not be written", from_region(READ),
		IBV_WC_LOC_PROT_ERR);
	op = from_region(WRITE);
	rdma_expect("WRITE from what may be read", __rdma_do(&scene.rdma, &op),
		    IBV_WC_SUCCESS);
	igt_assert(!memcmp(scene.mem, scene.bar + ranges[1].offset, 8));
	verbs_dereg_mr(&region);
	region = full;
	end();
}

static int register_mode(int dmabuf, uint32_t access, struct verbs_mr *mr)
{
	return __verbs_reg_dmabuf_mr(scene.rdma.pd, dmabuf,
				     START, LENGTH, START, access, mr);
}

/**
 * SUBTEST: read-only
 * Description: A dma-buf exported read-only: no region of it grants writing, and a
 *	read-only region can be read by both sides
 */
static void read_only(void)
{
	static const uint32_t writing[] = {
		IBV_ACCESS_LOCAL_WRITE,
		IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE,
		VERBS_ACCESS_ALL,
	};
	unsigned int before;
	struct verbs_mr full;
	struct rdma_op op;
	int dmabuf, pin;
	size_t i;

	rdma_require_lists();
	begin();
	full = region;
	before = rdma_regions();
	dmabuf = vfio_dmabuf_mode(&scene.shm, O_RDONLY, 2, ranges, 4);
	/* Of either kind of region */
	for (pin = 0; pin < 2; pin++) {
		rdma_pin(pin);
		for (i = 0; i < ARRAY_SIZE(writing); i++)
			igt_assert_eq(register_mode(dmabuf, writing[i],
						    &region), -EACCES);
		igt_assert_eq((int)rdma_regions(), (int)before);

		igt_assert_eq(register_mode(dmabuf,
					    IBV_ACCESS_REMOTE_READ,
					    &region), 0);
		violate("WRITE to what is for reading", to_region(WRITE),
			IBV_WC_REM_ACCESS_ERR);
		violate("READ into what is for reading", from_region(READ),
			IBV_WC_LOC_PROT_ERR);
		op = to_region(READ);
		rdma_expect("READ of what is for reading",
			    __rdma_do(&scene.rdma, &op), IBV_WC_SUCCESS);
		igt_assert(!memcmp(scene.mem, scene.bar + ranges[1].offset, 8));
		memset(scene.mem, 0x99, 8);
		op = from_region(WRITE);
		rdma_expect("WRITE from what is for reading",
			    __rdma_do(&scene.rdma, &op), IBV_WC_SUCCESS);
		igt_assert(!memcmp(scene.mem, scene.bar + ranges[1].offset, 8));
		memset(scene.mem, 0x99, 8);
		verbs_dereg_mr(&region);
	}
	rdma_pin(false);
	close(dmabuf);
	region = full;
	end();
}

static void message(const char *what, const struct ibv_sge *sge,
		    int send_status, int recv_status)
{
	struct rdma_op op = {
		.opcode = IBV_WR_SEND,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova,
		.length = 64,
	};
	struct ibv_wc wc;
	int i;

	igt_info("%s\n", what);
	if (sge)
		igt_assert_eq(__verbs_post_recv(scene.rdma.qp[1], 2, sge), 0);
	igt_assert_eq(__rdma_post(&scene.rdma, &op, 1), 0);
	for (i = 0; i < (sge ? 2 : 1); i++) {
		int status = __rdma_wait(&scene.rdma, 64, &wc);

		rdma_expect(what, status,
			    wc.wr_id == 1 ? send_status : recv_status);
	}
	igt_assert_eq(__verbs_qp_state(scene.rdma.qp[0]),
		      IBV_QPS_ERR);
	if (sge)
		igt_assert_eq(__verbs_qp_state(scene.rdma.qp[1]),
			      IBV_QPS_ERR);
	expect_untouched();
	rdma_reset(&scene.rdma);
}

/**
 * SUBTEST: receives
 * Description: A receive that is too small, one that is not writable, none at all
 */
static void receives(void)
{
	struct ibv_sge sge = { .addr = START, .length = 63 };
	struct verbs_mr readonly;

	begin();
	sge.lkey = region.lkey;
	message("receive that is a byte too small", &sge,
		IBV_WC_REM_INV_REQ_ERR, IBV_WC_LOC_LEN_ERR);
	sge.addr = START + LENGTH - 63;
	sge.length = 64;
	message("receive that leaves the region", &sge, IBV_WC_REM_OP_ERR,
		IBV_WC_LOC_PROT_ERR);
	igt_assert_eq(__verbs_reg_dmabuf_mr(scene.rdma.pd, fd,
					    START, LENGTH, START,
					    IBV_ACCESS_REMOTE_READ,
					    &readonly), 0);
	sge.addr = START;
	sge.lkey = readonly.lkey;
	message("receive into what must not be written", &sge,
		IBV_WC_REM_OP_ERR, IBV_WC_LOC_PROT_ERR);
	verbs_dereg_mr(&readonly);
	message("no receive", NULL, IBV_WC_RNR_RETRY_EXC_ERR, 0);
	end();
}

/**
 * SUBTEST: peer
 * Description: The owner of the memory is told of a violation by an event; it is in
 *	error then, and does not answer
 */
static void peer(void)
{
	struct ibv_async_event event = { .event_type = IBV_EVENT_CQ_ERR };
	struct rdma_op op;

	begin();
	op = to_region(WRITE);
	op.rkey = 0;
	rdma_expect("WRITE, rkey 0", __rdma_do(&scene.rdma, &op),
		    IBV_WC_REM_ACCESS_ERR);
	igt_assert_eq(__verbs_get_async_event(scene.rdma.context, 10000, &event), 0);
	igt_assert_eq_u32(event.event_type, IBV_EVENT_QP_ACCESS_ERR);
	igt_assert(event.element.qp == scene.rdma.qp[1]);
	igt_assert_eq(__verbs_qp_state(scene.rdma.qp[1]),
		      IBV_QPS_ERR);

	/* Only the one that sends is connected again */
	igt_assert_eq(__verbs_modify_qp(scene.rdma.qp[0],
					IBV_QPS_RESET, NULL), 0);
	igt_assert_eq(__verbs_connect(scene.rdma.qp[0],
				      scene.rdma.qp[1]), 0);
	violate("a peer in error", to_region(READ), IBV_WC_RETRY_EXC_ERR);
	end();
}

/**
 * SUBTEST: zero-length
 * Description: Transfers of nothing succeed
 */
static void zero_length(void)
{
	struct rdma_op op;

	begin();
	op = to_region(WRITE);
	op.length = 0;
	rdma_expect("WRITE of nothing", __rdma_do(&scene.rdma, &op),
		    IBV_WC_SUCCESS);
	op.opcode = READ;
	rdma_expect("READ of nothing", __rdma_do(&scene.rdma, &op),
		    IBV_WC_SUCCESS);
	op = from_region(WRITE);
	op.length = 0;
	op.local = START + LENGTH;
	rdma_expect("WRITE of nothing from the end",
		    __rdma_do(&scene.rdma, &op), IBV_WC_SUCCESS);
	expect_untouched();
	end();
}

/**
 * SUBTEST: register
 * Description: Registrations that are refused, each with its errno
 */
static void bad_registrations(void)
{
	const uint64_t size = 4 * PAGE;
	const struct {
		const char *what;
		uint64_t offset, length, iova;
		uint32_t access;
		int error;
	} cases[] = {
		{ "offset beyond the end", size, PAGE, size, 1, -EINVAL },
		{ "one byte too long", 0, size + 1, 0, 1, -EINVAL },
		{ "offset plus length overflows", PAGE, -PAGE, PAGE, 1,
		  -EINVAL },
		{ "offset plus length is 0", -PAGE, PAGE, 0, 1, -EINVAL },
		{ "all there is of 64 bits", 0, UINT64_MAX, 0, 1, -EINVAL },
		{ "length 0", PAGE, 0, PAGE, 1, -EINVAL },
		{ "length 0 inside a page", 5, 0, 5, 1, -EINVAL },
		{ "address that does not agree with the offset", 5, 100, 6, 1,
		  -EINVAL },
		{ "addresses that wrap around", PAGE, 2 * PAGE, -PAGE, 1,
		  -EINVAL },
		{ "remote write without local write", 0, PAGE, 0,
		  IBV_ACCESS_REMOTE_WRITE, -EINVAL },
		{ "on demand", 0, PAGE, 0, IBV_ACCESS_ON_DEMAND,
		  -EINVAL },
		{ "rights that do not exist", 0, PAGE, 0, 1u << 31, -EINVAL },
	};
	struct ibv_pd *pd, no_pd;
	unsigned int before;
	struct verbs_mr mr;
	int file, pipes[2];
	size_t i;

	begin();
	pd = scene.rdma.pd;
	no_pd = *pd;
	no_pd.handle += 1000;
	before = rdma_regions();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int ret = __verbs_reg_dmabuf_mr(pd, fd, cases[i].offset,
						cases[i].length, cases[i].iova,
						cases[i].access, &mr);

		igt_assert_f(ret == cases[i].error, "%s: %s instead of %s\n",
			     cases[i].what, strerror(-ret),
			     strerror(-cases[i].error));
	}

	igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, -1, 0, PAGE, &mr),
		      -EBADF);
	igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, 1000, 0, PAGE, &mr),
		      -EBADF);
	igt_assert_eq(pipe(pipes), 0);
	igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, pipes[0], 0, PAGE, &mr),
		      -EINVAL);
	file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	igt_assert_fd(file);
	igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, file, 0, PAGE, &mr),
		      -EINVAL);
	igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, scene.rdma.context->cmd_fd, 0, PAGE,
					&mr), -EINVAL);
	igt_assert_eq(__verbs_reg_dmabuf_mr(&no_pd, fd, 0, PAGE, 0, 1, &mr), -ENOENT);
	/* Memory that is not there */
	igt_assert_eq(__verbs_reg_mr(pd, NULL, PAGE, 1, &mr), -EFAULT);
	igt_assert_eq(__verbs_reg_mr(pd, scene.mem, -PAGE, 1, &mr),
		      -EINVAL);
	close(file);
	close(pipes[0]);
	close(pipes[1]);
	igt_assert_eq((int)rdma_regions(), (int)before);
	end();
}

int igt_main()
{
	igt_fixture() {
		rdma_scene_open(&scene);
		ranges = ranges_scattered(4, 0, PAGE);
	}

	igt_subtest("keys")
		keys();

	igt_subtest("bounds")
		bounds();

	igt_subtest("rights")
		rights();

	igt_subtest("read-only")
		read_only();

	igt_subtest("receives")
		receives();

	igt_subtest("peer")
		peer();

	igt_subtest("zero-length")
		zero_length();

	igt_subtest("register")
		bad_registrations();

	igt_fixture() {
		close(fd);
		free(ranges);
		rdma_scene_close(&scene);
	}
}
