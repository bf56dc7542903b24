// SPDX-License-Identifier: MIT
/*
 * Exports of what the host shall not touch, and its ways to a BAR
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_access.h"
#include "igt_core.h"

int __export_ranges(struct vfio_device *dev, uint32_t flags, unsigned int bar,
		    const struct vfio_region_dma_range *ranges, size_t nr)
{
	struct vfio_device_feature_dma_buf head = {
		.region_index = bar,
		.open_flags = O_RDWR | O_CLOEXEC,
		.flags = flags,
		.nr_ranges = (uint32_t)nr,
	};

	return __vfio_dmabuf_raw(dev, &head, ranges, nr);
}

int __export_one(struct vfio_device *dev, uint32_t flags, uint64_t offset,
		 uint64_t length)
{
	struct vfio_region_dma_range range = { offset, length };

	return __export_ranges(dev, flags, SHM_BAR, &range, 1);
}

int export_one(struct vfio_device *dev, uint32_t flags, uint64_t offset,
	       uint64_t length)
{
	int fd = __export_one(dev, flags, offset, length);

	igt_assert_f(fd >= 0,
		     "%s: cannot export 0x%" PRIx64 "+0x%" PRIx64
		     " with flags %u: %s\n",
		     dev->addr, offset, length, flags, strerror(-fd));
	return fd;
}

int try_export(struct vfio_device *dev, uint32_t flags, uint64_t offset,
	       uint64_t length)
{
	int fd = __export_one(dev, flags, offset, length);

	return fd < 0 ? fd : close(fd);
}

uint8_t *host_map(struct vfio_device *dev, uint64_t offset, uint64_t length)
{
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED,
			 dev->fd, (off_t)(dev->region[SHM_BAR].offset + offset));

	return map == MAP_FAILED ? NULL : map;
}

int try_map(struct vfio_device *dev, uint64_t offset, uint64_t length)
{
	uint8_t *map = host_map(dev, offset, length);

	if (!map)
		return -errno;
	/* The first and the last page can be touched */
	((volatile uint8_t *)map)[0] = 0x5a;
	((volatile uint8_t *)map)[length - 1] = 0x5a;
	return munmap(map, length);
}

int try_rw(struct vfio_device *dev, uint64_t offset, size_t length)
{
	off_t at = (off_t)(dev->region[SHM_BAR].offset + offset);
	uint8_t data[64];
	int in, out;

	igt_assert(length <= sizeof(data));
	in = pread(dev->fd, data, length, at) < 0 ? -errno : 0;
	if (in)
		memset(data, 0, sizeof(data));
	out = pwrite(dev->fd, data, length, at) < 0 ? -errno : 0;
	igt_assert_eq(in, out);
	return in;
}

int __ioeventfd(struct vfio_device *dev, uint64_t offset, int fd)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = dev->region[SHM_BAR].offset + offset,
		.data = 0x600df00d,
		.fd = fd,
	};

	return ioctl(dev->fd, VFIO_DEVICE_IOEVENTFD, &arg) < 0 ? -errno : 0;
}

static int try_ioeventfd(struct vfio_device *dev, uint64_t offset)
{
	int fd = eventfd(0, EFD_CLOEXEC), ret;

	igt_assert_fd(fd);
	ret = __ioeventfd(dev, offset, fd);
	if (!ret)
		igt_assert_eq(__ioeventfd(dev, offset, -1), 0);
	close(fd);
	return ret;
}

void expect_open(struct vfio_device *dev, uint64_t offset)
{
	igt_assert_eq(try_map(dev, offset, PAGE), 0);
	igt_assert_eq(try_rw(dev, offset, 64), 0);
	igt_assert_eq(try_rw(dev, offset + PAGE - 8, 8), 0);
	igt_assert_eq(try_ioeventfd(dev, offset + PAGE - 4), 0);
}

void expect_closed(struct vfio_device *dev, uint64_t offset)
{
	igt_assert_eq(try_map(dev, offset, PAGE), -EBUSY);
	igt_assert_eq(try_rw(dev, offset, 64), -EBUSY);
	igt_assert_eq(try_rw(dev, offset + PAGE - 8, 8), -EBUSY);
	igt_assert_eq(try_rw(dev, offset + 3, 1), -EBUSY);
	igt_assert_eq(try_rw(dev, offset + 2, 2), -EBUSY);
	igt_assert_eq(try_ioeventfd(dev, offset + PAGE - 4), -EBUSY);
}
