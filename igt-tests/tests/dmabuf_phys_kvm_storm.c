// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm storm
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: stress
 * Functionality: races
 * Description: Revokes and restores as fast as they go, against guests that write and
 *	everything a VMM does with slots, in parallel; afterwards all of it works
 * Test category: stress test
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "memory.h"
#include "scene.h"
#include "worker.h"

#define NR 64u
#define SIZE (NR * PAGE)

/* Where nobody else's slots are: for the thread that makes and deletes them */
#define SPARE (BASE + GiB(1))

static struct scene scene;
static struct guest guest;
static struct vcpu_loop *const loop = &guest.loop[0];
static struct vfio_region_dma_range *ranges;
static int fd = -1;
static unsigned int buffers;

/* Switches the exporter's memory off and on */
static int toggle(void)
{
	int ret = __vfio_memory_enable(&scene.shm, false);

	return ret ? ret : __vfio_memory_enable(&scene.shm, true);
}

static int reset(void)
{
	return __vfio_reset(&scene.shm);
}

static int create_delete(void)
{
	int ret = __vmm_dmabuf(&guest.vmm, 5, SPARE, fd, PAGE, SIZE - PAGE);

	return ret ? ret : __vmm_delete(&guest.vmm, 5);
}

/* The second vCPU meets the slot, no slot, or no memory */
static int access_spare(void)
{
	switch (vcpu_try_load(&guest.vcpu[1], SPARE, 8)) {
	case VCPU_DONE:
	case VCPU_MMIO:
		return 0;
	case VCPU_FAULT:
		return -EFAULT;
	default:
		return -EIO;
	}
}

/* The permanent slot */
static int prefault(void)
{
	int64_t left = __vcpu_prefault(&guest.vcpu[1], BASE, SIZE);

	return left < 0 ? (int)left : 0;
}

static int convert(void)
{
	int ret = __vmm_convert(&guest.vmm, BASE + 3 * PAGE, 7 * PAGE, true);

	return ret ? ret : __vmm_convert(&guest.vmm, BASE + 3 * PAGE, 7 * PAGE,
					 false);
}

/* Of its own thread only, so never shared with the main thread's */
static struct guest brief;

static int vm(unsigned long type)
{
	int ret = __guest_open(&brief, type, 1);

	if (!ret)
		ret = __vmm_dmabuf(&brief.vmm, 1, BASE, fd, 0, SIZE);
	if (!ret) {
		vcpu_begin(&brief.vcpu[0], guest_touch, BASE, SIZE, 0, PAGE);
		if (vcpu_run(&brief.vcpu[0]) > VCPU_FAULT)
			ret = -EIO;
	}
	guest_close(&brief);
	return ret;
}

static int vm_default(void)
{
	return vm(KVM_X86_DEFAULT_VM);
}

static int vm_protected(void)
{
	return vm(KVM_X86_SW_PROTECTED_VM);
}

/* The last reference to a buffer is a slot's */
static int export_slot(void)
{
	int dmabuf = __vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR), ret;

	if (dmabuf < 0)
		return dmabuf;
	ret = __vmm_dmabuf(&guest.vmm, 6, BASE + GiB(2), dmabuf, 0, SIZE);
	close(dmabuf);
	return ret ? ret : __vmm_delete(&guest.vmm, 6);
}

static void storm(unsigned long type, struct worker *workers, unsigned int nr,
		  unsigned int seconds)
{
	unsigned int i;

	guest_close(&guest);
	if (fd >= 0)
		close(fd);
	vfio_memory_enable(&scene.shm, true);
	guest_open(&guest, type, 2);
	buffers = dmabuf_count();
	fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
	guard_fill(scene.bar, 0, 2 * SIZE);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	/* Private or shared as it happens */
	loop->any_flags = type == KVM_X86_SW_PROTECTED_VM;
	vcpu_loop_start(loop, &guest.vcpu[0], BASE, NR, PAGE);

	workers_run(workers, nr, seconds);
	igt_info("%-16s %8" PRIu64 " done, %8lu faults\n", "guest",
		 vcpu_loop_done(loop), vcpu_loop_faults(loop));

	/* The guest is back, its stores are where they belong and nowhere else */
	vfio_memory_enable(&scene.shm, true);
	vcpu_loop_wait_done(loop);
	vcpu_loop_stop(loop);
	for (i = 0; i < NR; i++) {
		igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar +
							 ranges[i].offset),
				  vcpu_loop_expected(loop, i));
		guard_check(scene.bar, ranges[i].offset + 8, 2 * PAGE - 8);
	}
	guest_close(&guest);
	close(fd);
	fd = -1;
	dmabuf_expect_count(buffers);
}

int igt_main()
{
	igt_fixture() {
		vmm_require(KVM_X86_DEFAULT_VM);
		vmm_require(KVM_X86_SW_PROTECTED_VM);
		scene_open(&scene);
		ranges = ranges_scattered(NR, 0, PAGE);
	}

	/**
	 * SUBTEST: slots
	 * Description: Memory-enable storm against slots made and deleted and their
	 *	accesses
	 */
	igt_subtest("slots") {
		struct worker workers[] = {
			{ .name = "memory-enable", .once = toggle },
			{ .name = "create-delete", .once = create_delete },
			{ .name = "access", .once = access_spare,
			  .allowed = -EFAULT },
			{ .name = "export", .once = export_slot,
			  .allowed = -ENODEV },
		};

		storm(KVM_X86_DEFAULT_VM, workers, 4, 8);
	}

	/**
	 * SUBTEST: vms
	 * Description: Memory-enable storm against VMs that come, fault and go
	 */
	igt_subtest("vms") {
		struct worker workers[] = {
			{ .name = "memory-enable", .once = toggle },
			{ .name = "vm", .once = vm_default },
			{ .name = "prefault", .once = prefault,
			  .allowed = -EFAULT },
		};

		storm(KVM_X86_DEFAULT_VM, workers, 3, 8);
	}

	/**
	 * SUBTEST: protected
	 * Description: Memory-enable storm against protected VMs that come and go,
	 *	conversions and mapping in advance
	 */
	igt_subtest("protected") {
		struct worker workers[] = {
			{ .name = "memory-enable", .once = toggle },
			{ .name = "vm", .once = vm_protected },
			{ .name = "convert", .once = convert },
			{ .name = "prefault", .once = prefault,
			  .allowed = -EFAULT },
		};

		storm(KVM_X86_SW_PROTECTED_VM, workers, 4, 8);
	}

	/**
	 * SUBTEST: reset
	 * Description: Reset storm against slots and exports
	 */
	igt_subtest("reset") {
		struct worker workers[] = {
			{ .name = "reset", .once = reset },
			{ .name = "create-delete", .once = create_delete },
			{ .name = "export", .once = export_slot,
			  .allowed = -ENODEV },
		};

		storm(KVM_X86_DEFAULT_VM, workers, 3, 8);
	}

	igt_fixture() {
		guest_close(&guest);
		scene_close(&scene);
	}
}
