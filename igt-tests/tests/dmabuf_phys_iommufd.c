// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys iommufd
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Functionality: mapping into an IOAS
 * Description: Mapping dma-bufs of many ranges, whole and in slices, into an
 *	address space, and everything that must be refused
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "memory.h"
#include "pci.h"
#include "scene.h"
#include "sysfs.h"
#include "vtd.h"

#define TRACING "/sys/kernel/tracing/"
#define NR 16u
#define FRAG (4 * PAGE)
#define SIZE (NR * FRAG)
#define WINDOW (2 * SIZE)

static struct scene scene;
static struct vfio_region_dma_range *ranges;

static int export_ranges(void)
{
	return vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
}

/* Where the CPU sees a byte of the dma-buf of export_ranges() */
static uint8_t *cpu(uint64_t offset)
{
	return scene.bar + ranges_find(ranges, NR, offset);
}

static void slice(int fd, uint64_t start, uint64_t length)
{
	struct picture picture;

	picture_start(&picture, scene.bar, WINDOW);
	ioas_map_file(scene.iommufd, scene.ioas, fd, start, length, BASE);
	nvme_read(&scene.nvme, 0, BASE, length);
	picture_disk(&picture, ranges, NR, start, length, 0);
	picture_check(&picture);
	picture_free(&picture);

	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE - PAGE));
	igt_assert(vtd_mapped(scene.edu.dev.addr, BASE));
	igt_assert(vtd_mapped(scene.edu.dev.addr, BASE + length - PAGE));
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + length));
	ioas_unmap(scene.iommufd, scene.ioas, BASE, length);
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE));
}

/**
 * SUBTEST: slices
 * Description: Slices that start and end at, before, behind and inside frags: the
 *	disk's bytes arrive in the slice, in order, and nowhere else
 */
static void slices(void)
{
	static const uint64_t starts[] = { 0, PAGE, FRAG - PAGE, FRAG,
					   FRAG + PAGE, SIZE - FRAG };
	static const uint64_t lengths[] = { PAGE, FRAG - PAGE, FRAG, FRAG + PAGE,
					    3 * FRAG - 2 * PAGE };
	int fd = export_ranges();
	size_t s, l;

	for (s = 0; s < ARRAY_SIZE(starts); s++)
		for (l = 0; l < ARRAY_SIZE(lengths); l++)
			if (starts[s] + lengths[l] <= SIZE)
				slice(fd, starts[s], lengths[l]);
	slice(fd, 0, SIZE);
	slice(fd, PAGE, SIZE - 2 * PAGE);
	close(fd);
}

/**
 * SUBTEST: bad-slice
 * Description: Slices that are empty or not inside the dma-buf are refused, and
 *	leave nothing behind
 */
static void bad_slice(void)
{
	const struct {
		uint64_t start, length;
	} cases[] = {
		{ 0, 0 }, { PAGE, 0 }, { 0, SIZE + PAGE }, { SIZE, PAGE },
		{ SIZE - PAGE, 2 * PAGE }, { PAGE, SIZE }, { GiB(64), PAGE },
		{ -PAGE, PAGE }, { -PAGE, 2 * PAGE }, { PAGE, -PAGE },
		{ SIZE, SIZE }, { 1ull << 63, 1ull << 63 },
		{ PAGE, UINT64_MAX - PAGE },
	};
	int fd = export_ranges(), ret;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ret = __ioas_map_file(scene.iommufd, scene.ioas, fd,
				      cases[i].start, cases[i].length, BASE);
		igt_assert_f(ret == -EINVAL || ret == -EOVERFLOW,
			     "slice 0x%" PRIx64 "+0x%" PRIx64 ": %d\n",
			     cases[i].start, cases[i].length, ret);
		/* The address is still free */
		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
		ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	}

	/* IOVA and offset must agree below a page, and the length be pages */
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 0, PAGE,
				      BASE + 512), -EINVAL);
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 0, 512,
				      BASE), -EINVAL);
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 512, PAGE,
				      BASE), -EINVAL);
	close(fd);
}

/**
 * SUBTEST: single-accesses
 * Description: One byte, and accesses that straddle borders of frags, both ways;
 *	the bytes beside them stay
 */
static void single_accesses(void)
{
	static const struct {
		uint64_t offset;
		size_t length;
	} cases[] = {
		{ 0, 1 }, { FRAG - 1, 2 }, { FRAG - 1024, EDU_MAX },
		{ SIZE - EDU_MAX, EDU_MAX }, { 5 * FRAG + 3 * PAGE - 3, 7 },
	};
	uint8_t out[EDU_MAX], in[EDU_MAX];
	int fd = export_ranges();
	size_t c, i;

	guard_fill(scene.bar, 0, WINDOW);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	for (c = 0; c < ARRAY_SIZE(cases); c++) {
		const uint64_t at = cases[c].offset;
		const size_t len = cases[c].length;

		for (i = 0; i < len; i++)
			out[i] = (uint8_t)(i * 7 + c + 1);
		edu_write(&scene.edu, BASE + at, out, len);
		for (i = 0; i < len; i++)
			igt_assert_eq(*cpu(at + i), out[i]);

		for (i = 0; i < len; i++)
			*cpu(at + i) = (uint8_t)~out[i];
		edu_read(&scene.edu, BASE + at, in, len);
		for (i = 0; i < len; i++)
			igt_assert_eq(in[i], (uint8_t)~out[i]);

		/* Put the guard back under it, then all of it must be guard */
		for (i = 0; i < len; i++) {
			uint64_t bar = ranges_find(ranges, NR, at + i);

			scene.bar[bar] = guard_byte(bar);
		}
		guard_check(scene.bar, 0, WINDOW);
	}
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	close(fd);
}

/**
 * SUBTEST: aliases
 * Description: The same page twice in a dma-buf is seen at both places
 */
static void aliases(void)
{
	const struct vfio_region_dma_range twice[] = {
		{ MiB(1), PAGE }, { MiB(2), PAGE }, { MiB(1), PAGE } };
	int fd = vfio_dmabuf(&scene.shm, SHM_BAR, twice, 3);
	uint64_t word;

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, 3 * PAGE, BASE);
	word = scene_store(&scene, BASE + 2 * PAGE + 64,
			   scene.bar + MiB(1) + 64);
	igt_assert_eq_u64(scene_load(&scene, BASE + 64), word);
	close(fd);
}

/**
 * SUBTEST: several-mappings
 * Description: One dma-buf at three addresses; each can be unmapped on its own
 */
static void several_mappings(void)
{
	int fd = export_ranges();
	uint64_t word;

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE + GiB(1));
	ioas_map_file(scene.iommufd, scene.ioas, fd, FRAG - PAGE, 2 * FRAG,
		      BASE + GiB(2));
	word = scene_store(&scene, BASE + FRAG, cpu(FRAG));
	igt_assert_eq_u64(scene_load(&scene, BASE + GiB(1) + FRAG), word);
	igt_assert_eq_u64(scene_load(&scene, BASE + GiB(2) + PAGE), word);

	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + FRAG));
	scene_store(&scene, BASE + GiB(2) + PAGE, cpu(FRAG));
	ioas_unmap(scene.iommufd, scene.ioas, BASE + GiB(2), 2 * FRAG);
	scene_store(&scene, BASE + GiB(1), cpu(0));
	close(fd);
}

/**
 * SUBTEST: copies
 * Description: Copies of a mapping, which share what is known of the dma-buf: each can
 *	be unmapped on its own, and those before and behind it stay
 */
static void copies(void)
{
	int fd = export_ranges(), i;

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE + GiB(1));
	for (i = 0; i < 4; i++)
		if (i != 1)
			igt_assert_eq(__ioas_copy(scene.iommufd, scene.ioas,
						  BASE + i * GiB(1), scene.ioas,
						  BASE + GiB(1), SIZE), 0);
	ioas_unmap(scene.iommufd, scene.ioas, BASE + GiB(1), SIZE);
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + GiB(1)));
	scene_store(&scene, BASE, cpu(0));
	scene_store(&scene, BASE + GiB(2) + FRAG, cpu(FRAG));
	ioas_unmap(scene.iommufd, scene.ioas, BASE + GiB(2), SIZE);
	scene_store(&scene, BASE + FRAG, cpu(FRAG));
	scene_store(&scene, BASE + GiB(3), cpu(0));
	close(fd);
}

/**
 * SUBTEST: unmap-part
 * Description: Unmapping part of a mapping fails and changes nothing
 */
static void unmap_part(void)
{
	int fd = export_ranges();

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	igt_assert_eq(__ioas_unmap(scene.iommufd, scene.ioas, BASE, FRAG),
		      -ENOENT);
	igt_assert_eq(__ioas_unmap(scene.iommufd, scene.ioas, BASE + FRAG,
				   SIZE - FRAG), -ENOENT);
	igt_assert_eq(__ioas_unmap(scene.iommufd, scene.ioas, BASE + PAGE,
				   PAGE), -ENOENT);
	scene_store(&scene, BASE, cpu(0));
	scene_store(&scene, BASE + SIZE - 8, cpu(SIZE - 8));
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	igt_assert_eq(__ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE),
		      -ENOENT);
	close(fd);
}

/**
 * SUBTEST: unmap-all
 * Description: Unmapping everything includes dma-bufs
 */
static void unmap_all(void)
{
	int fd = export_ranges();
	uint32_t ioas = ioas_alloc(scene.iommufd);

	ioas_map_file(scene.iommufd, ioas, fd, 0, SIZE, BASE);
	ioas_map_file(scene.iommufd, ioas, fd, PAGE, FRAG, BASE + GiB(1));
	edu_attach(&scene.edu, ioas);
	igt_assert(vtd_mapped(scene.edu.dev.addr, BASE));
	ioas_unmap(scene.iommufd, ioas, 0, UINT64_MAX);
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE));
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + GiB(1)));
	vfio_attach(&scene.edu.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, ioas);
	close(fd);
}

/**
 * SUBTEST: iova-any
 * Description: The kernel chooses addresses, which are free and work
 */
static void iova_any(void)
{
	uint64_t a = IOVA_ANY, b = IOVA_ANY;
	uint32_t prot = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	int fd = export_ranges();

	igt_assert_eq(__ioas_map_file_prot(scene.iommufd, scene.ioas, fd, 0,
					   SIZE, &a, prot), 0);
	igt_assert_eq(__ioas_map_file_prot(scene.iommufd, scene.ioas, fd, PAGE,
					   FRAG, &b, prot), 0);
	igt_assert(b + FRAG <= a || a + SIZE <= b);
	scene_store(&scene, a + FRAG, cpu(FRAG));
	scene_store(&scene, b, cpu(PAGE));
	close(fd);
}

/* What is mapped at BASE a device may read, and not write to */
static void expect_only_reads(void)
{
	struct vtd_entry entry;

	vtd_lookup(scene.edu.dev.addr, BASE, &entry);
	igt_assert(entry.present && entry.readable && !entry.writable);
	*(uint64_t *)cpu(FRAG) = 0x1234567812345678ull;
	igt_assert_eq_u64(scene_load(&scene, BASE + FRAG),
			  0x1234567812345678ull);
	scene_store(&scene, BASE + FRAG, NULL);
	igt_assert_eq_u64(*(volatile uint64_t *)cpu(FRAG),
			  0x1234567812345678ull);
}

/**
 * SUBTEST: protection
 * Description: A mapping without write permission cannot be written
 */
static void protection(void)
{
	uint64_t iova = BASE;
	int fd = export_ranges();

	igt_assert_eq(__ioas_map_file_prot(scene.iommufd, scene.ioas, fd, 0,
					   SIZE, &iova,
					   IOMMU_IOAS_MAP_READABLE), 0);
	expect_only_reads();

	/* No rights at all is no mapping */
	iova = BASE + GiB(1);
	igt_assert_eq(__ioas_map_file_prot(scene.iommufd, scene.ioas, fd, 0,
					   SIZE, &iova, 0), -EINVAL);
	close(fd);
}

/**
 * SUBTEST: read-only
 * Description: A dma-buf opened read-only cannot be mapped writable, nor can a copy
 *	of its mapping
 */
static void read_only(void)
{
	const struct vfio_device_feature_dma_buf head = {
		.region_index = SHM_BAR,
		.open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = NR,
	};
	int fd = __vfio_dmabuf_raw(&scene.shm, &head, ranges, NR);
	uint64_t iova = BASE;

	igt_assert_fd(fd);
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE,
				      BASE), -EACCES);
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE));
	igt_assert_eq(__ioas_map_file_prot(scene.iommufd, scene.ioas, fd, 0,
					   SIZE, &iova,
					   IOMMU_IOAS_MAP_WRITEABLE), -EACCES);
	igt_assert_eq(__ioas_map_file_prot(scene.iommufd, scene.ioas, fd, 0,
					   SIZE, &iova,
					   IOMMU_IOAS_MAP_READABLE), 0);
	igt_assert_eq(__ioas_copy(scene.iommufd, scene.ioas, BASE + GiB(1),
				  scene.ioas, BASE, SIZE), -EPERM);
	expect_only_reads();
	close(fd);
}

static void expect_page(uint64_t iova, uint64_t page)
{
	struct vtd_entry entry;

	vtd_lookup(scene.edu.dev.addr, iova, &entry);
	igt_assert(entry.present);
	igt_info("IOVA 0x%" PRIx64 ": I/O page of %" PRIu64 " KiB\n", iova,
		 entry.page >> 10);
	igt_assert_eq_u64(entry.page, page);
}

static int __trace_maps(bool on)
{
	return __sysfs_write(TRACING "events/iommu/map/enable", on ? "1" : "0");
}

/**
 * SUBTEST: traced
 * Description: The IOMMU's trace events name each range and where it is, however many are
 *	mapped at once
 */
static void traced(void)
{
	uint64_t iova, end, paddr;
	struct vtd_entry entry;
	unsigned int seen = 0;
	char line[256];
	const char *at;
	FILE *f;
	int fd = export_ranges();

	igt_require_f(!access(TRACING "events/iommu/map/enable", W_OK),
		      "no trace events of the IOMMU: mount tracefs, as root\n");
	trace_clear();
	igt_assert_eq(__trace_maps(true), 0);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	igt_assert_eq(__trace_maps(false), 0);
	f = fopen(TRACING "trace", "re");
	igt_assert(f);
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "map: IOMMU: ");
		if (!at || sscanf(at, "map: IOMMU: iova=%" SCNx64 " - %" SCNx64 " paddr=%" SCNx64,
				  &iova, &end, &paddr) != 3 ||
		    iova < BASE || iova >= BASE + SIZE)
			continue;
		igt_assert_eq_u64(iova, BASE + seen * FRAG);
		igt_assert_eq_u64(end - iova, FRAG);
		vtd_lookup(scene.edu.dev.addr, iova, &entry);
		igt_assert_eq_u64(paddr, entry.paddr);
		seen++;
	}
	fclose(f);
	igt_assert_eq_u32(seen, NR);
	close(fd);
}

/**
 * SUBTEST: page-sizes
 * Description: Large I/O pages wherever range and address are aligned for them
 */
static void page_sizes(void)
{
	const struct vfio_region_dma_range two[] = {
		{ MiB(6), MiB(2) }, { MiB(2), MiB(2) } };
	const struct vfio_region_dma_range mixed[] = {
		{ MiB(2), PAGE }, { MiB(3), MiB(1) - PAGE }, { MiB(8), MiB(4) } };
	int fd;

	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, GiB(1));
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, GiB(1), BASE);
	expect_page(BASE, GiB(1));
	scene_store(&scene, BASE + MiB(777), scene.bar + MiB(777));
	ioas_unmap(scene.iommufd, scene.ioas, BASE, GiB(1));

	/* Off by one page against the physical address: none fits */
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, MiB(4), BASE + PAGE);
	expect_page(BASE + MiB(2), PAGE);
	ioas_unmap(scene.iommufd, scene.ioas, BASE + PAGE, MiB(4));
	/* A slice that makes up for it */
	ioas_map_file(scene.iommufd, scene.ioas, fd, PAGE, MiB(4), BASE + PAGE);
	expect_page(BASE + PAGE, PAGE);
	expect_page(BASE + MiB(2), MiB(2));
	close(fd);
	ioas_unmap(scene.iommufd, scene.ioas, BASE + PAGE, MiB(4));

	fd = vfio_dmabuf(&scene.shm, SHM_BAR, two, 2);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, MiB(4), BASE);
	expect_page(BASE, MiB(2));
	expect_page(BASE + MiB(2), MiB(2));
	scene_store(&scene, BASE + MiB(2), scene.bar + MiB(2));
	close(fd);
	ioas_unmap(scene.iommufd, scene.ioas, BASE, MiB(4));

	fd = vfio_dmabuf(&scene.shm, SHM_BAR, mixed, 3);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, MiB(5), BASE + MiB(1));
	expect_page(BASE + MiB(1), PAGE);
	expect_page(BASE + MiB(2), MiB(2));
	scene_store(&scene, BASE + MiB(1) + PAGE, scene.bar + MiB(3));
	close(fd);
}

/**
 * SUBTEST: bars
 * Description: Two BARs in one dma-buf: edu reads the NVMe controller's registers
 *	from one and writes the other
 */
static void two_bars(void)
{
	static struct vfio_device nvme1;
	uint64_t cap, word;
	uint8_t *cmb;
	int fd;

	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
	fd = vfio_dmabuf_two_bars(&nvme1, 2, MiB(1), 0, 0);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, 2 * PAGE, BASE);

	cap = *(volatile uint64_t *)vfio_map_bar(&nvme1, 0);
	igt_assert_eq_u64(scene_load(&scene, BASE + PAGE), cap);
	cmb = vfio_map_bar(&nvme1, 2);
	word = scene_store(&scene, BASE + 0x100, cmb + MiB(1) + 0x100);
	igt_assert_eq_u64(scene_load(&scene, BASE + 0x100), word);
	close(fd);
	vfio_close(&nvme1);
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE));
	igt_assert(!vtd_mapped(scene.edu.dev.addr, BASE + PAGE));
}

int igt_main()
{
	static int fd;

	igt_fixture() {
		scene_open(&scene);
		ranges = ranges_scattered(NR, 0, FRAG);
	}

	igt_subtest("slices")
		slices();

	igt_subtest("bad-slice") {
		scene_reset_ioas(&scene);
		bad_slice();
	}

	igt_subtest("single-accesses") {
		scene_reset_ioas(&scene);
		single_accesses();
	}

	igt_subtest("aliases") {
		scene_reset_ioas(&scene);
		aliases();
	}

	igt_subtest("several-mappings") {
		scene_reset_ioas(&scene);
		several_mappings();
	}

	/**
	 * SUBTEST: fd-closed
	 * Description: A mapping outlives the program's fd of the dma-buf
	 */
	igt_subtest("fd-closed") {
		scene_reset_ioas(&scene);
		fd = export_ranges();
		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
		close(fd);
		scene_store(&scene, BASE + FRAG, cpu(FRAG));
	}

	igt_subtest("copies") {
		scene_reset_ioas(&scene);
		copies();
	}

	igt_subtest("unmap-part") {
		scene_reset_ioas(&scene);
		unmap_part();
	}

	igt_subtest("unmap-all") {
		scene_reset_ioas(&scene);
		unmap_all();
	}

	igt_subtest("iova-any") {
		scene_reset_ioas(&scene);
		iova_any();
	}

	/**
	 * SUBTEST: iova-taken
	 * Description: A fixed address that is taken is refused
	 */
	igt_subtest("iova-taken") {
		scene_reset_ioas(&scene);
		fd = export_ranges();
		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
		igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 0,
					      PAGE, BASE + PAGE), -EEXIST);
		scene_store(&scene, BASE + PAGE, cpu(PAGE));
		close(fd);
	}

	igt_subtest("protection") {
		scene_reset_ioas(&scene);
		protection();
	}

	igt_subtest("read-only") {
		scene_reset_ioas(&scene);
		read_only();
	}

	/**
	 * SUBTEST: not-phys
	 * Description: A dma-buf of the system heap has no physical list:
	 *	EOPNOTSUPP
	 */
	igt_subtest("not-phys") {
		fd = heap_dmabuf(MiB(1));
		igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 0,
					      MiB(1), BASE + GiB(3)),
			      -EOPNOTSUPP);
		close(fd);
	}

	igt_subtest("traced") {
		scene_reset_ioas(&scene);
		traced();
	}

	igt_subtest("page-sizes") {
		scene_reset_ioas(&scene);
		page_sizes();
	}

	igt_subtest("bars") {
		scene_reset_ioas(&scene);
		two_bars();
	}

	igt_fixture() {
		__trace_maps(false);
		scene_close(&scene);
	}
}
