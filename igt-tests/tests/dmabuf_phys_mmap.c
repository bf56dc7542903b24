// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys mmap
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: access by the CPU
 * Functionality: mapping into programs
 * Description: mmap of dma-bufs: every byte where it belongs, by the largest pages,
 *	with the right memory attribute, while there is access and no longer
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "cpu_tables.h"
#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "memory.h"
#include "mmap_scene.h"
#include "module.h"
#include "movable.h"
#include "pci.h"
#include "subtests.h"

#define LENGTH MiB(1)

struct vfio_device shm = { .fd = -1 }, nvme1 = { .fd = -1 };
int iommufd = -1, dmabuf = -1, movable = -1;
uint8_t *bar;

/* 2 GiB of addresses that start at a multiple of 1 GiB, with nothing there */
static uint8_t *room;

void begin(void)
{
	igt_assert(mmap(room, GiB(2), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			MAP_FIXED | MAP_NORESERVE, -1, 0) == room);
	close_fd(&dmabuf);
	close_fd(&movable);
}

void with_vfio(const struct vfio_region_dma_range *ranges, size_t nr)
{
	if (shm.fd < 0)
		vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	vfio_memory_enable(&shm, true);
	bar = vfio_map_bar(&shm, SHM_BAR);
	dmabuf = vfio_dmabuf(&shm, SHM_BAR, ranges, nr);
}

void with_one(uint64_t offset, uint64_t length)
{
	struct vfio_region_dma_range range = { offset, length };

	with_vfio(&range, 1);
}

void with_movable(uint64_t size)
{
	vfio_close(&shm);
	movable_bind();
	movable = movable_open();
	dmabuf = movable_create(movable, size);
}

static uint8_t *map(uint8_t *at, uint64_t length, uint64_t offset)
{
	return cpu_map(dmabuf, at, length, offset);
}

/**
 * SUBTEST: ranges
 * Description: The first and the last word of each of 1, 64 and 65,536 ranges, both
 *	ways; what lies between the ranges is not touched
 */
static void ranges(size_t nr, uint64_t length)
{
	struct vfio_region_dma_range *list = ranges_scattered(nr, 0, length);
	uint64_t stride = nr > 4096 ? 61 : 1;
	uint8_t *mapped;
	size_t i;

	begin();
	with_vfio(list, nr);
	guard_fill(bar, 0, MiB(1));
	mapped = map(NULL, nr * length, 0);
	for (i = 0; i < nr; i += stride) {
		uint64_t first = list[i].offset, last = first + length - 8;

		cpu_both_ways(mapped + i * length, bar + first);
		cpu_both_ways(mapped + (i + 1) * length - 8, bar + last);
		cpu_store(bar + first, guard_word(first));
		cpu_store(bar + last, guard_word(last));
	}
	guard_check(bar, 0, MiB(1));
	igt_assert_eq(munmap(mapped, nr * length), 0);
	free(list);
}

/**
 * SUBTEST: two-bars
 * Description: Ranges of two BARs in one mapping
 */
static void two_bars(void)
{
	uint8_t *mapped;

	dmabuf = vfio_dmabuf_two_bars(&nvme1, 2, MiB(3), 0, 0);
	mapped = map(NULL, 2 * PAGE, 0);
	cpu_both_ways(mapped + 8, (uint8_t *)vfio_map_bar(&nvme1, 2) + MiB(3) + 8);
	/* The controller's capabilities and version, which are not 0 */
	igt_assert_neq_u64(cpu_load(mapped + PAGE), 0);
	igt_assert_eq_u64(cpu_load(mapped + PAGE), cpu_load(vfio_map_bar(&nvme1, 0)));
	munmap(mapped, 2 * PAGE);
}

/**
 * SUBTEST: offsets
 * Description: Slices of the dma-buf, up to its last page
 */
static void offsets(void)
{
	static const struct {
		uint64_t offset, length;
	} slices[] = {
		{ 0, PAGE }, { PAGE, PAGE }, { 5 * PAGE, 9 * PAGE },
		{ LENGTH - PAGE, PAGE }, { LENGTH - 3 * PAGE, 3 * PAGE },
		/* A length is rounded up to pages, as for any file */
		{ LENGTH - PAGE, 1 }, { 0, LENGTH - 1 },
	};
	size_t i;

	with_one(MiB(7), LENGTH);
	for (i = 0; i < ARRAY_SIZE(slices); i++) {
		uint64_t at = slices[i].offset, length = slices[i].length;
		uint8_t *mapped = map(NULL, length, at);

		cpu_both_ways(mapped, bar + MiB(7) + at);
		length = (length + PAGE - 1) / PAGE * PAGE;
		cpu_both_ways(mapped + length - 8, bar + MiB(7) + at + length - 8);
		munmap(mapped, length);
	}
}

static const struct level {
	const char *name;
	uint64_t at, offset, size, page;
	long faults;
} levels[] = {
	/* mm cannot cut a page of 1 GiB in two */
	{ "1g", 0, 0, GiB(1), MiB(2), 512 },
	{ "half", 0, 0, MiB(512), MiB(2), 256 },
	{ "shifted-2m", MiB(2), MiB(2), GiB(1) - MiB(2), MiB(2), 511 },
	{ "agree-not-1g", MiB(2), 0, GiB(1), MiB(2), 512 },
	{ "shifted-4k", PAGE, 0, MiB(6), PAGE, 1536 },
	{ "shifted-offset", 0, 3 * PAGE, MiB(6), PAGE, 1536 },
	{ "ends", PAGE, PAGE, MiB(6) - 2 * PAGE, PAGE, 1022 + 1 },
};

static long faults(void)
{
	struct rusage usage;

	igt_assert_eq(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_minflt + usage.ru_majflt;
}

/* One access a page; the number of faults that takes */
static long touch(volatile uint8_t *at, uint64_t length, bool write)
{
	long before = faults();
	uint64_t i;

	for (i = 0; i < length; i += PAGE) {
		if (write)
			at[i] = 1;
		else
			(void)at[i];
	}
	return faults() - before;
}

/**
 * SUBTEST: levels
 * Description: Pages of 2 MiB and 4 KiB, as ranges, addresses and offsets agree: by
 *	the number of faults it takes to touch all, and by the CPU's own tables; the
 *	same again after a revoke
 */
static void level(const struct level *l)
{
	struct cpu_entry entry;
	uint8_t *mapped;
	int i;

	begin();
	with_one(0, GiB(1));
	mapped = map(room + l->at, l->size, l->offset);
	for (i = 0; i < 2; i++) {
		/* Nothing is there before it is touched */
		cpu_lookup(mapped, &entry);
		igt_assert(!entry.present);
		igt_assert_eq((int)touch(mapped, l->size, i), (int)l->faults);
		igt_assert_eq((int)touch(mapped, l->size, true), 0);
		cpu_lookup(mapped, &entry);
		igt_assert(entry.present && entry.writable);
		igt_assert_eq_u64(entry.page, l->page);
		cpu_both_ways(mapped, bar + l->offset);
		cpu_both_ways(mapped + l->size - 8, bar + l->offset + l->size - 8);
		vfio_memory_enable(&shm, false);
		vfio_memory_enable(&shm, true);
	}
}

/**
 * SUBTEST: fork-huge
 * Description: A fork copies no page of 2 MiB, which mm would do without looking whether
 *	a revoke has just taken it away; parent and child fault in their own
 */
static void fork_huge(void)
{
	const int nr = 4;
	uint8_t *mapped;
	int status = -1;
	pid_t pid;

	with_one(0, GiB(1));
	mapped = map(room, nr * MiB(2), 0);
	igt_assert_eq((int)touch(mapped, nr * MiB(2), true), nr);
	cpu_store(mapped + 8, 0xc0ffee);
	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		/* The child's stack is its own before they are counted */
		faults();
		_exit(touch(mapped, nr * MiB(2), true) != nr || cpu_load(mapped + 8) != 0xc0ffee);
	}
	igt_assert(waitpid(pid, &status, 0) == pid && !status);
	igt_assert_eq((int)touch(mapped, nr * MiB(2), true), nr);
	igt_assert_eq_u64(cpu_load(mapped + 8), 0xc0ffee);
}

static void expect_attribute(const uint8_t *at, bool in_bar)
{
	uint64_t start, length;
	struct cpu_entry entry;

	movable_bar(&start, &length);
	cpu_lookup(at, &entry);
	igt_assert(entry.present);
	igt_assert_eq_u64(entry.page, PAGE);
	igt_assert_eq(entry.paddr - start < length, in_bar);
	if (in_bar)
		igt_assert(entry.cache == CPU_UC_MINUS ||
			   entry.cache == CPU_UC);
	else
		igt_assert_eq(entry.cache, CPU_WB);
}

/**
 * SUBTEST: attributes
 * Description: A BAR is mapped uncached, memory is mapped write-back, and a page
 *	that moves changes; by the CPU's own tables
 */
static void attributes(void)
{
	uint32_t first, i, to;
	uint8_t *mapped;

	with_movable(2 * PAGE);
	/* What was there when it was mapped must not matter */
	for (first = 0; first < 2; first++) {
		movable_move(movable, MOVABLE_TO(first), 1, 0);
		mapped = map(room, 2 * PAGE, 0);
		for (i = 0; i < DMA_BUF_MOVABLE_NR_PLACEMENTS; i++) {
			to = (first + i) % DMA_BUF_MOVABLE_NR_PLACEMENTS;
			movable_move(movable, MOVABLE_TO(to), 1, 0);
			touch(mapped, 2 * PAGE, true);
			expect_attribute(mapped,
					 to == DMA_BUF_MOVABLE_BAR ||
					 to == DMA_BUF_MOVABLE_BAR_SYSTEM);
			expect_attribute(mapped + PAGE,
					 to == DMA_BUF_MOVABLE_BAR ||
					 to == DMA_BUF_MOVABLE_SYSTEM_BAR);
		}
	}
}

static void expect_refused(uint64_t length, int prot, int flags, uint64_t offset,
			   int err)
{
	void *mapped = mmap(NULL, length, prot, flags, dmabuf, (off_t)offset);

	igt_assert_f(mapped == MAP_FAILED && errno == err,
		     "0x%" PRIx64 " bytes at 0x%" PRIx64 ", prot %d, flags 0x%x: %s instead of %s\n",
		     length, offset, prot, flags,
		     mapped == MAP_FAILED ? strerror(errno) : "mapped",
		     strerror(err));
}

/* A new opening of the device has no mapping of its BARs */
static void export_nvme(uint32_t flags, uint64_t offset, uint64_t length)
{
	struct vfio_region_dma_range range = { offset, length };

	close_fd(&dmabuf);
	vfio_close(&nvme1);
	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	dmabuf = __export_ranges(&nvme1, flags, SHM_BAR, &range, 1);
	igt_assert_fd(dmabuf);
}

/**
 * SUBTEST: refused
 * Description: Private mappings, mappings beyond the end, of more than the dma-buf
 *	allows, and of memory that the host does not touch
 */
static void refused(void)
{
	const int rw = PROT_READ | PROT_WRITE;

	with_one(0, LENGTH);
	expect_refused(LENGTH, rw, MAP_PRIVATE, 0, EINVAL);
	expect_refused(PAGE, PROT_READ, MAP_PRIVATE, 0, EINVAL);
	expect_refused(LENGTH + 1, rw, MAP_SHARED, 0, EINVAL);
	expect_refused(LENGTH, rw, MAP_SHARED, PAGE, EINVAL);
	expect_refused(PAGE, rw, MAP_SHARED, LENGTH, EINVAL);
	expect_refused(PAGE, rw, MAP_SHARED, GiB(4), EINVAL);
	expect_refused(PAGE, rw, MAP_SHARED, 1ull << 62, EINVAL);
	expect_refused(PAGE, rw, MAP_SHARED, -PAGE, EOVERFLOW);
	expect_refused(PAGE, rw, MAP_SHARED, 512, EINVAL);
	expect_refused(0, rw, MAP_SHARED, 0, EINVAL);
	munmap(map(NULL, LENGTH, 0), LENGTH);

	export_nvme(NO_HOST, 0, LENGTH);
	expect_refused(LENGTH, rw, MAP_SHARED, 0, EOPNOTSUPP);
	expect_refused(PAGE, PROT_READ, MAP_SHARED, PAGE, EOPNOTSUPP);
	expect_refused(PAGE, PROT_NONE, MAP_SHARED, 0, EOPNOTSUPP);
	vfio_memory_enable(&nvme1, false);
	expect_refused(PAGE, rw, MAP_SHARED, 0, EOPNOTSUPP);
	vfio_memory_enable(&nvme1, true);
}

/**
 * SUBTEST: read-only
 * Description: A dma-buf exported read-only can be read but not written, not even
 *	after mprotect
 */
static void read_only(void)
{
	struct vfio_region_dma_range range = { 0, LENGTH };
	struct vfio_device_feature_dma_buf head = {
		.region_index = SHM_BAR,
		.open_flags = O_RDONLY | O_CLOEXEC,
		.nr_ranges = 1,
	};
	uint8_t *mapped;

	with_one(0, LENGTH);
	close_fd(&dmabuf);
	dmabuf = __vfio_dmabuf_raw(&shm, &head, &range, 1);
	igt_assert_fd(dmabuf);
	expect_refused(LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, 0, EACCES);
	expect_refused(LENGTH, PROT_READ, MAP_PRIVATE, 0, EINVAL);
	mapped = mmap(NULL, LENGTH, PROT_READ, MAP_SHARED, dmabuf, 0);
	igt_assert(mapped != MAP_FAILED);
	cpu_store(bar + 8, 0xbead);
	igt_assert_eq_u64(cpu_load(mapped + 8), 0xbead);
	igt_assert_eq(mprotect(mapped, PAGE, PROT_READ | PROT_WRITE), -1);
	igt_assert_eq(errno, EACCES);
	munmap(mapped, LENGTH);
}

/* @there: the same bytes by another mapping */
static void expect_no_exec(uint8_t *there)
{
	uint8_t *mapped;
	uint64_t i;

	expect_refused(PAGE, PROT_EXEC, MAP_SHARED, 0, EPERM);
	expect_refused(LENGTH, PROT_READ | PROT_EXEC, MAP_SHARED, 0, EPERM);
	expect_refused(LENGTH, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, 0, EPERM);
	expect_refused(PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0, EPERM);

	mapped = map(NULL, LENGTH, 0);
	cpu_both_ways(mapped + PAGE, there + PAGE);
	igt_assert_eq(mprotect(mapped + PAGE, PAGE, PROT_READ | PROT_EXEC), -1);
	igt_assert_eq(errno, EACCES);
	igt_assert_eq(mprotect(mapped, LENGTH, PROT_READ | PROT_WRITE | PROT_EXEC), -1);
	igt_assert_eq(errno, EACCES);
	/* What had been there, and what comes only now */
	for (i = 0; i < 3 * PAGE; i += PAGE)
		cpu_both_ways(mapped + i, there + i);
	munmap(mapped, LENGTH);
}

/**
 * SUBTEST: exec
 * Description: Nobody executes what a device may write: mmap with PROT_EXEC gives
 *	EPERM, mprotect EACCES, and the mapping is as good as before, of a BAR and
 *	of a udmabuf, whose mmap is its own
 */
static void no_exec(void)
{
	uint8_t *memory;
	int memfd;

	with_one(0, LENGTH);
	expect_no_exec(bar);

	close_fd(&dmabuf);
	module_load("udmabuf");
	memfd = sealed_memfd(LENGTH);
	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	igt_assert(memory != MAP_FAILED);
	dmabuf = __udmabuf(memfd, 0, LENGTH);
	close(memfd);
	igt_assert_fd(dmabuf);
	expect_no_exec(memory);
	munmap(memory, LENGTH);
}

/**
 * SUBTEST: claims
 * Description: A mapping keeps the dma-buf, so no one can be promised an absence of
 *	host access until it is unmapped
 */
static void claims(void)
{
	struct vfio_region_dma_range range = { LENGTH - PAGE, PAGE };
	uint8_t *mapped;

	export_nvme(0, 0, LENGTH);
	mapped = map(NULL, PAGE, PAGE);
	close_fd(&dmabuf);
	igt_assert_eq(__export_ranges(&nvme1, NO_HOST, SHM_BAR, &range, 1),
		      -EBUSY);
	igt_assert(cpu_reachable(mapped));
	munmap(mapped, PAGE);
	dmabuf = __export_ranges(&nvme1, NO_HOST, SHM_BAR, &range, 1);
	igt_assert_fd(dmabuf);
}

static void areas_of(uint64_t size)
{
	uint8_t *mapped, *moved;
	const uint64_t hole = size / 2 + 3 * PAGE;

	with_one(0, size);
	mapped = map(room, size, 0);
	touch(mapped, size, true);
	igt_assert_eq(munmap(mapped + hole, PAGE), 0);
	cpu_both_ways(mapped, bar);
	cpu_both_ways(mapped + hole - 8, bar + hole - 8);
	cpu_both_ways(mapped + hole + PAGE, bar + hole + PAGE);
	cpu_both_ways(mapped + size - 8, bar + size - 8);

	igt_assert_eq(mprotect(mapped + PAGE, PAGE, PROT_READ), 0);
	cpu_store(bar + PAGE, 0x1dea);
	igt_assert_eq_u64(cpu_load(mapped + PAGE), 0x1dea);
	cpu_both_ways(mapped + 2 * PAGE, bar + 2 * PAGE);
	igt_assert_eq(mprotect(mapped + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	cpu_both_ways(mapped + PAGE, bar + PAGE);

	/* Up to the hole: the second half of what room there is */
	moved = mremap(mapped, hole, hole, MREMAP_MAYMOVE | MREMAP_FIXED,
		       room + GiB(1));
	igt_assert(moved == room + GiB(1));
	cpu_both_ways(moved, bar);
	cpu_both_ways(moved + hole - 8, bar + hole - 8);
	vfio_memory_enable(&shm, false);
	igt_assert(!cpu_reachable(moved));
	igt_assert(!cpu_reachable(moved + hole - 8));
	igt_assert(!cpu_reachable(mapped + size - 8));
	vfio_memory_enable(&shm, true);
	cpu_both_ways(moved, bar);

	/* To where the pages it had do not fit */
	moved = mremap(moved, hole, hole, MREMAP_MAYMOVE | MREMAP_FIXED,
		       room + PAGE);
	igt_assert(moved == room + PAGE);
	cpu_both_ways(moved, bar);
	cpu_both_ways(moved + hole - 8, bar + hole - 8);
	igt_assert(mremap(moved, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	igt_assert_eq(errno, EFAULT);
	igt_assert(mremap(moved, hole, PAGE, 0) == moved);
	cpu_both_ways(moved + PAGE - 8, bar + PAGE - 8);
	begin();
}

/**
 * SUBTEST: areas
 * Description: Parts unmapped, protected and moved, of small and huge pages: the
 *	rest stays, what was unmapped is gone, and no area grows
 */
static void areas(void)
{
	areas_of(64 * PAGE);
	areas_of(MiB(64));
	areas_of(GiB(1));
}

static const struct subtest tests[] = {
	{ "two-bars", two_bars },
	{ "offsets", offsets },
	{ "fork-huge", fork_huge },
	{ "attributes", attributes },
	{ "refused", refused },
	{ "read-only", read_only },
	{ "exec", no_exec },
	{ "claims", claims },
	{ "areas", areas },
};

int igt_main()
{
	static size_t i;

	igt_fixture() {
		iommufd = iommufd_open();
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
		room = mmap(NULL, GiB(3), PROT_NONE, MAP_PRIVATE |
			    MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		igt_assert(room != MAP_FAILED);
		room += -(uintptr_t)room % GiB(1);
		cpu_access_init();
		faults();
	}

	igt_subtest_with_dynamic("ranges") {
		igt_dynamic("1")
			ranges(1, MiB(1));
		igt_dynamic("64")
			ranges(64, 2 * PAGE);
		igt_dynamic("65536")
			ranges(65536, PAGE);
	}

	igt_subtest_with_dynamic("levels") {
		for (i = 0; i < ARRAY_SIZE(levels); i++)
			igt_dynamic(levels[i].name)
				level(&levels[i]);
	}

	subtests(tests, begin, NULL);

	/**
	 * SUBTEST: revoke
	 * Description: Memory-enable and D3hot: SIGBUS while it lasts, and the same mapping
	 *	is good again after it, as is one that was made meanwhile
	 *
	 * SUBTEST: closed
	 * Description: The exporter is closed: SIGBUS for good, also after the device is
	 *	opened again; a mapping of a dead dma-buf gives no access
	 *
	 * SUBTEST: moves
	 * Description: From every place to every place: the bytes are there at once, what
	 *	is written goes to the new place, and a slow copy is waited for
	 *
	 * SUBTEST: into-itself
	 * Description: A query's groups and a watch's event, written into a mapping of the
	 *	dma-buf they describe
	 *
	 * SUBTEST: fork
	 * Description: Parent and child have the mapping, each with page tables of its own:
	 *	both lose it and get it back, and the child keeps it when the parent does
	 *	not
	 *
	 * SUBTEST: storm
	 * Description: Threads load and store, map and unmap, and fork, while access is
	 *	taken away and given back 150 times: SIGBUS or the right word, nothing else
	 *
	 * SUBTEST: move-storm
	 * Description: The same while the buffer moves 150 times
	 */
	mmap_revoke_subtests();
	/**
	 * SUBTEST: system-calls
	 * Description: Every way the kernel reads or writes a program's memory on its
	 *	behalf: copies succeed while there is access and fail with EFAULT while
	 *	there is none; what needs the pages themselves, and a debugger, never gets
	 *	anything, whether the entries are present or not, although all of them work
	 *	on ordinary memory
	 *
	 * SUBTEST: copies
	 * Description: Bytes that the kernel copies are the right ones, in both directions,
	 *	and DMA_BUF_IOCTL_SYNC has nothing to do
	 *
	 * SUBTEST: guest
	 * Description: A mapping in an ordinary slot of a guest, which follows the MMU
	 *	notifiers: a revoke takes it from the guest, munmap takes it for good
	 */
	mmap_kernel_subtests();
	/**
	 * SUBTEST: others-while-waiting
	 * Description: A program, or the kernel on its behalf, waits for a copy: other
	 *	threads map and unmap memory, also of the same mapping, and the command line
	 *	can be read
	 *
	 * SUBTEST: signal-while-waiting
	 * Description: A signal is handled while its thread waits, and at the end of the
	 *	system call if the kernel waits; neither takes CPU time
	 *
	 * SUBTEST: kill-while-waiting
	 * Description: Who waits can be killed, and is gone before the copy begins
	 *
	 * SUBTEST: unmapped-while-waiting
	 * Description: The mapping goes, and the dma-buf is closed and freed, while the
	 *	kernel waits: EFAULT, once the copy is done
	 */
	mmap_wait_subtests();

	igt_fixture() {
		begin();
		vfio_close(&shm);
		vfio_close(&nvme1);
		close(iommufd);
	}
}
