// SPDX-License-Identifier: GPL-2.0
/*
 * Curves over the number of importers of one dma-buf, and of dma-bufs of one device
 *
 * Each MAP_FILE is an importer of its own, with page tables of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "clock.h"
#include "cost.h"
#include "devices/ranges.h"
#include "fail.h"
#include "must.h"
#include "scale.h"

#define MAX_BUFFERS 10000
#define BUFFERS_FILE "/sys/kernel/debug/dma_buf_phys/buffers"

/* What one more takes, while there are @count: the least of a few */
static void query(const char *name, int fd, uint64_t count)
{
	struct cost cost, least = { .instructions = UINT64_MAX };
	int i;

	for (i = 0; i < 5; i++) {
		cost_begin(&cost, 0, -1);
		cost.ret = query_behind(fd);
		cost_end(&cost);
		if (cost.instructions < least.instructions)
			least = cost;
	}
	print_cost(name, 1, count, &least);
}

static void add(struct cost *sum, const struct cost *cost)
{
	if (cost->ret)
		fail(NULL, "cannot map one more: %s", strerror(-cost->ret));
	sum->instructions += cost->instructions;
	sum->bytes += cost->bytes;
}

static const struct cost nothing = { 0, 0, 0, UINT64_MAX, UINT64_MAX, 0 };

static void importers(int fd, uint64_t size, uint64_t count)
{
	struct cost cost, map = nothing, unmap = nothing;
	uint64_t i;

	for (i = 0; i < count; i++) {
		map_at(fd, size, IOVA + i * size, &cost, 0);
		add(&map, &cost);
	}
	print_cost("importers-map", 1, count, &map);
	query("importers-query", fd, count);

	memory(false, &cost, EXPECT(count, 3000), fd);
	print_cost("importers-revoke", 1, count, &cost);
	restore("importers", 1, count, EXPECT(count, 10000), fd);

	for (i = 0; i < count; i++) {
		unmap_at(size, IOVA + i * size, &cost, 0, fd);
		cost.bytes = 0;
		add(&unmap, &cost);
	}
	unmap.bytes = UINT64_MAX;
	print_cost("importers-unmap", 1, count, &unmap);
}

void scale_importers(void)
{
	static const unsigned int counts[] = { 1, 10, 100, 1000 };
	const struct vfio_region_dma_range range = { 0, MiB(2) };
	struct cost cost;
	int fd = export_ranges(&range, 1, 0, &cost, 0);
	size_t i;

	if (fd < 0)
		fail(NULL, "cannot export 2 MiB: %s", strerror(-fd));
	if (query_behind(fd) < 0)
		fprintf(stderr, "scale: without importers: the kernel has no queries\n");
	for (i = 0; i < ARRAY_SIZE(counts) && query_behind(fd) >= 0; i++)
		importers(fd, range.length, counts[i]);
	close(fd);
}

/*
 * Buffers
 */

static int fds[MAX_BUFFERS];

static void list(uint64_t count)
{
	static char buffer[65536];
	uint64_t bytes = 0;
	struct cost cost;
	ssize_t got;
	int fd;

	if (access(BUFFERS_FILE, F_OK))
		return;
	cost_begin(&cost, EXPECT(count, 3000), fds[count - 1]);
	fd = open(BUFFERS_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(NULL, "cannot open " BUFFERS_FILE ": %s", strerror(errno));
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		bytes += (uint64_t)got;
	close(fd);
	cost_end(&cost);
	cost.bytes = bytes;
	print_cost("buffers-list", 1, count, &cost);
}

static void reset(uint64_t count)
{
	struct cost cost;

	cost_begin(&cost, EXPECT(count, 9000), fds[0]);
	cost.ret = __vfio_reset(&scale.shm);
	cost_end(&cost);
	print_cost("buffers-reset", 1, count, &cost);
	memory(true, &cost, 0, -1);
	must_vfio_memory_enable(&scale.shm, true);
}

static void buffers(uint64_t count, bool mapped)
{
	struct cost cost, export = nothing, map = nothing, end = nothing;
	struct vfio_region_dma_range range = { 0, PAGE };
	uint64_t i;

	for (i = 0; i < count; i++) {
		range.offset = i * PAGE;
		fds[i] = export_ranges(&range, 1, 0, &cost, 0);
		cost.bytes = 0;
		add(&export, &cost);
		if (!mapped)
			continue;
		map_at(fds[i], PAGE, IOVA + i * PAGE, &cost, 0);
		add(&map, &cost);
	}
	export.bytes = UINT64_MAX;
	if (mapped) {
		print_cost("buffers-map", 1, count, &map);
	} else {
		print_cost("buffers-export", 1, count, &export);
		query("buffers-query", fds[count - 1], count);
		list(count);
		measure_claim("buffers-claim", 1, count, 0);
	}

	memory(false, &cost, EXPECT(count, 4000), fds[0]);
	print_cost(mapped ? "buffers-revoke" : "buffers-revoke-idle", 1, count, &cost);
	memory(true, &cost, EXPECT(count, 2000), fds[0]);
	print_cost(mapped ? "buffers-restore" : "buffers-restore-idle", 1, count, &cost);
	must_vfio_memory_enable(&scale.shm, true);
	if (mapped)
		reset(count);

	for (i = 0; mapped && i < count; i++) {
		unmap_at(PAGE, IOVA + i * PAGE, &cost, 0, -1);
		cost.bytes = 0;
	}
	for (i = 0; i < count; i++) {
		cost_begin(&cost, 0, -1);
		close(fds[i]);
		cost_end(&cost);
		cost.bytes = 0;
		add(&end, &cost);
	}
	end.bytes = UINT64_MAX;
	if (!mapped)
		print_cost("buffers-close", 1, count, &end);
}

void scale_buffers(void)
{
	static const unsigned int counts[] = { 1, 10, 100, 1000, MAX_BUFFERS };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		buffers(counts[i], false);
		buffers(counts[i], true);
	}
}
