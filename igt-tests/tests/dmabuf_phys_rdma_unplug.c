// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma unplug
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: hot unplug
 * Description: The exporting device or the RDMA device is unbound or unplugged while
 *	there are regions, in the middle of a transfer
 * Test category: functionality test
 */
#include <errno.h>
#include <unistd.h>

#include "igt_core.h"
#include "pci.h"
#include "plug.h"
#include "rdma.h"
#include "sysfs.h"

/*
 * QEMU takes 5 s from device_del to the removal. What is posted takes the engine
 * 18 s: 2 KiB are 200 ms.
 */
#define LONG RDMA_MEMORY
#define NR_POSTED 3

/* The RDMA device as tools/vm/topology has it */
#define EDU_PLUG "edu,dma_mask=0xffffffffffffffff,bus=rp3"

static struct rdma_scene scene;
static const struct vfio_region_dma_range range = { 0, 2 * LONG };
static struct rdma_target target;
static const char *shm, *edu;

/* A transfer runs, others are queued */
static void begin(void)
{
	struct rdma_op op;
	uint64_t i;

	rdma_scene_reset(&scene);
	rdma_target_open(&scene, &target, &range, 1);
	guard_fill(scene.bar, 0, 3 * LONG);
	rdma_scene_fill(&scene, LONG);
	op = (struct rdma_op) {
		.opcode = IBV_WR_RDMA_WRITE,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova,
		.rkey = target.mr.rkey,
		.length = LONG,
	};
	for (i = 0; i < NR_POSTED; i++)
		igt_assert_eq(__rdma_post(&scene.rdma, &op, i), 0);
	rdma_wait_moving(scene.bar, guard_byte(0));
}

/* Devices are there again, and so is everything they can do */
static void end(void)
{
	rdma_scene_reset(&scene);
	rdma_target_open(&scene, &target, &range, 1);
	guard_fill(scene.bar, 0, 3 * LONG);
	rdma_scene_both(&scene, &target, 1000, 3000);
	guard_check(scene.bar, 0, 3 * LONG);
	rdma_target_close(&target);
}

/* The kernel asks for the device; it is given back under the transfer */
static void exporter_goes(int request)
{
	int expected = IBV_WC_REM_ACCESS_ERR, i;

	plug_wait_asked(request, shm);
	vfio_close(&scene.shm);
	close(request);
	for (i = 0; i < NR_POSTED; i++) {
		int status = __rdma_wait(&scene.rdma, LONG, NULL);

		/* The first ones may have been through before */
		if (status == IBV_WC_SUCCESS && expected)
			continue;
		rdma_expect("WRITE to a device that went", status,
			    expected ? expected : IBV_WC_WR_FLUSH_ERR);
		expected = 0;
	}
	igt_assert_f(!expected, "no WRITE has noticed that %s went\n", shm);
}

static void expect_dead(void)
{
	rdma_reset(&scene.rdma);
	rdma_expect("READ of a device that went",
		    __rdma_copy(&scene.rdma, IBV_WR_RDMA_READ,
				&scene.mem_mr, scene.mem_mr.iova, &target.mr,
				0, 8),
		    IBV_WC_REM_ACCESS_ERR);
	rdma_target_close(&target);
	rdma_reset(&scene.rdma);
	rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE, &scene.mem_mr,
		  scene.mem_mr.iova, &scene.mem_mr, scene.mem_mr.iova + PAGE,
		  8);
}

/**
 * SUBTEST: exporter-unbind
 * Description: The exporter's driver unbound through sysfs
 */
static void exporter_unbind(void)
{
	struct plug_unbind unbinding;
	int request;

	begin();
	request = plug_watch(&scene.shm);
	plug_unbind_begin(&unbinding, shm);
	exporter_goes(request);
	igt_assert_eq(plug_unbind_end(&unbinding), 0);
	expect_dead();
	end();
}

/**
 * SUBTEST: exporter-unplug
 * Description: The exporter pulled out through QEMU's monitor, and put back
 */
static void exporter_unplug(void)
{
	int request;

	begin();
	request = plug_watch(&scene.shm);
	plug_pull_out("shm0");
	exporter_goes(request);
	plug_wait_gone(shm);
	expect_dead();
	plug_in_exporter(shm);
	end();
}

static uint32_t arrived;

/* When the engine has done something for another, it is through with all else */
static void expect_no_more(void)
{
	rdma_engine_pass();
	igt_assert_eq_u32(rdma_scene_arrived(&scene, scene.bar, LONG), arrived);
	guard_check(scene.bar, LONG, 2 * LONG);
	end();
}

static void expect_disassociated(void)
{
	struct ibv_async_event event = { .event_type = IBV_EVENT_CQ_ERR };
	struct ibv_port_attr port;
	struct ibv_wc wc;
	struct verbs_mr mr;
	int fd, ret;

	/* Whatever else has happened, this one is the last */
	do {
		ret = __verbs_get_async_event(scene.rdma.context, 10000, &event);
	} while (!ret && event.event_type != IBV_EVENT_DEVICE_FATAL);
	igt_assert_f(!ret, "no event says that the device is gone: %s\n",
		     strerror(-ret));
	igt_assert(ibv_query_port(scene.rdma.context, 1, &port));
	igt_assert(__verbs_poll_cq(scene.rdma.cq, &wc) < 0);
	fd = vfio_dmabuf_one(&scene.shm, 2, 0, PAGE);
	igt_assert(__rdma_reg_dmabuf(&scene.rdma, fd, 0, PAGE, &mr) < 0);
	close(fd);

	/* Nobody is left who would have to be told */
	arrived = rdma_scene_arrived(&scene, scene.bar, LONG);
	guard_check(scene.bar, LONG, 2 * LONG);
	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
	rdma_close(&scene.rdma);
}

/**
 * SUBTEST: importer-unbind
 * Description: The RDMA driver unbound: the program's context is dead, the exporter
 *	free
 */
static void importer_unbind(void)
{
	struct verbs_device device;

	begin();
	igt_assert_eq(__pci_unbind(edu), 0);
	igt_assert_eq(__verbs_find(edu, &device), -ENODEV);
	expect_disassociated();
	pci_bind(edu, "edu_ib");
	expect_no_more();
}

/**
 * SUBTEST: importer-unplug
 * Description: The RDMA device pulled out through QEMU's monitor, and put back
 */
static void importer_unplug(void)
{
	begin();
	plug_pull_out("edu0");
	plug_wait_gone(edu);
	expect_disassociated();
	plug_in("edu0", EDU_PLUG, edu, "edu_ib");
	expect_no_more();
}

int igt_main()
{
	igt_fixture() {
		rdma_scene_open(&scene);
		shm = pci_env("DMABUF_EXPORTER");
		edu = pci_env("DMABUF_EDU");
	}

	igt_subtest("exporter-unbind")
		exporter_unbind();

	igt_subtest("importer-unbind")
		importer_unbind();

	igt_subtest("importer-unplug")
		importer_unplug();

	igt_subtest("exporter-unplug")
		exporter_unplug();

	igt_fixture()
		rdma_scene_close(&scene);
}
