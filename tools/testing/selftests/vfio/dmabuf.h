/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of VFIO_DEVICE_FEATURE_DMA_BUF share: how to get a dma-buf of a BAR, and
 * how to map it and ask about it.
 */
#ifndef SELFTESTS_VFIO_DMABUF_H
#define SELFTESTS_VFIO_DMABUF_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/ioctl.h>

#include <linux/dma-buf-phys.h>
#include <linux/iommufd.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/pci_ids.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <libvfio.h>

/* Pages of a BAR */
struct page_range {
	unsigned int first;
	unsigned int count;
};

/* What is exported, of one length; several are neither adjacent nor in order */
static const struct page_range one_range[] = {
	{ 1, 4 },
};

static const struct page_range several_ranges[] = {
	{ 5, 1 },
	{ 0, 2 },
	{ 3, 1 },
};

#define NR_RANGES ARRAY_SIZE(several_ranges)
#define NR_PAGES 4
#define MIN_BAR_PAGES 8

/* How long a restore, or what follows one, may take */
#define PATIENCE_MS 20000
#define POLL_MS 10

static inline void get_ranges(struct vfio_region_dma_range *to,
			      const struct page_range *from, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		to[i].offset = from[i].first * getpagesize();
		to[i].length = from[i].count * getpagesize();
	}
}

/* Offset in the BAR of the page that the dma-buf of these ranges has at @page */
static inline u64 bar_offset(const struct page_range *ranges, unsigned int page)
{
	for (; page >= ranges->count; ranges++)
		page -= ranges->count;

	return (ranges->first + page) * getpagesize();
}

/* Returns the file descriptor, or a negative errno */
static inline int dmabuf_get(struct vfio_pci_device *device, u32 region, u32 open_flags,
			     u32 flags, const struct vfio_region_dma_range *ranges,
			     u32 nr_ranges)
{
	const size_t size = nr_ranges * sizeof(*ranges);
	struct vfio_device_feature_dma_buf *get;
	struct vfio_device_feature *feature;
	u32 argsz;
	int fd;

	argsz = sizeof(*feature) + sizeof(*get) + size;
	feature = calloc_assert(1, argsz);
	feature->argsz = argsz;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;

	get = (void *)feature->data;
	get->region_index = region;
	get->open_flags = open_flags;
	get->flags = flags;
	get->nr_ranges = nr_ranges;
	memcpy(get->dma_ranges, ranges, size);

	fd = ioctl(device->fd, VFIO_DEVICE_FEATURE, feature);
	if (fd < 0)
		fd = -errno;

	free(feature);
	return fd;
}

static inline struct vfio_pci_bar *largest_mapped_bar(struct vfio_pci_device *device)
{
	struct vfio_pci_bar *largest = NULL;
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		struct vfio_pci_bar *bar = &device->bars[i];

		if (!bar->vaddr || bar->info.size < MIN_BAR_PAGES * getpagesize())
			continue;
		if (!largest || bar->info.size > largest->info.size)
			largest = bar;
	}

	return largest;
}

static inline int bar_index(struct vfio_pci_device *device, struct vfio_pci_bar *bar)
{
	return bar - device->bars;
}

/* Whether bytes that are written to a BAR of the device are just kept there */
static inline bool device_is_memory(struct vfio_pci_device *device)
{
	return vfio_pci_config_readb(device, PCI_CLASS_DEVICE + 1) == PCI_BASE_CLASS_MEMORY;
}

#define IOAS_MAP_RW (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)

static inline int ioas_map_file(struct iommu *iommu, int fd, u64 start, u64 length,
				u32 flags, iova_t iova)
{
	struct iommu_ioas_map_file args = {
		.size = sizeof(args),
		.flags = flags | IOMMU_IOAS_MAP_FIXED_IOVA,
		.ioas_id = iommu->ioas_id,
		.fd = fd,
		.start = start,
		.length = length,
		.iova = iova,
	};

	return ioctl(iommu->iommufd, IOMMU_IOAS_MAP_FILE, &args) ? -errno : 0;
}

/* A dma-buf of one of the lists above, and where it is to be mapped as a whole */
struct dmabuf {
	const struct page_range *ranges;
	int fd;
	u64 size;
	iova_t iova;
};

static inline int dmabuf_map(struct iommu *iommu, const struct dmabuf *buf)
{
	return ioas_map_file(iommu, buf->fd, 0, buf->size, IOAS_MAP_RW, buf->iova);
}

static inline int ioas_unmap(struct iommu *iommu, iova_t iova, u64 length, u64 *unmapped)
{
	struct dma_region region = { .iova = iova, .size = length };

	INIT_LIST_HEAD(&region.link);
	return __iommu_unmap(iommu, &region, unmapped);
}

static inline int phys_open(void)
{
	int fd = open("/dev/dma_buf_phys", O_RDWR | O_CLOEXEC);

	VFIO_ASSERT_GE(fd, 0, "open(/dev/dma_buf_phys) failed\n");
	return fd;
}

static inline struct dma_buf_phys_query
dmabuf_query(int fd, struct dma_buf_phys_group_info *groups, u32 nr_groups)
{
	struct dma_buf_phys_query query = {
		.size = sizeof(query),
		.fd = fd,
		.group_size = nr_groups ? sizeof(*groups) : 0,
		.groups = (uintptr_t)groups,
		.nr_groups = nr_groups,
	};
	int phys = phys_open();

	ioctl_assert(phys, DMA_BUF_PHYS_IOC_QUERY, &query);
	VFIO_ASSERT_EQ(close(phys), 0);
	return query;
}

static inline int dmabuf_watch(int fd)
{
	struct dma_buf_phys_watch args = {
		.size = sizeof(args),
		.flags = O_CLOEXEC | O_NONBLOCK,
		.fd = fd,
	};
	int phys = phys_open();
	int watch;

	watch = ioctl(phys, DMA_BUF_PHYS_IOC_WATCH, &args);
	VFIO_ASSERT_GE(watch, 0, "DMA_BUF_PHYS_IOC_WATCH failed\n");
	VFIO_ASSERT_EQ(close(phys), 0);
	return watch;
}

/* Whether that many importers have the dma-buf mapped, now or soon */
static inline bool dmabuf_gets_mapped(int fd, u32 nr_mapped)
{
	struct dma_buf_phys_query query;
	int ms;

	for (ms = 0; ms < PATIENCE_MS; ms += POLL_MS) {
		query = dmabuf_query(fd, NULL, 0);
		if (query.nr_mapped == nr_mapped && !query.nr_behind)
			return true;
		usleep(POLL_MS * 1000);
	}

	return false;
}

#endif /* SELFTESTS_VFIO_DMABUF_H */
