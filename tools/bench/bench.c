// SPDX-License-Identifier: GPL-2.0
/*
 * bench - what mapping a dma-buf for a device costs
 *
 * Runs in a VM of tools/vm/run whose clock counts instructions (--icount): in the
 * kernel with physical lists, in the unmodified one, and in Debian's own with our
 * modules. ivshmem's BAR is exported in 1 to 65,536 pieces for edu, which is first a
 * device that the kernel's module dma-buf-bench maps for, over and over, then an RDMA
 * device. What a kernel has no module for is left out, and standard error says so.
 * Prints one JSON object a line, nothing else:
 *
 *  name          what was measured, see below
 *  variant       "phys-list"; "upstream", the unmodified kernel; "stock", Debian's
 *  route         the topology
 *  ranges        pieces of the dma-buf
 *  instructions  median; null if it failed
 *  bytes         memory that a mapping takes; null if it failed or takes none
 *  entries       of memory regions: what the device needs to translate it; null
 *                if it failed
 *  error         name of the errno, or null
 *
 * map-unmap is mapping and unmapping as importers of that kernel do; walk is
 * going over the DMA ranges of the mapping. In the kernel with physical lists
 * there are also scatterlist, for importers that know nothing else, and
 * iova-link, the least that can map the same ranges behind an IOMMU.
 *
 * reg-dereg is REG_DMABUF_MR and DEREG_MR by a program, for a device that can use
 * pages of any size; in reg-dereg-page the region's address lies so that it can only
 * use pages of 4 KiB, and needs an entry for each. The kernel with physical lists has
 * them in ib_core; Debian's ib_core is its own and takes a scatterlist.
 * reg-dereg-memory is REG_MR and DEREG_MR of one page of the program's, where both
 * do the same: what differs there is how they were configured and compiled.
 * translation-entries is what the device needs to translate 1 GiB.
 *
 * ioas-map-SIZE, ioas-unmap-SIZE and ioas-revoke-SIZE are what a VMM does with a BAR of that
 * size, or a part of one: IOMMU_IOAS_MAP_FILE, IOMMU_IOAS_UNMAP and the config write that
 * switches the memory off while it is mapped.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "bench_uapi.h"
#include "clock.h"
#include "devices/iommufd.h"
#include "devices/pci.h"
#include "devices/ranges.h"
#include "devices/vfio.h"
#include "fail.h"
#include "footprint.h"
#include "ioas.h"
#include "machine.h"
#include "must.h"
#include "regions.h"
#include "streams.h"

#define MODULE "dma-buf-bench"
#define NODE "/dev/" MODULE
/* ivshmem's memory */
#define BAR 2
/* Whatever a CPU fills when it allocates for the first time is full by then */
#define FOOTPRINTS 3

static struct {
	int fd;
	const char *variant;
	const char *route;
	struct dma_buf_bench_device importer;
	struct dma_buf_bench_device exporter;
	struct vfio_device shm;
} bench;

/**
 * struct row - what is printed
 * @name: what was measured
 * @ranges: pieces of the dma-buf
 * @ret: 0 or -errno
 * @instructions: what it took; NULL if something else was measured
 * @bytes: the same
 * @entries: the same; there is no such member then
 */
struct row {
	const char *name;
	size_t ranges;
	int ret;
	const uint64_t *instructions, *bytes, *entries;
};

static void print_number(const char *name, const struct row *row,
			 const uint64_t *value)
{
	if (!row->ret && value)
		printf(", \"%s\": %" PRIu64, name, *value);
	else
		printf(", \"%s\": null", name);
}

static void print_row(const struct row *row)
{
	clock_check();
	printf("{\"name\": \"%s\", \"variant\": \"%s\", \"route\": \"%s\", \"ranges\": %zu",
	       row->name, bench.variant, bench.route, row->ranges);
	print_number("instructions", row, row->instructions);
	print_number("bytes", row, row->bytes);
	if (row->entries)
		print_number("entries", row, row->entries);
	if (row->ret)
		printf(", \"error\": \"%s\"}\n", strerrorname_np(-row->ret));
	else
		printf(", \"error\": null}\n");
	fflush(stdout);
}

static int run(struct dma_buf_bench_run *run, unsigned int rounds)
{
	run->rounds = rounds;
	return ioctl(bench.fd, DMA_BUF_BENCH_RUN, run) < 0 ? -errno : 0;
}

/* What the kernel allocates for so many rounds, and for all around them */
static int allocated(struct dma_buf_bench_run *r, unsigned int rounds,
		     uint64_t *bytes)
{
	unsigned int i;

	*bytes = UINT64_MAX;
	for (i = 0; i < FOOTPRINTS; i++) {
		uint64_t now;
		int ret;

		footprint_start();
		ret = run(r, rounds);
		now = footprint_stop();
		if (ret)
			return ret;
		if (now < *bytes)
			*bytes = now;
	}
	return 0;
}

/* A mapping's memory: what one round needs more than none */
static int footprint(struct dma_buf_bench_run *r, uint64_t *bytes)
{
	uint64_t none, one;
	int ret;

	ret = allocated(r, 0, &none);
	if (!ret)
		ret = allocated(r, 1, &one);
	if (ret)
		return ret;
	if (one < none)
		fail(NULL, "less was allocated with a mapping (%" PRIu64
		     " bytes) than without (%" PRIu64 ")", one, none);
	*bytes = one - none + r->embedded;
	return 0;
}

static unsigned int rounds_of(size_t ranges)
{
	return ranges <= 256 ? 101 : ranges <= 4096 ? 25 : 7;
}

static void measure(const char *name, const char *walk,
		    struct dma_buf_bench_run *r, size_t ranges)
{
	uint64_t median, walked, bytes = 0;
	int ret;

	ret = run(r, rounds_of(ranges));
	median = r->map_unmap_median;
	walked = r->walk_median;
	if (!ret)
		ret = footprint(r, &bytes);
	print_row(&(struct row) { name, ranges, ret, &median, &bytes, NULL });
	if (walk && !ret)
		print_row(&(struct row) { walk, ranges, 0, &walked, NULL, NULL });
}

/* Rows of a dma-buf: fd, or -errno if it could not be exported */
static void measure_dmabuf(int fd, size_t ranges)
{
	bool upstream = !strcmp(bench.variant, "upstream");
	struct dma_buf_bench_run r = {
		.method = upstream ? DMA_BUF_BENCH_SCATTERLIST :
				     DMA_BUF_BENCH_PHYS,
		.importer = bench.importer,
		.fd = fd,
	};

	if (fd < 0) {
		print_row(&(struct row) { "map-unmap", ranges, fd, NULL, NULL, NULL });
		return;
	}
	measure("map-unmap", "walk", &r, ranges);
	if (upstream)
		return;
	r.method = DMA_BUF_BENCH_SCATTERLIST;
	measure("scatterlist", "scatterlist-walk", &r, ranges);
}

static void measure_links(const struct vfio_region_dma_range *ranges, size_t nr)
{
	struct dma_buf_bench_range *pieces = must_alloc(nr, sizeof(*pieces));
	struct dma_buf_bench_run r = {
		.method = DMA_BUF_BENCH_LINKS,
		.importer = bench.importer,
		.exporter = bench.exporter,
		.fd = -1,
		.nr_ranges = (__u32)nr,
		.ranges = (uintptr_t)pieces,
	};
	size_t i;

	for (i = 0; i < nr; i++) {
		pieces[i].offset = ranges[i].offset;
		pieces[i].length = ranges[i].length;
	}
	measure("iova-link", NULL, &r, nr);
	free(pieces);
}

static void measure_ranges(size_t nr)
{
	struct vfio_region_dma_range *ranges = must_ranges_scattered(nr, 0, PAGE);
	int fd = __vfio_dmabuf(&bench.shm, BAR, ranges, nr);

	measure_dmabuf(fd, nr);
	if (fd >= 0)
		close(fd);
	/* Without an IOMMU that translates there is nothing to link into */
	if (!strcmp(bench.variant, "phys-list") && !strcmp(bench.route, "host-bridge"))
		measure_links(ranges, nr);
	free(ranges);
}

/* Whether the kernel has what @rows are measured by */
static bool available(const char *rows, const char *module)
{
	if (must_module_exists(module))
		return true;
	fprintf(stderr,
		"bench: without %s: the %s kernel has no module %s\n",
		rows, getenv("DMABUF_KERNEL"), module);
	return false;
}

static void measure_mappings(const size_t *counts, size_t nr)
{
	size_t i;

	if (!available("mapping, unmapping and walking", MODULE))
		return;
	must_module_load(MODULE);
	must_pci_bind(getenv("DMABUF_EDU"), MODULE);
	bench.fd = open(NODE, O_RDWR | O_CLOEXEC);
	if (bench.fd < 0)
		fail(NULL, "cannot open " NODE ": %s", strerror(errno));
	footprint_open();
	for (i = 0; i < nr; i++)
		measure_ranges(counts[i]);
	footprint_close();
	close(bench.fd);
}

static void measure_region(const char *name, const struct region *region,
			   size_t ranges)
{
	struct region_cost cost;
	int ret = regions_cost(region, rounds_of(ranges), &cost);

	if (!ret && !strcmp(name, "reg-dereg-page") &&
	    cost.entries != region->length / PAGE)
		fail(NULL, "%s: %" PRIu64 " translation entries instead of %" PRIu64,
		     name, cost.entries, (uint64_t)(region->length / PAGE));
	print_row(&(struct row) { name, ranges, ret, &cost.instructions, NULL,
				  region->fd >= 0 ? &cost.entries : NULL });
}

static void measure_region_of(size_t nr)
{
	struct vfio_region_dma_range *ranges = must_ranges_scattered(nr, 0, PAGE);
	struct region region = {
		.fd = must_vfio_dmabuf(&bench.shm, BAR, ranges, nr),
		.length = nr * PAGE,
	};

	measure_region("reg-dereg", &region, nr);
	/* A page aside. Without an IOMMU that translates they are scattered anyway. */
	region.iova = PAGE;
	if (!strcmp(bench.route, "host-bridge"))
		measure_region("reg-dereg-page", &region, nr);
	close(region.fd);
	free(ranges);
}

static void measure_memory(void)
{
	struct region region = { .fd = -1, .length = PAGE };

	region.memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (region.memory == MAP_FAILED)
		fail(NULL, "cannot map a page of memory: %s", strerror(errno));
	measure_region("reg-dereg-memory", &region, 1);
	munmap(region.memory, PAGE);
}

static void measure_regions(const size_t *counts, size_t nr)
{
	uint64_t entries;
	size_t i;

	if (!available("memory regions", "edu_ib"))
		return;
	regions_open();
	measure_memory();
	for (i = 0; i < nr; i++)
		measure_region_of(counts[i]);
	for (i = 0; i < nr; i++) {
		entries = regions_entries(&bench.shm, BAR, counts[i]);
		print_row(&(struct row) { "translation-entries", counts[i], 0,
					  NULL, NULL, &entries });
	}
	regions_close();
}

static void print_ioas(const char *what, const char *size, int ret,
		       const uint64_t *instructions)
{
	char name[32];

	snprintf(name, sizeof(name), "ioas-%s-%s", what, size);
	print_row(&(struct row) { name, 1, ret, instructions, NULL, NULL });
}

static void measure_ioas(int iommufd)
{
	static const struct {
		const char *name;
		uint64_t size;
	} sizes[] = {
		{ "4K", KiB(4) }, { "2M", MiB(2) }, { "64M", MiB(64) }, { "1G", GiB(1) },
	};
	struct ioas_cost cost = {};
	size_t i;
	int ret;

	/* Where nothing translates there is nothing to map */
	if (strcmp(bench.route, "host-bridge"))
		return;
	ioas_open(iommufd);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ret = ioas_cost(&bench.shm, BAR, sizes[i].size, &cost);
		print_ioas("map", sizes[i].name, ret, &cost.map);
		print_ioas("unmap", sizes[i].name, ret, &cost.unmap);
		print_ioas("revoke", sizes[i].name, ret, &cost.revoke);
	}
	ioas_close();
}

int main(void)
{
	static const size_t counts[] = { 1, 16, 256, 4096, 65536 };
	const size_t nr = ARRAY_SIZE(counts);
	int iommufd;

	streams_open();
	fail_as("bench", BENCH_REMEDY);
	clock_check();
	bench.variant = machine_variant();
	bench.route = machine_route();
	bench.importer = machine_device("DMABUF_EDU");
	bench.exporter = machine_device("DMABUF_EXPORTER");
	bench.exporter.bar = BAR;
	iommufd = must_iommufd_open();
	must_vfio_open(&bench.shm, getenv("DMABUF_EXPORTER"), iommufd);

	measure_ioas(iommufd);
	measure_mappings(counts, nr);
	measure_regions(counts, nr);

	vfio_close(&bench.shm);
	close(iommufd);
	pci_restore();
	return streams_flush() ? 1 : 0;
}
