// SPDX-License-Identifier: MIT
/*
 * What the IOMMU does, and what it complains of
 */
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "igt_core.h"
#include "sysfs.h"
#include "vtd.h"

void vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry)
{
	int ret = __vtd_lookup(addr, iova, entry);

	igt_assert_f(ret != -ENXIO, "the IOMMU is not translating\n");
	igt_assert_f(ret != -EOPNOTSUPP,
		     "%s: not translated by a second-level table\n", addr);
	igt_assert_f(!ret, "%s: cannot walk the IOMMU's tables: %s\n", addr,
		     strerror(-ret));
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
