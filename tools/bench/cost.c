// SPDX-License-Identifier: GPL-2.0
/*
 * What system calls take: instructions, memory, and how long others wait
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "cost.h"
#include "devices/iommufd.h"
#include "devices/ranges.h"
#include "fail.h"
#include "must.h"

/* The probe's own way takes a few thousand instructions */
#define LEAST_PERIOD 20000
#define SAMPLES 256

struct scale scale;
/* What it takes to read the thread's clock */
static uint64_t overhead;

static uint64_t thread_clock(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static bool probing;
static uint64_t began, all_began;

void cost_begin(struct cost *cost, uint64_t expected, int fd)
{
	uint64_t period = expected / SAMPLES;

	*cost = (struct cost) { 0, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0 };
	probing = expected;
	if (probing)
		probe_start(period < LEAST_PERIOD ? LEAST_PERIOD : period, fd);
	all_began = instructions();
	began = thread_clock();
}

void cost_end(struct cost *cost)
{
	uint64_t took = thread_clock() - began;
	uint64_t all = instructions() - all_began;
	struct probe probe;

	cost->instructions = took > overhead ? took - overhead : 0;
	if (!probing)
		return;
	probe_stop(&probe);
	took += probe.cpu;
	cost->others = all > took ? all - took : 0;
	cost->late = probe.late;
	cost->wait = probe.wait;
}

static uint64_t meminfo(const char *name)
{
	const size_t length = strlen(name);
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length)) {
			kib = strtoull(line + length, NULL, 10);
			break;
		}
	if (!file)
		fail(NULL, "cannot read /proc/meminfo: %s", strerror(errno));
	fclose(file);
	return kib * 1024;
}

uint64_t tables(void)
{
	return meminfo("SecPageTables:");
}

uint64_t memory_free(void)
{
	return meminfo("MemFree:");
}

static void print_number(const char *name, uint64_t value, bool known)
{
	if (known)
		printf(", \"%s\": %" PRIu64, name, value);
	else
		printf(", \"%s\": null", name);
}

void print_cost(const char *name, size_t ranges, uint64_t count,
		const struct cost *cost)
{
	bool ok = !cost->ret;

	clock_check();
	printf("{\"name\": \"%s\", \"variant\": \"%s\", \"route\": \"%s\", \"ranges\": %zu, \"count\": %" PRIu64,
	       name, scale.variant, scale.route, ranges, count);
	print_number("instructions", cost->instructions, ok);
	print_number("bytes", cost->bytes, ok && cost->bytes != UINT64_MAX);
	print_number("late", cost->late, ok && cost->late != UINT64_MAX);
	print_number("wait", cost->wait, ok && cost->wait != UINT64_MAX);
	if (ok)
		printf(", \"error\": null}\n");
	else
		printf(", \"error\": \"%s\"}\n", strerrorname_np(-cost->ret));
	fflush(stdout);
}

int export_ranges(const struct vfio_region_dma_range *ranges, size_t nr,
		  uint32_t flags, struct cost *cost, uint64_t expected)
{
	const size_t size = sizeof(struct vfio_device_feature) +
			    sizeof(struct vfio_device_feature_dma_buf) +
			    nr * sizeof(*ranges);
	struct vfio_device_feature *feature = must_alloc(1, size);
	struct vfio_device_feature_dma_buf *dmabuf = (void *)feature->data;
	int fd;

	feature->argsz = (uint32_t)size;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	dmabuf->region_index = BAR;
	dmabuf->open_flags = O_RDWR | O_CLOEXEC;
	dmabuf->flags = flags;
	dmabuf->nr_ranges = (uint32_t)nr;
	memcpy(dmabuf->dma_ranges, ranges, nr * sizeof(*ranges));

	cost_begin(cost, expected, -1);
	fd = ioctl(scale.shm.fd, VFIO_DEVICE_FEATURE, feature);
	if (fd < 0)
		fd = -errno;
	cost_end(cost);
	cost->ret = fd < 0 ? fd : 0;
	free(feature);
	return fd;
}

void measure_claim(const char *name, size_t ranges, uint64_t count,
		   uint64_t expected)
{
	const struct vfio_region_dma_range range = {
		scale.shm.region[BAR].size - PAGE, PAGE,
	};
	struct cost cost;
	int fd = export_ranges(&range, 1, VFIO_DMA_BUF_NO_HOST_ACCESS, &cost,
			       expected);

	print_cost(name, ranges, count, &cost);
	if (fd >= 0)
		close(fd);
}

static void switch_memory(bool on)
{
	int ret = __vfio_memory_enable(&scale.shm, on);

	if (ret)
		fail(NULL, "%s: cannot switch its memory %s: %s", scale.shm.addr,
		     on ? "on" : "off", strerror(-ret));
}

void memory(bool on, struct cost *cost, uint64_t expected, int fd)
{
	cost_begin(cost, expected, fd);
	switch_memory(on);
	cost_end(cost);
}

void restore(const char *prefix, size_t ranges, uint64_t count,
	     uint64_t expected, int fd)
{
	int watch = watch_open(fd);
	struct cost cost;
	char name[32];

	cost_begin(&cost, expected, fd);
	switch_memory(true);
	/* What it takes to wait is little */
	watch_restored(watch);
	cost_end(&cost);
	close(watch);
	snprintf(name, sizeof(name), "%s-restore", prefix);
	print_cost(name, ranges, count, &cost);
	cost.instructions = cost.others;
	snprintf(name, sizeof(name), "%s-remap", prefix);
	print_cost(name, ranges, count, &cost);
}

void map_at(int fd, uint64_t size, uint64_t iova, struct cost *cost,
	    uint64_t expected)
{
	const uint64_t before = tables();

	cost_begin(cost, expected, fd);
	cost->ret = __ioas_map_file(scale.iommufd, scale.ioas, fd, 0, size, iova);
	cost_end(cost);
	cost->bytes = tables() - before;
}

void unmap_at(uint64_t size, uint64_t iova, struct cost *cost,
	      uint64_t expected, int fd)
{
	cost_begin(cost, expected, fd);
	cost->ret = __ioas_unmap(scale.iommufd, scale.ioas, iova, size);
	cost_end(cost);
}

void cost_calibrate(void)
{
	const uint64_t spin = 20000000;
	struct cost cost;
	uint64_t until;
	int i;

	overhead = UINT64_MAX;
	for (i = 0; i < 20; i++) {
		uint64_t start = thread_clock(), took = thread_clock() - start;

		if (took < overhead)
			overhead = took;
	}
	/* What @late is if nothing at all delays the probe */
	until = instructions() + spin;
	cost_begin(&cost, spin, -1);
	while (instructions() < until)
		;
	cost_end(&cost);
	print_cost("idle-spin", 1, 1, &cost);
}
