// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter's memory goes off and on again
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "bytes.h"
#include "demo.h"
#include "devices/sysfs.h"
#include "devices/vtd.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "topology.h"

#define NR ARRAY_SIZE(demo_ranges)
#define START (KiB(64) - KiB(1))

/* The IOMMU reports faults by interrupt: give it a moment */
static unsigned int wait_for_fault(int log, const char *addr)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	unsigned int count = 0;
	char text[64];

	snprintf(text, sizeof(text), "Request device [%s]", addr);
	do {
		usleep(20000);
		count += must_klog_count(log, text);
	} while (!count && now_ms() < deadline);
	return count;
}

static bool mapped_at(struct demo *demo, uint64_t iova)
{
	struct vtd_entry entry;

	must_vtd_lookup(demo->edu.dev.addr, iova, &entry);
	return entry.present;
}

static void check_tables(struct demo *demo, bool mapped)
{
	uint64_t at = 0;
	size_t i;

	for (i = 0; i < NR; i++) {
		if (mapped_at(demo, DEMO_IOVA + at) != mapped)
			fail(NULL, "the IOMMU %s IOVA 0x%" PRIx64,
			     mapped ? "does not translate" : "still translates",
			     (uint64_t)DEMO_IOVA + at);
		at += demo_ranges[i].length;
	}
}

void demo_revoke(struct demo *demo)
{
	const char *edu = demo->edu.dev.addr;
	char text[KiB(2)];
	unsigned int faults;
	int log;

	step_begin(STEP_REVOKE, edu);
	/* Into the device's buffer now: only the store shall be refused */
	text_fill(text, sizeof(text), "back");
	must_edu_load(&demo->edu, text, sizeof(text));
	say("memory enable off in the PCI command register of %s",
	    demo->exporter.addr);
	must_vfio_memory_enable(&demo->exporter, false);
	check_tables(demo, false);
	checked("the IOMMU translates none of the ranges any more");

	say("%s writes all the same", edu);
	must_klog_expect_faults(edu);
	log = must_klog_open();
	must_edu_store(&demo->edu, DEMO_IOVA + START, sizeof(text));
	faults = wait_for_fault(log, edu);
	close(log);
	if (!faults)
		fail(NULL, "%s: no IOMMU fault in the kernel's log", edu);
	checked("the IOMMU refused and logged it: a fault of device %s",
		edu);
	/* That the BAR is unchanged can be seen when it is back */
	must_vfio_memory_enable(&demo->exporter, true);
	must_guard_check(demo->bar, 0, DEMO_WINDOW);
	checked("memory enable on: no byte of %s of the BAR has changed",
		size_text(DEMO_WINDOW));
	step_done();

	step_begin(STEP_RESTORE, edu);
	say("%s writes again; the program has called neither iommufd nor the exporter",
	    edu);
	must_edu_store(&demo->edu, DEMO_IOVA + START, sizeof(text));
	bytes_check(demo->bar, demo_ranges, NR, START, text, sizeof(text));
	hex_dump(demo->bar, demo_ranges[1].offset, 32, "start of range 1");
	checked("2048 bytes are in the BAR again, across the end of range 0");
	check_tables(demo, true);
	checked("the IOMMU translates every range again");
	bytes_reset(demo->bar, demo_ranges, NR, START, sizeof(text));
	must_guard_check(demo->bar, 0, DEMO_WINDOW);
	step_done();
}
