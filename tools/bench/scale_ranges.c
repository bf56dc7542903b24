// SPDX-License-Identifier: GPL-2.0
/*
 * Curves over the size of one dma-buf: in ranges, and in GiB
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "bench_uapi.h"
#include "clock.h"
#include "cost.h"
#include "devices/iommufd.h"
#include "devices/ranges.h"
#include "fail.h"
#include "machine.h"
#include "must.h"
#include "scale.h"

#define MODULE "dma-buf-bench"
#define NODE "/dev/" MODULE

static int export(const char *name, const struct vfio_region_dma_range *ranges,
		  size_t nr, uint64_t count)
{
	const uint64_t before = memory_free();
	struct cost cost;
	int fd = export_ranges(ranges, nr, 0, &cost, EXPECT(nr, 200));
	const uint64_t after = memory_free();

	/* CPUs keep some free pages for themselves */
	if (nr >= 65536 && before > after)
		cost.bytes = before - after;
	print_cost(name, nr, count, &cost);
	return fd;
}

static void end(const char *name, int fd, size_t nr, uint64_t count)
{
	struct cost cost;

	cost_begin(&cost, EXPECT(nr, 4), -1);
	close(fd);
	cost_end(&cost);
	print_cost(name, nr, count, &cost);
}

/* @prefix: first word of the rows' names */
static void row(const char *prefix, const char *what, size_t nr, uint64_t count,
		const struct cost *cost)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%s", prefix, what);
	print_cost(name, nr, count, cost);
}

static void use(const char *prefix, int fd, uint64_t size, size_t nr,
		uint64_t count)
{
	struct cost cost;

	map_at(fd, size, IOVA, &cost, EXPECT(nr, 400));
	row(prefix, "map", nr, count, &cost);
	if (cost.ret)
		return;
	memory(false, &cost, EXPECT(nr, 20), fd);
	row(prefix, "revoke", nr, count, &cost);
	if (query_behind(fd) >= 0) {
		restore(prefix, nr, count, EXPECT(nr, 400), fd);
	} else {
		memory(true, &cost, 0, -1);
		row(prefix, "restore", nr, count, &cost);
	}
	unmap_at(size, IOVA, &cost, EXPECT(nr, 20), fd);
	row(prefix, "unmap", nr, count, &cost);
}

/*
 * A revoke in the middle
 */

struct stop {
	uint64_t after;
	uint64_t took;
};

static void *stop_thread(void *arg)
{
	struct stop *stop = arg;
	struct timespec delay = {
		(time_t)(stop->after / 1000000000), (long)(stop->after % 1000000000),
	};
	uint64_t start;

	clock_nanosleep(CLOCK_MONOTONIC, 0, &delay, NULL);
	start = instructions();
	__vfio_memory_enable(&scale.shm, false);
	stop->took = instructions() - start;
	return NULL;
}

/* At @eighths of what it takes, which is known by now */
static void stop_at(int fd, uint64_t size, uint64_t map, uint64_t unmap,
		    unsigned int eighths, struct cost *of_map, struct cost *of_unmap)
{
	struct stop stop = { .after = map * eighths / 8 };
	pthread_t thread = start_first(stop_thread, &stop);
	struct cost cost;

	map_at(fd, size, IOVA, &cost, 0);
	pthread_join(thread, NULL);
	if (cost.ret)
		fail(NULL, "cannot map a dma-buf that is revoked meanwhile: %s",
		     strerror(-cost.ret));
	if (stop.took > of_map->instructions)
		of_map->instructions = stop.took;
	unmap_at(size, IOVA, &cost, 0, fd);
	memory(true, &cost, 0, -1);

	map_at(fd, size, IOVA, &cost, 0);
	stop.after = unmap * (8 - eighths) / 8;
	thread = start_first(stop_thread, &stop);
	unmap_at(size, IOVA, &cost, 0, fd);
	pthread_join(thread, NULL);
	if (stop.took > of_unmap->instructions)
		of_unmap->instructions = stop.took;
	memory(true, &cost, 0, -1);
}

static void measure_stop(int fd, uint64_t size, size_t nr)
{
	static const unsigned int few[] = { 7 }, some[] = { 1, 4, 7 };
	const unsigned int *at = nr > 65536 ? few : some;
	size_t i, points = nr > 65536 ? ARRAY_SIZE(few) : ARRAY_SIZE(some);
	struct cost map, unmap, of_map = { 0, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0 };
	struct cost of_unmap = of_map;

	map_at(fd, size, IOVA, &map, 0);
	unmap_at(size, IOVA, &unmap, 0, fd);
	for (i = 0; i < points; i++)
		stop_at(fd, size, map.instructions, unmap.instructions, at[i],
			&of_map, &of_unmap);
	print_cost("ranges-map-stop", nr, nr, &of_map);
	print_cost("ranges-unmap-stop", nr, nr, &of_unmap);
}

/*
 * The DMA API
 */

static void measure_method(const char *prefix, unsigned int method, int bench,
			   int fd, size_t nr)
{
	struct dma_buf_bench_run run = {
		.method = method,
		.rounds = nr > 256 ? 1 : 25,
		.importer = machine_device("DMABUF_EDU"),
		.fd = fd,
	};
	struct cost cost;

	/* It has the lock for all rounds, and others for one */
	cost_begin(&cost, run.rounds == 1 ? EXPECT(nr, 400) : 0, fd);
	cost.ret = ioctl(bench, DMA_BUF_BENCH_RUN, &run) < 0 ? -errno : 0;
	cost_end(&cost);
	cost.instructions = run.map_unmap_median;
	row(prefix, "dma", nr, nr, &cost);
	cost.late = UINT64_MAX;
	cost.wait = UINT64_MAX;
	cost.instructions = run.walk_median;
	if (!cost.ret)
		row(prefix, "walk", nr, nr, &cost);
}

static void measure_dma(int bench, int fd, size_t nr)
{
	const bool upstream = !strcmp(scale.variant, "upstream");

	measure_method("ranges", upstream ? DMA_BUF_BENCH_SCATTERLIST : DMA_BUF_BENCH_PHYS,
		       bench, fd, nr);
	if (!upstream)
		measure_method("scatterlist", DMA_BUF_BENCH_SCATTERLIST, bench, fd, nr);
}

/*
 * The CPU
 */

/* Of pages in a row, behind one that is there: few need page tables of their own */
static void measure_faults(int fd, size_t nr)
{
	const size_t faults = nr < 64 ? nr - 1 : 64;
	struct cost cost;
	char *at = mmap(NULL, nr * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	size_t i;

	if (at == MAP_FAILED)
		fail(NULL, "cannot map a dma-buf: %s", strerror(errno));
	*(volatile char *)(at + (nr - 1) * PAGE);
	cost_begin(&cost, 0, -1);
	for (i = nr - 1 - faults; i < nr - 1; i++)
		*(volatile char *)(at + i * PAGE);
	cost_end(&cost);
	if (faults) {
		cost.instructions /= faults;
		print_cost("ranges-fault", nr, nr, &cost);
	}
	memory(false, &cost, EXPECT(nr, 20), fd);
	print_cost("ranges-revoke-cpu", nr, nr, &cost);
	must_vfio_memory_enable(&scale.shm, true);
	munmap(at, nr * PAGE);
}

static int bench_open(void)
{
	int fd;

	if (!must_module_exists(MODULE)) {
		fprintf(stderr, "scale: without dma: the kernel has no module " MODULE "\n");
		return -1;
	}
	must_module_load(MODULE);
	must_pci_bind(must_pci_env("DMABUF_EDU"), MODULE);
	fd = open(NODE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail(NULL, "cannot open " NODE ": %s", strerror(errno));
	return fd;
}

void scale_ranges(void)
{
	static const size_t counts[] = { 1, 16, 256, 4096, 65536, 1048576 };
	const int bench = bench_open();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		const size_t nr = counts[i];
		struct vfio_region_dma_range *ranges = must_ranges_scattered(nr, 0, PAGE);
		int fd = export("ranges-export", ranges, nr, nr);

		free(ranges);
		if (fd < 0)
			continue;
		if (bench >= 0)
			measure_dma(bench, fd, nr);
		if (scale.ioas) {
			measure_faults(fd, nr);
			measure_claim("ranges-claim", nr, nr, EXPECT(nr, 20));
			use("ranges", fd, nr * PAGE, nr, nr);
			if (nr >= 4096)
				measure_stop(fd, nr * PAGE, nr);
		}
		end("ranges-close", fd, nr, nr);
	}
	if (bench >= 0)
		close(bench);
}

void scale_sizes(void)
{
	static const unsigned int sizes[] = { 1, 4, 16, 64, 100 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		const struct vfio_region_dma_range range = { 0, GiB(sizes[i]) };
		int fd = export("sizes-export", &range, 1, sizes[i]);

		if (fd < 0)
			continue;
		use("sizes", fd, range.length, 1, sizes[i]);
		end("sizes-close", fd, 1, sizes[i]);
	}
}
