// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys fuzz
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: query
 * Functionality: random calls
 * Description: Random calls of everything a program can do with a dma-buf and
 *	/dev/dma_buf_phys, while access comes and goes, bytes move and buffers end: each
 *	has an errno that is documented and writes nothing where it may not
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "module.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "random.h"
#include "sysfs.h"

#define CALLS 100000u
#define MAX_MS 90000	/* a slow machine makes fewer */

static int phys = -1, iommufd = -1;
static struct vfio_device nvme1 = { .fd = -1 };

enum {
	BAR, BARS, RANGES, NO_ACCESS, MOVING, DEAD, UDMABUF, HEAP, NO_DMABUF,
	CLOSED, NR_FDS
};

/* MOVING is another buffer at any time, under the same number */
static int fds[NR_FDS];
static int watches[8];

/*
 * What calls get pointers into: two pages with nothing before and behind. What
 * is in them before a call is in @image.
 */
#define ARENA (2 * PAGE)
static uint8_t *arena, image[2 * 4096];

/* How often each errno came, and 0 */
static unsigned int results[256];

static bool rarely(void)
{
	return below(8) == 0;
}

static int any_fd(void)
{
	switch (below(16)) {
	case 0:
		return phys;
	case 1:
		return watches[below(8)];
	case 2:
		return (int)odd_number() | 1 << 20;
	default:
		return fds[below(NR_FDS)];
	}
}

/* Mostly where @size bytes fit, often at the end of what is there */
static uint64_t any_pointer(size_t size)
{
	const uint64_t start = (uintptr_t)arena, end = start + ARENA;

	switch (below(16)) {
	case 0:
		return odd_number();
	case 1:
		return 0xffff888000000000ull + below(1u << 31);
	case 2:
		return end - below(64);
	case 3:
		return start - below(64);
	case 4:
		return end - (size < ARENA ? size : 0);
	default:
		return start + below(PAGE);
	}
}

/* @allowed ends with 0 */
static void expect_result(const char *what, int ret, const int *allowed)
{
	int i;

	results[ret < 0 ? -ret : 0]++;
	if (ret >= 0)
		return;
	for (i = 0; allowed[i]; i++)
		if (allowed[i] == -ret)
			return;
	igt_assert_f(false, "%s: %s is not documented\n", what, strerror(-ret));
}

/* The arena is as it was but for two ranges, which may be nowhere */
static void expect_unchanged(const char *what, uint64_t at, uint64_t size,
			     uint64_t at2, uint64_t size2)
{
	uint64_t base = (uintptr_t)arena, i;

	if (!memcmp(arena, image, ARENA))
		return;
	for (i = 0; i < ARENA; i++) {
		if (arena[i] == image[i] || base + i - at < size ||
		    base + i - at2 < size2)
			continue;
		igt_assert_f(false, "%s: wrote byte 0x%" PRIx64 " of the arena\n",
			     what, i);
	}
	memcpy(arena, image, ARENA);
}

/* Puts a structure where the call will look for it, if there is room */
static void put(uint64_t at, const void *what, size_t size)
{
	uint64_t offset = at - (uintptr_t)arena;

	if (offset < ARENA && size <= ARENA - offset) {
		memcpy(arena + offset, what, size);
		memcpy(image + offset, what, size);
	}
}

static int call(int fd, unsigned long request, uint64_t arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static void fuzz_query(void)
{
	static const int allowed[] = {
		EFAULT, EINVAL, E2BIG, EBADF, EOPNOTSUPP, ENXIO, 0 };
	static const char *const devices[] = {
		"DMABUF_EDU", "DMABUF_NVME", "DMABUF_EXPORTER", "DMABUF_EXPORTER2",
	};
	struct {
		struct dma_buf_phys_query q;
		uint64_t more;
	} arg = { .q.size = sizeof(arg.q), .q.fd = any_fd() };
	struct dma_buf_phys_query *q = &arg.q;
	uint64_t at = any_pointer(sizeof(arg));
	int ret;

	if (below(2)) {
		q->flags = DMA_BUF_PHYS_QUERY_ROUTE;
		q->device = query_device(pci_env(devices[below(4)]));
	}
	if (below(4)) {
		q->group_size = sizeof(struct dma_buf_phys_group_info);
		q->nr_groups = below(5);
		q->groups = any_pointer(4 * q->group_size);
	}
	if (rarely())
		q->size = below(sizeof(arg) + 8);
	if (rarely())
		q->size = (uint32_t)odd_number();
	if (rarely())
		q->flags = (uint32_t)odd_number();
	if (rarely())
		q->group_size = below(2) ? (uint32_t)odd_number() : below(128);
	if (rarely())
		q->nr_groups = (uint32_t)odd_number();
	if (rarely())
		q->device = below(2) ? odd_number() : below(0x1000);
	if (rarely())
		arg.more = odd_number();
	/* What comes out may be anything when it goes in */
	q->length = random64();
	q->nr_frags = random64();
	put(at, &arg, sizeof(arg));
	ret = call(phys, DMA_BUF_PHYS_IOC_QUERY, at);
	expect_result("query", ret, allowed);
	/* No buffer has more than two groups */
	if (!ret || ret == -EFAULT)
		expect_unchanged("query", at, q->size, q->groups,
				 2ull * q->group_size);
	else
		expect_unchanged("refused query", 0, 0, 0, 0);
}

static void fuzz_watch(void)
{
	static const int allowed[] = {
		EFAULT, EINVAL, E2BIG, EBADF, EOPNOTSUPP, ENODEV, 0 };
	struct dma_buf_phys_watch arg = {
		.size = sizeof(arg),
		.flags = O_CLOEXEC | (below(2) ? O_NONBLOCK : 0),
		.fd = any_fd(),
	};
	uint64_t at = any_pointer(sizeof(arg));
	int ret, *slot = &watches[below(8)];

	if (rarely())
		arg.size = (uint32_t)odd_number();
	if (rarely())
		arg.flags = (uint32_t)odd_number();
	if (rarely())
		arg.reserved = (uint32_t)odd_number();
	put(at, &arg, sizeof(arg));
	ret = call(phys, DMA_BUF_PHYS_IOC_WATCH, at);
	expect_result("watch", ret, allowed);
	expect_unchanged("watch", 0, 0, 0, 0);
	if (ret < 0)
		return;
	/* Nobody is there to wake us up */
	igt_assert_eq(fcntl(ret, F_SETFL, O_NONBLOCK), 0);
	close(*slot);
	*slot = ret;
}

static void fuzz_read(void)
{
	static const int allowed[] = { EFAULT, EINVAL, EAGAIN, 0 };
	size_t size = rarely() ? odd_number() : below(100);
	uint64_t at = any_pointer(size);
	int fd = watches[below(8)], ret;

	igt_assert(!(watch_poll(fd, 0) & ~(POLLIN | POLLHUP)));
	ret = (int)read(fd, (void *)at, size);
	expect_result("read", ret < 0 ? -errno : ret, allowed);
	expect_unchanged("read", at, sizeof(struct dma_buf_phys_watch_event), 0,
			 0);
}

/* Numbers around ours, of any direction and size, on anything of ours */
static void fuzz_ioctl(void)
{
	static const int allowed[] = {
		ENOTTY, EFAULT, EINVAL, E2BIG, EBADF, EOPNOTSUPP, ENODEV, 0 };
	unsigned int nr = 0xc0 + below(0x20);
	unsigned long request = _IOC(below(4), 'b', nr, below(2) * below(256));
	int fd = below(2) ? phys : below(2) ? fds[below(HEAP)] :
		 watches[below(8)];
	int ret;

	ret = call(fd, request, (uintptr_t)arena + ARENA);
	expect_result("ioctl", ret, allowed);
	expect_unchanged("ioctl", 0, 0, 0, 0);
}

static void fuzz_mmap(void)
{
	static const int allowed[] = {
		EINVAL, EACCES, EOVERFLOW, EOPNOTSUPP, ENODEV, ENOMEM, EPERM,
		EBADF, EAGAIN, 0 };
	static const int flags[] = {
		MAP_POPULATE, MAP_LOCKED, MAP_NORESERVE, MAP_32BIT,
	};
	uint64_t length = PAGE * (1 + (random64() & below(2048)));
	uint64_t offset = PAGE * below(1200);
	int fd = fds[below(NR_FDS)], how = MAP_SHARED, prot, i;
	uint8_t *map, *at = NULL;
	uint64_t word = 0;

	if (below(2))
		offset = 0;
	if (rarely())
		how = below(4);
	if (rarely())
		how |= flags[below(4)];
	if (rarely())
		length = odd_number();
	if (rarely())
		offset = odd_number();
	prot = below(4) ? PROT_READ | PROT_WRITE : (int)below(8);
	map = mmap(NULL, length, prot, how, fd, (off_t)offset);
	expect_result("mmap", map == MAP_FAILED ? -errno : 0, allowed);
	if (map == MAP_FAILED)
		return;
	for (i = 0; i < 4 && length <= MiB(8); i++) {
		at = map + below((uint32_t)((length + PAGE - 1) / PAGE)) * PAGE;
		if (prot & PROT_READ)
			__cpu_load(at, &word);
		/* In there are registers of a controller */
		if (prot & PROT_WRITE && fd != fds[BARS])
			__cpu_store(at, word);
	}
	if (rarely() && length <= MiB(8)) {
		madvise(at, PAGE, (int)below(26));
		mprotect(at, PAGE, prot & (int)below(8));
		if (below(2))
			munmap(at, PAGE);
	}
	munmap(map, length);
}

/* Errors of threads, to be looked at by the main one */
static int toggle_error, move_error;
static bool over;

static void *toggle_thread(void *unused)
{
	bool on = true;

	while (!toggle_error && !__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		toggle_error = __vfio_memory_enable(&nvme1, on = !on);
		usleep(on ? 3000 : 1000);
	}
	return unused;
}

/* A buffer that moves a few times and ends; its number goes to the next one */
static int move_some(void)
{
	int movable = open("/dev/dma-buf-movable", O_RDWR | O_CLOEXEC), fd, ret;

	if (movable < 0)
		return -errno;
	fd = __movable_create(movable, 8 * PAGE);
	if (fd < 0)
		return fd;
	ret = dup3(fd, fds[MOVING], O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	if (!ret)
		ret = __movable_move(movable, MOVABLE_ANYWHERE, 5, 0);
	usleep(2000);
	close(movable);
	return ret < 0 ? ret : 0;
}

static void *move_thread(void *unused)
{
	while (!move_error && !__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		move_error = move_some();
	return unused;
}

static void open_fds(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(64, MiB(8), PAGE);
	struct vfio_region_dma_range secret = { MiB(32), MiB(2) };
	struct vfio_device_feature_dma_buf read_only = {
		.region_index = 2,
		.open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 64,
	};
	int movable = movable_open(), i;

	fds[BAR] = vfio_dmabuf_one(&nvme1, 2, MiB(2), MiB(4));
	fds[BARS] = vfio_dmabuf_two_bars(&nvme1, 2, 0, 0, 0);
	fds[RANGES] = __vfio_dmabuf_raw(&nvme1, &read_only, ranges, 64);
	fds[NO_ACCESS] = __export_ranges(&nvme1, NO_HOST, 2, &secret, 1);
	fds[DEAD] = movable_create(movable, 2 * PAGE);
	fds[MOVING] = dup(fds[DEAD]);
	close(movable);
	fds[NO_DMABUF] = sealed_memfd(MiB(1));
	fds[UDMABUF] = __udmabuf(fds[NO_DMABUF], 0, MiB(1));
	fds[HEAP] = heap_dmabuf(MiB(1));
	/* A number that nothing else gets */
	fds[CLOSED] = 900;
	for (i = 0; i < CLOSED; i++)
		igt_assert_fd(fds[i]);
	for (i = 0; i < 8; i++)
		watches[i] = watch(phys, fds[BAR], O_CLOEXEC | O_NONBLOCK);
	free(ranges);
}

static void close_fds(void)
{
	int i;

	for (i = 0; i < CLOSED; i++)
		close(fds[i]);
	for (i = 0; i < 8; i++)
		close(watches[i]);
}

/* Everything still does what it should */
static void expect_sane(void)
{
	struct dma_buf_phys_watch_event event;
	struct dma_buf_phys_query q;
	int watcher = watch(phys, fds[BAR], O_NONBLOCK);
	uint8_t *map = cpu_map(fds[BAR], NULL, MiB(1), 0);
	uint8_t *same = cpu_map(fds[BAR], NULL, MiB(1), 0);

	cpu_both_ways(map, same);
	vfio_memory_enable(&nvme1, false);
	igt_assert(!cpu_reachable(map));
	vfio_memory_enable(&nvme1, true);
	cpu_both_ways(same, map);
	watch_read(watcher, &event);
	igt_assert(event.nr_revokes == 1 && event.nr_restores == 1);
	query(phys, fds[BAR], &q);
	igt_assert_eq_u64(q.generation, event.generation);
	igt_assert_eq_u32(q.nr_importers, 0);
	munmap(map, MiB(1));
	munmap(same, MiB(1));
	close(watcher);
}

static void fuzz(void)
{
	static void (*const calls[8])(void) = {
		fuzz_query, fuzz_query, fuzz_query, fuzz_watch,
		fuzz_read, fuzz_read, fuzz_ioctl, fuzz_mmap,
	};
	static const int come[] = {
		0, EINVAL, EFAULT, E2BIG, EBADF, EOPNOTSUPP, ENXIO, EAGAIN,
		ENODEV, ENOTTY, EACCES, EPERM,
	};
	const uint64_t end = now_ms() + MAX_MS;
	pthread_t toggler, mover;
	unsigned int n;
	size_t i;

	igt_assert(!pthread_create(&toggler, NULL, toggle_thread, NULL));
	igt_assert(!pthread_create(&mover, NULL, move_thread, NULL));
	for (n = 0; n < CALLS && now_ms() < end; n++)
		calls[below(8)]();
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	igt_assert(!pthread_join(toggler, NULL));
	igt_assert(!pthread_join(mover, NULL));
	igt_assert_eq(toggle_error, 0);
	igt_assert_eq(move_error, 0);

	for (i = 0; i < 256; i++)
		if (results[i])
			igt_info("%8u %s\n", results[i], strerror((int)i));
	igt_info("%8u in all\n", n);
	for (i = 0; i < ARRAY_SIZE(come); i++)
		igt_assert_f(results[come[i]], "'%s' never came\n",
			     strerror(come[i]));
	igt_assert_lte(CALLS / 10, (int)n);
}

int igt_main()
{
	static unsigned int before;

	igt_fixture() {
		size_t i;

		random_start(0x5eed0f2a);
		module_load("udmabuf");
		phys = query_open();
		iommufd = iommufd_open();
		cpu_access_init();
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
		movable_bind();
		before = dmabuf_count();
		open_fds();
		arena = mmap(NULL, ARENA + 2 * PAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		igt_assert(arena != MAP_FAILED);
		arena += PAGE;
		igt_assert(!mprotect(arena, ARENA, PROT_READ | PROT_WRITE));
		for (i = 0; i < ARENA; i++)
			image[i] = (uint8_t)random64();
		memcpy(arena, image, ARENA);
	}

	/**
	 * SUBTEST: random
	 * Description: 100,000 random calls by one thread while others revoke,
	 *	restore, move and end buffers: every documented errno occurs, no
	 *	other does, and everything is as before afterwards
	 */
	igt_subtest("random") {
		/* From here on: what began the subtest may have said so there */
		int log = klog_open(), mm_log = klog_open();

		fuzz();
		vfio_memory_enable(&nvme1, true);
		expect_sane();
		/* Of a private mapping of a memfd that is too large */
		igt_assert_eq((int)klog_count(log, NULL),
			      (int)klog_count(mm_log, "__vm_enough_memory"));
		close(log);
		close(mm_log);
		close_fds();
		dmabuf_expect_count(before);
	}

	igt_fixture() {
		vfio_close(&nvme1);
		close(phys);
		close(iommufd);
	}
}
