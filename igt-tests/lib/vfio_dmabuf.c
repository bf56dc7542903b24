// SPDX-License-Identifier: MIT
/*
 * Exporting BARs as dma-bufs
 */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "igt_core.h"
#include "ranges.h"
#include "vfio.h"

int __vfio_dmabuf_raw(struct vfio_device *dev,
		      const struct vfio_device_feature_dma_buf *head,
		      const struct vfio_region_dma_range *ranges, size_t nr)
{
	struct vfio_device_feature_dma_buf *dmabuf;
	struct vfio_device_feature *feature;
	size_t size;
	int ret;

	size = sizeof(*feature) + sizeof(*dmabuf) + nr * sizeof(*ranges);
	feature = calloc(1, size);
	if (!feature)
		return -ENOMEM;
	feature->argsz = (uint32_t)size;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	dmabuf = (struct vfio_device_feature_dma_buf *)feature->data;
	*dmabuf = *head;
	if (nr)
		memcpy(dmabuf->dma_ranges, ranges, nr * sizeof(*ranges));

	ret = ioctl(dev->fd, VFIO_DEVICE_FEATURE, feature);
	if (ret < 0)
		ret = -errno;
	free(feature);
	return ret;
}

int __vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		  const struct vfio_region_dma_range *ranges, size_t nr)
{
	struct vfio_device_feature_dma_buf head = {
		.region_index = bar,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = (uint32_t)nr,
	};

	return __vfio_dmabuf_raw(dev, &head, ranges, nr);
}

int vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		const struct vfio_region_dma_range *ranges, size_t nr)
{
	int fd = __vfio_dmabuf(dev, bar, ranges, nr);

	igt_assert_f(fd >= 0, "%s: cannot export %zu ranges of BAR%u: %s\n",
		     dev->addr, nr, bar, strerror(-fd));
	return fd;
}

int vfio_dmabuf_mode(struct vfio_device *dev, int mode, unsigned int bar,
		     const struct vfio_region_dma_range *ranges, size_t nr)
{
	struct vfio_device_feature_dma_buf head = {
		.region_index = bar,
		.open_flags = (uint32_t)(mode | O_CLOEXEC),
		.nr_ranges = (uint32_t)nr,
	};
	int fd = __vfio_dmabuf_raw(dev, &head, ranges, nr);

	igt_assert_f(fd >= 0, "%s: cannot export %zu ranges of BAR%u: %s\n",
		     dev->addr, nr, bar, strerror(-fd));
	return fd;
}

int vfio_dmabuf_one(struct vfio_device *dev, unsigned int bar, uint64_t offset,
		    uint64_t length)
{
	struct vfio_region_dma_range range = { offset, length };

	return vfio_dmabuf(dev, bar, &range, 1);
}

int __vfio_dmabuf_bars(struct vfio_device *dev,
		       const struct vfio_region_dma_range *ranges, size_t nr)
{
	struct vfio_device_feature_dma_buf head = {
		.open_flags = O_RDWR | O_CLOEXEC,
		.flags = VFIO_DMA_BUF_DEVICE_OFFSETS,
		.nr_ranges = (uint32_t)nr,
	};

	return __vfio_dmabuf_raw(dev, &head, ranges, nr);
}

int vfio_dmabuf_two_bars(struct vfio_device *dev, unsigned int first,
			 uint64_t first_at, unsigned int second,
			 uint64_t second_at)
{
	const struct vfio_region_dma_range ranges[] = {
		{ dev->region[first].offset + first_at, PAGE },
		{ dev->region[second].offset + second_at, PAGE },
	};
	int fd = __vfio_dmabuf_bars(dev, ranges, 2);

	igt_assert_f(fd >= 0, "%s: cannot export a page of BAR%u and BAR%u: %s\n",
		     dev->addr, first, second, strerror(-fd));
	return fd;
}

int vfio_dmabuf_many_groups(struct vfio_device *dev, unsigned int nr)
{
	struct vfio_region_dma_range *ranges = calloc(nr, sizeof(*ranges));
	unsigned int i;
	int fd;

	igt_assert(ranges);
	for (i = 0; i < nr; i++)
		ranges[i] = (struct vfio_region_dma_range){
			i % 2 ? dev->region[2].offset + i * PAGE :
				dev->region[0].offset,
			PAGE
		};
	fd = __vfio_dmabuf_bars(dev, ranges, nr);
	igt_assert_fd(fd);
	free(ranges);
	return fd;
}

bool vfio_has_dmabuf(struct vfio_device *dev)
{
	struct vfio_device_feature probe = {
		.argsz = sizeof(probe),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_DMA_BUF,
	};

	return !ioctl(dev->fd, VFIO_DEVICE_FEATURE, &probe);
}
