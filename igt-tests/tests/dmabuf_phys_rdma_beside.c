// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma beside
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: regions beside others
 * Description: Beside an RDMA device another importer has the same dma-buf: one by
 *	scatterlist, a second RDMA device, or an NVMe controller in user space
 * Test category: functionality test
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "iommufd.h"
#include "nvme.h"
#include "pci.h"
#include "rdma.h"
#include "sg_importer.h"
#include "vtd.h"

#define NR 4u
#define FRAG KiB(16)
#define SIZE (NR * FRAG)
#define WINDOW (2 * SIZE)

/* Where the RDMA device is at work, and where the other importer */
#define RDMA_BORDER FRAG
#define OTHER_BORDER (3 * FRAG)

/* 300 ms each way: as long as the other importer takes */
#define LENGTH 6000u

/* Long enough to be in the middle of it; range 0 */
#define LONG FRAG

#define WRITE IBV_WR_RDMA_WRITE
#define READ IBV_WR_RDMA_READ

/* Where the NVMe controller has the dma-buf, and what it reads into it */
#define IOVA GiB(4)
#define DISK MiB(3)

static struct rdma_scene scene;
static struct vfio_region_dma_range *ranges;
static int fd = -1;
static struct rdma_target target;

/**
 * struct beside - the other importer
 * @name: of the dynamic subtests
 * @open: has it import the dma-buf
 * @move: has it move bytes across %OTHER_BORDER, compares them and leaves the
 *	guard pattern
 * @expect_revoked: fails the test unless it has lost the memory
 * @close: has it let go; harmless if it does not have the dma-buf
 */
struct beside {
	const char *name;
	void (*open)(void);
	void (*move)(void);
	void (*expect_revoked)(void);
	void (*close)(void);
};

/*
 * By scatterlist
 */

static int importer = -1;
static uint32_t invalidations;

static void sg_other_open(void)
{
	sg_bind(pci_env("DMABUF_EDU2"));
	importer = sg_open();
	sg_attach(importer, fd, 0);
	invalidations = 0;
}

static void sg_other_move(void)
{
	sg_copy_both(importer, scene.bar, ranges, NR,
		     OTHER_BORDER - SG_COPY_BOTH / 2);
}

static void sg_other_expect_revoked(void)
{
	struct dma_buf_edu_info info;
	uint64_t word = 0;

	sg_info(importer, &info);
	igt_assert_eq_u32(info.mapped, 0);
	igt_assert_lt((int)invalidations, (int)info.invalidations);
	invalidations = info.invalidations;
	igt_assert_eq(__sg_copy(importer, OTHER_BORDER, &word, sizeof(word),
				true), -ENODEV);
}

static void sg_other_close(void)
{
	if (importer >= 0)
		close(importer);
	importer = -1;
}

/*
 * A second RDMA device
 */

static struct rdma_scene second;
static struct rdma_target second_target;

static void rdma_other_open(void)
{
	const char *addr = pci_env("DMABUF_EDU2");

	rdma_bind(addr);
	rdma_open(&second.rdma, addr);
	if (!second.mem)
		second.mem = mmap(NULL, RDMA_MEMORY, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(second.mem != MAP_FAILED);
	rdma_reg_memory(&second.rdma, second.mem, RDMA_MEMORY, &second.mem_mr);
	second_target = target;
	rdma_reg_dmabuf(&second.rdma, fd, 0, SIZE, &second_target.mr);
}

static void rdma_other_move(void)
{
	/* Whatever the first device has: these are its own */
	igt_assert_eq((int)rdma_regions_of(pci_env("DMABUF_EDU2")), 2);
	rdma_scene_both(&second, &second_target, OTHER_BORDER - 300, 600);
}

static void rdma_other_expect_revoked(void)
{
	rdma_expect("READ of what is revoked, second device",
		    __rdma_copy(&second.rdma, READ, &second.mem_mr,
				second.mem_mr.iova, &second_target.mr,
				OTHER_BORDER, 8),
		    IBV_WC_REM_ACCESS_ERR);
	rdma_reset(&second.rdma);
}

static void rdma_other_close(void)
{
	rdma_close(&second.rdma);
}

/*
 * A controller whose driver is in user space
 */

static struct nvme nvme = { .dev.fd = -1 };
static uint32_t ioas;

static void vfio_other_open(void)
{
	ioas = ioas_alloc(scene.iommufd);
	nvme_open(&nvme, scene.iommufd);
	nvme_attach(&nvme, ioas);
	ioas_map_file(scene.iommufd, ioas, fd, 0, SIZE, IOVA);
}

static void vfio_other_move(void)
{
	const uint64_t at = OTHER_BORDER - PAGE;
	uint64_t i, pos;

	igt_assert(vtd_mapped(nvme.dev.addr, IOVA));
	nvme_read(&nvme, DISK, IOVA + at, 2 * PAGE);
	for (i = 0; i < 2 * PAGE; i += 8) {
		pos = ranges_find(ranges, NR, at + i);
		igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar + pos),
				  NVME_DISK_WORD(DISK + i));
		guard_fill(scene.bar, pos, 8);
	}
}

static void vfio_other_expect_revoked(void)
{
	igt_assert(!vtd_mapped(nvme.dev.addr, IOVA));
	igt_assert(!vtd_mapped(nvme.dev.addr, IOVA + OTHER_BORDER));
}

static void vfio_other_close(void)
{
	nvme_close(&nvme);
	if (ioas)
		iommufd_destroy(scene.iommufd, ioas);
	ioas = 0;
}

static const struct beside others[] = {
	{ "sg", sg_other_open, sg_other_move, sg_other_expect_revoked,
	  sg_other_close },
	{ "rdma", rdma_other_open, rdma_other_move, rdma_other_expect_revoked,
	  rdma_other_close },
	{ "vfio", vfio_other_open, vfio_other_move, vfio_other_expect_revoked,
	  vfio_other_close },
};

#define NR_OTHERS ARRAY_SIZE(others)

static const struct beside *other;

static void close_others(void)
{
	size_t i;

	for (i = 0; i < NR_OTHERS; i++)
		others[i].close();
}

static void begin(const struct beside *which)
{
	close_others();
	rdma_scene_reset(&scene);
	if (fd >= 0)
		close(fd);
	fd = vfio_dmabuf(&scene.shm, 2, ranges, NR);
	target = (struct rdma_target) {
		.base = scene.bar, .ranges = ranges, .nr = NR };
	rdma_reg_dmabuf(&scene.rdma, fd, 0, SIZE, &target.mr);
	guard_fill(scene.bar, 0, WINDOW);
	second.bar = scene.bar;
	other = which;
	other->open();
}

static void post(enum ibv_wr_opcode opcode, uint64_t at, uint32_t length)
{
	const struct rdma_op op = {
		.opcode = opcode,
		.lkey = scene.mem_mr.lkey,
		.local = scene.mem_mr.iova,
		.rkey = target.mr.rkey,
		.remote = at,
		.length = length,
	};

	igt_assert_eq(__rdma_post(&scene.rdma, &op, 1), 0);
}

static void both_move(enum ibv_wr_opcode opcode)
{
	const uint64_t at = RDMA_BORDER - LENGTH / 2;
	uint64_t pos;
	uint32_t i;

	for (i = 0; i < LENGTH; i++)
		scene.mem[i] = (uint8_t)
			~guard_byte(ranges_find(ranges, NR, at + i));
	post(opcode, at, LENGTH);
	other->move();
	rdma_expect("a transfer beside the other importer's",
		    __rdma_wait(&scene.rdma, LENGTH, NULL), IBV_WC_SUCCESS);
	for (i = 0; i < LENGTH; i++) {
		pos = ranges_find(ranges, NR, at + i);
		igt_assert_eq(scene.mem[i], scene.bar[pos]);
		igt_assert((scene.bar[pos] == guard_byte(pos)) ==
			   (opcode == READ));
		scene.bar[pos] = guard_byte(pos);
	}
	guard_check(scene.bar, 0, WINDOW);
}

/**
 * SUBTEST: together
 * Description: Both move bytes at the same time, each across a border of ranges
 */
static void together(void)
{
	both_move(WRITE);
	both_move(READ);
}

/* A transfer of the RDMA device that is under way */
static void start_transfer(void)
{
	rdma_scene_fill(&scene, LONG);
	post(WRITE, 0, LONG);
	rdma_wait_moving(scene.bar, guard_byte(0));
}

/**
 * SUBTEST: revoke
 * Description: A revoke, between work requests and under one, takes the memory away
 *	from both, and a restore gives it back to both
 */
static void both_lose(void)
{
	int round;

	for (round = 0; round < 3; round++) {
		if (round)
			start_transfer();
		vfio_memory_enable(&scene.shm, false);
		other->expect_revoked();
		if (!round)
			post(READ, RDMA_BORDER, 8);
		rdma_expect("a transfer of what is revoked",
			    __rdma_wait(&scene.rdma, LONG, NULL),
			    IBV_WC_REM_ACCESS_ERR);
		vfio_memory_enable(&scene.shm, true);
		if (round)
			rdma_scene_watch(&scene, scene.bar, LONG);
		guard_fill(scene.bar, 0, LONG);
		guard_check(scene.bar, 0, WINDOW);
		rdma_reset(&scene.rdma);
		together();
	}
}

static void other_goes(void)
{
	unsigned int before = rdma_regions();

	start_transfer();
	other->close();
	rdma_expect("a transfer while the other importer goes",
		    __rdma_wait(&scene.rdma, LONG, NULL), IBV_WC_SUCCESS);
	igt_assert_eq_u32(rdma_scene_arrived(&scene, scene.bar, LONG), LONG);
	guard_fill(scene.bar, 0, LONG);
	other->open();
	together();

	vfio_memory_enable(&scene.shm, false);
	other->close();
	vfio_memory_enable(&scene.shm, true);
	igt_assert_eq((int)rdma_regions(), (int)before);
	rdma_scene_both(&scene, &target, RDMA_BORDER - 300, 600);
	other->open();
	together();
}

static void rdma_goes(void)
{
	vfio_memory_enable(&scene.shm, false);
	verbs_dereg_mr(&target.mr);
	vfio_memory_enable(&scene.shm, true);
	other->move();
	rdma_reg_dmabuf(&scene.rdma, fd, 0, SIZE, &target.mr);
	together();

	start_transfer();
	rdma_close(&scene.rdma);
	igt_assert_eq((int)rdma_regions(), 0);
	other->move();
	rdma_scene_watch(&scene, scene.bar, LONG);
	guard_fill(scene.bar, 0, LONG);
	guard_check(scene.bar, 0, WINDOW);
}

int igt_main()
{
	static size_t i;

	igt_fixture() {
		rdma_scene_open(&scene);
		ranges = ranges_scattered(NR, 0, FRAG);
	}

	igt_subtest_with_dynamic("together")
		for (i = 0; i < NR_OTHERS; i++)
			igt_dynamic(others[i].name) {
				begin(&others[i]);
				together();
			}

	igt_subtest_with_dynamic("revoke")
		for (i = 0; i < NR_OTHERS; i++)
			igt_dynamic(others[i].name) {
				begin(&others[i]);
				both_lose();
			}

	/**
	 * SUBTEST: close
	 * Description: Either importer lets go, under a transfer of the RDMA device
	 *	and while revoked: the other is unaffected
	 */
	igt_subtest_with_dynamic("close")
		for (i = 0; i < NR_OTHERS; i++)
			igt_dynamic(others[i].name) {
				begin(&others[i]);
				other_goes();
				rdma_goes();
			}

	igt_fixture() {
		close_others();
		if (second.mem)
			munmap(second.mem, RDMA_MEMORY);
		close(fd);
		free(ranges);
		rdma_scene_close(&scene);
	}
}
