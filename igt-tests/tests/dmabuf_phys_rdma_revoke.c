// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma revoke
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: revoke and restore
 * Description: Memory is taken away from under RDMA regions: the DMA engine stands still
 *	before the call returns, work requests fail, and after a restore the same
 *	regions work
 * Test category: functionality test
 */
#include <errno.h>
#include <unistd.h>

#include "igt_core.h"
#include "monitor.h"
#include "pci.h"
#include "rdma.h"

/* Long enough to be in the middle of it: 2 KiB take the engine 200 ms */
#define LONG KiB(32)
#define CHUNK KiB(2)

/*
 * A chunk is 100 ms on its way into the device and 100 ms on its way out. It is
 * awaited there; on a loaded host it may have arrived by the time of the revoke, so
 * that takes a few rounds.
 */
#define ROUNDS 50

#define WRITE IBV_WR_RDMA_WRITE
#define READ IBV_WR_RDMA_READ

static struct rdma_scene scene;
static const struct vfio_region_dma_range range = { 0, 2 * LONG };
static struct rdma_target target;
static int fd = -1;

static void begin(void)
{
	rdma_scene_reset(&scene);
	if (fd >= 0)
		close(fd);
	fd = vfio_dmabuf(&scene.shm, 2, &range, 1);
	target = (struct rdma_target) {
		.base = scene.bar, .ranges = &range, .nr = 1 };
	rdma_reg_dmabuf(&scene.rdma, fd, 0, 2 * LONG, &target.mr);
	guard_fill(scene.bar, 0, 3 * LONG);
	rdma_scene_fill(&scene, LONG);
}

static void end(void)
{
	guard_fill(scene.bar, 0, 3 * LONG);
	rdma_scene_both(&scene, &target, LONG - 300, 600);
	guard_check(scene.bar, 0, 3 * LONG);
	verbs_dereg_mr(&target.mr);
}

static void post(enum ibv_wr_opcode opcode, const struct verbs_mr *local,
		 const struct verbs_mr *remote, uint32_t length, uint64_t wr_id)
{
	const struct rdma_op op = {
		.opcode = opcode,
		.lkey = local->lkey,
		.local = local->iova,
		.rkey = remote->rkey,
		.remote = remote->iova,
		.length = length,
	};

	igt_assert_eq(__rdma_post(&scene.rdma, &op, wr_id), 0);
}

/**
 * SUBTEST: remote
 * Description: The target of a running RDMA WRITE is revoked: it waits for the
 *	chunk in flight, then no byte moves; remote access error, and what is queued
 *	is flushed
 */
static void remote(void)
{
	int round, waited = 0;
	struct ibv_wc wc;
	uint32_t before, done;

	begin();
	for (round = 0; round < ROUNDS && waited < 2; round++) {
		guard_fill(scene.bar, 0, 3 * LONG);
		post(WRITE, &scene.mem_mr, &target.mr, LONG, 1);
		post(WRITE, &scene.mem_mr, &target.mr, 8, 2);
		rdma_wait_moving(scene.bar, guard_byte(0));
		if (round)
			rdma_engine_wait(&target.mr, true);
		before = rdma_scene_arrived(&scene, scene.bar, LONG);
		vfio_memory_enable(&scene.shm, false);
		rdma_expect("WRITE into what is revoked",
			    __rdma_wait(&scene.rdma, LONG, &wc),
			    IBV_WC_REM_ACCESS_ERR);
		igt_assert_eq_u64(wc.wr_id, 1);
		rdma_expect("queued behind it",
			    __rdma_wait(&scene.rdma, 8, &wc),
			    IBV_WC_WR_FLUSH_ERR);
		igt_assert_eq(__verbs_qp_state(scene.rdma.qp[0]),
			      IBV_QPS_ERR);

		/* And when it is revoked already */
		rdma_reset(&scene.rdma);
		rdma_expect("READ of what is revoked",
			    __rdma_copy(&scene.rdma, READ, &scene.mem_mr,
					scene.mem_mr.iova + LONG, &target.mr,
					0, 8),
			    IBV_WC_REM_ACCESS_ERR);
		rdma_reset(&scene.rdma);
		vfio_memory_enable(&scene.shm, true);
		done = rdma_scene_arrived(&scene, scene.bar, LONG);
		igt_info("%u bytes had arrived before, %u after it\n", before,
			 done);
		igt_assert(done && done < LONG && !(done % CHUNK));
		waited += done > before;
		rdma_scene_watch(&scene, scene.bar, LONG);
		guard_check(scene.bar, LONG, 2 * LONG);
	}
	igt_assert_f(waited, "no revoke has met a chunk on its way\n");
	end();
}

/**
 * SUBTEST: local
 * Description: The source of a running RDMA WRITE, and the target of a running RDMA
 *	READ, are revoked: local protection error
 */
static void local(void)
{
	begin();
	memset(scene.mem, 0x12, RDMA_MEMORY);
	post(WRITE, &target.mr, &scene.mem_mr, LONG, 1);
	rdma_wait_moving(scene.mem, 0x12);
	vfio_memory_enable(&scene.shm, false);
	rdma_expect("WRITE from what is revoked",
		    __rdma_wait(&scene.rdma, LONG, NULL),
		    IBV_WC_LOC_PROT_ERR);
	igt_assert_eq(scene.mem[LONG - 1], 0x12);
	vfio_memory_enable(&scene.shm, true);
	guard_check(scene.bar, 0, 3 * LONG);

	rdma_reset(&scene.rdma);
	rdma_scene_fill(&scene, LONG);
	post(READ, &target.mr, &scene.mem_mr, LONG, 1);
	rdma_wait_moving(scene.bar, guard_byte(0));
	vfio_memory_enable(&scene.shm, false);
	rdma_expect("READ into what is revoked",
		    __rdma_wait(&scene.rdma, LONG, NULL),
		    IBV_WC_LOC_PROT_ERR);
	vfio_memory_enable(&scene.shm, true);
	rdma_scene_watch(&scene, scene.bar, LONG);
	rdma_reset(&scene.rdma);
	end();
}

/* The BAR as the bus sees it: no kernel and no mapping in between */
static uint64_t bar_address(const char *addr, unsigned int bar)
{
	uint64_t start = pci_bar(addr, bar, NULL);

	igt_assert(start);
	return start;
}

static uint32_t chunks_at(uint64_t paddr)
{
	uint32_t i, nr = 0;

	for (i = 0; i < LONG; i += CHUNK)
		nr += monitor_read64(paddr + i) != guard_word(i);
	return nr;
}

/**
 * SUBTEST: idle
 * Description: A device in D3hot whose BAR still answers: looked at from outside
 *	the kernel, not a byte changes once the call has returned
 */
static void idle(void)
{
	static struct vfio_device nvme1;
	uint32_t before, after;
	int round, waited = 0;
	struct verbs_mr mr;
	uint64_t paddr;
	uint8_t *cmb;
	int dmabuf;

	begin();
	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
	cmb = vfio_map_bar(&nvme1, 2);
	paddr = bar_address(nvme1.addr, 2);
	dmabuf = vfio_dmabuf_one(&nvme1, 2, 0, LONG);
	rdma_reg_dmabuf(&scene.rdma, dmabuf, 0, LONG, &mr);

	for (round = 0; round < ROUNDS && waited < 2; round++) {
		guard_fill(cmb, 0, LONG);
		igt_assert_eq_u32(chunks_at(paddr), 0);
		post(WRITE, &scene.mem_mr, &mr, LONG, 1);
		rdma_wait_moving(cmb, guard_byte(0));
		rdma_engine_wait(&mr, true);
		before = rdma_scene_arrived(&scene, cmb, LONG) / CHUNK;
		igt_assert_eq(__vfio_set_power(&nvme1, 3), 0);
		after = chunks_at(paddr);
		waited += after > before;
		rdma_engine_pass();
		igt_assert_eq_u32(chunks_at(paddr), after);
		igt_assert(after && after < LONG / CHUNK);
		rdma_expect("WRITE into a device that sleeps",
			    __rdma_wait(&scene.rdma, LONG, NULL),
			    IBV_WC_REM_ACCESS_ERR);
		igt_assert_eq(__vfio_set_power(&nvme1, 0), 0);
		igt_assert_eq_u32(rdma_scene_arrived(&scene, cmb, LONG),
				  after * CHUNK);
		rdma_reset(&scene.rdma);
	}
	igt_assert_f(waited, "no revoke has met a chunk on its way\n");
	rdma_copy(&scene.rdma, WRITE, &scene.mem_mr, scene.mem_mr.iova, &mr, 0,
		  1000);
	verbs_dereg_mr(&mr);
	close(dmabuf);
	vfio_close(&nvme1);
	end();
}

/**
 * SUBTEST: unnoticed
 * Description: Revoke and restore while no work request is running: the program
 *	notices nothing
 */
static void unnoticed(void)
{
	int i;

	begin();
	for (i = 0; i < 20; i++) {
		vfio_memory_enable(&scene.shm, false);
		vfio_memory_enable(&scene.shm, true);
		if (i % 5 == 0)
			rdma_copy(&scene.rdma, WRITE, &scene.mem_mr,
				  scene.mem_mr.iova, &target.mr, 0, 8);
	}
	igt_assert_eq(__vfio_reset(&scene.shm), 0);
	end();
}

static int off_and_on(struct vfio_device *dev)
{
	int ret = __vfio_memory_enable(dev, false);

	return ret ? ret : __vfio_memory_enable(dev, true);
}

static void under_transfer(int (*disturb)(struct vfio_device *dev))
{
	const uint32_t length = 5 * CHUNK;
	uint32_t done;
	int status, i;

	for (i = 0; i < 3; i++) {
		guard_fill(scene.bar, 0, 3 * LONG);
		post(WRITE, &scene.mem_mr, &target.mr, length, 1);
		rdma_wait_moving(scene.bar, guard_byte(0));
		/* At once, and on the way of a chunk into the device and out */
		if (i)
			rdma_engine_wait(i == 1 ? &scene.mem_mr : &target.mr,
					 i == 2);
		igt_assert_eq(disturb(&scene.shm), 0);
		status = __rdma_wait(&scene.rdma, length, NULL);
		done = rdma_scene_arrived(&scene, scene.bar, length);
		igt_info("%s, %u bytes arrived\n", verbs_wc_name(status), done);
		if (status)
			rdma_expect("WRITE into what is away for a moment",
				    status, IBV_WC_REM_ACCESS_ERR);
		else
			igt_assert_eq_u32(done, length);
		guard_check(scene.bar, LONG, 2 * LONG);
		rdma_reset(&scene.rdma);
	}
}

/**
 * SUBTEST: register
 * Description: Registration while revoked fails with ENODEV, and works after the
 *	restore
 */
static void register_revoked(void)
{
	unsigned int before;
	struct verbs_mr mr;
	int i;

	begin();
	before = rdma_regions();
	vfio_memory_enable(&scene.shm, false);
	for (i = 0; i < 10; i++)
		igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, fd, 0, PAGE, &mr),
			      -ENODEV);
	igt_assert_eq((int)rdma_regions(), (int)before);
	vfio_memory_enable(&scene.shm, true);
	rdma_reg_dmabuf(&scene.rdma, fd, 0, PAGE, &mr);
	rdma_copy(&scene.rdma, WRITE, &scene.mem_mr, scene.mem_mr.iova, &mr, 16,
		  100);
	igt_assert(!memcmp(scene.bar + 16, scene.mem, 100));
	verbs_dereg_mr(&mr);
	end();
}

/**
 * SUBTEST: deregister
 * Description: Deregistration while revoked, alone and by closing the context
 */
static void deregister_revoked(void)
{
	begin();
	vfio_memory_enable(&scene.shm, false);
	verbs_dereg_mr(&target.mr);
	vfio_memory_enable(&scene.shm, true);

	rdma_reg_dmabuf(&scene.rdma, fd, 0, 2 * LONG, &target.mr);
	vfio_memory_enable(&scene.shm, false);
	rdma_close(&scene.rdma);
	vfio_memory_enable(&scene.shm, true);
	guard_check(scene.bar, 0, 3 * LONG);

	/* Under a transfer, which the revoke stops and the close forgets */
	begin();
	post(WRITE, &scene.mem_mr, &target.mr, LONG, 1);
	rdma_wait_moving(scene.bar, guard_byte(0));
	vfio_memory_enable(&scene.shm, false);
	rdma_close(&scene.rdma);
	vfio_memory_enable(&scene.shm, true);
	rdma_scene_watch(&scene, scene.bar, LONG);
	begin();
	end();
}

int igt_main()
{
	igt_fixture()
		rdma_scene_open(&scene);

	igt_subtest("remote")
		remote();

	igt_subtest("local")
		local();

	igt_subtest("idle")
		idle();

	igt_subtest("unnoticed")
		unnoticed();

	/**
	 * SUBTEST: reset
	 * Description: The exporter is reset, or off and on again, under a
	 *	transfer: it fails or goes on, every byte where it belongs
	 */
	igt_subtest("reset") {
		begin();
		under_transfer(off_and_on);
		under_transfer(__vfio_reset);
		end();
	}

	igt_subtest("register")
		register_revoked();

	igt_subtest("deregister")
		deregister_revoked();

	igt_fixture() {
		close(fd);
		rdma_scene_close(&scene);
	}
}
