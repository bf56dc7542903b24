// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys areas
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Functionality: offsets in a region
 * Description: The calls of QEMU 11 for an assigned device: it exports all areas of a
 *	region that can be mmapped, and takes the offset of an area in the region for its
 *	offset in the dma-buf. These are the same if there is one area, from the start on
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "pci.h"
#include "scene.h"
#include "vtd.h"

#define MAX_AREAS 4

static struct scene scene;
static struct vfio_device nvme1;

/* What vfio_setup_region_sparse_mmaps() of QEMU makes of a region; Return: how many */
static unsigned int region_areas(struct vfio_device *dev, unsigned int index,
				 struct vfio_region_dma_range *areas)
{
	union {
		struct vfio_region_info info;
		uint8_t bytes[4096];
	} region = { .info = { .argsz = sizeof(region), .index = index } };
	const struct vfio_region_info_cap_sparse_mmap *sparse;
	const struct vfio_info_cap_header *cap;
	unsigned int i, nr = 0;
	uint32_t at;

	igt_assert_eq(ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &region), 0);
	if (!(region.info.flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	at = region.info.flags & VFIO_REGION_INFO_FLAG_CAPS ? region.info.cap_offset : 0;
	for (; at; at = cap->next) {
		cap = (const void *)(region.bytes + at);
		if (cap->id != VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			continue;
		sparse = (const void *)cap;
		for (i = 0; i < sparse->nr_areas && nr < MAX_AREAS; i++) {
			if (!sparse->areas[i].size)
				continue;
			areas[nr].offset = sparse->areas[i].offset;
			areas[nr++].length = sparse->areas[i].size;
		}
		return nr;
	}
	areas[0] = (struct vfio_region_dma_range){ 0, region.info.size };
	return 1;
}

static int export_areas(struct vfio_device *dev, unsigned int index,
			const struct vfio_region_dma_range *areas, unsigned int nr)
{
	const struct vfio_device_feature_dma_buf head = {
		.region_index = index,
		.open_flags = O_RDWR,
		.nr_ranges = nr,
	};
	int fd = __vfio_dmabuf_raw(dev, &head, areas, nr);

	igt_assert_fd(fd);
	return fd;
}

/* QEMU's offset in the file: that in the region. Return: 0 or -errno */
static int map_as_qemu(int fd, uint64_t offset, uint64_t length)
{
	return __ioas_map_file(scene.iommufd, scene.ioas, fd, offset, length,
			       BASE + offset);
}

/**
 * SUBTEST: one-area
 * Description: VFIO reports one area for each BAR, which is all of it, also where there
 *	is an MSI-X table: what QEMU maps before and behind a page that it emulates are
 *	the bytes of the BAR at these offsets
 */
static void one_area(void)
{
	struct vfio_device *const devices[] = { &scene.shm, &nvme1 };
	const uint64_t page = MiB(3), behind = page + PAGE;
	struct vfio_region_dma_range areas[MAX_AREAS];
	unsigned int i, bar, seen = 0;
	int fd;

	for (i = 0; i < ARRAY_SIZE(devices); i++)
		for (bar = 0; bar < 6; bar++) {
			if (!region_areas(devices[i], bar, areas))
				continue;
			igt_assert_eq_u32(region_areas(devices[i], bar, areas), 1);
			igt_assert_eq_u64(areas[0].offset, 0);
			igt_assert_eq_u64(areas[0].length, devices[i]->region[bar].size);
			seen++;
		}
	/* BAR 2 of both, and the BAR of the second with its MSI-X table */
	igt_assert_lte_u64(3, seen);

	igt_assert_eq_u32(region_areas(&scene.shm, SHM_BAR, areas), 1);
	fd = export_areas(&scene.shm, SHM_BAR, areas, 1);
	igt_assert_eq(map_as_qemu(fd, 0, page), 0);
	igt_assert_eq(map_as_qemu(fd, behind, areas[0].length - behind), 0);
	scene_store(&scene, BASE + page - 8, scene.bar + page - 8);
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + page));
	scene_store(&scene, BASE + behind, scene.bar + behind);
	scene_store(&scene, BASE + areas[0].length - 8, scene.bar + areas[0].length - 8);
	close(fd);
}

/**
 * SUBTEST: several-areas
 * Description: If a region had several areas, the kernel could not tell: QEMU's offset of
 *	one is inside the dma-buf and names bytes of another, or is behind its end, which
 *	is EINVAL. The sum of the lengths before it is the right one
 */
static void several_areas(void)
{
	const struct vfio_region_dma_range areas[] = {
		{ 0, MiB(1) }, { MiB(2), MiB(1) }, { MiB(4), MiB(2) } };
	int fd = export_areas(&scene.shm, SHM_BAR, areas, ARRAY_SIZE(areas));
	uint64_t at = 0;
	size_t i;

	igt_assert_eq(map_as_qemu(fd, 0, MiB(1)), 0);
	scene_store(&scene, BASE + MiB(1) - 8, scene.bar + MiB(1) - 8);
	igt_assert_eq(map_as_qemu(fd, MiB(2), MiB(1)), 0);
	scene_store(&scene, BASE + MiB(2), scene.bar + MiB(4));
	igt_assert_eq(map_as_qemu(fd, MiB(4), MiB(2)), -EINVAL);

	scene_reset_ioas(&scene);
	for (i = 0; i < ARRAY_SIZE(areas); i++) {
		ioas_map_file(scene.iommufd, scene.ioas, fd, at, areas[i].length,
			      BASE + areas[i].offset);
		scene_store(&scene, BASE + areas[i].offset, scene.bar + areas[i].offset);
		at += areas[i].length;
	}
	close(fd);
}

int igt_main()
{
	igt_fixture() {
		scene_open(&scene);
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
	}

	igt_subtest("one-area") {
		scene_reset_ioas(&scene);
		one_area();
	}

	igt_subtest("several-areas") {
		scene_reset_ioas(&scene);
		several_areas();
	}

	igt_fixture() {
		vfio_close(&nvme1);
		scene_close(&scene);
	}
}
