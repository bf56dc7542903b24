// SPDX-License-Identifier: MIT
/*
 * Every bad argument to /dev/dma_buf_phys has its errno, and nothing is logged. Part
 * of dmabuf_phys_query, where the comments of its subtests are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "ranges.h"
#include "subtests.h"
#include "vfio.h"

#define QUERY DMA_BUF_PHYS_IOC_QUERY
#define WATCH DMA_BUF_PHYS_IOC_WATCH

static int phys = -1, iommufd = -1;
static struct vfio_device nvme1 = { .fd = -1 };

/*
 * What calls get pointers into: two pages with nothing before and behind. The
 * second one ends where the program has no memory.
 */
#define ARENA (2 * PAGE)
static uint8_t *arena;

/* A number that nothing else gets */
#define CLOSED_FD 900

static int bars = -1, dead = -1, heap = -1, memfd = -1;

static void open_fds(void)
{
	int movable;

	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	bars = vfio_dmabuf_two_bars(&nvme1, 2, 0, 0, 0);
	movable_bind();
	movable = movable_open();
	dead = movable_create(movable, 2 * PAGE);
	close(movable);
	heap = heap_dmabuf(MiB(1));
	memfd = sealed_memfd(MiB(1));
	arena = mmap(NULL, ARENA + 2 * PAGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(arena != MAP_FAILED);
	arena += PAGE;
	igt_assert_eq(mprotect(arena, ARENA, PROT_READ | PROT_WRITE), 0);
}

static int call(int fd, unsigned long request, const void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static struct dma_buf_phys_query good_query(void)
{
	return (struct dma_buf_phys_query) {
		.size = sizeof(struct dma_buf_phys_query),
		.fd = bars,
		.group_size = sizeof(struct dma_buf_phys_group_info),
		.groups = (uintptr_t)arena,
		.nr_groups = 2,
	};
}

#define EXPECT(query, err) do {                                     \
	struct dma_buf_phys_query __q = (query);                    \
								    \
	igt_assert_eq(call(phys, QUERY, &__q), err);                \
} while (0)

/* A good query with one field changed */
#define EXPECT_WITH(field, value, err) do {                         \
	struct dma_buf_phys_query __with = good_query();            \
								    \
	__with.field = (value);                                     \
	EXPECT(__with, err);                                        \
} while (0)

static void bad_fds(unsigned long request, void *arg, int *fd)
{
	*fd = heap;
	igt_assert_eq(call(phys, request, arg), -EOPNOTSUPP);
	*fd = memfd;
	igt_assert_eq(call(phys, request, arg), -EINVAL);
	*fd = CLOSED_FD;
	igt_assert_eq(call(phys, request, arg), -EBADF);
	*fd = phys;
	igt_assert_eq(call(phys, request, arg), -EINVAL);
	*fd = -1;
	igt_assert_eq(call(phys, request, arg), -EBADF);
	*fd = -100;	/* AT_FDCWD */
	igt_assert_eq(call(phys, request, arg), -EBADF);
}

/*
 * Sizes of a structure of @size bytes at @arg, with zeroes behind it, which had
 * @least when it first appeared
 */
static void bad_sizes(unsigned long request, void *arg, uint32_t least,
		      uint32_t size)
{
	uint32_t *is = arg, at;

	for (at = 0; at < least; at++) {
		*is = at;
		igt_assert_eq(call(phys, request, arg), -EINVAL);
	}
	for (at = size + 1; at <= PAGE; at += at < size + 9 || at > 4085 ? 1 : 97) {
		int ret;

		*is = at;
		ret = call(phys, request, arg);
		igt_assert(ret >= 0);
		if (ret)
			close(ret);
		((uint8_t *)arg)[at - 1] = 1;
		igt_assert_eq(call(phys, request, arg), -E2BIG);
		((uint8_t *)arg)[at - 1] = 0;
	}
	*is = PAGE + 1;
	igt_assert_eq(call(phys, request, arg), -E2BIG);
	*is = UINT32_MAX;
	igt_assert_eq(call(phys, request, arg), -E2BIG);
	*is = size;
}

static void bad_query(void)
{
	const uint32_t group = sizeof(struct dma_buf_phys_group_info);
	struct dma_buf_phys_query *q;
	uint32_t i;

	memset(arena, 0, ARENA);
	q = (struct dma_buf_phys_query *)arena;
	*q = good_query();
	q->groups = 0;
	q->group_size = 0;
	bad_sizes(QUERY, q, offsetof(struct dma_buf_phys_query, nr_behind),
		  sizeof(*q));
	bad_fds(QUERY, q, &q->fd);

	EXPECT(good_query(), 0);
	for (i = 1; i < 32; i++)
		EXPECT_WITH(flags, 1u << i, -EINVAL);
	EXPECT_WITH(device, 0x300, -EINVAL);
	EXPECT_WITH(groups, 0, -EINVAL);
	for (i = 0; i < group; i++)
		EXPECT_WITH(group_size, i, -EINVAL);
	for (i = group; i <= PAGE; i += 127)
		EXPECT_WITH(group_size, i, 0);
	EXPECT_WITH(group_size, PAGE + 1, -EINVAL);
	EXPECT_WITH(group_size, UINT32_MAX, -EINVAL);
	EXPECT_WITH(nr_groups, UINT32_MAX, 0);

	/* What is longer than the kernel knows is zeroed, what is behind is not */
	memset(arena, 0xa5, ARENA);
	EXPECT_WITH(group_size, group + 9, 0);
	for (i = 0; i < ARENA; i++) {
		if (i >= 2 * (group + 9))
			igt_assert_eq(arena[i], 0xa5);
		else if (i % (group + 9) >= group)
			igt_assert_eq(arena[i], 0);
	}
}

static void bad_watch(void)
{
	struct dma_buf_phys_watch *w = (struct dma_buf_phys_watch *)arena;

	memset(arena, 0, ARENA);
	w->size = sizeof(*w);
	w->fd = bars;
	bad_sizes(WATCH, w, sizeof(*w), sizeof(*w));
	w->reserved = 1;
	igt_assert_eq(call(phys, WATCH, w), -EINVAL);
	w->reserved = 0;
	bad_fds(WATCH, w, &w->fd);
	w->fd = dead;
	igt_assert_eq(call(phys, WATCH, w), -ENODEV);
}

/* Not there, across the end of what is there, and the kernel's */
static const void *bad_pointer(unsigned int i, size_t size)
{
	switch (i) {
	case 0:
		return (void *)8;
	case 1:
		return arena + ARENA;
	case 2:
		return arena + ARENA - 1;
	case 3:
		return arena + ARENA - size + 1;
	case 4:
		return arena - 8;
	case 5:
		return (void *)0x800000000000ull;
	case 6:
		return (void *)0xffff888000000000ull;
	case 7:
		return (void *)-8l;
	default:
		return NULL;
	}
}

static void bad_pointers(void)
{
	struct dma_buf_phys_query *q =
		(struct dma_buf_phys_query *)(arena + ARENA - sizeof(*q));
	const void *at;
	unsigned int i;

	for (i = 0; (at = bad_pointer(i, sizeof(*q))); i++) {
		/* In case 3 nothing but its last byte is missing */
		if (i == 3)
			memcpy((void *)at, &(uint32_t) { sizeof(*q) }, 4);
		igt_assert_eq(call(phys, QUERY, at), -EFAULT);
	}
	igt_assert_eq(call(phys, QUERY, NULL), -EFAULT);
	igt_assert_eq(call(phys, WATCH, NULL), -EFAULT);
	for (i = 0; (at = bad_pointer(i, 2 * sizeof(struct
					dma_buf_phys_group_info))); i++) {
		EXPECT_WITH(groups, (uintptr_t)at, -EFAULT);
		/* Nothing is put where there is room for nothing */
		*q = good_query();
		q->groups = (uintptr_t)at;
		q->nr_groups = 0;
		igt_assert_eq(call(phys, QUERY, q), 0);
		igt_assert_eq_u32(q->nr_groups, 2);
	}

	*q = good_query();
	igt_assert_eq(mprotect(arena, ARENA, PROT_READ), 0);
	igt_assert_eq(call(phys, QUERY, q), -EFAULT);
	EXPECT(good_query(), -EFAULT);
	igt_assert_eq(mprotect(arena, ARENA, PROT_READ | PROT_WRITE), 0);
	igt_assert_eq(call(phys, QUERY, q), 0);
}

static void bad_call(void)
{
	int watcher = watch(phys, bars, O_NONBLOCK);
	unsigned int nr, dir;

	for (dir = 0; dir < 4; dir++) {
		for (nr = 0; nr < 256; nr++) {
			unsigned long request = _IOC(dir, 'b', nr, dir ? 8 : 0);

			igt_assert_eq(call(watcher, request, arena), -ENOTTY);
			if (dir || (nr != 0xd0 && nr != 0xd1))
				igt_assert_eq(call(phys, request, arena),
					      -ENOTTY);
		}
	}
	igt_assert_eq(call(bars, QUERY, arena), -ENOTTY);
	igt_assert_eq(call(bars, WATCH, arena), -ENOTTY);
	igt_assert_eq((int)read(phys, arena, 64), -1);
	igt_assert_eq((int)write(phys, arena, 64), -1);
	igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, phys, 0) ==
		   MAP_FAILED);
	igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, watcher, 0) ==
		   MAP_FAILED);
	close(watcher);
}

/* Whoever is refused is told by the errno: the log is not for users' mistakes */
static void quietly(void (*test)(void))
{
	int log = klog_open();

	test();
	igt_assert_eq((int)klog_count(log, NULL), 0);
	close(log);
}

void query_bad_subtests(void)
{
	igt_fixture() {
		phys = query_open();
		iommufd = iommufd_open();
		open_fds();
	}

	igt_subtest("bad-query")
		quietly(bad_query);

	igt_subtest("bad-watch")
		quietly(bad_watch);

	igt_subtest("bad-pointer")
		quietly(bad_pointers);

	igt_subtest("bad-call")
		quietly(bad_call);

	igt_fixture() {
		munmap(arena - PAGE, ARENA + 2 * PAGE);
		close(bars);
		close(dead);
		close(heap);
		close(memfd);
		vfio_close(&nvme1);
		close(phys);
		close(iommufd);
	}
}
