// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys move
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: move
 * Functionality: moving buffers
 * Description: A buffer migrates between system memory and a BAR, as that of a GPU
 *	does, while devices use it; every byte is compared
 * Test category: functionality test
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>

#include "array.h"
#include "edu.h"
#include "igt_core.h"
#include "iommufd.h"
#include "movable.h"
#include "nvme.h"
#include "pci.h"
#include "ranges.h"
#include "rdma.h"
#include "sg_importer.h"
#include "subtests.h"
#include "sysfs.h"
#include "vtd.h"

#define BASE GiB(4)
#define NR_PAGES 8u
#define SIZE (NR_PAGES * PAGE)
#define MIDDLE (SIZE / 2)
#define SLOW DMA_BUF_MOVABLE_SLOW
#define SLOW_MS DMA_BUF_MOVABLE_SLOW_MS

/* The buffer, and what its bytes should be */
static int movable = -1, dmabuf = -1;
static uint8_t expected[SIZE];

/* Who imports it; an importer at a time has edu */
static int iommufd = -1;
static uint32_t ioas;
static struct edu edu = { .dev.fd = -1 };
static struct nvme nvme = { .dev.fd = -1 };
static int importers[2] = { -1, -1 };
static struct rdma rdma;

static struct mover mover;

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void fill(uint8_t *data, size_t length)
{
	static uint32_t seed = 0x5eed;
	size_t i;

	for (i = 0; i < length; i++)
		data[i] = (uint8_t)next_random(&seed);
}

/* By the CPU, all of it */
static void check(void)
{
	uint8_t data[SIZE];
	size_t i;

	movable_read(movable, 0, data, SIZE);
	if (!memcmp(data, expected, SIZE))
		return;
	for (i = 0; data[i] == expected[i]; i++)
		;
	igt_assert_f(false,
		     "byte 0x%zx of the buffer is 0x%02x instead of 0x%02x\n",
		     i, data[i], expected[i]);
}

/* What a subtest has opened: the last one may have failed */
static void close_all(void)
{
	mover_stop(&mover);
	rdma_close(&rdma);
	close_fd(&importers[0]);
	close_fd(&importers[1]);
	nvme_close(&nvme);
	edu_close(&edu);
	close_fd(&iommufd);
	close_fd(&dmabuf);
	close_fd(&movable);
}

static void start(void)
{
	close_all();
	movable = movable_open();
	dmabuf = movable_create(movable, SIZE);
	fill(expected, SIZE);
	movable_write(movable, 0, expected, SIZE);
}

static void start_iommufd(void)
{
	start();
	iommufd = iommufd_open();
	ioas = ioas_alloc(iommufd);
	edu_open(&edu, iommufd);
	edu_attach(&edu, ioas);
	nvme_open(&nvme, iommufd);
	nvme_attach(&nvme, ioas);
	ioas_map_file(iommufd, ioas, dmabuf, 0, SIZE, BASE);
}

static void start_sg(uint32_t flags0)
{
	int i;

	start();
	sg_bind(pci_env("DMABUF_EDU"));
	for (i = 0; i < 2; i++) {
		importers[i] = sg_open();
		sg_attach(importers[i], dmabuf, i ? 0 : flags0);
	}
}

/**
 * SUBTEST: arguments
 * Description: Every bad argument to the exporter has its errno
 */
static void arguments(void)
{
	static const uint64_t sizes[] = {
		0, PAGE, 2 * PAGE + 1, DMA_BUF_MOVABLE_MAX_SIZE + PAGE,
		UINT64_MAX - PAGE + 1 };
	int other = movable_open(), fd;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		igt_assert_eq(__movable_create(other, sizes[i]), -EINVAL);
	igt_assert_eq(__movable_move(other, 1, 1, 0), -ENXIO);
	fd = movable_create(other, DMA_BUF_MOVABLE_MAX_SIZE);
	igt_assert_eq(__movable_create(other, 2 * PAGE), -EBUSY);
	igt_assert_eq(__movable_move(other, 0, 1, 0), -EINVAL);
	igt_assert_eq(__movable_move(other, MOVABLE_ANYWHERE + 1, 1, 0),
		      -EINVAL);
	igt_assert_eq(__movable_move(other, 1, 0, 0), -EINVAL);
	igt_assert_eq(__movable_move(other, 1, DMA_BUF_MOVABLE_MAX_MOVES + 1,
				     0), -EINVAL);
	igt_assert_eq(__movable_move(other, 1, 1, ~SLOW), -EINVAL);
	movable_move(other, MOVABLE_ANYWHERE, 10, 0);
	close(other);
	close(fd);
}

static bool in_bar(uint32_t placement, unsigned int page)
{
	switch (placement) {
	case DMA_BUF_MOVABLE_SYSTEM:
		return false;
	case DMA_BUF_MOVABLE_BAR:
		return true;
	case DMA_BUF_MOVABLE_BAR_SYSTEM:
		return page < NR_PAGES / 2;
	default:
		return page >= NR_PAGES / 2;
	}
}

/* Where the IOMMU sends edu, page by page; no two are neighbours */
static void check_translation(uint32_t placement)
{
	uint64_t bar, length, last = 0;
	struct vtd_entry entry;
	unsigned int i;

	movable_bar(&bar, &length);
	for (i = 0; i < NR_PAGES; i++) {
		vtd_lookup(edu.dev.addr, BASE + i * PAGE, &entry);
		igt_assert(entry.present && entry.readable && entry.writable);
		igt_assert_eq(entry.paddr >= bar && entry.paddr - bar < length,
			      in_bar(placement, i));
		igt_assert_neq_u64(entry.paddr, last + PAGE);
		last = entry.paddr;
	}
	igt_assert(!vtd_mapped(edu.dev.addr, BASE + SIZE));
}

/**
 * SUBTEST: placements
 * Description: iommufd follows the buffer to every placement and from there to
 *	every other; devices read the bytes that came along and write new ones
 */
static void placements(void)
{
	struct dma_buf_movable_info info;
	uint32_t from, to, round = 0;
	uint8_t data[64];
	size_t i;

	for (from = 0; from < DMA_BUF_MOVABLE_NR_PLACEMENTS; from++) {
		for (to = 0; to < DMA_BUF_MOVABLE_NR_PLACEMENTS; to++) {
			uint64_t disk = SIZE * round++, word;

			movable_move(movable, MOVABLE_TO(from), 1, 0);
			movable_move(movable, MOVABLE_TO(to), 1, 0);
			movable_info(movable, &info);
			igt_assert_eq_u32(info.placement, to);
			igt_assert_eq_u64(info.moves, 2 * round);
			check_translation(to);
			edu_read(&edu, BASE + MIDDLE - 32, data, 64);
			igt_assert(!memcmp(data, expected + MIDDLE - 32, 64));

			nvme_read(&nvme, disk, BASE, SIZE);
			for (i = 0; i < SIZE; i += sizeof(word)) {
				word = NVME_DISK_WORD(disk + i);
				memcpy(expected + i, &word, sizeof(word));
			}
			check();
		}
	}
}

/**
 * SUBTEST: iommufd-waits
 * Description: iommufd maps the new place once the bytes are there
 */
static void iommufd_waits(void)
{
	struct dma_buf_movable_info info;
	uint8_t data[64];
	uint32_t to;

	for (to = 0; to < DMA_BUF_MOVABLE_NR_PLACEMENTS; to++) {
		movable_move(movable, MOVABLE_TO(to), 1, SLOW);
		movable_info(movable, &info);
		igt_assert_eq_u32(info.copying, 0);
		edu_write(&edu, BASE + 100, "written", 8);
		memcpy(expected + 100, "written", 8);
		edu_read(&edu, BASE + MIDDLE - 32, data, 64);
		igt_assert(!memcmp(data, expected + MIDDLE - 32, 64));
		check();
		memset(expected + 100, 0, 8);
		movable_write(movable, 100, expected + 100, 8);
	}
}

/**
 * SUBTEST: map-waits
 * Description: IOMMU_IOAS_MAP_FILE in the middle of a copy returns when the bytes
 *	are there
 */
static void map_waits(void)
{
	unsigned int tries = 0, met = 0;
	struct dma_buf_movable_info info;
	uint8_t data[64];

	/* On a busy machine a copy may be over before it is met */
	while (met < 2 * DMA_BUF_MOVABLE_NR_PLACEMENTS) {
		uint32_t to = tries % DMA_BUF_MOVABLE_NR_PLACEMENTS;

		igt_assert_lt((int)tries++, 1000);
		/* No importer is there, and so nothing waits */
		ioas_unmap(iommufd, ioas, BASE, SIZE);
		igt_assert_eq(__movable_move(movable, MOVABLE_TO(to), 1, SLOW),
			      1);
		movable_info(movable, &info);
		met += info.copying;
		ioas_map_file(iommufd, ioas, dmabuf, 0, SIZE, BASE);
		movable_info(movable, &info);
		igt_assert_eq_u32(info.copying, 0);
		edu_read(&edu, BASE + MIDDLE - 32, data, 64);
		igt_assert(!memcmp(data, expected + MIDDLE - 32, 64));
	}
}

/**
 * SUBTEST: closed
 * Description: The exporter's file is closed while the buffer is mapped
 */
static void closed(void)
{
	igt_assert_eq(__movable_move(movable, MOVABLE_TO(DMA_BUF_MOVABLE_BAR),
				     1, SLOW), 1);
	close_fd(&movable);
	igt_assert(!vtd_mapped(edu.dev.addr, BASE));
	igt_assert_eq(__ioas_map_file(iommufd, ioas, dmabuf, 0, SIZE,
				      BASE + GiB(1)), -ENODEV);
}

/**
 * SUBTEST: unbind
 * Description: The exporter's driver is unbound while the buffer is mapped, and
 *	bound again
 */
static void unbind(void)
{
	igt_assert_eq(__movable_move(movable,
				     MOVABLE_TO(DMA_BUF_MOVABLE_SYSTEM_BAR), 1,
				     SLOW), 1);
	igt_assert_eq(__pci_unbind(pci_env("DMABUF_EXPORTER")), 0);
	igt_assert(!vtd_mapped(edu.dev.addr, BASE));
	igt_assert(!vtd_mapped(edu.dev.addr, BASE + SIZE - PAGE));
	igt_assert_eq(__movable_move(movable, 1, 1, 0), -ENODEV);
	movable_bind();
	igt_assert_eq(__movable_move(movable, 1, 1, 0), -ENODEV);
	start();
	movable_move(movable, MOVABLE_ANYWHERE, 5, 0);
	check();
}

/**
 * SUBTEST: sg-waits
 * Description: A scatterlist importer that maps right after the move waits for the
 *	bytes
 */
static void sg_waits(void)
{
	uint8_t data[512];
	uint64_t begin;
	uint32_t to;
	int ret;

	for (to = 0; to < DMA_BUF_MOVABLE_NR_PLACEMENTS; to++) {
		begin = now_ms();
		movable_move(movable, MOVABLE_TO(to), 1, SLOW);
		ret = __sg_copy(importers[0], MIDDLE - 256, data, 512, false);
		igt_assert_f(!ret, "copy: %s\n", strerror(-ret));
		/* The copy itself takes 200 ms */
		igt_assert_lte_u64(SLOW_MS, now_ms() - begin);
		igt_assert(!memcmp(data, expected + MIDDLE - 256, 512));
	}
}

/**
 * SUBTEST: late-unmap
 * Description: One importer unmaps the old place late while another waits for the
 *	bytes at the new one: neither waits for the other
 */
static void late_unmap(void)
{
	struct dma_buf_edu_info info;
	unsigned int i, late = 0;
	uint32_t invalidations;
	uint8_t data[512];
	uint64_t begin;
	int ret;

	mover_start(&mover, movable, 1);
	for (i = 0; i < 20 && late < 4; i++) {
		igt_assert_eq(__sg_map(importers[0]), 0);
		sg_info(importers[0], &info);
		invalidations = info.invalidations;
		begin = now_ms();
		mover_allow(&mover, 1);
		/* Then the move waits for the first importer, 200 ms */
		do {
			usleep(500);
			sg_info(importers[0], &info);
		} while (info.invalidations == invalidations &&
			 now_ms() - begin < 30000);
		igt_assert_neq_u64(info.invalidations, invalidations);
		late += info.stale;
		ret = __sg_copy(importers[1], MIDDLE - 256, data, 512, false);
		igt_assert_f(!ret, "copy: %s\n", strerror(-ret));
		igt_assert(!memcmp(data, expected + MIDDLE - 256, 512));
		mover_wait(&mover);
		igt_assert_lte_u64(SLOW_MS, now_ms() - begin);
	}
	mover_stop(&mover);
	igt_assert_f(late, "the first importer was never late\n");
}

/**
 * SUBTEST: sg-moves
 * Description: A scatterlist importer copies while the buffer moves 300 times
 */
static int sg_transfer(bool to_buffer, uint64_t at, uint8_t *data,
		       uint32_t length)
{
	return __sg_copy(importers[0], at, data, length, to_buffer);
}

static struct rdma_pair pair;

static int rdma_transfer(bool to_buffer, uint64_t at, uint8_t *data,
			 uint32_t length)
{
	return __rdma_pair_copy(&rdma, &pair, to_buffer, at, data, length);
}

/*
 * Transfers, each of them with so many moves from its beginning on. What is
 * allowed is awaited before the next one: so the moves are spread evenly, and
 * how fast they are does not matter.
 */
static void storm(int (*transfer)(bool to_buffer, uint64_t at, uint8_t *data,
				  uint32_t length),
		  uint32_t max, unsigned int moves, unsigned int each)
{
	unsigned int n, before, overlapped = 0;
	uint8_t data[2 * DMA_BUF_EDU_MAX_COPY];
	uint32_t seed = 7, length;
	uint64_t at;
	int ret;

	igt_assert_lte_u64(max, sizeof(data));
	mover_start(&mover, movable, 100);
	for (n = 0; n * each < moves; n++) {
		bool to_buffer = n % 2;

		length = 1 + next_random(&seed) % max;
		at = next_random(&seed) % (SIZE - length);
		/* Often across the border of system memory and BAR */
		if (n % 4 < 2)
			at = MIDDLE - next_random(&seed) % length;
		if (to_buffer) {
			fill(data, length);
		} else {
			fill(expected + at, length);
			movable_write(movable, at, expected + at, length);
		}

		before = mover_begun(&mover);
		mover_allow(&mover, each);
		ret = transfer(to_buffer, at, data, length);
		if (mover_begun(&mover) > before)
			overlapped++;
		igt_assert_f(!ret, "transfer %u, %u bytes %s 0x%" PRIx64 ": %s\n",
			     n, length, to_buffer ? "to" : "from", at,
			     verbs_wc_name(ret));
		if (to_buffer)
			memcpy(expected + at, data, length);
		else
			igt_assert_f(!memcmp(data, expected + at, length),
				     "transfer %u, from 0x%" PRIx64
				     ": %u bytes differ from those in the buffer\n",
				     n, at, length);
		check();
		mover_wait(&mover);
	}
	mover_stop(&mover);
	check();
	igt_info("%u moves, %u of them waited for the engine; %u transfers, %u with moves\n",
		 mover.done, mover.waited, n, overlapped);
	igt_assert_lte((int)moves, (int)mover.done);
	/* Each transfer lasts longer than the longest pause between two moves */
	igt_assert_lte((int)(n * 9 / 10), (int)overlapped);
	igt_assert_lte((int)(n / 4), (int)mover.waited);
}

/**
 * SUBTEST: rdma-10000
 * Description: RDMA WRITE and READ while the buffer moves 10,000 times
 */
static void rdma_10000(void)
{
	start();
	rdma_bind(pci_env("DMABUF_EDU"));
	rdma_open(&rdma, pci_env("DMABUF_EDU"));
	rdma_pair_open(&rdma, &pair, dmabuf, SIZE);
	storm(rdma_transfer, 3000, 10000, 50);
	rdma_close(&rdma);
	rdma_pair_close(&pair);
}

/**
 * SUBTEST: pinned
 * Description: A region that is pinned works and does not move
 */
static void pinned(void)
{
	uint8_t data[64];

	start();
	rdma_bind(pci_env("DMABUF_EDU"));
	rdma_open(&rdma, pci_env("DMABUF_EDU"));
	rdma_pin(true);
	rdma_pair_open(&rdma, &pair, dmabuf, SIZE);
	igt_assert_eq(__movable_move(movable, MOVABLE_ANYWHERE, 1, 0), -EBUSY);
	igt_assert_eq(rdma_transfer(false, MIDDLE - 32, data, 64), 0);
	igt_assert(!memcmp(data, expected + MIDDLE - 32, 64));
	verbs_dereg_mr(&pair.buffer_mr);
	movable_move(movable, MOVABLE_ANYWHERE, 1, 0);
	check();

	/* A revoke is the end */
	rdma_reg_dmabuf(&rdma, dmabuf, 0, SIZE, &pair.buffer_mr);
	rdma_pin(false);
	close_fd(&movable);
	igt_assert_eq(rdma_transfer(false, 0, data, 64),
		      IBV_WC_REM_ACCESS_ERR);
	verbs_dereg_mr(&pair.buffer_mr);
	rdma_close(&rdma);
	rdma_pair_close(&pair);
}

struct pin_mover {
	bool stop;
	unsigned int moved;
	int error;
};

static void *pin_mover_thread(void *arg)
{
	struct pin_mover *pm = arg;

	while (!__atomic_load_n(&pm->stop, __ATOMIC_ACQUIRE)) {
		int ret = __movable_move(movable, MOVABLE_ANYWHERE, 1, 0);

		if (ret == 1)
			__atomic_add_fetch(&pm->moved, 1, __ATOMIC_ACQ_REL);
		else if (ret != -EBUSY && !pm->error)
			pm->error = ret ? ret : -EINTR;
	}
	return NULL;
}

/**
 * SUBTEST: pinned-while-moving
 * Description: A region can be registered pinned however often the buffer moves
 *	meanwhile, and leaves no pin behind; a move between its attachment and its
 *	pin does not disturb it
 */
static void pinned_while_moving(void)
{
	const uint64_t deadline = now_ms() + 120000;
	struct pin_mover pm = { .stop = false };
	unsigned int regs = 0, moved = 0;
	struct verbs_mr mr;
	pthread_t thread;
	int ret = 0;

	rdma_require_lists();
	start();
	rdma_bind(pci_env("DMABUF_EDU"));
	rdma_open(&rdma, pci_env("DMABUF_EDU"));
	rdma_pin(true);
	igt_assert(!pthread_create(&thread, NULL, pin_mover_thread, &pm));
	while (!ret && (regs < 500 || moved < 50) && now_ms() < deadline) {
		ret = __rdma_reg_dmabuf(&rdma, dmabuf, 0, SIZE, &mr);
		if (!ret)
			ret = __verbs_dereg_mr(&mr);
		regs += !ret;
		moved = __atomic_load_n(&pm.moved, __ATOMIC_ACQUIRE);
	}
	__atomic_store_n(&pm.stop, true, __ATOMIC_RELEASE);
	igt_assert(!pthread_join(thread, NULL));
	rdma_pin(false);
	igt_info("%u registrations, %u moves\n", regs, moved);
	igt_assert_f(!ret, "registration %u: %s\n", regs, strerror(-ret));
	igt_assert_f(!pm.error, "a move: %s\n", strerror(-pm.error));
	igt_assert_lt(0, (int)moved);
	movable_move(movable, MOVABLE_ANYWHERE, 4, 0);
	check();
	rdma_close(&rdma);
}

int igt_main()
{
	igt_fixture()
		movable_bind();

	igt_subtest("arguments")
		arguments();

	igt_subtest("placements") {
		start_iommufd();
		placements();
	}

	igt_subtest("iommufd-waits") {
		start_iommufd();
		iommufd_waits();
	}

	igt_subtest("map-waits") {
		start_iommufd();
		map_waits();
	}

	igt_subtest("closed") {
		start_iommufd();
		closed();
	}

	igt_subtest("unbind") {
		start_iommufd();
		unbind();
	}

	igt_subtest("sg-waits") {
		start_sg(0);
		sg_waits();
	}

	igt_subtest("late-unmap") {
		start_sg(DMA_BUF_EDU_LATE_UNMAP);
		late_unmap();
	}

	igt_subtest("sg-moves") {
		start_sg(0);
		storm(sg_transfer, DMA_BUF_EDU_MAX_COPY, 300, 10);
	}

	igt_subtest("pinned")
		pinned();

	igt_subtest("pinned-while-moving")
		pinned_while_moving();

	igt_subtest("rdma-10000")
		rdma_10000();

	igt_fixture()
		close_all();
}
