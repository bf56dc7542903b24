// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm unplug
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: hot unplug
 * Description: The exporting device is unbound or unplugged while a guest writes to it:
 *	nothing waits for the guest, which faults from then on and never reaches the
 *	device plugged in afterwards
 * Test category: functionality test
 */
#include <errno.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "pci.h"
#include "plug.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"

#define SIZE MiB(2)
#define WORDS 512u

static struct scene scene;
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];
static struct vcpu_loop *const loop = &guest.loop[0];
static int fd = -1, request = -1;

static void begin(void)
{
	guest_open(&guest, KVM_X86_DEFAULT_VM, 2);
	close_fd(&fd);
	close_fd(&request);
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, SIZE);
	guard_fill(scene.bar, 0, SIZE);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, SIZE);
	request = plug_watch(&scene.shm);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
}

/* The kernel asks for the device; until it is given back the guest has it */
static void wait_for_request(void)
{
	plug_wait_asked(request, scene.shm.addr);
	vcpu_loop_wait_done(loop);
}

/* A new device, or the old one again, under a guest with a dead slot */
static void end(bool same_memory)
{
	int again;

	vcpu_loop_expect_stuck(loop);
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	vcpu_loop_expect_stuck(loop);
	vcpu_loop_stop(loop);
	igt_assert_eq(vcpu->end, VCPU_FAULT);
	if (same_memory)
		vcpu_loop_compare(loop, scene.bar);
	guard_fill(scene.bar, 0, SIZE);
	vcpu_expect_fault(vcpu, BASE + PAGE, 0);
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), fd, 0, SIZE),
		      -ENODEV);
	again = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, SIZE);
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), again, 0, SIZE);
	close(again);
	vcpu_check(vcpu, BASE + GiB(1), SIZE, guard_word(0), 8);
	vcpu_expect_fault(vcpu, BASE, 0);
	vmm_delete(&guest.vmm, 1);
	vcpu_expect_nothing(vcpu, BASE);
	guard_check(scene.bar, 0, SIZE);
}

/**
 * SUBTEST: unbind
 * Description: The driver unbound through sysfs, and bound again
 */
static void unbind(void)
{
	struct plug_unbind unbinding;

	begin();
	plug_unbind_begin(&unbinding, scene.shm.addr);
	wait_for_request();
	vfio_close(&scene.shm);
	/* Slot and vCPU are still there, and hold up nothing */
	igt_assert_eq(plug_unbind_end(&unbinding), 0);
	end(true);
}

/**
 * SUBTEST: unplug
 * Description: The device pulled out through QEMU's monitor, and another put there
 */
static void unplug(void)
{
	begin();
	plug_pull_out("shm0");
	wait_for_request();
	vfio_close(&scene.shm);
	plug_wait_gone(scene.shm.addr);
	vcpu_loop_expect_stuck(loop);
	plug_in_exporter(scene.shm.addr);
	end(false);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "unbind", unbind },
		{ "unplug", unplug },
	};

	igt_fixture() {
		vmm_require(KVM_X86_DEFAULT_VM);
		scene_open(&scene);
	}

	subtests(tests, NULL, NULL);

	igt_fixture() {
		guest_close(&guest);
		close_fd(&fd);
		close_fd(&request);
		scene_close(&scene);
	}
}
