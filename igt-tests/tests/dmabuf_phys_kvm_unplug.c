// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm unplug
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Description: The exporting device is unbound or unplugged while a guest writes to it:
 *	nothing waits for the guest, which faults for ever, and what is plugged in
 *	afterwards it does not reach
 * Test category: functionality test
 */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "monitor.h"
#include "pci.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"

IGT_TEST_DESCRIPTION("The exporter of a guest's memory goes away");

#define SIZE MiB(2)
#define WORDS 512u

/* See dmabuf_phys_unplug: QEMU 7.2 wants other memory for the second device */
#define SHM_ID "shm0"
#define SHM_MEMORY "object_add memory-backend-memfd,id=again,share=on,size=64M"
#define SHM_PLUG "device_add ivshmem-plain,id=shm0,memdev=again,bus=rp1"

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
	request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	igt_assert_fd(request);
	igt_assert_eq(__vfio_request_eventfd(&scene.shm, request), 0);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
}

/* The kernel asks for the device; until it is given back the guest has it */
static void wait_for_request(void)
{
	struct pollfd pfd = { .fd = request, .events = POLLIN };

	igt_assert_f(poll(&pfd, 1, 30000) == 1,
		     "%s: the kernel does not ask for the device back\n",
		     scene.shm.addr);
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

static void *unbind_thread(void *arg)
{
	int *result = arg;

	*result = __pci_unbind(scene.shm.addr);
	return NULL;
}

/**
 * SUBTEST: unbind
 * Description: The driver unbound through sysfs, and bound again
 *
 * SUBTEST: unplug
 * Description: The device pulled out through QEMU's monitor, and another put there
 */
static void unbind(void)
{
	pthread_t thread;
	int result = 1;

	begin();
	igt_assert(!pthread_create(&thread, NULL, unbind_thread, &result));
	wait_for_request();
	vfio_close(&scene.shm);
	/* Slot and vCPU are still there, and hold up nothing */
	igt_assert(!pthread_join(thread, NULL));
	igt_assert_eq(result, 0);
	end(true);
}

static void wait_for_device(bool there)
{
	uint64_t deadline = now_ms() + 60000;

	while (pci_exists(scene.shm.addr) != there) {
		igt_assert_f(now_ms() < deadline, "%s: still %s after 60 s\n",
			     scene.shm.addr, there ? "absent" : "present");
		usleep(50000);
	}
}

/* QEMU lets go of the old device a moment after the kernel has */
static void plug_in(void)
{
	uint64_t deadline = now_ms() + 30000;
	char reply[256];

	do {
		igt_assert_eq(__monitor_command(SHM_PLUG, reply,
						sizeof(reply)), 0);
		igt_assert_f(now_ms() < deadline, "'%s': %s\n", SHM_PLUG,
			     reply);
		usleep(200000);
	} while (strstr(reply, "Duplicate device ID"));
	igt_assert_f(!reply[0], "'%s': %s\n", SHM_PLUG, reply);
	wait_for_device(true);
	/* It can be seen a moment before drivers may have it */
	while (__pci_bind(scene.shm.addr, "vfio-pci")) {
		igt_assert_f(now_ms() < deadline, "%s cannot be bound\n",
			     scene.shm.addr);
		usleep(100000);
	}
}

static void unplug(void)
{
	begin();
	monitor_command(SHM_MEMORY);
	monitor_command("device_del " SHM_ID);
	wait_for_request();
	vfio_close(&scene.shm);
	wait_for_device(false);
	vcpu_loop_expect_stuck(loop);
	plug_in();
	end(false);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "unbind", "Unbind through sysfs", unbind },
		{ "unplug", "Hot unplug", unplug },
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
