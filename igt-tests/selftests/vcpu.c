// SPDX-License-Identifier: MIT
/*
 * Checks that a vCPU runs the command that it was given, or fails; KVM is made up
 */
#include <errno.h>
#include <stdarg.h>

#include "devices/kvm_layout.h"
#include "igt_core.h"
#include "kvm.h"

static struct kvm_run shared;
static struct guest_mailbox mailbox;
static uint64_t rip, reads_from;
static int run_error;
static bool allocations_fail;

int __wrap_ioctl(int fd, unsigned long request, ...);

/* A guest that is done as soon as it runs */
static int run(void)
{
	errno = run_error;
	if (run_error)
		return -1;
	if (shared.kvm_dirty_regs & KVM_SYNC_X86_REGS) {
		rip = shared.s.regs.regs.rip;
		reads_from = shared.s.regs.regs.rdi;
		shared.kvm_dirty_regs = 0;
	}
	shared.exit_reason = KVM_EXIT_IO;
	shared.io.port = GUEST_PORT;
	shared.s.regs.regs.rax = reads_from + 1;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct kvm_regs *regs;
	va_list args;

	(void)fd;
	va_start(args, request);
	regs = va_arg(args, const struct kvm_regs *);
	va_end(args);
	if (request == KVM_RUN)
		return run();
	errno = ENOMEM;
	if (request != KVM_SET_REGS || allocations_fail)
		return -1;
	rip = regs->rip;
	reads_from = regs->rdi;
	return 0;
}

static uint64_t where(const char *command)
{
	return RAM_CODE + (uint64_t)(command - guest_code);
}

int igt_main()
{
	static struct vcpu vcpu = { .run = &shared, .mailbox = &mailbox, .end = VCPU_ERROR };

	igt_subtest("in-turn") {
		igt_assert_eq(vcpu_try_load(&vcpu, 0x1000, 8), VCPU_DONE);
		igt_assert_eq_u64(rip, where(guest_load8));
		igt_assert_eq_u64(vcpu.result, 0x1001);
		igt_assert_eq(vcpu_try_store(&vcpu, 0x2000, 4, 7), VCPU_DONE);
		igt_assert_eq_u64(rip, where(guest_store4));
	}

	igt_subtest("out-of-memory") {
		igt_assert_eq(vcpu_try_load(&vcpu, 0x1000, 8), VCPU_DONE);
		allocations_fail = true;
		igt_assert_eq(vcpu_try_load(&vcpu, 0x3000, 2), VCPU_DONE);
		igt_assert_eq_u64(rip, where(guest_load2));
		igt_assert_eq_u64(vcpu.result, 0x3001);
	}

	igt_subtest("no-run") {
		run_error = ENOMEM;
		igt_assert_eq(vcpu_try_load(&vcpu, 0x4000, 1), VCPU_ERROR);
		igt_assert_eq(vcpu.error, ENOMEM);
		run_error = 0;
		/* The next one runs the same command */
		igt_assert_eq(vcpu_run(&vcpu), VCPU_DONE);
		igt_assert_eq_u64(rip, where(guest_load1));
		igt_assert_eq_u64(vcpu.result, 0x4001);
	}
}
