/* SPDX-License-Identifier: MIT */
#ifndef LIB_CPU_TABLES_H
#define LIB_CPU_TABLES_H

#include <stdbool.h>
#include <stdint.h>

/* Linux's meaning of the three attribute bits of a page table entry */
enum cpu_cache {
	CPU_WB = 0,
	CPU_WC = 1,
	CPU_UC_MINUS = 2,
	CPU_UC = 3,
};

/**
 * struct cpu_entry - how the CPU translates one address of this process
 * @present: whether it translates it at all
 * @writable: whether it may write
 * @page: size of the page, bytes
 * @paddr: physical address it becomes
 * @cache: how it is cached
 */
struct cpu_entry {
	bool present;
	bool writable;
	uint64_t page;
	uint64_t paddr;
	enum cpu_cache cache;
};

/**
 * cpu_lookup - walk this process's page tables
 * @va: address in this process
 * @entry: receives the translation
 *
 * The walk reads memory, by __ram_read(), from what QEMU's monitor says is a CPU's
 * register: what is mapped how is not told by the kernel to anybody. Needs two CPUs
 * and root. Nothing is faulted in.
 */
void cpu_lookup(const void *va, struct cpu_entry *entry);

/**
 * cpu_frame - physical address of a page of this process, as the kernel tells root
 * @page: address in the page, which is there
 */
uint64_t cpu_frame(const void *page);

#endif /* LIB_CPU_TABLES_H */
