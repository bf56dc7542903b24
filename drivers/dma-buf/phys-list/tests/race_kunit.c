// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at the same time: threads attach, map, look, unmap and detach as
 * fast as they can while the test takes access away. What each thread sees is
 * noted and judged when all have stopped.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>
#include <linux/slab.h>

#include "kunit.h"

#define NR_THREADS 3
#define MAGIC 0x70687973
#define POISON 0xdeadbeef

/**
 * struct race - what the threads of a test share
 * @buf: the buffer
 * @users: mappings there are
 * @gone: nobody may have access now
 * @old_paddr: nobody may find the buffer here any more
 * @provider_magic: what the owner of a provider must say
 * @nr_mapped: how often a thread has mapped
 * @nr_refused: how often a thread was told that there is no access
 * @nr_wrong: how often a thread saw what must not be
 * @threads: the threads
 */
struct race {
	struct kt_buf *buf;
	atomic_t users;
	bool gone;
	phys_addr_t old_paddr;
	u64 provider_magic;
	atomic_t nr_mapped;
	atomic_t nr_refused;
	atomic_t nr_wrong;
	struct task_struct *threads[NR_THREADS];
};

static void race_test_stop_threads(struct race *race)
{
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++)
		if (race->threads[i])
			kthread_stop(no_free_ptr(race->threads[i]));
}

static void race_test_stop_threads_action(void *ctx)
{
	race_test_stop_threads(ctx);
}

static struct race *race_test_new(struct kunit *test, struct kt_buf *buf)
{
	struct race *race;

	race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race);
	race->buf = buf;
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test,
						  race_test_stop_threads_action,
						  race), 0);
	return race;
}

static void race_test_start_threads(struct kunit *test, struct race *race,
				    int (*fn)(void *ctx))
{
	struct task_struct *thread;
	unsigned int i;

	for (i = 0; i < NR_THREADS; i++) {
		thread = kthread_run(fn, race, "dma-buf-phys-kunit/%u", i);
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(thread), 0);
		race->threads[i] = thread;
	}
}

/* What a thread that has just mapped may see, reservation lock held */
static void race_test_look(struct race *race, struct kt_imp *imp)
{
	const struct dma_buf_phys_group *group;
	struct dma_buf_phys_iter iter;
	u64 length = 0;

	atomic_inc(&race->nr_mapped);
	if (READ_ONCE(race->gone))
		atomic_inc(&race->nr_wrong);

	dma_buf_phys_for_each_frag(&iter, imp->list, 0, KT_SIZE) {
		group = iter.group;
		if (iter.paddr == READ_ONCE(race->old_paddr))
			atomic_inc(&race->nr_wrong);
		if (group->provider &&
		    group->provider->bus_offset != race->provider_magic)
			atomic_inc(&race->nr_wrong);
		length += iter.length;
	}
	if (length != KT_SIZE)
		atomic_inc(&race->nr_wrong);
}

/* Attach, map, look, linger, unmap, detach; returns what attach or map did */
static int race_test_import_once(struct race *race)
{
	struct kt_imp *imp __free(kfree) = kzalloc_obj(*imp);
	int ret;

	if (!imp)
		return -ENOMEM;
	kt_imp_init(imp, race->buf);
	imp->users = &race->users;
	ret = kt_attach(imp);
	if (!ret) {
		dma_resv_lock(imp->dmabuf->resv, NULL);
		ret = kt_map_locked(imp);
		if (!ret)
			race_test_look(race, imp);
		dma_resv_unlock(imp->dmabuf->resv);
		usleep_range(10, 200);
		if (imp->incomplete)
			atomic_inc(&race->nr_wrong);
		kt_imp_end(imp);
	}
	if (ret == -ENODEV)
		atomic_inc(&race->nr_refused);
	else if (ret)
		atomic_inc(&race->nr_wrong);
	return ret;
}

static int race_test_import_thread(void *ctx)
{
	while (!kthread_should_stop())
		race_test_import_once(ctx);
	return 0;
}

/* Wait until a counter has reached the target, with a timeout */
static void race_test_wait_for(struct kunit *test, atomic_t *count, int target)
{
	unsigned int i;

	for (i = 0; i < 10000 && atomic_read(count) < target; i++)
		usleep_range(200, 400);
	KUNIT_EXPECT_GE(test, atomic_read(count), target);
}

/* Let the threads see the state for a while */
static void race_test_let_run(struct kunit *test, atomic_t *seen)
{
	race_test_wait_for(test, seen, atomic_read(seen) + NR_THREADS);
}

static void race_test_revoke_races_attach_and_map(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct race *race = race_test_new(test, buf);
	unsigned int i;

	race_test_start_threads(test, race, race_test_import_thread);
	for (i = 0; i < 100; i++) {
		race_test_let_run(test, &race->nr_mapped);
		dma_buf_phys_revoke(&buf->phys);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->users), 0);
		WRITE_ONCE(race->gone, true);
		race_test_let_run(test, &race->nr_refused);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->users), 0);
		WRITE_ONCE(race->gone, false);
		dma_buf_phys_restore(&buf->phys);
	}
	race_test_stop_threads(race);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->nr_wrong), 0);
}

/* Without a pause: revoke and restore hit attach and map at every point */
static void race_test_revoke_storm(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct race *race = race_test_new(test, buf);
	unsigned int i;

	race_test_start_threads(test, race, race_test_import_thread);
	for (i = 0; i < 2000; i++) {
		dma_buf_phys_revoke(&buf->phys);
		if (atomic_read(&race->users))
			atomic_inc(&race->nr_wrong);
		dma_buf_phys_restore(&buf->phys);
		if (i % 16 == 0)
			usleep_range(10, 50);
	}
	race_test_stop_threads(race);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->nr_wrong), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->users), 0);
}

static void race_test_move_races_attach_and_map(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct race *race = race_test_new(test, buf);
	phys_addr_t from, to = KT_BASE;
	unsigned int i;

	race_test_start_threads(test, race, race_test_import_thread);
	for (i = 1; i <= 100; i++) {
		race_test_let_run(test, &race->nr_mapped);
		from = to;
		to = KT_BASE + i * KT_SIZE;
		KUNIT_ASSERT_EQ(test,
				dma_buf_phys_move(&buf->phys,
						  kt_list(test, to, KT_SIZE)),
				0);
		WRITE_ONCE(race->old_paddr, from);
	}
	race_test_stop_threads(race);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->nr_wrong), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&race->nr_refused), 0);
}

/* Until there is nothing to attach to any more */
static int race_test_import_until_dead_thread(void *ctx)
{
	struct race *race = ctx;

	while (!kthread_should_stop() && race_test_import_once(race) != -ENODEV)
		;
	while (!kthread_should_stop())
		usleep_range(100, 200);
	return 0;
}

/*
 * The owner of the BAR goes away while importers attach: once kill has
 * returned, nobody may look at its provider. KASAN sees it if somebody does,
 * and the magic number tells if the memory is poisoned only.
 */
static void race_test_kill_races_attach(struct kunit *test)
{
	struct p2pdma_provider *provider;
	struct kt_buf *buf;
	struct race *race;
	unsigned int i;

	for (i = 0; i < 30; i++) {
		provider = kzalloc_obj(*provider);
		KUNIT_ASSERT_NOT_NULL(test, provider);
		provider->bus_offset = MAGIC;

		buf = kt_buf(test, kt_list_p2p(test, provider));
		race = race_test_new(test, buf);
		race->provider_magic = MAGIC;
		race_test_start_threads(test, race,
					race_test_import_until_dead_thread);
		usleep_range(1, 1 + 60 * i);

		dma_buf_phys_kill(&buf->phys);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->users), 0);
		WRITE_ONCE(race->gone, true);
		provider->bus_offset = POISON;
		kfree(provider);

		race_test_wait_for(test, &race->nr_refused, NR_THREADS);
		race_test_stop_threads(race);
		KUNIT_EXPECT_EQ(test, atomic_read(&race->nr_wrong), 0);
	}
}

/*
 * No event is lost: an importer that maps if it can, and maps again when told
 * of a restore, has a mapping whenever the buffer is live and nobody is busy,
 * at whichever point of its attach and map a revoke and a restore came.
 */
struct late_comer {
	struct kt_imp imp;
	struct task_struct *thread;
	int attached;
};

static int race_test_attach_and_map_thread(void *ctx)
{
	struct late_comer *late = ctx;

	int ret = kt_attach(&late->imp);

	WRITE_ONCE(late->attached, ret);
	if (!ret)
		kt_map(&late->imp);
	while (!kthread_should_stop())
		usleep_range(50, 100);
	return 0;
}

static void race_test_no_event_is_lost(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct late_comer *late;
	unsigned int i;

	late = kunit_kzalloc(test, sizeof(*late), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, late);
	for (i = 0; i < 100; i++) {
		kt_imp_init(&late->imp, buf);
		late->imp.remap = true;
		late->attached = -EINPROGRESS;
		late->thread = kthread_run(race_test_attach_and_map_thread,
					   late, "dma-buf-phys-kunit/late");
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(late->thread), 0);
		if (i % 2)
			usleep_range(1, 1 + i);
		dma_buf_phys_revoke(&buf->phys);
		if (i % 3)
			usleep_range(1, 1 + i);
		dma_buf_phys_restore(&buf->phys);

		/* A thread stopped before it has begun never begins */
		while (READ_ONCE(late->attached) == -EINPROGRESS)
			usleep_range(50, 100);
		kthread_stop(late->thread);
		KUNIT_EXPECT_EQ(test, late->attached, 0);
		KUNIT_EXPECT_TRUE(test, kt_is_mapped(&late->imp));
		KUNIT_EXPECT_FALSE(test, late->imp.incomplete);
		kt_imp_end(&late->imp);
	}
}

static struct kunit_case race_test_cases[] = {
	KT_CASE(race_test_revoke_races_attach_and_map),
	KT_CASE(race_test_revoke_storm),
	KT_CASE(race_test_move_races_attach_and_map),
	KT_CASE(race_test_kill_races_attach),
	KT_CASE(race_test_no_event_is_lost),
	{}
};

static struct kunit_suite race_test_suite = {
	.name = "dma-buf-phys-race",
	.test_cases = race_test_cases,
};

kunit_test_suites(&race_test_suite);
