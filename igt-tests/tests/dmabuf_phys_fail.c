// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys fail
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: error paths
 * Functionality: failing allocations
 * Description: Each operation with its n-th allocation failing, n = 1 until none
 *	fails: it fails with ENOMEM or works, leaves nothing behind, and works after
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu_access.h"
#include "igt_core.h"
#include "memory.h"
#include "module.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "scene.h"
#include "sg_importer.h"
#include "subtests.h"
#include "sweep.h"
#include "vtd.h"

static struct scene scene;
static struct vfio_region_dma_range *ranges;
static int fd = -1;
static uint32_t other;

static size_t nr;

static int export_go(void)
{
	return __vfio_dmabuf(&scene.shm, SHM_BAR, ranges, nr);
}

static void export_undo(int result)
{
	close(result);
}

static uint32_t map_to;

static int map_go(void)
{
	return __ioas_map_file(scene.iommufd, map_to, fd, 0, nr * PAGE, BASE);
}

static void map_undo(int result)
{
	(void)result;
	ioas_unmap(scene.iommufd, map_to, BASE, nr * PAGE);
}

static void map_failed(void)
{
	if (map_to == scene.ioas)
		igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE));
	igt_assert_eq(__ioas_unmap(scene.iommufd, map_to, BASE, nr * PAGE),
		      -ENOENT);
}

static int copy_go(void)
{
	return __ioas_copy(scene.iommufd, other, BASE + PAGE, scene.ioas,
			   BASE + PAGE, (nr - 2) * PAGE);
}

static void copy_undo(int result)
{
	(void)result;
	ioas_unmap(scene.iommufd, other, BASE + PAGE, (nr - 2) * PAGE);
}

static int attach_go(void)
{
	return __vfio_attach(&scene.edu.dev, other);
}

static void attach_undo(int result)
{
	(void)result;
	igt_assert(vtd_mapped(scene.edu.dev.addr, BASE + GiB(1)));
	vfio_attach(&scene.edu.dev, scene.ioas);
}

static void attach_failed(void)
{
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + GiB(1)));
	/*
	 * VT-d's driver may leave the device without a table, with or without
	 * dma-bufs, although iommufd thinks it is where it was
	 */
	vfio_detach(&scene.edu.dev);
	vfio_attach(&scene.edu.dev, scene.ioas);
	igt_assert(vtd_mapped(scene.edu.dev.addr, EDU_BOUNCE_IOVA));
}

static uint32_t split_ioas;

static void expect_both(uint64_t iova, bool mapped)
{
	igt_assert_eq(vtd_mapped(scene.edu.dev.addr, iova), mapped);
	igt_assert_eq(vtd_mapped(scene.nvme.dev.addr, iova), mapped);
}

static void split_begin(void)
{
	ioas_map_file(scene.iommufd, split_ioas, fd, 0, nr * PAGE, BASE);
}

static int split_go(void)
{
	uint64_t unmapped = 5 * PAGE;

	return __vfio_compat_unmap(scene.iommufd, BASE + 3 * PAGE, &unmapped);
}

static void split_undo(int result)
{
	(void)result;
	expect_both(BASE + 3 * PAGE, false);
	expect_both(BASE + 8 * PAGE, true);
	/* What has been cut is tracked piece by piece */
	vfio_memory_enable(&scene.shm, false);
	expect_both(BASE, false);
	expect_both(BASE + 8 * PAGE, false);
	vfio_memory_enable(&scene.shm, true);
	expect_both(BASE, true);
	expect_both(BASE + 3 * PAGE, false);
	expect_both(BASE + 8 * PAGE, true);
	ioas_unmap(scene.iommufd, split_ioas, BASE, nr * PAGE);
	expect_both(BASE, false);
	expect_both(BASE + 8 * PAGE, false);
}

static void split_failed(void)
{
	/* Perhaps cut already at one end; nothing may be lost */
	expect_both(BASE, true);
	expect_both(BASE + 3 * PAGE, true);
	expect_both(BASE + 8 * PAGE, true);
	ioas_unmap(scene.iommufd, split_ioas, BASE, nr * PAGE);
	expect_both(BASE + 3 * PAGE, false);
}

static int importer;

static int sg_go(void)
{
	return __sg_attach_map(importer, fd);
}

static void sg_undo(int result)
{
	struct dma_buf_edu_info info;

	(void)result;
	sg_info(importer, &info);
	igt_assert_eq_u64(info.length, nr * PAGE);
	igt_assert_eq(__sg_detach(importer), 0);
}

static int memfd;

static int udmabuf_go(void)
{
	int dmabuf = __udmabuf(memfd, 0, MiB(1)), ret;

	if (dmabuf < 0)
		return dmabuf;
	ret = __ioas_map_file(scene.iommufd, scene.ioas, dmabuf, 0, MiB(1),
			      BASE + GiB(2));
	close(dmabuf);
	return ret;
}

static void udmabuf_undo(int result)
{
	(void)result;
	ioas_unmap(scene.iommufd, scene.ioas, BASE + GiB(2), MiB(1));
}

static int phys;

static int query_go(void)
{
	struct dma_buf_phys_group_info group = { 0 };
	struct dma_buf_phys_query q = { .nr_groups = 1 };
	int dev = __query_open(), ret;

	if (dev < 0)
		return dev;
	ret = __query(dev, fd, &q, &group);
	close(dev);
	if (!ret && group.length != nr * PAGE)
		return -EIO;
	return ret;
}

static int watch_go(void)
{
	return __watch(phys, fd, O_NONBLOCK);
}

static void watch_undo(int result)
{
	struct dma_buf_phys_watch_event event;

	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
	watch_read(result, &event);
	igt_assert_eq_u64(event.nr_revokes, 1);
	close(result);
}

#define MOVABLE_SIZE (8 * PAGE)
static int movable;

static int movable_go(void)
{
	int ret;

	movable = open("/dev/dma-buf-movable", O_RDWR | O_CLOEXEC);
	if (movable < 0)
		return -errno;
	ret = __movable_create(movable, MOVABLE_SIZE);
	if (ret < 0)
		close(movable);
	return ret;
}

static void movable_undo(int dmabuf)
{
	close(dmabuf);
	close(movable);
}

static int move_go(void)
{
	return __movable_move(movable, MOVABLE_ANYWHERE, 4, 0);
}

static int zero;
static uint8_t *mapped;

/* A fault of the kernel that finds no memory is an access that fails */
static int mmap_go(void)
{
	mapped = __cpu_map(fd, NULL, nr * PAGE, 0);
	if (!mapped)
		return -errno;
	if (read(zero, mapped + (nr - 1) * PAGE, 8) == 8)
		return 0;
	return errno == EFAULT ? -ENOMEM : -errno;
}

static void mmap_undo(int result)
{
	const uint64_t last = (nr - 1) * PAGE;

	(void)result;
	cpu_both_ways(mapped + last, scene.bar + ranges[nr - 1].offset);
	munmap(mapped, nr * PAGE);
}

static void mmap_failed(void)
{
	if (mapped)
		mmap_undo(0);
}

/* Every subtest starts with an empty address space and nr ranges exported */
static void start(size_t nr_ranges)
{
	scene_reset_ioas(&scene);
	if (fd >= 0)
		close(fd);
	vfio_memory_enable(&scene.shm, true);
	nr = nr_ranges;
	free(ranges);
	ranges = ranges_scattered(nr, 0, PAGE);
	fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, nr);
	map_to = scene.ioas;
}

int igt_main()
{
	static const size_t counts[] = { 1, 256 };
	uint32_t hwpts[2];
	static size_t i;

	igt_fixture() {
		sweep_require();
		scene_open(&scene);
	}

	/**
	 * SUBTEST: export
	 * Description: Export of 1 and of 256 ranges
	 */
	igt_subtest_with_dynamic("export") {
		for (i = 0; i < 2; i++)
			igt_dynamic_f("ranges-%zu", counts[i]) {
				start(counts[i]);
				sweep_over(&(struct sweep_op) {
					.go = export_go, .undo = export_undo });
			}
	}

	/**
	 * SUBTEST: map
	 * Description: Attach to the dma-buf and map it, 1 and 256 ranges, one
	 *	domain
	 */
	igt_subtest_with_dynamic("map") {
		for (i = 0; i < 2; i++)
			igt_dynamic_f("ranges-%zu", counts[i]) {
				start(counts[i]);
				sweep_over(&(struct sweep_op) {
					.go = map_go, .undo = map_undo,
					.failed = map_failed,
					.injected = { -ENOENT } });
			}
	}

	/**
	 * SUBTEST: map-no-memory
	 * Description: The same with 256 ranges, and all allocations failing from the
	 *	n-th on: what is asked for under a lock first is asked for twice
	 */
	igt_subtest("map-no-memory") {
		start(256);
		sweep_over(&(struct sweep_op) {
			.go = map_go, .undo = map_undo, .failed = map_failed,
			.rest = true, .injected = { -ENOENT } });
	}

	/**
	 * SUBTEST: map-empty
	 * Description: Map in an address space without a device
	 */
	igt_subtest("map-empty") {
		start(256);
		map_to = ioas_alloc(scene.iommufd);
		sweep_over(&(struct sweep_op) {
			.go = map_go, .undo = map_undo, .failed = map_failed,
			.injected = { -ENOENT } });
		iommufd_destroy(scene.iommufd, map_to);
	}

	/**
	 * SUBTEST: copy
	 * Description: Copy a mapping to another address space
	 */
	igt_subtest("copy") {
		start(256);
		other = ioas_alloc(scene.iommufd);
		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, nr * PAGE, BASE);
		sweep_over(&(struct sweep_op) {
			.go = copy_go, .undo = copy_undo,
			.injected = { -ENOENT } });
		iommufd_destroy(scene.iommufd, other);
	}

	/**
	 * SUBTEST: attach-device
	 * Description: A device joins an address space that has the mapping
	 */
	igt_subtest("attach-device") {
		start(256);
		other = ioas_alloc(scene.iommufd);
		ioas_map_file(scene.iommufd, other, fd, 0, nr * PAGE,
			      BASE + GiB(1));
		sweep_over(&(struct sweep_op) {
			.go = attach_go, .undo = attach_undo,
			.failed = attach_failed,
			.injected = { -ENOENT, -EINVAL } });
		iommufd_destroy(scene.iommufd, other);
	}

	/**
	 * SUBTEST: split
	 * Description: Cut a mapping of two page tables in two
	 */
	igt_subtest("split") {
		start(256);
		split_ioas = ioas_alloc(scene.iommufd);
		igt_assert_eq(__ioas_set_huge_pages(scene.iommufd, split_ioas,
						    false), 0);
		igt_assert_eq(__vfio_compat_set_ioas(scene.iommufd, split_ioas),
			      0);
		igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.edu.dev.devid,
					   split_ioas, &hwpts[0]), 0);
		igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.nvme.dev.devid,
					   split_ioas, &hwpts[1]), 0);
		vfio_attach(&scene.edu.dev, hwpts[0]);
		vfio_attach(&scene.nvme.dev, hwpts[1]);
		sweep_over(&(struct sweep_op) {
			.begin = split_begin, .go = split_go,
			.undo = split_undo, .failed = split_failed });
		vfio_attach(&scene.edu.dev, scene.ioas);
		vfio_attach(&scene.nvme.dev, scene.ioas);
		iommufd_destroy(scene.iommufd, hwpts[0]);
		iommufd_destroy(scene.iommufd, hwpts[1]);
		iommufd_destroy(scene.iommufd, split_ioas);
	}

	/**
	 * SUBTEST: udmabuf
	 * Description: A udmabuf made and mapped
	 */
	igt_subtest("udmabuf") {
		module_load("udmabuf");
		start(1);
		memfd = sealed_memfd(MiB(1));
		sweep_over(&(struct sweep_op) {
			.go = udmabuf_go, .undo = udmabuf_undo,
			.injected = { -ENOENT } });
		close(memfd);
	}

	/**
	 * SUBTEST: query
	 * Description: /dev/dma_buf_phys opened, and a dma-buf's group asked for
	 */
	igt_subtest("query") {
		start(256);
		sweep_over(&(struct sweep_op) { .go = query_go });
	}

	/**
	 * SUBTEST: watch
	 * Description: A watch made, which then tells of a revoke
	 */
	igt_subtest("watch") {
		start(1);
		phys = query_open();
		sweep_over(&(struct sweep_op) {
			.go = watch_go, .undo = watch_undo });
		close(phys);
	}

	/**
	 * SUBTEST: mmap
	 * Description: A mapping by the CPU made, and touched by the kernel
	 */
	igt_subtest("mmap") {
		start(256);
		zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		igt_assert_fd(zero);
		sweep_over(&(struct sweep_op) {
			.go = mmap_go, .undo = mmap_undo,
			.failed = mmap_failed });
		close(zero);
	}

	/**
	 * SUBTEST: unreserved
	 * Description: A device opens although its BAR could not be reserved for VFIO, or
	 *	not be mapped: no dma-buf is made of that BAR, and nothing is left of the
	 *	attempt
	 */
	fail_open_subtests();

	/* Last: edu changes hands */
	/**
	 * SUBTEST: sg
	 * Description: A scatterlist importer attaches and maps 256 ranges
	 */
	igt_subtest("sg") {
		start(256);
		edu_close(&scene.edu);
		sg_bind(pci_env("DMABUF_EDU"));
		importer = sg_open();
		sweep_over(&(struct sweep_op) {
			.go = sg_go, .undo = sg_undo });
		close(importer);
	}

	/* The exporter is another one from here on */
	/**
	 * SUBTEST: movable
	 * Description: A buffer made that moves, and moved
	 */
	igt_subtest("movable") {
		int dmabuf;

		scene_close(&scene);
		movable_bind();
		sweep_over(&(struct sweep_op) {
			.go = movable_go, .undo = movable_undo });
		dmabuf = movable_go();
		igt_assert_fd(dmabuf);
		sweep_over(&(struct sweep_op) { .go = move_go });
		movable_undo(dmabuf);
	}

	igt_fixture() {
		close(fd);
		free(ranges);
		scene_close(&scene);
	}
}
