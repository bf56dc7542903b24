// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test importer by scatterlist, which knows nothing of physical lists. Its
 * device is KUnit's.
 */
#include <kunit/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>

#include "kunit.h"

static void kt_sg_unmap_locked(struct kt_sg_imp *imp)
{
	if (imp->sgt)
		dma_buf_unmap_attachment(imp->attach, no_free_ptr(imp->sgt),
					 DMA_BIDIRECTIONAL);
}

void kt_sg_unmap(struct kt_sg_imp *imp)
{
	dma_resv_lock(imp->dmabuf->resv, NULL);
	kt_sg_unmap_locked(imp);
	dma_resv_unlock(imp->dmabuf->resv);
}

static void kt_sg_unmap_work(struct work_struct *work)
{
	struct kt_sg_imp *imp = container_of(to_delayed_work(work),
					     struct kt_sg_imp, unmap_work);

	WRITE_ONCE(imp->unmapped, true);
	kt_sg_unmap(imp);
}

void kt_sg_invalidate(struct dma_buf_attachment *attach)
{
	struct kt_sg_imp *imp = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	imp->nr_invalidated++;
	if (imp->unmap_ms && imp->sgt)
		schedule_delayed_work(&imp->unmap_work,
				      msecs_to_jiffies(imp->unmap_ms));
	else
		kt_sg_unmap_locked(imp);
}

const struct dma_buf_attach_ops kt_sg_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = kt_sg_invalidate,
};

static void kt_sg_imp_end(void *ctx)
{
	struct kt_sg_imp *imp = ctx;

	if (!imp->attach)
		return;
	flush_delayed_work(&imp->unmap_work);
	kt_sg_unmap(imp);
	dma_buf_detach(imp->dmabuf, no_free_ptr(imp->attach));
}

/* An importer that is not attached yet, ended with the test */
struct kt_sg_imp *kt_sg_imp(struct kunit *test, struct kt_buf *buf)
{
	static atomic_t nr;
	struct kt_sg_imp *imp;
	char name[24];

	imp = kunit_kzalloc(test, sizeof(*imp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, imp);
	imp->test = test;
	imp->dmabuf = buf->phys.dmabuf;
	INIT_DELAYED_WORK(&imp->unmap_work, kt_sg_unmap_work);

	/* A name is a name for all devices of a test */
	snprintf(name, sizeof(name), "importer%d", atomic_inc_return(&nr));
	imp->dev = kunit_device_register(test, name);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(imp->dev), 0);
	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(imp->dev, DMA_BIT_MASK(64)),
			0);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, kt_sg_imp_end, imp), 0);
	return imp;
}

int kt_sg_attach(struct kt_sg_imp *imp, const struct dma_buf_attach_ops *ops)
{
	struct dma_buf_attachment *attach;

	attach = dma_buf_dynamic_attach(imp->dmabuf, imp->dev, ops, imp);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	imp->attach = attach;
	return 0;
}

struct kt_sg_imp *kt_sg_attached(struct kunit *test, struct kt_buf *buf)
{
	struct kt_sg_imp *imp = kt_sg_imp(test, buf);

	KUNIT_ASSERT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), 0);
	return imp;
}

int kt_sg_map(struct kt_sg_imp *imp)
{
	struct sg_table *sgt;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(imp->attach, DMA_BIDIRECTIONAL);
	if (!IS_ERR(sgt))
		imp->sgt = sgt;
	dma_resv_unlock(imp->dmabuf->resv);
	return PTR_ERR_OR_ZERO(sgt);
}
