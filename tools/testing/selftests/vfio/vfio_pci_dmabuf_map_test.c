// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dma-bufs of VFIO_DEVICE_FEATURE_DMA_BUF in an IOAS, and the DMA of another device to them.
 *
 * Takes the device that exports and, for the cases of DMA, one that the library has a driver
 * for. Those write to the largest BAR of the first, so they only do so if that is a memory
 * controller, as QEMU's ivshmem is.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>

#include <linux/compiler.h>
#include <linux/iommufd.h>
#include <linux/pci_regs.h>
#include <linux/sizes.h>
#include <linux/vfio.h>

#include <libvfio.h>

#include "dmabuf.h"
#include "kselftest_harness.h"

/* Attempts at DMA after a restore: a copy may take a fraction of a second */
#define DMA_TRIES 20

static const char *device_bdf;
static const char *dma_bdf;

FIXTURE(vfio_pci_dmabuf_map_test) {
	struct iommu *iommu;
	struct vfio_pci_device *device;
	struct iova_allocator *iova_allocator;
	struct vfio_region_dma_range ranges[NR_RANGES];
	struct dmabuf buf;
	u64 page;
	int index;
};

FIXTURE_VARIANT(vfio_pci_dmabuf_map_test) {
	const struct page_range *ranges;
	u32 nr_ranges;
};

FIXTURE_VARIANT_ADD(vfio_pci_dmabuf_map_test, one_range) {
	.ranges = one_range,
	.nr_ranges = ARRAY_SIZE(one_range),
};

FIXTURE_VARIANT_ADD(vfio_pci_dmabuf_map_test, several_ranges) {
	.ranges = several_ranges,
	.nr_ranges = NR_RANGES,
};

FIXTURE_SETUP(vfio_pci_dmabuf_map_test)
{
	struct vfio_pci_bar *bar;

	self->iommu = iommu_init(MODE_IOMMUFD);
	self->device = vfio_pci_device_init(device_bdf, self->iommu);
	bar = largest_mapped_bar(self->device);
	if (!bar)
		SKIP(return, "No BAR of %u pages on device %s", MIN_BAR_PAGES, device_bdf);

	self->index = bar_index(self->device, bar);
	self->page = getpagesize();
	self->buf.size = NR_PAGES * self->page;
	self->iova_allocator = iova_allocator_init(self->iommu);
	self->buf.iova = iova_allocator_alloc(self->iova_allocator, self->buf.size);

	get_ranges(self->ranges, variant->ranges, variant->nr_ranges);
	self->buf.fd = dmabuf_get(self->device, self->index, O_RDWR, 0, self->ranges,
				  variant->nr_ranges);
	ASSERT_GE(self->buf.fd, 0);
}

FIXTURE_TEARDOWN(vfio_pci_dmabuf_map_test)
{
	iova_allocator_cleanup(self->iova_allocator);
	/* Closed already where that is what is tested */
	if (self->buf.fd >= 0)
		close(self->buf.fd);
	if (self->device)
		vfio_pci_device_cleanup(self->device);
	if (self->iommu)
		iommu_cleanup(self->iommu);
}

TEST_F(vfio_pci_dmabuf_map_test, map_unmap)
{
	u64 unmapped;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
		ASSERT_EQ(-EEXIST, dmabuf_map(self->iommu, &self->buf));
		ASSERT_EQ(0, ioas_unmap(self->iommu, self->buf.iova, self->buf.size, &unmapped));
		ASSERT_EQ(self->buf.size, unmapped);
	}
}

TEST_F(vfio_pci_dmabuf_map_test, slices)
{
	const u64 page = self->page, size = self->buf.size;
	struct iommu *iommu = self->iommu;
	iova_t iova = self->buf.iova;
	int fd = self->buf.fd;
	u64 unmapped;

	/* Side by side, the end first; the second crosses ranges */
	ASSERT_EQ(0, ioas_map_file(iommu, fd, size - page, page, IOAS_MAP_RW, iova));
	ASSERT_EQ(0, ioas_map_file(iommu, fd, 0, 2 * page, IOAS_MAP_RW, iova + page));
	ASSERT_EQ(0, ioas_unmap(iommu, iova, 3 * page, &unmapped));
	ASSERT_EQ(3 * page, unmapped);

	ASSERT_EQ(-EINVAL, ioas_map_file(iommu, fd, page, size, IOAS_MAP_RW, iova));
	ASSERT_EQ(-EINVAL, ioas_map_file(iommu, fd, size, page, IOAS_MAP_RW, iova));
	ASSERT_EQ(-EINVAL, ioas_map_file(iommu, fd, 1, page, IOAS_MAP_RW, iova));
	ASSERT_EQ(-EINVAL, ioas_map_file(iommu, fd, 0, 0, IOAS_MAP_RW, iova));
}

TEST_F(vfio_pci_dmabuf_map_test, read_only)
{
	int fd;

	fd = dmabuf_get(self->device, self->index, O_RDONLY, 0, self->ranges,
			variant->nr_ranges);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(-EACCES, ioas_map_file(self->iommu, fd, 0, self->buf.size, IOAS_MAP_RW,
					 self->buf.iova));
	ASSERT_EQ(0, ioas_map_file(self->iommu, fd, 0, self->buf.size, IOMMU_IOAS_MAP_READABLE,
				   self->buf.iova));
	ASSERT_EQ(0, close(fd));
}

TEST_F(vfio_pci_dmabuf_map_test, map_while_revoked)
{
	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(-ENODEV, dmabuf_map(self->iommu, &self->buf));

	vfio_pci_cmd_set(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
	ASSERT_EQ(0, ioas_unmap(self->iommu, self->buf.iova, self->buf.size, NULL));
}

TEST_F(vfio_pci_dmabuf_map_test, unmap_while_revoked)
{
	u64 unmapped;

	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(0, ioas_unmap(self->iommu, self->buf.iova, self->buf.size, &unmapped));
	ASSERT_EQ(self->buf.size, unmapped);
	vfio_pci_cmd_set(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
}

TEST_F(vfio_pci_dmabuf_map_test, mapped_again_after_memory_disable)
{
	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
	ASSERT_TRUE(dmabuf_gets_mapped(self->buf.fd, 1));

	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(DMA_BUF_PHYS_QUERY_REVOKED, dmabuf_query(self->buf.fd, NULL, 0).state);
	ASSERT_EQ(0, dmabuf_query(self->buf.fd, NULL, 0).nr_mapped);

	vfio_pci_cmd_set(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(DMA_BUF_PHYS_QUERY_LIVE, dmabuf_query(self->buf.fd, NULL, 0).state);
	ASSERT_TRUE(dmabuf_gets_mapped(self->buf.fd, 1));

	ASSERT_EQ(0, ioas_unmap(self->iommu, self->buf.iova, self->buf.size, NULL));
	ASSERT_TRUE(dmabuf_gets_mapped(self->buf.fd, 0));
}

TEST_F(vfio_pci_dmabuf_map_test, mapped_again_after_reset)
{
	u64 generation;

	if (!(self->device->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP(return, "Device does not support reset");

	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
	generation = dmabuf_query(self->buf.fd, NULL, 0).generation;

	vfio_pci_device_reset(self->device);
	ASSERT_EQ(generation + 2, dmabuf_query(self->buf.fd, NULL, 0).generation);
	ASSERT_TRUE(dmabuf_gets_mapped(self->buf.fd, 1));
}

TEST_F(vfio_pci_dmabuf_map_test, close_device_first)
{
	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
	vfio_pci_device_cleanup(self->device);
	self->device = NULL;

	ASSERT_EQ(-ENODEV, ioas_map_file(self->iommu, self->buf.fd, 0, self->page, IOAS_MAP_RW,
					 self->buf.iova + self->buf.size));
	ASSERT_EQ(0, ioas_unmap(self->iommu, self->buf.iova, self->buf.size, NULL));
}

TEST_F(vfio_pci_dmabuf_map_test, close_dmabuf_first)
{
	u64 unmapped;

	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
	ASSERT_EQ(0, close(self->buf.fd));
	self->buf.fd = -1;

	/* The mapping is still there to be revoked */
	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	vfio_pci_cmd_set(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(0, ioas_unmap(self->iommu, self->buf.iova, self->buf.size, &unmapped));
	ASSERT_EQ(self->buf.size, unmapped);
}

TEST_F(vfio_pci_dmabuf_map_test, close_iommu_first)
{
	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
	iommu_cleanup(self->iommu);
	self->iommu = NULL;

	/* The device has the IOAS still; memory goes from under it */
	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	ASSERT_EQ(self->buf.size, lseek(self->buf.fd, 0, SEEK_END));
}

FIXTURE(vfio_pci_dmabuf_dma_test) {
	struct iommu *iommu;
	struct vfio_pci_device *device;
	struct vfio_pci_device *engine;
	struct iova_allocator *iova_allocator;
	struct vfio_pci_bar *bar;
	struct dma_region memory;
	struct dmabuf buf;
	u64 page;
	u64 chunk;
	/* A part of the last range, in the dma-buf and in the BAR */
	iova_t chunk_iova;
	void *chunk_bar;
};

static void region_setup(struct iommu *iommu, struct iova_allocator *iova_allocator,
			 struct dma_region *region, u64 size)
{
	region->vaddr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);
	VFIO_ASSERT_NE(region->vaddr, MAP_FAILED);
	region->iova = iova_allocator_alloc(iova_allocator, size);
	region->size = size;
	iommu_map(iommu, region);
}

FIXTURE_VARIANT(vfio_pci_dmabuf_dma_test) {
	const struct page_range *ranges;
	u32 nr_ranges;
};

FIXTURE_VARIANT_ADD(vfio_pci_dmabuf_dma_test, one_range) {
	.ranges = one_range,
	.nr_ranges = ARRAY_SIZE(one_range),
};

FIXTURE_VARIANT_ADD(vfio_pci_dmabuf_dma_test, several_ranges) {
	.ranges = several_ranges,
	.nr_ranges = NR_RANGES,
};

/* Where the BAR has the byte at @offset of the dma-buf */
static void *bar_at(struct vfio_pci_bar *bar, const struct dmabuf *buf, u64 offset)
{
	u64 page = getpagesize();

	return bar->vaddr + bar_offset(buf->ranges, offset / page) + offset % page;
}

FIXTURE_SETUP(vfio_pci_dmabuf_dma_test)
{
	struct vfio_region_dma_range ranges[NR_RANGES];

	if (!dma_bdf)
		SKIP(return, "No second device given, to do DMA with");
	self->iommu = iommu_init(MODE_IOMMUFD);
	self->device = vfio_pci_device_init(device_bdf, self->iommu);
	self->engine = vfio_pci_device_init(dma_bdf, self->iommu);
	self->bar = largest_mapped_bar(self->device);
	if (!self->bar || !device_is_memory(self->device))
		SKIP(return, "%s is no memory controller with a large BAR", device_bdf);
	if (!self->engine->driver.ops)
		SKIP(return, "No driver found for device %s", dma_bdf);

	self->page = getpagesize();
	self->buf.size = NR_PAGES * self->page;
	self->iova_allocator = iova_allocator_init(self->iommu);
	region_setup(self->iommu, self->iova_allocator, &self->engine->driver.region, SZ_2M);
	region_setup(self->iommu, self->iova_allocator, &self->memory, self->buf.size);
	self->buf.iova = iova_allocator_alloc(self->iova_allocator, self->buf.size);
	vfio_pci_driver_init(self->engine);
	self->chunk = min_t(u64, self->page, self->engine->driver.max_memcpy_size);

	self->buf.ranges = variant->ranges;
	get_ranges(ranges, variant->ranges, variant->nr_ranges);
	self->buf.fd = dmabuf_get(self->device, bar_index(self->device, self->bar), O_RDWR,
				  0, ranges, variant->nr_ranges);
	ASSERT_GE(self->buf.fd, 0);
	self->chunk_iova = self->buf.iova + self->buf.size - self->page;
	self->chunk_bar = bar_at(self->bar, &self->buf, self->buf.size - self->page);
	ASSERT_EQ(0, dmabuf_map(self->iommu, &self->buf));
}

FIXTURE_TEARDOWN(vfio_pci_dmabuf_dma_test)
{
	ASSERT_EQ(0, ioas_unmap(self->iommu, self->buf.iova, self->buf.size, NULL));
	ASSERT_EQ(0, close(self->buf.fd));
	vfio_pci_driver_remove(self->engine);
	iova_allocator_cleanup(self->iova_allocator);
	vfio_pci_device_cleanup(self->engine);
	vfio_pci_device_cleanup(self->device);
	iommu_cleanup(self->iommu);
}

/* A BAR may not take the wide accesses that memset() and memcmp() make */
static void fill(void *to, u8 value, u64 size)
{
	u32 *word = to;

	for (; size; size -= sizeof(*word))
		WRITE_ONCE(*word++, value * 0x01010101u);
}

static bool filled(const void *from, u8 value, u64 size)
{
	const u32 *word = from;

	for (; size; size -= sizeof(*word))
		if (READ_ONCE(*word++) != value * 0x01010101u)
			return false;
	return true;
}

TEST_F(vfio_pci_dmabuf_dma_test, write_to_bar)
{
	u64 at;
	int i;

	/* What is next to the ranges must not change */
	fill(self->bar->vaddr, 0xee, MIN_BAR_PAGES * self->page);
	for (i = 0, at = 0; i < NR_PAGES; i++, at += self->page)
		fill(self->memory.vaddr + at, 0x40 + i, self->page);

	ASSERT_EQ(0, vfio_pci_driver_memcpy(self->engine, self->memory.iova, self->buf.iova,
					    self->buf.size));
	for (i = 0, at = 0; i < NR_PAGES; i++, at += self->page) {
		ASSERT_TRUE(filled(bar_at(self->bar, &self->buf, at), 0x40 + i, self->page));
		fill(bar_at(self->bar, &self->buf, at), 0xee, self->page);
	}
	ASSERT_TRUE(filled(self->bar->vaddr, 0xee, MIN_BAR_PAGES * self->page));
}

TEST_F(vfio_pci_dmabuf_dma_test, read_from_bar)
{
	u64 at;
	int i;

	for (i = 0, at = 0; i < NR_PAGES; i++, at += self->page)
		fill(bar_at(self->bar, &self->buf, at), 0x40 + i, self->page);
	fill(self->memory.vaddr, 0xee, self->buf.size);

	ASSERT_EQ(0, vfio_pci_driver_memcpy(self->engine, self->buf.iova, self->memory.iova,
					    self->buf.size));
	for (i = 0, at = 0; i < NR_PAGES; i++, at += self->page)
		ASSERT_TRUE(filled(self->memory.vaddr + at, 0x40 + i, self->page));
}

/* Not every device notices that it reaches nothing, so its answer says little */
static void write_chunk(struct vfio_pci_device *engine, struct dma_region *memory, iova_t to,
			u8 value, u64 size)
{
	fill(memory->vaddr, value, size);
	vfio_pci_driver_memcpy(engine, memory->iova, to, size);
}

TEST_F(vfio_pci_dmabuf_dma_test, memory_disable)
{
	int tries;

	fill(self->chunk_bar, 0xee, self->chunk);
	vfio_pci_cmd_clear(self->device, PCI_COMMAND_MEMORY);
	write_chunk(self->engine, &self->memory, self->chunk_iova, 0x51, self->chunk);
	vfio_pci_cmd_set(self->device, PCI_COMMAND_MEMORY);
	ASSERT_TRUE(filled(self->chunk_bar, 0xee, self->chunk));

	/* The program does nothing but try */
	for (tries = 0; tries < DMA_TRIES; tries++) {
		write_chunk(self->engine, &self->memory, self->chunk_iova, 0x52, self->chunk);
		if (filled(self->chunk_bar, 0x52, self->chunk))
			break;
	}
	ASSERT_LT(tries, DMA_TRIES);
}

TEST_F(vfio_pci_dmabuf_dma_test, reset)
{
	if (!(self->device->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP(return, "Device does not support reset");

	vfio_pci_device_reset(self->device);
	/* Once nobody is behind, one try is enough */
	ASSERT_TRUE(dmabuf_gets_mapped(self->buf.fd, 1));
	write_chunk(self->engine, &self->memory, self->chunk_iova, 0x53, self->chunk);
	ASSERT_TRUE(filled(self->chunk_bar, 0x53, self->chunk));
}

TEST_F(vfio_pci_dmabuf_dma_test, reset_while_busy)
{
	struct vfio_pci_driver *driver = &self->engine->driver;

	if (!(self->device->info.flags & VFIO_DEVICE_FLAGS_RESET))
		SKIP(return, "Device does not support reset");

	fill(self->memory.vaddr, 0x54, self->chunk);
	vfio_pci_driver_memcpy_start(self->engine, self->memory.iova, self->chunk_iova,
				     self->chunk, min_t(u64, driver->max_memcpy_count, 4));
	vfio_pci_device_reset(self->device);
	vfio_pci_driver_memcpy_wait(self->engine);

	ASSERT_TRUE(dmabuf_gets_mapped(self->buf.fd, 1));
	write_chunk(self->engine, &self->memory, self->chunk_iova, 0x55, self->chunk);
	ASSERT_TRUE(filled(self->chunk_bar, 0x55, self->chunk));
}

int main(int argc, char *argv[])
{
	char **bdfs;
	int nr;

	bdfs = vfio_selftests_get_bdfs(&argc, argv, &nr);
	device_bdf = bdfs[0];
	dma_bdf = nr > 1 ? bdfs[1] : NULL;
	return test_harness_run(argc, argv);
}
