// SPDX-License-Identifier: MIT
/*
 * Exporting BARs as dma-bufs
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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

int __vfio_dmabuf_mode(struct vfio_device *dev, int mode, unsigned int bar,
		       const struct vfio_region_dma_range *ranges, size_t nr)
{
	struct vfio_device_feature_dma_buf head = {
		.region_index = bar,
		.open_flags = (uint32_t)(mode | O_CLOEXEC),
		.nr_ranges = (uint32_t)nr,
	};

	return __vfio_dmabuf_raw(dev, &head, ranges, nr);
}

int __vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		  const struct vfio_region_dma_range *ranges, size_t nr)
{
	return __vfio_dmabuf_mode(dev, O_RDWR, bar, ranges, nr);
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

bool vfio_has_dmabuf(struct vfio_device *dev)
{
	struct vfio_device_feature probe = {
		.argsz = sizeof(probe),
		.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_GET |
			 VFIO_DEVICE_FEATURE_DMA_BUF,
	};

	return !ioctl(dev->fd, VFIO_DEVICE_FEATURE, &probe);
}
