// SPDX-License-Identifier: MIT
/*
 * Readers racing with the events they read. Part of dmabuf_phys_watch, where the
 * comments of its subtests are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "ranges.h"
#include "scene.h"
#include "subtests.h"
#include "vfio.h"

#define LIVE DMA_BUF_PHYS_QUERY_LIVE
#define DEAD DMA_BUF_PHYS_QUERY_DEAD

static int phys = -1;

/* What a thread that reads to the end has seen */
static struct {
	int from;
	uint64_t reads;
	struct dma_buf_phys_watch_event last;
	const char *wrong;
} seen;

/* An event may not contradict itself, nor the one before it */
static const char *check_event(const struct dma_buf_phys_watch_event *last,
			       const struct dma_buf_phys_watch_event *now)
{
	if (now->time < last->time)
		return "time went back";
	if (now->nr_revokes < last->nr_revokes ||
	    now->nr_restores < last->nr_restores ||
	    now->nr_moves < last->nr_moves)
		return "a count went back";
	if (now->generation <= last->generation)
		return "told twice";
	if (now->generation !=
	    now->nr_revokes + now->nr_restores + now->nr_moves)
		return "generation and counts differ";
	if (now->nr_revokes - now->nr_restores != (now->state != LIVE))
		return "state and counts differ";
	return NULL;
}

static void *read_to_end(void *unused)
{
	struct dma_buf_phys_watch_event now;
	int ret;

	while ((ret = __watch_read(seen.from, &now)) != 0) {
		if (ret == -EAGAIN)
			continue;
		if (ret < 0) {
			seen.wrong = "read failed";
			break;
		}
		if (!seen.wrong)
			seen.wrong = check_event(&seen.last, &now);
		seen.last = now;
		seen.reads++;
	}
	if (!seen.wrong && seen.last.state != DEAD)
		seen.wrong = "the end came before the last event";
	return unused;
}

/* poll() may say that it is dead, but not that this is all */
static void *poll_to_end(void *unused)
{
	struct pollfd pfd = { .fd = seen.from, .events = POLLIN };

	while (poll(&pfd, 1, 0) >= 0 && !(pfd.revents & POLLHUP))
		;
	if (!(pfd.revents & POLLIN))
		seen.wrong = "POLLHUP without POLLIN before the last event";
	return unused;
}

static void end_raced(void *(*thread_fn)(void *), unsigned int rounds)
{
	unsigned int i;

	movable_bind();
	for (i = 0; i < rounds; i++) {
		int exporter = movable_open();
		int fd = movable_create(exporter, 2 * PAGE);
		pthread_t thread;

		memset(&seen, 0, sizeof(seen));
		seen.from = watch(phys, fd, O_NONBLOCK);
		igt_assert(!pthread_create(&thread, NULL, thread_fn, NULL));
		usleep(i % 16 * 50);
		close(exporter);
		igt_assert(!pthread_join(thread, NULL));
		close(seen.from);
		close(fd);
		igt_assert_f(!seen.wrong, "round %u: %s\n", i, seen.wrong);
	}
}

/* A thread reads to the end; the result is what a watch says that was never read */
static void storm(int fd, void (*go)(void), uint64_t toggles, uint64_t moves)
{
	struct dma_buf_phys_watch_event event;
	int unread = watch(phys, fd, O_CLOEXEC);
	pthread_t thread;

	memset(&seen, 0, sizeof(seen));
	seen.from = watch(phys, fd, O_CLOEXEC);
	igt_assert(!pthread_create(&thread, NULL, read_to_end, NULL));
	go();
	igt_assert(!pthread_join(thread, NULL));
	igt_info("%" PRIu64 " reads\n", seen.reads);
	igt_assert_f(!seen.wrong, "%s after %" PRIu64 " reads\n", seen.wrong,
		     seen.reads);
	/* The end is a revoke, too */
	igt_assert_eq_u64(seen.last.nr_revokes, toggles + 1);
	igt_assert_eq_u64(seen.last.nr_restores, toggles);
	igt_assert_eq_u64(seen.last.nr_moves, moves);
	igt_assert_lte_u64(2, seen.reads);
	watch_read(unread, &event);
	igt_assert(!memcmp(&event, &seen.last, sizeof(event)));
	close(unread);
	close(seen.from);
	close(fd);
}

#define TOGGLES 300u
#define MOVES 600u

static struct vfio_device shm = { .fd = -1 };
static int movable = -1;

static void toggle(void)
{
	unsigned int i;

	for (i = 0; i < TOGGLES; i++) {
		vfio_memory_enable(&shm, false);
		vfio_memory_enable(&shm, true);
	}
	vfio_close(&shm);
}

static void move(void)
{
	movable_move(movable, MOVABLE_ANYWHERE, MOVES, 0);
	close(movable);
}

static void storms(void)
{
	int iommufd = iommufd_open(), fd;

	vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	fd = vfio_dmabuf_one(&shm, SHM_BAR, 0, MiB(1));
	storm(fd, toggle, TOGGLES, 0);
	close(iommufd);
	movable_bind();
	movable = movable_open();
	fd = movable_create(movable, 2 * PAGE);
	storm(fd, move, 0, MOVES);
}

void watch_storm_subtests(void)
{
	igt_fixture()
		phys = query_open();

	igt_subtest_with_dynamic("end-raced") {
		igt_dynamic("read")
			end_raced(read_to_end, 60);
		igt_dynamic("poll")
			end_raced(poll_to_end, 60);
	}

	igt_subtest("storm")
		storms();

	igt_fixture()
		close(phys);
}
