// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys storm
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: stress
 * Functionality: races
 * Description: Revokes and restores as fast as they go, against everything an
 *	importer does, in parallel; afterwards all of it works
 * Test category: stress test
 */
#include <errno.h>
#include <unistd.h>

#include "igt_core.h"
#include "pci.h"
#include "scene.h"
#include "sysfs.h"
#include "vtd.h"
#include "worker.h"

#define NR 64u
#define FRAG PAGE
#define SIZE (NR * FRAG)

static struct scene scene;
static struct vfio_region_dma_range *ranges;
static int fd;

/* Switches the exporter's memory off and on */
static int toggle(void)
{
	int ret = __vfio_memory_enable(&scene.shm, false);

	return ret ? ret : __vfio_memory_enable(&scene.shm, true);
}

static int reset(void)
{
	return __vfio_reset(&scene.shm);
}

static int map_unmap(void)
{
	int ret = __ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE,
				  BASE + GiB(1));

	return ret ? ret : __ioas_unmap(scene.iommufd, scene.ioas,
					BASE + GiB(1), SIZE);
}

static int map_unmap_slice(void)
{
	int ret = __ioas_map_file(scene.iommufd, scene.ioas, fd, PAGE,
				  SIZE - 2 * PAGE, BASE + GiB(2));

	return ret ? ret : __ioas_unmap(scene.iommufd, scene.ioas,
					BASE + GiB(2), SIZE - 2 * PAGE);
}

/* The permanent mapping; a device does not know whether it faulted */
static int dma(void)
{
	int ret = __nvme_rw(&scene.nvme, false, 0, BASE, SIZE);

	return ret < 0 ? ret : 0;
}

static int export_close(void)
{
	int dmabuf = __vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR), ret;

	if (dmabuf < 0)
		return dmabuf;
	ret = __ioas_map_file(scene.iommufd, scene.ioas, dmabuf, 0, SIZE,
			      BASE + GiB(3));
	close(dmabuf);
	return ret ? ret : __ioas_unmap(scene.iommufd, scene.ioas,
					BASE + GiB(3), SIZE);
}

/* A device joins and leaves an address space that has a mapping */
static uint32_t spare_ioas;

static int attach_detach(void)
{
	int ret = __vfio_attach(&scene.edu.dev, spare_ioas);

	return ret ? ret : __vfio_attach(&scene.edu.dev, scene.ioas);
}

static int copy(void)
{
	int ret = __ioas_copy(scene.iommufd, spare_ioas, BASE + GiB(1),
			      scene.ioas, BASE, SIZE);

	return ret ? ret : __ioas_unmap(scene.iommufd, spare_ioas,
					BASE + GiB(1), SIZE);
}

static void storm(struct worker *workers, unsigned int nr, unsigned int seconds)
{
	uint64_t word;
	unsigned int i;

	scene_reset_ioas(&scene);
	fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	spare_ioas = ioas_alloc(scene.iommufd);
	ioas_map_file(scene.iommufd, spare_ioas, fd, 0, SIZE, BASE);

	guard_fill(scene.bar, 0, 2 * SIZE);
	workers_run(workers, nr, seconds);

	/* The permanent mapping is back, everywhere, and gaps are untouched */
	vfio_memory_enable(&scene.shm, true);
	for (i = 0; i < NR; i++)
		guard_check(scene.bar, ranges[i].offset + FRAG, FRAG);
	igt_assert(vtd_mapped(scene.edu.dev.addr, BASE));
	igt_assert(vtd_mapped(scene.edu.dev.addr, BASE + SIZE - PAGE));
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + GiB(1)));
	word = scene_store(&scene, BASE + 5 * PAGE,
			   scene.bar + ranges_find(ranges, NR, 5 * PAGE));
	igt_assert_eq_u64(scene_load(&scene, BASE + 5 * PAGE), word);
	nvme_read(&scene.nvme, MiB(2), BASE, SIZE);
	for (i = 0; i < NR; i++)
		igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar +
							 ranges[i].offset),
				  NVME_DISK_WORD(MiB(2) + i * FRAG));

	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	iommufd_destroy(scene.iommufd, spare_ioas);
	close(fd);
}

int igt_main()
{
	igt_fixture() {
		scene_open(&scene);
		ranges = ranges_scattered(NR, 0, FRAG);
	}

	/**
	 * SUBTEST: map
	 * Description: Memory-enable storm against mapping, unmapping and DMA
	 */
	igt_subtest("map") {
		struct worker workers[] = {
			{ .name = "memory-enable", .once = toggle },
			{ .name = "map", .once = map_unmap, .allowed = -ENODEV },
			{ .name = "map-slice", .once = map_unmap_slice,
			  .allowed = -ENODEV },
			{ .name = "nvme", .once = dma },
		};

		storm(workers, 4, 10);
	}

	/**
	 * SUBTEST: domains
	 * Description: Memory-enable storm against devices that join and leave,
	 *	copies and exports
	 */
	igt_subtest("domains") {
		struct worker workers[] = {
			{ .name = "memory-enable", .once = toggle },
			{ .name = "attach-detach", .once = attach_detach },
			{ .name = "copy", .once = copy, .allowed = -ENODEV },
			{ .name = "export", .once = export_close,
			  .allowed = -ENODEV },
		};

		storm(workers, 4, 10);
	}

	/**
	 * SUBTEST: reset
	 * Description: Reset storm against mapping and DMA
	 */
	igt_subtest("reset") {
		struct worker workers[] = {
			{ .name = "reset", .once = reset },
			{ .name = "map", .once = map_unmap, .allowed = -ENODEV },
			{ .name = "nvme", .once = dma },
		};

		storm(workers, 3, 8);
	}

	igt_fixture()
		scene_close(&scene);
}
