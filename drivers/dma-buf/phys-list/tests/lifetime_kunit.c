// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers whose file is gone while their dentry, and so the buffer, is still
 * there: an O_PATH descriptor does that. The exporter knows nothing of it and
 * does as always.
 */
#include <linux/dcache.h>
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>
#include <linux/mutex.h>

#include "kunit.h"

static void lifetime_test_revoke_without_file(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	kt_drop_file(buf);
	KUNIT_EXPECT_FALSE(test, completion_done(&buf->released));
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_restore(&buf->phys);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_EQ(test, buf->phys.nr_revokes, 2);

	kt_drop_dentry(buf);
	KUNIT_EXPECT_TRUE(test, completion_done(&buf->released));
}

static void lifetime_test_move_without_file(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	kt_drop_file(buf);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys,
					  kt_list(test, KT_ELSEWHERE, KT_SIZE)),
			0);
	KUNIT_EXPECT_EQ(test, buf->phys.nr_moves, 1);
	kt_drop_dentry(buf);
	KUNIT_EXPECT_TRUE(test, completion_done(&buf->released));
}

/* The end of the exporter does not wait for what keeps the dentry */
static void lifetime_test_kill_without_file(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	kt_drop_file(buf);
	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_FALSE(test, completion_done(&buf->released));
	KUNIT_EXPECT_NULL(test, buf->phys.list);
	kt_drop_dentry(buf);
	KUNIT_EXPECT_TRUE(test, completion_done(&buf->released));
}

/*
 * An exporter lets go of its device, and so of the providers that debugfs looks at.
 * With dma_buf_ops of its own it calls dma_buf_phys_fini() before.
 */
static void lifetime_test_hidden_first(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	KUNIT_EXPECT_FALSE(test, list_empty(&buf->phys.node));
	kt_drop_file(buf);
	KUNIT_EXPECT_FALSE(test, list_empty(&buf->phys.node));
	kt_drop_dentry(buf);
	KUNIT_EXPECT_TRUE(test, completion_done(&buf->released));
	KUNIT_EXPECT_EQ(test, buf->hidden, !kt_has_own_ops(test));
}

/* A mapping lost its file before the dentry: nothing is left of it to be told */
static void lifetime_test_revoke_after_importer(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_attached(test, buf);

	KUNIT_ASSERT_EQ(test, kt_map(imp), 0);
	kt_imp_end(imp);
	kt_drop_file(buf);
	dma_buf_phys_revoke(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 0);
	kt_drop_dentry(buf);
}

struct revoker {
	struct kt_buf *buf;
	struct mutex *lock; /* as kt_buf.lock */
	unsigned int nr;
};

static int lifetime_test_revoker_thread(void *data)
{
	struct revoker *r = data;

	while (!kthread_should_stop()) {
		mutex_lock(r->lock);
		if (r->buf) {
			dma_buf_phys_revoke(&r->buf->phys);
			dma_buf_phys_restore(&r->buf->phys);
			WRITE_ONCE(r->nr, r->nr + 1);
		}
		mutex_unlock(r->lock);
		cond_resched();
	}
	return 0;
}

/*
 * The release waits for the revoke that has found the buffer, with all that the
 * revoke needs, the list included, still there
 */
static void lifetime_test_release_under_revokes(struct kunit *test)
{
	struct mutex lock; /* protects r.buf */
	struct revoker r = { .lock = &lock };
	struct task_struct *task;
	unsigned int i;

	mutex_init(&lock);
	task = kthread_run(lifetime_test_revoker_thread, &r, "revoker");
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(task), 0);
	for (i = 0; i < 20; i++) {
		struct kt_buf *buf = kt_buf(test, KT_LIST(test));
		unsigned int nr = READ_ONCE(r.nr);

		buf->lock = &lock;
		mutex_lock(&lock);
		r.buf = buf;
		mutex_unlock(&lock);
		while (READ_ONCE(r.nr) == nr)
			usleep_range(10, 100);
		kt_drop_file(buf);
		mutex_lock(&lock);
		r.buf = NULL;
		mutex_unlock(&lock);
		kt_drop_dentry(buf);
		KUNIT_EXPECT_TRUE(test, completion_done(&buf->released));
	}
	kthread_stop(task);
}

static struct kunit_case lifetime_test_cases[] = {
	KT_CASE(lifetime_test_revoke_without_file),
	KT_CASE(lifetime_test_move_without_file),
	KT_CASE(lifetime_test_kill_without_file),
	KT_CASE(lifetime_test_hidden_first),
	KT_CASE(lifetime_test_revoke_after_importer),
	KT_CASE(lifetime_test_release_under_revokes),
	{}
};

static struct kunit_suite lifetime_test_suite = {
	.name = "dma-buf-phys-lifetime",
	.test_cases = lifetime_test_cases,
};

kunit_test_suites(&lifetime_test_suite);
