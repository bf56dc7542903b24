// SPDX-License-Identifier: GPL-2.0
/*
 * bench - what mapping a dma-buf for a device costs
 *
 * Runs in a VM of tools/vm/run whose clock counts instructions (--icount), in
 * the kernel with physical lists and in the unmodified one. ivshmem's BAR is
 * exported in 1 to 65,536 pieces and mapped for edu, over and over, by the
 * kernel's module dma-buf-bench. Prints one JSON object a line, nothing else:
 *
 *  name          what was measured, see below
 *  variant       "phys-list", or "upstream" for the unmodified kernel
 *  route         the topology
 *  ranges        pieces of the dma-buf
 *  instructions  median; null if it failed
 *  bytes         memory that a mapping takes; null if it failed or takes none
 *  error         name of the errno, or null
 *
 * map-unmap is mapping and unmapping as importers of that kernel do; walk is
 * going over the DMA ranges of the mapping. In the kernel with physical lists
 * there are also scatterlist, for importers that know nothing else, and
 * iova-link, the least that can map the same ranges behind an IOMMU; and
 * translation-entries, with a member entries: what an RDMA device that can use
 * pages of any size needs to translate 1 GiB.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench_uapi.h"
#include "entries.h"
#include "footprint.h"
#include "igt_core.h"
#include "iommufd.h"
#include "module.h"
#include "pci.h"
#include "ranges.h"
#include "streams.h"
#include "vfio.h"

#define NODE "/dev/dma-buf-bench"
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

static void print_number(const char *name, bool valid, uint64_t value)
{
	if (valid)
		printf(", \"%s\": %" PRIu64, name, value);
	else
		printf(", \"%s\": null", name);
}

/* ret: 0 or -errno; bytes: NULL if a mapping is not what was measured */
static void print_row(const char *name, size_t ranges, int ret,
		      uint64_t instructions, const uint64_t *bytes)
{
	printf("{\"name\": \"%s\", \"variant\": \"%s\", \"route\": \"%s\", \"ranges\": %zu",
	       name, bench.variant, bench.route, ranges);
	print_number("instructions", !ret, instructions);
	print_number("bytes", !ret && bytes, bytes ? *bytes : 0);
	if (ret)
		printf(", \"error\": \"%s\"}\n", strerrorname_np(-ret));
	else
		printf(", \"error\": null}\n");
	fflush(stdout);
}

static struct dma_buf_bench_device parse_addr(const char *addr)
{
	struct dma_buf_bench_device device = {};
	unsigned int domain, bus, slot, function;

	igt_assert_f(sscanf(addr, "%x:%x:%x.%x", &domain, &bus, &slot,
			    &function) == 4,
		     "'%s' is not a PCI address\n", addr);
	device.domain = domain;
	device.bus = (__u8)bus;
	device.slot = (__u8)slot;
	device.function = (__u8)function;
	return device;
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
	igt_assert_f(one >= none,
		     "less was allocated with a mapping (%" PRIu64
		     " bytes) than without (%" PRIu64 ")\n", one, none);
	*bytes = one - none + r->embedded;
	return 0;
}

static void measure(const char *name, const char *walk,
		    struct dma_buf_bench_run *r, size_t ranges)
{
	unsigned int rounds = ranges <= 256 ? 101 : ranges <= 4096 ? 25 : 7;
	uint64_t median, walked, bytes = 0;
	int ret;

	ret = run(r, rounds);
	median = r->map_unmap_median;
	walked = r->walk_median;
	if (!ret)
		ret = footprint(r, &bytes);
	print_row(name, ranges, ret, median, &bytes);
	if (walk && !ret)
		print_row(walk, ranges, ret, walked, NULL);
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
		print_row("map-unmap", ranges, fd, 0, NULL);
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
	struct dma_buf_bench_range *pieces = calloc(nr, sizeof(*pieces));
	struct dma_buf_bench_run r = {
		.method = DMA_BUF_BENCH_LINKS,
		.importer = bench.importer,
		.exporter = bench.exporter,
		.fd = -1,
		.nr_ranges = (__u32)nr,
		.ranges = (uintptr_t)pieces,
	};
	size_t i;

	igt_assert(pieces);
	for (i = 0; i < nr; i++) {
		pieces[i].offset = ranges[i].offset;
		pieces[i].length = ranges[i].length;
	}
	measure("iova-link", NULL, &r, nr);
	free(pieces);
}

static void measure_ranges(size_t nr)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(nr, 0, PAGE);
	int fd = __vfio_dmabuf(&bench.shm, BAR, ranges, nr);

	measure_dmabuf(fd, nr);
	if (fd >= 0)
		close(fd);
	/* Without an IOMMU that translates there is nothing to link into */
	if (!strcmp(bench.variant, "phys-list") && !strcmp(bench.route, "host-bridge"))
		measure_links(ranges, nr);
	free(ranges);
}

static void measure_entries(const size_t *counts, size_t nr)
{
	size_t i;

	entries_open();
	for (i = 0; i < nr; i++)
		printf("{\"name\": \"translation-entries\", \"variant\": \"%s\", \"route\": \"%s\", \"ranges\": %zu, \"instructions\": null, \"bytes\": null, \"entries\": %" PRIu64
		       ", \"error\": null}\n",
		       bench.variant, bench.route, counts[i],
		       entries_count(&bench.shm, BAR, counts[i]));
	entries_close();
}

static const char *variant(void)
{
	const char *kernel = getenv("DMABUF_KERNEL");

	igt_assert_f(kernel, "$DMABUF_KERNEL is not set\n");
	return strcmp(kernel, "upstream") ? "phys-list" : "upstream";
}

int main(void)
{
	static const size_t counts[] = { 1, 16, 256, 4096, 65536 };
	const size_t nr = sizeof(counts) / sizeof(counts[0]);
	int iommufd;
	size_t i;

	streams_open();
	bench.variant = variant();
	bench.route = getenv("DMABUF_TOPOLOGY");
	igt_assert_f(bench.route, "$DMABUF_TOPOLOGY is not set\n");
	bench.importer = parse_addr(pci_env("DMABUF_EDU"));
	bench.exporter = parse_addr(pci_env("DMABUF_EXPORTER"));
	bench.exporter.bar = BAR;

	module_load("dma-buf-bench");
	pci_bind(getenv("DMABUF_EDU"), "dma-buf-bench");
	bench.fd = open(NODE, O_RDWR | O_CLOEXEC);
	igt_assert_f(bench.fd >= 0, "cannot open " NODE ": %s\n",
		     strerror(errno));
	iommufd = iommufd_open();
	vfio_open(&bench.shm, getenv("DMABUF_EXPORTER"), iommufd);
	footprint_open();

	for (i = 0; i < nr; i++)
		measure_ranges(counts[i]);
	/* The unmodified kernel has no RDMA driver for a device of QEMU's */
	if (!strcmp(bench.variant, "phys-list"))
		measure_entries(counts, nr);

	vfio_close(&bench.shm);
	close(iommufd);
	close(bench.fd);
	pci_restore();
	return streams_flush() ? 1 : 0;
}
