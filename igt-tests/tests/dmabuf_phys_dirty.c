// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys dirty
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Description: Dirty tracking of mapped dma-bufs that are revoked and restored, with
 *	iommufd's mock IOMMU and mock exporter: kernels with CONFIG_IOMMUFD_TEST only
 * Test category: functionality test
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "ranges.h"
#include "subtests.h"
#include "vfio.h"
#include "worker.h"

IGT_TEST_DESCRIPTION("Dirty bits of dma-bufs");

/* drivers/iommu/iommufd/iommufd_test.h */
#define IOMMU_TEST_CMD _IO(IOMMUFD_TYPE, 0x80 + 32)
#define TEST_MOCK_DOMAIN_FLAGS 12
#define TEST_DIRTY 13
#define TEST_DMABUF_GET 22
#define TEST_DMABUF_REVOKE 23
#define MOCK_PAGE KiB(2)

struct test_cmd {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_stdev_id, out_hwpt_id, out_idev_id;
			uint32_t dev_flags;
		} domain;
		struct {
			uint32_t flags;
			uint64_t iova, length, page_size, uptr, out_nr;
		} dirty;
		struct {
			uint32_t length, open_flags;
		} get;
		struct {
			int32_t fd;
			uint32_t revoked;
		} revoke;
	};
	uint32_t last;
};

/* linux/iommufd.h */
#define HWPT_ALLOC_DIRTY_TRACKING (1u << 1)
#define HWPT_SET_DIRTY_TRACKING _IO(IOMMUFD_TYPE, 0x8b)
#define HWPT_GET_DIRTY_BITMAP _IO(IOMMUFD_TYPE, 0x8c)
#define HWPT_NO_CLEAR 1u

struct set_tracking {
	uint32_t size;
	uint32_t flags;
	uint32_t hwpt_id;
	uint32_t reserved;
};

struct get_bitmap {
	uint32_t size;
	uint32_t hwpt_id;
	uint32_t flags;
	uint32_t reserved;
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	uint64_t data;
};

/* Across the border of two windows in which the kernel reads dirty bits, 8 MiB */
#define SIZE MiB(2)
#define IOVA (MiB(24) - MiB(1))
#define NR (SIZE / MOCK_PAGE)

static int iommufd = -1, fd = -1;
static uint32_t ioas, hwpt;
static uint8_t bitmap[NR / 8], expected[NR / 8];

static int test(uint32_t op, struct test_cmd *cmd)
{
	int ret;

	cmd->size = sizeof(*cmd);
	cmd->op = op;
	ret = ioctl(iommufd, IOMMU_TEST_CMD, cmd);
	return ret < 0 ? -errno : ret;
}

static int set_revoked(bool revoked)
{
	struct test_cmd cmd = { .id = 0 };

	cmd.revoke.fd = fd;
	cmd.revoke.revoked = revoked;
	return test(TEST_DMABUF_REVOKE, &cmd);
}

static int tracking(bool on)
{
	struct set_tracking cmd = {
		.size = sizeof(cmd), .flags = on, .hwpt_id = hwpt };

	return ioctl(iommufd, HWPT_SET_DIRTY_TRACKING, &cmd) ? -errno : 0;
}

/* @first and @nr pages of the mapping, into the same bits of bitmap[] */
static int read_bits(uint32_t flags, uint64_t first, uint64_t nr, void *into)
{
	struct get_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = IOVA + first * MOCK_PAGE,
		.length = nr * MOCK_PAGE,
		.page_size = MOCK_PAGE,
		.data = (uintptr_t)into,
	};

	return ioctl(iommufd, HWPT_GET_DIRTY_BITMAP, &cmd) ? -errno : 0;
}

static void write_pages(const uint8_t *bits)
{
	struct test_cmd cmd = { .id = hwpt };

	cmd.dirty.iova = IOVA;
	cmd.dirty.length = SIZE;
	cmd.dirty.page_size = MOCK_PAGE;
	cmd.dirty.uptr = (uintptr_t)bits;
	igt_assert_eq(test(TEST_DIRTY, &cmd), 0);
}

static void expect(uint32_t flags)
{
	memset(bitmap, 0, sizeof(bitmap));
	igt_assert_eq(read_bits(flags, 0, NR, bitmap), 0);
	igt_assert(!memcmp(bitmap, expected, sizeof(bitmap)));
}

static void expect_all(uint32_t flags, uint8_t byte)
{
	memset(expected, byte, sizeof(expected));
	expect(flags);
}

static void begin(void)
{
	struct test_cmd cmd = { .id = 0 };
	struct iommu_hwpt_alloc alloc = { .size = sizeof(alloc) };

	close_fd(&fd);
	close_fd(&iommufd);
	iommufd = iommufd_open();
	cmd.get.length = (uint32_t)SIZE;
	cmd.get.open_flags = O_RDWR | O_CLOEXEC;
	fd = test(TEST_DMABUF_GET, &cmd);
	igt_require_f(fd >= 0, "this kernel has no mock IOMMU: %s\n",
		      strerror(-fd));

	ioas = ioas_alloc(iommufd);
	memset(&cmd, 0, sizeof(cmd));
	cmd.id = ioas;
	igt_assert_eq(test(TEST_MOCK_DOMAIN_FLAGS, &cmd), 0);
	alloc.dev_id = cmd.domain.out_idev_id;
	alloc.pt_id = ioas;
	alloc.flags = HWPT_ALLOC_DIRTY_TRACKING;
	igt_assert_eq(ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc), 0);
	hwpt = alloc.out_hwpt_id;
	ioas_map_file(iommufd, ioas, fd, 0, SIZE, IOVA);
	igt_assert_eq(tracking(true), 0);
}

/**
 * SUBTEST: exact
 * Description: Exactly the pages that were written are dirty, until they are read
 *
 * SUBTEST: revoked
 * Description: After a revoke and a restore all of the mapping is dirty, once, also if
 *	it is read in pieces; then what is written
 */
static void exact(void)
{
	static const uint8_t patterns[] = { 0x55, 0x01, 0xff, 0x80 };
	size_t i;

	expect_all(0, 0);
	for (i = 0; i < sizeof(patterns); i++) {
		memset(expected, patterns[i], sizeof(expected));
		write_pages(expected);
		expect(HWPT_NO_CLEAR);
		expect(0);
		expect_all(0, 0);
	}
}

static void revoked(void)
{
	uint64_t piece = NR / 8, i;

	memset(expected, 0x11, sizeof(expected));
	write_pages(expected);
	igt_assert_eq(set_revoked(true), 0);
	expect_all(HWPT_NO_CLEAR, 0xff);
	expect_all(0, 0xff);
	expect_all(0, 0);

	igt_assert_eq(set_revoked(false), 0);
	wait_restored();
	expect_all(0, 0);
	memset(expected, 0x42, sizeof(expected));
	write_pages(expected);
	expect(0);

	igt_assert_eq(set_revoked(true), 0);
	igt_assert_eq(set_revoked(false), 0);
	wait_restored();
	memset(bitmap, 0, sizeof(bitmap));
	for (i = 0; i < NR; i += piece)
		igt_assert_eq(read_bits(0, i, piece, bitmap + i / 8), 0);
	memset(expected, 0xff, sizeof(expected));
	igt_assert(!memcmp(bitmap, expected, sizeof(bitmap)));
	expect_all(0, 0);

	/* Tracking begins with a clean slate */
	igt_assert_eq(set_revoked(true), 0);
	igt_assert_eq(tracking(false), 0);
	igt_assert_eq(tracking(true), 0);
	expect_all(0, 0);
}

/**
 * SUBTEST: race
 * Description: Reads of bitmaps, into memory that is not there yet, and tracking
 *	switched on and off, against revokes and restores
 */
static int toggle(void)
{
	int ret = set_revoked(true);

	return ret ? ret : set_revoked(false);
}

/* Fresh memory each time, so that the kernel faults */
static int read_faulting(void)
{
	void *into = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	if (into == MAP_FAILED)
		return -errno;
	ret = read_bits(0, 0, NR, into);
	munmap(into, PAGE);
	return ret;
}

static int track_again(void)
{
	return tracking(true);
}

static void race(void)
{
	struct worker workers[] = {
		{ .name = "revoke", .once = toggle },
		{ .name = "read", .once = read_faulting },
		{ .name = "track", .once = track_again },
	};

	workers_run(workers, 3, 15);
	wait_restored();
	igt_assert_eq(tracking(true), 0);
	expect_all(0, 0);
	memset(expected, 0xc3, sizeof(expected));
	write_pages(expected);
	expect(0);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "exact", "Exactly what was written", exact },
		{ "revoked", "Nothing is lost by a revoke", revoked },
		{ "race", "Reading against revokes", race },
	};

	subtests(tests, begin, NULL);

	igt_fixture() {
		close_fd(&fd);
		close_fd(&iommufd);
	}
}
