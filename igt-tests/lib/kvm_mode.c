// SPDX-License-Identifier: MIT
/*
 * vCPUs that are not in plain 64-bit mode: without paging, or with a guest of
 * their own by SVM, to which the same commands are given
 */
#include <sys/ioctl.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm.h"
#include "kvm_layout.h"
#include "module.h"
#include "sysfs.h"

#define PARAM_NPT "/sys/module/kvm_amd/parameters/npt"
#define PARAM_TDP_MMU "/sys/module/kvm/parameters/tdp_mmu"

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

static void get_sregs(const struct vcpu *vcpu, struct kvm_sregs *sregs)
{
	igt_assert_eq(ioctl(vcpu->fd, KVM_GET_SREGS, sregs), 0);
}

static void set_sregs(const struct vcpu *vcpu, const struct kvm_sregs *sregs)
{
	igt_assert_f(!ioctl(vcpu->fd, KVM_SET_SREGS, sregs),
		     "KVM_SET_SREGS: %s\n", strerror(errno));
}

/* Return: whether a parameter is on */
static bool param(const char *path)
{
	char value[8];
	int ret = __sysfs_read(path, value, sizeof(value));

	igt_assert_f(!ret, "cannot read %s: %s\n", path, strerror(-ret));
	return *value == 'Y' || *value == '1';
}

void vmm_reload(bool npt, bool tdp_mmu)
{
	igt_require_f(!access(PARAM_NPT, F_OK), "no kvm-amd module\n");
	if (param(PARAM_NPT) == npt && param(PARAM_TDP_MMU) == (npt && tdp_mmu))
		return;
	/* Takes kvm along, if that is in nobody else's use */
	module_unload("kvm_amd");
	module_load_with("kvm", tdp_mmu ? "tdp_mmu=1" : "tdp_mmu=0");
	module_load_with("kvm_amd", npt ? "npt=1" : "npt=0");
	igt_assert_eq(param(PARAM_NPT), npt);
	/* KVM switches it off if there is no nested paging */
	igt_assert_eq(param(PARAM_TDP_MMU), npt && tdp_mmu);
}

void vcpu_use_tables(struct vcpu *vcpu, uint64_t root)
{
	struct kvm_sregs sregs;

	get_sregs(vcpu, &sregs);
	sregs.cr3 = root;
	set_sregs(vcpu, &sregs);
}

void vcpu_flat(struct vcpu *vcpu)
{
	struct kvm_sregs sregs;

	get_sregs(vcpu, &sregs);
	sregs.cs.l = 0;
	sregs.cs.db = 1;
	sregs.cr0 = CR0_PE | CR0_ET;
	sregs.cr3 = 0;
	sregs.cr4 = 0;
	sregs.efer = 0;
	set_sregs(vcpu, &sregs);
	vcpu->mode = VCPU_FLAT;
}

/* Return: register EDX or ECX of what the guest's CPUID says */
static uint32_t cpuid(const struct vcpu *vcpu, uint32_t function, bool edx)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} all = { .head.nent = 256 };
	uint32_t i;

	igt_assert_eq(ioctl(vcpu->fd, KVM_GET_CPUID2, &all), 0);
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

void vcpu_nest(struct vcpu *vcpu, uint64_t nested_root)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} hsave = {
		.head.nmsrs = 1,
		.entry = { .index = MSR_VM_HSAVE_PA, .data = RAM_HOST_SAVE },
	};
	struct kvm_sregs sregs;

	igt_require_f(cpuid(vcpu, CPUID_FEATURES, false) & CPUID_FEATURES_SVM,
		      "guests cannot have guests by SVM here\n");
	igt_require_f(!nested_root ||
		      cpuid(vcpu, CPUID_SVM, true) & CPUID_SVM_NPT,
		      "guests have no nested paging here\n");
	igt_assert_eq(vcpu->index, 0);
	get_sregs(vcpu, &sregs);
	sregs.efer |= EFER_SVME;
	set_sregs(vcpu, &sregs);
	igt_assert_eq(ioctl(vcpu->fd, KVM_SET_MSRS, &hsave), 1);
	fill_vmcb(vcpu, &sregs, nested_root);
	vcpu->mode = VCPU_L2;
}

uint64_t vcpu_nested_address(const struct vcpu *vcpu)
{
	uint64_t address;

	memcpy(&address, vcpu->vmm->ram + RAM_VMCB + VMCB_EXIT_INFO_2,
	       sizeof(address));
	return address;
}
