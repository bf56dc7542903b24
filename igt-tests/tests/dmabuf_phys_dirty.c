// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys dirty
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Functionality: dirty tracking
 * Description: Dirty tracking of mapped dma-bufs that are revoked and restored, with
 *	iommufd's mock IOMMU and mock exporter, which CONFIG_IOMMUFD_TEST has
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "iommufd_mock.h"
#include "memcg.h"
#include "query.h"
#include "ranges.h"
#include "subtests.h"
#include "sysfs.h"
#include "vfio.h"
#include "worker.h"

/* As in iommufd_test.h */
#define MOCK_PAGE KiB(2)
#define MOCK_HUGE_PAGE (512 * MOCK_PAGE)
#define DATA_SELFTEST 0xdead

struct hwpt_selftest {
	uint32_t iotlb;
	uint32_t huge;
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

static int set_revoked(bool revoked)
{
	return mock_revoke(iommufd, fd, revoked);
}

static int tracking(bool on)
{
	struct set_tracking cmd = {
		.size = sizeof(cmd), .flags = on, .hwpt_id = hwpt };

	return ioctl(iommufd, HWPT_SET_DIRTY_TRACKING, &cmd) ? -errno : 0;
}

static int read_at(uint32_t flags, uint64_t iova, uint64_t nr, void *into)
{
	struct get_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = iova,
		.length = nr * MOCK_PAGE,
		.page_size = MOCK_PAGE,
		.data = (uintptr_t)into,
	};

	return ioctl(iommufd, HWPT_GET_DIRTY_BITMAP, &cmd) ? -errno : 0;
}

/* @nr pages of the mapping from its page @first on */
static int read_bits(uint32_t flags, uint64_t first, uint64_t nr, void *into)
{
	return read_at(flags, IOVA + first * MOCK_PAGE, nr, into);
}

static void write_pages(const uint8_t *bits)
{
	struct mock_cmd cmd = { .id = hwpt };

	cmd.dirty.iova = IOVA;
	cmd.dirty.length = SIZE;
	cmd.dirty.page_size = MOCK_PAGE;
	cmd.dirty.uptr = (uintptr_t)bits;
	igt_assert_eq(mock(iommufd, MOCK_DIRTY, &cmd), 0);
}

static void compare(const uint8_t *bits)
{
	size_t i;

	for (i = 0; i < sizeof(expected); i++)
		igt_assert_f(bits[i] == expected[i],
			     "byte %zu of the bitmap is 0x%02x instead of 0x%02x\n",
			     i, bits[i], expected[i]);
}

static void expect(uint32_t flags)
{
	memset(bitmap, 0, sizeof(bitmap));
	igt_assert_eq(read_bits(flags, 0, NR, bitmap), 0);
	compare(bitmap);
}

static void expect_all(uint32_t flags, uint8_t byte)
{
	memset(expected, byte, sizeof(expected));
	expect(flags);
}

static void start(bool huge)
{
	struct hwpt_selftest data = { .huge = huge };
	struct mock_cmd cmd = { .id = 0 };
	struct iommu_hwpt_alloc alloc = { .size = sizeof(alloc) };

	close_fd(&fd);
	close_fd(&iommufd);
	iommufd = iommufd_open();
	cmd.get.length = (uint32_t)SIZE;
	cmd.get.open_flags = O_RDWR | O_CLOEXEC;
	fd = mock(iommufd, MOCK_PHYS_GET, &cmd);
	igt_require_f(fd >= 0, "this kernel has no mock IOMMU: %s\n",
		      strerror(-fd));

	ioas = ioas_alloc(iommufd);
	if (!huge)
		igt_assert_eq(__ioas_set_huge_pages(iommufd, ioas, false), 0);
	memset(&cmd, 0, sizeof(cmd));
	cmd.id = ioas;
	igt_assert_eq(mock(iommufd, MOCK_DOMAIN_FLAGS, &cmd), 0);
	alloc.dev_id = cmd.domain.out_idev_id;
	alloc.pt_id = ioas;
	alloc.flags = HWPT_ALLOC_DIRTY_TRACKING;
	alloc.data_type = DATA_SELFTEST;
	alloc.data_len = sizeof(data);
	alloc.data_uptr = (uintptr_t)&data;
	igt_assert_eq(ioctl(iommufd, IOMMU_HWPT_ALLOC, &alloc), 0);
	hwpt = alloc.out_hwpt_id;
	ioas_map_file(iommufd, ioas, fd, 0, SIZE, IOVA);
	igt_assert_eq(tracking(true), 0);
}

static void begin(void)
{
	start(false);
}

/**
 * SUBTEST: exact
 * Description: Exactly the pages that were written are dirty, until they are read
 */
static void exact(void)
{
	/* I/O pages are no smaller than those of the CPU: two bits each */
	static const uint8_t patterns[] = { 0x33, 0x03, 0xff, 0xc0 };
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

/**
 * SUBTEST: revoked
 * Description: After a revoke and a restore the whole mapping is reported dirty
 *	once, even if read in pieces; then only what is written
 */
static void revoked(void)
{
	uint64_t piece = NR / 8, i;

	memset(expected, 0x03, sizeof(expected));
	write_pages(expected);
	igt_assert_eq(set_revoked(true), 0);
	expect_all(HWPT_NO_CLEAR, 0xff);
	expect_all(0, 0xff);
	expect_all(0, 0);

	igt_assert_eq(set_revoked(false), 0);
	wait_restored();
	expect_all(0, 0);
	memset(expected, 0x3c, sizeof(expected));
	write_pages(expected);
	expect(0);

	igt_assert_eq(set_revoked(true), 0);
	igt_assert_eq(set_revoked(false), 0);
	wait_restored();
	memset(bitmap, 0, sizeof(bitmap));
	for (i = 0; i < NR; i += piece)
		igt_assert_eq(read_bits(0, i, piece, bitmap + i / 8), 0);
	memset(expected, 0xff, sizeof(expected));
	compare(bitmap);
	expect_all(0, 0);

	/* Tracking begins with a clean slate */
	igt_assert_eq(set_revoked(true), 0);
	igt_assert_eq(tracking(false), 0);
	igt_assert_eq(tracking(true), 0);
	expect_all(0, 0);
}

/**
 * SUBTEST: middle
 * Description: After a revoke, a piece in the middle of the mapping is reported
 *	once, and what surrounds it after that
 */
static void middle(void)
{
	uint64_t piece = NR / 8, i;
	uint8_t told[NR / 8], all[NR / 8], none[NR / 8] = { 0 };

	memset(all, 0xff, sizeof(all));
	igt_assert_eq(set_revoked(true), 0);
	for (i = 3; i < 6; i++) {
		memset(told, 0, sizeof(told));
		igt_assert_eq(read_bits(0, i * piece, piece, told), 0);
		igt_assert(!memcmp(told, all, piece / 8));
		memset(told, 0, sizeof(told));
		igt_assert_eq(read_bits(0, i * piece, piece, told), 0);
		igt_assert(!memcmp(told, none, piece / 8));
	}
	memset(expected, 0xff, sizeof(expected));
	memset(expected + 3 * piece / 8, 0, 3 * piece / 8);
	expect(0);
	expect_all(0, 0);
}

/**
 * SUBTEST: large-pages
 * Description: A bitmap that starts inside a large I/O page has the bits of the
 *	rest of that page and of those that follow; a later one has those of the
 *	start, once
 */
static void large_pages(void)
{
	const uint64_t first = MOCK_HUGE_PAGE / MOCK_PAGE / 2;

	start(true);
	/* They are large: one write, and all of a page is dirty */
	memset(expected, 0, sizeof(expected));
	expected[0] = 1;
	write_pages(expected);
	memset(expected, 0xff, MOCK_HUGE_PAGE / MOCK_PAGE / 8);
	expect(0);

	memset(expected, 0xff, sizeof(expected));
	write_pages(expected);
	memset(expected + (NR - first) / 8, 0, first / 8);
	memset(bitmap, 0, sizeof(bitmap));
	igt_assert_eq(read_bits(HWPT_NO_CLEAR, first, NR - first, bitmap), 0);
	compare(bitmap);
	memset(bitmap, 0, sizeof(bitmap));
	igt_assert_eq(read_bits(0, first, NR - first, bitmap), 0);
	compare(bitmap);

	/* The page is clean, but nobody has been told of its start */
	memset(expected, 0, sizeof(expected));
	memset(expected, 0xff, first / 8);
	expect(HWPT_NO_CLEAR);
	expect(0);
	expect_all(0, 0);
}

struct reader {
	void *into;
	int ret;
};

static void *read_thread(void *arg)
{
	struct reader *reader = arg;

	reader->ret = read_bits(0, 0, NR, reader->into);
	return NULL;
}

/**
 * SUBTEST: revoke-during-read
 * Description: A revoke while the kernel waits for memory for the bits of the first
 *	window: the read reports the rest dirty as well
 */
static void revoke_during_read(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { .mode = 0 };
	struct reader reader = { .ret = -EINPROGRESS };
	struct uffd_msg msg;
	struct pollfd pfd;
	pthread_t thread;
	int uffd, revoke;

	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	igt_assert_f(uffd >= 0, "userfaultfd: %s\n", strerror(errno));
	igt_assert(!ioctl(uffd, UFFDIO_API, &api));
	reader.into = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(reader.into != MAP_FAILED);
	range.range.start = zero.range.start = (uintptr_t)reader.into;
	range.range.len = zero.range.len = PAGE;
	igt_assert(!ioctl(uffd, UFFDIO_REGISTER, &range));

	memset(expected, 0x03, sizeof(expected));
	write_pages(expected);
	igt_assert(!pthread_create(&thread, NULL, read_thread, &reader));
	pfd.fd = uffd;
	pfd.events = POLLIN;
	igt_assert_eq(poll(&pfd, 1, PATIENCE_MS), 1);
	igt_assert_eq((int)read(uffd, &msg, sizeof(msg)), (int)sizeof(msg));
	revoke = set_revoked(true);
	igt_assert(!ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	igt_assert(!pthread_join(thread, NULL));
	close(uffd);
	igt_assert_eq(revoke, 0);
	igt_assert_eq(reader.ret, 0);

	memset(expected, 0xff, sizeof(expected));
	compare(reader.into);
	munmap(reader.into, PAGE);
	/* It has been said */
	expect_all(0, 0);
}

#define COPIES 128u
#define COPIES_IOVA MiB(32)

/**
 * SUBTEST: interrupted-restore
 * Description: 128 mappings of one dma-buf, and not enough memory to map all of
 *	them again: those for which it failed may have been written to meanwhile and
 *	are dirty
 */
static void interrupted_restore(void)
{
	static const char importer[] = MEMCG_ROOT "/importer";
	static uint8_t bits[COPIES * NR / 8];
	unsigned int i, dirty = 0;
	int phys = query_open();

	memcg_mount();
	memcg_make(importer);
	memcg_no_limit(importer);
	memcg_enter(importer);
	ioas_map_file(iommufd, ioas, fd, 0, SIZE, COPIES_IOVA);
	memcg_enter(MEMCG_ROOT);
	for (i = 1; i < COPIES; i++)
		igt_assert_eq(__ioas_copy(iommufd, ioas, COPIES_IOVA + i * SIZE,
					  ioas, COPIES_IOVA, SIZE), 0);

	igt_assert_eq(set_revoked(true), 0);
	igt_assert_eq(tracking(true), 0);
	igt_assert_eq(read_at(0, COPIES_IOVA, COPIES * NR, bits), 0);
	for (i = 0; i < sizeof(bits); i++)
		igt_assert_eq(bits[i], 0);

	memcg_limit(importer, 0);
	igt_assert_eq(set_revoked(false), 0);
	igt_assert_lt(0, (int)query_wait_try(phys, fd));
	close(phys);
	igt_assert_eq(read_at(0, COPIES_IOVA, COPIES * NR, bits), 0);
	for (i = 0; i < COPIES; i++) {
		const uint8_t *one = bits + i * NR / 8;

		igt_assert(*one == 0 || *one == 0xff);
		igt_assert(!memcmp(one, one + 1, NR / 8 - 1));
		dirty += !!*one;
	}
	igt_info("%u of %u mappings are dirty\n", dirty, COPIES);
	igt_assert_lt(0, (int)dirty);

	memcg_no_limit(importer);
	wait_restored();
	/* Of tries in between */
	igt_assert_eq(tracking(true), 0);
	memset(bits, 0, sizeof(bits));
	igt_assert_eq(read_at(0, COPIES_IOVA, COPIES * NR, bits), 0);
	for (i = 0; i < sizeof(bits); i++)
		igt_assert_eq(bits[i], 0);
}

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

/**
 * SUBTEST: race
 * Description: Reads of bitmaps, into memory that is not there yet, and tracking
 *	switched on and off, against revokes and restores
 */
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
		{ "exact", exact },
		{ "revoked", revoked },
		{ "middle", middle },
		{ "large-pages", large_pages },
		{ "revoke-during-read", revoke_during_read },
		{ "interrupted-restore", interrupted_restore },
		{ "race", race },
	};

	subtests(tests, begin, NULL);

	igt_fixture() {
		close_fd(&fd);
		close_fd(&iommufd);
	}
}
