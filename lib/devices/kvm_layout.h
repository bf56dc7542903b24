/* SPDX-License-Identifier: MIT */
/*
 * Where things are in a guest's first MiB
 */
#ifndef DEVICES_KVM_LAYOUT_H
#define DEVICES_KVM_LAYOUT_H

#include <stdint.h>

#define RAM_TOP_TABLE 0x1000
#define RAM_TABLE 0x2000
#define RAM_CODE 0x3000
#define RAM_GDT 0x4000
#define RAM_IDT 0x5000

/* For a guest that has a guest: SVM's structures */
#define RAM_VMCB 0x6000
#define RAM_HOST_SAVE 0x7000
#define RAM_IO_MAP 0x8000 /* three pages */

/* Of each vCPU, one page each; a stack grows from the end of the mailbox's */
#define RAM_MAILBOX(index) (0x10000u + (index) * 0x2000u)
#define RAM_PAGE(index) (RAM_MAILBOX(index) + 0x1000u)
#define RAM_STACK(index) RAM_PAGE(index)

/* From here on, tables that tests make; see __vmm_map() */
#define RAM_MORE_TABLES 0x20000

#define SELECTOR_CODE 8
#define SELECTOR_DATA 16

#define CR0_PE (1ull << 0)
#define CR0_ET (1ull << 4)
#define CR0_PG (1ull << 31)
#define CR4_PAE (1ull << 5)
#define EFER_LME (1ull << 8)
#define EFER_LMA (1ull << 10)
#define EFER_SVME (1ull << 12)

struct vmm;
struct vcpu;

/* The tables that every vCPU has: see kvm_tables.c */
void vmm_fill_tables(struct vmm *vmm);

/* Put a command into the VMCB, to be run by guest_nested; see kvm_mode.c */
void vcpu_begin_nested(struct vcpu *vcpu, uint64_t rip);

#endif /* DEVICES_KVM_LAYOUT_H */
