// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys noiommu
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: iommufd importer
 * Functionality: devices without translation
 * Description: Devices that use physical addresses, as VFIO's no-IOMMU mode has them,
 *	and a buffer that moves
 * Test category: functionality test
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "edu.h"
#include "igt_core.h"
#include "iommufd.h"
#include "memcg.h"
#include "movable.h"
#include "query.h"
#include "ranges.h"
#include "subtests.h"
#include "sysfs.h"
#include "vfio.h"

/* A table of small pages, which goes when they are unmapped */
#define SIZE MiB(2)
#define IOVA GiB(4)

static int iommufd = -1, movable = -1, dmabuf = -1;
static uint32_t ioas;
static struct edu edu = { .dev.fd = -1 };

static void close_all(void)
{
	edu_close(&edu);
	close_fd(&iommufd);
	close_fd(&dmabuf);
	close_fd(&movable);
}

static void begin(void)
{
	close_all();
	iommufd = iommufd_open();
	ioas = ioas_alloc(iommufd);
	igt_assert_eq(__ioas_set_huge_pages(iommufd, ioas, false), 0);
	edu_open(&edu, iommufd);
	edu_attach(&edu, ioas);
	movable = movable_open();
	dmabuf = movable_create(movable, SIZE);
	ioas_map_file(iommufd, ioas, dmabuf, 0, SIZE, IOVA);
}

static uint64_t address(uint64_t iova)
{
	uint64_t pa = 0;
	int ret = __ioas_get_pa(iommufd, ioas, iova, &pa);

	igt_assert_f(!ret, "IOMMU_IOAS_NOIOMMU_GET_PA: %s\n", strerror(-ret));
	return pa;
}

static int move(void)
{
	return __movable_move(movable, MOVABLE_ANYWHERE, 1, 0);
}

/**
 * SUBTEST: pinned
 * Description: A buffer moves until the first time that a physical address in it is
 *	asked for, which is that of the new place at once, and not again before it
 *	is unmapped everywhere: the device writes to it and not to what else is
 *	there
 */
static void pinned(void)
{
	static const char sent[8] = "to edu";
	char received[sizeof(sent)];
	uint64_t pa;

	igt_assert_eq(move(), 1);
	pa = address(IOVA);
	igt_assert_eq(move(), -EBUSY);
	igt_assert_eq_u64(address(IOVA), pa);
	memcpy(edu.bounce, sent, sizeof(sent));
	igt_assert_eq(__edu_dma(&edu, address(EDU_BOUNCE_IOVA), 0, sizeof(sent),
				false), 0);
	igt_assert_eq(__edu_dma(&edu, pa, 0, sizeof(sent), true), 0);
	movable_read(movable, 0, received, sizeof(received));
	igt_assert(!memcmp(received, sent, sizeof(sent)));

	/* Of the same iopt_pages */
	igt_assert_eq(__ioas_copy(iommufd, ioas, 2 * IOVA, ioas, IOVA, SIZE), 0);
	ioas_unmap(iommufd, ioas, IOVA, SIZE);
	igt_assert_eq(move(), -EBUSY);
	ioas_unmap(iommufd, ioas, 2 * IOVA, SIZE);
	igt_assert_eq(move(), 1);
}

/**
 * struct asker - a thread that asks for a physical address
 * @thread: to join it
 * @tid: the thread, once it runs
 * @ret: what it was told
 * @pa: the address
 */
struct asker {
	pthread_t thread;
	pid_t tid;
	int ret;
	uint64_t pa;
};

static void *ask(void *arg)
{
	struct asker *asker = arg;

	__atomic_store_n(&asker->tid, gettid(), __ATOMIC_RELEASE);
	asker->ret = __ioas_get_pa(iommufd, ioas, IOVA, &asker->pa);
	return NULL;
}

/* It waits in the kernel for a restore, and not for anything that ends before */
static void wait_waits(struct asker *asker)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	unsigned int found = 0;

	while (found < 10) {
		pid_t tid = __atomic_load_n(&asker->tid, __ATOMIC_ACQUIRE);

		igt_assert_f(now_ms() < deadline, "nobody waits for the restore\n");
		usleep(1000);
		found = tid && task_state(tid) == 'D' ? found + 1 : 0;
	}
}

/**
 * SUBTEST: waiting
 * Description: Whoever asks for a physical address while the bytes are being copied,
 *	64 times, has to wait for this copy and for no other: the buffer cannot be
 *	moved again until the address is known, nor after that
 */
static void waiting(void)
{
	struct asker asker;
	int i;

	for (i = 0; i < 64; i++) {
		asker = (struct asker){};
		igt_assert_eq(__movable_move(movable, MOVABLE_ANYWHERE, 1,
					     DMA_BUF_MOVABLE_HOLD), 1);
		igt_assert(!pthread_create(&asker.thread, NULL, ask, &asker));
		wait_waits(&asker);
		/* Lets the copy begin, waits for it and then tries to move */
		igt_assert_eq(move(), -EBUSY);
		igt_assert(!pthread_join(asker.thread, NULL));
		igt_assert_eq(asker.ret, 0);
		igt_assert_eq_u64(address(IOVA), asker.pa);
		igt_assert_eq(move(), -EBUSY);
		ioas_unmap(iommufd, ioas, IOVA, SIZE);
		ioas_map_file(iommufd, ioas, dmabuf, 0, SIZE, IOVA);
	}
}

#define COPIES 512u

/**
 * SUBTEST: not-told
 * Description: A buffer for which there is no memory to map it again after a move,
 *	513 times: no physical address in it can be obtained, and trying does not
 *	keep it from moving; once mapped it can
 */
static void not_told(void)
{
	static const char importer[] = MEMCG_ROOT "/importer";
	int phys = query_open(), tried, moved;
	unsigned int i;
	uint64_t pa;

	memcg_mount();
	memcg_make(importer);
	memcg_no_limit(importer);
	ioas_unmap(iommufd, ioas, IOVA, SIZE);
	memcg_enter(importer);
	ioas_map_file(iommufd, ioas, dmabuf, 0, SIZE, IOVA);
	memcg_enter(MEMCG_ROOT);
	/* Each takes a table of its own, more of them than CPUs have charged ahead */
	for (i = 1; i <= COPIES; i++)
		igt_assert_eq(__ioas_copy(iommufd, ioas, IOVA + i * GiB(1), ioas,
					  IOVA, SIZE), 0);

	/* Unmapped, and to be mapped again when the bytes are there */
	moved = __movable_move(movable, MOVABLE_ANYWHERE, 1,
			       DMA_BUF_MOVABLE_HOLD);
	memcg_limit(importer, 0);
	movable_release(movable);
	tried = __ioas_get_pa(iommufd, ioas, IOVA, &pa);
	igt_assert_lt(0, (int)query_wait_try(phys, dmabuf));
	close(phys);
	igt_assert_eq(moved, 1);
	igt_assert_eq(tried, -EINVAL);
	igt_assert_eq(move(), 1);

	memcg_no_limit(importer);
	wait_restored();
	pa = address(IOVA);
	igt_assert_eq(move(), -EBUSY);
	igt_assert_eq_u64(address(IOVA), pa);
}

/**
 * SUBTEST: revoke
 * Description: A BAR of which a physical address was told is revoked all the same, 16
 *	times: no address in it can be asked for then, and after the restore it is the
 *	one that was told
 */
static void revoked(void)
{
	const uint64_t iova = 2 * IOVA;
	int bar = vfio_dmabuf_one(&edu.dev, 0, 0, MiB(1)), i;
	uint64_t told, pa;

	ioas_map_file(iommufd, ioas, bar, 0, MiB(1), iova);
	told = address(iova);
	igt_assert(told);
	for (i = 0; i < 16; i++) {
		vfio_memory_enable(&edu.dev, false);
		igt_assert_eq(__ioas_get_pa(iommufd, ioas, iova, &pa), -EINVAL);
		igt_assert_eq(__ioas_get_pa(iommufd, ioas, iova + MiB(1) - 1,
					    &pa), -EINVAL);
		vfio_memory_enable(&edu.dev, true);
		igt_assert_eq_u64(address(iova), told);
	}
	/* Other mappings of the IOAS were left alone */
	igt_assert_eq(move(), 1);
	address(IOVA);
	igt_assert_eq(move(), -EBUSY);
	ioas_unmap(iommufd, ioas, iova, MiB(1));
	close(bar);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "pinned", pinned },
		{ "waiting", waiting },
		{ "not-told", not_told },
		{ "revoke", revoked },
	};

	igt_fixture()
		movable_bind();

	subtests(tests, begin, NULL);

	igt_fixture()
		close_all();
}
