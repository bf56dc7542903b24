// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may attach to what, and what the exporter is asked for then.
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>

#include "kunit.h"

/*
 * Attaching
 */

static void attach_test_to_foreign_dmabuf(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);
	struct dma_buf_phys_attachment *at;

	at = dma_buf_phys_attach(kt_foreign_dmabuf(test), &imp->ops, imp);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(at), -EOPNOTSUPP);
}

static struct dma_buf_phys *attach_test_to_phys(struct dma_buf *dmabuf)
{
	static struct dma_buf_phys phys;

	return &phys;
}

static void attach_test_driver_has_gone(struct kunit *test)
{
	struct dma_buf *dmabuf = kt_foreign_dmabuf(test);
	static struct dma_buf_phys_exporter driver = {
		.to_phys = attach_test_to_phys,
	};

	driver.dma_buf_ops = dmabuf->ops;
	dma_buf_phys_register(&driver);
	KUNIT_EXPECT_TRUE(test, dma_buf_has_phys(dmabuf));
	dma_buf_phys_unregister(&driver);
	KUNIT_EXPECT_FALSE(test, dma_buf_has_phys(dmabuf));
}

/* A driver that is about to go when somebody asks it about a dma-buf */
static struct attach_test_leaver {
	struct dma_buf_phys_exporter driver;
	struct work_struct work;
	bool gone;
	bool gone_while_asked;
} attach_test_leaver;

static void attach_test_leave(struct work_struct *work)
{
	dma_buf_phys_unregister(&attach_test_leaver.driver);
	WRITE_ONCE(attach_test_leaver.gone, true);
}

/* Drivers must not sleep here: this one does to let the other come first */
static struct dma_buf_phys *attach_test_to_phys_slowly(struct dma_buf *dmabuf)
{
	schedule_work(&attach_test_leaver.work);
	msleep(KT_LATE_MS);
	attach_test_leaver.gone_while_asked = READ_ONCE(attach_test_leaver.gone);
	return NULL;
}

static void attach_test_driver_goes_when_asked(struct kunit *test)
{
	struct attach_test_leaver *leaver = &attach_test_leaver;
	struct dma_buf *dmabuf = kt_foreign_dmabuf(test);

	*leaver = (struct attach_test_leaver){
		.driver.dma_buf_ops = dmabuf->ops,
		.driver.to_phys = attach_test_to_phys_slowly,
	};
	INIT_WORK(&leaver->work, attach_test_leave);
	dma_buf_phys_register(&leaver->driver);
	KUNIT_EXPECT_FALSE(test, dma_buf_has_phys(dmabuf));
	KUNIT_EXPECT_FALSE(test, leaver->gone_while_asked);
	flush_work(&leaver->work);
	KUNIT_EXPECT_TRUE(test, leaver->gone);
}

static void attach_test_without_notify(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);
	struct dma_buf_phys_attachment *at;

	imp->ops.notify = NULL;
	KUNIT_EXPECT_EQ(test, kt_attach(imp), -EINVAL);
	at = dma_buf_phys_attach(imp->dmabuf, NULL, imp);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(at), -EINVAL);
}

static void attach_test_to_write_only(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);

	buf->phys.readable = false;
	KUNIT_EXPECT_EQ(test, kt_attach(imp), -EACCES);
	buf->phys.readable = true;
	KUNIT_EXPECT_EQ(test, kt_attach(imp), 0);
}

static void attach_test_with_wrong_types(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);

	imp->ops.types = 0;
	KUNIT_EXPECT_EQ(test, kt_attach(imp), -EOPNOTSUPP);
	imp->ops.types = BIT(DMA_BUF_PHYS_P2P) | BIT(DMA_BUF_PHYS_ENCRYPTED);
	KUNIT_EXPECT_EQ(test, kt_attach(imp), -EOPNOTSUPP);
	imp->ops.types = BIT(DMA_BUF_PHYS_CPU);
	KUNIT_EXPECT_EQ(test, kt_attach(imp), 0);
}

/* One group the importer cannot use is enough, wherever it is */
static void attach_test_with_one_wrong_type(struct kunit *test)
{
	struct dma_buf_phys_list *list =
		kt_list_of_two(test, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_ENCRYPTED,
			       NULL);
	struct kt_imp *imp = kt_imp(test, kt_buf(test, list));
	unsigned int type;

	for (type = 0; type < DMA_BUF_PHYS_NR_TYPES; type++) {
		imp->ops.types = BIT(type);
		KUNIT_EXPECT_EQ(test, kt_attach(imp), -EOPNOTSUPP);
	}
	imp->ops.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_ENCRYPTED);
	KUNIT_EXPECT_EQ(test, kt_attach(imp), 0);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
}

static void attach_test_to_dead(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_attach(kt_imp(test, buf)), -ENODEV);
}

/* An importer may wait for a buffer that cannot be reached yet */
static void attach_test_while_revoked(struct kunit *test)
{
	struct kt_buf *buf = kt_buf_state(test, KT_LIST(test),
					  DMA_BUF_PHYS_REVOKED);
	struct kt_imp *imp = kt_attached(test, buf);

	KUNIT_EXPECT_EQ(test, kt_map(imp), -ENODEV);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 0);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_EVENTS(test, imp, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
}

/* The types of a revoked buffer may not be known before it is restored */
static void attach_test_wrong_type_shows_at_map(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);

	imp->ops.types = BIT(DMA_BUF_PHYS_CPU);
	KUNIT_ASSERT_EQ(test, kt_attach(imp), 0);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
	kt_unmap(imp);

	{
		static struct p2pdma_provider provider;
		struct dma_buf_phys_list *list = kt_list_p2p(test, &provider);

		KUNIT_ASSERT_EQ(test, dma_buf_phys_move(&buf->phys, list), 0);
	}
	KUNIT_EXPECT_EQ(test, kt_map(imp), -EOPNOTSUPP);

	/* The map that failed is not waited for */
	dma_buf_phys_revoke(&buf->phys);
}

/*
 * Asking the exporter
 */

static void attach_test_list_is_asked_for_once(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *a, *b;
	bool asks = buf->next;

	KUNIT_EXPECT_EQ(test, buf->nr_get_list, 0);
	a = kt_attached(test, buf);
	b = kt_attached(test, buf);
	KUNIT_EXPECT_EQ(test, kt_map(a), 0);
	KUNIT_EXPECT_EQ(test, kt_map(b), 0);
	KUNIT_EXPECT_PTR_EQ(test, a->list, b->list);
	KUNIT_EXPECT_EQ(test, buf->nr_get_list, asks ? 1 : 0);
}

/* Only a driver with ops of its own is asked; the other gave a list */
static void attach_test_get_list_fails(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);
	bool asks = buf->next;

	buf->get_list_err = -EHWPOISON;
	KUNIT_EXPECT_EQ(test, kt_attach(imp), asks ? -EHWPOISON : 0);
	if (!asks)
		return;
	/* The error does not stick */
	buf->get_list_err = 0;
	KUNIT_EXPECT_EQ(test, kt_attach(imp), 0);
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
}

static void attach_test_get_list_fails_at_map(struct kunit *test)
{
	struct kt_buf *buf = kt_buf_state(test, KT_LIST(test),
					  DMA_BUF_PHYS_REVOKED);
	struct kt_imp *imp = kt_attached(test, buf);
	bool asks = buf->next;

	buf->get_list_err = -EHWPOISON;
	KUNIT_EXPECT_EQ(test, buf->nr_get_list, 0);
	dma_buf_phys_restore(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_map(imp), asks ? -EHWPOISON : 0);
	buf->get_list_err = 0;
	KUNIT_EXPECT_EQ(test, kt_map(imp), 0);
}

/* A list that is not as long as the dma-buf never reaches an importer */
static void attach_test_get_list_of_wrong_size(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_imp *imp = kt_imp(test, buf);

	if (!buf->next) {
		KUNIT_EXPECT_EQ(test, buf->phys.dmabuf->size, KT_SIZE);
		return;
	}
	dma_buf_phys_list_free(buf->next);
	buf->next = kt_list(test, KT_BASE, KT_SIZE + PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, kt_attach(imp), -EINVAL);
	buf->next = kt_list(test, KT_BASE, KT_SIZE - PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, kt_attach(imp), -EINVAL);
	buf->next = KT_LIST(test);
	KUNIT_EXPECT_EQ(test, kt_attach(imp), 0);
}

/* The exporter of a dead buffer is not asked for a list */
static void attach_test_dead_is_not_asked(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_attach(kt_imp(test, buf)), -ENODEV);
	KUNIT_EXPECT_EQ(test, buf->nr_get_list, 0);
}

static struct kunit_case attach_test_cases[] = {
	KT_CASE(attach_test_to_foreign_dmabuf),
	KT_CASE(attach_test_driver_has_gone),
	KUNIT_CASE(attach_test_driver_goes_when_asked),
	KT_CASE(attach_test_without_notify),
	KT_CASE(attach_test_to_write_only),
	KT_CASE(attach_test_with_wrong_types),
	KT_CASE(attach_test_with_one_wrong_type),
	KT_CASE(attach_test_to_dead),
	KT_CASE(attach_test_while_revoked),
	KT_CASE(attach_test_wrong_type_shows_at_map),
	KT_CASE(attach_test_list_is_asked_for_once),
	KT_CASE(attach_test_get_list_fails),
	KT_CASE(attach_test_get_list_fails_at_map),
	KT_CASE(attach_test_get_list_of_wrong_size),
	KT_CASE(attach_test_dead_is_not_asked),
	{}
};

static struct kunit_suite attach_test_suite = {
	.name = "dma-buf-phys-attach",
	.test_cases = attach_test_cases,
};

kunit_test_suites(&attach_test_suite);
