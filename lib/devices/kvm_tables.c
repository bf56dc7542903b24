// SPDX-License-Identifier: MIT
/*
 * The guest's own tables: descriptors, and page tables that begin with every
 * address up to %VMM_LIMIT mapped to itself by pages of 1 GiB
 */
#include <errno.h>
#include <string.h>

#include "kvm.h"
#include "kvm_layout.h"

#define VECTOR_PF 14

static void *at(const struct vmm *vmm, uint64_t gpa)
{
	return vmm->ram + gpa;
}

static void fill_descriptors(const struct vmm *vmm)
{
	uint64_t handler = RAM_CODE + (uint64_t)(guest_page_fault - guest_code);
	uint64_t *gdt = at(vmm, RAM_GDT), *idt = at(vmm, RAM_IDT);

	gdt[SELECTOR_CODE / 8] = 0x00af9b000000ffffull;
	gdt[SELECTOR_DATA / 8] = 0x00cf93000000ffffull;
	/* A gate for interrupts, present */
	idt[2 * VECTOR_PF] = (handler & 0xffff) | SELECTOR_CODE << 16 |
			     0x8eull << 40 | (handler >> 16) << 48;
}

void vmm_fill_tables(struct vmm *vmm)
{
	uint64_t *top = at(vmm, RAM_TOP_TABLE), *table = at(vmm, RAM_TABLE), i;

	fill_descriptors(vmm);
	top[0] = RAM_TABLE | PTE_TABLE;
	for (i = 0; i < VMM_LIMIT >> 30; i++)
		table[i] = i << 30 | PTE_LEAF | PTE_LARGE;
}

int __vmm_tables(struct vmm *vmm, uint64_t *root)
{
	uint64_t table = vmm->next_table;

	if (table + 4096 > VMM_RAM_SIZE)
		return -ENOSPC;
	vmm->next_table += 4096;
	memset(at(vmm, table), 0, 4096);
	*root = table;
	return 0;
}

uint64_t *vmm_entry(const struct vmm *vmm, uint64_t root, uint64_t va,
		    uint64_t size)
{
	uint64_t table = root ? root : RAM_TOP_TABLE, *entry;
	unsigned int shift;

	for (shift = 39; ; shift -= 9) {
		entry = (uint64_t *)at(vmm, table) + (va >> shift) % 512;
		if (size >> shift || shift == 12)
			return entry;
		if (!(*entry & PTE_PRESENT) || *entry & PTE_LARGE)
			return NULL;
		table = *entry & PTE_ADDRESS;
	}
}

int __vmm_map(struct vmm *vmm, uint64_t root, uint64_t va, uint64_t gpa,
	      uint64_t size)
{
	unsigned int leaf = size == 1ull << 30 ? 30 : size == 1ull << 21 ? 21 : 12;
	uint64_t table = root ? root : RAM_TOP_TABLE, next, *entry;
	unsigned int shift;
	int ret;

	if (size != 1ull << leaf || va % size || gpa % size ||
	    (!root && va < VMM_LIMIT))
		return -EINVAL;
	for (shift = 39; ; shift -= 9) {
		entry = (uint64_t *)at(vmm, table) + (va >> shift) % 512;
		if (shift == leaf)
			break;
		if (!*entry) {
			ret = __vmm_tables(vmm, &next);
			if (ret)
				return ret;
			*entry = next | PTE_TABLE;
		}
		if (*entry & PTE_LARGE)
			return -EEXIST;
		table = *entry & PTE_ADDRESS;
	}
	if (*entry)
		return -EEXIST;
	*entry = gpa | PTE_LEAF | (leaf > 12 ? PTE_LARGE : 0);
	return 0;
}
