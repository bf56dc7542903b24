// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm fail
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: error paths
 * Functionality: failing allocations
 * Description: Slots and faults with their n-th allocation failing, n = 1 until none
 *	fails: ENOMEM or success, nothing left behind, and all of it works after
 * Test category: functionality test
 */
#include <errno.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "memory.h"
#include "module.h"
#include "scene.h"
#include "sweep.h"

static struct scene scene;
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];
static struct vfio_region_dma_range *ranges;
static size_t nr;
static unsigned long type;
static int fd = -1;
static unsigned int buffers;

static void start(unsigned long vm_type, size_t nr_ranges)
{
	guest_close(&guest);
	if (fd >= 0)
		close(fd);
	fd = -1;
	vfio_memory_enable(&scene.shm, true);
	buffers = dmabuf_count();
	type = vm_type;
	nr = nr_ranges;
	free(ranges);
	ranges = ranges_scattered(nr, 0, PAGE);
	fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, nr);
	guard_fill(scene.bar, 0, 2 * nr * PAGE);
	guest_open(&guest, type, 1);
}

/* Nobody has the buffer any more */
static void finish(void)
{
	guest_close(&guest);
	close(fd);
	fd = -1;
	dmabuf_expect_count(buffers);
}

/* The slot is whole, whatever has failed before */
static void check_slot(void)
{
	size_t i;

	for (i = 0; i < nr; i += nr > 16 ? nr / 16 : 1)
		vcpu_check(vcpu, BASE + i * PAGE, PAGE,
			   guard_word(ranges[i].offset), 8);
	vcpu_expect_nothing(vcpu, BASE + nr * PAGE);
}

static int create_go(void)
{
	return __vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, nr * PAGE);
}

static void create_undo(int result)
{
	(void)result;
	check_slot();
	vmm_delete(&guest.vmm, 1);
	vcpu_expect_nothing(vcpu, BASE);
}

static void create_failed(void)
{
	vcpu_expect_nothing(vcpu, BASE);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, nr * PAGE);
	create_undo(0);
}

static void revoked_undo(int result)
{
	(void)result;
	vcpu_expect_fault(vcpu, BASE, 0);
	vmm_delete(&guest.vmm, 1);
}

static void revoked_failed(void)
{
	vcpu_expect_nothing(vcpu, BASE);
}

static void delete_begin(void)
{
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, nr * PAGE);
	vcpu_touch(vcpu, BASE, nr * PAGE);
}

static int delete_go(void)
{
	return __vmm_delete(&guest.vmm, 1);
}

static void delete_undo(int result)
{
	(void)result;
	vcpu_expect_nothing(vcpu, BASE);
}

static void delete_failed(void)
{
	check_slot();
	vmm_delete(&guest.vmm, 1);
}

static void fault_begin(void)
{
	guest_open(&guest, type, 1);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, nr * PAGE);
	if (type == KVM_X86_SW_PROTECTED_VM)
		vmm_convert(&guest.vmm, BASE, nr * PAGE, true);
	vcpu_begin(vcpu, guest_touch, BASE, nr * PAGE, 0, PAGE);
}

static void restore_begin(void)
{
	fault_begin();
	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
}

static int fault_go(void)
{
	if (vcpu_run(vcpu) == VCPU_DONE)
		return 0;
	return vcpu->error ? -vcpu->error : -EIO;
}

static void fault_undo(int result)
{
	(void)result;
	check_slot();
}

/* KVM_RUN once more, and the guest goes on */
static void fault_failed(void)
{
	igt_assert_f(vcpu_run(vcpu) == VCPU_DONE, "%s\n", vcpu_ended(vcpu));
	check_slot();
}

static int prefault_go(void)
{
	int64_t left = __vcpu_prefault(vcpu, BASE, nr * PAGE);

	/* Success is also what was done before the failure */
	return left < 0 ? (int)left : 0;
}

int igt_main()
{
	static const size_t counts[] = { 1, 256 };
	static const struct {
		const char *name;
		unsigned long type;
	} types[] = {
		{ "default", KVM_X86_DEFAULT_VM },
		{ "protected", KVM_X86_SW_PROTECTED_VM },
	};
	static size_t i, t;

	igt_fixture() {
		sweep_require();
		vmm_require(KVM_X86_DEFAULT_VM);
		vmm_require(KVM_X86_SW_PROTECTED_VM);
		module_load("udmabuf");
		scene_open(&scene);
	}

	/**
	 * SUBTEST: create
	 * Description: A slot, of 1 and of 256 ranges, in VMs of both types
	 */
	igt_subtest_with_dynamic("create") {
		for (t = 0; t < 2; t++)
			for (i = 0; i < 2; i++)
				igt_dynamic_f("%s-%zu", types[t].name, counts[i]) {
					start(types[t].type, counts[i]);
					sweep_over(&(struct sweep_op) {
						.go = create_go,
						.undo = create_undo,
						.failed = create_failed });
					finish();
				}
	}

	/**
	 * SUBTEST: create-while-revoked
	 * Description: A slot of a buffer that is revoked
	 */
	igt_subtest("create-while-revoked") {
		start(KVM_X86_DEFAULT_VM, 256);
		vfio_memory_enable(&scene.shm, false);
		sweep_over(&(struct sweep_op) {
			.go = create_go, .undo = revoked_undo,
			.failed = revoked_failed });
		vfio_memory_enable(&scene.shm, true);
		finish();
	}

	/**
	 * SUBTEST: delete
	 * Description: Deleting a slot
	 */
	igt_subtest("delete") {
		start(KVM_X86_DEFAULT_VM, 256);
		sweep_over(&(struct sweep_op) {
			.begin = delete_begin, .go = delete_go,
			.undo = delete_undo, .failed = delete_failed });
		finish();
	}

	/**
	 * SUBTEST: fault
	 * Description: The first accesses of a new VM, its first fault on the slot
	 *	among them
	 */
	igt_subtest_with_dynamic("fault") {
		for (t = 0; t < 2; t++)
			igt_dynamic_f("%s", types[t].name) {
				start(types[t].type, 256);
				sweep_over(&(struct sweep_op) {
					.begin = fault_begin, .go = fault_go,
					.undo = fault_undo,
					.failed = fault_failed });
				finish();
			}
	}

	/**
	 * SUBTEST: prefault
	 * Description: KVM_PRE_FAULT_MEMORY in a new VM
	 */
	igt_subtest("prefault") {
		start(KVM_X86_DEFAULT_VM, 256);
		sweep_over(&(struct sweep_op) {
			.begin = fault_begin, .go = prefault_go,
			.undo = fault_undo, .failed = fault_failed });
		finish();
	}

	/**
	 * SUBTEST: fault-after-restore
	 * Description: The first access after a restore; the VM is new, so that it
	 *	has no allocations in reserve
	 */
	igt_subtest("fault-after-restore") {
		start(KVM_X86_DEFAULT_VM, 256);
		sweep_over(&(struct sweep_op) {
			.begin = restore_begin, .go = fault_go,
			.undo = fault_undo, .failed = fault_failed });
		finish();
	}

	/**
	 * SUBTEST: udmabuf
	 * Description: A slot of CPU memory
	 */
	igt_subtest("udmabuf") {
		int memfd = sealed_memfd(MiB(1)), dmabuf;

		start(KVM_X86_DEFAULT_VM, 1);
		dmabuf = __udmabuf(memfd, 0, MiB(1));
		igt_assert_f(dmabuf >= 0, "udmabuf: %s\n", strerror(-dmabuf));
		close(fd);
		fd = dmabuf;
		sweep_over(&(struct sweep_op) {
			.begin = fault_begin, .go = fault_go });
		finish();
		close(memfd);
	}

	igt_fixture() {
		guest_close(&guest);
		free(ranges);
		scene_close(&scene);
	}
}
