// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys watch
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: watch
 * Functionality: waiting for changes
 * Description: A program is told of every revoke, restore and move of a dma-buf, and
 *	of its end: nothing is lost, nothing is told twice
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "memory.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"

#define LIVE DMA_BUF_PHYS_QUERY_LIVE
#define REVOKED DMA_BUF_PHYS_QUERY_REVOKED
#define DEAD DMA_BUF_PHYS_QUERY_DEAD

static int phys = -1, iommufd = -1, fd = -1, watcher = -1, movable = -1;
static struct vfio_device shm = { .fd = -1 };
static struct dma_buf_phys_watch_event event;

/* A live dma-buf with a watch that does not wait; the last subtest may have failed */
static void start(void)
{
	close_fd(&watcher);
	close_fd(&fd);
	close_fd(&movable);
	if (shm.fd < 0)
		vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	vfio_memory_enable(&shm, true);
	fd = vfio_dmabuf_one(&shm, SHM_BAR, 0, MiB(1));
	watcher = watch(phys, fd, O_CLOEXEC | O_NONBLOCK);
}

static void toggle(unsigned int times)
{
	while (times--) {
		vfio_memory_enable(&shm, false);
		vfio_memory_enable(&shm, true);
	}
}

static void expect_nothing(int from)
{
	igt_assert_eq(watch_poll(from, 0), 0);
	igt_assert_eq(__watch_read(from, &event), -EAGAIN);
}

static void expect_event(int from, uint64_t revokes, uint64_t restores,
			 uint64_t moves, uint32_t state)
{
	igt_assert_eq(watch_poll(from, 0),
		      state == DEAD ? POLLIN | POLLHUP : POLLIN);
	watch_read(from, &event);
	igt_assert_eq_u64(event.nr_revokes, revokes);
	igt_assert_eq_u64(event.nr_restores, restores);
	igt_assert_eq_u64(event.nr_moves, moves);
	igt_assert_eq_u32(event.state, state);
	igt_assert_eq_u32(event.nr_behind, 0);
}

static void expect_end(int from)
{
	igt_assert_eq(watch_poll(from, 0), POLLHUP);
	igt_assert_eq(__watch_read(from, &event), 0);
	igt_assert_eq(watch_poll(from, 0), POLLHUP);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/**
 * SUBTEST: counts
 * Description: One event at a time, then several at once; a reset counts as a
 *	revoke and a restore; a no-op counts as nothing; the generation matches a
 *	query's
 */
static void counts(void)
{
	static struct dma_buf_phys_query q;

	start();
	expect_nothing(watcher);
	vfio_memory_enable(&shm, false);
	expect_event(watcher, 1, 0, 0, REVOKED);
	vfio_memory_enable(&shm, false);
	expect_nothing(watcher);
	vfio_memory_enable(&shm, true);
	expect_event(watcher, 1, 1, 0, LIVE);
	vfio_memory_enable(&shm, true);
	expect_nothing(watcher);

	toggle(7);
	expect_event(watcher, 8, 8, 0, LIVE);
	igt_assert_eq(__vfio_reset(&shm), 0);
	expect_event(watcher, 9, 9, 0, LIVE);
	expect_nothing(watcher);
	query(phys, fd, &q);
	igt_assert_eq_u64(q.generation, 18);
	igt_assert_eq_u64(event.generation, 18);
}

/**
 * SUBTEST: moves
 * Description: Moves are counted separately
 */
static void moves(void)
{
	start();
	close_fd(&watcher);
	close_fd(&fd);
	vfio_close(&shm);
	movable_bind();
	movable = movable_open();
	fd = movable_create(movable, 8 * PAGE);
	watcher = watch(phys, fd, O_NONBLOCK);
	movable_move(movable, MOVABLE_TO(DMA_BUF_MOVABLE_BAR), 1, 0);
	expect_event(watcher, 0, 0, 1, LIVE);
	expect_nothing(watcher);
	movable_move(movable, MOVABLE_ANYWHERE, 40, 0);
	expect_event(watcher, 0, 0, 41, LIVE);
	close_fd(&movable);
	expect_event(watcher, 1, 0, 41, DEAD);
	expect_end(watcher);
}

/**
 * SUBTEST: times
 * Description: The timestamp is that of the last event, on the monotonic clock
 */
static void times(void)
{
	uint64_t before, between, last = 0;
	int i;

	start();
	for (i = 0; i < 20; i++) {
		before = clock_ns();
		vfio_memory_enable(&shm, i & 1);
		between = clock_ns();
		usleep(1000);
		watch_read(watcher, &event);
		igt_assert_lte_u64(before, event.time);
		igt_assert_lte_u64(event.time, between);
		igt_assert_lte_u64(last, event.time);
		last = event.time;
	}
}

/**
 * SUBTEST: late
 * Description: A watch counts from its creation, also on a revoked buffer
 */
static void late(void)
{
	int other;

	start();
	toggle(3);
	vfio_memory_enable(&shm, false);
	other = watch(phys, fd, O_NONBLOCK);
	expect_nothing(other);
	vfio_memory_enable(&shm, true);
	expect_event(other, 0, 1, 0, LIVE);
	igt_assert_eq_u64(event.generation, 8);
	expect_event(watcher, 4, 4, 0, LIVE);
	igt_assert_eq_u64(event.generation, 8);
	close(other);
}

/**
 * SUBTEST: two
 * Description: Two watches of one dma-buf count independently; a duplicated fd
 *	shares its counts
 */
static void two(void)
{
	int other, same;

	start();
	other = watch(phys, fd, O_NONBLOCK);
	same = dup(watcher);
	igt_assert_fd(same);
	toggle(2);
	expect_event(watcher, 2, 2, 0, LIVE);
	expect_nothing(same);
	vfio_memory_enable(&shm, false);
	expect_event(other, 3, 2, 0, REVOKED);
	close(other);
	expect_event(same, 3, 2, 0, REVOKED);
	close(same);
}

/**
 * SUBTEST: sizes
 * Description: Reads of every size: too short is refused and consumes nothing, in
 *	between is truncated, nothing beyond is written
 */
static void sizes(void)
{
	const size_t least = offsetof(struct dma_buf_phys_watch_event, nr_behind);
	uint8_t data[2 * sizeof(event)];
	size_t size, want, i;
	ssize_t got;

	start();
	vfio_memory_enable(&shm, false);
	for (size = 0; size < least; size++) {
		igt_assert_eq((int)read(watcher, data, size), -1);
		igt_assert_eq(errno, EINVAL);
	}
	igt_assert_eq((int)read(watcher, (void *)PAGE, sizeof(event)), -1);
	igt_assert_eq(errno, EFAULT);
	vfio_memory_enable(&shm, true);

	for (size = least; size <= sizeof(data); size++) {
		toggle(1);
		memset(data, 0xa5, sizeof(data));
		want = size < sizeof(event) ? size : sizeof(event);
		got = read(watcher, data, size);
		igt_assert_eq((int)got, (int)want);
		for (i = want; i < sizeof(data); i++)
			igt_assert_eq(data[i], 0xa5);
		memcpy(&event, data, least);
		igt_assert_eq_u64(event.nr_revokes, 2 + size - least);
		igt_assert_eq_u64(event.nr_restores, 2 + size - least);
		igt_assert_eq_u32(event.state, LIVE);
		expect_nothing(watcher);
	}
}

/**
 * SUBTEST: flags
 * Description: O_CLOEXEC and O_NONBLOCK are as requested, all others are refused; a
 *	watch cannot be written to
 */
static void flags(void)
{
	static const struct {
		uint32_t flags;
		int fd, status;
	} cases[] = {
		{ 0, 0, 0 },
		{ O_CLOEXEC, FD_CLOEXEC, 0 },
		{ O_NONBLOCK, 0, O_NONBLOCK },
		{ O_CLOEXEC | O_NONBLOCK, FD_CLOEXEC, O_NONBLOCK },
	};
	uint32_t bit;
	size_t i;

	start();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		int w = watch(phys, fd, cases[i].flags);

		igt_assert_eq(fcntl(w, F_GETFD), cases[i].fd);
		igt_assert_eq(fcntl(w, F_GETFL) & O_NONBLOCK, cases[i].status);
		igt_assert_eq(fcntl(w, F_GETFL) & O_ACCMODE, O_RDONLY);
		igt_assert_eq((int)write(w, &event, sizeof(event)), -1);
		igt_assert_eq(errno, EBADF);
		igt_assert_eq(ioctl(w, DMA_BUF_PHYS_IOC_QUERY, &event), -1);
		igt_assert_eq(errno, ENOTTY);
		close(w);
	}
	for (bit = 1; bit; bit <<= 1)
		if (!(bit & (O_CLOEXEC | O_NONBLOCK)))
			igt_assert_eq(__watch(phys, fd, bit | O_CLOEXEC),
				      -EINVAL);
}

struct reader {
	pthread_t thread;
	pid_t tid;
	int from;
	int ret, err;
	struct dma_buf_phys_watch_event event;
	bool done;
};

static void *read_once(void *arg)
{
	struct reader *reader = arg;

	__atomic_store_n(&reader->tid, gettid(), __ATOMIC_RELEASE);
	reader->ret = (int)read(reader->from, &reader->event,
				sizeof(reader->event));
	reader->err = errno;
	__atomic_store_n(&reader->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The thread is in read() and sleeps: a signal before that would be lost */
static void wait_asleep(struct reader *reader)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char path[32], call[256], state;

	snprintf(path, sizeof(path), "/proc/%d/syscall", reader->tid);
	for (;;) {
		igt_assert(!__atomic_load_n(&reader->done, __ATOMIC_ACQUIRE));
		state = task_state(reader->tid);
		igt_assert_eq(__sysfs_read(path, call, sizeof(call)), 0);
		/* "running", or the number of the call */
		if (state == 'S' && atoi(call) == SYS_read && *call != 'r')
			return;
		igt_assert_f(now_ms() < deadline,
			     "the reader does not sleep in read(): state %c, system call %s\n",
			     state, call);
		usleep(1000);
	}
}

/* A watch that waits, and a thread that does */
static void start_reader(struct reader *reader)
{
	start();
	*reader = (struct reader) { .from = watch(phys, fd, O_CLOEXEC) };
	igt_assert(!pthread_create(&reader->thread, NULL, read_once, reader));
	while (!__atomic_load_n(&reader->tid, __ATOMIC_ACQUIRE))
		usleep(1000);
	wait_asleep(reader);
}

static void finish_reader(struct reader *reader, int ret)
{
	igt_assert(!pthread_join(reader->thread, NULL));
	igt_assert_eq(reader->ret, ret);
}

/**
 * SUBTEST: blocking
 * Description: A reader sleeps until something happens, using no CPU; poll and
 *	epoll wake up as well
 */
static void blocking(void)
{
	struct epoll_event ready, want = { .events = EPOLLIN | EPOLLET };
	struct reader reader;
	int ep;

	start_reader(&reader);
	vfio_memory_enable(&shm, false);
	finish_reader(&reader, sizeof(event));
	igt_assert_eq_u64(reader.event.nr_revokes, 1);
	/* It read with the lock that the revoke held: access is gone by then */
	igt_assert_eq_u32(reader.event.state, REVOKED);
	close(reader.from);

	start_reader(&reader);
	vfio_close(&shm);
	finish_reader(&reader, sizeof(event));
	igt_assert_eq_u32(reader.event.state, DEAD);
	expect_end(reader.from);
	close(reader.from);

	start();
	ep = epoll_create1(EPOLL_CLOEXEC);
	igt_assert_fd(ep);
	igt_assert_eq(epoll_ctl(ep, EPOLL_CTL_ADD, watcher, &want), 0);
	vfio_memory_enable(&shm, false);
	igt_assert_eq(epoll_wait(ep, &ready, 1, PATIENCE_MS), 1);
	igt_assert_eq_u32(ready.events, EPOLLIN);
	igt_assert_eq(epoll_wait(ep, &ready, 1, 0), 0);
	vfio_memory_enable(&shm, true);
	igt_assert_eq(epoll_wait(ep, &ready, 1, PATIENCE_MS), 1);
	expect_event(watcher, 1, 1, 0, LIVE);
	close(ep);
}

static volatile sig_atomic_t signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

/**
 * SUBTEST: signal
 * Description: A signal interrupts the sleep with EINTR, and no event is lost
 */
static void interrupted(void)
{
	struct sigaction old, action = { .sa_handler = on_signal };
	struct reader reader;

	igt_assert_eq(sigaction(SIGUSR1, &action, &old), 0);
	start_reader(&reader);
	igt_assert_eq(pthread_kill(reader.thread, SIGUSR1), 0);
	finish_reader(&reader, -1);
	igt_assert_eq(reader.err, EINTR);
	igt_assert_eq(watch_poll(reader.from, 0), 0);
	vfio_memory_enable(&shm, false);
	expect_event(reader.from, 1, 0, 0, REVOKED);
	close(reader.from);

	/* One that restarts system calls is not noticed */
	action.sa_flags = SA_RESTART;
	igt_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	start_reader(&reader);
	signals = 0;
	igt_assert_eq(pthread_kill(reader.thread, SIGUSR1), 0);
	while (!signals)
		usleep(1000);
	wait_asleep(&reader);
	vfio_memory_enable(&shm, false);
	finish_reader(&reader, sizeof(event));
	igt_assert_eq_u64(reader.event.nr_revokes, 1);
	close(reader.from);
	igt_assert_eq(sigaction(SIGUSR1, &old, NULL), 0);
}

/**
 * SUBTEST: keeps
 * Description: A watch keeps the dma-buf after its fd is closed, as an fd does, and
 *	releases it on its own close
 */
static void keeps(void)
{
	unsigned int before;

	start();
	close_fd(&watcher);
	close_fd(&fd);
	before = dmabuf_count();
	start();
	dmabuf_expect_count(before + 1);
	close_fd(&fd);
	usleep(50000);
	dmabuf_expect_count(before + 1);
	toggle(2);
	expect_event(watcher, 2, 2, 0, LIVE);
	close_fd(&watcher);
	dmabuf_expect_count(before);
}

/**
 * SUBTEST: end
 * Description: The exporter is closed, live and revoked: one last event, then
 *	POLLHUP and the end; a dead dma-buf cannot be watched
 */
static void end(void)
{
	start();
	vfio_close(&shm);
	expect_event(watcher, 1, 0, 0, DEAD);
	expect_end(watcher);
	igt_assert_eq(__watch(phys, fd, 0), -ENODEV);

	start();
	vfio_memory_enable(&shm, false);
	expect_event(watcher, 1, 0, 0, REVOKED);
	vfio_close(&shm);
	expect_event(watcher, 1, 0, 0, DEAD);
	expect_end(watcher);

	/* Nobody has read what came before */
	start();
	toggle(2);
	vfio_close(&shm);
	expect_event(watcher, 3, 2, 0, DEAD);
	expect_end(watcher);
}

static const struct subtest tests[] = {
	{ "counts", counts },
	{ "moves", moves },
	{ "times", times },
	{ "late", late },
	{ "two", two },
	{ "sizes", sizes },
	{ "flags", flags },
	{ "blocking", blocking },
	{ "signal", interrupted },
	{ "keeps", keeps },
	{ "end", end },
};

int igt_main()
{
	igt_fixture() {
		phys = query_open();
		iommufd = iommufd_open();
	}

	subtests(tests, NULL, NULL);

	igt_fixture() {
		close_fd(&watcher);
		close_fd(&fd);
		close_fd(&movable);
		vfio_close(&shm);
		close(phys);
		close(iommufd);
	}

	/**
	 * SUBTEST: end-raced
	 * Description: The exporter goes under a reader that never sleeps, and under one
	 *	that polls: the last event comes before the end, every time
	 *
	 * SUBTEST: storm
	 * Description: 300 revokes and restores, and 600 moves, against a reader that
	 *	sleeps: every event agrees with itself and with the one before, and the sums
	 *	are exact
	 */
	watch_storm_subtests();
}
