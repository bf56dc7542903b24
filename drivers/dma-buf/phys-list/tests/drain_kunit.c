// SPDX-License-Identifier: GPL-2.0-only
/*
 * What revoke, kill and move wait for: importers that unmap late, devices that
 * stop late and say so with a fence.
 *
 * A late importer notes that it is done before it lets go of the buffer. So if
 * the note is missing when the framework returns, it did not wait.
 */
#include <linux/dma-resv.h>

#include "kunit.h"

static struct kt_buf *drain_test_buf(struct kunit *test)
{
	return kt_buf(test, KT_LIST(test));
}

/* Mapped, and late by this much when told to stop */
static struct kt_imp *drain_test_imp(struct kunit *test, struct kt_buf *buf,
				     unsigned int unmap_ms,
				     unsigned int fence_ms)
{
	struct kt_imp *imp = kt_attached(test, buf);

	imp->unmap_ms = unmap_ms;
	imp->fence_ms = fence_ms;
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	return imp;
}

static void drain_test_revoke_waits_for_unmap(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, KT_LATE_MS, 0);

	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(imp));
}

/* The mapping is gone at once, but the device goes on for a while */
static void drain_test_revoke_waits_for_fence(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, 0, KT_LATE_MS);

	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
}

static void drain_test_revoke_waits_for_both(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *a = drain_test_imp(test, buf, 2 * KT_LATE_MS,
					  KT_LATE_MS);
	struct kt_imp *b = drain_test_imp(test, buf, KT_LATE_MS,
					  2 * KT_LATE_MS);

	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(a->signaled));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(a->unmapped));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(b->signaled));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(b->unmapped));
}

static void drain_test_one_of_two_is_late(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *prompt = drain_test_imp(test, buf, 0, 0);
	struct kt_imp *slow = drain_test_imp(test, buf, KT_LATE_MS, 0);

	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(prompt));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(slow->unmapped));
}

/* The last mapping counts, not the first that goes */
static void drain_test_several_mappings_are_late(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imps[4];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(imps); i++)
		imps[i] = drain_test_imp(test, buf, (i + 1) * KT_LATE_MS / 2,
					 0);
	dma_buf_phys_revoke(&buf->phys);
	for (i = 0; i < ARRAY_SIZE(imps); i++)
		KUNIT_EXPECT_TRUE(test, READ_ONCE(imps[i]->unmapped));
}

/* A restore and a second revoke wait again, as often as one likes */
static void drain_test_rearm(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, KT_LATE_MS,
					    KT_LATE_MS / 2);
	unsigned int i;

	for (i = 1; i <= 4; i++) {
		dma_buf_phys_revoke(&buf->phys);
		KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
		KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
		KT_EXPECT_EVENTS(test, imp, 0, i, i - 1);

		dma_buf_phys_restore(&buf->phys);
		KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
		WRITE_ONCE(imp->unmapped, false);
		WRITE_ONCE(imp->signaled, false);
	}
	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
}

static void drain_test_kill_waits(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, KT_LATE_MS,
					    KT_LATE_MS / 2);

	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
	KUNIT_EXPECT_NULL(test, buf->phys.list);
}

static void drain_test_move_waits(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, KT_LATE_MS,
					    KT_LATE_MS / 2);

	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys, kt_list(test, KT_ELSEWHERE,
							      KT_SIZE)), 0);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
}

/*
 * A pending signal must not end the wait early: a process that is being killed takes
 * access away like any other. The unmap is the last that is waited for, and then the
 * fence.
 */
static void drain_test_signal_ends_no_wait(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, 2 * KT_LATE_MS,
					    KT_LATE_MS);
	int ret;

	kt_signal(current, SIGKILL);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	dma_buf_phys_restore(&buf->phys);
	kt_unsignal(SIGKILL);

	imp->unmap_ms = KT_LATE_MS;
	imp->fence_ms = 2 * KT_LATE_MS;
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	kt_signal(current, SIGKILL);
	ret = dma_buf_phys_move(&buf->phys,
				kt_list(test, KT_ELSEWHERE, KT_SIZE));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	kt_unsignal(SIGKILL);
	KUNIT_EXPECT_EQ(test, ret, 0);
}

/* The mapping of the new place is not waited for: only the old one must go */
static void drain_test_move_with_new_mapping(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, KT_LATE_MS, 0);

	imp->remap = true;
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys, kt_list(test, KT_ELSEWHERE,
							      KT_SIZE)), 0);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_ASSERT_TRUE(test, kt_is_mapped(imp));
	KUNIT_EXPECT_EQ(test, kt_first_paddr(imp->list), KT_ELSEWHERE);

	/* And that one can be revoked like any other */
	WRITE_ONCE(imp->unmapped, false);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KT_EXPECT_EVENTS(test, imp, 1, 1, 1);
}

/*
 * An exporter that copies: when it may begin, the last device has stopped and
 * nobody has mapped the new place. A late unmap is not among what it waits for:
 * that needs the lock.
 */
static void drain_test_move_with_copy(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, KT_LATE_MS / 2,
					    KT_LATE_MS);
	struct dma_buf_phys_list *list = kt_list(test, KT_ELSEWHERE, KT_SIZE);
	struct dma_buf_phys_list *old;

	imp->remap = true;
	dma_resv_lock(imp->dmabuf->resv, NULL);
	old = dma_buf_phys_move_begin(&buf->phys, list);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(old), 0);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->signaled));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(imp->unmapped));
	KUNIT_EXPECT_NULL(test, imp->list);
	KT_EXPECT_EVENTS(test, imp, 1, 0, 0);

	dma_buf_phys_move_end(&buf->phys);
	KUNIT_EXPECT_PTR_EQ(test, imp->list, list);
	KT_EXPECT_EVENTS(test, imp, 1, 0, 1);
	dma_resv_unlock(imp->dmabuf->resv);

	dma_buf_phys_drain(&buf->phys, old);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_EXPECT_TRUE(test, kt_is_mapped(imp));
}

/* Nobody may use the buffer, but a copy to the place that is to be left does */
static void drain_test_move_while_revoked_with_copy(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *copier = kt_attached(test, buf);
	struct dma_buf_phys_list *old;

	copier->fence_ms = KT_LATE_MS;
	dma_buf_phys_revoke(&buf->phys);
	dma_resv_lock(copier->dmabuf->resv, NULL);
	kt_add_fence(copier, DMA_RESV_USAGE_KERNEL);
	old = dma_buf_phys_move_begin(&buf->phys,
				      kt_list(test, KT_ELSEWHERE, KT_SIZE));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(old), 0);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(copier->signaled));
	dma_buf_phys_move_end(&buf->phys);
	dma_resv_unlock(copier->dmabuf->resv);
	dma_buf_phys_drain(&buf->phys, old);
	KT_EXPECT_EVENTS(test, copier, 0, 1, 0);
}

/* A pin prevents moves but not revokes, with either kind of dma_buf_ops */
static void drain_test_pinned(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *imp = drain_test_imp(test, buf, KT_LATE_MS, 0);
	struct dma_buf_phys_list *list = kt_list(test, KT_ELSEWHERE, KT_SIZE);

	dma_resv_lock(imp->dmabuf->resv, NULL);
	dma_buf_phys_pin(imp->at);
	dma_resv_unlock(imp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), -EBUSY);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 0);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), -EBUSY);

	dma_resv_lock(imp->dmabuf->resv, NULL);
	dma_buf_phys_unpin(imp->at);
	dma_resv_unlock(imp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), 0);
}

/* A fence that was there before, from whichever user, counts as well */
static void drain_test_revoke_waits_for_earlier_fence(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *moved = drain_test_imp(test, buf, 0, KT_LATE_MS);
	struct kt_imp *other = drain_test_imp(test, buf, 0, 0);
	struct dma_resv *resv = buf->phys.dmabuf->resv;

	/* As if its device were still at work on its own account */
	dma_resv_lock(resv, NULL);
	moved->ops.notify(moved->at, DMA_BUF_PHYS_EV_REVOKE);
	dma_resv_unlock(resv);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(moved->signaled));
	KUNIT_EXPECT_FALSE(test, kt_is_mapped(other));
}

/* So that it is a failure, and no hang, if it is waited for */
#define KT_STRANGER_MS (200 * KT_LATE_MS)

/* Fences added by userspace do not delay the exporter unless importers leave fences */
static void drain_test_ignores_strangers_fence(struct kunit *test)
{
	struct kt_buf *buf = drain_test_buf(test);
	struct kt_imp *stranger = kt_imp(test, buf);
	struct kt_imp *imp = kt_imp(test, buf);

	imp->ops.leaves_fences = false;
	imp->unmap_ms = KT_LATE_MS;
	KUNIT_ASSERT_EQ(test, kt_attach(imp), 0);
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	stranger->fence_ms = KT_STRANGER_MS;
	dma_resv_lock(stranger->dmabuf->resv, NULL);
	kt_add_fence(stranger, DMA_RESV_USAGE_READ);
	dma_resv_unlock(stranger->dmabuf->resv);

	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys,
					  kt_list(test, KT_ELSEWHERE, KT_SIZE)),
			0);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(stranger->signaled));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(stranger->signaled));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(imp->unmapped));
	dma_buf_phys_restore(&buf->phys);
	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(stranger->signaled));
	flush_delayed_work(&stranger->signal_work);
}

static struct kunit_case drain_test_cases[] = {
	KT_CASE(drain_test_revoke_waits_for_unmap),
	KT_CASE(drain_test_revoke_waits_for_fence),
	KT_CASE(drain_test_revoke_waits_for_both),
	KT_CASE(drain_test_one_of_two_is_late),
	KT_CASE(drain_test_several_mappings_are_late),
	KT_CASE(drain_test_rearm),
	KT_CASE(drain_test_kill_waits),
	KT_CASE(drain_test_move_waits),
	KT_CASE(drain_test_signal_ends_no_wait),
	KT_CASE(drain_test_move_with_new_mapping),
	KT_CASE(drain_test_move_with_copy),
	KT_CASE(drain_test_move_while_revoked_with_copy),
	KT_CASE(drain_test_pinned),
	KT_CASE(drain_test_revoke_waits_for_earlier_fence),
	KT_CASE(drain_test_ignores_strangers_fence),
	{}
};

static struct kunit_suite drain_test_suite = {
	.name = "dma-buf-phys-drain",
	.test_cases = drain_test_cases,
};

kunit_test_suites(&drain_test_suite);
