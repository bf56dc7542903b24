// SPDX-License-Identifier: MIT
/*
 * Page tables that change while they are in use
 *
 * KVM shadows them, and notices it when the guest writes to one. Of what the VMM writes
 * it knows nothing: what it has shadowed stays until something else takes it, so one
 * entry's shadow may be of a page, a table or a slot that the next one does not name.
 * Whatever revokes a dma-buf or deletes a slot has to find it all the same.
 *
 * What the guest may see follows from that. A fault is of what the entries say now. What
 * is mapped may be of an older entry, but not of the BAR once that was revoked, and of
 * nothing at all once a slot was deleted, for which KVM drops all that it has.
 */
#include <inttypes.h>
#include <sys/mman.h>

#include "array.h"
#include "igt_core.h"
#include "kvm_paging.h"
#include "random.h"
#include "subtests.h"

#define SEED 1
#define ROUNDS 400

/* What of the BAR the slots have: the first word of each page is never written */
#define WINDOW MiB(16)

/* Addresses that are looked at: pages of so many entries of 2 MiB */
#define NR_BIG 4u
#define NR_SMALL 16u

/* The word behind it is: while there is access, and while there is none */
#define STORED 0x5707ed0000000000ull
#define STRAY 0xdead000000000000ull

/* No slot is there */
#define GPA_NOTHING GiB(20)

/* Memory of the VMM, all zero but for what was stored; pages of 2 MiB begin below it */
#define GPA_MEMORY (GiB(24) + 4 * PAGE)
#define MEMORY_SIZE MiB(4)
#define MEMORY_SLOT 9

/* Of every alignment; the last begins and ends within pages of 2 MiB */
static struct {
	uint64_t gpa, offset, size;
	bool there;
} slots[] = {
	{ GiB(4), 0, MiB(8), false },
	{ GiB(8) + PAGE, PAGE, MiB(8), false },
	{ GiB(12) + MiB(2), MiB(8), MiB(4), false },
	{ GiB(16) + MiB(1), MiB(12) + PAGE, MiB(3) + 8 * PAGE, false },
};

static struct scene *scene;
static struct vmm *vmm;
static struct vcpu *vcpu;
static void *memory = MAP_FAILED;
static int dmabuf = -1;

/* The tables, and what entries were that name them */
static uint64_t root, start, whole_table, big_table[NR_BIG];

/* There is access */
static bool live;

/* Something, and something of the BAR, may be mapped as entries were once */
static bool stale, stale_bar;

static unsigned int ends[VCPU_ERROR + 1];

/**
 * struct target - where an address leads
 * @kind: to what
 * @gpa: the guest's physical address
 * @offset: in the BAR, if @kind is TO_BAR
 */
struct target {
	enum { TO_FAULT, TO_NOTHING, TO_MEMORY, TO_BAR } kind;
	uint64_t gpa;
	uint64_t offset;
};

/* By what the entries say now */
static struct target target_of(uint64_t va)
{
	struct target to = { .kind = TO_FAULT };
	uint64_t size = GiB(1), *entry;
	size_t i;

	for (; ; size /= 512) {
		entry = vmm_entry(vmm, root, va, size);
		if (!(*entry & PTE_PRESENT))
			return to;
		if (size == PAGE || *entry & PTE_LARGE)
			break;
	}
	to.kind = TO_NOTHING;
	to.gpa = (*entry & PTE_ADDRESS & -size) | va % size;
	if (to.gpa - GPA_MEMORY < MEMORY_SIZE)
		to.kind = TO_MEMORY;
	for (i = 0; i < ARRAY_SIZE(slots); i++) {
		if (!slots[i].there || to.gpa - slots[i].gpa >= slots[i].size)
			continue;
		to.kind = TO_BAR;
		to.offset = slots[i].offset + (to.gpa - slots[i].gpa);
	}
	return to;
}

static uint64_t some_va(void)
{
	return start + below(NR_BIG) * MiB(2) + below(NR_SMALL) * PAGE;
}

static void expect(bool right, uint64_t va, const struct target *to)
{
	static const char *const kinds[] = {
		"a fault", "nothing", "memory", "the BAR",
	};

	igt_assert_f(right,
		     "0x%" PRIx64 " leads to %s, 0x%" PRIx64 ", %s access: %s, 0x%" PRIx64 "\n",
		     va, kinds[to->kind], to->gpa, live ? "with" : "without",
		     vcpu_ended(vcpu), vcpu->result);
}

/* What every access may end in, whatever it is */
static void check_end(uint64_t va, const struct target *to)
{
	ends[vcpu->end]++;
	switch (vcpu->end) {
	case VCPU_FAULT:
		expect(!live && to->kind == TO_BAR &&
		       vcpu->fault.gpa == (to->gpa & -PAGE), va, to);
		break;
	case VCPU_MMIO:
		expect(stale || (to->kind == TO_NOTHING &&
				 vcpu->run->mmio.phys_addr == to->gpa), va, to);
		break;
	case VCPU_DONE:
		break;
	default:
		/* An entry that is not there, or one that is only for reading */
		expect(vcpu->end == (root ? VCPU_NESTED : VCPU_PAGE_FAULT), va, to);
		igt_assert_eq_u64(vcpu->result, root ? SVM_EXIT_NPF : va);
		/* Of an access that KVM had to emulate it tells but the page */
		if (root)
			igt_assert_eq_u64(vcpu_nested_address(vcpu) & -PAGE, va & -PAGE);
	}
}

static void load(uint64_t va)
{
	struct target to = target_of(va);
	uint64_t word;

	vcpu_try_load(vcpu, va, 8);
	check_end(va, &to);
	if (vcpu->end == VCPU_PAGE_FAULT || vcpu->end == VCPU_NESTED)
		expect(to.kind == TO_FAULT, va, &to);
	if (vcpu->end != VCPU_DONE)
		return;
	/* From a BAR that is off it would not be the right word, but not 0 either */
	word = vcpu->result;
	if (!word)
		expect(stale || to.kind == TO_MEMORY, va, &to);
	else if (stale_bar)
		expect(live && word - guard_word(0) < WINDOW &&
		       !((word - guard_word(0)) % PAGE), va, &to);
	else
		expect(live && to.kind == TO_BAR &&
		       word == guard_word(to.offset), va, &to);
}

static void store(uint64_t va)
{
	struct target to = target_of(va += 8);

	vcpu_try_store(vcpu, va, 8, live ? STORED : STRAY);
	check_end(va, &to);
	if (vcpu->end == VCPU_DONE)
		expect(stale || to.kind == TO_MEMORY ||
		       (live && to.kind == TO_BAR), va, &to);
}

/* As much as says something of all entries */
static void look_around(void)
{
	unsigned int i;

	for (i = 0; i < 2 * NR_BIG; i++)
		load(start + i / 2 * MiB(2) + below(NR_SMALL) * PAGE);
}

static void switch_access(void)
{
	live = !live;
	if (!live)
		stale_bar = false;
	vfio_memory_enable(&scene->shm, live);
	look_around();
}

static void delete_slot(unsigned int i)
{
	if (!slots[i].there)
		return;
	vmm_delete(vmm, 1 + i);
	slots[i].there = false;
	stale = false;
	stale_bar = false;
	look_around();
}

static void make_slots(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(slots); i++) {
		if (slots[i].there)
			continue;
		vmm_dmabuf(vmm, 1 + i, slots[i].gpa, dmabuf, slots[i].offset,
			   slots[i].size);
		slots[i].there = true;
	}
}

/* When its dirty pages are no longer counted, KVM makes large pages of small ones */
static void set_memory(bool count)
{
	const struct kvm_userspace_memory_region2 region = {
		.slot = MEMORY_SLOT,
		.flags = count ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.guest_phys_addr = GPA_MEMORY,
		.memory_size = MEMORY_SIZE,
		.userspace_addr = (uintptr_t)memory,
	};

	igt_assert_eq(__vmm_region(vmm, &region), 0);
}

/* A page of 2 MiB: within a slot, across its ends, of memory, of nothing */
static uint64_t some_gpa(void)
{
	unsigned int i = below(ARRAY_SIZE(slots));
	uint64_t first = slots[i].gpa & -MiB(2);
	uint64_t end = slots[i].gpa + slots[i].size - first;

	switch (below(8)) {
	case 0:
		return GPA_NOTHING + below(16) * MiB(2);
	case 1:
		return (GPA_MEMORY & -MiB(2)) + below(3) * MiB(2);
	default:
		return first + below((uint32_t)((end + MiB(2) - 1) / MiB(2))) * MiB(2);
	}
}

/* Bits of an entry of a page; without the last two it is mapped for reading first */
static uint64_t some_bits(void)
{
	switch (below(4)) {
	case 0:
		return PTE_LEAF & ~(PTE_WRITABLE | PTE_DIRTY);
	case 1:
		return PTE_LEAF & ~PTE_DIRTY;
	default:
		return PTE_LEAF;
	}
}

/* By the VMM, or by the guest, which has its tables where the VMM has them */
static void put(uint64_t *entry, uint64_t value)
{
	if (below(2))
		*(volatile uint64_t *)entry = value;
	else
		vcpu_store(vcpu, (uint64_t)((uint8_t *)entry - vmm->ram), 8, value);
	stale = true;
	/* While it is revoked nothing of it is mapped */
	stale_bar |= live;
}

static void rewrite(void)
{
	unsigned int big = below(NR_BIG), i;
	uint64_t va = start + big * MiB(2);
	uint64_t *whole = vmm_entry(vmm, root, start, GiB(1)), *entry;

	/* All of it is one page from time to time */
	if (*whole != whole_table) {
		put(whole, whole_table);
		return;
	}
	entry = vmm_entry(vmm, root, va, MiB(2));
	switch (below(16)) {
	case 0:
		put(whole, GiB(4) * (1 + below(2)) | PTE_LEAF | PTE_LARGE);
		break;
	case 1:
		put(whole, 0);
		break;
	case 2:
		put(entry, 0);
		break;
	case 3 ... 8:
		put(entry, some_gpa() | some_bits() | PTE_LARGE);
		break;
	case 9 ... 11:
		put(entry, big_table[big]);
		break;
	default:
		put(entry, big_table[big]);
		for (i = 0; i < 8; i++)
			put(vmm_entry(vmm, root, va + below(NR_SMALL) * PAGE, PAGE),
			    (some_gpa() + below(NR_SMALL) * PAGE) | some_bits());
	}
}

static void begin(bool nested)
{
	uint64_t at;
	size_t i;

	vfio_memory_enable(&scene->shm, true);
	live = true;
	stale = false;
	stale_bar = false;
	memset(ends, 0, sizeof(ends));
	for (at = 0; at < WINDOW; at += PAGE)
		guard_fill(scene->bar, at, 16);
	close_fd(&dmabuf);
	dmabuf = vfio_dmabuf_one(&scene->shm, SHM_BAR, 0, WINDOW);
	/* The VM that a failed test left goes first */
	if (memory != MAP_FAILED)
		munmap(memory, MEMORY_SIZE);
	memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(memory != MAP_FAILED);
	set_memory(false);
	for (i = 0; i < ARRAY_SIZE(slots); i++)
		slots[i].there = false;

	root = nested ? vmm_tables(vmm) : 0;
	start = nested ? GiB(64) : VMM_LIMIT;
	for (at = 0; nested && at < VMM_RAM_SIZE; at += PAGE)
		vmm_map(vmm, root, at, at, PAGE);
	for (i = 0; i < NR_BIG; i++) {
		vmm_map(vmm, root, start + i * MiB(2), slots[0].gpa, PAGE);
		big_table[i] = *vmm_entry(vmm, root, start + i * MiB(2), MiB(2));
	}
	whole_table = *vmm_entry(vmm, root, start, GiB(1));
	if (nested)
		vcpu_nest(vcpu, root);
	make_slots();
}

/* All that the guest has stored is where it may be */
static void check_window(void)
{
	uint64_t at, is;

	for (at = 0; at < WINDOW; at += PAGE) {
		guard_check(scene->bar, at, 8);
		is = *(volatile uint64_t *)(scene->bar + at + 8);
		igt_assert_f(is == STORED || is == guard_word(at + 8),
			     "byte 0x%" PRIx64 " of the BAR: 0x%" PRIx64 "\n", at + 8, is);
	}
}

void paging_rewrite(struct scene *with, struct guest *guest, bool nested)
{
	unsigned int n, i;

	scene = with;
	guest_open(guest, KVM_X86_DEFAULT_VM, 1);
	vmm = &guest->vmm;
	vcpu = &guest->vcpu[0];
	random_seed(SEED);
	begin(nested);
	for (n = 0; n < ROUNDS; n++) {
		for (i = below(4); i; i--) {
			if (below(2))
				load(some_va());
			else
				store(some_va());
		}
		switch (below(16)) {
		case 0:
			switch_access();
			break;
		case 1:
		case 2:
			make_slots();
			break;
		case 3:
			delete_slot(below(ARRAY_SIZE(slots)));
			break;
		case 4:
			igt_assert_eq(madvise(memory, MEMORY_SIZE, MADV_DONTNEED), 0);
			break;
		case 5:
			set_memory(below(2));
			break;
		default:
			rewrite();
		}
	}
	if (!live)
		switch_access();
	check_window();
	igt_info("accesses: %u done, %u faults, %u to nothing, %u without an entry\n",
		 ends[VCPU_DONE], ends[VCPU_FAULT], ends[VCPU_MMIO],
		 ends[VCPU_PAGE_FAULT] + ends[VCPU_NESTED]);
	igt_assert(ends[VCPU_DONE] && ends[VCPU_FAULT] && ends[VCPU_MMIO]);
	igt_assert(ends[root ? VCPU_NESTED : VCPU_PAGE_FAULT]);
	guest_close(guest);
	munmap(memory, MEMORY_SIZE);
	memory = MAP_FAILED;
	close_fd(&dmabuf);
}
