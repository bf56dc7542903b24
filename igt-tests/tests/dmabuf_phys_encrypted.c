// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys encrypted
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: memory the host does not touch
 * Functionality: export without host access
 * Description: With VFIO_DMA_BUF_NO_HOST_ACCESS, VFIO closes every way of its own
 *	to the ranges while the dma-buf exists
 * Test category: functionality test
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "memory.h"
#include "pci.h"
#include "subtests.h"
#include "sweep.h"
#include "sysfs.h"

/* What most subtests export, with room on both sides */
#define AT MiB(4)
#define LENGTH MiB(2)

static int iommufd = -1;
static uint32_t ioas;
static struct vfio_device shm = { .fd = -1 }, nvme1 = { .fd = -1 };

/**
 * SUBTEST: flags
 * Description: The flag works alone and with device offsets; the same byte twice,
 *	and undefined flags are refused
 */
static void flags(void)
{
	const struct vfio_region_dma_range twice[] = {
		{ AT, 2 * PAGE }, { AT + PAGE, PAGE },
	};
	struct vfio_region_dma_range range = {
		shm.region[SHM_BAR].offset + AT, LENGTH
	};
	uint32_t bit;
	int fd;

	fd = export_one(&shm, NO_HOST, AT, LENGTH);
	igt_assert_eq_u64((uint64_t)lseek(fd, 0, SEEK_END), LENGTH);
	igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) ==
		   MAP_FAILED);
	close(fd);

	fd = __export_ranges(&shm, NO_HOST | VFIO_DMA_BUF_DEVICE_OFFSETS, 0,
			     &range, 1);
	igt_assert_fd(fd);
	expect_closed(&shm, AT);
	close(fd);
	igt_assert_eq(__export_ranges(&shm,
				      NO_HOST | VFIO_DMA_BUF_DEVICE_OFFSETS,
				      SHM_BAR, &range, 1), -EINVAL);
	for (bit = 3; bit < 32; bit++)
		igt_assert_eq(try_export(&shm, NO_HOST | 1u << bit, AT, LENGTH),
			      -EINVAL);
	igt_assert_eq(__export_ranges(&shm, NO_HOST, SHM_BAR, twice, 2), -EINVAL);
	expect_open(&shm, AT);
}

/**
 * SUBTEST: msix-table
 * Description: The page of an MSI-X table, which the kernel writes, is refused
 */
static void msix_table(void)
{
	struct vfio_region_dma_range range = { 0, PAGE };
	int cap = __vfio_find_cap(&nvme1, 0x11), fd;
	uint32_t table;

	igt_assert_lt(0, cap);
	igt_assert_eq(__vfio_config_read(&nvme1, (unsigned int)cap + 4, 4,
					 &table), 0);
	range.offset = table & ~(uint64_t)(PAGE - 1);
	igt_assert_eq(__export_ranges(&nvme1, NO_HOST, table & 7, &range, 1),
		      -EBUSY);
	fd = __export_ranges(&nvme1, 0, table & 7, &range, 1);
	igt_assert_fd(fd);
	close(fd);
}

/**
 * SUBTEST: many-ranges
 * Description: 65,536 ranges: each is closed, each gap is open, and all are free
 *	again
 */
static void many_ranges(void)
{
	const size_t nr = 65536;
	struct vfio_region_dma_range *ranges = ranges_scattered(nr, 0, PAGE);
	int fd = __export_ranges(&shm, NO_HOST, SHM_BAR, ranges, nr);
	size_t i;

	igt_assert_fd(fd);
	for (i = 0; i < nr; i += 4099) {
		expect_closed(&shm, ranges[i].offset);
		expect_open(&shm, ranges[i].offset + PAGE);
	}
	igt_assert_eq(try_map(&shm, 0, shm.region[SHM_BAR].size), -EBUSY);
	close(fd);
	for (i = 0; i < nr; i += 4099)
		expect_open(&shm, ranges[i].offset);
	igt_assert_eq(try_map(&shm, 0, shm.region[SHM_BAR].size), 0);
	free(ranges);
}

/**
 * SUBTEST: used-before
 * Description: An export is refused while any process maps its ranges or has an
 *	ioeventfd there; use of what lies beside them does not matter
 */
static void used_before(void)
{
	uint8_t *map = host_map(&shm, AT - PAGE, LENGTH + 2 * PAGE);
	int fd, pipes[2], child;

	igt_assert(map);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT + LENGTH, PAGE), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT + LENGTH + PAGE, PAGE), 0);
	igt_assert_eq(try_export(&shm, 0, AT, LENGTH), 0);

	/* A hole in the mapping is free, its edges are not */
	igt_assert_eq(munmap(map + PAGE, LENGTH), 0);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), 0);
	igt_assert_eq(try_export(&shm, NO_HOST, AT - PAGE, LENGTH), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT + PAGE, LENGTH), -EBUSY);
	fd = export_one(&shm, NO_HOST, AT, LENGTH);
	map[0] = 1;
	map[LENGTH + PAGE] = 1;
	close(fd);
	munmap(map, PAGE);
	munmap(map + LENGTH + PAGE, PAGE);

	/* Another process has it, untouched, when we have it no more */
	map = host_map(&shm, AT, PAGE);
	igt_assert(map);
	igt_assert_eq(pipe(pipes), 0);
	child = fork();
	igt_assert(child >= 0);
	if (!child) {
		char c;

		close(pipes[1]);
		_exit(read(pipes[0], &c, 1) < 0);
	}
	close(pipes[0]);
	munmap(map, PAGE);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), -EBUSY);
	close(pipes[1]);
	igt_assert_eq(waitpid(child, NULL, 0), child);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), 0);

	fd = eventfd(0, EFD_CLOEXEC);
	igt_assert_fd(fd);
	igt_assert_eq(__ioeventfd(&shm, AT + LENGTH - 4, fd), 0);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH - PAGE), 0);
	igt_assert_eq(__ioeventfd(&shm, AT + LENGTH - 4, -1), 0);
	close(fd);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), 0);
}

/**
 * SUBTEST: closed
 * Description: mmap, read, write and ioeventfds are refused inside and across the
 *	borders, work beside them, and work everywhere once the dma-buf is gone
 */
static void closed(void)
{
	uint64_t size = shm.region[SHM_BAR].size;
	uint32_t id = 0;
	int fd;

	fd = export_one(&shm, NO_HOST, AT, LENGTH);
	expect_closed(&shm, AT);
	expect_closed(&shm, AT + LENGTH / 2);
	expect_closed(&shm, AT + LENGTH - PAGE);
	expect_open(&shm, AT - PAGE);
	expect_open(&shm, AT + LENGTH);
	expect_open(&shm, 0);
	expect_open(&shm, size - PAGE);

	igt_assert_eq(try_map(&shm, AT - PAGE, 2 * PAGE), -EBUSY);
	igt_assert_eq(try_map(&shm, AT + LENGTH - PAGE, 2 * PAGE), -EBUSY);
	igt_assert_eq(try_map(&shm, 0, size), -EBUSY);
	igt_assert_eq(try_map(&shm, 0, AT), 0);
	igt_assert_eq(try_map(&shm, AT + LENGTH, size - AT - LENGTH), 0);
	igt_assert_eq(try_rw(&shm, AT - 8, 16), -EBUSY);
	igt_assert_eq(try_rw(&shm, AT + LENGTH - 8, 16), -EBUSY);

	igt_assert_eq(__vfio_config_read(&shm, 0, 4, &id), 0);
	igt_assert_eq_u32(id & 0xffff, 0x1af4);
	close(fd);
	expect_open(&shm, AT);
	expect_open(&shm, AT + LENGTH - PAGE);
	igt_assert_eq(try_map(&shm, 0, size), 0);
}

/**
 * SUBTEST: overlap
 * Description: Nothing overlaps such a dma-buf, of either kind, until the last
 *	reference to it is dropped
 */
static void overlap(void)
{
	int fd, other;

	fd = export_one(&shm, NO_HOST, AT, LENGTH);
	igt_assert_eq(try_export(&shm, 0, AT, PAGE), -EBUSY);
	igt_assert_eq(try_export(&shm, 0, AT - PAGE, 2 * PAGE), -EBUSY);
	igt_assert_eq(try_export(&shm, 0, 0, shm.region[SHM_BAR].size), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT + LENGTH - PAGE, PAGE), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), -EBUSY);
	igt_assert_eq(try_export(&shm, 0, AT - PAGE, PAGE), 0);
	igt_assert_eq(try_export(&shm, NO_HOST, AT + LENGTH, PAGE), 0);

	/* A mapping is a reference, too */
	ioas_map_file(iommufd, ioas, fd, 0, LENGTH, BASE);
	other = dup(fd);
	close(fd);
	expect_closed(&shm, AT);
	close(other);
	expect_closed(&shm, AT);
	ioas_unmap(iommufd, ioas, BASE, LENGTH);
	expect_open(&shm, AT);

	other = export_one(&shm, 0, AT, PAGE);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT + PAGE, LENGTH), 0);
	close(other);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), 0);
}

#define RACE_MS 3000
/* How often each outcome must have come before it is a race, however long it takes */
#define RACE_ENOUGH 20

/* Odd while the dma-buf exists for sure */
static uint64_t exported;
static bool race_over;
static unsigned int race_exports;
static int race_error;
static sigjmp_buf on_sigbus;

static void sigbus(int signal)
{
	siglongjmp(on_sigbus, signal);
}

static void *race_exporter(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&race_over, __ATOMIC_ACQUIRE)) {
		int fd = __export_one(&shm, NO_HOST, AT, PAGE);

		if (fd == -EBUSY)
			continue;
		/* No assertions here: they are the main thread's */
		if (fd < 0) {
			__atomic_store_n(&race_error, fd, __ATOMIC_RELEASE);
			break;
		}
		__atomic_add_fetch(&exported, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&race_exports, 1, __ATOMIC_RELAXED);
		sched_yield();
		__atomic_add_fetch(&exported, 1, __ATOMIC_SEQ_CST);
		close(fd);
	}
	return NULL;
}

/* A fault that is refused, of a mapping that the export did not see yet, is rare */
static bool race_enough(unsigned int refused, unsigned int touched, unsigned int faults)
{
	return refused >= RACE_ENOUGH && touched >= RACE_ENOUGH && faults &&
	       __atomic_load_n(&race_exports, __ATOMIC_RELAXED) >= RACE_ENOUGH;
}

/**
 * SUBTEST: race
 * Description: Mapping and touching against exporting: an access either succeeds
 *	while no such dma-buf covers the page, or gets SIGBUS
 */
static void race(void)
{
	struct sigaction act = { .sa_handler = sigbus }, old;
	/* Kept over siglongjmp() */
	static unsigned int refused, touched, faults;
	static volatile uint8_t *map;
	static uint64_t before, least, most;
	pthread_t thread;

	race_exports = refused = touched = faults = 0;
	race_over = false;
	race_error = 0;
	least = now_ms() + RACE_MS;
	most = now_ms() + PATIENCE_MS;
	igt_assert_eq(sigaction(SIGBUS, &act, &old), 0);
	igt_assert_eq(pthread_create(&thread, NULL, race_exporter, NULL), 0);
	while (!__atomic_load_n(&race_error, __ATOMIC_ACQUIRE) &&
	       (now_ms() < least ||
		(now_ms() < most && !race_enough(refused, touched, faults)))) {
		map = host_map(&shm, AT, PAGE);
		if (!map) {
			igt_assert_eq(errno, EBUSY);
			refused++;
			sched_yield();
			continue;
		}
		before = __atomic_load_n(&exported, __ATOMIC_SEQ_CST);
		if (!sigsetjmp(on_sigbus, 1)) {
			*map = 0x77;
			igt_assert_f(!(before & 1) ||
				     before != __atomic_load_n(&exported,
							       __ATOMIC_SEQ_CST),
				     "touched a page that was exported\n");
			touched++;
		} else {
			faults++;
		}
		munmap((void *)map, PAGE);
		sched_yield();
	}
	__atomic_store_n(&race_over, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	sigaction(SIGBUS, &old, NULL);
	igt_info("%u exports; %u times mmap refused, %u touched, %u SIGBUS\n",
		 race_exports, refused, touched, faults);
	igt_assert_f(!race_error, "the exporting thread: %s\n",
		     strerror(-race_error));
	igt_assert(race_enough(refused, touched, faults));
	expect_open(&shm, AT);
}

static int fail_go(void)
{
	const struct vfio_region_dma_range ranges[] = {
		{ AT, PAGE }, { AT + 2 * PAGE, PAGE }, { AT + MiB(1), PAGE },
	};

	return __export_ranges(&shm, NO_HOST, SHM_BAR, ranges, 3);
}

static void fail_undo(int fd)
{
	expect_closed(&shm, AT + 2 * PAGE);
	close(fd);
	expect_open(&shm, AT + 2 * PAGE);
}

static void fail_failed(void)
{
	expect_open(&shm, AT);
	expect_open(&shm, AT + 2 * PAGE);
	expect_open(&shm, AT + MiB(1));
}

/**
 * SUBTEST: fail
 * Description: Export with one allocation after the other failing; a failed export
 *	closes nothing
 */
static void fail(void)
{
	sweep_require();
	sweep_over(&(struct sweep_op) {
		.go = fail_go, .undo = fail_undo, .failed = fail_failed });
}

/* What a subtest that failed has left does not matter to the next */
static void start_over(void)
{
	__iommufd_destroy(iommufd, ioas);
	ioas = ioas_alloc(iommufd);
	vfio_memory_enable(&shm, true);
}

/* No subtest leaves a dma-buf */
static unsigned int dmabufs;

static void expect_all_gone(void)
{
	dmabuf_expect_count(dmabufs);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "flags", flags },
		{ "msix-table", msix_table },
		{ "many-ranges", many_ranges },
		{ "used-before", used_before },
		{ "closed", closed },
		{ "overlap", overlap },
		{ "race", race },
		{ "fail", fail },
	};

	igt_fixture() {
		iommufd = iommufd_open();
		ioas = ioas_alloc(iommufd);
		vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
		dmabufs = dmabuf_count();
	}

	subtests(tests, start_over, expect_all_gone);

	igt_fixture() {
		vfio_close(&nvme1);
		vfio_close(&shm);
		close(iommufd);
	}
}
