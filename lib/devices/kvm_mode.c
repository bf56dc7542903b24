// SPDX-License-Identifier: MIT
/*
 * vCPUs that are not in plain 64-bit mode: without paging, or with a guest of
 * their own by SVM, to which the same commands are given
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm.h"
#include "kvm_layout.h"

#define MSR_VM_HSAVE_PA 0xc0010117u
#define DEFAULT_PAT 0x0007040600070406ull

#define CPUID_SVM 0x8000000au
#define CPUID_SVM_NPT (1u << 0)
#define CPUID_FEATURES 0x80000001u
#define CPUID_FEATURES_SVM (1u << 2)

/* Offsets in the VMCB, of AMD's manual */
#define VMCB_INTERCEPT3 0x00c
#define VMCB_INTERCEPT4 0x010
#define VMCB_IO_MAP 0x040
#define VMCB_ASID 0x058
#define VMCB_EXIT_INFO_2 0x080
#define VMCB_NESTED 0x090
#define VMCB_NESTED_CR3 0x0b0
#define VMCB_ES 0x400
#define VMCB_CS 0x410
#define VMCB_SS 0x420
#define VMCB_DS 0x430
#define VMCB_GDTR 0x460
#define VMCB_IDTR 0x480
#define VMCB_EFER 0x4d0
#define VMCB_CR4 0x548
#define VMCB_CR3 0x550
#define VMCB_CR0 0x558
#define VMCB_DR7 0x560
#define VMCB_DR6 0x568
#define VMCB_RFLAGS 0x570
#define VMCB_RIP 0x578
#define VMCB_RSP 0x5d8
#define VMCB_RAX 0x5f8
#define VMCB_PAT 0x668

#define INTERCEPT3_IO (1u << 27)
#define INTERCEPT3_SHUTDOWN (1u << 31)
#define INTERCEPT4_VMRUN (1u << 0)

static int get_sregs(const struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	return ioctl(vcpu->fd, KVM_GET_SREGS, sregs) < 0 ? -errno : 0;
}

static int set_sregs(const struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	return ioctl(vcpu->fd, KVM_SET_SREGS, sregs) < 0 ? -errno : 0;
}

int __vcpu_use_tables(struct vcpu *vcpu, uint64_t root)
{
	struct kvm_sregs sregs;
	int ret = get_sregs(vcpu, &sregs);

	if (ret)
		return ret;
	sregs.cr3 = root;
	return set_sregs(vcpu, &sregs);
}

int __vcpu_flat(struct vcpu *vcpu)
{
	struct kvm_sregs sregs;
	int ret = get_sregs(vcpu, &sregs);

	if (ret)
		return ret;
	sregs.cs.l = 0;
	sregs.cs.db = 1;
	sregs.cr0 = CR0_PE | CR0_ET;
	sregs.cr3 = 0;
	sregs.cr4 = 0;
	sregs.efer = 0;
	ret = set_sregs(vcpu, &sregs);
	if (!ret)
		vcpu->mode = VCPU_FLAT;
	return ret;
}

/* Return: register EDX or ECX of what the guest's CPUID says, 0 if it does not */
static uint32_t cpuid(const struct vcpu *vcpu, uint32_t function, bool edx)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} all = { .head.nent = 256 };
	uint32_t i;

	if (ioctl(vcpu->fd, KVM_GET_CPUID2, &all) < 0)
		return 0;
	for (i = 0; i < all.head.nent; i++)
		if (all.entries[i].function == function)
			return edx ? all.entries[i].edx : all.entries[i].ecx;
	return 0;
}

static void put(const struct vcpu *vcpu, unsigned int offset, uint64_t value)
{
	memcpy(vcpu->vmm->ram + RAM_VMCB + offset, &value, sizeof(value));
}

static void put32(const struct vcpu *vcpu, unsigned int offset, uint32_t value)
{
	memcpy(vcpu->vmm->ram + RAM_VMCB + offset, &value, sizeof(value));
}

static void put_segment(const struct vcpu *vcpu, unsigned int offset,
			uint16_t selector, uint16_t attributes, uint32_t limit,
			uint64_t base)
{
	put(vcpu, offset, (uint64_t)limit << 32 | (uint32_t)attributes << 16 |
			  selector);
	put(vcpu, offset + 8, base);
}

void vcpu_begin_nested(struct vcpu *vcpu, uint64_t rip)
{
	put(vcpu, VMCB_RIP, rip);
	put(vcpu, VMCB_RSP, RAM_STACK(vcpu->index));
	put(vcpu, VMCB_RFLAGS, 2);
	put(vcpu, VMCB_RAX, 0);
}

static void fill_vmcb(const struct vcpu *vcpu, const struct kvm_sregs *sregs,
		      uint64_t nested_root)
{
	memset(vcpu->vmm->ram + RAM_VMCB, 0, 4096);
	memset(vcpu->vmm->ram + RAM_IO_MAP, 0xff, 3 * 4096);
	put32(vcpu, VMCB_INTERCEPT3, INTERCEPT3_IO | INTERCEPT3_SHUTDOWN);
	put32(vcpu, VMCB_INTERCEPT4, INTERCEPT4_VMRUN);
	put(vcpu, VMCB_IO_MAP, RAM_IO_MAP);
	put32(vcpu, VMCB_ASID, 1);
	put(vcpu, VMCB_NESTED, nested_root ? 1 : 0);
	put(vcpu, VMCB_NESTED_CR3, nested_root);
	put_segment(vcpu, VMCB_CS, SELECTOR_CODE, 0xa9b, UINT32_MAX, 0);
	put_segment(vcpu, VMCB_DS, SELECTOR_DATA, 0xc93, UINT32_MAX, 0);
	put_segment(vcpu, VMCB_ES, SELECTOR_DATA, 0xc93, UINT32_MAX, 0);
	put_segment(vcpu, VMCB_SS, SELECTOR_DATA, 0xc93, UINT32_MAX, 0);
	put_segment(vcpu, VMCB_GDTR, 0, 0, sregs->gdt.limit, sregs->gdt.base);
	put_segment(vcpu, VMCB_IDTR, 0, 0, sregs->idt.limit, sregs->idt.base);
	put(vcpu, VMCB_EFER, sregs->efer);
	put(vcpu, VMCB_CR4, sregs->cr4);
	put(vcpu, VMCB_CR3, sregs->cr3);
	put(vcpu, VMCB_CR0, sregs->cr0);
	put(vcpu, VMCB_DR7, 0x400);
	put(vcpu, VMCB_DR6, 0xffff0ff0);
	put(vcpu, VMCB_PAT, DEFAULT_PAT);
}

int __vcpu_nest(struct vcpu *vcpu, uint64_t nested_root)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} hsave = {
		.head.nmsrs = 1,
		.entry = { .index = MSR_VM_HSAVE_PA, .data = RAM_HOST_SAVE },
	};
	struct kvm_sregs sregs;
	int ret;

	if (!(cpuid(vcpu, CPUID_FEATURES, false) & CPUID_FEATURES_SVM))
		return -ENODEV;
	if (nested_root && !(cpuid(vcpu, CPUID_SVM, true) & CPUID_SVM_NPT))
		return -EOPNOTSUPP;
	if (vcpu->index)
		return -EINVAL;
	ret = get_sregs(vcpu, &sregs);
	if (ret)
		return ret;
	sregs.efer |= EFER_SVME;
	ret = set_sregs(vcpu, &sregs);
	if (ret)
		return ret;
	/* Returns how many it has set */
	ret = ioctl(vcpu->fd, KVM_SET_MSRS, &hsave);
	if (ret != 1)
		return ret < 0 ? -errno : -EIO;
	fill_vmcb(vcpu, &sregs, nested_root);
	vcpu->mode = VCPU_L2;
	return 0;
}

uint64_t vcpu_nested_address(const struct vcpu *vcpu)
{
	uint64_t address;

	memcpy(&address, vcpu->vmm->ram + RAM_VMCB + VMCB_EXIT_INFO_2,
	       sizeof(address));
	return address;
}
