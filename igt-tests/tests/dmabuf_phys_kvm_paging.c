// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys kvm paging
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: KVM importer
 * Functionality: kinds of paging
 * Description: The guest's own page tables, and those that it has for a guest of its
 *	own, reach exactly the pages of the BAR that they name, by whatever means KVM
 *	translates; beside a page that they map is nothing
 * Test category: functionality test
 */
#include <inttypes.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "kvm_loop.h"
#include "kvm_paging.h"
#include "scene.h"

#define SEED 0xba6e000000000000ull

/* What of the BAR the tests use, but for those of 1 GiB */
#define WINDOW MiB(16)

/* Slots of the BAR's beginning, by what they allow: 1 GiB, 2 MiB, 4 KiB */
#define GPA_1G BASE
#define GPA_2M (BASE + GiB(2) + MiB(2))
#define GPA_4K (BASE + GiB(4) + PAGE)
/* And one that 32 bits reach */
#define GPA_LOW GiB(1)

static struct scene scene;
static struct guest guest;
static struct vcpu *const vcpu = &guest.vcpu[0];

/* What KVM maps by, and so has SPTEs of the guest's sizes */
static bool shadow;

/* What the guest maps: pages of @size, one in two, to pages in disorder */
static struct {
	uint64_t root;	/* 0: its own tables; else of its guest's memory */
	uint64_t va;
	uint64_t gpa;
	uint64_t size;
	unsigned int nr;
	uint64_t stride;
} map;

static uint64_t va_of(unsigned int i)
{
	return map.va + 2 * i * map.size;
}

/* Of the slot, in bytes; half of the pages up to 2 * nr are used */
static uint64_t offset_of(unsigned int i)
{
	return map.nr == 1 ? 0 : (i * 5 + 3) % (2 * map.nr) * map.size;
}

static bool is_used(uint64_t offset)
{
	unsigned int i;

	for (i = 0; i < map.nr; i++)
		if (offset - offset_of(i) < map.size)
			return true;
	return false;
}

static void make_map(uint64_t root, uint64_t va, uint64_t gpa, uint64_t size)
{
	unsigned int i;

	map.root = root;
	map.va = va;
	map.gpa = gpa;
	map.size = size;
	map.nr = size == PAGE ? 64 : size == MiB(2) ? 4 : 1;
	map.stride = size == PAGE ? 8 : size == MiB(2) ? 64 : PAGE;
	for (i = 0; i < map.nr; i++)
		vmm_map(&guest.vmm, root, va_of(i), gpa + offset_of(i), size);
}

/* The whole BAR in slots of every alignment; nothing has run yet */
static void begin(void)
{
	int fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, GiB(1));

	guest_open(&guest, KVM_X86_DEFAULT_VM, 1);
	vfio_memory_enable(&scene.shm, true);
	guard_fill(scene.bar, 0, WINDOW);
	vmm_dmabuf(&guest.vmm, 1, GPA_1G, fd, 0, GiB(1));
	vmm_dmabuf(&guest.vmm, 2, GPA_2M, fd, 0, WINDOW);
	vmm_dmabuf(&guest.vmm, 3, GPA_4K, fd, 0, WINDOW);
	vmm_dmabuf(&guest.vmm, 4, GPA_LOW, fd, 0, WINDOW);
	close(fd);
}

/* Every word of the window: what the guest stored, or the guard's */
static void check_window(void)
{
	const volatile uint64_t *word = (const uint64_t *)scene.bar;
	uint64_t at;

	for (at = 0; at < WINDOW; at += 8, word++) {
		uint64_t is = *word, expect = guard_word(at);

		if (!(at % map.stride) && is_used(at))
			expect = SEED + at;
		igt_assert_f(is == expect,
			     "byte 0x%" PRIx64 " of the BAR: 0x%" PRIx64 " instead of 0x%" PRIx64 "\n",
			     at, is, expect);
	}
}

static void expect_unmapped(uint64_t va)
{
	if (!map.root) {
		vcpu_expect_page_fault(vcpu, va);
		return;
	}
	vcpu_try_load(vcpu, va, 8);
	igt_assert_f(vcpu->end == VCPU_NESTED, "a load from 0x%" PRIx64 ": %s\n",
		     va, vcpu_ended(vcpu));
	igt_assert_eq_u64(vcpu->result, SVM_EXIT_NPF);
	igt_assert_eq_u64(vcpu_nested_address(vcpu), va);
}

static void expect_revoked(unsigned int i)
{
	uint64_t gpa = map.gpa + offset_of(i);

	vcpu_try_load(vcpu, va_of(i) + 8, 8);
	igt_assert_f(vcpu->end == VCPU_FAULT, "a load from 0x%" PRIx64 ": %s\n",
		     va_of(i), vcpu_ended(vcpu));
	igt_assert_eq_u64(vcpu->fault.gpa, gpa);
	igt_assert_eq_u64(vcpu->fault.size, PAGE);
	igt_assert_eq_u64(vcpu->fault.flags, 0);
}

/* None may be larger than both the guest's page and what the slot allows */
static void expect_levels(uint64_t largest)
{
	struct vmm_levels levels = vmm_levels(&guest.vmm);
	bool nested = map.root;

	igt_info("mapped: %" PRIu64 " of 4 KiB, %" PRIu64 " of 2 MiB, %" PRIu64 " of 1 GiB\n",
		 levels.k4, levels.m2, levels.g1);
	if (!shadow && !nested)
		return;
	largest = largest < map.size ? largest : map.size;
	igt_assert_eq_u64(levels.g1, largest == GiB(1) ? map.nr : 0);
	if (largest < MiB(2))
		igt_assert_eq_u64(levels.m2, 0);
	else if (largest == MiB(2) && map.size == MiB(2))
		igt_assert_eq_u64(levels.m2, map.nr);
}

static void use_map(uint64_t largest)
{
	unsigned int i;

	for (i = 0; i < map.nr; i++)
		vcpu_fill(vcpu, va_of(i), map.size, SEED + offset_of(i),
			  map.stride);
	expect_levels(largest);
	check_window();
	for (i = 0; i < map.nr; i++)
		expect_unmapped(va_of(i) + map.size);
	expect_unmapped(va_of(0) + 2 * map.size - 8);
	check_window();

	guard_fill(scene.bar, 0, WINDOW);
	for (i = 0; i < map.nr; i++)
		vcpu_check(vcpu, va_of(i), map.size < WINDOW ? map.size : WINDOW,
			   guard_word(offset_of(i)), 8);

	vfio_memory_enable(&scene.shm, false);
	igt_assert_eq_u64(vmm_levels(&guest.vmm).m2 + vmm_levels(&guest.vmm).g1,
			  0);
	for (i = 0; i < map.nr; i++)
		expect_revoked(i);
	vfio_memory_enable(&scene.shm, true);
	/* The last access goes on, and reads what is there now */
	igt_assert_eq(vcpu_run(vcpu), VCPU_DONE);
	igt_assert_eq_u64(vcpu->result,
			  guard_word(offset_of(map.nr - 1) + 8));
	for (i = 0; i < map.nr; i++)
		vcpu_fill(vcpu, va_of(i), map.size, SEED + offset_of(i),
			  map.stride);
	expect_levels(largest);
	check_window();
}

/* The guest itself, which has its pages above all that is mapped anyway */
static void guest_pages(uint64_t size, uint64_t gpa, uint64_t largest)
{
	begin();
	make_map(0, VMM_LIMIT, gpa, size);
	use_map(largest);
}

/* A guest of the guest with that guest's page tables and no nested ones */
static void l2_pages(uint64_t size, uint64_t gpa, uint64_t largest)
{
	begin();
	make_map(0, VMM_LIMIT, gpa, size);
	vcpu_nest(vcpu, 0);
	use_map(largest);
}

/* A guest of the guest, whose physical addresses that guest maps */
static void l2_nested_pages(uint64_t size, uint64_t gpa, uint64_t largest)
{
	uint64_t root, at;

	begin();
	root = vmm_tables(&guest.vmm);
	for (at = 0; at < VMM_RAM_SIZE; at += PAGE)
		vmm_map(&guest.vmm, root, at, at, PAGE);
	make_map(root, GiB(64), gpa, size);
	vcpu_nest(vcpu, root);
	use_map(largest);
}

/* 32-bit code, whose addresses are the guest's physical ones */
static void no_paging(uint64_t size, uint64_t gpa, uint64_t largest)
{
	const uint32_t seed = 0x5eed0000;
	uint64_t at;

	begin();
	vcpu_flat(vcpu);
	vcpu_begin(vcpu, guest_fill32, gpa, size, seed, 64);
	igt_assert_f(vcpu_run(vcpu) == VCPU_DONE, "%s\n", vcpu_ended(vcpu));
	for (at = 0; at < WINDOW; at += 8) {
		uint64_t is = *(volatile uint64_t *)(scene.bar + at);
		uint64_t expect = guard_word(at);

		if (!(at % 64) && at < size)
			expect = (expect >> 32 << 32) | (uint32_t)(seed + at);
		igt_assert_eq_u64(is, expect);
	}
	if (shadow) {
		igt_assert_eq_u64(vmm_levels(&guest.vmm).g1, 0);
		igt_assert_eq_u64(vmm_levels(&guest.vmm).m2, size / largest);
	}
	vcpu_begin(vcpu, guest_check32, gpa - PAGE, 4, 0, 4);
	igt_assert_f(vcpu_run(vcpu) == VCPU_MMIO, "%s\n", vcpu_ended(vcpu));
	igt_assert_eq_u64(vcpu->run->mmio.phys_addr, gpa - PAGE);

	vfio_memory_enable(&scene.shm, false);
	vcpu_begin(vcpu, guest_check32, gpa, size, seed, 64);
	igt_assert_eq(vcpu_run(vcpu), VCPU_FAULT);
	igt_assert_eq_u64(vcpu->fault.gpa, gpa);
	vfio_memory_enable(&scene.shm, true);
	igt_assert_eq(vcpu_run(vcpu), VCPU_DONE);
	igt_assert_lte_u64(size, vcpu->result);
}

/*
 * Tables that take @at to @gpa, and a copy of their root where only the BAR is.
 * Returns where the guest has that.
 */
static uint64_t begin_in_bar(uint64_t at, uint64_t gpa, uint64_t size)
{
	uint64_t root;

	begin();
	root = vmm_tables(&guest.vmm);
	vmm_map(&guest.vmm, root, 0, 0, GiB(1));
	vmm_map(&guest.vmm, root, at, gpa, size);
	memcpy(scene.bar, guest.vmm.ram + root, PAGE);
	return GPA_1G;
}

/*
 * Page tables in the BAR: the CPU reads them there, but KVM cannot, which has no
 * mapping of it: the guest then is as if it had none, which ends a guest
 */
static void tables_in_bar(uint64_t size, uint64_t gpa, uint64_t largest)
{
	(void)largest;
	vcpu_use_tables(vcpu, begin_in_bar(VMM_LIMIT, gpa, size));
	vcpu_try_load(vcpu, VMM_LIMIT + PAGE, 8);
	if (shadow) {
		igt_assert_f(vcpu->end == VCPU_ERROR && !vcpu->error &&
			     vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN,
			     "%s\n", vcpu_ended(vcpu));
		return;
	}
	igt_assert_f(vcpu->end == VCPU_DONE, "%s\n", vcpu_ended(vcpu));
	igt_assert_eq_u64(vcpu->result, guard_word(PAGE));
}

/* The same with nested ones: its guest comes back with a nested page fault */
static void nested_tables_in_bar(uint64_t size, uint64_t gpa, uint64_t largest)
{
	(void)largest;
	vcpu_nest(vcpu, begin_in_bar(GiB(64), gpa, size));
	vcpu_try_load(vcpu, GiB(64), 8);
	igt_assert_f(vcpu->end == VCPU_NESTED, "%s\n", vcpu_ended(vcpu));
	igt_assert_eq_u64(vcpu->result, SVM_EXIT_NPF);
}

/* What KVM shadows: the guest's own tables, or nested ones that it has */
static void rewritten(uint64_t size, uint64_t gpa, uint64_t largest)
{
	(void)size;
	(void)gpa;
	(void)largest;
	paging_rewrite(&scene, &guest, !shadow);
}

static const struct mode {
	const char *name;
	bool npt, tdp_mmu;
} modes[] = {
	{ "tdp", true, true },
	{ "no-tdp-mmu", true, false },
	{ "no-npt", false, true },
};

static const struct {
	const char *name;
	void (*run)(uint64_t size, uint64_t gpa, uint64_t largest);
	uint64_t size, gpa, largest;
	bool npt;
} cases[] = {
	{ "4k", guest_pages, PAGE, GPA_1G, GiB(1), false },
	{ "2m", guest_pages, MiB(2), GPA_1G, GiB(1), false },
	{ "1g", guest_pages, GiB(1), GPA_1G, GiB(1), false },
	{ "4k-of-2m", guest_pages, PAGE, GPA_2M, MiB(2), false },
	{ "2m-of-2m", guest_pages, MiB(2), GPA_2M, MiB(2), false },
	{ "4k-of-4k", guest_pages, PAGE, GPA_4K, PAGE, false },
	{ "no-paging", no_paging, MiB(4), GPA_LOW, MiB(2), false },
	{ "l2-4k", l2_pages, PAGE, GPA_1G, GiB(1), false },
	{ "l2-2m", l2_pages, MiB(2), GPA_1G, GiB(1), false },
	{ "l2-npt-4k", l2_nested_pages, PAGE, GPA_1G, GiB(1), true },
	{ "l2-npt-2m", l2_nested_pages, MiB(2), GPA_1G, GiB(1), true },
	{ "l2-npt-1g", l2_nested_pages, GiB(1), GPA_1G, GiB(1), true },
	{ "l2-npt-4k-of-4k", l2_nested_pages, PAGE, GPA_4K, PAGE, true },
	{ "tables-in-bar", tables_in_bar, GiB(1), GPA_1G, GiB(1), false },
	{ "l2-npt-tables-in-bar", nested_tables_in_bar, GiB(1), GPA_1G, GiB(1),
	  true },
	{ "rewritten", rewritten, 0, 0, 0, false },
};

int igt_main()
{
	static size_t m, c;

	igt_fixture() {
		vmm_require(KVM_X86_DEFAULT_VM);
		scene_open(&scene);
	}

	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		/**
		 * SUBTEST: tdp
		 * Description: KVM as it usually is: guests that map a BAR by pages
		 *	of 4 KiB, 2 MiB and 1 GiB and in slots of every alignment,
		 *	guests without paging, and guests of a guest without and
		 *	with nested paging: every byte that was stored is where it
		 *	belongs, no other has changed, and the page beside each is a
		 *	fault; the same again after a revoke and a restore. Page
		 *	tables in the BAR itself, which KVM cannot read. And those
		 *	that KVM shadows, rewritten in use by the VMM and by the
		 *	guest while slots go and access goes: nothing is read while
		 *	there is no access, and what the entries name after it
		 *
		 * SUBTEST: no-tdp-mmu
		 * Description: The same with kvm.tdp_mmu=0
		 *
		 * SUBTEST: no-npt
		 * Description: The same with kvm_amd.npt=0: every guest is shadowed
		 */
		igt_subtest_with_dynamic(modes[m].name) {
			guest_close(&guest);
			vmm_reload(modes[m].npt, modes[m].tdp_mmu);
			shadow = !modes[m].npt;
			for (c = 0; c < ARRAY_SIZE(cases); c++) {
				/* There is no nested paging without */
				if (cases[c].npt && !modes[m].npt)
					continue;
				igt_dynamic(cases[c].name)
					cases[c].run(cases[c].size,
						     cases[c].gpa,
						     cases[c].largest);
			}
		}
	}

	igt_fixture() {
		guest_close(&guest);
		vmm_reload(true, true);
		scene_close(&scene);
	}
}
