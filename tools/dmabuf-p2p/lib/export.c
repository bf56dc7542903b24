// SPDX-License-Identifier: MIT
/*
 * BARs as dma-bufs, through VFIO
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf-phys-vfio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "dmabuf-phys.h"

#define BARS 6

struct export {
	struct vfio_device_feature head;
	struct vfio_device_feature_dma_buf dmabuf;
};

/* Return: 0 or -errno; a BAR that there is not has no bytes */
static int look(int device, unsigned int bar, struct vfio_region_info *info)
{
	if (bar >= BARS)
		return -EINVAL;
	*info = (struct vfio_region_info) {
		.argsz = sizeof(*info),
		.index = bar,
	};
	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, info) < 0 ? -errno : 0;
}

/* With @several offsets are those of the device's file */
static int fill(int device, struct vfio_region_dma_range *to,
		const struct dmabuf_phys_range *from, bool several)
{
	struct vfio_region_info info;
	int ret;

	to->offset = from->offset;
	to->length = from->length;
	if (from->length && !several)
		return from->bar < BARS ? 0 : -EINVAL;
	ret = look(device, from->bar, &info);
	if (ret)
		return ret;
	/* Beyond its end would be another BAR */
	if (from->offset > info.size || from->length > info.size - from->offset)
		return -EINVAL;
	if (!from->length)
		to->length = info.size - from->offset;
	if (several)
		to->offset += info.offset;
	return 0;
}

int dmabuf_phys_export(int device, const struct dmabuf_phys_range *ranges, size_t nr,
		       unsigned int flags)
{
	const size_t size = sizeof(struct export) +
			    nr * sizeof(struct vfio_region_dma_range);
	struct vfio_device_feature *feature;
	struct vfio_device_feature_dma_buf *dmabuf;
	bool several = false;
	size_t i;
	int ret = 0;

	if (!nr || nr > UINT32_MAX / sizeof(struct vfio_region_dma_range) - 2 ||
	    flags & ~(DMABUF_PHYS_NO_HOST_ACCESS | DMABUF_PHYS_READ_ONLY))
		return -EINVAL;
	feature = calloc(1, size);
	if (!feature)
		return -ENOMEM;
	for (i = 1; i < nr; i++)
		several |= ranges[i].bar != ranges[0].bar;
	feature->argsz = (uint32_t)size;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	dmabuf = (struct vfio_device_feature_dma_buf *)feature->data;
	dmabuf->region_index = several ? 0 : ranges[0].bar;
	dmabuf->open_flags = O_CLOEXEC |
			     (flags & DMABUF_PHYS_READ_ONLY ? O_RDONLY : O_RDWR);
	/* As kernels without physical lists have it, as far as that goes */
	dmabuf->flags = (several ? VFIO_DMA_BUF_DEVICE_OFFSETS : 0) |
			(flags & DMABUF_PHYS_NO_HOST_ACCESS ?
				 VFIO_DMA_BUF_NO_HOST_ACCESS : 0);
	dmabuf->nr_ranges = (uint32_t)nr;
	for (i = 0; !ret && i < nr; i++)
		ret = fill(device, &dmabuf->dma_ranges[i], &ranges[i], several);
	if (!ret) {
		ret = ioctl(device, VFIO_DEVICE_FEATURE, feature);
		if (ret < 0)
			ret = -errno;
	}
	free(feature);
	return ret;
}
