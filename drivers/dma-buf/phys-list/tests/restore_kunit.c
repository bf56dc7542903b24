// SPDX-License-Identifier: GPL-2.0-only
/*
 * After a restore: importers that follow it later, or try and fail, and what
 * importers may do in the middle of a move. Also the rights that an importer has
 * at all.
 */
#include <linux/dma-resv.h>

#include "kunit.h"

static void restore_test_expect_behind(struct kunit *test,
				       const struct kt_buf *buf,
				       unsigned int behind, unsigned int failed)
{
	KUNIT_EXPECT_EQ(test, buf->phys.nr_behind, behind);
	KUNIT_EXPECT_EQ(test, buf->phys.nr_failed, failed);
}

static void restore_test_set_status(struct kt_imp *imp, int status)
{
	dma_resv_lock(imp->dmabuf->resv, NULL);
	dma_buf_phys_set_status(imp->at, status);
	dma_resv_unlock(imp->dmabuf->resv);
}

/* Watchers are woken by a failure and by the last success, and nothing else */
static void restore_test_status_is_counted(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *a = kt_attached(test, buf);
	struct kt_imp *b = kt_attached(test, buf);
	u64 start = buf->phys.watch_seq;

	restore_test_set_status(a, -EINPROGRESS);
	restore_test_set_status(b, -EINPROGRESS);
	restore_test_set_status(b, -EINPROGRESS);
	restore_test_expect_behind(test, buf, 2, 0);
	KUNIT_EXPECT_EQ(test, buf->phys.watch_seq, start);
	restore_test_set_status(b, -ENOMEM);
	restore_test_set_status(b, -ENOMEM);
	restore_test_expect_behind(test, buf, 2, 1);
	KUNIT_EXPECT_EQ(test, buf->phys.watch_seq, start + 1);
	restore_test_set_status(a, 0);
	restore_test_expect_behind(test, buf, 1, 1);
	KUNIT_EXPECT_EQ(test, buf->phys.watch_seq, start + 1);
	restore_test_set_status(b, -EINPROGRESS);
	restore_test_expect_behind(test, buf, 1, 0);
	restore_test_set_status(b, 0);
	restore_test_expect_behind(test, buf, 0, 0);
	KUNIT_EXPECT_EQ(test, buf->phys.watch_seq, start + 2);
}

static void restore_test_status_ends_with_access(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	restore_test_set_status(imp, -ENOMEM);
	dma_buf_phys_revoke(&buf->phys);
	restore_test_expect_behind(test, buf, 0, 0);
	/* From a work item that was late */
	restore_test_set_status(imp, -ENODEV);
	restore_test_expect_behind(test, buf, 0, 0);
	dma_buf_phys_restore(&buf->phys);
	restore_test_expect_behind(test, buf, 0, 0);
	/* The same once more counts once more */
	restore_test_set_status(imp, -ENOMEM);
	restore_test_expect_behind(test, buf, 1, 1);

	restore_test_set_status(imp, -EINPROGRESS);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys,
					  kt_list(test, KT_ELSEWHERE, KT_SIZE)),
			0);
	restore_test_expect_behind(test, buf, 0, 0);
	restore_test_set_status(imp, -EINPROGRESS);
	dma_buf_phys_kill(&buf->phys);
	restore_test_expect_behind(test, buf, 0, 0);
}

static void restore_test_notify_behind(struct dma_buf_phys_attachment *at,
				       enum dma_buf_phys_event event)
{
	if (event == DMA_BUF_PHYS_EV_MOVE)
		dma_buf_phys_set_status(at, -EINPROGRESS);
}

/* What an importer says when a move begins holds when it ends */
static void restore_test_status_of_a_move(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);

	imp->ops.notify = restore_test_notify_behind;
	KUNIT_ASSERT_EQ(test, kt_attach(imp), 0);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys,
					  kt_list(test, KT_ELSEWHERE, KT_SIZE)),
			0);
	restore_test_expect_behind(test, buf, 1, 0);
	restore_test_set_status(imp, 0);
	restore_test_expect_behind(test, buf, 0, 0);
}

static void restore_test_status_ends_with_detach(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	restore_test_set_status(imp, -ENOMEM);
	restore_test_expect_behind(test, buf, 1, 1);
	kt_imp_end(imp);
	restore_test_expect_behind(test, buf, 0, 0);
}

/* Between the halves of a move the bytes are at neither place */
static void restore_test_map_in_a_move(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);
	struct dma_buf_phys_list *old;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	old = dma_buf_phys_move_begin(&buf->phys,
				      kt_list(test, KT_ELSEWHERE, KT_SIZE));
	KUNIT_EXPECT_EQ(test, kt_map_locked(imp), -EBUSY);
	dma_buf_phys_move_end(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_map_locked(imp), 0);
	dma_resv_unlock(imp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(old), 0);
	if (!IS_ERR(old))
		dma_buf_phys_drain(&buf->phys, old);
	KUNIT_EXPECT_EQ(test, kt_first_paddr(imp->list), KT_ELSEWHERE);
}

/* The mode of the file bounds what is done to the memory */
static void restore_test_read_only(struct kunit *test)
{
	struct kt_buf *buf = kt_buf_read_only(test, KT_LIST(test));
	struct kt_buf *other = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);
	struct dma_buf_phys_dma dma;
	int from, both;

	KUNIT_EXPECT_FALSE(test, dma_buf_phys_is_writable(imp->dmabuf));
	KUNIT_EXPECT_TRUE(test, dma_buf_phys_is_writable(other->phys.dmabuf));
	KUNIT_EXPECT_FALSE(test,
			   dma_buf_phys_is_writable(kt_foreign_dmabuf(test)));

	/* Refused before anything is asked of the device, which is none */
	dma_resv_lock(imp->dmabuf->resv, NULL);
	from = dma_buf_phys_dma_map(imp->at, NULL, 0, KT_SIZE, DMA_FROM_DEVICE,
				    &dma);
	both = dma_buf_phys_dma_map(imp->at, NULL, 0, KT_SIZE, DMA_BIDIRECTIONAL,
				    &dma);
	dma_resv_unlock(imp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, from, -EACCES);
	KUNIT_EXPECT_EQ(test, both, -EACCES);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
}

static struct kunit_case restore_test_cases[] = {
	KT_CASE(restore_test_status_is_counted),
	KT_CASE(restore_test_status_ends_with_access),
	KT_CASE(restore_test_status_of_a_move),
	KT_CASE(restore_test_status_ends_with_detach),
	KT_CASE(restore_test_map_in_a_move),
	KT_CASE(restore_test_read_only),
	{}
};

static struct kunit_suite restore_test_suite = {
	.name = "dma-buf-phys-restore",
	.test_cases = restore_test_cases,
};

kunit_test_suites(&restore_test_suite);
