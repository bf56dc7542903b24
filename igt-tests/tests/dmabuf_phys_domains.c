// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys domains
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Functionality: several domains
 * Description: One dma-buf in several page tables and address spaces: devices
 *	that come and go, copies, and cutting a mapping in pieces
 * Test category: functionality test
 */
#include <inttypes.h>
#include <unistd.h>

#include "igt_core.h"
#include "scene.h"
#include "vtd.h"

#define NR 16u
#define FRAG (2 * PAGE)
#define SIZE (NR * FRAG)

static struct scene scene;
static struct vfio_region_dma_range *ranges;
static const char *edu, *nvme;

static int export_ranges(void)
{
	return vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
}

static uint8_t *cpu(uint64_t offset)
{
	return scene.bar + ranges_find(ranges, NR, offset);
}

/* Whether a device sees the whole dma-buf at an address, in order */
static void expect_translation(const char *addr, uint64_t iova)
{
	struct vtd_entry first, entry;
	uint64_t at;

	vtd_lookup(addr, iova, &first);
	igt_assert(first.present);
	for (at = 0; at < SIZE; at += PAGE) {
		vtd_lookup(addr, iova + at, &entry);
		igt_assert_f(entry.present, "%s: IOVA 0x%" PRIx64 " is not mapped\n",
			     addr, iova + at);
		igt_assert_eq_u64(entry.paddr - first.paddr,
				  ranges_find(ranges, NR, at) -
					  ranges_find(ranges, NR, 0));
	}
	igt_assert(!vtd_mapped(addr, iova + SIZE));
}

/**
 * SUBTEST: attach-before-and-after
 * Description: A device attached after mapping sees the same as one attached
 *	before, and as one that was detached and reattached
 */
static void attach_before_and_after(void)
{
	uint32_t ioas = ioas_alloc(scene.iommufd);
	int fd = export_ranges();

	ioas_map_file(scene.iommufd, ioas, fd, 0, SIZE, BASE);
	edu_attach(&scene.edu, ioas);
	expect_translation(edu, BASE);
	scene_store(&scene, BASE + FRAG, cpu(FRAG));

	nvme_attach(&scene.nvme, ioas);
	expect_translation(nvme, BASE);
	vfio_detach(&scene.edu.dev);
	igt_assert(!vtd_mapped(edu, BASE));
	nvme_read(&scene.nvme, MiB(1), BASE, SIZE);
	igt_assert_eq_u64(*(volatile uint64_t *)cpu(SIZE - 8),
			  NVME_DISK_WORD(MiB(1) + SIZE - 8));

	/* Nobody left in the address space, then somebody again */
	vfio_attach(&scene.nvme.dev, scene.ioas);
	vfio_attach(&scene.edu.dev, ioas);
	expect_translation(edu, BASE);
	scene_store(&scene, BASE + SIZE - 8, cpu(SIZE - 8));

	vfio_attach(&scene.edu.dev, scene.ioas);
	ioas_unmap(scene.iommufd, ioas, BASE, SIZE);
	iommufd_destroy(scene.iommufd, ioas);
	close(fd);
}

/**
 * SUBTEST: page-tables
 * Description: Two page tables of one IOAS, one device in each
 */
static void page_tables(void)
{
	uint32_t ioas = ioas_alloc(scene.iommufd), a, b;
	int fd = export_ranges();

	igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.edu.dev.devid, ioas,
				   &a), 0);
	edu_map_bounce(&scene.edu, ioas);
	vfio_attach(&scene.edu.dev, a);
	ioas_map_file(scene.iommufd, ioas, fd, 0, SIZE, BASE);
	expect_translation(edu, BASE);

	igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.nvme.dev.devid, ioas,
				   &b), 0);
	vfio_attach(&scene.nvme.dev, b);
	expect_translation(nvme, BASE);
	ioas_map_file(scene.iommufd, ioas, fd, 0, SIZE, BASE + GiB(1));
	expect_translation(edu, BASE + GiB(1));
	expect_translation(nvme, BASE + GiB(1));

	vfio_attach(&scene.edu.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, a);
	expect_translation(nvme, BASE);
	ioas_unmap(scene.iommufd, ioas, BASE, SIZE);
	igt_assert(!vtd_mapped(nvme, BASE));
	expect_translation(nvme, BASE + GiB(1));

	vfio_attach(&scene.nvme.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, b);
	iommufd_destroy(scene.iommufd, ioas);
	close(fd);
}

/**
 * SUBTEST: address-spaces
 * Description: One dma-buf in two IOASes at different addresses and slices
 */
static void address_spaces(void)
{
	uint32_t other = ioas_alloc(scene.iommufd);
	int fd = export_ranges();

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	ioas_map_file(scene.iommufd, other, fd, FRAG + PAGE, 4 * FRAG,
		      BASE + MiB(64));
	nvme_attach(&scene.nvme, other);

	scene_store(&scene, BASE + FRAG + PAGE, cpu(FRAG + PAGE));
	nvme_read(&scene.nvme, 0, BASE + MiB(64), PAGE);
	igt_assert_eq_u64(*(volatile uint64_t *)cpu(FRAG + PAGE + 8),
			  NVME_DISK_WORD(8));
	igt_assert(!vtd_mapped(nvme, BASE));
	igt_assert(!vtd_mapped(edu, BASE + MiB(64)));

	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	igt_assert(vtd_mapped(nvme, BASE + MiB(64)));
	vfio_attach(&scene.nvme.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, other);
	close(fd);
}

/**
 * SUBTEST: copy
 * Description: IOMMU_IOAS_COPY of a whole mapping and of a slice works, outlives
 *	the original, and is revoked and restored like it
 */
static void copy(void)
{
	uint32_t other = ioas_alloc(scene.iommufd);
	int fd = export_ranges(), ret;

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	close(fd);
	ret = __ioas_copy(scene.iommufd, other, BASE + GiB(1), scene.ioas, BASE,
			  SIZE);
	igt_assert_f(!ret, "IOMMU_IOAS_COPY: %s\n", strerror(-ret));
	ret = __ioas_copy(scene.iommufd, other, BASE + GiB(2), scene.ioas,
			  BASE + FRAG + PAGE, 2 * FRAG);
	igt_assert_f(!ret, "IOMMU_IOAS_COPY of a part: %s\n", strerror(-ret));
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);

	edu_attach(&scene.edu, other);
	expect_translation(edu, BASE + GiB(1));
	scene_store(&scene, BASE + GiB(1) + FRAG, cpu(FRAG));
	scene_store(&scene, BASE + GiB(2), cpu(FRAG + PAGE));
	scene_store(&scene, BASE + GiB(2) + 2 * FRAG - 8,
		    cpu(3 * FRAG + PAGE - 8));
	igt_assert(!vtd_mapped(edu, BASE + GiB(2) + 2 * FRAG));

	vfio_memory_enable(&scene.shm, false);
	igt_assert(!vtd_mapped(edu, BASE + GiB(1)));
	igt_assert(!vtd_mapped(edu, BASE + GiB(2)));
	vfio_memory_enable(&scene.shm, true);
	expect_translation(edu, BASE + GiB(1));
	scene_store(&scene, BASE + GiB(2), cpu(FRAG + PAGE));

	vfio_attach(&scene.edu.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, other);
}

static uint32_t ioas_without_large_pages(void)
{
	uint32_t ioas = ioas_alloc(scene.iommufd);

	igt_assert_eq(__ioas_set_huge_pages(scene.iommufd, ioas, false), 0);
	return ioas;
}

/**
 * SUBTEST: small-pages
 * Description: An address space without large pages maps dma-bufs with small ones
 */
static void small_pages(void)
{
	uint32_t ioas = ioas_without_large_pages();
	int fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, MiB(4));
	struct vtd_entry entry;

	edu_attach(&scene.edu, ioas);
	ioas_map_file(scene.iommufd, ioas, fd, 0, MiB(4), BASE);
	vtd_lookup(edu, BASE + MiB(2), &entry);
	igt_assert_eq_u64(entry.page, PAGE);
	scene_store(&scene, BASE + MiB(3), scene.bar + MiB(3));
	vfio_attach(&scene.edu.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, ioas);
	close(fd);
}

static void expect_both(uint64_t iova, bool mapped)
{
	igt_assert_eq(vtd_mapped(edu, iova), mapped);
	igt_assert_eq(vtd_mapped(nvme, iova), mapped);
}

/**
 * SUBTEST: split
 * Description: VFIO's TYPE1 ioctls cut a mapping anywhere, and again: each piece
 *	stays correct, in two page tables, is revoked and restored, and goes by
 *	itself
 */
static void split(void)
{
	uint32_t ioas = ioas_without_large_pages(), a, b;
	const uint64_t hole = FRAG + PAGE, hole_size = 2 * FRAG;
	uint64_t unmapped = hole_size;
	int fd = export_ranges(), i;

	igt_assert_eq(__vfio_compat_set_ioas(scene.iommufd, ioas), 0);
	igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.edu.dev.devid, ioas,
				   &a), 0);
	igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.nvme.dev.devid, ioas,
				   &b), 0);
	edu_map_bounce(&scene.edu, ioas);
	vfio_attach(&scene.edu.dev, a);
	vfio_attach(&scene.nvme.dev, b);
	ioas_map_file(scene.iommufd, ioas, fd, 0, SIZE, BASE);
	close(fd);

	igt_assert_eq(__vfio_compat_unmap(scene.iommufd, BASE + hole,
					  &unmapped), 0);
	igt_assert_eq_u64(unmapped, hole_size);
	/* Twice, the second time after a revoke and a restore */
	for (i = 0; i < 2; i++) {
		expect_both(BASE + hole - PAGE, true);
		expect_both(BASE + hole, false);
		expect_both(BASE + hole + hole_size - PAGE, false);
		expect_both(BASE + hole + hole_size, true);
		scene_store(&scene, BASE + hole - 8, cpu(hole - 8));
		scene_store(&scene, BASE + hole + hole_size,
			    cpu(hole + hole_size));
		scene_store(&scene, BASE + SIZE - 8, cpu(SIZE - 8));
		vfio_memory_enable(&scene.shm, false);
		expect_both(BASE, false);
		expect_both(BASE + SIZE - PAGE, false);
		vfio_memory_enable(&scene.shm, true);
	}
	unmapped = hole;
	igt_assert_eq(__vfio_compat_unmap(scene.iommufd, BASE, &unmapped), 0);
	igt_assert_eq_u64(unmapped, hole);
	expect_both(BASE, false);
	expect_both(BASE + SIZE - PAGE, true);
	scene_store(&scene, BASE + SIZE - 8, cpu(SIZE - 8));

	vfio_attach(&scene.edu.dev, scene.ioas);
	vfio_attach(&scene.nvme.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, a);
	iommufd_destroy(scene.iommufd, b);
	iommufd_destroy(scene.iommufd, ioas);
}

int igt_main()
{
	igt_fixture() {
		scene_open(&scene);
		edu = scene.edu.dev.addr;
		nvme = scene.nvme.dev.addr;
		ranges = ranges_scattered(NR, PAGE, FRAG);
	}

	igt_subtest("attach-before-and-after")
		attach_before_and_after();

	igt_subtest("page-tables") {
		scene_reset_ioas(&scene);
		page_tables();
	}

	igt_subtest("address-spaces") {
		scene_reset_ioas(&scene);
		address_spaces();
	}

	igt_subtest("copy") {
		scene_reset_ioas(&scene);
		copy();
	}

	igt_subtest("small-pages") {
		scene_reset_ioas(&scene);
		small_pages();
	}

	igt_subtest("split") {
		scene_reset_ioas(&scene);
		split();
	}

	igt_fixture()
		scene_close(&scene);
}
