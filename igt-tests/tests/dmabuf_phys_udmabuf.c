// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys udmabuf
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: CPU memory
 * Description: udmabuf keeps its own dma_buf_ops and joins as an exporter: a memfd's
 *	pages reach devices through iommufd
 * Test category: functionality test
 */
#include <sys/mman.h>
#include <unistd.h>

#include "igt_core.h"
#include "memory.h"
#include "module.h"
#include "scene.h"
#include "vtd.h"

IGT_TEST_DESCRIPTION("memfd pages through udmabuf and iommufd");

#define SIZE MiB(4)

static struct scene scene;
static int memfd, fd;
static uint64_t *mem;

/**
 * SUBTEST: single-accesses
 * Description: edu reads and writes the memfd
 *
 * SUBTEST: bulk
 * Description: The disk into the memfd, all of it compared, and back
 *
 * SUBTEST: slice
 * Description: A slice of a udmabuf that is a part of the memfd
 *
 * SUBTEST: outlives
 * Description: The mapping outlives memfd, dma-buf and CPU mapping
 */
static void bulk(void)
{
	uint64_t i;

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	nvme_read(&scene.nvme, MiB(7), BASE, SIZE);
	for (i = 0; i < SIZE; i += 8)
		igt_assert_eq_u64(mem[i / 8], NVME_DISK_WORD(MiB(7) + i));

	guard_fill(mem, 0, SIZE);
	nvme_write(&scene.nvme, MiB(40), BASE, SIZE);
	memset(mem, 0, SIZE);
	nvme_read(&scene.nvme, MiB(40), BASE, SIZE);
	guard_check(mem, 0, SIZE);
}

static void slice(void)
{
	int part = __udmabuf(memfd, MiB(1), MiB(1));
	struct vtd_entry entry;
	uint64_t i;

	igt_assert_fd(part);
	guard_fill(mem, 0, SIZE);
	ioas_map_file(scene.iommufd, scene.ioas, part, PAGE, 5 * PAGE, BASE);
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, part, 0,
				      MiB(1) + PAGE, BASE + GiB(1)), -EINVAL);
	nvme_read(&scene.nvme, 0, BASE, 5 * PAGE);
	for (i = 0; i < 5 * PAGE; i += 8)
		igt_assert_eq_u64(mem[(MiB(1) + PAGE + i) / 8],
				  NVME_DISK_WORD(i));
	guard_check(mem, 0, MiB(1) + PAGE);
	guard_check(mem, MiB(1) + 6 * PAGE, SIZE - MiB(1) - 6 * PAGE);
	vtd_lookup(scene.edu.dev.addr, BASE + 5 * PAGE, &entry);
	igt_assert(!entry.present);
	close(part);
}

static void outlives(void)
{
	int other = sealed_memfd(MiB(1));
	int dmabuf = __udmabuf(other, 0, MiB(1));
	uint64_t word;

	igt_assert_fd(dmabuf);
	ioas_map_file(scene.iommufd, scene.ioas, dmabuf, 0, MiB(1), BASE);
	close(dmabuf);
	close(other);
	word = scene_store(&scene, BASE + MiB(1) - 8, NULL);
	igt_assert_eq_u64(scene_load(&scene, BASE + MiB(1) - 8), word);
	ioas_unmap(scene.iommufd, scene.ioas, BASE, MiB(1));
}

int igt_main()
{
	igt_fixture() {
		module_load("udmabuf");
		scene_open(&scene);
		memfd = sealed_memfd(SIZE);
		mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   memfd, 0);
		igt_assert(mem != MAP_FAILED);
		fd = __udmabuf(memfd, 0, SIZE);
		igt_assert_f(fd >= 0, "udmabuf: %s\n", strerror(-fd));
	}

	igt_describe("Single accesses");
	igt_subtest("single-accesses") {
		uint64_t word;

		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
		scene_store(&scene, BASE, mem);
		word = scene_store(&scene, BASE + MiB(3) + PAGE + 8,
				   mem + (MiB(3) + PAGE + 8) / 8);
		igt_assert_eq_u64(scene_load(&scene, BASE + MiB(3) + PAGE + 8),
				  word);
	}

	igt_describe("Bulk data");
	igt_subtest("bulk") {
		scene_reset_ioas(&scene);
		bulk();
	}

	igt_describe("A slice of a part");
	igt_subtest("slice") {
		scene_reset_ioas(&scene);
		slice();
	}

	igt_describe("The mapping keeps the pages");
	igt_subtest("outlives") {
		scene_reset_ioas(&scene);
		outlives();
	}

	igt_fixture() {
		munmap(mem, SIZE);
		close(fd);
		close(memfd);
		scene_close(&scene);
	}
}
