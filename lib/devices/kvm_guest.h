/* SPDX-License-Identifier: MIT */
/*
 * What the VMM and the code in its guest agree on
 */
#ifndef DEVICES_KVM_GUEST_H
#define DEVICES_KVM_GUEST_H

/*
 * The ports that the guest writes to: a command is done; a page fault of its own,
 * with the address in RAX; its guest did something else, which the VMCB tells
 */
#define GUEST_PORT 0x10
#define GUEST_FAULT_PORT 0x11
#define GUEST_NESTED_PORT 0x12

/* Where the words of a mailbox are */
#define GUEST_MAILBOX_STOP 0
#define GUEST_MAILBOX_COUNT 8

#ifndef __ASSEMBLER__
#include <stdint.h>

/**
 * struct guest_mailbox - for a command that does not end by itself
 * @stop: set by the VMM: end
 * @count: set by the guest: how many stores are done
 */
struct guest_mailbox {
	volatile uint64_t stop;
	volatile uint64_t count;
};

/*
 * The guest's code, position-independent. Its commands take gpa in RDI, length
 * in RSI, value in RDX, the mailbox in RCX, stride in R8, and return in RAX.
 */
extern const char guest_code[], guest_code_end[];

/* Load or store at gpa */
extern const char guest_load1[], guest_load2[], guest_load4[], guest_load8[];
extern const char guest_store1[], guest_store2[], guest_store4[],
	guest_store8[];

/* Copy length bytes from value to gpa */
extern const char guest_copy[];

/* For every stride bytes of the range: store, or compare with, value + offset */
extern const char guest_fill[], guest_check[];

/* For every stride bytes of the range: read one */
extern const char guest_touch[];

/* The n-th store is of value + n; over the range and over again until stopped */
extern const char guest_loop[];

/* The same as guest_fill and guest_check, for 32-bit code; stride in RBX */
extern const char guest_fill32[], guest_check32[];

/* Not a command: where page faults go */
extern const char guest_page_fault[];

/* Run the guest's guest, of the VMCB in RAX, and do its OUT in its place */
extern const char guest_nested[];

#endif /* __ASSEMBLER__ */

#endif /* DEVICES_KVM_GUEST_H */
