// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_FEATURE_DMA_BUF: ranges of BARs as a dma-buf, and what a program can learn of
 * it and do with it without an IOMMU.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/mman.h>

#include <linux/compiler.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include <libvfio.h>

#include "dmabuf.h"
#include "kselftest_harness.h"

static const char *device_bdf;

static u64 bdf_to_provider(const char *bdf)
{
	unsigned int s, b, d, f;
	int count;

	count = sscanf(bdf, "%x:%x:%x.%x", &s, &b, &d, &f);
	VFIO_ASSERT_EQ(count, 4);
	return DMA_BUF_PHYS_PCI(s, b, d << 3 | f);
}

FIXTURE(vfio_pci_dmabuf_test) {
	struct iommu *iommu;
	struct vfio_pci_device *device;
	struct vfio_pci_bar *bar;
	struct vfio_region_dma_range ranges[NR_RANGES];
	int index;
	u64 size;
};

FIXTURE_VARIANT(vfio_pci_dmabuf_test) {
	const char *iommu_mode;
};

#define FIXTURE_VARIANT_ADD_IOMMU_MODE(_iommu_mode)			       \
FIXTURE_VARIANT_ADD(vfio_pci_dmabuf_test, _iommu_mode) {		       \
	.iommu_mode = #_iommu_mode,					       \
}

FIXTURE_VARIANT_ADD_ALL_IOMMU_MODES();

#undef FIXTURE_VARIANT_ADD_IOMMU_MODE

FIXTURE_SETUP(vfio_pci_dmabuf_test)
{
	self->iommu = iommu_init(variant->iommu_mode);
	self->device = vfio_pci_device_init(device_bdf, self->iommu);
	self->bar = largest_mapped_bar(self->device);
	if (!self->bar)
		SKIP(return, "No BAR of %u pages on device %s", MIN_BAR_PAGES, device_bdf);

	self->index = bar_index(self->device, self->bar);
	self->size = NR_PAGES * getpagesize();
	get_ranges(self->ranges, several_ranges, NR_RANGES);
}

FIXTURE_TEARDOWN(vfio_pci_dmabuf_test)
{
	/* Closed already where that is what is tested */
	if (self->device)
		vfio_pci_device_cleanup(self->device);
	iommu_cleanup(self->iommu);
}

TEST_F(vfio_pci_dmabuf_test, whole_bar)
{
	struct vfio_region_dma_range range = { .length = self->bar->info.size };
	int fd;

	fd = dmabuf_get(self->device, self->index, O_RDWR | O_CLOEXEC, 0, &range, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(self->bar->info.size, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	ASSERT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	ASSERT_EQ(0, close(fd));
}

TEST_F(vfio_pci_dmabuf_test, several_ranges)
{
	int fd;

	fd = dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges, NR_RANGES);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(self->size, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(0, close(fd));
}

TEST_F(vfio_pci_dmabuf_test, wrong_requests)
{
	const u64 page = getpagesize(), end = self->bar->info.size;
	const struct vfio_region_dma_range good = { 0, page };
	const struct {
		struct vfio_region_dma_range range;
		u32 region;
		u32 flags;
		u32 nr_ranges;
		int ret;
	} wrong[] = {
		{ good, self->index, 0, 0, -EINVAL },
		{ { 0, 0 }, self->index, 0, 1, -EINVAL },
		{ { 1, page }, self->index, 0, 1, -EINVAL },
		{ { 0, page + 1 }, self->index, 0, 1, -EINVAL },
		{ { end, page }, self->index, 0, 1, -EINVAL },
		{ { end - page, 2 * page }, self->index, 0, 1, -EINVAL },
		{ { -page, 2 * page }, self->index, 0, 1, -EOVERFLOW },
		{ good, self->index, 1U << 31, 1, -EINVAL },
		{ good, VFIO_PCI_CONFIG_REGION_INDEX, 0, 1, -ENODEV },
		{ good, VFIO_PCI_NUM_REGIONS, 0, 1, -ENODEV },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		ASSERT_EQ(wrong[i].ret,
			  dmabuf_get(self->device, wrong[i].region, O_RDWR, wrong[i].flags,
				     &wrong[i].range, wrong[i].nr_ranges))
			TH_LOG("request %d", i);
}

TEST_F(vfio_pci_dmabuf_test, query)
{
	struct dma_buf_phys_group_info group = {};
	struct dma_buf_phys_query query;
	int fd;

	fd = dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges, NR_RANGES);
	ASSERT_GE(fd, 0);

	query = dmabuf_query(fd, &group, 1);
	ASSERT_EQ(DMA_BUF_PHYS_QUERY_LIVE, query.state);
	ASSERT_EQ(self->size, query.length);
	ASSERT_EQ(NR_RANGES, query.nr_frags);
	ASSERT_EQ(0, query.nr_importers);
	ASSERT_EQ(1, query.nr_groups);
	ASSERT_EQ(0, group.offset);
	ASSERT_EQ(self->size, group.length);
	ASSERT_EQ(NR_RANGES, group.nr_frags);
	ASSERT_EQ(DMA_BUF_PHYS_QUERY_P2P, group.type);
	ASSERT_EQ(bdf_to_provider(device_bdf), group.provider);
	ASSERT_EQ(0, close(fd));
}

/* Every BAR in one dma-buf, the last first */
TEST_F(vfio_pci_dmabuf_test, device_offsets)
{
	struct vfio_region_dma_range ranges[PCI_STD_NUM_BARS];
	struct dma_buf_phys_group_info groups[PCI_STD_NUM_BARS];
	struct dma_buf_phys_query query;
	u64 size = 0;
	int fd, i, nr = 0;

	for (i = PCI_STD_NUM_BARS - 1; i >= 0; i--) {
		struct vfio_pci_bar *bar = &self->device->bars[i];

		if (!bar->vaddr || bar->info.size < getpagesize())
			continue;
		ranges[nr].offset = bar->info.offset;
		ranges[nr++].length = bar->info.size;
		size += bar->info.size;
	}

	fd = dmabuf_get(self->device, 1, O_RDWR, VFIO_DMA_BUF_DEVICE_OFFSETS, ranges, nr);
	ASSERT_EQ(-EINVAL, fd);
	fd = dmabuf_get(self->device, 0, O_RDWR, VFIO_DMA_BUF_DEVICE_OFFSETS, ranges, nr);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(size, lseek(fd, 0, SEEK_END));

	query = dmabuf_query(fd, groups, nr);
	ASSERT_EQ(size, query.length);
	ASSERT_EQ(nr, query.nr_groups);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(ranges[i].length, groups[i].length);
	ASSERT_EQ(0, close(fd));
}

TEST_F(vfio_pci_dmabuf_test, no_host_access)
{
	const u32 flags = VFIO_DMA_BUF_NO_HOST_ACCESS;
	void *vaddr;
	int fd;

	/* The library has mapped the BAR */
	fd = dmabuf_get(self->device, self->index, O_RDWR, flags, self->ranges, NR_RANGES);
	ASSERT_EQ(-EBUSY, fd);

	ASSERT_EQ(0, munmap(self->bar->vaddr, self->bar->info.size));
	self->bar->vaddr = NULL;
	fd = dmabuf_get(self->device, self->index, O_RDWR, flags, self->ranges, NR_RANGES);
	if (fd == -EBUSY && self->device->msix_info.count)
		SKIP(return, "The MSI-X table may be in these ranges");
	ASSERT_GE(fd, 0);

	vaddr = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, self->device->fd,
		     self->bar->info.offset);
	ASSERT_EQ(MAP_FAILED, vaddr);
	ASSERT_EQ(EBUSY, errno);
	ASSERT_EQ(-EBUSY, dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges, 1));

	ASSERT_EQ(0, close(fd));
	vaddr = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, self->device->fd,
		     self->bar->info.offset);
	ASSERT_NE(MAP_FAILED, vaddr);
	ASSERT_EQ(0, munmap(vaddr, getpagesize()));
}

TEST_F(vfio_pci_dmabuf_test, mmap)
{
	const bool memory = device_is_memory(self->device);
	void *vaddr;
	int fd, i;

	fd = dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges, NR_RANGES);
	ASSERT_GE(fd, 0);
	vaddr = mmap(NULL, self->size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, vaddr);

	for (i = 0; i < NR_PAGES; i++) {
		u32 *there = self->bar->vaddr + bar_offset(several_ranges, i);
		u32 *here = vaddr + i * getpagesize();

		if (memory)
			WRITE_ONCE(*there, 0x600d0000 + i);
		ASSERT_EQ(READ_ONCE(*there), READ_ONCE(*here));
	}

	ASSERT_EQ(0, munmap(vaddr, self->size));
	ASSERT_EQ(0, close(fd));
}

TEST_F_SIGNAL(vfio_pci_dmabuf_test, mmap_while_revoked, SIGBUS)
{
	u32 *vaddr;
	int fd;

	fd = dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges, NR_RANGES);
	ASSERT_GE(fd, 0);
	vaddr = mmap(NULL, self->size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, vaddr);
	(void)READ_ONCE(*vaddr);

	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	(void)READ_ONCE(*vaddr);
}

TEST_F(vfio_pci_dmabuf_test, watch)
{
	struct dma_buf_phys_watch_event event;
	struct pollfd pollfd = { .events = POLLIN };
	int fd;

	fd = dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges, NR_RANGES);
	ASSERT_GE(fd, 0);
	pollfd.fd = dmabuf_watch(fd);
	ASSERT_EQ(0, poll(&pollfd, 1, 0));

	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(1, poll(&pollfd, 1, 0));
	ASSERT_EQ(POLLIN, pollfd.revents);
	ASSERT_EQ(sizeof(event), read(pollfd.fd, &event, sizeof(event)));
	ASSERT_EQ(DMA_BUF_PHYS_QUERY_REVOKED, event.state);
	ASSERT_EQ(1, event.nr_revokes);
	ASSERT_EQ(0, event.nr_restores);

	vfio_pci_cmd_set(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(1, poll(&pollfd, 1, 0));
	ASSERT_EQ(sizeof(event), read(pollfd.fd, &event, sizeof(event)));
	ASSERT_EQ(DMA_BUF_PHYS_QUERY_LIVE, event.state);
	ASSERT_EQ(1, event.nr_restores);

	vfio_pci_device_cleanup(self->device);
	self->device = NULL;
	ASSERT_EQ(1, poll(&pollfd, 1, 0));
	ASSERT_EQ(POLLIN | POLLHUP, pollfd.revents);

	ASSERT_EQ(0, close(pollfd.fd));
	ASSERT_EQ(0, close(fd));
}

TEST_F(vfio_pci_dmabuf_test, close_device_first)
{
	int fd;

	fd = dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges, NR_RANGES);
	ASSERT_GE(fd, 0);

	vfio_pci_device_cleanup(self->device);
	self->device = NULL;
	ASSERT_EQ(DMA_BUF_PHYS_QUERY_DEAD, dmabuf_query(fd, NULL, 0).state);
	ASSERT_EQ(0, close(fd));

	/* Nothing is left of it that would keep the device from being opened */
	self->device = vfio_pci_device_init(device_bdf, self->iommu);
}

int main(int argc, char *argv[])
{
	device_bdf = vfio_selftests_get_bdf(&argc, argv);
	return test_harness_run(argc, argv);
}
