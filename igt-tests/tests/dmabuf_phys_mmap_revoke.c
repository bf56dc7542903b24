// SPDX-License-Identifier: MIT
/*
 * A mapping while access is revoked and restored, and while the bytes move: SIGBUS
 * or the right bytes, nothing else. Part of dmabuf_phys_mmap, where the comments of
 * its subtests are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu_access.h"
#include "igt_core.h"
#include "mmap_scene.h"
#include "movable.h"
#include "pci.h"
#include "query.h"
#include "scene.h"
#include "subtests.h"

#define LENGTH MiB(1)
#define NR_STORM 150u

/* The first bytes of ivshmem's BAR, also at @bar */
static void with_bar(void)
{
	with_one(0, LENGTH);
}

static uint8_t *map(uint64_t length)
{
	return cpu_map(dmabuf, NULL, length, 0);
}

static void revoke_by(struct vfio_device *dev, int (*off)(struct vfio_device *),
		      int (*on)(struct vfio_device *))
{
	uint8_t *mapped = map(LENGTH), *real, *late;
	int i;

	real = vfio_map_bar(dev, SHM_BAR);
	for (i = 0; i < 3; i++) {
		cpu_both_ways(mapped, real);
		cpu_both_ways(mapped + LENGTH - 8, real + LENGTH - 8);
		cpu_store(mapped + PAGE, 0x600d + i);
		igt_assert_eq(off(dev), 0);
		igt_assert(!cpu_reachable(mapped));
		igt_assert(!cpu_reachable(mapped + PAGE));
		/* Never touched before */
		igt_assert(!cpu_reachable(mapped + (9 + i) * PAGE + 5));
		igt_assert(!cpu_reachable(mapped + LENGTH - 1));
		late = map(LENGTH);
		igt_assert(!cpu_reachable(late));
		igt_assert_eq(on(dev), 0);
		cpu_both_ways(late, real);
		munmap(late, LENGTH);
		igt_assert_eq_u64(cpu_load(mapped + PAGE), 0x600d + i);
	}
	munmap(mapped, LENGTH);
}

static int memory_off(struct vfio_device *dev)
{
	return __vfio_memory_enable(dev, false);
}

static int memory_on(struct vfio_device *dev)
{
	return __vfio_memory_enable(dev, true);
}

static int d3(struct vfio_device *dev)
{
	return __vfio_set_power(dev, 3);
}

static int d0(struct vfio_device *dev)
{
	return __vfio_set_power(dev, 0);
}

static void revoked(void)
{
	with_bar();
	revoke_by(&shm, memory_off, memory_on);
	close_fd(&dmabuf);
	dmabuf = vfio_dmabuf_one(&nvme1, SHM_BAR, 0, LENGTH);
	revoke_by(&nvme1, memory_off, memory_on);
	/* The BAR answers in D3hot: only the revoke keeps the CPU away */
	revoke_by(&nvme1, d3, d0);
}

static void closed(void)
{
	uint8_t *mapped, *late;

	with_bar();
	guard_fill(bar, 0, LENGTH);
	mapped = map(LENGTH);
	igt_assert(cpu_load(mapped) == guard_word(0));
	vfio_close(&shm);
	igt_assert(!cpu_reachable(mapped));
	vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	bar = vfio_map_bar(&shm, SHM_BAR);
	late = map(LENGTH);
	igt_assert(!cpu_reachable(late));
	munmap(late, LENGTH);
	guard_check(bar, 0, LENGTH);
	munmap(mapped, LENGTH);
}

static void moves(void)
{
	uint64_t expected[4096], is[4096], i, waited = 0;
	const uint64_t size = sizeof(is);
	uint32_t round;
	struct dma_buf_movable_info info;
	uint8_t *mapped;

	with_movable(size);
	mapped = map(size);
	for (i = 0; i < size; i += 8) {
		expected[i / 8] = guard_word(i);
		cpu_store(mapped + i, expected[i / 8]);
	}
	for (round = 0; round < 16; round++) {
		const uint32_t from = round / 4, to = round % 4;

		movable_move(movable, MOVABLE_TO(from), 1, 0);
		igt_assert(cpu_load(mapped) == expected[0]);
		movable_move(movable, MOVABLE_TO(to), 1,
			     round % 5 ? 0 : DMA_BUF_MOVABLE_SLOW);
		movable_info(movable, &info);
		waited += info.copying;
		for (i = 0; i < size; i += 8)
			igt_assert_eq_u64(cpu_load(mapped + i), expected[i / 8]);
		movable_info(movable, &info);
		igt_assert_eq_u32(info.copying, 0);
		for (i = 0; i < size; i += 8) {
			expected[i / 8] = guard_word(i) * (round + 3);
			cpu_store(mapped + i, expected[i / 8]);
		}
		movable_read(movable, 0, is, size);
		igt_assert(!memcmp(is, expected, size));
	}
	igt_assert_neq_u64(waited, 0);
	close_fd(&movable);
	igt_assert(!cpu_reachable(mapped));
	munmap(mapped, size);
}

static void into_itself(void)
{
	struct dma_buf_phys_query q = { .nr_groups = 2 };
	struct dma_buf_phys_group_info *groups;
	struct dma_buf_phys_watch_event event;
	int phys = query_open(), watcher;
	uint8_t *mapped;

	with_bar();
	watcher = watch(phys, dmabuf, O_NONBLOCK);
	mapped = map(LENGTH);
	groups = (struct dma_buf_phys_group_info *)mapped;
	igt_assert_eq(__query(phys, dmabuf, &q, groups), 0);
	igt_assert_eq_u64(cpu_load(bar + 8), LENGTH);
	vfio_memory_enable(&shm, false);
	q.nr_groups = 2;
	igt_assert_eq(__query(phys, dmabuf, &q, groups), -EFAULT);
	igt_assert_eq((int)read(watcher, mapped, sizeof(event)), -1);
	igt_assert_eq(errno, EFAULT);
	vfio_memory_enable(&shm, true);
	igt_assert_eq((int)read(watcher, mapped + 64, sizeof(event)),
		      (int)sizeof(event));
	memcpy(&event, mapped + 64, sizeof(event));
	igt_assert_eq_u64(event.nr_restores, 1);
	munmap(mapped, LENGTH);
	close(watcher);
	close(phys);
}

static int to_child[2], from_child[2];

/* Says whether it got at the words, each time it is asked; it may not assert */
static int child(uint8_t *mapped)
{
	uint64_t word = 0;
	char c;

	close(to_child[1]);
	while (read(to_child[0], &c, 1) == 1) {
		c = !__cpu_load(mapped, &word) && word == 0xc0ffee &&
		    !__cpu_store(mapped + 8, 0xdecaf);
		if (write(from_child[1], &c, 1) != 1)
			return 1;
	}
	return 0;
}

static bool child_reaches(void)
{
	char c = 0;

	igt_assert_eq((int)write(to_child[1], &c, 1), 1);
	igt_assert_eq((int)read(from_child[0], &c, 1), 1);
	return c;
}

static void forked(void)
{
	int status = -1, i;
	uint8_t *mapped;
	pid_t pid;

	with_bar();
	mapped = map(LENGTH);
	cpu_store(mapped, 0xc0ffee);
	igt_assert(!pipe(to_child) && !pipe(from_child));
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid)
		_exit(child(mapped));
	for (i = 0; i < 3; i++) {
		cpu_store(mapped + 8, 0);
		igt_assert(child_reaches());
		igt_assert_eq_u64(cpu_load(mapped + 8), 0xdecaf);
		vfio_memory_enable(&shm, false);
		igt_assert(!child_reaches());
		igt_assert(!cpu_reachable(mapped));
		vfio_memory_enable(&shm, true);
	}
	munmap(mapped, LENGTH);
	close_fd(&dmabuf);
	igt_assert(child_reaches());
	vfio_memory_enable(&shm, false);
	igt_assert(!child_reaches());
	vfio_memory_enable(&shm, true);
	close(to_child[1]);
	igt_assert(waitpid(pid, &status, 0) == pid && !status);
	close(to_child[0]);
	close(from_child[0]);
	close(from_child[1]);
}

/* Each thread has a word in every page of the buffer */
struct toucher {
	pthread_t thread;
	unsigned int nr;
	uint64_t loads, faults;
	const char *wrong;
};

static uint64_t storm_size;
static bool storm_over;

static void touch_once(struct toucher *t, uint8_t *at, uint64_t *expected,
		       uint64_t fresh)
{
	uint64_t word = 0;

	if (__cpu_load(at, &word))
		t->faults++;
	else if (word != *expected)
		t->wrong = "a word that was stored is not there";
	else
		t->loads++;
	if (__cpu_store(at, fresh))
		t->faults++;
	else
		*expected = fresh;
}

static void *touch_thread(void *arg)
{
	struct toucher *t = arg;
	uint64_t expected[64] = { 0 }, round, page;
	uint8_t *mapped = NULL;

	for (round = 0; !t->wrong &&
	     !__atomic_load_n(&storm_over, __ATOMIC_ACQUIRE); round++) {
		if (round % 1000 == 0) {
			if (mapped)
				munmap(mapped, storm_size);
			mapped = __cpu_map(dmabuf, NULL, storm_size, 0);
		}
		page = round * 7 % (storm_size / PAGE);
		if (mapped)
			touch_once(t, mapped + page * PAGE + t->nr * 64,
				   &expected[page], round + 1);
		else
			t->wrong = "mmap failed";
	}
	return NULL;
}

/* A child that has the mappings, and goes at once */
static void fork_once(void)
{
	int status = -1;
	pid_t pid = fork();

	igt_assert(pid >= 0);
	if (!pid)
		_exit(0);
	igt_assert(waitpid(pid, &status, 0) == pid && !status);
}

static void storm(void (*once)(void))
{
	struct toucher touchers[3] = { 0 };
	unsigned int i;

	storm_over = false;
	for (i = 0; i < 3; i++) {
		touchers[i].nr = i;
		igt_assert(!pthread_create(&touchers[i].thread, NULL,
					   touch_thread, &touchers[i]));
	}
	for (i = 0; i < NR_STORM; i++) {
		once();
		usleep(300);
		if (i % 20 == 0)
			fork_once();
	}
	__atomic_store_n(&storm_over, true, __ATOMIC_RELEASE);
	for (i = 0; i < 3; i++) {
		igt_assert(!pthread_join(touchers[i].thread, NULL));
		igt_info("%" PRIu64 " loads, %" PRIu64 " times SIGBUS\n",
			 touchers[i].loads, touchers[i].faults);
		igt_assert_f(!touchers[i].wrong, "%s\n", touchers[i].wrong);
		igt_assert_neq_u64(touchers[i].loads, 0);
	}
}

static void toggle_once(void)
{
	vfio_memory_enable(&shm, false);
	vfio_memory_enable(&shm, true);
}

static void move_once(void)
{
	movable_move(movable, MOVABLE_ANYWHERE, 1, 0);
}

static void revoke_storm(void)
{
	with_bar();
	storm_size = 64 * PAGE;
	memset(bar, 0, storm_size);
	storm(toggle_once);
}

static void move_storm(void)
{
	storm_size = 16 * PAGE;
	with_movable(storm_size);
	storm(move_once);
}

static const struct subtest tests[] = {
	{ "revoke", revoked },
	{ "closed", closed },
	{ "moves", moves },
	{ "into-itself", into_itself },
	{ "fork", forked },
	{ "storm", revoke_storm },
	{ "move-storm", move_storm },
};

void mmap_revoke_subtests(void)
{
	subtests(tests, begin, NULL);
}
