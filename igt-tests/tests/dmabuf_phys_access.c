// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys access
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Functionality: access by the kernel
 * Description: Drivers without an IOMMU pin the pages of an address space, or read and write
 *	them with the CPU. A dma-buf has no pages that could be pinned: both are refused, and
 *	change nothing. With iommufd's mocks, which CONFIG_IOMMUFD_TEST has
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "igt_core.h"
#include "iommufd.h"
#include "iommufd_mock.h"
#include "memory.h"
#include "module.h"
#include "ranges.h"
#include "subtests.h"
#include "vfio.h"
#include "worker.h"

/* As in iommufd_test.h */
#define MAY_PIN 1u
#define WRITE 1u
#define SLOW_PATH 4u

/* One behind the other: memory of the program, udmabuf, and what can be revoked */
#define SIZE MiB(1)
#define OWN MiB(32)
#define UDMABUF (OWN + SIZE)
#define PHYS (UDMABUF + SIZE)
/* What comes and goes */
#define MOVING MiB(64)
#define FILL 0x5a
#define WRITTEN 0xc3

static int iommufd = -1, memfd = -1, udmabuf = -1, phys = -1, access_fd = -1;
static uint32_t ioas, other;
static uint8_t *own, *shared, buffer[2 * PAGE];
static unsigned int dmabufs;

static int set_revoked(bool revoked)
{
	return mock_revoke(iommufd, phys, revoked);
}

/* @pages: those that have to be pinned then, NULL for any. Unpins them again. */
static int pin(uint64_t iova, uint64_t length, const void *pages, uint32_t flags)
{
	struct mock_cmd cmd = { .id = (uint32_t)access_fd }, undo = cmd;
	int ret;

	cmd.pin.flags = flags;
	cmd.pin.iova = iova;
	cmd.pin.length = length;
	cmd.pin.uptr = (uintptr_t)pages;
	ret = mock(iommufd, MOCK_PIN, &cmd);
	if (ret)
		return ret;
	undo.unpin.id = cmd.pin.out_id;
	return mock(iommufd, MOCK_UNPIN, &undo);
}

static int rw(uint64_t iova, uint64_t length, void *data, uint32_t flags)
{
	struct mock_cmd cmd = { .id = (uint32_t)access_fd };

	cmd.rw.iova = iova;
	cmd.rw.length = length;
	cmd.rw.uptr = (uintptr_t)data;
	cmd.rw.flags = flags;
	return mock(iommufd, MOCK_RW, &cmd);
}

/* How often the program's memory is pinned: once, since a page table has it */
static void expect_pinned_once(void)
{
	struct mock_cmd cmd = { .id = 0 };

	cmd.refs.length = SIZE;
	cmd.refs.uptr = (uintptr_t)own;
	cmd.refs.refs = 1;
	igt_assert_eq(mock(iommufd, MOCK_CHECK_REFS, &cmd), 0);
}

static void expect_bytes(const uint8_t *at, size_t length, uint8_t byte)
{
	size_t i;

	for (i = 0; i < length; i++)
		igt_assert_f(at[i] == byte, "byte 0x%zx is 0x%02x instead of 0x%02x\n", i,
			     at[i], byte);
}

static void *memory(int fd)
{
	void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	igt_assert(at != MAP_FAILED);
	/* Pins of a large folio are not counted by pages */
	madvise(at, SIZE, MADV_NOHUGEPAGE);
	memset(at, FILL, SIZE);
	return at;
}

static void end(void)
{
	close_fd(&access_fd);
	close_fd(&iommufd);
	close_fd(&phys);
	close_fd(&udmabuf);
	close_fd(&memfd);
	if (own)
		munmap(own, SIZE);
	if (shared)
		munmap(shared, SIZE);
	own = shared = NULL;
}

static void begin(void)
{
	struct mock_cmd cmd = { .id = 0 };

	end();
	dmabufs = dmabuf_count();
	iommufd = iommufd_open();
	cmd.get.length = (uint32_t)SIZE;
	cmd.get.open_flags = O_RDWR | O_CLOEXEC;
	phys = mock(iommufd, MOCK_PHYS_GET, &cmd);
	igt_require_f(phys >= 0, "this kernel has no mock IOMMU: %s\n", strerror(-phys));
	memfd = sealed_memfd(SIZE);
	udmabuf = __udmabuf(memfd, 0, SIZE);
	igt_assert_fd(udmabuf);
	own = memory(-1);
	shared = memory(memfd);

	ioas = ioas_alloc(iommufd);
	other = ioas_alloc(iommufd);
	memset(&cmd, 0, sizeof(cmd));
	cmd.id = ioas;
	igt_assert_eq(mock(iommufd, MOCK_DOMAIN, &cmd), 0);
	memset(&cmd, 0, sizeof(cmd));
	cmd.id = ioas;
	cmd.create.flags = MAY_PIN;
	igt_assert_eq(mock(iommufd, MOCK_CREATE_ACCESS, &cmd), 0);
	access_fd = (int)cmd.create.out_fd;
	ioas_map(iommufd, ioas, own, SIZE, OWN);
	ioas_map_file(iommufd, ioas, udmabuf, 0, SIZE, UDMABUF);
	ioas_map_file(iommufd, ioas, phys, 0, SIZE, PHYS);
}

static void expect_end(void)
{
	/* It would wait for what is pinned */
	igt_assert_eq(__ioas_unmap(iommufd, ioas, OWN, 3 * SIZE), 0);
	end();
	dmabuf_expect_count(dmabufs);
}

/* Nowhere in @length bytes, one page or two, of which at least one is of a dma-buf */
static void expect_refused(uint64_t iova, uint64_t length)
{
	uint32_t flags;

	for (flags = 0; flags <= WRITE; flags++)
		igt_assert_eq(pin(iova, length, NULL, flags), -EINVAL);
	for (flags = 0; flags <= SLOW_PATH; flags += SLOW_PATH) {
		memset(buffer, FILL, sizeof(buffer));
		igt_assert_eq(rw(iova + 8, length - 16, buffer, flags), -EINVAL);
		expect_bytes(buffer, sizeof(buffer), FILL);
		memset(buffer, WRITTEN, sizeof(buffer));
		igt_assert_eq(rw(iova + 8, length - 16, buffer, flags | WRITE), -EINVAL);
	}
	/* What lies before the border may have been written */
	expect_bytes(own, SIZE - PAGE, FILL);
	expect_bytes(shared, SIZE, FILL);
	expect_pinned_once();
}

static void expect_all_refused(void)
{
	expect_refused(UDMABUF, PAGE);
	expect_refused(PHYS, PAGE);
	expect_refused(UDMABUF - PAGE, 2 * PAGE);
	expect_refused(PHYS - PAGE, 2 * PAGE);

	/* And what is the program's is at hand as before */
	memset(own, FILL, SIZE);
	igt_assert_eq(pin(OWN, SIZE, own, WRITE), 0);
	memset(buffer, 0, sizeof(buffer));
	igt_assert_eq(rw(UDMABUF - PAGE, PAGE, buffer, 0), 0);
	expect_bytes(buffer, PAGE, FILL);
	expect_pinned_once();
}

/**
 * SUBTEST: refused
 * Description: Pinning, reading and writing a dma-buf is EINVAL, also across the border to
 *	memory of the program or to another dma-buf, and while access is revoked: no byte
 *	changes, and nothing stays pinned
 */
static void refused(void)
{
	expect_all_refused();
	igt_assert_eq(set_revoked(true), 0);
	expect_all_refused();
	igt_assert_eq(set_revoked(false), 0);
	wait_restored();
	expect_all_refused();
}

static int toggle(void)
{
	int ret = set_revoked(true);

	return ret ? ret : set_revoked(false);
}

static int map_copy_unmap(void)
{
	static unsigned int turn;
	int ret = __ioas_map_file(iommufd, ioas, turn++ % 3 ? phys : udmabuf, 0, SIZE, MOVING);
	int undone;

	if (ret)
		return ret;
	ret = __ioas_copy(iommufd, other, MOVING, ioas, MOVING, SIZE);
	if (!ret)
		ret = __ioas_unmap(iommufd, other, MOVING, SIZE);
	undone = __ioas_unmap(iommufd, ioas, MOVING, SIZE);
	return ret ? ret : undone;
}

/* Return: 0 if the dma-buf was there and refused, -ENOENT if it was not */
static int access_moving(void)
{
	static uint8_t data[PAGE];
	const int rets[] = {
		pin(MOVING, PAGE, NULL, 0),
		rw(MOVING + 16, PAGE, data, 0),
		rw(MOVING + 16, PAGE, data, WRITE),
		rw(MOVING + 16, 100, data, SLOW_PATH),
	};
	bool there = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rets); i++) {
		if (rets[i] != -EINVAL && rets[i] != -ENOENT)
			return rets[i] ? rets[i] : -EPROTO;
		there |= rets[i] == -EINVAL;
	}
	return there ? 0 : -ENOENT;
}

/**
 * SUBTEST: race
 * Description: The same while dma-bufs are mapped, copied, unmapped, revoked and restored:
 *	an access is refused or finds nothing mapped, and holds nothing up
 */
static void race(void)
{
	struct worker workers[] = {
		{ .name = "revoke", .once = toggle },
		{ .name = "map", .once = map_copy_unmap, .allowed = -ENODEV },
		{ .name = "access", .once = access_moving, .allowed = -ENOENT },
	};

	workers_run(workers, ARRAY_SIZE(workers), 3);
	wait_restored();
	expect_all_refused();
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "refused", refused },
		{ "race", race },
	};

	igt_fixture()
		module_load("udmabuf");

	subtests(tests, begin, expect_end);

	igt_fixture()
		end();
}
