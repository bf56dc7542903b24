// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm revoke
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: revoke and restore
 * Description: A BAR is taken away and given back while guests write to it: when the
 *	call returns no guest reaches it, and what gives it back lets them go on
 * Test category: functionality test
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "kvm_loop.h"
#include "pci.h"
#include "scene.h"
#include "sysfs.h"

#define SIZE MiB(2)
#define WORDS 512u

static struct scene scene;
static struct vfio_device nvme1;	/* exporter with FLR and D3 */
static struct guest guest, other;
static struct vcpu *const vcpu = &guest.vcpu[0];
static struct vcpu_loop *const loop = &guest.loop[0];

/* The exporter and the dma-buf a subtest is about */
static struct {
	struct vfio_device *dev;
	uint8_t *bar;
	int fd;
} exporter = { .fd = -1 };

static void begin(struct vfio_device *dev)
{
	guest_close(&other);
	guest_open(&guest, KVM_X86_DEFAULT_VM, 2);
	/* However the subtest before left it */
	if (exporter.fd >= 0)
		close(exporter.fd);
	__vfio_set_power(dev, 0);
	vfio_memory_enable(dev, true);
	exporter.dev = dev;
	exporter.bar = vfio_map_bar(dev, SHM_BAR);
	exporter.fd = vfio_dmabuf_one(dev, SHM_BAR, 0, SIZE);
	guard_fill(exporter.bar, 0, SIZE);
	vmm_dmabuf(&guest.vmm, 1, BASE, exporter.fd, 0, SIZE);
	trace_revokes();
}

static void reopen(void)
{
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = exporter.bar = vfio_map_bar(&scene.shm, SHM_BAR);
}

/*
 * Take away: the call has returned, so at most the store that is done already is
 * still to be counted. Then nothing but faults.
 */
static void take(int (*call)(struct vfio_device *dev))
{
	uint64_t done;

	vcpu_loop_wait_done(loop);
	igt_assert_eq(call(exporter.dev), 0);
	done = vcpu_loop_done(loop);
	vcpu_loop_expect_stuck(loop);
	igt_assert_lte_u64(vcpu_loop_done(loop), done + 1);
	vcpu_expect_fault(&guest.vcpu[1], BASE + SIZE - 8, 0);
	igt_assert_eq_u64(vmm_stat(guest.vmm.fd, "pages_2m"), 0);
}

static int memory_off(struct vfio_device *dev)
{
	return __vfio_memory_enable(dev, false);
}

static int memory_on(struct vfio_device *dev)
{
	return __vfio_memory_enable(dev, true);
}

static int sleep_d3(struct vfio_device *dev)
{
	return __vfio_set_power(dev, 3);
}

static int wake_d0(struct vfio_device *dev)
{
	return __vfio_set_power(dev, 0);
}

/* Every word is that of a store which was done, and beside them is nothing */
static void check_bar(void)
{
	uint64_t word;

	vcpu_loop_compare(loop, exporter.bar);
	for (word = 0; word < WORDS; word++)
		guard_check(exporter.bar, word * loop->stride + 8,
			    loop->stride - 8);
}

/**
 * SUBTEST: memory-enable
 * Description: Memory switched off and on repeatedly while a vCPU writes: it faults
 *	with address and size, and the same KVM_RUN continues
 *
 * SUBTEST: d3
 * Description: D3hot, where the BAR still answers: only KVM's page tables keep the
 *	guest away
 */
static void off_and_on(struct vfio_device *dev,
		       int (*off)(struct vfio_device *dev),
		       int (*on)(struct vfio_device *dev))
{
	int i;

	begin(dev);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
	for (i = 0; i < 10; i++) {
		take(off);
		igt_assert_eq(on(dev), 0);
		vcpu_loop_wait_done(loop);
	}
	vcpu_loop_stop(loop);
	check_bar();
}

/**
 * SUBTEST: stopped-while-revoked
 * Description: The BAR holds exactly the stores done before the revoke
 */
static void stopped(struct vfio_device *dev,
		    int (*off)(struct vfio_device *dev),
		    int (*on)(struct vfio_device *dev))
{
	begin(dev);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
	take(off);
	vcpu_loop_stop(loop);
	igt_assert_eq(vcpu->end, VCPU_FAULT);
	igt_assert_eq(on(dev), 0);
	check_bar();
	/* What faulted is repeated, and the guest finds that it shall end */
	igt_assert_eq(vcpu_run(vcpu), VCPU_DONE);
	check_bar();
}

/**
 * SUBTEST: reset
 * Description: VFIO_DEVICE_RESET, bus reset and function-level reset while a vCPU
 *	writes: revoked and restored within the call
 */
static void across(struct vfio_device *dev,
		   int (*reset)(struct vfio_device *dev))
{
	int i, revokes;

	begin(dev);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
	for (i = 0; i < 3; i++) {
		igt_assert_eq(reset(dev), 0);
		revokes = trace_revokes();
		igt_assert_f(revokes, "%s: reset without a revoke\n", dev->addr);
		vcpu_loop_wait_done(loop);
	}
	vcpu_loop_stop(loop);
	igt_info("%lu faults\n", vcpu_loop_faults(loop));
	check_bar();
}

/**
 * SUBTEST: reset-while-disabled
 * Description: A reset does not give back what memory-enable keeps away
 */
static void reset_while_disabled(void)
{
	begin(&nvme1);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
	take(memory_off);
	igt_assert_eq(__vfio_reset(&nvme1), 0);
	vcpu_loop_expect_stuck(loop);
	vfio_memory_enable(&nvme1, true);
	vcpu_loop_wait_done(loop);
	vcpu_loop_stop(loop);
	check_bar();
}

/**
 * SUBTEST: create-while-revoked
 * Description: A slot made while the buffer is revoked faults, and works after
 *	restore
 */
static void create_while_revoked(void)
{
	begin(&scene.shm);
	vfio_memory_enable(&scene.shm, false);
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), exporter.fd, PAGE, SIZE - PAGE);
	vcpu_expect_fault(vcpu, BASE + GiB(1), 0);
	vcpu_expect_fault(vcpu, BASE + GiB(1) + SIZE - 2 * PAGE, 0);
	vcpu_expect_nothing(vcpu, BASE + GiB(1) + SIZE - PAGE);
	vcpu_expect_fault(vcpu, BASE, 0);
	vfio_memory_enable(&scene.shm, true);
	guard_check(exporter.bar, 0, SIZE);
	vcpu_check(vcpu, BASE + GiB(1), SIZE - PAGE, guard_word(PAGE), 8);
	vcpu_store(vcpu, BASE + GiB(1), 8, 7);
	igt_assert_eq_u64(vcpu_load(vcpu, BASE + PAGE, 8), 7);
}

/**
 * SUBTEST: delete-while-revoked
 * Description: A slot deleted while the buffer is revoked does not come back
 */
static void delete_while_revoked(void)
{
	begin(&scene.shm);
	vcpu_check(vcpu, BASE, SIZE, guard_word(0), PAGE);
	vfio_memory_enable(&scene.shm, false);
	vmm_delete(&guest.vmm, 1);
	vcpu_expect_nothing(vcpu, BASE);
	vfio_memory_enable(&scene.shm, true);
	vcpu_expect_nothing(vcpu, BASE);
	guard_check(exporter.bar, 0, SIZE);
	vmm_dmabuf(&guest.vmm, 1, BASE, exporter.fd, 0, SIZE);
	vcpu_check(vcpu, BASE, SIZE, guard_word(0), PAGE);
}

/**
 * SUBTEST: vm-destroyed-while-revoked
 * Description: The VM is destroyed first; the exporter is unaffected
 */
static void destroyed_while_revoked(void)
{
	begin(&scene.shm);
	vcpu_check(vcpu, BASE, SIZE, guard_word(0), PAGE);
	vfio_memory_enable(&scene.shm, false);
	guest_close(&guest);
	vfio_memory_enable(&scene.shm, true);
	guard_check(exporter.bar, 0, SIZE);

	guest_open(&guest, KVM_X86_DEFAULT_VM, 2);
	vmm_dmabuf(&guest.vmm, 1, BASE, exporter.fd, 0, SIZE);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
	/* With everything mapped, and the slot not deleted */
	guest_close(&guest);
	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
}

/**
 * SUBTEST: two-vms
 * Description: Two VMs and two slots lose a buffer together; revoking one device's
 *	buffers leaves another's alone
 */
static void two_vms(void)
{
	int fd;

	begin(&scene.shm);
	guest_open(&other, KVM_X86_DEFAULT_VM, 1);
	fd = vfio_dmabuf_one(&nvme1, SHM_BAR, 0, SIZE);
	vmm_dmabuf(&other.vmm, 3, BASE, exporter.fd, 0, SIZE);
	vmm_dmabuf(&other.vmm, 4, BASE + GiB(1), fd, 0, SIZE);
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(2), exporter.fd, PAGE, PAGE);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
	vcpu_check(&other.vcpu[0], BASE + 8, SIZE - PAGE, guard_word(8), PAGE);
	take(memory_off);
	vcpu_expect_fault(&other.vcpu[0], BASE + PAGE, 0);
	vcpu_expect_fault(&guest.vcpu[1], BASE + GiB(2), 0);
	vcpu_store(&other.vcpu[0], BASE + GiB(1), 8, 9);
	igt_assert_eq_u64(vcpu_load(&other.vcpu[0], BASE + GiB(1), 8), 9);
	vfio_memory_enable(&nvme1, false);
	vcpu_expect_fault(&other.vcpu[0], BASE + GiB(1), 0);
	vfio_memory_enable(&scene.shm, true);
	vcpu_loop_wait_done(loop);
	vcpu_touch(&other.vcpu[0], BASE, SIZE);
	vcpu_expect_fault(&other.vcpu[0], BASE + GiB(1), 0);
	vfio_memory_enable(&nvme1, true);
	igt_assert_eq_u64(vcpu_load(&other.vcpu[0], BASE + GiB(1), 8), 9);
	vcpu_loop_stop(loop);
	vcpu_loop_compare(loop, exporter.bar);
	close(fd);
}

static int close_exporter(struct vfio_device *dev)
{
	vfio_close(dev);
	return 0;
}

/**
 * SUBTEST: close
 * Description: The exporter is closed under a vCPU that writes: it faults for good,
 *	also after the device is opened again; a new buffer in another slot works
 *
 * SUBTEST: close-while-revoked
 * Description: The same while revoked
 */
static void exporter_close(bool revoked)
{
	int old;

	begin(&scene.shm);
	vcpu_loop_start(loop, vcpu, BASE, WORDS, PAGE);
	if (revoked)
		take(memory_off);
	else
		vcpu_loop_wait_done(loop);
	close_exporter(&scene.shm);
	vcpu_loop_expect_stuck(loop);
	reopen();
	vcpu_loop_expect_stuck(loop);
	vcpu_loop_stop(loop);
	igt_assert_eq(vcpu->end, VCPU_FAULT);
	check_bar();

	old = exporter.fd;
	igt_assert_eq(__vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), old, 0, SIZE),
		      -ENODEV);
	exporter.fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, SIZE);
	close(old);
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), exporter.fd, 0, SIZE);
	guard_fill(exporter.bar, 0, SIZE);
	vcpu_check(vcpu, BASE + GiB(1), SIZE, guard_word(0), 8);
	vcpu_expect_fault(vcpu, BASE, 0);
	vmm_delete(&guest.vmm, 1);
	vmm_dmabuf(&guest.vmm, 1, BASE, exporter.fd, 0, SIZE);
	vcpu_check(vcpu, BASE, SIZE, guard_word(0), 8);
}

static int child(void)
{
	static struct guest mine;
	struct vcpu_loop *its = &mine.loop[0];

	if (__guest_open(&mine, KVM_X86_DEFAULT_VM, 1) ||
	    __vmm_dmabuf(&mine.vmm, 1, BASE, exporter.fd, 0, SIZE) ||
	    __vcpu_loop_start(its, &mine.vcpu[0], BASE, WORDS, PAGE))
		return 1;
	for (;;)
		pause();
}

static uint64_t first_word(void)
{
	return *(volatile uint64_t *)exporter.bar;
}

/* Whether the first word still changes */
static bool changes(uint64_t patience_ms)
{
	uint64_t deadline = now_ms() + patience_ms, word = first_word();

	while (first_word() == word)
		if (now_ms() > deadline)
			return false;
	return true;
}

/**
 * SUBTEST: vmm-killed
 * Description: A VMM is killed while its guest writes: the writes stop, the buffer
 *	works for others, and the exporter can be closed
 *
 * SUBTEST: vmm-killed-while-revoked
 * Description: The same while its guest faults
 */
static void killed(bool revoked)
{
	int status, i;
	pid_t pid;

	for (i = 0; i < 5; i++) {
		begin(&scene.shm);
		pid = fork();
		igt_assert(pid >= 0);
		if (!pid)
			_exit(child());
		if (!changes(20000)) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			igt_assert_f(false, "the child's guest does not write\n");
		}
		if (revoked)
			vfio_memory_enable(&scene.shm, false);
		usleep(10000);
		kill(pid, SIGKILL);
		igt_assert_eq(waitpid(pid, &status, 0), pid);
		igt_assert(WIFSIGNALED(status));
		if (revoked)
			vfio_memory_enable(&scene.shm, true);
		igt_assert(!changes(100));
		guard_fill(exporter.bar, 0, SIZE);
		vcpu_check(vcpu, BASE, SIZE, guard_word(0), 8);
		guard_check(exporter.bar, 0, SIZE);
	}
	vfio_close(&scene.shm);
	vcpu_expect_fault(vcpu, BASE, 0);
	reopen();
}

int igt_main()
{
	igt_fixture() {
		vmm_require(KVM_X86_DEFAULT_VM);
		scene_open(&scene);
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
	}

	igt_subtest_with_dynamic("memory-enable") {
		igt_dynamic("ivshmem")
			off_and_on(&scene.shm, memory_off, memory_on);
		igt_dynamic("nvme")
			off_and_on(&nvme1, memory_off, memory_on);
	}

	igt_subtest("d3")
		off_and_on(&nvme1, sleep_d3, wake_d0);

	igt_subtest_with_dynamic("stopped-while-revoked") {
		igt_dynamic("memory-enable")
			stopped(&scene.shm, memory_off, memory_on);
		igt_dynamic("d3")
			stopped(&nvme1, sleep_d3, wake_d0);
	}

	igt_subtest_with_dynamic("reset") {
		igt_dynamic("ivshmem")
			across(&scene.shm, __vfio_reset);
		igt_dynamic("nvme")
			across(&nvme1, __vfio_reset);
		igt_dynamic("flr")
			across(&nvme1, __vfio_flr);
		igt_dynamic("bus")
			across(&nvme1, __vfio_hot_reset);
	}

	igt_subtest("reset-while-disabled")
		reset_while_disabled();

	igt_subtest("create-while-revoked")
		create_while_revoked();

	igt_subtest("delete-while-revoked")
		delete_while_revoked();

	igt_subtest("vm-destroyed-while-revoked")
		destroyed_while_revoked();

	igt_subtest("two-vms")
		two_vms();

	igt_subtest("close")
		exporter_close(false);

	igt_subtest("close-while-revoked")
		exporter_close(true);

	igt_subtest("vmm-killed")
		killed(false);

	igt_subtest("vmm-killed-while-revoked")
		killed(true);

	igt_fixture() {
		guest_close(&other);
		guest_close(&guest);
		vfio_close(&nvme1);
		scene_close(&scene);
	}
}
