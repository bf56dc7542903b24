// SPDX-License-Identifier: MIT
/*
 * Walking VT-d's tables from outside the kernel
 *
 * A test that only sees bytes not arriving cannot tell a mapping that is gone
 * from a BAR that is switched off. The tables can.
 *
 * Layouts are from the VT-d specification, legacy mode: root table, context
 * table, second-level page table of 3 to 5 levels.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>

#include "igt_core.h"
#include "monitor.h"
#include "sysfs.h"
#include "vtd.h"

#define VTD_BASE 0xfed90000ull	/* of QEMU's q35 */
#define VTD_ROOT_ADDRESS 0x20
#define VTD_GLOBAL_STATUS 0x18
#define VTD_TRANSLATION_ON (1ull << 31)

#define ADDRESS_MASK 0x000ffffffffff000ull
#define PRESENT 1ull
#define PAGE_READ 1ull
#define PAGE_WRITE 2ull
#define PAGE_LARGE (1ull << 7)

void vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry)
{
	unsigned int bus, slot, function, level;
	uint64_t root, context, table, width, value = 0;

	memset(entry, 0, sizeof(*entry));
	igt_assert(sscanf(addr, "%*x:%x:%x.%x", &bus, &slot, &function) == 3);
	/* The status register is 4 bytes at an address that is not 8-aligned */
	value = monitor_read64(VTD_BASE + VTD_GLOBAL_STATUS) >> 32;
	igt_assert_f(value & VTD_TRANSLATION_ON,
		     "the IOMMU is not translating: global status 0x%" PRIx64
		     "\n", value);

	root = monitor_read64(VTD_BASE + VTD_ROOT_ADDRESS) & ADDRESS_MASK;
	root = monitor_read64(root + bus * 16);
	if (!(root & PRESENT))
		return;
	context = (root & ADDRESS_MASK) + (slot << 3 | function) * 16;
	table = monitor_read64(context);
	width = monitor_read64(context + 8) & 7;
	if (!(table & PRESENT))
		return;
	igt_assert_f((table >> 2 & 3) == 0,
		     "%s: not translated by a second-level table\n", addr);

	/* Width 1 is three levels, 2 four, 3 five */
	table &= ADDRESS_MASK;
	for (level = (unsigned int)width + 2; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		value = monitor_read64(table + (iova >> shift & 0x1ff) * 8);
		if (!(value & (PAGE_READ | PAGE_WRITE)))
			return;
		if (level == 1 || value & PAGE_LARGE) {
			entry->present = true;
			entry->page = 1ull << shift;
			entry->paddr = (value & ADDRESS_MASK &
					~(entry->page - 1)) |
				       (iova & (entry->page - 1));
			entry->readable = value & PAGE_READ;
			entry->writable = value & PAGE_WRITE;
			return;
		}
		table = value & ADDRESS_MASK;
	}
}

bool vtd_mapped(const char *addr, uint64_t iova)
{
	struct vtd_entry entry;

	vtd_lookup(addr, iova, &entry);
	return entry.present;
}

unsigned long vtd_faults(void)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long sum = 0;
	char line[1024];

	igt_assert(file);
	while (fgets(line, sizeof(line), file)) {
		char *at = strchr(line, ':'), *end;

		if (!at || !strstr(at, "dmar0"))
			continue;
		for (at++;; at = end) {
			unsigned long count = strtoul(at, &end, 10);

			/* After one number per CPU comes the chip's name */
			if (end == at || (*end != ' ' && *end != '\n'))
				break;
			sum += count;
		}
	}
	fclose(file);
	return sum;
}

/* Where this thread gets to run no interrupt is being handled */
static void visit_cpus(void)
{
	cpu_set_t all, one;
	int cpu;

	igt_assert_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		igt_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	}
	igt_assert_eq(sched_setaffinity(0, sizeof(all), &all), 0);
}

bool vtd_wait_fault(unsigned long before)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	while (vtd_faults() <= before) {
		if (now_ms() > deadline)
			return false;
		usleep(10000);
	}
	/* It is counted before its handler has run, which writes to the log */
	visit_cpus();
	return true;
}
