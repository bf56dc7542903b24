/* SPDX-License-Identifier: MIT */
/*
 * A tiny VMM: a guest of one page of code, without firmware or devices
 *
 * The guest runs commands, one at a time: the VMM puts arguments into registers
 * and enters at the command's first instruction, and the guest writes to an I/O
 * port when it is done. What an access runs into (a fault, an address where
 * nothing is) ends vcpu_run() early; running again repeats that access.
 *
 * A guest address is the same before and after the guest's own page tables, up to
 * %VMM_LIMIT. The first MiB is memory of the VMM, in slot 0: code, page tables
 * and, of each vCPU, a mailbox and a page to copy through.
 */
#ifndef DEVICES_KVM_H
#define DEVICES_KVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi.h"
#include "kvm_guest.h"

#define VMM_RAM_SIZE (1ull << 20)
#define VMM_LIMIT (1ull << 39)
#define VMM_MAX_VCPUS 8

/* Of entries of the guest's page tables */
#define PTE_PRESENT (1ull << 0)
#define PTE_WRITABLE (1ull << 1)
/* Nested page tables are walked as by a user */
#define PTE_USER (1ull << 2)
#define PTE_ACCESSED (1ull << 5)
#define PTE_DIRTY (1ull << 6)
#define PTE_LARGE (1ull << 7)
#define PTE_ADDRESS 0xffffffffff000ull

#define PTE_TABLE (PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_ACCESSED)
#define PTE_LEAF (PTE_TABLE | PTE_DIRTY)

/**
 * struct vmm - a VM
 * @fd: of the VM, -1 when closed
 * @ram: what the guest has at address 0
 * @next_table: where in it __vmm_map() makes the next page table
 */
struct vmm {
	int fd;
	uint8_t *ram;
	uint32_t next_table;
};

/**
 * enum vcpu_end - why a vCPU came back
 * @VCPU_DONE: the command is done
 * @VCPU_FAULT: KVM_EXIT_MEMORY_FAULT, KVM_RUN having failed with EFAULT
 * @VCPU_MMIO: an access to an address where no slot is; reads get all ones
 * @VCPU_PAGE_FAULT: a page fault by the guest's own tables, which does not go on
 * @VCPU_NESTED: the guest's guest did something that a command does not do
 * @VCPU_ERROR: anything else
 */
enum vcpu_end {
	VCPU_DONE, VCPU_FAULT, VCPU_MMIO, VCPU_PAGE_FAULT, VCPU_NESTED,
	VCPU_ERROR
};

/* How a vCPU runs its commands */
enum vcpu_mode {
	VCPU_LONG,	/* in 64-bit mode; the others are modes of kvm_mode.c */
	VCPU_FLAT,	/* in 32-bit mode without paging */
	VCPU_L2		/* in a guest of the guest */
};

/**
 * struct vcpu_fault - what KVM says of a memory fault
 * @flags: %KVM_MEMORY_EXIT_FLAG_PRIVATE or 0
 * @gpa: of the page
 * @size: of the page, bytes
 */
struct vcpu_fault {
	uint64_t flags;
	uint64_t gpa;
	uint64_t size;
};

/**
 * struct vcpu - a virtual CPU
 * @vmm: its VM
 * @fd: of the vCPU, -1 when closed
 * @index: its number
 * @run: what KVM shares with the VMM
 * @run_size: bytes of it
 * @mailbox: in the VM's memory
 * @page: that commands can copy from and to
 * @mode: how it runs them
 * @end: why it came back last
 * @error: errno of KVM_RUN, or 0
 * @result: of the command, if @end is %VCPU_DONE; the address, if it is
 *	%VCPU_PAGE_FAULT; SVM's exit code, if it is %VCPU_NESTED
 * @fault: if @end is %VCPU_FAULT
 */
struct vcpu {
	struct vmm *vmm;
	int fd;
	unsigned int index;
	struct kvm_run *run;
	size_t run_size;
	struct guest_mailbox *mailbox;
	uint8_t *page;
	enum vcpu_mode mode;
	enum vcpu_end end;
	int error;
	uint64_t result;
	struct vcpu_fault fault;
};

/**
 * __vmm_open - make a VM with its first MiB
 * @vmm: filled in
 * @type: %KVM_X86_DEFAULT_VM or %KVM_X86_SW_PROTECTED_VM
 *
 * Return: 0 or -errno.
 */
int __vmm_open(struct vmm *vmm, unsigned long type);

/**
 * vmm_close - let go of the VM; harmless if closed already
 * @vmm: its vCPUs are closed
 */
void vmm_close(struct vmm *vmm);

/** vmm_has - KVM_CHECK_EXTENSION on the VM; Return: what the kernel says */
int vmm_has(const struct vmm *vmm, unsigned int cap);

/** __vmm_region - KVM_SET_USER_MEMORY_REGION2; Return: 0 or -errno */
int __vmm_region(const struct vmm *vmm,
		 const struct kvm_userspace_memory_region2 *region);

/**
 * __vmm_dmabuf - give the guest a slice of a dma-buf
 * @vmm: the VM
 * @slot: from 1 on
 * @gpa: where the guest sees it
 * @fd: of the dma-buf
 * @offset: of the slice in it, bytes
 * @size: of the slice, bytes
 *
 * Return: 0 or -errno.
 */
int __vmm_dmabuf(const struct vmm *vmm, uint32_t slot, uint64_t gpa, int fd,
		 uint64_t offset, uint64_t size);

/** __vmm_memory - give the guest memory of this process */
int __vmm_memory(const struct vmm *vmm, uint32_t slot, uint64_t gpa, void *va,
		 uint64_t size);

/** __vmm_delete - delete a slot; Return: 0 or -errno */
int __vmm_delete(const struct vmm *vmm, uint32_t slot);

/**
 * __vmm_convert - make a range of guest addresses private or shared
 * @vmm: a VM with private memory
 * @gpa: start of the range
 * @size: of the range, bytes
 * @private: which
 *
 * Return: 0 or -errno.
 */
int __vmm_convert(const struct vmm *vmm, uint64_t gpa, uint64_t size,
		  bool private);

/**
 * __vmm_stats_open - open the statistics of a VM or of a vCPU
 * @fd: its descriptor; of a vCPU that does not run, since KVM_RUN keeps this waiting
 *
 * Return: descriptor for __vmm_stats_read(), which works any time, to be closed by
 * the caller, or -errno.
 */
int __vmm_stats_open(int fd);

/**
 * __vmm_stats_read - read one of the statistics
 * @stats: from __vmm_stats_open()
 * @name: such as "pages_2m" of a VM, "pf_fixed" of a vCPU
 * @value: receives it
 *
 * Return: 0 or -errno; -ENOENT if KVM does not count that.
 */
int __vmm_stats_read(int stats, const char *name, uint64_t *value);

/**
 * __vmm_stat - open, read and close
 * @fd: descriptor of a VM or of a vCPU
 * @name: which of its statistics
 * @value: receives it
 *
 * Return: 0 or -errno; -ENOENT if KVM does not count that.
 */
int __vmm_stat(int fd, const char *name, uint64_t *value);

/**
 * struct vmm_levels - how many mappings a VM has, by size
 * @k4: of 4 KiB
 * @m2: of 2 MiB
 * @g1: of 1 GiB
 */
struct vmm_levels {
	uint64_t k4, m2, g1;
};

/**
 * __vmm_levels - count the VM's mappings
 * @vmm: the VM
 * @levels: filled in
 *
 * Return: 0 or -errno.
 */
int __vmm_levels(const struct vmm *vmm, struct vmm_levels *levels);

/**
 * __vmm_tables - make an empty tree of page tables
 * @vmm: the VM
 * @root: receives the guest address of its root
 *
 * Return: 0, or -ENOSPC if the first MiB has no room left.
 */
int __vmm_tables(struct vmm *vmm, uint64_t *root);

/**
 * __vmm_map - map a page in a tree of the guest's page tables
 * @vmm: the VM, whose vCPUs have not run yet: they need not notice later
 * @root: from __vmm_tables(), or 0 for the tables of its vCPUs, where @va is
 *	%VMM_LIMIT or more
 * @va: the address before it, aligned to @size
 * @gpa: the address behind it, aligned to @size
 * @size: 4 KiB, 2 MiB or 1 GiB
 *
 * Return: 0; -EINVAL, -EEXIST if something is mapped there, or -ENOSPC.
 */
int __vmm_map(struct vmm *vmm, uint64_t root, uint64_t va, uint64_t gpa,
	      uint64_t size);

/**
 * vmm_entry - find an entry of the guest's page tables, for whoever rewrites it
 * @vmm: the VM
 * @root: as of __vmm_map()
 * @va: an address that the entry is for
 * @size: what it is for: 4 KiB, 2 MiB or 1 GiB, as a page or as a table
 *
 * Return: the entry in @vmm->ram, or NULL if no table that has it is there.
 */
uint64_t *vmm_entry(const struct vmm *vmm, uint64_t root, uint64_t va,
		    uint64_t size);

/**
 * __vcpu_open - make a vCPU in 64-bit mode, ready for commands
 * @vcpu: filled in
 * @vmm: its VM
 * @index: below %VMM_MAX_VCPUS, different for every vCPU
 *
 * Return: 0 or -errno.
 */
int __vcpu_open(struct vcpu *vcpu, struct vmm *vmm, unsigned int index);

/**
 * __vcpu_use_tables - use other page tables
 * @vcpu: the vCPU
 * @root: guest address of their root
 *
 * Return: 0 or -errno.
 */
int __vcpu_use_tables(struct vcpu *vcpu, uint64_t root);

/**
 * __vcpu_flat - go on in 32-bit mode without paging, for commands of that
 * @vcpu: the vCPU
 *
 * Return: 0 or -errno.
 */
int __vcpu_flat(struct vcpu *vcpu);

/**
 * __vcpu_nest - run commands in a guest of the guest from now on
 * @vcpu: number 0
 * @nested_root: root of the tables that its guest-physical addresses go through, from
 *	__vmm_tables(), which must map the first MiB; or 0 for none
 *
 * That guest has the page tables that its host has.
 *
 * Return: 0 or -errno; -ENODEV if KVM does not let guests have guests by SVM,
 * -EOPNOTSUPP if they have no nested paging.
 */
int __vcpu_nest(struct vcpu *vcpu, uint64_t nested_root);

/** vcpu_nested_address - the address of a nested page fault: %VCPU_NESTED */
uint64_t vcpu_nested_address(const struct vcpu *vcpu);

/** vcpu_close - harmless if closed already */
void vcpu_close(struct vcpu *vcpu);

/** __vcpu_prefault - KVM_PRE_FAULT_MEMORY; Return: bytes not done, or -errno */
int64_t __vcpu_prefault(const struct vcpu *vcpu, uint64_t gpa, uint64_t size);

/**
 * vcpu_begin - get ready to run a command
 * @vcpu: the vCPU
 * @command: of kvm_guest.h
 * @gpa: its first argument
 * @length: its second
 * @value: its third
 * @stride: its fourth
 */
void vcpu_begin(struct vcpu *vcpu, const char *command, uint64_t gpa,
		uint64_t length, uint64_t value, uint64_t stride);

/** vcpu_run - go on with the command; any thread may; Return: vcpu->end */
enum vcpu_end vcpu_run(struct vcpu *vcpu);

/*
 * Whole commands, vcpu_begin() and vcpu_run() in one. None fails: each returns how
 * the guest's access ended, and leaves what it came to in @vcpu->result.
 */

/** vcpu_try - run any command; arguments as of vcpu_begin() */
enum vcpu_end vcpu_try(struct vcpu *vcpu, const char *command, uint64_t gpa,
		       uint64_t length, uint64_t value, uint64_t stride);

/** vcpu_try_load - load @size (1, 2, 4 or 8) bytes */
enum vcpu_end vcpu_try_load(struct vcpu *vcpu, uint64_t gpa, size_t size);

/** vcpu_try_store - store @size (1, 2, 4 or 8) bytes */
enum vcpu_end vcpu_try_store(struct vcpu *vcpu, uint64_t gpa, size_t size,
			     uint64_t value);

/** vcpu_try_read - copy @size bytes, up to a page, from the guest's @gpa */
enum vcpu_end vcpu_try_read(struct vcpu *vcpu, uint64_t gpa, void *data,
			    size_t size);

/** vcpu_try_write - the same in the other direction */
enum vcpu_end vcpu_try_write(struct vcpu *vcpu, uint64_t gpa, const void *data,
			     size_t size);

/** vcpu_try_touch - read a byte of every page of a range of @length bytes */
enum vcpu_end vcpu_try_touch(struct vcpu *vcpu, uint64_t gpa, uint64_t length);

/** vcpu_ended - what vcpu->end and vcpu->error mean, in words */
const char *vcpu_ended(const struct vcpu *vcpu);

#endif /* DEVICES_KVM_H */
