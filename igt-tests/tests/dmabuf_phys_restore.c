// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys restore
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Functionality: restore
 * Description: What a restore costs, whom, and what happens if it fails: iommufd maps
 *	again by itself, at the expense of the program that asked for the mapping
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "memcg.h"
#include "query.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"
#include "throttled.h"
#include "vtd.h"

/* Off by a page from what it maps: small I/O pages only, one table per 2 MiB */
#define MAPPED MiB(256)
#define TABLES (MAPPED / MiB(2))
#define AT(i) (BASE + PAGE + GiB(i))

static struct scene scene;
static int phys = -1, fd = -1;
static const char *edu, *nvme;

static const char importer[] = MEMCG_ROOT "/importer";
static const char exporter[] = MEMCG_ROOT "/exporter";
static const char *const payers[] = { MEMCG_ROOT "/payer0", MEMCG_ROOT "/payer1" };

/* The kernel sums its counters up every 2 s */
static void wait_tables(const char *cgroup, uint64_t least, uint64_t most)
{
	uint64_t deadline = now_ms() + 20000, bytes;

	while ((bytes = memcg_tables(cgroup)) < least || bytes > most) {
		igt_assert_f(now_ms() < deadline,
			     "%s pays for %" PRIu64 " bytes of tables, not %" PRIu64 " to %" PRIu64 "\n",
			     cgroup, bytes, least, most);
		usleep(100000);
	}
}

static void memory_on(void)
{
	igt_assert_eq(__vfio_memory_enable(&scene.shm, true), 0);
}

/*
 * How much of a mapping there is: none, all, or -1 for what a try leaves that is under
 * way: a part, or tables that are being freed while they are walked
 */
static int look(const char *addr, uint64_t iova, uint64_t length)
{
	const uint64_t at[] = { 0, length / 2, length - PAGE };
	struct vtd_entry first, entry;
	size_t i;

	if (__vtd_lookup(addr, iova, &first))
		return -1;
	for (i = 1; i < ARRAY_SIZE(at); i++) {
		if (__vtd_lookup(addr, iova + at[i], &entry) ||
		    entry.present != first.present ||
		    (first.present && entry.paddr != first.paddr + at[i]))
			return -1;
	}
	return first.present;
}

/* All of a mapping or nothing of it, and to the right place, once no try is under way */
static bool mapped(const char *addr, uint64_t iova, uint64_t length)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	struct vtd_entry entry;
	int there;

	while ((there = look(addr, iova, length)) < 0) {
		if (now_ms() >= deadline) {
			/* Unless it is the walk that fails, which this tells */
			vtd_lookup(addr, iova, &entry);
			igt_assert_f(false,
				     "%s: a part of a mapping stays, or one to the wrong place\n",
				     addr);
		}
		usleep(10000);
	}
	return there;
}

static void begin(void)
{
	memcg_enter(MEMCG_ROOT);
	memcg_no_limit(importer);
	scene_reset_ioas(&scene);
	close_fd(&fd);
	vfio_memory_enable(&scene.shm, true);
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, MAPPED);
}

/* On account of the importer */
static void map_as_importer(uint32_t ioas, uint64_t start, uint64_t length,
			    uint64_t iova)
{
	memcg_enter(importer);
	ioas_map_file(scene.iommufd, ioas, fd, start, length, iova);
	memcg_enter(MEMCG_ROOT);
}

/**
 * SUBTEST: who-pays
 * Description: Page tables are charged to the cgroup that called
 *	IOMMU_IOAS_MAP_FILE, at first and after a restore, and never to that of the
 *	exporter
 */
static void who_pays(void)
{
	map_as_importer(scene.ioas, 0, MAPPED, AT(0));
	wait_tables(importer, TABLES * PAGE, UINT64_MAX);

	memcg_enter(exporter);
	vfio_memory_enable(&scene.shm, false);
	wait_tables(importer, 0, TABLES * PAGE / 4);
	vfio_memory_enable(&scene.shm, true);
	memcg_enter(MEMCG_ROOT);
	igt_assert(mapped(edu, AT(0), MAPPED));
	wait_tables(importer, TABLES * PAGE, UINT64_MAX);
	igt_assert_eq_u64(memcg_tables(exporter), 0);
}

/* What is free only after a grace period has its time */
static void wait_dying(uint64_t nr, const char *behind)
{
	uint64_t deadline = now_ms() + PATIENCE_MS, left;

	while ((left = memcg_dying()) > nr && now_ms() < deadline)
		usleep(50000);
	igt_assert_f(left <= nr, "%s: %" PRIu64 " removed cgroups are left instead of %" PRIu64 "\n",
		     behind, left, nr);
}

/**
 * SUBTEST: payer-goes
 * Description: The cgroup that exported a BAR, or mapped it, or could not, is removed: it
 *	stays as long as it pays for something, and no longer
 */
static void payer_goes(void)
{
	const uint64_t before = memcg_dying();
	unsigned int i;

	close_fd(&fd);
	for (i = 0; i < 2; i++)
		memcg_make(payers[i]);
	memcg_enter(payers[0]);
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, MAPPED);
	memcg_enter(payers[1]);
	vfio_memory_enable(&scene.shm, false);
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 0, PAGE, AT(0)), -ENODEV);
	vfio_memory_enable(&scene.shm, true);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, MAPPED, AT(0));
	memcg_enter(MEMCG_ROOT);
	for (i = 0; i < 2; i++)
		memcg_remove(payers[i]);
	igt_assert_eq_u64(memcg_dying(), before + 2);

	ioas_unmap(scene.iommufd, scene.ioas, AT(0), MAPPED);
	wait_dying(before + 1, "unmapped");
	close_fd(&fd);
	wait_dying(before, "closed");
}

/**
 * SUBTEST: failure
 * Description: Two mappings of one dma-buf in two page tables, with less memory
 *	than the tables take, a little more each time: each mapping is there or not,
 *	whole, the query says that one importer failed, and with enough memory all
 *	are there
 */
static void failure(void)
{
	uint32_t ioas = ioas_alloc(scene.iommufd), a, b, failed;
	unsigned int tries = 0, partly = 0;
	uint64_t more = 0;

	igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.edu.dev.devid, ioas,
				   &a), 0);
	igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.nvme.dev.devid, ioas,
				   &b), 0);
	vfio_attach(&scene.edu.dev, a);
	vfio_attach(&scene.nvme.dev, b);
	map_as_importer(ioas, 0, MAPPED, AT(0));
	/* Of the same iopt_pages */
	igt_assert_eq(__ioas_copy(scene.iommufd, ioas, AT(1), ioas, AT(0),
				  MAPPED), 0);

	do {
		int there;

		vfio_memory_enable(&scene.shm, false);
		igt_assert(!mapped(edu, AT(0), MAPPED) &&
			   !mapped(edu, AT(1), MAPPED) &&
			   !mapped(nvme, AT(0), MAPPED) &&
			   !mapped(nvme, AT(1), MAPPED));
		memcg_limit(importer, more);
		memory_on();
		failed = query_wait_try(phys, fd);
		there = mapped(edu, AT(0), MAPPED) +
			mapped(edu, AT(1), MAPPED) +
			mapped(nvme, AT(0), MAPPED) +
			mapped(nvme, AT(1), MAPPED);
		if (failed) {
			igt_assert_eq_u32(failed, 1);
			partly += there != 0;
		} else {
			igt_assert_eq(there, 4);
		}
		memcg_no_limit(importer);
		more += 61 * PAGE;
		tries++;
	} while (failed);
	igt_info("%u restores failed, %u of them with some of 4 mappings made\n",
		 tries - 1, partly);
	igt_assert_lt(1, (int)tries);
	igt_assert_lt(0, (int)partly);

	vfio_attach(&scene.edu.dev, scene.ioas);
	vfio_attach(&scene.nvme.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, a);
	iommufd_destroy(scene.iommufd, b);
	iommufd_destroy(scene.iommufd, ioas);
}

static void fail_restore(void)
{
	map_as_importer(scene.ioas, 0, MAPPED, AT(0));
	vfio_memory_enable(&scene.shm, false);
	memcg_limit(importer, 0);
	memory_on();
	igt_assert_eq_u32(query_wait_try(phys, fd), 1);
}

/**
 * SUBTEST: retry
 * Description: A failed restore wakes watchers, and is retried once memory is
 *	available, which wakes them again
 */
static void retry(void)
{
	struct dma_buf_phys_watch_event event;
	int watcher = watch(phys, fd, O_NONBLOCK);

	fail_restore();
	igt_assert(watch_poll(watcher, 0) & POLLIN);
	watch_read(watcher, &event);
	igt_assert_eq_u32(event.nr_behind, 1);

	memcg_no_limit(importer);
	igt_assert(watch_poll(watcher, 30000) & POLLIN);
	watch_read(watcher, &event);
	igt_assert_eq_u32(event.nr_behind, 0);
	igt_assert_eq_u32(query_wait_try(phys, fd), 0);
	igt_assert(mapped(edu, AT(0), MAPPED));
	scene_store(&scene, AT(0) + MiB(100), scene.bar + MiB(100));
	close(watcher);
}

/**
 * SUBTEST: no-hole
 * Description: While a restore has failed for want of memory, a copy of the mapping
 *	and another page table for it, charged to others, are complete
 */
static void no_hole(void)
{
	uint32_t hwpt;

	fail_restore();
	/* Paid for by somebody else, who has enough */
	igt_assert_eq(__ioas_copy(scene.iommufd, scene.ioas, AT(1), scene.ioas,
				  AT(0), MAPPED), 0);
	igt_assert(mapped(edu, AT(1), MAPPED));
	igt_assert_eq(__hwpt_alloc(scene.iommufd, scene.edu.dev.devid,
				   scene.ioas, &hwpt), 0);
	vfio_attach(&scene.edu.dev, hwpt);
	igt_assert(mapped(edu, AT(0), MAPPED));
	igt_assert(mapped(edu, AT(1), MAPPED));
	scene_store(&scene, AT(0) + MiB(200), scene.bar + MiB(200));

	memcg_no_limit(importer);
	vfio_attach(&scene.edu.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, hwpt);
	wait_restored();
	igt_assert(mapped(edu, AT(0), MAPPED));
}

static uint64_t restore_ms(void)
{
	uint64_t start = now_ms();

	vfio_memory_enable(&scene.shm, true);
	return now_ms() - start;
}

/**
 * SUBTEST: interrupted
 * Description: A revoke in the middle of a restore that maps 65,536 small pages one
 *	by one, in eight places, does not wait for the rest of them
 */
static void interrupted(void)
{
	uint32_t ioas = ioas_alloc(scene.iommufd);
	uint64_t whole, start, took, best = UINT64_MAX;
	unsigned int i, met = 0;

	igt_assert_eq(__ioas_set_huge_pages(scene.iommufd, ioas, false), 0);
	edu_attach(&scene.edu, ioas);
	ioas_map_file(scene.iommufd, ioas, fd, 0, MAPPED, AT(0));
	/* So long that what a revoke takes in any case is little beside it */
	for (i = 1; i < 8; i++)
		igt_assert_eq(__ioas_copy(scene.iommufd, ioas, AT(i), ioas, AT(0),
					  MAPPED), 0);
	vfio_memory_enable(&scene.shm, false);
	whole = restore_ms();

	for (i = 0; i < 20 && met < 3; i++) {
		vfio_memory_enable(&scene.shm, false);
		memory_on();
		while (!vtd_mapped(edu, AT(0)))
			;
		start = now_ms();
		vfio_memory_enable(&scene.shm, false);
		took = now_ms() - start;
		igt_assert(!vtd_mapped(edu, AT(0)));
		igt_assert(!vtd_mapped(edu, AT(0) + MAPPED - PAGE));
		if (took < best)
			best = took;
		met++;
	}
	igt_info("all of it is mapped in %" PRIu64 " ms, a revoke in between took %" PRIu64 " ms\n",
		 whole, best);
	igt_assert_lte_u64(best * 4, whole);

	vfio_memory_enable(&scene.shm, true);
	igt_assert(mapped(edu, AT(0), MAPPED));
	vfio_attach(&scene.edu.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, ioas);
}

#define SLOW_MAPPED MiB(512)

static int map_slowly(int dmabuf)
{
	return __ioas_map_file(scene.iommufd, scene.ioas, dmabuf, 0, SLOW_MAPPED, AT(0));
}

/**
 * SUBTEST: slow-charge
 * Description: A program over its memory cgroup limit is throttled while it maps
 *	131,072 small pages: a revoke meanwhile is not
 */
static void slow_charge(void)
{
	uint64_t deadline;
	pid_t child;

	close(fd);
	fd = vfio_dmabuf_one(&scene.shm, SHM_BAR, 0, SLOW_MAPPED);
	child = throttled_start(map_slowly, fd);
	deadline = now_ms() + PATIENCE_MS;
	while (!vtd_mapped(edu, AT(0)) && now_ms() < deadline)
		;
	throttled_revoke(child, &scene.shm);
	igt_assert(!vtd_mapped(edu, AT(0)));
}

#define ANON MiB(16)

/**
 * SUBTEST: reclaim
 * Description: A cgroup at its limit, most of whose memory can be reclaimed: page
 *	tables for a mapping and for a restore reclaim what they need
 */
static void reclaim(void)
{
	void *anon;
	int ret;

	memcg_enter(importer);
	anon = mmap(NULL, ANON, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	igt_assert(anon != MAP_FAILED);
	igt_assert_eq(madvise(anon, ANON, MADV_FREE), 0);
	memcg_limit(importer, 0);
	ret = __ioas_map_file(scene.iommufd, scene.ioas, fd, 0, MAPPED, AT(0));
	memcg_enter(MEMCG_ROOT);
	igt_assert_eq(ret, 0);
	igt_assert(mapped(edu, AT(0), MAPPED));

	vfio_memory_enable(&scene.shm, false);
	memcg_limit(importer, 0);
	memory_on();
	igt_assert_eq_u32(query_wait_try(phys, fd), 0);
	igt_assert(mapped(edu, AT(0), MAPPED));
	munmap(anon, ANON);
}

#define IMPORTERS 1000u
#define EACH MiB(1)

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * What a restore takes of the exporter's time; other work on the machine that emulates
 * the CPU only adds to it, so the least of several counts.
 */
static uint64_t restore_ns(uint64_t enough)
{
	uint64_t best = UINT64_MAX, start, took;
	unsigned int i;

	for (i = 0; i < 30 && best > enough; i++) {
		vfio_memory_enable(&scene.shm, false);
		start = cpu_ns();
		memory_on();
		took = cpu_ns() - start;
		if (took < best)
			best = took;
		wait_restored();
	}
	return best;
}

/**
 * SUBTEST: importers
 * Description: With 1,000 mappings of 256 small pages, a restore costs the exporter a
 *	fraction of what it costs to map them
 */
static void importers(void)
{
	uint64_t start, map, restore;
	unsigned int i;

	start = cpu_ns();
	for (i = 0; i < IMPORTERS; i++)
		ioas_map_file(scene.iommufd, scene.ioas, fd, 0, EACH,
			      AT(0) + i * 2 * EACH);
	map = cpu_ns() - start;
	restore = restore_ns(map / 4);
	igt_info("of %u importers each takes %" PRIu64 " ns to map, %" PRIu64 " ns of the exporter to restore\n",
		 IMPORTERS, map / IMPORTERS, restore / IMPORTERS);
	igt_assert_lte_u64(restore, map / 4);
	for (i = 0; i < IMPORTERS; i += 111)
		igt_assert(mapped(edu, AT(0) + i * 2 * EACH, EACH));
	ioas_unmap(scene.iommufd, scene.ioas, AT(0), IMPORTERS * 2 * EACH);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "who-pays", who_pays },
		{ "payer-goes", payer_goes },
		{ "failure", failure },
		{ "retry", retry },
		{ "no-hole", no_hole },
		{ "interrupted", interrupted },
		{ "slow-charge", slow_charge },
		{ "reclaim", reclaim },
		{ "importers", importers },
	};

	igt_fixture() {
		scene_open(&scene);
		edu = scene.edu.dev.addr;
		nvme = scene.nvme.dev.addr;
		phys = query_open();
		memcg_mount();
		memcg_make(importer);
		memcg_make(exporter);
	}

	subtests(tests, begin, NULL);

	igt_fixture() {
		memcg_enter(MEMCG_ROOT);
		close_fd(&fd);
		close_fd(&phys);
		scene_close(&scene);
	}
}
