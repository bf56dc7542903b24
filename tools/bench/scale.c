// SPDX-License-Identifier: GPL-2.0
/*
 * scale - how costs grow
 *
 * Runs in a VM of tools/vm/run --icount --bar 128. Prints JSON as bench does, with more
 * members:
 *
 *  count  where on the curve the row is: ranges, importers, buffers, GiB or CPUs,
 *         as the first word of the name says
 *  late   longest time that nothing could be scheduled, instructions; null if that
 *         was not measured
 *  wait   longest time that another thread waited for the reservation lock
 *
 * export, map, unmap and close are the system calls. revoke is the config write that
 * switches the exporter's memory off, restore the one that switches it on; remap is
 * what importers do after it, in a context of their own. stop is such a revoke by
 * another thread in the middle of a map, or of an unmap: the longest of a few. dma is
 * mapping and unmapping by a driver through the DMA API.
 *
 * Instructions are those of the thread that asks, without interruptions by others.
 *
 * With the argument "cpus" it measures how several CPUs get along: in a VM with time
 * instead of instructions, see scale_cpus.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "cost.h"
#include "devices/iommufd.h"
#include "devices/pci.h"
#include "devices/ranges.h"
#include "fail.h"
#include "machine.h"
#include "must.h"
#include "scale.h"
#include "streams.h"

#define FDS 24000

static void setup(void)
{
	const struct rlimit files = { FDS, FDS };

	scale.variant = machine_variant();
	scale.route = machine_route();
	if (setrlimit(RLIMIT_NOFILE, &files))
		fail(NULL, "cannot have %d files open: %s", FDS, strerror(errno));
	scale.iommufd = must_iommufd_open();
	must_vfio_open(&scale.shm, must_pci_env("DMABUF_EXPORTER"), scale.iommufd);
	if (scale.shm.region[BAR].size < GiB(128))
		fail("start it by tools/vm/run --bar 128",
		     "%s: its memory is smaller than 128 GiB", scale.shm.addr);
}

int main(int argc, char **argv)
{
	const bool cpus = argc > 1 && !strcmp(argv[1], "cpus");

	streams_open();
	fail_as("bench", BENCH_REMEDY);
	if (!cpus)
		clock_check();
	setup();
	if (cpus || !strcmp(scale.route, "host-bridge"))
		scale.ioas = machine_ioas(scale.iommufd, &scale.dma);
	if (cpus) {
		scale_cpus();
	} else {
		cost_calibrate();
		scale_ranges();
		if (scale.ioas) {
			scale_sizes();
			scale_importers();
			scale_buffers();
		}
	}
	if (scale.ioas)
		vfio_close(&scale.dma);
	vfio_close(&scale.shm);
	close(scale.iommufd);
	pci_restore();
	return streams_flush() ? 1 : 0;
}
