// SPDX-License-Identifier: MIT
/*
 * dma-bufs and files made of ordinary memory
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/uapi.h"
#include "igt_core.h"
#include "memory.h"
#include "sysfs.h"

#define BUFINFO "/sys/kernel/debug/dma_buf/bufinfo"

int heap_dmabuf(uint64_t length)
{
	struct dma_heap_allocation_data data = {
		.len = length,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	igt_assert_f(heap >= 0, "cannot open /dev/dma_heap/system: %s\n",
		     strerror(errno));
	igt_assert_f(!ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data),
		     "cannot allocate from the system heap: %s\n",
		     strerror(errno));
	close(heap);
	return (int)data.fd;
}

int sealed_memfd(uint64_t length)
{
	int fd = memfd_create("dmabuf-phys", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	igt_assert_fd(fd);
	igt_assert_eq(ftruncate(fd, (off_t)length), 0);
	igt_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	return fd;
}

int __udmabuf(int memfd, uint64_t offset, uint64_t length)
{
	struct udmabuf_create create = {
		.memfd = (uint32_t)memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.offset = offset,
		.size = length,
	};
	int dev, ret;

	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	ret = ioctl(dev, UDMABUF_CREATE, &create);
	if (ret < 0)
		ret = -errno;
	close(dev);
	return ret;
}

unsigned int dmabuf_count(void)
{
	FILE *file = fopen(BUFINFO, "re");
	unsigned int count;
	char line[512];
	bool found = false;

	igt_assert_f(file, "cannot open " BUFINFO ": %s\n", strerror(errno));
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Total %u objects", &count) == 1)
			found = true;
	fclose(file);
	igt_assert_f(found, BUFINFO " does not say how many there are\n");
	return count;
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
