// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm level
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: page sizes
 * Description: KVM maps by the largest page that range, slot and offset allow: its
 *	counts of mappings and of faults say so, and every byte is where it belongs
 * Test category: functionality test
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "klog.h"
#include "kvm_loop.h"
#include "scene.h"

#define SEED 0x1e7e000000000000ull
/*
 * A word of every page where pages are small. In large ones a word of every 61st:
 * eight in each 2 MiB, never at the same places as in the one before.
 */
#define SPARSE (61 * PAGE)

static struct scene scene;
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];

/* What the VM had before its slots had anything */
static struct vmm_levels before;
static uint64_t faults_before;

static void begin(void)
{
	guest_open(&guest, KVM_X86_DEFAULT_VM, 1);
	/* Code, page tables and mailbox are not what is counted */
	vcpu_touch(vcpu, 0, VMM_RAM_SIZE);
	before = vmm_levels(&guest.vmm);
	faults_before = vmm_stat(vcpu->fd, "pf_taken");
}

static void expect_faults(uint64_t faults)
{
	igt_assert_eq_u64(vmm_stat(vcpu->fd, "pf_taken") - faults_before,
			  faults);
}

static void expect_levels(uint64_t k4, uint64_t m2, uint64_t g1)
{
	struct vmm_levels now = vmm_levels(&guest.vmm);

	igt_info("mapped: %" PRIu64 " of 4 KiB, %" PRIu64 " of 2 MiB, %" PRIu64 " of 1 GiB\n",
		 now.k4 - before.k4, now.m2 - before.m2, now.g1 - before.g1);
	igt_assert_eq_u64(now.k4 - before.k4, k4);
	igt_assert_eq_u64(now.m2 - before.m2, m2);
	igt_assert_eq_u64(now.g1 - before.g1, g1);
}

/* What the guest stored by vcpu_fill() */
static void check_words(uint64_t bar, uint64_t length, uint64_t seed,
			uint64_t stride)
{
	uint64_t at;

	for (at = 0; at < length; at += stride)
		igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar + bar + at),
				  seed + at);
}

static const struct slot {
	const char *name;
	uint64_t gpa, offset, size;
	uint64_t k4, m2, g1;
} slots[] = {
	{ "aligned-1g", BASE, 0, GiB(1), 0, 0, 1 },
	{ "half", BASE, 0, MiB(512), 0, 256, 0 },
	{ "shifted-2m", BASE + MiB(2), MiB(2), GiB(1) - MiB(2), 0, 511, 0 },
	{ "shifted-4k", BASE + PAGE, 0, MiB(6), 1536, 0, 0 },
	{ "shifted-offset", BASE, 3 * PAGE, MiB(6), 1536, 0, 0 },
	{ "ends", BASE + PAGE, PAGE, MiB(6) - 2 * PAGE, 1022, 1, 0 },
	{ "agree-not-1g", BASE + MiB(2), 0, GiB(1), 0, 512, 0 },
};

/**
 * SUBTEST: aligned-1g
 * Description: The whole BAR of 1 GiB at an address of the same alignment: one
 *	mapping and one fault
 *
 * SUBTEST: half
 * Description: Half of the BAR: mappings of 2 MiB
 *
 * SUBTEST: shifted-2m
 * Description: From the second 2 MiB on: mappings of 2 MiB
 *
 * SUBTEST: shifted-4k
 * Description: Address and offset do not agree modulo 2 MiB: pages of 4 KiB
 *
 * SUBTEST: shifted-offset
 * Description: Address and offset do not agree modulo 2 MiB because of the offset:
 *	pages of 4 KiB
 *
 * SUBTEST: ends
 * Description: A slot that begins and ends in the middle of 2 MiB
 *
 * SUBTEST: agree-not-1g
 * Description: Address and offset agree modulo 2 MiB, not modulo 1 GiB
 */
static void level(const struct slot *slot)
{
	const uint64_t stride = slot->k4 ? PAGE : SPARSE;
	int fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, GiB(1));

	begin();
	vmm_dmabuf(&guest.vmm, 1, slot->gpa, fd, slot->offset, slot->size);
	close(fd);
	expect_levels(0, 0, 0);
	vcpu_fill(vcpu, slot->gpa, slot->size, SEED, stride);
	expect_levels(slot->k4, slot->m2, slot->g1);
	expect_faults(slot->k4 + slot->m2 + slot->g1);
	check_words(slot->offset, slot->size, SEED, stride);

	/* Revoke leaves none, and the next accesses map as well as the first */
	vfio_memory_enable(&scene.shm, false);
	expect_levels(0, 0, 0);
	vfio_memory_enable(&scene.shm, true);
	vcpu_check(vcpu, slot->gpa, slot->size, SEED, stride);
	expect_levels(slot->k4, slot->m2, slot->g1);
	/* KVM takes the occasion to unmap everything: count again */
	vmm_delete(&guest.vmm, 1);
	igt_assert_lte_u64(vmm_levels(&guest.vmm).k4, before.k4);
	igt_assert_eq_u64(vmm_levels(&guest.vmm).m2, before.m2);
	igt_assert_eq_u64(vmm_levels(&guest.vmm).g1, before.g1);
	vcpu_expect_nothing(vcpu, slot->gpa);
}

/**
 * SUBTEST: ranges-2m
 * Description: Ranges of 2 MiB here and there in the BAR: each is one mapping
 *
 * SUBTEST: ranges-1m
 * Description: Ranges of 1 MiB, no two of which are neighbours: pages of 4 KiB
 */
static void ranges_of(uint64_t length, uint64_t k4, uint64_t m2)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(8, 0, length);
	int fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, 8), i;

	begin();
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, 8 * length);
	close(fd);
	guard_fill(scene.bar, 0, 16 * length);
	vcpu_fill(vcpu, BASE, 8 * length, SEED, PAGE);
	expect_levels(k4, m2, 0);
	for (i = 0; i < 8; i++) {
		check_words(ranges[i].offset, length, SEED + i * length, PAGE);
		guard_check(scene.bar, ranges[i].offset + length, length);
	}
	free(ranges);
}

/**
 * SUBTEST: ranges
 * Description: A buffer of 1, 256 and 65,536 ranges of a page: every byte of it, or of
 *	many a word of every seventh page, and every byte of every gap
 */
static void many_ranges(size_t nr)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(nr, 0, PAGE);
	int fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, nr);
	/* Each time the word before the last one's place in its page */
	const uint64_t stride = nr <= 256 ? 8 : 7 * PAGE - 8;
	const uint64_t pages = nr <= 256 ? nr : nr * PAGE / stride + 1;
	uint64_t i, at;

	begin();
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, nr * PAGE);
	close(fd);
	guard_fill(scene.bar, 0, 2 * nr * PAGE);
	vcpu_fill(vcpu, BASE, nr * PAGE, SEED, stride);
	expect_levels(pages, 0, 0);
	expect_faults(pages);
	for (at = 0; at < nr * PAGE; at += stride)
		igt_assert_eq_u64(*(volatile uint64_t *)(scene.bar +
				  ranges[at / PAGE].offset + at % PAGE),
				  SEED + at);
	for (i = 0; i < nr; i++)
		guard_check(scene.bar, ranges[i].offset + PAGE, PAGE);
	vcpu_check(vcpu, BASE, nr * PAGE, SEED, stride);
	/* All of them go at once */
	vfio_memory_enable(&scene.shm, false);
	expect_levels(0, 0, 0);
	vcpu_expect_fault(vcpu, BASE + (nr - 1) * PAGE, 0);
	vfio_memory_enable(&scene.shm, true);
	vcpu_check(vcpu, BASE, nr * PAGE, SEED, stride);
	free(ranges);
}

/**
 * SUBTEST: hole
 * Description: A page in the middle of the BAR belongs to no slot, as that of an
 *	MSI-X table does: accesses there come to the VMM, those beside it go to the
 *	BAR, and only the 2 MiB around the hole are mapped by small pages
 */
static void hole(void)
{
	int fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, GiB(1));
	/* The 2 MiB around the hole, and the hole */
	const uint64_t from = MiB(516), to = from + MiB(2);
	const uint64_t at = from + 16 * PAGE, next = at + PAGE;

	begin();
	guard_fill(scene.bar, at - PAGE, 3 * PAGE);
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, at);
	vmm_dmabuf(&guest.vmm, 2, BASE + next, fd, next, GiB(1) - next);
	close(fd);
	vcpu_check(vcpu, BASE + at - PAGE, PAGE, guard_word(at - PAGE), 8);
	vcpu_check(vcpu, BASE + next, PAGE, guard_word(next), 8);
	vcpu_fill(vcpu, BASE, from, SEED, SPARSE);
	vcpu_fill(vcpu, BASE + from, at - from, SEED + from, PAGE);
	vcpu_fill(vcpu, BASE + next, to - next, SEED + next, PAGE);
	vcpu_fill(vcpu, BASE + to, GiB(1) - to, SEED + to, SPARSE);
	expect_levels(511, 511, 0);
	vcpu_expect_nothing(vcpu, BASE + at);
	vcpu_expect_nothing(vcpu, BASE + next - 8);
	guard_check(scene.bar, at, PAGE);
	check_words(0, from, SEED, SPARSE);
	check_words(from, at - from, SEED + from, PAGE);
	check_words(next, to - next, SEED + next, PAGE);
	check_words(to, GiB(1) - to, SEED + to, SPARSE);
}

/**
 * SUBTEST: prefault
 * Description: KVM_PRE_FAULT_MEMORY maps the whole slot, and the guest no longer
 *	faults; it returns EFAULT while revoked, ENOENT beside the slot
 */
static void prefault(void)
{
	int fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, GiB(1));

	begin();
	igt_require_f(vmm_has(&guest.vmm, KVM_CAP_PRE_FAULT_MEMORY) == 1,
		      "KVM does not map in advance\n");
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, GiB(1));
	vmm_dmabuf(&guest.vmm, 2, BASE + GiB(2), fd, 0, MiB(64));
	vmm_dmabuf(&guest.vmm, 3, BASE + GiB(3), fd, PAGE, MiB(1));
	close(fd);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE, GiB(1)), 0);
	expect_levels(0, 0, 1);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE + GiB(2), MiB(64)), 0);
	expect_levels(0, 32, 1);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE + GiB(3), MiB(1)), 0);
	expect_levels(256, 32, 1);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE + GiB(1), PAGE), -ENOENT);
	/* Up to the end of the slot */
	igt_assert_eq(__vcpu_prefault(vcpu, BASE + GiB(3), MiB(2)), MiB(1));

	faults_before = vmm_stat(vcpu->fd, "pf_taken");
	vcpu_fill(vcpu, BASE, MiB(64), SEED, PAGE);
	vcpu_fill(vcpu, BASE + MiB(64), GiB(1) - MiB(64), SEED + MiB(64), SPARSE);
	vcpu_check(vcpu, BASE + GiB(2), MiB(64), SEED, PAGE);
	vcpu_check(vcpu, BASE + GiB(3), MiB(1), SEED + PAGE, PAGE);
	expect_faults(0);

	vfio_memory_enable(&scene.shm, false);
	expect_levels(0, 0, 0);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE, GiB(1)), -EFAULT);
	vfio_memory_enable(&scene.shm, true);
	igt_assert_eq(__vcpu_prefault(vcpu, BASE, GiB(1)), 0);
	expect_levels(0, 0, 1);
	check_words(0, MiB(64), SEED, PAGE);
	check_words(MiB(64), GiB(1) - MiB(64), SEED + MiB(64), SPARSE);
}

/**
 * SUBTEST: no-address
 * Description: A slot has no address in the VMM, not even 0: what the VMM maps, changes
 *	and unmaps at low addresses unmaps nothing of the guest's
 */
static void no_address(void)
{
	int fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, GiB(1)), i;
	uint64_t at;
	char *mem;

	begin();
	vmm_dmabuf(&guest.vmm, 1, BASE, fd, 0, GiB(1));
	close(fd);
	vcpu_fill(vcpu, BASE, PAGE, SEED, 8);
	expect_levels(0, 0, 1);
	for (i = 1; i < 16; i++) {
		/* Inside of the slot, if that were at 0 */
		at = MiB(512) + i * MiB(16);
		mem = mmap((void *)(uintptr_t)at, MiB(2),
			   PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			   -1, 0);
		igt_assert_f(mem == (char *)(uintptr_t)at,
			     "cannot map memory at a low address: %s\n",
			     strerror(errno));
		memset(mem, i, MiB(2));
		igt_assert_eq(mprotect(mem, MiB(2), PROT_READ), 0);
		igt_assert_eq(madvise(mem, MiB(2), MADV_DONTNEED), 0);
		munmap(mem, MiB(2));
		expect_levels(0, 0, 1);
	}
	vcpu_check(vcpu, BASE, PAGE, SEED, 8);
	expect_faults(1);
}

int igt_main()
{
	static const size_t counts[] = { 1, 256, 65536 };
	static size_t i;

	igt_fixture() {
		klog_no_other_faults();
		vmm_require(KVM_X86_DEFAULT_VM);
		scene_open(&scene);
	}

	for (i = 0; i < ARRAY_SIZE(slots); i++)
		igt_subtest(slots[i].name)
			level(&slots[i]);

	igt_subtest("ranges-2m")
		ranges_of(MiB(2), 0, 8);

	igt_subtest("ranges-1m")
		ranges_of(MiB(1), 2048, 0);

	igt_subtest_with_dynamic("ranges") {
		for (i = 0; i < 3; i++)
			igt_dynamic_f("%zu", counts[i])
				many_ranges(counts[i]);
	}

	igt_subtest("hole")
		hole();

	igt_subtest("prefault")
		prefault();

	igt_describe("The VMM's low addresses");
	igt_subtest("no-address")
		no_address();

	igt_fixture() {
		guest_close(&guest);
		scene_close(&scene);
	}
}
