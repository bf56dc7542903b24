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
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "monitor.h"
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

/* Of a device's context: its page table, 0 if it has none, and how many levels */
static int read_context(const char *addr, uint64_t *table, unsigned int *levels)
{
	unsigned int bus, slot, function;
	uint64_t root, context, width;
	int ret;

	*table = 0;
	if (sscanf(addr, "%*x:%x:%x.%x", &bus, &slot, &function) != 3)
		return -EINVAL;
	ret = __monitor_read64(VTD_BASE + VTD_ROOT_ADDRESS, &root);
	if (!ret)
		ret = __monitor_read64((root & ADDRESS_MASK) + bus * 16, &root);
	if (ret || !(root & PRESENT))
		return ret;
	context = (root & ADDRESS_MASK) + (slot << 3 | function) * 16;
	ret = __monitor_read64(context, &root);
	if (!ret)
		ret = __monitor_read64(context + 8, &width);
	if (ret || !(root & PRESENT))
		return ret;
	/* Not a second-level table */
	if (root >> 2 & 3)
		return -EOPNOTSUPP;
	/* Width 1 is three levels, 2 four, 3 five */
	*levels = (unsigned int)(width & 7) + 2;
	*table = root & ADDRESS_MASK;
	return 0;
}

int __vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry)
{
	uint64_t table, value = 0;
	unsigned int level;
	int ret;

	memset(entry, 0, sizeof(*entry));
	/* The status register is 4 bytes at an address that is not 8-aligned */
	ret = __monitor_read64(VTD_BASE + VTD_GLOBAL_STATUS, &value);
	if (ret)
		return ret;
	if (!(value >> 32 & VTD_TRANSLATION_ON))
		return -ENXIO;
	ret = read_context(addr, &table, &level);
	if (ret || !table)
		return ret;
	for (; level >= 1; level--) {
		unsigned int shift = 12 + 9 * (level - 1);

		ret = __monitor_read64(table + (iova >> shift & 0x1ff) * 8,
				       &value);
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
