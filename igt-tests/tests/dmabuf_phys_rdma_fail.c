// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma fail
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: failing allocations
 * Description: Each operation with its n-th allocation failing, n = 1 until none
 *	fails: it fails with ENOMEM or works, leaves nothing behind, and works after
 * Test category: functionality test
 */
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "memory.h"
#include "module.h"
#include "pci.h"
#include "rdma.h"
#include "sweep.h"

static struct rdma_scene scene;
static struct ibv_device **devices, *edu;
static struct vfio_region_dma_range *ranges;
static size_t nr;
static int fd = -1;

static unsigned int regions;

static void nothing_left(void)
{
	igt_assert_eq((int)rdma_regions(), (int)regions);
}

/* With the n-th allocation failing, or that one and all the @rest */
static void sweep_how(int (*go)(void), void (*undo)(int result), bool rest)
{
	const struct sweep_op op = {
		.begin = nothing_left, .go = go, .undo = undo, .rest = rest };

	regions = rdma_regions();
	sweep_over(&op);
	nothing_left();
}

static void sweep(int (*go)(void), void (*undo)(int result))
{
	sweep_how(go, undo, false);
}

static struct rdma other;

static int open_go(void)
{
	int ret;

	other.context = ibv_open_device(edu);
	/* libibverbs has reasons of its own for what the kernel refused */
	if (!other.context)
		return -ENOMEM;
	ret = __rdma_connect(&other);
	if (ret)
		rdma_close(&other);
	return ret;
}

static void open_undo(int result)
{
	(void)result;
	rdma_close(&other);
}

static struct verbs_mr mr;

static int memory_go(void)
{
	return __verbs_reg_mr(scene.rdma.pd, scene.mem + 7,
			      RDMA_MEMORY / 2, VERBS_ACCESS_ALL, &mr);
}

static int dmabuf_go(void)
{
	return __rdma_reg_dmabuf(&scene.rdma, fd, PAGE / 2, nr * PAGE - PAGE,
				 &mr);
}

static void region_undo(int result)
{
	(void)result;
	verbs_dereg_mr(&mr);
}

static int export_go(void)
{
	return __verbs_alloc_dmabuf(scene.rdma.context, 0);
}

static void export_undo(int result)
{
	close(result);
}

static int post_go(void)
{
	const struct ibv_sge sge = {
		.addr = scene.mem_mr.iova,
		.length = 64,
		.lkey = scene.mem_mr.lkey,
	};
	const struct rdma_op op = {
		.opcode = IBV_WR_SEND,
		.lkey = sge.lkey,
		.local = sge.addr + PAGE,
		.length = 0,
	};
	int ret = __verbs_post_recv(scene.rdma.qp[1], 2,
				    &sge);

	return ret ? ret : __rdma_post(&scene.rdma, &op, 1);
}

static void post_undo(int result)
{
	int i;

	(void)result;
	for (i = 0; i < 2; i++)
		rdma_expect("message", __rdma_wait(&scene.rdma, 64, NULL),
			    IBV_WC_SUCCESS);
}

/* Work after all the failures */
static void start(size_t nr_ranges)
{
	rdma_scene_reset(&scene);
	if (fd >= 0)
		close(fd);
	fd = -1;
	nr = nr_ranges;
	free(ranges);
	ranges = nr ? ranges_scattered(nr, 0, PAGE) : NULL;
	if (nr)
		fd = vfio_dmabuf(&scene.shm, 2, ranges, nr);
}

static void finish(void)
{
	struct rdma_target target = {
		.base = scene.bar, .ranges = ranges, .nr = nr };

	rdma_reg_dmabuf(&scene.rdma, fd, 0, nr * PAGE, &target.mr);
	guard_fill(scene.bar, 0, 2 * nr * PAGE);
	rdma_scene_both(&scene, &target, nr * PAGE - 500, 500);
	guard_check(scene.bar, 0, 2 * nr * PAGE);
	rdma_target_close(&target);
}

int igt_main()
{
	static const size_t counts[] = { 2, 256 };
	static struct verbs_device device;
	static size_t i;

	igt_fixture() {
		sweep_require();
		rdma_scene_open(&scene);
		igt_assert_eq(__verbs_find(pci_env("DMABUF_EDU"), &device), 0);
		/* libibverbs does not say why a list is short */
		devices = ibv_get_device_list(NULL);
		for (i = 0; devices[i]; i++)
			if (!strcmp(devices[i]->name, device.name))
				edu = devices[i];
		igt_assert(edu);
	}

	/**
	 * SUBTEST: open
	 * Description: Device, context, domain, channel, completion queue and two
	 *	connected queue pairs
	 */
	igt_subtest("open") {
		start(1);
		sweep(open_go, open_undo);
		finish();
	}

	/**
	 * SUBTEST: memory
	 * Description: Registration of memory
	 */
	igt_subtest("memory") {
		start(1);
		sweep(memory_go, region_undo);
		finish();
	}

	/**
	 * SUBTEST: dmabuf
	 * Description: Registration of a dma-buf of 1 and of 256 ranges
	 */
	igt_subtest_with_dynamic("dmabuf") {
		for (i = 0; i < ARRAY_SIZE(counts); i++)
			igt_dynamic_f("ranges-%zu", counts[i]) {
				start(counts[i]);
				sweep(dmabuf_go, region_undo);
				finish();
			}
	}

	/**
	 * SUBTEST: no-memory
	 * Description: Registration of a dma-buf of 256 ranges, with the n-th allocation
	 *	failing and all that come after it: tables are asked for twice
	 */
	igt_subtest("no-memory") {
		start(256);
		sweep_how(dmabuf_go, region_undo, true);
		finish();
	}

	/**
	 * SUBTEST: udmabuf
	 * Description: Registration of a memfd's pages
	 */
	igt_subtest("udmabuf") {
		int memfd;

		module_load("udmabuf");
		start(0);
		nr = 16;
		memfd = sealed_memfd(nr * PAGE);
		fd = __udmabuf(memfd, 0, nr * PAGE);
		igt_assert_f(fd >= 0, "udmabuf: %s\n", strerror(-fd));
		sweep(dmabuf_go, region_undo);
		close(memfd);
	}

	/**
	 * SUBTEST: heap
	 * Description: Registration of a dma-buf without a physical list
	 */
	igt_subtest("heap") {
		start(0);
		nr = 16;
		fd = heap_dmabuf(nr * PAGE);
		sweep(dmabuf_go, region_undo);
	}

	/**
	 * SUBTEST: export
	 * Description: Export of the device's page
	 */
	igt_subtest("export") {
		unsigned int count;

		start(0);
		count = dmabuf_count();
		sweep(export_go, export_undo);
		dmabuf_expect_count(count);
	}

	/**
	 * SUBTEST: post
	 * Description: Work requests posted; none is half posted
	 */
	igt_subtest("post") {
		start(1);
		sweep(post_go, post_undo);
		finish();
	}

	igt_fixture() {
		if (fd >= 0)
			close(fd);
		free(ranges);
		ibv_free_device_list(devices);
		rdma_scene_close(&scene);
	}
}
