/* SPDX-License-Identifier: MIT */
#ifndef LIB_KVM_H
#define LIB_KVM_H

#include "devices/kvm.h"

/** vmm_require - skip unless KVM runs VMs of @type with slots of dma-bufs */
void vmm_require(unsigned long type);

/**
 * vmm_reload - load KVM anew, with parameters; there must be no VM
 * @npt: use nested paging
 * @tdp_mmu: by the newer of the two ways
 *
 * Skips the test if this is not AMD's KVM, or not a module.
 */
void vmm_reload(bool npt, bool tdp_mmu);

/* These do what devices/kvm.h says, and fail the test if that does */

void vmm_open(struct vmm *vmm, unsigned long type);
void vmm_dmabuf(const struct vmm *vmm, uint32_t slot, uint64_t gpa, int fd,
		uint64_t offset, uint64_t size);
void vmm_delete(const struct vmm *vmm, uint32_t slot);
void vmm_convert(const struct vmm *vmm, uint64_t gpa, uint64_t size,
		 bool private);
int vmm_stats_open(int fd);
uint64_t vmm_stats_read(int stats, const char *name);
uint64_t vmm_stat(int fd, const char *name);
struct vmm_levels vmm_levels(const struct vmm *vmm);
uint64_t vmm_tables(struct vmm *vmm);
void vmm_map(struct vmm *vmm, uint64_t root, uint64_t va, uint64_t gpa,
	     uint64_t size);
void vcpu_open(struct vcpu *vcpu, struct vmm *vmm, unsigned int index);
void vcpu_use_tables(struct vcpu *vcpu, uint64_t root);
void vcpu_flat(struct vcpu *vcpu);

/** vcpu_nest - __vcpu_nest(); skips the test if KVM does not let a guest do this */
void vcpu_nest(struct vcpu *vcpu, uint64_t nested_root);

/* Whole commands, which fail the test unless they are done */

uint64_t vcpu_load(struct vcpu *vcpu, uint64_t gpa, size_t size);
void vcpu_store(struct vcpu *vcpu, uint64_t gpa, size_t size, uint64_t value);
void vcpu_read(struct vcpu *vcpu, uint64_t gpa, void *data, size_t size);
void vcpu_write(struct vcpu *vcpu, uint64_t gpa, const void *data, size_t size);
void vcpu_touch(struct vcpu *vcpu, uint64_t gpa, uint64_t length);

/**
 * vcpu_fill - store a pattern: @seed + offset, in words @stride bytes apart
 * @vcpu: the vCPU
 * @gpa: start of the range
 * @length: of the range, bytes
 * @seed: the first word
 * @stride: 8 for all of it, or more
 */
void vcpu_fill(struct vcpu *vcpu, uint64_t gpa, uint64_t length, uint64_t seed,
	       uint64_t stride);

/** vcpu_check - let the guest compare with that pattern */
void vcpu_check(struct vcpu *vcpu, uint64_t gpa, uint64_t length, uint64_t seed,
		uint64_t stride);

/** vcpu_expect_fault - fail the test unless a word at @gpa faults, both ways */
void vcpu_expect_fault(struct vcpu *vcpu, uint64_t gpa, uint64_t flags);

/** vcpu_expect_page_fault - fail the test unless the guest itself maps nothing */
void vcpu_expect_page_fault(struct vcpu *vcpu, uint64_t va);

/** vcpu_expect_nothing - fail the test unless there is nothing at @gpa */
void vcpu_expect_nothing(struct vcpu *vcpu, uint64_t gpa);

#endif /* LIB_KVM_H */
