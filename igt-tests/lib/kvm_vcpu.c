// SPDX-License-Identifier: MIT
/*
 * vCPUs, and what their commands must come to
 */
#include <errno.h>
#include <inttypes.h>

#include "igt_core.h"
#include "kvm.h"

void vcpu_open(struct vcpu *vcpu, struct vmm *vmm, unsigned int index)
{
	int ret = __vcpu_open(vcpu, vmm, index);

	igt_assert_f(!ret, "cannot make vCPU %u: %s\n", index, strerror(-ret));
}

void vcpu_use_tables(struct vcpu *vcpu, uint64_t root)
{
	int ret = __vcpu_use_tables(vcpu, root);

	igt_assert_f(!ret, "vCPU %u: cannot use other page tables: %s\n",
		     vcpu->index, strerror(-ret));
}

void vcpu_flat(struct vcpu *vcpu)
{
	int ret = __vcpu_flat(vcpu);

	igt_assert_f(!ret, "vCPU %u: cannot switch paging off: %s\n",
		     vcpu->index, strerror(-ret));
}

void vcpu_nest(struct vcpu *vcpu, uint64_t nested_root)
{
	int ret = __vcpu_nest(vcpu, nested_root);

	igt_require_f(ret != -ENODEV, "guests cannot have guests by SVM here\n");
	igt_require_f(ret != -EOPNOTSUPP, "guests have no nested paging here\n");
	igt_assert_f(!ret, "vCPU %u: cannot make it run a guest: %s\n",
		     vcpu->index, strerror(-ret));
}

static void expect(struct vcpu *vcpu, uint64_t gpa, enum vcpu_end end)
{
	igt_assert_f(vcpu->end == end, "an access to 0x%" PRIx64 ": %s\n", gpa,
		     vcpu_ended(vcpu));
}

/* Return: the command's result */
static uint64_t done(struct vcpu *vcpu, const char *what, uint64_t gpa)
{
	igt_assert_f(vcpu->end == VCPU_DONE, "vCPU %u, %s 0x%" PRIx64 ": %s\n",
		     vcpu->index, what, gpa, vcpu_ended(vcpu));
	return vcpu->result;
}

uint64_t vcpu_load(struct vcpu *vcpu, uint64_t gpa, size_t size)
{
	vcpu_try_load(vcpu, gpa, size);
	return done(vcpu, "load from", gpa);
}

void vcpu_store(struct vcpu *vcpu, uint64_t gpa, size_t size, uint64_t value)
{
	vcpu_try_store(vcpu, gpa, size, value);
	done(vcpu, "store to", gpa);
}

void vcpu_read(struct vcpu *vcpu, uint64_t gpa, void *data, size_t size)
{
	igt_assert_lte_u64(size, 4096);
	vcpu_try_read(vcpu, gpa, data, size);
	done(vcpu, "copy from", gpa);
}

void vcpu_write(struct vcpu *vcpu, uint64_t gpa, const void *data, size_t size)
{
	igt_assert_lte_u64(size, 4096);
	vcpu_try_write(vcpu, gpa, data, size);
	done(vcpu, "copy to", gpa);
}

void vcpu_fill(struct vcpu *vcpu, uint64_t gpa, uint64_t length, uint64_t seed,
	       uint64_t stride)
{
	vcpu_try(vcpu, guest_fill, gpa, length, seed, stride);
	done(vcpu, "fill from", gpa);
}

void vcpu_check(struct vcpu *vcpu, uint64_t gpa, uint64_t length, uint64_t seed,
		uint64_t stride)
{
	uint64_t at;

	vcpu_try(vcpu, guest_check, gpa, length, seed, stride);
	at = done(vcpu, "compare from", gpa);
	igt_assert_f(at >= length,
		     "the guest reads something else at 0x%" PRIx64 " + 0x%" PRIx64 "\n",
		     gpa, at);
}

void vcpu_touch(struct vcpu *vcpu, uint64_t gpa, uint64_t length)
{
	vcpu_try_touch(vcpu, gpa, length);
	done(vcpu, "touch from", gpa);
}

void vcpu_expect_fault(struct vcpu *vcpu, uint64_t gpa, uint64_t flags)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (i)
			vcpu_try_store(vcpu, gpa, 8, 0xbad);
		else
			vcpu_try_load(vcpu, gpa, 8);
		expect(vcpu, gpa, VCPU_FAULT);
		igt_assert_eq_u64(vcpu->fault.gpa, gpa & ~4095ull);
		igt_assert_eq_u64(vcpu->fault.size, 4096);
		igt_assert_eq_u64(vcpu->fault.flags, flags);
	}
}

void vcpu_expect_page_fault(struct vcpu *vcpu, uint64_t va)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (i)
			vcpu_try_store(vcpu, va, 8, 0xbad);
		else
			vcpu_try_load(vcpu, va, 8);
		expect(vcpu, va, VCPU_PAGE_FAULT);
		igt_assert_eq_u64(vcpu->result, va);
	}
}

void vcpu_expect_nothing(struct vcpu *vcpu, uint64_t gpa)
{
	vcpu_try_load(vcpu, gpa, 8);
	expect(vcpu, gpa, VCPU_MMIO);
	igt_assert(!vcpu->run->mmio.is_write);
	igt_assert_eq_u64(vcpu->run->mmio.phys_addr, gpa);
	igt_assert_eq_u64(vcpu->run->mmio.len, 8);
	igt_assert_eq(vcpu_run(vcpu), VCPU_DONE);
	igt_assert_eq_u64(vcpu->result, UINT64_MAX);

	vcpu_try_store(vcpu, gpa, 8, 0xbad);
	expect(vcpu, gpa, VCPU_MMIO);
	igt_assert(vcpu->run->mmio.is_write);
	igt_assert_eq_u64(vcpu->run->mmio.phys_addr, gpa);
}
