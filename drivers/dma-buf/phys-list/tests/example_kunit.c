// SPDX-License-Identifier: GPL-2.0-only
/*
 * The examples of the documentation do what it says of them.
 */
#include <linux/dma-resv.h>
#include <linux/file.h>

#include "example.h"
#include "kunit.h"

/* Not on the stack: objects with a work item must not be */
static struct phys_example_importer *example_test_importer(struct kunit *test)
{
	struct phys_example_importer *imp;

	imp = kunit_kzalloc(test, sizeof(*imp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, imp);
	return imp;
}

static void example_test_expect_mapped(struct kunit *test,
				       struct phys_example_importer *imp,
				       u64 length)
{
	u64 filled;

	flush_delayed_work(&imp->restore);
	dma_resv_lock(imp->dmabuf->resv, NULL);
	filled = imp->filled;
	dma_resv_unlock(imp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, filled, length);
}

/* A mapping that the detach leaves behind is a warning, and a kill that hangs */
static void example_test_importer_follows(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct phys_example_importer *imp = example_test_importer(test);

	KUNIT_ASSERT_EQ(test, phys_example_attach(imp, buf->phys.dmabuf), 0);
	example_test_expect_mapped(test, imp, KT_SIZE);
	dma_buf_phys_revoke(&buf->phys);
	example_test_expect_mapped(test, imp, 0);
	dma_buf_phys_restore(&buf->phys);
	example_test_expect_mapped(test, imp, KT_SIZE);
	KUNIT_EXPECT_EQ(test, buf->phys.nr_behind, 0);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys,
					  kt_list(test, KT_ELSEWHERE, KT_SIZE)),
			0);
	example_test_expect_mapped(test, imp, KT_SIZE);

	phys_example_detach(imp);
	KUNIT_EXPECT_TRUE(test, list_empty(&buf->phys.attachments));
}

static void example_test_importer_of_revoked(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct phys_example_importer *imp = example_test_importer(test);

	dma_buf_phys_revoke(&buf->phys);
	KUNIT_ASSERT_EQ(test, phys_example_attach(imp, buf->phys.dmabuf), 0);
	example_test_expect_mapped(test, imp, 0);
	dma_buf_phys_restore(&buf->phys);
	/* The work item is queued, or has mapped: both must end */
	phys_example_detach(imp);
	KUNIT_EXPECT_TRUE(test, list_empty(&buf->phys.attachments));
	KUNIT_EXPECT_EQ(test, buf->phys.nr_behind, 0);
}

static void example_test_importer_refused(struct kunit *test)
{
	struct kt_buf *buf = kt_buf_read_only(test, KT_LIST(test));
	struct phys_example_importer *imp = example_test_importer(test);

	KUNIT_EXPECT_EQ(test, phys_example_attach(imp, buf->phys.dmabuf),
			-EACCES);
	KUNIT_EXPECT_TRUE(test, list_empty(&buf->phys.attachments));
}

static struct p2pdma_provider example_test_provider;

/* A device whose BAR can be reached, or cannot */
#define EXAMPLE_DEVICE(name, can) {					\
		.provider = &example_test_provider,			\
		.start = KT_BASE,					\
		.size = KT_SIZE,					\
		.buffers = LIST_HEAD_INIT((name).buffers),		\
		.on = (can),						\
	}

static void example_test_exporter_revokes(struct kunit *test)
{
	struct phys_example_device dev = EXAMPLE_DEVICE(dev, true);
	struct phys_example_importer *imp = example_test_importer(test);
	struct dma_buf *dmabuf;
	int ret;

	dmabuf = phys_example_export(&dev);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), 0);
	ret = phys_example_attach(imp, dmabuf);
	KUNIT_EXPECT_EQ(test, ret, 0);
	if (!ret) {
		example_test_expect_mapped(test, imp, KT_SIZE);
		phys_example_set_access(&dev, false);
		example_test_expect_mapped(test, imp, 0);
		phys_example_set_access(&dev, true);
		example_test_expect_mapped(test, imp, KT_SIZE);
	}

	/* The device ends before its dma-buf, which the importer still has */
	phys_example_remove(&dev);
	KUNIT_EXPECT_TRUE(test, list_empty(&dev.buffers));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(phys_example_export(&dev)),
			-ENODEV);
	if (!ret) {
		example_test_expect_mapped(test, imp, 0);
		phys_example_detach(imp);
	}
	dma_buf_put(dmabuf);
	flush_delayed_fput();
}

/* Most dma-bufs end before their device */
static void example_test_exporter_outlives(struct kunit *test)
{
	struct phys_example_device dev = EXAMPLE_DEVICE(dev, false);
	struct dma_buf *dmabuf = phys_example_export(&dev);

	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(dmabuf), 0);
	dma_buf_put(dmabuf);
	flush_delayed_fput();
	phys_example_remove(&dev);
	KUNIT_EXPECT_TRUE(test, list_empty(&dev.buffers));
}

static struct kunit_case example_test_cases[] = {
	KT_CASE(example_test_importer_follows),
	KT_CASE(example_test_importer_of_revoked),
	KT_CASE(example_test_importer_refused),
	KUNIT_CASE(example_test_exporter_revokes),
	KUNIT_CASE(example_test_exporter_outlives),
	{}
};

static struct kunit_suite example_test_suite = {
	.name = "dma-buf-phys-example",
	.test_cases = example_test_cases,
};

kunit_test_suites(&example_test_suite);
