// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys rdma
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: RDMA
 * Functionality: memory regions
 * Description: dma-bufs as memory regions of an RDMA device: RDMA WRITE and READ
 *	move bytes between host memory and BARs, on every route there is
 * Test category: functionality test
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "klog.h"
#include "memory.h"
#include "module.h"
#include "pci.h"
#include "rdma.h"
#include "throttled.h"

#define BAR 2

/* How much is moved at one of many places */
#define PLACE 512u

static struct rdma_scene scene;

/**
 * SUBTEST: memory
 * Description: RDMA WRITE and READ from host memory to host memory
 */
static void memory(void)
{
	const uint32_t length = 5000, start = 100;
	uint8_t *other = aligned_alloc(PAGE, RDMA_MEMORY);
	struct verbs_mr mr;
	uint32_t i;

	/* The region starts and ends inside pages */
	igt_assert(other);
	memset(other, 0x33, RDMA_MEMORY);
	rdma_reg_memory(&scene.rdma, other + start, length, &mr);
	for (i = 0; i < RDMA_MEMORY; i++)
		scene.mem[i] = (uint8_t)(i * 5 + (i >> 8));

	rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE, &scene.mem_mr,
		  scene.mem_mr.iova + 1, &mr, mr.iova, length);
	igt_assert(!memcmp(other + start, scene.mem + 1, length));
	igt_assert_eq(other[start - 1], 0x33);
	igt_assert_eq(other[start + length], 0x33);

	memset(scene.mem, 0x44, RDMA_MEMORY);
	rdma_copy(&scene.rdma, IBV_WR_RDMA_READ, &scene.mem_mr,
		  scene.mem_mr.iova + PAGE - 7, &mr, mr.iova, length);
	igt_assert(!memcmp(scene.mem + PAGE - 7, other + start, length));
	igt_assert_eq(scene.mem[PAGE - 8], 0x44);
	igt_assert_eq(scene.mem[PAGE - 7 + length], 0x44);
	verbs_dereg_mr(&mr);
	free(other);
}

/* A page before and a page after each page that a transfer touches */
static void neighbours(const struct rdma_target *target, uint64_t at,
		       uint64_t length,
		       void (*fn)(void *bar, uint64_t offset, uint64_t length))
{
	uint64_t page;

	for (page = at & ~(PAGE - 1); page < at + length; page += PAGE) {
		uint64_t pos = ranges_find(target->ranges, target->nr, page);

		fn(target->base, pos ? pos - PAGE : 0, 3 * PAGE);
	}
}

static void check(void *bar, uint64_t offset, uint64_t length)
{
	guard_check(bar, offset, length);
}

static void one_place(const struct rdma_target *target, uint64_t at,
		      uint32_t length)
{
	neighbours(target, at, length, guard_fill);
	rdma_scene_both(&scene, target, at, length);
	neighbours(target, at, length, check);
}

/**
 * SUBTEST: ranges-1
 * Description: One range, every byte, both ways
 *
 * SUBTEST: ranges-2
 * Description: Two ranges, every byte, both ways
 *
 * SUBTEST: ranges-16
 * Description: 16 ranges, every byte, both ways
 *
 * SUBTEST: ranges-256
 * Description: 256 ranges: first and last bytes, a border, and places that a seed
 *	chooses
 *
 * SUBTEST: ranges-65536
 * Description: 65,536 ranges in the same way
 */
static void with_ranges(size_t nr, uint64_t length)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(nr, 0, length);
	const uint64_t size = nr * length;
	struct rdma_target target;
	uint64_t seed = 0x5eed, at;
	int i;

	rdma_target_open(&scene, &target, ranges, nr);
	if (nr <= 16) {
		guard_fill(scene.bar, 0, 2 * size);
		for (at = 0; at < size; at += KiB(16))
			rdma_scene_both(&scene, &target, at,
					(uint32_t)(size - at < KiB(16) ?
						   size - at : KiB(16)));
		guard_check(scene.bar, 0, 2 * size);
	} else {
		igt_info("places chosen by seed 0x%" PRIx64 "\n", seed);
		one_place(&target, 0, PLACE);
		one_place(&target, length - PLACE / 2, PLACE);
		one_place(&target, size - PLACE, PLACE);
		for (i = 0; i < 5; i++) {
			seed = seed * 6364136223846793005ull +
			       1442695040888963407ull;
			one_place(&target, (seed >> 16) % (size - PLACE),
				  PLACE);
		}
	}
	rdma_target_close(&target);
	free(ranges);
}

/**
 * SUBTEST: slices
 * Description: Regions of slices that start and end anywhere, within ranges and
 *	within pages
 */
static void slices(void)
{
	const uint64_t frag = 2 * PAGE;
	const struct {
		uint64_t offset, length;
	} cases[] = {
		{ 1, 100 }, { 0, 1 }, { frag - 1, 2 }, { 16 * frag - 1, 1 },
		{ PAGE + 123, frag + 77 }, { 3 * frag + 4000, 200 },
		{ 5 * frag, PAGE },
	};
	struct vfio_region_dma_range *ranges = ranges_scattered(16, 0, frag);
	int fd = vfio_dmabuf(&scene.shm, BAR, ranges, 16);
	struct rdma_target target = {
		.base = scene.bar, .ranges = ranges, .nr = 16 };
	size_t i;

	guard_fill(scene.bar, 0, 32 * frag);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		rdma_reg_dmabuf(&scene.rdma, fd, cases[i].offset,
				cases[i].length, &target.mr);
		rdma_scene_both(&scene, &target, cases[i].offset,
				(uint32_t)cases[i].length);
		guard_check(scene.bar, 0, 32 * frag);
		rdma_target_close(&target);
	}
	close(fd);
	free(ranges);
}

/**
 * SUBTEST: between-dmabufs
 * Description: RDMA WRITE and READ from one dma-buf to another
 */
static void between_dmabufs(void)
{
	struct vfio_region_dma_range *from = ranges_scattered(4, 0, PAGE);
	struct vfio_region_dma_range *to = ranges_scattered(4, MiB(1), PAGE);
	const uint32_t length = 6000, a = 5, b = 4001;
	struct rdma_target src, dst;
	uint32_t i;

	guard_fill(scene.bar, 0, MiB(1) + 8 * PAGE);
	rdma_target_open(&scene, &src, from, 4);
	rdma_target_open(&scene, &dst, to, 4);
	rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE, &src.mr, a, &dst.mr, b,
		  length);
	for (i = 0; i < length; i++)
		igt_assert_eq(scene.bar[ranges_find(to, 4, b + i)],
			      scene.bar[ranges_find(from, 4, a + i)]);
	guard_check(scene.bar, 0, MiB(1));

	guard_fill(scene.bar, MiB(1), 8 * PAGE);
	rdma_copy(&scene.rdma, IBV_WR_RDMA_READ, &src.mr, a, &dst.mr, b,
		  length);
	for (i = 0; i < length; i++)
		igt_assert_eq(scene.bar[ranges_find(from, 4, a + i)],
			      scene.bar[ranges_find(to, 4, b + i)]);
	guard_check(scene.bar, MiB(1), 8 * PAGE);
	rdma_target_close(&src);
	rdma_target_close(&dst);
	free(from);
	free(to);
}

/**
 * SUBTEST: bars
 * Description: Two BARs in one dma-buf, one of them registers
 */
static void two_bars(void)
{
	static struct vfio_device nvme1;
	volatile uint64_t *word = (uint64_t *)scene.mem;
	struct verbs_mr mr;
	uint8_t *cmb;
	int fd;

	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
	fd = vfio_dmabuf_two_bars(&nvme1, 2, MiB(1), 0, 0);
	rdma_reg_dmabuf(&scene.rdma, fd, 0, 2 * PAGE, &mr);
	close(fd);

	*word = 0x1122334455667788ull;
	rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE, &scene.mem_mr,
		  scene.mem_mr.iova, &mr, 16, 8);
	cmb = vfio_map_bar(&nvme1, 2);
	igt_assert_eq_u64(*(volatile uint64_t *)(cmb + MiB(1) + 16), *word);
	/* The controller's capabilities: not 0, and they never change */
	rdma_copy(&scene.rdma, IBV_WR_RDMA_READ, &scene.mem_mr,
		  scene.mem_mr.iova, &mr, PAGE, 8);
	igt_assert_eq_u64(*word, *(volatile uint64_t *)vfio_map_bar(&nvme1, 0));
	verbs_dereg_mr(&mr);
	vfio_close(&nvme1);
}

/**
 * SUBTEST: udmabuf
 * Description: A dma-buf of a memfd's pages
 */
static void udmabuf(void)
{
	const struct vfio_region_dma_range all = { 0, MiB(1) };
	struct rdma_target target = { .ranges = &all, .nr = 1 };
	int memfd = sealed_memfd(MiB(1)), fd;

	target.base = mmap(NULL, MiB(1), PROT_READ | PROT_WRITE, MAP_SHARED,
			   memfd, 0);
	igt_assert(target.base != MAP_FAILED);
	module_load("udmabuf");
	fd = __udmabuf(memfd, 0, MiB(1));
	igt_assert_f(fd >= 0, "udmabuf: %s\n", strerror(-fd));
	guard_fill(target.base, 0, MiB(1));
	rdma_reg_dmabuf(&scene.rdma, fd, 3 * PAGE + 5, KiB(64), &target.mr);
	rdma_scene_both(&scene, &target, 3 * PAGE + 5, 5000);
	rdma_scene_both(&scene, &target, 3 * PAGE + 5 + KiB(64) - 300, 300);
	guard_check(target.base, 0, MiB(1));
	rdma_target_close(&target);
	munmap(target.base, MiB(1));
	close(fd);
	close(memfd);
}

/**
 * SUBTEST: debugfs
 * Description: debugfs shows root whose the region is
 */
static void debugfs(void)
{
	const struct vfio_region_dma_range all = { 0, PAGE };
	struct rdma_target target;
	char wanted[128], line[256];
	bool found = false;
	FILE *file;

	rdma_target_open(&scene, &target, &all, 1);
	snprintf(wanted, sizeof(wanted), "  importer=ib_core device=%s mapped=1\n",
		 pci_env("DMABUF_EDU"));
	file = fopen("/sys/kernel/debug/dma_buf_phys/buffers", "re");
	igt_assert(file);
	while (fgets(line, sizeof(line), file))
		found |= !strcmp(line, wanted);
	fclose(file);
	rdma_target_close(&target);
	igt_assert_f(found, "no line '%s'\n", wanted);
}

/**
 * SUBTEST: large
 * Description: A whole BAR of 1 GiB: behind an IOMMU one translation entry, however
 *	many ranges
 */
static void large(size_t nr)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(1, 0, GiB(1));
	struct rdma_target target;
	uint64_t entries, page;
	size_t i;

	if (nr > 1) {
		free(ranges);
		ranges = calloc(nr, sizeof(*ranges));
		igt_assert(ranges);
		/* In reverse, so that no two can be merged */
		for (i = 0; i < nr; i++)
			ranges[i] = (struct vfio_region_dma_range) {
				GiB(1) / nr * (nr - 1 - i), GiB(1) / nr };
	}
	rdma_target_open(&scene, &target, ranges, nr);
	entries = rdma_entries(GiB(1), &page);
	igt_info("1 GiB, %zu ranges: %" PRIu64 " entries of %" PRIu64 " KiB\n",
		 nr, entries, page >> 10);
	if (pci_topology_is("host-bridge")) {
		igt_assert_eq_u64(entries, 1);
		igt_assert_eq_u64(page, GiB(1));
	}
	one_place(&target, GiB(1) / 2 - 100, PLACE);
	rdma_target_close(&target);
	free(ranges);
}

/**
 * SUBTEST: beyond-1g
 * Description: One range of more than 1 GiB, which an IOMMU's driver is given piece by
 *	piece: every border of them, and both ends; and behind it a second one, so that
 *	there are more bytes than an entry of the umem's table has
 */
static void beyond_1g(void)
{
	static const struct vfio_region_dma_range two[] = {
		{ MiB(256), MiB(1536) }, { 0, GiB(1) } };
	/* Addresses of a BAR are multiples of its size */
	static const uint64_t border = MiB(768);
	struct rdma_target target;

	rdma_target_open(&scene, &target, two, 2);
	one_place(&target, 0, PLACE);
	one_place(&target, border - 100, PLACE);
	one_place(&target, two[0].length - PLACE, PLACE);
	one_place(&target, GiB(2) - 100, PLACE);
	one_place(&target, two[0].length + two[1].length - PLACE, PLACE);
	rdma_target_close(&target);
}

#define SLOW_RANGES 65536u

static int register_slow_ranges(int dmabuf)
{
	struct verbs_mr mr;

	return __rdma_reg_dmabuf(&scene.rdma, dmabuf, 0, SLOW_RANGES * PAGE, &mr);
}

/**
 * SUBTEST: slow-charge
 * Description: A program over its memory cgroup limit is throttled while it registers
 *	65,536 ranges, which take 2 MiB of tables behind a switch: a revoke meanwhile is
 *	not, and has nothing to unmap
 */
static void slow_charge(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(SLOW_RANGES, 0, PAGE);
	int fd = vfio_dmabuf(&scene.shm, BAR, ranges, SLOW_RANGES);

	free(ranges);
	throttled_revoke(throttled_start(register_slow_ranges, fd), &scene.shm);
	vfio_memory_enable(&scene.shm, true);
	close(fd);
}

/**
 * SUBTEST: unsupported-refused
 * Description: Where the kernel does not trust the host bridge, registration is
 *	refused with EREMOTEIO, with one message that names both devices; nothing is
 *	left of it, and memory is not affected
 */
static void unsupported_refused(void)
{
	int fd = vfio_dmabuf_one(&scene.shm, BAR, 0, MiB(1));
	unsigned int before = rdma_regions(), said = 0, tries;
	int log = klog_open(), heap, i;
	char message[128];
	struct verbs_mr mr;

	snprintf(message, sizeof(message),
		 "%s: no peer-to-peer route to the memory of %s",
		 pci_env("DMABUF_EDU"), scene.shm.addr);
	/* After ten of these, of whichever test, there are none for 5 s */
	for (tries = 0; tries < 2 && !said; tries++) {
		if (tries)
			sleep(6);
		igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, fd, 0, MiB(1),
						&mr), -EREMOTEIO);
		said = klog_count(log, message);
	}
	igt_assert_eq((int)said, 1);
	close(log);
	for (i = 0; i < 20; i++)
		igt_assert_eq(__rdma_reg_dmabuf(&scene.rdma, fd, PAGE, PAGE,
						&mr), -EREMOTEIO);
	igt_assert_eq((int)rdma_regions(), (int)before);
	/* Nobody is attached who would have to be told */
	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
	close(fd);

	heap = heap_dmabuf(MiB(1));
	rdma_reg_dmabuf(&scene.rdma, heap, 0, MiB(1), &mr);
	close(heap);
	rdma_copy(&scene.rdma, IBV_WR_RDMA_WRITE, &scene.mem_mr,
		  scene.mem_mr.iova, &mr, PAGE - 4, 8);
	verbs_dereg_mr(&mr);
}

int igt_main()
{
	static const size_t small[] = { 1, 2, 16 };
	static size_t i;

	igt_fixture()
		rdma_scene_open(&scene);

	igt_subtest("memory") {
		rdma_scene_reset(&scene);
		memory();
	}

	for (i = 0; i < ARRAY_SIZE(small); i++) {
		igt_subtest_f("ranges-%zu", small[i]) {
			rdma_scene_reset(&scene);
			with_ranges(small[i], small[i] == 1 ? KiB(8) : PAGE);
		}
	}

	igt_subtest("ranges-256") {
		rdma_scene_reset(&scene);
		with_ranges(256, 2 * PAGE);
	}

	igt_subtest("ranges-65536") {
		rdma_scene_reset(&scene);
		with_ranges(65536, PAGE);
	}

	igt_subtest("slices") {
		rdma_scene_reset(&scene);
		slices();
	}

	igt_subtest("between-dmabufs") {
		rdma_scene_reset(&scene);
		between_dmabufs();
	}

	igt_subtest("bars") {
		rdma_scene_reset(&scene);
		two_bars();
	}

	igt_subtest("udmabuf") {
		rdma_scene_reset(&scene);
		udmabuf();
	}

	igt_subtest("debugfs") {
		rdma_scene_reset(&scene);
		debugfs();
	}

	igt_subtest("large") {
		rdma_scene_reset(&scene);
		large(1);
		large(4096);
	}

	igt_subtest("beyond-1g") {
		rdma_scene_reset(&scene);
		beyond_1g();
	}

	igt_subtest("slow-charge") {
		igt_require(pci_topology_is("switch"));
		rdma_scene_reset(&scene);
		slow_charge();
	}

	igt_subtest("unsupported-refused") {
		igt_require(pci_topology_is("unsupported"));
		rdma_scene_reset(&scene);
		unsupported_refused();
	}

	igt_fixture()
		rdma_scene_close(&scene);
}
