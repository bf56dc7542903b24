/* SPDX-License-Identifier: MIT */
/*
 * The guest's code: see kvm_guest.h
 *
 * Copied into the guest's memory, so it refers to nothing outside, and there is no
 * stack. Accesses are plain moves: what they hit may have to be emulated.
 */
#include "kvm_guest.h"

	.macro command name
	.balign 16
	.globl guest_\name
guest_\name:
	.endm

	.macro load size, insn, register
	command load\size
	xorl %eax, %eax
	\insn (%rdi), \register
	jmp done
	.endm

	.macro store size, insn, register
	command store\size
	\insn \register, (%rdi)
	jmp done
	.endm

	.section .rodata
	.code64
	command code

done:
	outb %al, $GUEST_PORT
	/* A command begins anew: nobody goes on behind the last one */
	ud2

	load 1, movb, %al
	load 2, movw, %ax
	load 4, movl, %eax
	load 8, movq, %rax
	store 1, movb, %dl
	store 2, movw, %dx
	store 4, movl, %edx
	store 8, movq, %rdx

	command copy
	movq %rsi, %rcx
	movq %rdx, %rsi
	rep movsb
	jmp done

	command fill
	xorl %eax, %eax
1:	cmpq %rsi, %rax
	jae done
	leaq (%rdx, %rax), %r9
	movq %r9, (%rdi, %rax)
	addq %r8, %rax
	jmp 1b

	/* Returns the offset of the first word that differs */
	command check
	xorl %eax, %eax
1:	cmpq %rsi, %rax
	jae done
	leaq (%rdx, %rax), %r9
	movq (%rdi, %rax), %r10
	cmpq %r9, %r10
	jne done
	addq %r8, %rax
	jmp 1b

	command touch
	xorl %eax, %eax
1:	cmpq %rsi, %rax
	jae done
	movb (%rdi, %rax), %dl
	addq %r8, %rax
	jmp 1b

	/* A store that faults is not counted, whoever looks */
	command loop
	xorl %eax, %eax
1:	xorl %r9d, %r9d
2:	cmpq $0, GUEST_MAILBOX_STOP(%rcx)
	jne done
	leaq (%rdx, %rax), %r10
	movq %r10, (%rdi, %r9)
	incq %rax
	movq %rax, GUEST_MAILBOX_COUNT(%rcx)
	addq %r8, %r9
	cmpq %rsi, %r9
	jb 2b
	jmp 1b

	command page_fault
	movq %cr2, %rax
	outb %al, $GUEST_FAULT_PORT
	ud2

	/* Offsets into the VMCB: EXITCODE, EXITINFO1, RAX; 0x7b is IOIO */
	command nested
	vmrun
	cmpq $0x7b, 0x70(%rax)
	jne 1f
	movq 0x78(%rax), %rdx
	shrq $16, %rdx
	movq 0x5f8(%rax), %rax
	outb %al, %dx
	ud2
1:	movq 0x70(%rax), %rax
	outb %al, $GUEST_NESTED_PORT
	ud2

	.code32
	command fill32
	xorl %eax, %eax
1:	cmpl %esi, %eax
	jae done32
	leal (%edx, %eax), %ecx
	movl %ecx, (%edi, %eax)
	addl %ebx, %eax
	jmp 1b

	command check32
	xorl %eax, %eax
1:	cmpl %esi, %eax
	jae done32
	leal (%edx, %eax), %ecx
	cmpl %ecx, (%edi, %eax)
	jne done32
	addl %ebx, %eax
	jmp 1b

done32:
	outb %al, $GUEST_PORT
	ud2

	.globl guest_code_end
guest_code_end:

	.section .note.GNU-stack, "", @progbits
