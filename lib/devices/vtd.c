// SPDX-License-Identifier: MIT
/*
 * Walking VT-d's tables in memory
 *
 * A test that only sees bytes not arriving cannot tell a mapping that is gone
 * from a BAR that is switched off. The tables can.
 *
 * Layouts are from the VT-d specification, legacy mode: root table, context
 * table, second-level page table of 3 to 5 levels.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "monitor.h"
#include "ram.h"
#include "vtd.h"

#define VTD_BASE 0xfed90000ull	/* of QEMU's q35 */
#define VTD_GLOBAL_COMMAND 0x18	/* 4 bytes, behind it as many of status, and the root */
#define VTD_TRANSLATION_ON (1ull << 31)

#define ADDRESS_MASK 0x000ffffffffff000ull
#define PRESENT 1ull
#define PAGE_READ 1ull
#define PAGE_WRITE 2ull
#define PAGE_LARGE (1ull << 7)

/*
 * Where the contexts of a bus are, 0 if it has none. The kernel switches translation on
 * when it boots and never moves a table of contexts, so that is asked for once.
 */
static int find_contexts(unsigned int bus, uint64_t *contexts)
{
	static uint64_t known[256];
	/* The status is the upper half of the first */
	uint64_t registers[2], root;
	int ret;

	*contexts = known[bus & 0xff];
	if (*contexts)
		return 0;
	ret = __monitor_read(VTD_BASE + VTD_GLOBAL_COMMAND, registers, 2);
	if (ret)
		return ret;
	if (!(registers[0] >> 32 & VTD_TRANSLATION_ON))
		return -ENXIO;
	ret = __ram_read((registers[1] & ADDRESS_MASK) + bus * 16, &root, 1);
	if (ret || !(root & PRESENT))
		return ret;
	*contexts = known[bus & 0xff] = root & ADDRESS_MASK;
	return 0;
}

/* Of a device's context: its page table, 0 if it has none, and how many levels */
static int read_context(const char *addr, uint64_t *table, unsigned int *levels)
{
	unsigned int bus, slot, function;
	uint64_t contexts, context[2];
	int ret;

	*table = 0;
	if (sscanf(addr, "%*x:%x:%x.%x", &bus, &slot, &function) != 3)
		return -EINVAL;
	ret = find_contexts(bus, &contexts);
	if (ret || !contexts)
		return ret;
	ret = __ram_read(contexts + (slot << 3 | function) * 16, context, 2);
	if (ret || !(context[0] & PRESENT))
		return ret;
	/* Not a second-level table */
	if (context[0] >> 2 & 3)
		return -EOPNOTSUPP;
	/* Width 1 is three levels, 2 four, 3 five */
	*levels = (unsigned int)(context[1] & 7) + 2;
	*table = context[0] & ADDRESS_MASK;
	return 0;
}

int __vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry)
{
	uint64_t table, value = 0;
	unsigned int level;
	int ret;

	memset(entry, 0, sizeof(*entry));
	ret = read_context(addr, &table, &level);
	if (ret || !table)
		return ret;
	for (; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		ret = __ram_read(table + (iova >> shift & 0x1ff) * 8, &value, 1);
		if (ret || !(value & (PAGE_READ | PAGE_WRITE)))
			return ret;
		if (level == 1 || value & PAGE_LARGE) {
			entry->present = true;
			entry->page = 1ull << shift;
			entry->paddr = (value & ADDRESS_MASK &
					~(entry->page - 1)) |
				       (iova & (entry->page - 1));
			entry->readable = value & PAGE_READ;
			entry->writable = value & PAGE_WRITE;
			return 0;
		}
		table = value & ADDRESS_MASK;
	}
	return 0;
}
