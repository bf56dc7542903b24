// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys cost
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: performance
 * Functionality: instruction counts
 * Description: What mapping, unmapping and revoking cost, in instructions: to be
 *	run in a VM whose clock counts them (tools/vm/run --icount)
 * Test category: performance test
 */
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "edu.h"
#include "igt_core.h"
#include "iommufd.h"
#include "pci.h"
#include "ranges.h"
#include "vfio.h"

#define BAR 2
#define IOVA GiB(4)
#define ROUNDS 16

static int iommufd = -1;
static struct vfio_device dev;
static struct edu edu;
static uint32_t ioas;

/*
 * Unmodified 7.3.4 in the same VM, whole ioctl. Nothing here may cost more than
 * a tenth above that.
 */
static const struct {
	const char *name;
	uint64_t length, map, unmap;
} upstream[] = {
	{ "4 KiB", KiB(4), 10387, 4591 },
	{ "2 MiB", MiB(2), 10311, 4481 },
	{ "64 MiB", MiB(64), 12465, 5175 },
	{ "1 GiB", GiB(1), 11488, 4361 },
};

#define UPSTREAM_REVOKE 4909

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void at_least(uint64_t *min, uint64_t start)
{
	uint64_t took = now() - start;

	if (took < *min)
		*min = took;
}

/* Nanoseconds of @rounds times ten instructions, or times two */
static uint64_t time_of(bool ten, unsigned long rounds)
{
	uint64_t least = UINT64_MAX;
	unsigned int i;

	/* Interrupts are in some, not in all */
	for (i = 0; i < 8; i++) {
		unsigned long left = rounds;
		uint64_t start = now();

		if (ten)
			asm volatile("1: .rept 8\n nop\n .endr\n dec %0\n jnz 1b"
				     : "+r"(left) : : "cc");
		else
			asm volatile("1: dec %0\n jnz 1b"
				     : "+r"(left) : : "cc");
		at_least(&least, start);
	}
	return least;
}

/* Whether @is is what was counted, and some hundred around it */
static bool about(uint64_t is, uint64_t count)
{
	return is >= count && is < count + count / 20;
}

static bool clock_counts_instructions(void)
{
	const unsigned long rounds = 50000;

	return about(time_of(false, rounds), 2 * rounds) &&
	       about(time_of(true, rounds), 10 * rounds);
}

static void map_unmap(int fd, uint64_t length, unsigned int rounds,
		      uint64_t *map, uint64_t *unmap)
{
	uint64_t start;

	*map = *unmap = UINT64_MAX;
	while (rounds--) {
		start = now();
		ioas_map_file(iommufd, ioas, fd, 0, length, IOVA);
		at_least(map, start);
		start = now();
		ioas_unmap(iommufd, ioas, IOVA, length);
		at_least(unmap, start);
	}
}

/**
 * SUBTEST: one-range
 * Description: Mapping and unmapping one range costs at most 1.1 times what it
 *	costs in an unmodified kernel
 */
static void one_range(void)
{
	uint64_t map, unmap;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(upstream); i++) {
		int fd = vfio_dmabuf_one(&dev, BAR, 0, upstream[i].length);

		map_unmap(fd, upstream[i].length, ROUNDS, &map, &unmap);
		close(fd);
		igt_info("%-7s map %6lu (upstream %lu), unmap %6lu (upstream %lu)\n",
			 upstream[i].name, map, upstream[i].map, unmap,
			 upstream[i].unmap);
		igt_assert_lte_u64(map * 10, upstream[i].map * 11);
		igt_assert_lte_u64(unmap * 10, upstream[i].unmap * 11);
	}
}

/**
 * SUBTEST: revoke
 * Description: A revoke costs at most 1.1 times what it costs in an unmodified
 *	kernel; the restore maps again
 */
static void revoke_restore(void)
{
	uint64_t off = UINT64_MAX, on = UINT64_MAX, start;
	int fd = vfio_dmabuf_one(&dev, BAR, 0, MiB(2));
	unsigned int i;

	ioas_map_file(iommufd, ioas, fd, 0, MiB(2), IOVA);
	for (i = 0; i < ROUNDS; i++) {
		start = now();
		vfio_memory_enable(&dev, false);
		at_least(&off, start);
		start = now();
		igt_assert_eq(__vfio_memory_enable(&dev, true), 0);
		at_least(&on, start);
		wait_restored();
	}
	ioas_unmap(iommufd, ioas, IOVA, MiB(2));
	close(fd);
	igt_info("revoke %lu (upstream 4095 to %u), restore %lu (upstream 3153)\n",
		 off, UPSTREAM_REVOKE, on);
	igt_assert_lte_u64(off * 10, UPSTREAM_REVOKE * 11);
}

/**
 * SUBTEST: linear
 * Description: Many ranges cost in proportion to their number
 */
static void linear(void)
{
	static const size_t counts[] = { 1, 16, 256, 4096, 65536 };
	struct vfio_region_dma_range *ranges;
	uint64_t map, unmap, per[2] = { 0, 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		size_t n = counts[i];
		int fd;

		ranges = ranges_scattered(n, 0, PAGE);
		fd = vfio_dmabuf(&dev, BAR, ranges, n);
		map_unmap(fd, n * PAGE, 3, &map, &unmap);
		close(fd);
		free(ranges);
		igt_info("%5zu ranges: map %9lu, %5lu each, unmap %9lu, %5lu each\n",
			 n, map, map / n, unmap, unmap / n);
		per[0] = per[1];
		per[1] = (map + unmap) / n;
	}
	/* 16 times as many ranges, at most a tenth more for each of them */
	igt_assert_lte_u64(per[1] * 10, per[0] * 11);
}

int igt_main()
{
	igt_fixture() {
		igt_require_f(clock_counts_instructions(),
			      "the clock is no count of instructions: run this under tools/vm/run --icount\n");
		iommufd = iommufd_open();
		vfio_open(&dev, pci_env("DMABUF_EXPORTER"), iommufd);
		edu_open(&edu, iommufd);
		ioas = ioas_alloc(iommufd);
		edu_attach(&edu, ioas);
	}

	igt_subtest("one-range")
		one_range();
	igt_subtest("revoke")
		revoke_restore();
	igt_subtest("linear")
		linear();

	igt_fixture() {
		edu_close(&edu);
		vfio_close(&dev);
		close(iommufd);
	}
}
