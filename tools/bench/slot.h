/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest, memory slots that show it a BAR in either of two ways, and what it
 * costs until the guest can reach all of such a slot
 */
#ifndef BENCH_SLOT_H
#define BENCH_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/vfio.h"

/* ivshmem's memory */
#define BAR 2

/* Where slots are, unless something is to be misaligned */
#define GPA GiB(4)

/**
 * struct slot - a memory slot, and what it is made of
 * @gpa: where the guest sees it
 * @size: bytes
 * @ranges: pieces of the dma-buf; 1 if there is none
 * @fd: the dma-buf, or -1
 * @va: the host's mapping, or NULL
 * @reserved: the addresses around @va
 */
struct slot {
	uint64_t gpa;
	uint64_t size;
	size_t ranges;
	int fd;
	void *va;
	void *reserved;
};

/**
 * struct cost - of letting a guest reach a slot
 * @instructions: all of them, the guest's own as well
 * @faults: of the guest, KVM's pf_taken; KVM_PRE_FAULT_MEMORY is not counted
 *	there, and makes one mapping a fault: those, then
 * @level: sizes of the mappings, such as "1G" or "4K+2M"
 */
struct cost {
	uint64_t instructions;
	uint64_t faults;
	char level[16];
};

/**
 * slot_dmabuf - let a slot be made of a dma-buf
 * @dev: whose BAR
 * @ranges: pieces of the BAR
 * @nr: how many
 * @gpa: where the guest sees it
 */
struct slot slot_dmabuf(struct vfio_device *dev,
			const struct vfio_region_dma_range *ranges, size_t nr,
			uint64_t gpa);

/**
 * slot_mmap - let a slot be made of the host's mapping of a BAR
 * @dev: whose BAR
 * @size: of the mapping, from the start of the BAR, bytes
 * @misaligned: the address is one page past a multiple of 1 GiB; otherwise it is
 *	such a multiple
 */
struct slot slot_mmap(struct vfio_device *dev, uint64_t size, bool misaligned);

/** slot_free - let go of the dma-buf or the mapping */
void slot_free(struct slot *slot);

/** vm_new - start a guest in place of the one there is, if any */
void vm_new(void);

/** vm_end - end it */
void vm_end(void);

/**
 * slot_add - add the slot to the guest, which has none
 *
 * Return: instructions.
 */
uint64_t slot_add(const struct slot *slot);

/**
 * vm_ready - run the guest, so that only faults in the slot are left
 *
 * Deleting a slot costs the guest all its mappings, whatever they are of.
 */
void vm_ready(void);

/** slot_delete - delete the slot */
void slot_delete(void);

/** slot_prefault - KVM_PRE_FAULT_MEMORY of all of the slot */
struct cost slot_prefault(const struct slot *slot);

/** slot_touch - let the guest read a byte of the slot every @stride bytes */
struct cost slot_touch(const struct slot *slot, uint64_t stride);

/** vm_mappings - how many mappings of any size the guest has now */
uint64_t vm_mappings(void);

#endif /* BENCH_SLOT_H */
