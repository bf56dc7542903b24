// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state machine as importers see it: map, revoke, restore, kill and move, one
 * after the other. attach_kunit.c has who may attach at all, drain_kunit.c what
 * has to be waited for, race_kunit.c what happens at the same time.
 */
#include <linux/dma-resv.h>

#include "../internal.h"
#include "kunit.h"

/*
 * Mapping
 */

static void state_test_map_and_unmap(struct kunit *test)
{
	struct kt_imp *imp = kt_attached(test, kt_buf(test, KT_LIST(test)));

	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	KUNIT_EXPECT_EQ(test, imp->list->size, KT_SIZE);
	KUNIT_EXPECT_EQ(test, imp->dmabuf->size, KT_SIZE);
	KUNIT_EXPECT_EQ(test, kt_first_paddr(imp->list), KT_BASE);
	kt_unmap(imp);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 0);
}

/* An attachment counts its mappings, and so does the buffer */
static void state_test_map_several_times(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);
	struct dma_buf_phys_list *lists[3] = {};
	unsigned int i;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		lists[i] = dma_buf_phys_map(imp->at);
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(lists[i]), 0);
		if (!IS_ERR(lists[i]))
			dma_buf_phys_unmap(imp->at, lists[i]);
	}
	dma_resv_unlock(imp->dmabuf->resv);
	KUNIT_EXPECT_PTR_EQ(test, lists[0], lists[2]);
	dma_buf_phys_revoke(&buf->phys);
}

/*
 * Events
 */

static void state_test_revoke_with_nobody_attached(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_restore(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_map(kt_attached(test, buf)), 0);
}

static void state_test_revoke_with_nothing_mapped(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	dma_buf_phys_revoke(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);
}

/* Also with different needs: nobody but the buffer has to be shared */
static void state_test_revoke_with_several_importers(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imps[5];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(imps); i++) {
		imps[i] = kt_imp(test, buf);
		imps[i]->ops.types = BIT(DMA_BUF_PHYS_CPU) | BIT(i % 3);
		imps[i]->remap = i % 2;
		KUNIT_ASSERT_EQ(test, kt_attach(imps[i]), 0);
		/* One is attached but has mapped nothing */
		if (i)
			KUNIT_ASSERT_EQ(test, kt_map(imps[i]), 0);
	}
	dma_buf_phys_revoke(&buf->phys);
	for (i = 0; i < ARRAY_SIZE(imps); i++) {
		KT_EXPECT_EVENTS(test, imps[i], 0, 1, 0);
		KUNIT_EXPECT_FALSE(test, kt_is_mapped(imps[i]));
		KUNIT_EXPECT_EQ(test, kt_map(imps[i]), -ENODEV);
	}
	dma_buf_phys_restore(&buf->phys);
	for (i = 0; i < ARRAY_SIZE(imps); i++) {
		KT_EXPECT_EVENTS(test, imps[i], 0, 1, 1);
		KUNIT_EXPECT_EQ(test, kt_is_mapped(imps[i]), i % 2);
		KUNIT_EXPECT_EQ(test, kt_map(imps[i]), 0);
	}
}

static void state_test_revoke_twice(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_revoke(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 1);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
}

static void state_test_restore_of_live(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, kt_is_mapped(imp));
}

static void state_test_restore_lets_map_in_callback(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	imp->remap = true;
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(imp));
	dma_buf_phys_restore(&buf->phys);
	KUNIT_ASSERT_TRUE(test, kt_is_mapped(imp));
	KUNIT_EXPECT_EQ(test, kt_first_paddr(imp->list), KT_BASE);
}

static void state_test_kill(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	imp->remap = true;
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	dma_buf_phys_kill(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(imp));
	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);

	/* Dead is dead */
	dma_buf_phys_restore(&buf->phys);
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_restore(&buf->phys);
	KUNIT_EXPECT_EQ(test, (int)buf->phys.state, DMA_BUF_PHYS_DEAD);
	dma_buf_phys_kill(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(imp));
	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);
	KUNIT_EXPECT_EQ(test, kt_attach(kt_imp(test, buf)), -ENODEV);
}

static void state_test_kill_of_revoked(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_kill(&buf->phys);
	/* It was told once that it has no access: there is no more to say */
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);
}

/* Each change has a generation of its own, and what changes nothing has none */
static void state_test_generation(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	u64 first = buf->phys.generation;

	dma_buf_phys_restore(&buf->phys);
	KUNIT_EXPECT_EQ(test, buf->phys.generation, first);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_EQ(test, buf->phys.generation, first + 1);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_EQ(test, buf->phys.generation, first + 1);
	dma_buf_phys_restore(&buf->phys);
	KUNIT_EXPECT_EQ(test, buf->phys.generation, first + 2);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys, kt_list(test, KT_ELSEWHERE,
							      KT_SIZE)), 0);
	KUNIT_EXPECT_EQ(test, buf->phys.generation, first + 3);
	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_EQ(test, buf->phys.generation, first + 4);
	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_EQ(test, buf->phys.generation, first + 4);
}

static void state_test_kill_with_nobody_attached(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_EQ(test, (int)buf->phys.state, DMA_BUF_PHYS_DEAD);
	KUNIT_EXPECT_NULL(test, buf->phys.list);
}

static void state_test_notify_maps(struct dma_buf_phys_attachment *at,
				   enum dma_buf_phys_event event)
{
	struct kt_imp *imp = at->priv;
	struct dma_buf_phys_list *list;

	if (event != DMA_BUF_PHYS_EV_REVOKE)
		return;
	list = dma_buf_phys_map(at);
	if (IS_ERR(list))
		imp->nr_events[event]++;
	else
		dma_buf_phys_unmap(at, list);
}

/* An importer that is told of a revoke cannot map any more */
static void state_test_map_in_revoke(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);

	imp->ops.notify = state_test_notify_maps;
	KUNIT_ASSERT_EQ(test, kt_attach(imp), 0);
	dma_buf_phys_revoke(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	dma_buf_phys_restore(&buf->phys);
	dma_buf_phys_kill(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 2, 0);
}

/* What happens between attach and map is in what map finds */
static void state_test_revoke_between_attach_and_map(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	dma_buf_phys_revoke(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);
	dma_buf_phys_restore(&buf->phys);
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 2, 2);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
}

static void state_test_kill_between_attach_and_map(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	dma_buf_phys_kill(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);
}

static void state_test_no_event_after_detach(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *stays = kt_attached(test, buf);
	struct kt_imp *imp = kt_attached(test, buf);

	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	kt_imp_end(imp);
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 0);
	KT_EXPECT_EVENTS(test, stays, 0, 1, 1);
}

/*
 * Moves
 */

static void state_test_move(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *stale = kt_attached(test, buf);
	struct kt_imp *follows = kt_attached(test, buf);

	follows->remap = true;
	KUNIT_ASSERT_EQ(test, kt_map(stale), 0);
	KUNIT_ASSERT_EQ(test, kt_map(follows), 0);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys, kt_list(test, KT_ELSEWHERE,
							      KT_SIZE)), 0);
	KT_EXPECT_EVENTS(test, stale, 1, 0, 1);
	KT_EXPECT_EVENTS(test, follows, 1, 0, 1);
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(stale));
	KUNIT_ASSERT_TRUE(test, kt_is_mapped(follows));
	KUNIT_EXPECT_EQ(test, kt_first_paddr(follows->list), KT_ELSEWHERE);
	KUNIT_ASSERT_EQ(test, kt_map(stale), 0);
	KUNIT_EXPECT_EQ(test, kt_first_paddr(stale->list), KT_ELSEWHERE);
}

static void state_test_move_between_attach_and_map(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys, kt_list(test, KT_ELSEWHERE,
							      KT_SIZE)), 0);
	KT_EXPECT_EVENTS(test, imp, 1, 0, 1);
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	KUNIT_EXPECT_EQ(test, kt_first_paddr(imp->list), KT_ELSEWHERE);
}

/* Nobody needs to know where a buffer is that nobody may reach */
static void state_test_move_while_revoked(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	imp->remap = true;
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys, kt_list(test, KT_ELSEWHERE,
							      KT_SIZE)), 0);
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(imp));
	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 1);
	KUNIT_ASSERT_TRUE(test, kt_is_mapped(imp));
	KUNIT_EXPECT_EQ(test, kt_first_paddr(imp->list), KT_ELSEWHERE);
}

/* What cannot be is refused, and the list stays the caller's */
static void state_test_move_refused(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);
	struct dma_buf_phys_list *list;

	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	list = kt_list(test, KT_ELSEWHERE, KT_SIZE + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), -EINVAL);
	dma_buf_phys_list_free(list);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 0);
	KUNIT_EXPECT_TRUE(test, kt_is_mapped(imp));

	dma_buf_phys_kill(&buf->phys);
	list = kt_list(test, KT_ELSEWHERE, KT_SIZE);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), -ENODEV);
	dma_buf_phys_list_free(list);
	KT_EXPECT_EVENTS(test, imp, 0, 1, 0);
}

static struct kunit_case state_test_cases[] = {
	KT_CASE(state_test_map_and_unmap),
	KT_CASE(state_test_map_several_times),
	KT_CASE(state_test_revoke_with_nobody_attached),
	KT_CASE(state_test_revoke_with_nothing_mapped),
	KT_CASE(state_test_revoke_with_several_importers),
	KT_CASE(state_test_revoke_twice),
	KT_CASE(state_test_restore_of_live),
	KT_CASE(state_test_restore_lets_map_in_callback),
	KT_CASE(state_test_kill),
	KT_CASE(state_test_kill_of_revoked),
	KT_CASE(state_test_generation),
	KT_CASE(state_test_kill_with_nobody_attached),
	KT_CASE(state_test_map_in_revoke),
	KT_CASE(state_test_revoke_between_attach_and_map),
	KT_CASE(state_test_kill_between_attach_and_map),
	KT_CASE(state_test_no_event_after_detach),
	KT_CASE(state_test_move),
	KT_CASE(state_test_move_between_attach_and_map),
	KT_CASE(state_test_move_while_revoked),
	KT_CASE(state_test_move_refused),
	{}
};

static struct kunit_suite state_test_suite = {
	.name = "dma-buf-phys-state",
	.test_cases = state_test_cases,
};

kunit_test_suites(&state_test_suite);
