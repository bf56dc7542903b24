// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys nvme
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: bulk data
 * Functionality: bulk transfers
 * Description: An NVMe controller reads its disk into another device's BAR and
 *	writes it back from there; every byte is compared
 * Test category: functionality test
 */
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "nvme.h"
#include "pci.h"
#include "ranges.h"
#include "vfio.h"

#define BAR 2
#define BASE GiB(4)

static int iommufd = -1;
static uint32_t ioas;
static struct vfio_device dev;
static struct nvme nvme;

/* What a subtest writes back goes to this half of the disk */
#define SCRATCH (NVME_DISK_SIZE / 2)

/* How much of it is not the disk's own pattern any more */
static uint64_t dirty;

static uint64_t *map_memory(uint64_t size)
{
	uint64_t *memory = aligned_alloc(PAGE, size);

	igt_assert(memory);
	ioas_map(iommufd, ioas, memory, size, BASE + GiB(2));
	return memory;
}

static void unmap_memory(uint64_t *memory, uint64_t size)
{
	ioas_unmap(iommufd, ioas, BASE + GiB(2), size);
	free(memory);
}

static void heal_disk(void)
{
	uint64_t *memory, i;

	if (!dirty)
		return;
	memory = map_memory(dirty);
	for (i = 0; i < dirty; i += 8)
		memory[i / 8] = NVME_DISK_WORD(SCRATCH + i);
	nvme_write(&nvme, SCRATCH, BASE + GiB(2), dirty);
	unmap_memory(memory, dirty);
	dirty = 0;
}

/* Read into the dma-buf, compare the BAR; back to the disk's other half, and
 * into memory again by another way, compare that
 */
static void there_and_back(const struct vfio_region_dma_range *ranges,
			   size_t nr, uint64_t window, uint64_t disk)
{
	uint64_t size = ranges_size(ranges, nr), i;
	struct picture picture;
	int fd;

	vfio_require_bar(&dev, BAR, window);
	heal_disk();
	picture_start(&picture, vfio_map_bar(&dev, BAR), window);
	fd = vfio_dmabuf(&dev, BAR, ranges, nr);
	ioas_map_file(iommufd, ioas, fd, 0, size, BASE);

	nvme_read(&nvme, disk, BASE, size);
	picture_disk(&picture, ranges, nr, 0, size, disk);
	picture_check(&picture);

	/* Change what is there, so that it cannot be what the disk had before */
	for (i = 0; i < size; i += PAGE) {
		uint64_t at = ranges_find(ranges, nr, i);

		guard_fill(picture.bar, at, PAGE);
	}
	if (size <= NVME_DISK_SIZE - SCRATCH) {
		uint64_t *back;

		dirty = size;
		nvme_write(&nvme, SCRATCH, BASE, size);
		back = map_memory(size);
		nvme_read(&nvme, SCRATCH, BASE + GiB(2), size);
		for (i = 0; i < size; i += 8)
			igt_assert_eq_u64(back[i / 8],
					  guard_word(ranges_find(ranges, nr, i)));
		unmap_memory(back, size);
	}

	ioas_unmap(iommufd, ioas, BASE, size);
	close(fd);
	picture_free(&picture);
}

int igt_main()
{
	igt_fixture() {
		klog_no_other_faults();
		iommufd = iommufd_open();
		ioas = ioas_alloc(iommufd);
		vfio_open(&dev, pci_env("DMABUF_EXPORTER"), iommufd);
		nvme_open(&nvme, iommufd);
		nvme_attach(&nvme, ioas);
	}

	/**
	 * SUBTEST: one-range
	 * Description: 32 MiB through one range, both directions
	 */
	igt_subtest("one-range") {
		const struct vfio_region_dma_range range = { MiB(3), MiB(32) };

		there_and_back(&range, 1, MiB(40), 0);
	}

	/**
	 * SUBTEST: two-ranges
	 * Description: Two ranges in reverse order
	 */
	igt_subtest("two-ranges") {
		const struct vfio_region_dma_range ranges[] = {
			{ MiB(6), MiB(2) }, { MiB(1), MiB(1) + PAGE } };

		there_and_back(ranges, 2, MiB(10), MiB(5));
	}

	/**
	 * SUBTEST: ranges-256
	 * Description: 256 scattered ranges of 16 KiB, gaps untouched
	 */
	igt_subtest("ranges-256") {
		struct vfio_region_dma_range *ranges =
			ranges_scattered(256, PAGE, 4 * PAGE);

		there_and_back(ranges, 256, 513 * 4 * PAGE, MiB(9));
		free(ranges);
	}

	/**
	 * SUBTEST: ranges-65536
	 * Description: 65,536 scattered pages, 256 MiB, gaps untouched
	 */
	igt_subtest("ranges-65536") {
		struct vfio_region_dma_range *ranges =
			ranges_scattered(65536, 0, PAGE);

		there_and_back(ranges, 65536, MiB(512), 0);
		free(ranges);
	}

	igt_fixture() {
		nvme_close(&nvme);
		vfio_close(&dev);
		close(iommufd);
	}
}
