// SPDX-License-Identifier: MIT
/*
 * vCPUs and their commands
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm.h"
#include "kvm_layout.h"

#define SEGMENT_DATA 3
#define SEGMENT_CODE 11

#define MAX_CPUID 256

/* The guest may have what KVM offers, such as pages of 1 GiB */
static int set_cpuid(int vcpu)
{
	struct kvm_cpuid2 *cpuid;
	int kvm, ret = 0;

	cpuid = calloc(1, sizeof(*cpuid) +
			  MAX_CPUID * sizeof(struct kvm_cpuid_entry2));
	if (!cpuid)
		return -ENOMEM;
	cpuid->nent = MAX_CPUID;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0 || ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid) < 0 ||
	    ioctl(vcpu, KVM_SET_CPUID2, cpuid) < 0)
		ret = -errno;
	if (kvm >= 0)
		close(kvm);
	free(cpuid);
	return ret;
}

static int set_long_mode(int vcpu)
{
	struct kvm_segment data = {
		.limit = UINT32_MAX, .selector = SELECTOR_DATA,
		.type = SEGMENT_DATA,
		.present = 1, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	sregs.ds = data;
	sregs.es = data;
	sregs.ss = data;
	sregs.cs = data;
	sregs.cs.selector = SELECTOR_CODE;
	sregs.cs.type = SEGMENT_CODE;
	sregs.cs.db = 0;
	sregs.cs.l = 1;
	sregs.gdt.base = RAM_GDT;
	sregs.gdt.limit = 3 * 8 - 1;
	sregs.idt.base = RAM_IDT;
	sregs.idt.limit = 15 * 16 - 1;
	sregs.cr0 = CR0_PE | CR0_ET | CR0_PG;
	sregs.cr3 = RAM_TOP_TABLE;
	sregs.cr4 = CR4_PAE;
	sregs.efer = EFER_LME | EFER_LMA;
	return ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 ? -errno : 0;
}

static int map_run(struct vcpu *vcpu)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), size;
	void *run;

	if (kvm < 0)
		return -errno;
	size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0ul);
	close(kvm);
	if (size < 0)
		return -errno;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   vcpu->fd, 0);
	if (run == MAP_FAILED)
		return -errno;
	vcpu->run = run;
	vcpu->run_size = (size_t)size;
	/*
	 * Not by KVM_GET_REGS after the exit, which allocates: the guest would have
	 * obeyed, and a failure of that call look like one of KVM_RUN.
	 */
	vcpu->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	return 0;
}

int __vcpu_open(struct vcpu *vcpu, struct vmm *vmm, unsigned int index)
{
	int ret;

	memset(vcpu, 0, sizeof(*vcpu));
	vcpu->vmm = vmm;
	vcpu->index = index;
	vcpu->end = VCPU_ERROR;
	vcpu->mailbox = (struct guest_mailbox *)(vmm->ram + RAM_MAILBOX(index));
	vcpu->page = vmm->ram + RAM_PAGE(index);
	vcpu->fd = ioctl(vmm->fd, KVM_CREATE_VCPU, (unsigned long)index);
	if (vcpu->fd < 0)
		return -errno;
	ret = map_run(vcpu);
	if (!ret)
		ret = set_cpuid(vcpu->fd);
	if (!ret)
		ret = set_long_mode(vcpu->fd);
	if (ret)
		vcpu_close(vcpu);
	return ret;
}

void vcpu_close(struct vcpu *vcpu)
{
	if (vcpu->run)
		munmap(vcpu->run, vcpu->run_size);
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->run = NULL;
	vcpu->fd = -1;
}

int64_t __vcpu_prefault(const struct vcpu *vcpu, uint64_t gpa, uint64_t size)
{
	struct kvm_pre_fault_memory range = { .gpa = gpa, .size = size };

	return ioctl(vcpu->fd, KVM_PRE_FAULT_MEMORY, &range) < 0 ?
		       -errno : (int64_t)range.size;
}

/* An access that user space emulated is part of the next KVM_RUN: get it over */
static void finish_exit(struct vcpu *vcpu)
{
	int i;

	if (vcpu->end == VCPU_FAULT || vcpu->end == VCPU_ERROR)
		return;
	/* A copy may want one more access, and is cut off */
	vcpu->run->immediate_exit = 1;
	for (i = 0; i < 16 && !ioctl(vcpu->fd, KVM_RUN, 0); i++)
		;
	vcpu->run->immediate_exit = 0;
}

void vcpu_begin(struct vcpu *vcpu, const char *command, uint64_t gpa,
		uint64_t length, uint64_t value, uint64_t stride)
{
	uint64_t rip = RAM_CODE + (uint64_t)(command - guest_code);
	struct kvm_regs regs = {
		.rip = rip,
		.rflags = 2,
		.rsp = RAM_STACK(vcpu->index),
		.rbx = stride,
		.rdi = gpa,
		.rsi = length,
		.rdx = value,
		.rcx = RAM_MAILBOX(vcpu->index),
		.r8 = stride,
	};

	finish_exit(vcpu);
	vcpu->mailbox->stop = 0;
	vcpu->mailbox->count = 0;
	/* What it cannot get done goes on in L2; else L1 has to begin */
	if (vcpu->mode == VCPU_L2 && vcpu->end != VCPU_FAULT &&
	    vcpu->end != VCPU_MMIO) {
		vcpu_begin_nested(vcpu, rip);
		regs.rip = RAM_CODE + (uint64_t)(guest_nested - guest_code);
		regs.rax = RAM_VMCB;
	}
	/*
	 * KVM_RUN takes them over, or fails. KVM_SET_REGS allocates, and the guest
	 * would go on with those that it had.
	 */
	vcpu->run->s.regs.regs = regs;
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
}

static enum vcpu_end why(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (vcpu->error == EFAULT &&
	    run->exit_reason == KVM_EXIT_MEMORY_FAULT) {
		/* Of this member Debian 12's header knows but the place */
		memcpy(&vcpu->fault, run->padding, sizeof(vcpu->fault));
		return VCPU_FAULT;
	}
	if (vcpu->error)
		return VCPU_ERROR;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		vcpu->result = run->s.regs.regs.rax;
		switch (run->io.port) {
		case GUEST_PORT:
			return VCPU_DONE;
		case GUEST_FAULT_PORT:
			return VCPU_PAGE_FAULT;
		case GUEST_NESTED_PORT:
			return VCPU_NESTED;
		}
		return VCPU_ERROR;
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return VCPU_MMIO;
	default:
		return VCPU_ERROR;
	}
}

enum vcpu_end vcpu_run(struct vcpu *vcpu)
{
	int ret;

	do
		ret = ioctl(vcpu->fd, KVM_RUN, 0);
	while (ret < 0 && errno == EINTR);
	vcpu->error = ret < 0 ? errno : 0;
	vcpu->end = why(vcpu);
	return vcpu->end;
}

const char *vcpu_ended(const struct vcpu *vcpu)
{
	static char text[160];

	switch (vcpu->end) {
	case VCPU_DONE:
		return "it is done";
	case VCPU_FAULT:
		snprintf(text, sizeof(text),
			 "memory fault at 0x%" PRIx64 ", 0x%" PRIx64 " bytes, flags 0x%" PRIx64,
			 vcpu->fault.gpa, vcpu->fault.size, vcpu->fault.flags);
		break;
	case VCPU_MMIO:
		snprintf(text, sizeof(text), "MMIO %s at 0x%" PRIx64,
			 vcpu->run->mmio.is_write ? "write" : "read",
			 (uint64_t)vcpu->run->mmio.phys_addr);
		break;
	case VCPU_PAGE_FAULT:
		snprintf(text, sizeof(text),
			 "the guest's own page fault at 0x%" PRIx64,
			 vcpu->result);
		break;
	case VCPU_NESTED:
		snprintf(text, sizeof(text),
			 "L2 came back with exit code 0x%" PRIx64, vcpu->result);
		break;
	default:
		snprintf(text, sizeof(text), "KVM_RUN: %s, exit reason %u",
			 strerror(vcpu->error), vcpu->run->exit_reason);
	}
	return text;
}

enum vcpu_end vcpu_try(struct vcpu *vcpu, const char *command, uint64_t gpa,
		       uint64_t length, uint64_t value, uint64_t stride)
{
	vcpu_begin(vcpu, command, gpa, length, value, stride);
	return vcpu_run(vcpu);
}

static const char *by_size(size_t size, const char *one, const char *two,
			   const char *four, const char *eight)
{
	return size == 1 ? one : size == 2 ? two : size == 4 ? four : eight;
}

enum vcpu_end vcpu_try_load(struct vcpu *vcpu, uint64_t gpa, size_t size)
{
	return vcpu_try(vcpu, by_size(size, guest_load1, guest_load2,
				      guest_load4, guest_load8), gpa, 0, 0, 0);
}

enum vcpu_end vcpu_try_store(struct vcpu *vcpu, uint64_t gpa, size_t size,
			     uint64_t value)
{
	return vcpu_try(vcpu, by_size(size, guest_store1, guest_store2,
				      guest_store4, guest_store8), gpa, 0, value, 0);
}

enum vcpu_end vcpu_try_read(struct vcpu *vcpu, uint64_t gpa, void *data,
			    size_t size)
{
	enum vcpu_end end;

	end = vcpu_try(vcpu, guest_copy, RAM_PAGE(vcpu->index), size, gpa, 0);
	if (end == VCPU_DONE)
		memcpy(data, vcpu->page, size);
	return end;
}

enum vcpu_end vcpu_try_write(struct vcpu *vcpu, uint64_t gpa, const void *data,
			     size_t size)
{
	memcpy(vcpu->page, data, size);
	return vcpu_try(vcpu, guest_copy, gpa, size, RAM_PAGE(vcpu->index), 0);
}

enum vcpu_end vcpu_try_touch(struct vcpu *vcpu, uint64_t gpa, uint64_t length)
{
	return vcpu_try(vcpu, guest_touch, gpa, length, 0, 4096);
}
