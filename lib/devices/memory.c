// SPDX-License-Identifier: MIT
/*
 * dma-bufs and files made of ordinary memory
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "uapi.h"

#define BUFINFO "/sys/kernel/debug/dma_buf/bufinfo"

int __heap_dmabuf(uint64_t length)
{
	struct dma_heap_allocation_data data = {
		.len = length,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int heap = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC), ret;

	if (heap < 0)
		return -errno;
	ret = ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data) < 0 ? -errno :
							     (int)data.fd;
	close(heap);
	return ret;
}

int __sealed_memfd(uint64_t length)
{
	int fd = memfd_create("dmabuf-phys", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret;

	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, (off_t)length) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
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

int __dmabuf_count(void)
{
	FILE *file = fopen(BUFINFO, "re");
	int count, ret = -ENODATA;
	char line[512];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Total %d objects", &count) == 1)
			ret = count;
	fclose(file);
	return ret;
}
