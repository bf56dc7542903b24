// SPDX-License-Identifier: MIT
/*
 * The test module that exports buffers and moves them between system memory and
 * a BAR, and a thread that keeps it busy
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "igt_core.h"
#include "machine.h"
#include "module.h"
#include "movable.h"
#include "pci.h"
#include "sysfs.h"
#include "vfio.h"

#define NAME "dma-buf-movable"
#define NODE "/dev/" NAME
#define BAR 2

static int do_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

void movable_bind(void)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	module_load(NAME);
	pci_bind(pci_env("DMABUF_EXPORTER"), NAME);
	while (access(NODE, F_OK)) {
		igt_assert_f(now_ms() < deadline,
			     "no " NODE " although the driver is bound\n");
		usleep(10000);
	}
}

int movable_open(void)
{
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

	require_there(fd < 0 ? -errno : 0, "no " NODE ": %s\n", strerror(errno));
	igt_assert_f(fd >= 0, "cannot open " NODE ": %s\n", strerror(errno));
	return fd;
}

int __movable_create(int movable, uint64_t size)
{
	struct dma_buf_movable_create create = { .size = size };

	return do_ioctl(movable, DMA_BUF_MOVABLE_CREATE, &create);
}

int movable_create(int movable, uint64_t size)
{
	int fd = __movable_create(movable, size);

	igt_assert_f(fd >= 0,
		     "cannot make a movable buffer of 0x%" PRIx64 " bytes: %s\n",
		     size, strerror(-fd));
	return fd;
}

int __movable_move(int movable, uint32_t placements, uint32_t count,
		   uint32_t flags)
{
	struct dma_buf_movable_move move = {
		.placements = placements,
		.count = count,
		.flags = flags,
	};
	int ret = do_ioctl(movable, DMA_BUF_MOVABLE_MOVE, &move);

	return ret ? ret : (int)move.done;
}

void movable_move(int movable, uint32_t placements, uint32_t count,
		  uint32_t flags)
{
	int ret = __movable_move(movable, placements, count, flags);

	igt_assert_f(ret >= 0, "cannot move the buffer: %s\n", strerror(-ret));
	igt_assert_eq(ret, (int)count);
	wait_restored();
}

void movable_release(int movable)
{
	uint8_t byte;

	movable_read(movable, 0, &byte, 1);
}

void movable_info(int movable, struct dma_buf_movable_info *info)
{
	int ret = do_ioctl(movable, DMA_BUF_MOVABLE_INFO, info);

	igt_assert_f(!ret, "DMA_BUF_MOVABLE_INFO: %s\n", strerror(-ret));
}

void movable_read(int movable, uint64_t at, void *data, size_t length)
{
	ssize_t ret = pread(movable, data, length, (off_t)at);

	igt_assert_f(ret == (ssize_t)length,
		     "reading 0x%zx bytes at 0x%" PRIx64 " of the buffer: %s\n",
		     length, at, ret < 0 ? strerror(errno) : "too few");
}

void movable_write(int movable, uint64_t at, const void *data, size_t length)
{
	ssize_t ret = pwrite(movable, data, length, (off_t)at);

	igt_assert_f(ret == (ssize_t)length,
		     "writing 0x%zx bytes at 0x%" PRIx64 " of the buffer: %s\n",
		     length, at, ret < 0 ? strerror(errno) : "too few");
}

void movable_bar(uint64_t *start, uint64_t *length)
{
	const char *addr = pci_env("DMABUF_EXPORTER");

	*start = pci_bar(addr, BAR, length);
	igt_assert_f(*start && *length > 1, "%s has no BAR%d\n", addr, BAR);
}

static void *move_thread(void *arg)
{
	struct mover *mover = arg;
	uint32_t flags = 0;
	unsigned int seed = 1;

	while (!__atomic_load_n(&mover->stop, __ATOMIC_ACQUIRE)) {
		bool after_slow = flags & DMA_BUF_MOVABLE_SLOW;
		uint64_t start;
		int ret;

		/* So that the moves meet every phase of a transfer */
		usleep(500 + (useconds_t)rand_r(&seed) % 6000);
		if (mover->done >=
		    __atomic_load_n(&mover->allowed, __ATOMIC_ACQUIRE))
			continue;
		flags = (mover->done + 1) % mover->slow_every ?
				0 : DMA_BUF_MOVABLE_SLOW;
		start = now_ms();
		__atomic_add_fetch(&mover->begun, 1, __ATOMIC_ACQ_REL);
		ret = __movable_move(mover->movable, MOVABLE_ANYWHERE, 1,
				     flags);
		if (ret != 1) {
			__atomic_store_n(&mover->error, ret ? ret : -EINTR,
					 __ATOMIC_RELEASE);
			break;
		}
		if (!after_slow && now_ms() - start >= MOVER_WAITED_MS)
			mover->waited++;
		__atomic_add_fetch(&mover->done, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

void mover_start(struct mover *mover, int movable, unsigned int slow_every)
{
	*mover = (struct mover) {
		.movable = movable,
		.slow_every = slow_every,
	};
	igt_assert(!pthread_create(&mover->thread, NULL, move_thread, mover));
	mover->running = true;
}

void mover_stop(struct mover *mover)
{
	if (!mover->running)
		return;
	__atomic_store_n(&mover->stop, true, __ATOMIC_RELEASE);
	igt_assert(!pthread_join(mover->thread, NULL));
	mover->running = false;
}

void mover_allow(struct mover *mover, unsigned int moves)
{
	__atomic_add_fetch(&mover->allowed, moves, __ATOMIC_RELEASE);
}

void mover_wait(struct mover *mover)
{
	uint64_t deadline = now_ms() + 120000;
	unsigned int done;
	int error;

	while ((done = __atomic_load_n(&mover->done, __ATOMIC_ACQUIRE)) <
	       mover->allowed) {
		error = __atomic_load_n(&mover->error, __ATOMIC_ACQUIRE);
		igt_assert_f(!error, "move %u: %s\n", done, strerror(-error));
		igt_abort_on_f(now_ms() > deadline,
			       "move %u is stuck in the kernel\n", done);
		usleep(2000);
	}
}

unsigned int mover_begun(const struct mover *mover)
{
	return __atomic_load_n(&mover->begun, __ATOMIC_ACQUIRE);
}
