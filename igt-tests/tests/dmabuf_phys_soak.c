// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys soak
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: stress
 * Functionality: everything at once
 * Description: Exporters that move, reset, revoke and end, importers of every kind, all at
 *	once, judged by their errors, their progress, bytes and memory
 * Test category: stress test
 */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "igt_core.h"
#include "klog.h"
#include "memory.h"
#include "module.h"
#include "movable.h"
#include "number.h"
#include "pci.h"
#include "rdma.h"
#include "run.h"
#include "sample.h"
#include "sweep.h"
#include "sysfs.h"

#define SECONDS 30u

/*
 * An unplug, which is one call, waits five times for QEMU or the kernel, each of which may take
 * PATIENCE_MS: until the device is asked for, gone, let go of and there again, and for its node
 */
#define STANDS_STILL_S 600

static const struct soak_kind *const everything[] = {
	&soak_bar, &soak_memory_off, &soak_resets, &soak_plugs, &soak_moves,
	&soak_memfds, &soak_cpu, &soak_watches, &soak_areas, &soak_type1, &soak_disk,
	&soak_guests, &soak_verbs, NULL
};

static FILE *open_log(void)
{
	const char *dir = getenv("SCRATCH");
	char path[200];

	if (!dir)
		return NULL;
	snprintf(path, sizeof(path), "%s/soak.jsonl", dir);
	return fopen(path, "we");
}

static void run_everything(void)
{
	struct soak_plan plan = {
		.kinds = everything,
		.seed = number_env("DMABUF_SOAK_SEED", 0x50a6),
		.seconds = (unsigned int)number_env("DMABUF_SOAK_SECONDS", SECONDS),
		.stands_still_s = STANDS_STILL_S,
		.injects = true,
		.log = open_log(),
	};
	struct soak_sample now;
	bool good;

	sweep_require();
	/* What cannot be counted is not judged */
	soak_sample(&now, 0);
	igt_assert_neq_u64(now.value[SOAK_DMABUFS], UINT64_MAX);
	if (getenv("DMABUF_SOAK_PLACES"))
		igt_assert_neq_u64(now.value[SOAK_OURS], UINT64_MAX);
	igt_info("seed 0x%" PRIx64 ", %u s\n", plan.seed, plan.seconds);
	good = soak_run(&plan);
	if (plan.log)
		fclose(plan.log);
	igt_assert_f(good, "%s", plan.bad);
}

/* Workers that do what judgements are against; selftests/soak.c has those without dma-bufs */

enum { TAKE, MAKE };

static const struct soak_call calls[] = {
	[TAKE] = SOAK_TAKE,
	[MAKE] = SOAK_CALL("make"),
	{ 0 }
};

/* By the clock, however slow the machine is; and not more than it may have open */
static int keeps(struct soak_worker *worker)
{
	int memfd = __sealed_memfd(SOAK_PAGE);
	uint64_t begin = now_ms(), nr = 0;

	while (!soak_stops()) {
		if (nr < 800 && nr < (now_ms() - begin) / 25 &&
		    soak_ended(worker, MAKE, __udmabuf(memfd, 0, SOAK_PAGE)) >= 0)
			nr++;
		else
			usleep(10000);
	}
	return 0;
}

/* Whose other end is closed when it is over */
static int over[2];

/* Somebody else has it until then */
static int hands_on(struct soak_worker *worker)
{
	struct soak_buffer buffer;

	while (soak_take(worker, TAKE, &buffer))
		usleep(10000);
	if (!fork()) {
		char byte;

		close(over[1]);
		_exit(read(over[0], &byte, 1) != 0);
	}
	while (!soak_stops())
		usleep(10000);
	return 0;
}

static void notice(int (*work)(struct soak_worker *worker), unsigned int seconds,
		   const char *what)
{
	const struct soak_kind kind = {
		.name = "bad", .calls = calls, .work = work,
	};
	/* Whom nobody asks has nothing to do, which would be noticed as well */
	const struct soak_kind *const kinds[] = {
		&kind, work == hands_on ? &soak_memfds : NULL, NULL
	};
	struct soak_plan plan = {
		.kinds = kinds,
		.seconds = seconds,
		.stands_still_s = 10,
	};

	igt_assert(!soak_run(&plan));
	igt_assert_f(strstr(plan.bad, what), "'%s' is not in: %s", what, plan.bad);
}

int igt_main()
{
	igt_fixture() {
		/* Skips outside a VM */
		pci_env("DMABUF_EXPORTER2");
		module_load("udmabuf");
		module_load("vfio-pci");
		module_load("vfio_iommu_type1");
		movable_bind();
		rdma_bind(pci_env("DMABUF_EDU"));
		pci_bind(pci_env("DMABUF_EXPORTER2"), "vfio-pci");
		pci_bind(pci_env("DMABUF_NVME"), "vfio-pci");
		pci_bind(pci_env("DMABUF_EDU2"), "vfio-pci");
		klog_expect_faults(pci_env("DMABUF_EDU2"));
	}

	/**
	 * SUBTEST: everything
	 * Description: 30 s of moves, revokes, resets and ends against guests, RDMA,
	 *	NVMe, iommufd, mmap and watches, with allocations that fail: no error
	 *	but those that may be, no worker that stands still, no byte of another
	 *	page, nothing left. DMABUF_SOAK_SECONDS and DMABUF_SOAK_SEED choose
	 */
	igt_subtest("everything")
		run_everything();

	/**
	 * SUBTEST: more-dma-bufs
	 * Description: Who has ever more dma-bufs is noticed, although all of them go in
	 *	the end
	 */
	igt_subtest("more-dma-bufs")
		notice(keeps, 20, "dma-bufs: ");

	/**
	 * SUBTEST: left
	 * Description: A dma-buf that somebody still has in the end is noticed
	 */
	igt_subtest("left") {
		igt_assert_eq(pipe2(over, O_CLOEXEC), 0);
		notice(hands_on, 2, "1 dma-bufs are left\n");
		close(over[1]);
		close(over[0]);
	}
}
