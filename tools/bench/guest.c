// SPDX-License-Identifier: GPL-2.0
/*
 * guest - what it costs to give a guest a BAR
 *
 * Runs in a VM of tools/vm/run whose clock counts instructions (--icount), in the
 * kernel with physical lists. A guest in that VM gets ivshmem's BAR in two ways:
 * as a memory slot of a dma-buf (variant "phys-list"), or as an ordinary slot of
 * the host's mapping of the BAR through VFIO ("host-mmap"), which is as large as
 * the slot and, unless it says something else, at an address that is a multiple
 * of 1 GiB. Prints JSON as bench does, with more members:
 *
 *  faults  until all of the slot was mapped: KVM's pf_taken if the guest ran into
 *          them; KVM_PRE_FAULT_MEMORY makes a mapping in each, and KVM counts those
 *  level   sizes of the guest's mappings afterwards, as "1G"
 *  size    of the slot, bytes
 *
 * guest-slot is the ioctl that adds a slot of 1 GiB.
 *
 * guest-prefault is KVM_PRE_FAULT_MEMORY of 1 GiB by a vCPU that has run before,
 * the slot being new; so are the dma-buf or the host's mapping in
 * guest-prefault-new, while guest-prefault finds the host's mapping in the page
 * tables already. The very first fault of a vCPU, guest-prefault-first, also fills
 * the vCPU's caches. guest-prefault-misaligned is that of a host mapping at an
 * address which is not a multiple of even 2 MiB.
 *
 * guest-touch is the guest reading each page of it, guest-touch-mapped doing so
 * once more: that is what its loop takes.
 *
 * guest-fault are 4096 faults of the guest in mappings of 4 KiB, 64 KiB apart, and
 * guest-fault-first is the first one. One range is made to need such small mappings by
 * the guest's address, one page beside its own; 65,536 by lying scattered; and in
 * guest-fault-congruent every range could be in a block of 2 MiB, which has to be
 * looked up as well.
 *
 * guest-revoke is the config write that switches the device's memory off, with
 * all of the slot mapped. Size 0 means without a slot.
 *
 * guest-largest says which level the CPU's pages allow at most.
 */
#include <cpuid.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "clock.h"
#include "devices/iommufd.h"
#include "devices/pci.h"
#include "devices/ranges.h"
#include "devices/vfio.h"
#include "fail.h"
#include "machine.h"
#include "must.h"
#include "slot.h"
#include "streams.h"

#define ALL GiB(1)
#define MAX_ROUNDS 9
/* The guest's loop is long enough to be hit by a few timer interrupts */
#define TOUCH_ROUNDS 5

#define FAULTS 4096
#define FRAGS 65536

static struct vfio_device shm;
static const char *route;

static const struct vfio_region_dma_range whole = { 0, ALL };

static const char *variant(const struct slot *slot)
{
	return slot->fd >= 0 ? "phys-list" : "host-mmap";
}

static void print_row(const char *name, const struct slot *slot,
		      const struct cost *cost)
{
	clock_check();
	printf("{\"name\": \"%s\", \"variant\": \"%s\", \"route\": \"%s\", \"ranges\": %zu, ",
	       name, variant(slot), route, slot->ranges);
	if (cost->instructions)
		printf("\"instructions\": %" PRIu64, cost->instructions);
	else
		printf("\"instructions\": null");
	printf(", \"bytes\": null, \"size\": %" PRIu64, slot->size);
	printf(", \"faults\": %" PRIu64 ", \"level\": \"%s\", \"error\": null}\n",
	       cost->faults, cost->level);
	fflush(stdout);
}

static int cmp_cost(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;

	return (x->instructions > y->instructions) -
	       (x->instructions < y->instructions);
}

/* The median of several runs, which must not differ in anything else */
static void print_median(const char *name, const struct slot *slot,
			 struct cost *costs, size_t nr)
{
	size_t i;

	for (i = 1; i < nr; i++)
		if (costs[i].faults != costs[0].faults ||
		    strcmp(costs[i].level, costs[0].level))
			fail(NULL, "%s, %s: once %" PRIu64 " faults, once %" PRIu64,
			     name, variant(slot), costs[0].faults,
			     costs[i].faults);
	qsort(costs, nr, sizeof(*costs), cmp_cost);
	print_row(name, slot, &costs[nr / 2]);
}

/*
 * 1 GiB
 */

static struct slot make_whole(bool dmabuf)
{
	return dmabuf ? slot_dmabuf(&shm, &whole, 1, GPA) :
			slot_mmap(&shm, ALL, false);
}

static void measure_first(bool dmabuf)
{
	struct slot slot = make_whole(dmabuf);
	struct cost costs[MAX_ROUNDS];
	int i;

	/* Beginning with one that does not count: the host's page tables */
	for (i = -1; i < MAX_ROUNDS; i++) {
		vm_new();
		slot_add(&slot);
		costs[i < 0 ? 0 : i] = slot_prefault(&slot);
	}
	print_median("guest-prefault-first", &slot, costs, MAX_ROUNDS);
	slot_free(&slot);
	vm_new();
	vm_ready();
}

static void measure_new(bool dmabuf)
{
	struct cost costs[MAX_ROUNDS];
	struct slot slot;
	int i;

	for (i = 0; i < MAX_ROUNDS; i++) {
		slot = make_whole(dmabuf);
		slot_add(&slot);
		costs[i] = slot_prefault(&slot);
		slot_delete();
		vm_ready();
		if (i < MAX_ROUNDS - 1)
			slot_free(&slot);
	}
	print_median("guest-prefault-new", &slot, costs, MAX_ROUNDS);
	slot_free(&slot);
}

static void measure_slot(const struct slot *slot)
{
	struct cost costs[MAX_ROUNDS], again[MAX_ROUNDS], add[MAX_ROUNDS] = {};
	int i;

	/* Here, too: the host's page tables */
	for (i = -1; i < MAX_ROUNDS; i++) {
		const int n = i < 0 ? 0 : i;

		add[n].instructions = slot_add(slot);
		costs[n] = slot_prefault(slot);
		slot_delete();
		vm_ready();
	}
	print_median("guest-slot", slot, add, MAX_ROUNDS);
	print_median("guest-prefault", slot, costs, MAX_ROUNDS);

	for (i = 0; i < TOUCH_ROUNDS; i++) {
		slot_add(slot);
		costs[i] = slot_touch(slot, PAGE);
		again[i] = slot_touch(slot, PAGE);
		slot_delete();
		vm_ready();
	}
	print_median("guest-touch", slot, costs, TOUCH_ROUNDS);
	print_median("guest-touch-mapped", slot, again, TOUCH_ROUNDS);
}

/* 2 MiB each, every other one first: none can be merged with the one before */
static void measure_pieces(void)
{
	enum { NR = 512 };
	struct vfio_region_dma_range ranges[NR];
	struct slot slot;
	unsigned int i;

	for (i = 0; i < NR; i++)
		ranges[i] = (struct vfio_region_dma_range) {
			.offset = (2 * i % NR + 2 * i / NR) * MiB(2),
			.length = MiB(2),
		};
	slot = slot_dmabuf(&shm, ranges, NR, GPA);
	measure_slot(&slot);
	slot_free(&slot);
}

static void measure_whole(void)
{
	struct slot slot;
	int dmabuf;

	for (dmabuf = 1; dmabuf >= 0; dmabuf--) {
		measure_first(dmabuf);
		measure_new(dmabuf);
		slot = make_whole(dmabuf);
		measure_slot(&slot);
		slot_free(&slot);
	}
	measure_pieces();
}

/*
 * One fault
 */

static struct vfio_region_dma_range *congruent_ranges(void)
{
	struct vfio_region_dma_range *ranges = must_alloc(FRAGS, sizeof(*ranges));
	const uint64_t in_block = MiB(2) / PAGE, blocks = FRAGS / in_block;
	uint64_t i;

	for (i = 0; i < FRAGS; i++) {
		uint64_t page = i % in_block;
		/* Never the block of the one before */
		uint64_t block = (i / in_block + page) % blocks;

		ranges[i].offset = block * MiB(2) + page * PAGE;
		ranges[i].length = PAGE;
	}
	return ranges;
}

static void measure_faults(const char *name, const struct slot *slot)
{
	struct cost first[MAX_ROUNDS], mean[MAX_ROUNDS];
	struct slot page = *slot;
	int i;

	page.size = PAGE;
	for (i = 0; i < MAX_ROUNDS; i++) {
		slot_add(slot);
		first[i] = slot_touch(&page, PAGE);
		mean[i] = slot_touch(slot, slot->size / FAULTS);
		if (mean[i].faults != FAULTS - 1)
			fail(NULL, "%s: %" PRIu64 " faults instead of %d", name,
			     mean[i].faults, FAULTS - 1);
		mean[i].instructions /= mean[i].faults;
		slot_delete();
		vm_ready();
	}
	print_median(name, slot, mean, MAX_ROUNDS);
	if (!strcmp(name, "guest-fault"))
		print_median("guest-fault-first", slot, first, MAX_ROUNDS);
}

static void measure_frags(void)
{
	const struct vfio_region_dma_range one = { 0, FRAGS * PAGE };
	struct vfio_region_dma_range *ranges;
	struct slot slot;

	slot = slot_dmabuf(&shm, &one, 1, GPA + PAGE);
	measure_faults("guest-fault", &slot);
	slot_free(&slot);

	ranges = must_ranges_scattered(FRAGS, 0, PAGE);
	slot = slot_dmabuf(&shm, ranges, FRAGS, GPA);
	measure_faults("guest-fault", &slot);
	slot_free(&slot);
	free(ranges);

	ranges = congruent_ranges();
	slot = slot_dmabuf(&shm, ranges, FRAGS, GPA);
	measure_faults("guest-fault-congruent", &slot);
	slot_free(&slot);
	free(ranges);
}

/*
 * Revoke
 */

static uint64_t memory_off(void)
{
	uint64_t start = instructions();

	must_vfio_memory_enable(&shm, false);
	return instructions() - start;
}

/* @prefault: also say what it took to map the slot, once */
static void measure_revoke(const struct slot *slot, int rounds,
			   const char *prefault)
{
	struct cost costs[MAX_ROUNDS];
	uint64_t before;
	int i;

	slot_add(slot);
	before = vm_mappings();
	for (i = 0; i < rounds; i++) {
		costs[i] = slot_prefault(slot);
		if (prefault)
			print_row(prefault, slot, &costs[i]);
		costs[i].instructions = memory_off();
		if (vm_mappings() != before)
			fail(NULL, "%" PRIu64 " mappings instead of %" PRIu64
			     " after a revoke", vm_mappings(), before);
		must_vfio_memory_enable(&shm, true);
	}
	slot_delete();
	vm_ready();
	print_median("guest-revoke", slot, costs, rounds);
}

static void measure_revoke_empty(void)
{
	struct slot none = { .ranges = 1, .fd = -1 };
	struct cost costs[MAX_ROUNDS] = {};
	int i;

	for (i = 0; i < MAX_ROUNDS; i++) {
		costs[i].instructions = memory_off();
		must_vfio_memory_enable(&shm, true);
	}
	print_median("guest-revoke", &none, costs, MAX_ROUNDS);
}

static void measure_revokes(void)
{
	static const uint64_t sizes[] = { PAGE, MiB(2), MiB(64), ALL };
	struct vfio_region_dma_range range = {};
	struct slot slot;
	bool small, slow;
	size_t i;

	measure_revoke_empty();
	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		range.length = sizes[i / 2];
		small = i % 2;
		slow = small && range.length == ALL;
		/* There is nothing larger than a page in a page */
		if (range.length == PAGE && small)
			continue;

		slot = slot_dmabuf(&shm, &range, 1, small ? GPA + PAGE : GPA);
		measure_revoke(&slot, slow ? 1 : 3, NULL);
		slot_free(&slot);

		slot = slot_mmap(&shm, range.length, small);
		measure_revoke(&slot, slow ? 1 : 3,
			       slow ? "guest-prefault-misaligned" : NULL);
		slot_free(&slot);
	}
}

/* What KVM can use at most: as large as the CPU's own pages */
static void print_largest(void)
{
	struct cost cost = {};
	struct slot slot = { .size = ALL, .ranges = 1, .fd = -1 };
	unsigned int a, b, c, d = 0;

	__get_cpuid(0x80000001, &a, &b, &c, &d);
	strcpy(cost.level, d & 1u << 26 ? "1G" : "2M");
	print_row("guest-largest", &slot, &cost);
}

int main(void)
{
	int iommufd;

	streams_open();
	fail_as("bench", BENCH_REMEDY);
	clock_check();
	route = machine_route();
	iommufd = must_iommufd_open();
	must_vfio_open(&shm, must_pci_env("DMABUF_EXPORTER"), iommufd);

	print_largest();
	measure_whole();
	measure_frags();
	measure_revokes();

	vm_end();
	vfio_close(&shm);
	close(iommufd);
	pci_restore();
	return streams_flush() ? 1 : 0;
}
