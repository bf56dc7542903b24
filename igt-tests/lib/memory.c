// SPDX-License-Identifier: MIT
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "igt_core.h"
#include "machine.h"
#include "memory.h"
#include "sysfs.h"

int heap_dmabuf(uint64_t length)
{
	int fd = __heap_dmabuf(length);

	require_there(fd, "no /dev/dma_heap/system: %s\n", strerror(-fd));
	igt_assert_f(fd >= 0, "cannot allocate from /dev/dma_heap/system: %s\n",
		     strerror(-fd));
	return fd;
}

int sealed_memfd(uint64_t length)
{
	int fd = __sealed_memfd(length);

	igt_assert_f(fd >= 0, "cannot make a memfd: %s\n", strerror(-fd));
	return fd;
}

unsigned int dmabuf_count(void)
{
	int count = __dmabuf_count();

	require_there(count, "no debugfs that counts dma-bufs: %s. Mount it, as root\n",
		      strerror(-count));
	igt_assert_f(count >= 0,
		     "debugfs does not say how many dma-bufs there are: %s\n",
		     strerror(-count));
	return (unsigned int)count;
}

void dmabuf_expect_count(unsigned int count)
{
	uint64_t deadline = now_ms() + 5000;
	unsigned int is;

	while ((is = dmabuf_count()) != count) {
		igt_assert_f(now_ms() < deadline, "%u dma-bufs instead of %u\n",
			     is, count);
		usleep(10000);
	}
}

void dmabuf_sync_access(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	igt_assert_eq(ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync), 0);
}
