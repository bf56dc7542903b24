// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys udmabuf
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: CPU memory
 * Functionality: lists of memory
 * Description: udmabuf keeps its own dma_buf_ops and joins as an exporter: a memfd's
 *	pages reach devices through iommufd
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/dma-buf.h>
#include <linux/kernel-page-flags.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt_core.h"
#include "klog.h"
#include "memcg.h"
#include "memory.h"
#include "module.h"
#include "query.h"
#include "scene.h"
#include "sysfs.h"
#include "vtd.h"

#define SIZE MiB(4)

static struct scene scene;
static int memfd, fd;
static uint64_t *mem;

/**
 * SUBTEST: bulk
 * Description: The disk into the memfd, all of it compared, and back
 */
static void bulk(void)
{
	uint64_t i;

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	nvme_read(&scene.nvme, MiB(7), BASE, SIZE);
	for (i = 0; i < SIZE; i += 8)
		igt_assert_eq_u64(mem[i / 8], NVME_DISK_WORD(MiB(7) + i));

	guard_fill(mem, 0, SIZE);
	nvme_write(&scene.nvme, MiB(40), BASE, SIZE);
	memset(mem, 0, SIZE);
	nvme_read(&scene.nvme, MiB(40), BASE, SIZE);
	guard_check(mem, 0, SIZE);
}

/**
 * SUBTEST: slice
 * Description: A slice of a udmabuf that covers part of the memfd
 */
static void slice(void)
{
	int part = __udmabuf(memfd, MiB(1), MiB(1));
	struct vtd_entry entry;
	uint64_t i;

	igt_assert_fd(part);
	guard_fill(mem, 0, SIZE);
	ioas_map_file(scene.iommufd, scene.ioas, part, PAGE, 5 * PAGE, BASE);
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, part, 0,
				      MiB(1) + PAGE, BASE + GiB(1)), -EINVAL);
	nvme_read(&scene.nvme, 0, BASE, 5 * PAGE);
	for (i = 0; i < 5 * PAGE; i += 8)
		igt_assert_eq_u64(mem[(MiB(1) + PAGE + i) / 8],
				  NVME_DISK_WORD(i));
	guard_check(mem, 0, MiB(1) + PAGE);
	guard_check(mem, MiB(1) + 6 * PAGE, SIZE - MiB(1) - 6 * PAGE);
	vtd_lookup(scene.edu.dev.addr, BASE + 5 * PAGE, &entry);
	igt_assert(!entry.present);
	close(part);
}

/* What the kernel says of a page that was in a memfd, is in none now, and is pinned */
#define PINNED (1ull << KPF_UPTODATE | 1ull << KPF_SWAPBACKED)
#define OTHERS (1ull << KPF_BUDDY | 1ull << KPF_ANON | 1ull << KPF_SLAB | \
		1ull << KPF_MMAP)

static uint64_t page_flags(uint64_t paddr)
{
	int file = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t flags = 0;

	igt_assert_fd(file);
	igt_assert_eq((int)pread(file, &flags, 8, (off_t)(paddr / PAGE * 8)), 8);
	close(file);
	return flags & (PINNED | OTHERS);
}

/**
 * SUBTEST: outlives
 * Description: The mapping outlives memfd, dma-buf and CPU mapping: the pages stay
 *	allocated, by the kernel's own account, and no word of them changes while
 *	other memory is asked for; unmapped, they are free
 */
static void outlives(void)
{
	const uint64_t size = MiB(1);
	/* Looking a page up takes 0.1 s */
	const uint64_t step = 16 * PAGE;
	uint64_t at, paddr[16], free_pages = 0;
	int other = sealed_memfd(size), dmabuf;
	struct vtd_entry entry;
	void *map, *more;

	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	igt_assert(map != MAP_FAILED);
	guard_fill(map, 0, size);
	munmap(map, size);
	dmabuf = __udmabuf(other, 0, size);
	igt_assert_fd(dmabuf);
	ioas_map_file(scene.iommufd, scene.ioas, dmabuf, 0, size, BASE);
	for (at = 0; at < size; at += step) {
		vtd_lookup(scene.nvme.dev.addr, BASE + at, &entry);
		igt_assert(entry.present);
		paddr[at / step] = entry.paddr;
	}
	close(dmabuf);
	close(other);

	/* Who asks for pages gets those first that were let go last */
	more = mmap(NULL, 16 * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(more != MAP_FAILED);
	memset(more, 0xee, 16 * size);
	for (at = 0; at < size; at += step)
		igt_assert_eq_u64(page_flags(paddr[at / step]), PINNED);
	nvme_write(&scene.nvme, MiB(40), BASE, size);
	munmap(more, 16 * size);

	ioas_unmap(scene.iommufd, scene.ioas, BASE, size);
	for (at = 0; at < size; at += step)
		free_pages += page_flags(paddr[at / step]) != PINNED;
	igt_assert_eq_u64(free_pages, size / step);

	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	nvme_read(&scene.nvme, MiB(40), BASE, size);
	guard_check(mem, 0, size);
}

/**
 * SUBTEST: kept
 * Description: What a device has written to holes of the memfd is there after the
 *	mapping and the dma-buf are gone and memory was short
 */
static void kept(void)
{
	int other = sealed_memfd(SIZE), dmabuf;
	uint64_t i, lost = 0;
	uint64_t *map;

	dmabuf = __udmabuf(other, 0, SIZE);
	igt_assert_fd(dmabuf);
	ioas_map_file(scene.iommufd, scene.ioas, dmabuf, 0, SIZE, BASE);
	nvme_read(&scene.nvme, 0, BASE, SIZE);
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	close(dmabuf);

	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, other, 0);
	igt_assert(map != MAP_FAILED);
	/* There is no swap: what is dirty stays, what is clean goes */
	igt_assert_eq(madvise(map, SIZE, MADV_POPULATE_READ), 0);
	igt_assert_eq(madvise(map, SIZE, MADV_PAGEOUT), 0);
	for (i = 0; i < SIZE; i += PAGE)
		lost += map[i / 8] != NVME_DISK_WORD(i);
	igt_assert_f(!lost, "%" PRIu64 " of %" PRIu64 " pages have lost what the disk wrote\n",
		     lost, (uint64_t)(SIZE / PAGE));
	munmap(map, SIZE);
	close(other);
}

/* Mappings of udmabuf's device that the DMA API's debugging knows of; 0 where it is not */
static unsigned int udmabuf_dma_mappings(void)
{
	FILE *dump = fopen("/sys/kernel/debug/dma-api/dump", "r");
	unsigned int nr = 0;
	char line[256];

	while (dump && fgets(line, sizeof(line), dump))
		nr += !!strstr(line, " udmabuf ");
	if (dump)
		fclose(dump);
	return nr;
}

/**
 * SUBTEST: cpu-access
 * Description: The CPU accesses a udmabuf to write, to read and for both, in turn: it is
 *	not mapped for that where caches are coherent, and the kernel says nothing
 */
static void cpu_access(void)
{
	static const uint64_t flags[] = { DMA_BUF_SYNC_WRITE, DMA_BUF_SYNC_READ, DMA_BUF_SYNC_RW };
	int dmabuf = __udmabuf(memfd, 0, SIZE), log = klog_open();
	unsigned int i;

	igt_assert_fd(dmabuf);
	/* Of all errors it would tell the first one only */
	__sysfs_write("/sys/kernel/debug/dma-api/num_errors", "1");
	for (i = 0; i < 3; i++) {
		dmabuf_sync_access(dmabuf, DMA_BUF_SYNC_START | flags[i]);
		igt_assert_eq((int)udmabuf_dma_mappings(), 0);
		dmabuf_sync_access(dmabuf, DMA_BUF_SYNC_END | flags[i]);
	}
	igt_assert_eq((int)klog_count(log, "DMA-API"), 0);
	close(log);
	close(dmabuf);
}

/**
 * SUBTEST: bounced
 * Description: Where the kernel bounces all DMA, an access of the CPU to a udmabuf leaves
 *	alone what others have written since the one before it
 */
static void bounced(void)
{
	int dmabuf = __udmabuf(memfd, 0, SIZE);
	const uint64_t old = mem[0];

	igt_assert_fd(dmabuf);
	dmabuf_sync_access(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	dmabuf_sync_access(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	mem[0] = old + 1;
	dmabuf_sync_access(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
	igt_assert_eq_u64(mem[0], old + 1);
	dmabuf_sync_access(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
	close(dmabuf);
}

static const char maker[] = MEMCG_ROOT "/maker", asker[] = MEMCG_ROOT "/asker";

/* Signed, as it may be less than before */
static long long charge(const char *cgroup)
{
	return (long long)memcg_stat(cgroup, "kernel");
}

/* The kernel sums its counters up every 2 s, and frees some memory later than that */
static long long settled_charge(const char *cgroup, uint64_t deadline)
{
	long long before, now = charge(cgroup);

	do {
		before = now;
		usleep(2500000);
		now = charge(cgroup);
	} while (now != before && now_ms() < deadline);
	return now;
}

/**
 * SUBTEST: charged
 * Description: The list of a udmabuf is charged to the memory cgroup of its
 *	creator, not to that of its first user
 */
static void charged(void)
{
	const uint64_t size = MiB(32);
	struct dma_buf_phys_query q;
	int other, between, dmabuf, phys = query_open();
	long long made, asked, list, more;
	uint64_t at, deadline;

	memcg_mount();
	memcg_make(maker);
	memcg_make(asker);
	memcg_enter(maker);
	/* In turn, so that few pages of one follow each other */
	other = sealed_memfd(size);
	between = sealed_memfd(size);
	for (at = 0; at < size; at += PAGE)
		igt_assert(pwrite(other, "", 1, (off_t)at) == 1 &&
			   pwrite(between, "", 1, (off_t)at) == 1);
	dmabuf = __udmabuf(other, 0, size);
	igt_assert_fd(dmabuf);
	memcg_enter(asker);
	made = settled_charge(maker, now_ms() + PATIENCE_MS);
	asked = charge(asker);
	query(phys, dmabuf, &q);
	igt_assert_eq_u64(q.length, size);
	/* Pages that follow each other are one range; all else of a query is little */
	list = (long long)q.nr_frags * 16;
	igt_assert_f(list >= 16384, "memory is not scattered: %lld bytes\n", list);
	deadline = now_ms() + PATIENCE_MS;
	/* What was freed late was not the list's */
	while ((more = charge(maker) - made) <= list / 2 && now_ms() < deadline)
		usleep(100000);
	asked = charge(asker) - asked;
	igt_assert_f(more > list / 2 && asked < list / 2,
		     "a list of %lld bytes: %lld more of who made it, %lld of who asked\n",
		     list, more, asked);
	memcg_enter(MEMCG_ROOT);
	close(dmabuf);
	close(between);
	close(other);
	close(phys);
}

int igt_main()
{
	igt_fixture() {
		module_load("udmabuf");
		scene_open(&scene);
		memfd = sealed_memfd(SIZE);
		mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			   memfd, 0);
		igt_assert(mem != MAP_FAILED);
		fd = __udmabuf(memfd, 0, SIZE);
		igt_assert_f(fd >= 0, "udmabuf: %s\n", strerror(-fd));
	}

	/**
	 * SUBTEST: single-accesses
	 * Description: edu reads and writes the memfd
	 */
	igt_subtest("single-accesses") {
		uint64_t word;

		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
		scene_store(&scene, BASE, mem);
		word = scene_store(&scene, BASE + MiB(3) + PAGE + 8,
				   mem + (MiB(3) + PAGE + 8) / 8);
		igt_assert_eq_u64(scene_load(&scene, BASE + MiB(3) + PAGE + 8),
				  word);
	}

	igt_subtest("bulk") {
		scene_reset_ioas(&scene);
		bulk();
	}

	igt_subtest("slice") {
		scene_reset_ioas(&scene);
		slice();
	}

	igt_subtest("outlives") {
		scene_reset_ioas(&scene);
		outlives();
	}

	igt_subtest("kept") {
		scene_reset_ioas(&scene);
		kept();
	}

	igt_subtest("cpu-access")
		cpu_access();

	igt_subtest("bounced") {
		char cmdline[1024];

		igt_assert_eq(__sysfs_read("/proc/cmdline", cmdline, sizeof(cmdline)), 0);
		igt_require(strstr(cmdline, "swiotlb=force"));
		bounced();
	}

	igt_subtest("charged")
		charged();

	igt_fixture() {
		munmap(mem, SIZE);
		close(fd);
		close(memfd);
		scene_close(&scene);
	}
}
