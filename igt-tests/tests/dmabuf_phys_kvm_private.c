// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm private
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: private memory
 * Description: A VM with private memory: a slice of a BAR is private or shared as its
 *	attributes say, is the same memory both ways, and goes and comes as such
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "kvm_loop.h"
#include "pci.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"

#define SIZE MiB(4)
#define SEED 0x59e0000000000000ull
#define PRIVATE KVM_MEMORY_EXIT_FLAG_PRIVATE

static struct scene scene;
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];
static struct vcpu_loop *const loop = &guest.loop[0];
static int fd = -1;

static void begin(uint64_t size)
{
	guest_open(&guest, KVM_X86_SW_PROTECTED_VM, 2);
	memset(loop, 0, sizeof(*loop));
	close_fd(&fd);
	vfio_memory_enable(&scene.shm, true);
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, size);
	guard_fill(scene.bar, 0, SIZE + PAGE);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, size);
}

static void check_bar(uint64_t start, uint64_t length)
{
	uint64_t at;

	for (at = start; at < start + length; at += 8)
		igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar + at),
				  SEED + at);
}

/**
 * SUBTEST: shared
 * Description: A shared slot of a VM that could have private memory
 */
static void shared(void)
{
	begin(SIZE);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	check_bar(0, SIZE);
	guard_check(scene.bar, SIZE, PAGE);
	guard_fill(scene.bar, 0, SIZE);
	vcpu_check(vcpu, BASE, SIZE, guard_word(0), 8);
	vcpu_expect_nothing(vcpu, BASE + SIZE);
}

/**
 * SUBTEST: private
 * Description: A private slot: its attributes set before the slot is created, and
 *	before the first access
 */
static void private(void)
{
	begin(SIZE);
	vmm_convert(&guest.vmm, BASE, SIZE, true);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	check_bar(0, SIZE);
	guard_check(scene.bar, SIZE, PAGE);

	vmm_convert(&guest.vmm, BASE + GiB(1), MiB(1), true);
	/* Private memory cannot be emulated: no slot is a fault, not MMIO */
	vcpu_expect_fault(vcpu, BASE + GiB(1), PRIVATE);
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), fd, MiB(1), MiB(1));
	vcpu_check(vcpu, BASE + GiB(1), MiB(1), SEED + MiB(1), 8);
	/* The attribute is of the address, not of the slot */
	vmm_delete(&guest.vmm, 2);
	vcpu_expect_fault(vcpu, BASE + GiB(1), PRIVATE);
	vmm_convert(&guest.vmm, BASE + GiB(1), MiB(1), false);
	vcpu_expect_nothing(vcpu, BASE + GiB(1));
}

/**
 * SUBTEST: convert
 * Description: Back and forth, in whole and in parts: the bytes stay, and the guest
 *	reads and writes them either way
 */
static void convert(void)
{
	static const struct {
		uint64_t start, length;
	} parts[] = {
		{ 0, SIZE }, { 0, PAGE }, { MiB(2) - PAGE, 2 * PAGE },
		{ MiB(2), MiB(2) }, { SIZE - PAGE, PAGE }, { 0, MiB(2) },
		{ PAGE, SIZE - 2 * PAGE },
	};
	unsigned int round;
	size_t i;

	begin(SIZE);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 2 * ARRAY_SIZE(parts); i++) {
			uint64_t at = parts[i / 2].start;

			vmm_convert(&guest.vmm, BASE + at, parts[i / 2].length,
				    !(i % 2));
			vcpu_check(vcpu, BASE, SIZE, SEED, PAGE);
			vcpu_store(vcpu, BASE + at, 8, ~SEED);
			igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar +
								 at), ~SEED);
			vcpu_store(vcpu, BASE + at, 8, SEED + at);
		}
	}
	check_bar(0, SIZE);
	guard_check(scene.bar, SIZE, PAGE);
}

static void expect_large(uint64_t m2, uint64_t g1)
{
	struct vmm_levels levels = vmm_levels(&guest.vmm);

	igt_assert_eq_u64(levels.m2, m2);
	igt_assert_eq_u64(levels.g1, g1);
}

/*
 * A word of every page in the 2 MiB of which a part will differ, and beside the block that
 * will, elsewhere one of every 61st: eight in each 2 MiB
 */
static const struct {
	uint64_t at, length, stride;
} words[] = {
	{ 0, GiB(1), 61 * PAGE },
	{ MiB(100), MiB(2), PAGE },
	{ MiB(510), MiB(6), PAGE },
};

static void fill_levels(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		vcpu_fill(vcpu, BASE + words[i].at, words[i].length,
			  SEED + words[i].at, words[i].stride);
}

static void check_levels(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		vcpu_check(vcpu, BASE + words[i].at, words[i].length,
			   SEED + words[i].at, words[i].stride);
}

/**
 * SUBTEST: levels
 * Description: 1 GiB in one mapping, private or shared; smaller mappings where
 *	parts differ; KVM_PRE_FAULT_MEMORY does the same
 */
static void levels(void)
{
	begin(GiB(1));
	fill_levels();
	expect_large(0, 1);
	vmm_convert(&guest.vmm, BASE, GiB(1), true);
	expect_large(0, 0);
	check_levels();
	expect_large(0, 1);
	/* One block of 2 MiB differs, then one page */
	vmm_convert(&guest.vmm, BASE + MiB(512), MiB(2), false);
	check_levels();
	expect_large(512, 0);
	vmm_convert(&guest.vmm, BASE + MiB(100), PAGE, false);
	check_levels();
	expect_large(511, 0);
	vmm_convert(&guest.vmm, BASE, GiB(1), false);
	expect_large(0, 0);
	/* Such VMs are never shadowed, so this they have */
	igt_assert_eq(vmm_has(&guest.vmm, KVM_CAP_PRE_FAULT_MEMORY), 1);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE, GiB(1)), 0);
	expect_large(0, 1);
	vmm_convert(&guest.vmm, BASE, GiB(1), true);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE, GiB(1)), 0);
	expect_large(0, 1);
	check_levels();
	/* Such a VM keeps the mappings of other slots */
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(2), fd, 0, MiB(2));
	vcpu_touch(vcpu, BASE + GiB(2), MiB(2));
	vmm_delete(&guest.vmm, 1);
	expect_large(1, 0);
}

/**
 * SUBTEST: revoke
 * Description: Memory off under a vCPU that writes to private memory: it faults,
 *	reports a private access, and continues after restore
 */
static void revoke_private(void)
{
	int i;

	begin(SIZE);
	vmm_convert(&guest.vmm, BASE, SIZE, true);
	loop->flags = PRIVATE;
	vcpu_loop_start(loop, vcpu, BASE, SIZE / PAGE, PAGE);
	for (i = 0; i < 5; i++) {
		vfio_memory_enable(&scene.shm, false);
		vcpu_loop_expect_stuck(loop);
		vcpu_expect_fault(&guest.vcpu[1], BASE + SIZE - 8, PRIVATE);
		expect_large(0, 0);
		vfio_memory_enable(&scene.shm, true);
		vcpu_loop_wait_done(loop);
	}
	vcpu_loop_stop(loop);
	vcpu_loop_compare(loop, scene.bar);
}

/**
 * SUBTEST: convert-while-revoked
 * Description: Converted while the buffer is revoked: it faults according to its
 *	new attributes
 */
static void convert_while_revoked(void)
{
	begin(SIZE);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	vfio_memory_enable(&scene.shm, false);
	vcpu_expect_fault(vcpu, BASE, 0);
	vmm_convert(&guest.vmm, BASE, MiB(2), true);
	vcpu_expect_fault(vcpu, BASE, PRIVATE);
	vcpu_expect_fault(vcpu, BASE + MiB(2), 0);
	vfio_memory_enable(&scene.shm, true);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
	vfio_memory_enable(&scene.shm, false);
	vmm_convert(&guest.vmm, BASE, SIZE, false);
	vcpu_expect_fault(vcpu, BASE, 0);
	vfio_memory_enable(&scene.shm, true);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
	check_bar(0, SIZE);
}

/**
 * SUBTEST: create-while-revoked
 * Description: A private slot made while the buffer is revoked
 */
static void create_while_revoked(void)
{
	begin(SIZE);
	vfio_memory_enable(&scene.shm, false);
	vmm_convert(&guest.vmm, BASE + GiB(1), SIZE, true);
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(1), fd, 0, SIZE);
	vcpu_expect_fault(vcpu, BASE + GiB(1), PRIVATE);
	vfio_memory_enable(&scene.shm, true);
	guard_check(scene.bar, 0, SIZE);
	vcpu_fill(vcpu, BASE + GiB(1), SIZE, SEED, 8);
	vcpu_check(vcpu, BASE, SIZE, SEED, 8);
	check_bar(0, SIZE);
}

/**
 * SUBTEST: close
 * Description: The exporter is closed: private and shared accesses fault for good
 */
static void exporter_close(void)
{
	begin(SIZE);
	vmm_convert(&guest.vmm, BASE, MiB(2), true);
	vcpu_fill(vcpu, BASE, SIZE, SEED, 8);
	vfio_close(&scene.shm);
	vcpu_expect_fault(vcpu, BASE, PRIVATE);
	vcpu_expect_fault(vcpu, BASE + MiB(2), 0);
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	vcpu_expect_fault(vcpu, BASE, PRIVATE);
	vmm_convert(&guest.vmm, BASE, MiB(2), false);
	vcpu_expect_fault(vcpu, BASE, 0);
	check_bar(0, SIZE);
}

/**
 * SUBTEST: storm
 * Description: Conversions of a part while a vCPU writes to all of it, and revokes
 *	at the same time
 */
static void storm(void)
{
	unsigned int rounds = 0;
	uint64_t end;

	begin(SIZE);
	/* KVM tells of an access that was of the other kind when it began */
	loop->any_flags = true;
	vcpu_loop_start(loop, vcpu, BASE, SIZE / PAGE, PAGE);
	end = now_ms() + 4000;
	while (now_ms() < end) {
		vmm_convert(&guest.vmm, BASE + MiB(1), MiB(2), true);
		vmm_convert(&guest.vmm, BASE + MiB(1), MiB(2), false);
		if (!(++rounds % 8))
			vcpu_check(&guest.vcpu[1], BASE + 8, SIZE - PAGE,
				   guard_word(8), PAGE);
	}
	end = now_ms() + 4000;
	while (now_ms() < end) {
		vfio_memory_enable(&scene.shm, false);
		vfio_memory_enable(&scene.shm, true);
		vmm_convert(&guest.vmm, BASE + MiB(3), MiB(1), true);
		vmm_convert(&guest.vmm, BASE + MiB(3), MiB(1), false);
		rounds++;
	}
	vcpu_loop_wait_done(loop);
	vcpu_loop_stop(loop);
	igt_info("%u rounds, %lu faults\n", rounds, vcpu_loop_faults(loop));
	vcpu_loop_compare(loop, scene.bar);
}

/**
 * SUBTEST: guest-memfd
 * Description: A slot of a guest_memfd beside one of a dma-buf: conversions across
 *	the border, a revoke that takes one and a hole that takes the other
 */
static void beside_guest_memfd(void)
{
	const uint64_t border = BASE + SIZE, gpa = border - MiB(1);
	struct kvm_create_guest_memfd create = { .size = SIZE };
	struct kvm_userspace_memory_region2 region = {
		.slot = 2,
		.flags = KVM_MEM_GUEST_MEMFD,
		.guest_phys_addr = border,
		.memory_size = SIZE,
	};
	int memfd, i;
	void *mem;

	begin(SIZE);
	memfd = ioctl(guest.vmm.fd, KVM_CREATE_GUEST_MEMFD, &create);
	igt_assert_fd(memfd);
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(mem != MAP_FAILED);
	region.guest_memfd = (uint32_t)memfd;
	region.userspace_addr = (uintptr_t)mem;
	igt_assert_eq(__vmm_region(&guest.vmm, &region), 0);
	guard_fill(mem, 0, SIZE);

	for (i = 0; i < 2; i++) {
		vmm_convert(&guest.vmm, gpa, MiB(2), true);
		vcpu_fill(vcpu, gpa, MiB(2), SEED, 8);
		/* One of both has two places */
		guard_check(mem, 0, SIZE);
		igt_assert_eq_u64(*(volatile uint64_t *)
				  (scene.bar + SIZE - 8), SEED + MiB(1) - 8);
		vmm_convert(&guest.vmm, gpa, MiB(2), false);
		vcpu_check(vcpu, gpa, MiB(1), SEED, 8);
		vcpu_check(vcpu, border, SIZE, guard_word(0), 8);
	}
	vmm_convert(&guest.vmm, gpa, MiB(2), true);
	vfio_memory_enable(&scene.shm, false);
	vcpu_expect_fault(vcpu, border - PAGE, PRIVATE);
	vcpu_check(vcpu, border, MiB(1), SEED + MiB(1), 8);
	vcpu_check(vcpu, border + MiB(1), MiB(1), guard_word(MiB(1)), 8);
	vfio_memory_enable(&scene.shm, true);
	vcpu_check(vcpu, gpa, MiB(2), SEED, 8);
	igt_assert_eq(fallocate(memfd, FALLOC_FL_PUNCH_HOLE |
				FALLOC_FL_KEEP_SIZE, 0, (off_t)SIZE), 0);
	vcpu_check(vcpu, gpa, MiB(1), SEED, 8);
	igt_assert_eq_u64(vcpu_load(vcpu, border, 8), 0);
	guard_check(scene.bar, SIZE, PAGE);
	guest_close(&guest);
	close(memfd);
	munmap(mem, SIZE);
}

/**
 * SUBTEST: bad
 * Description: Conversions that are refused
 */
static void bad(void)
{
	begin(SIZE);
	igt_assert_eq(vmm_has(&guest.vmm, KVM_CAP_MEMORY_ATTRIBUTES),
		      KVM_MEMORY_ATTRIBUTE_PRIVATE);
	igt_assert_eq(__vmm_convert(&guest.vmm, BASE + 1, PAGE, true), -EINVAL);
	igt_assert_eq(__vmm_convert(&guest.vmm, BASE, PAGE - 1, true), -EINVAL);
	igt_assert_eq(__vmm_convert(&guest.vmm, BASE, 0, true), -EINVAL);
	vcpu_check(vcpu, BASE, SIZE, guard_word(0), 8);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "shared", shared },
		{ "private", private },
		{ "convert", convert },
		{ "levels", levels },
		{ "revoke", revoke_private },
		{ "convert-while-revoked", convert_while_revoked },
		{ "create-while-revoked", create_while_revoked },
		{ "close", exporter_close },
		{ "storm", storm },
		{ "guest-memfd", beside_guest_memfd },
		{ "bad", bad },
	};

	igt_fixture() {
		vmm_require(KVM_X86_SW_PROTECTED_VM);
		scene_open(&scene);
	}

	subtests(tests, NULL, NULL);

	igt_fixture() {
		guest_close(&guest);
		scene_close(&scene);
	}
}
