// SPDX-License-Identifier: MIT
/*
 * Exporting BARs as dma-bufs
 */
#include <fcntl.h>
#include <inttypes.h>

#include "igt_core.h"
#include "klog.h"
#include "ranges.h"
#include "vfio.h"

void vfio_require_bar(const struct vfio_device *dev, unsigned int bar, uint64_t size)
{
	igt_require_f(dev->region[bar].size >= size,
		      "BAR%u of %s has %" PRIu64 " MiB, and this wants %" PRIu64 " MiB: in a VM, see --bar of tools/vm/run\n",
		      bar, dev->addr, dev->region[bar].size / MiB(1),
		      (size + MiB(1) - 1) / MiB(1));
}

int vfio_dmabuf_mode(struct vfio_device *dev, int mode, unsigned int bar,
		     const struct vfio_region_dma_range *ranges, size_t nr)
{
	size_t i;
	int fd;

	for (i = 0; i < nr; i++)
		vfio_require_bar(dev, bar, ranges[i].offset + ranges[i].length);
	klog_tell_runner();
	fd = __vfio_dmabuf_mode(dev, mode, bar, ranges, nr);

	igt_assert_f(fd >= 0, "%s: cannot export %zu ranges of BAR%u: %s\n",
		     dev->addr, nr, bar, strerror(-fd));
	return fd;
}

int vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		const struct vfio_region_dma_range *ranges, size_t nr)
{
	return vfio_dmabuf_mode(dev, O_RDWR, bar, ranges, nr);
}

int vfio_dmabuf_one(struct vfio_device *dev, unsigned int bar, uint64_t offset,
		    uint64_t length)
{
	struct vfio_region_dma_range range = { offset, length };

	return vfio_dmabuf(dev, bar, &range, 1);
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
