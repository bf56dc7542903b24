// SPDX-License-Identifier: GPL-2.0
/*
 * An NVMe controller, driven from here through VFIO, reads its disk straight into
 * the other device's BAR. Every 8 bytes of the disk say where they are from.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"
#include "devices/iommufd.h"
#include "devices/sysfs.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "topology.h"

#define NR 64
#define SIZE MiB(8)
#define WINDOW MiB(17)
#define IOVA 0x400000000ull
#define COMMANDS (SIZE / NVME_MAX)
/* Commands that surely end before access is taken away; one that begins after */
#define FIRST (COMMANDS / 4)
#define LAST (COMMANDS * 3 / 4)
#define DISK1 MiB(5)
#define DISK2 MiB(40)

struct revoker {
	struct demo *demo;
	atomic_uint commands;
	int ret;
};

/*
 * Switches the exporter off in the middle of somebody else's reading. When that
 * happens is the scheduler's choice between two limits that are not: no command of
 * the first quarter comes after it, none of the last quarter before it.
 */
static void *revoke_later(void *arg)
{
	struct revoker *revoker = arg;

	while (atomic_load(&revoker->commands) < FIRST)
		usleep(100);
	revoker->ret = __vfio_memory_enable(&revoker->demo->exporter, false);
	return NULL;
}

static int read_command(struct demo *demo, unsigned int command)
{
	return __nvme_rw(&demo->nvme, false, DISK2 + command * NVME_MAX,
			 IOVA + command * NVME_MAX, NVME_MAX);
}

static void read_disk(struct demo *demo, struct picture *picture,
		      const struct vfio_region_dma_range *ranges)
{
	step_begin(STEP_NVME, demo->nvme.dev.addr);
	say("%s of the BAR, in %d ranges of %s, become one dma-buf",
	    size_text(SIZE), NR, size_text(SIZE / NR));
	say("%s reads %s from byte %" PRIu64 " of its disk into it, %d commands",
	    demo->nvme.dev.addr, size_text(SIZE), (uint64_t)DISK1,
	    (int)COMMANDS);
	must_nvme_read(&demo->nvme, DISK1, IOVA, SIZE);
	must_picture_disk(picture, ranges, NR, 0, SIZE, DISK1);
	must_picture_check(picture);
	checked("%d blocks of 512 bytes are in the BAR, each word where it should be",
		(int)(SIZE / 512));
	checked("the gaps between the ranges are untouched");
	step_done();
}

/* How many pages of a command's share of the BAR hold what it read */
static unsigned int pages_arrived(struct demo *demo,
				  const struct vfio_region_dma_range *ranges,
				  unsigned int command)
{
	uint64_t start = command * NVME_MAX, at, word;
	unsigned int arrived = 0, i;

	for (at = start; at < start + NVME_MAX; at += PAGE) {
		uint64_t bar = ranges_find(ranges, NR, at);

		for (i = 0; i < PAGE; i += 8) {
			word = *(volatile uint64_t *)(demo->bar + bar + i);
			if (word != NVME_DISK_WORD(DISK2 + at + i))
				break;
		}
		if (i == PAGE)
			arrived++;
		else if (i || word != NVME_DISK_WORD(DISK1 + at))
			fail(NULL, "byte 0x%" PRIx64 " of the BAR is of neither read",
			     bar + i);
	}
	return arrived;
}

/* Reads everything while the thread takes the memory away, and joins it */
static void read_and_lose(struct demo *demo)
{
	struct revoker revoker = { .demo = demo };
	pthread_t thread;
	unsigned int i;

	if (pthread_create(&thread, NULL, revoke_later, &revoker))
		fail(NULL, "cannot start a thread");
	for (i = 0; i < COMMANDS; i++) {
		if (i == LAST)
			pthread_join(thread, NULL);
		/* Its status says nothing: a device that writes gets no answer */
		if (read_command(demo, i) < 0)
			fail(NULL, "command %u does not end", i + 1);
		atomic_fetch_add(&revoker.commands, 1);
	}
	if (revoker.ret)
		fail(NULL, "cannot switch the memory of %s off: %s",
		     demo->exporter.addr, strerror(-revoker.ret));
}

static void read_interrupted(struct demo *demo, struct picture *picture,
			     const struct vfio_region_dma_range *ranges)
{
	unsigned int whole, partly = 0, i;

	step_begin(STEP_NVME_REVOKE, demo->nvme.dev.addr);
	/* What it reads in vain is refused by the IOMMU */
	must_klog_expect_faults(demo->nvme.dev.addr);
	say("%s reads another part of the disk; meanwhile a thread switches off the memory of %s",
	    demo->nvme.dev.addr, demo->exporter.addr);
	read_and_lose(demo);
	must_vfio_memory_enable(&demo->exporter, true);

	for (whole = 0; whole < COMMANDS; whole++) {
		partly = pages_arrived(demo, ranges, whole);
		if (partly < NVME_MAX / PAGE)
			break;
	}
	for (i = whole + 1; i < COMMANDS; i++)
		if (pages_arrived(demo, ranges, i))
			fail(NULL, "command %u reached the BAR although %u before it did not",
			     i + 1, whole + 1);
	if (whole < FIRST || whole > LAST || (whole == LAST && partly))
		fail(NULL, "%u commands of %u reached the BAR, instead of %u to %u",
		     whole, (unsigned int)COMMANDS, (unsigned int)FIRST,
		     (unsigned int)LAST);
	if (partly)
		checked("commands 1 to %u are in the BAR and %u of %u pages of the next; the other %u left no trace",
			whole, partly, (unsigned int)(NVME_MAX / PAGE),
			(unsigned int)COMMANDS - whole - 1);
	else
		checked("commands 1 to %u are in the BAR, the other %u left no trace",
			whole, (unsigned int)COMMANDS - whole);

	say("memory is on again: the lost commands once more");
	for (i = whole; i < COMMANDS; i++) {
		int status = read_command(demo, i);

		if (status)
			fail(NULL, "command %u ends with status 0x%03x", i + 1,
			     (unsigned int)status);
	}
	must_picture_disk(picture, ranges, NR, 0, SIZE, DISK2);
	must_picture_check(picture);
	checked("%d blocks of 512 bytes are in the BAR, the gaps untouched",
		(int)(SIZE / 512));
	step_done();
}

void demo_nvme(struct demo *demo)
{
	struct vfio_region_dma_range *ranges;
	struct picture picture;
	int fd;

	ranges = must_ranges_scattered(NR, KiB(64), SIZE / NR);
	must_picture_start(&picture, demo->bar, WINDOW);
	fd = must_vfio_dmabuf(&demo->exporter, BAR, ranges, NR);
	must_ioas_map_file(demo->iommufd, demo->ioas, fd, 0, SIZE, IOVA);
	close(fd);

	read_disk(demo, &picture, ranges);
	read_interrupted(demo, &picture, ranges);

	must_ioas_unmap(demo->iommufd, demo->ioas, IOVA, SIZE);
	picture_free(&picture);
	free(ranges);
}
