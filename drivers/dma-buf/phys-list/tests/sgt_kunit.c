// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scatterlist bridge, as an importer that knows nothing of physical lists
 * sees it. The device is KUnit's: there is no IOMMU and only its addresses
 * matter, nothing is ever transferred.
 */
#include <linux/align.h>
#include <linux/dma-buf.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>

#include "../internal.h"
#include "kunit.h"

#define MAX_ENTRY ((u64)ALIGN_DOWN(UINT_MAX, PAGE_SIZE))

static const struct dma_buf_attach_ops sgt_test_ops_no_p2p = {
	.invalidate_mappings = kt_sg_invalidate,
};

static const struct dma_buf_attach_ops sgt_test_ops_not_revocable = {
	.allow_peer2peer = true,
};

/* Entries: each frag in order, cut where an entry can hold no more */
static void sgt_test_expect_entries(struct kt_sg_imp *imp,
				    const struct dma_buf_phys_list *list)
{
	struct dma_buf_phys_iter iter;
	struct kunit *test = imp->test;
	unsigned int nents = 0, wrong = 0;
	struct scatterlist *sg = imp->sgt->sgl;
	u64 done, len;

	dma_buf_phys_for_each_frag(&iter, list, 0, imp->dmabuf->size) {
		for (done = 0; done < iter.length; done += len) {
			len = min(iter.length - done, MAX_ENTRY);
			if (!sg) {
				wrong++;
				continue;
			}
			/* DMA addresses only: nobody is to look for pages */
			if (sg_dma_address(sg) != iter.paddr + done ||
			    sg_dma_len(sg) != len || sg_page(sg))
				wrong++;
			nents++;
			sg = sg_next(sg);
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, imp->sgt->nents, nents);
	KUNIT_EXPECT_NULL(test, sg);
}

/*
 * Nobody is to look for pages. Asked past the core, whose debugging gives
 * importers a copy of the table, which has a count.
 */
static void sgt_test_expect_no_pages(struct kt_sg_imp *imp)
{
	const struct dma_buf_ops *ops = imp->dmabuf->ops;
	struct kunit *test = imp->test;
	struct sg_table *sgt;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	sgt = ops->map_dma_buf(imp->attach, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(sgt), 0);
	if (!IS_ERR(sgt)) {
		KUNIT_EXPECT_EQ(test, sgt->orig_nents, 0);
		KUNIT_EXPECT_GT(test, sgt->nents, 0);
		/* There may have been room for more */
		KUNIT_EXPECT_EQ(test, sg_nents(sgt->sgl), sgt->nents);
		ops->unmap_dma_buf(imp->attach, sgt, DMA_BIDIRECTIONAL);
	}
	dma_resv_unlock(imp->dmabuf->resv);
}

static struct dma_buf_phys_list *
sgt_test_frags(struct kunit *test, unsigned int nr, const u64 *lengths)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	phys_addr_t paddr = KT_BASE;
	unsigned int i;
	u64 size = 0;

	dma_buf_phys_build(&b, nr);
	for (i = 0; i < nr; i++) {
		dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU,
				       i / 4 % 2 ? DMA_BUF_PHYS_WB :
						   DMA_BUF_PHYS_UC, NULL);
		dma_buf_phys_add_frag(&b, paddr, lengths[i]);
		paddr += lengths[i] + PAGE_SIZE;
		size += lengths[i];
	}
	list = dma_buf_phys_seal(&b, size);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	return list;
}

static void sgt_test_maps_as(struct kunit *test, struct dma_buf_phys_list *list)
{
	struct kt_buf *buf = kt_buf(test, list);
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);

	KUNIT_ASSERT_EQ(test, kt_sg_map(imp), 0);
	sgt_test_expect_entries(imp, buf->phys.list);
	kt_sg_unmap(imp);
	sgt_test_expect_no_pages(imp);
	/* And again: nothing is left of the first mapping */
	KUNIT_ASSERT_EQ(test, kt_sg_map(imp), 0);
	sgt_test_expect_entries(imp, buf->phys.list);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_NULL(test, imp->sgt);
}

/* The first has the attachment's own table; whichever goes first, the other one stays */
static void sgt_test_two_mappings(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);
	const struct dma_buf_ops *ops = imp->dmabuf->ops;
	struct sg_table *sgt[2], *own = NULL;
	unsigned int first, i;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	for (first = 0; first < 2; first++) {
		for (i = 0; i < 2; i++) {
			sgt[i] = ops->map_dma_buf(imp->attach, DMA_BIDIRECTIONAL);
			KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(sgt[i]), 0);
			if (IS_ERR(sgt[i]))
				goto out_unlock;
		}
		KUNIT_EXPECT_PTR_NE(test, sgt[0], sgt[1]);
		/* It is used again once it is free */
		own = own ?: sgt[0];
		KUNIT_EXPECT_PTR_EQ(test, sgt[0], own);
		ops->unmap_dma_buf(imp->attach, sgt[first], DMA_BIDIRECTIONAL);
		KUNIT_EXPECT_EQ(test, sg_dma_address(sgt[!first]->sgl), KT_BASE);
		KUNIT_EXPECT_EQ(test, sg_dma_len(sgt[!first]->sgl), KT_SIZE);
		ops->unmap_dma_buf(imp->attach, sgt[!first], DMA_BIDIRECTIONAL);
	}
out_unlock:
	dma_resv_unlock(imp->dmabuf->resv);
}

static void sgt_test_one_frag(struct kunit *test)
{
	sgt_test_maps_as(test, KT_LIST(test));
}

static void sgt_test_several_frags(struct kunit *test)
{
	static const u64 lengths[] = {
		PAGES(1), PAGES(7), PAGES(2), PAGES(1), PAGES(512), PAGES(3),
	};

	sgt_test_maps_as(test,
			 sgt_test_frags(test, ARRAY_SIZE(lengths), lengths));
}

/* A size that a &struct dma_buf has no room for must not be cut to what it has */
static void sgt_test_expect_too_large(struct kunit *test,
				      struct dma_buf_phys_list *list)
{
	DEFINE_DMA_BUF_PHYS_EXPORT_INFO(info);
	struct dma_buf_phys phys = {};

	info.list = list;
	KUNIT_EXPECT_EQ(test, dma_buf_phys_export(&phys, &info), -EOVERFLOW);
	dma_buf_phys_list_free(list);
}

/* Longer than an entry can be, by nothing, a page and a lot */
static void sgt_test_frags_above_4_gib(struct kunit *test)
{
	static const u64 lengths[] = {
		PAGES(1), MAX_ENTRY, MAX_ENTRY + PAGES(1), 4ULL * SZ_1G,
		PAGES(1), 2 * MAX_ENTRY, 9ULL * SZ_1G + PAGES(1), PAGES(3),
	};
	struct dma_buf_phys_list *list;

	list = sgt_test_frags(test, ARRAY_SIZE(lengths), lengths);
	if (sizeof(size_t) < sizeof(u64))
		sgt_test_expect_too_large(test, list);
	else
		sgt_test_maps_as(test, list);
}

/* More than a page of entries holds: the scatterlist is chained */
static void sgt_test_many_frags(struct kunit *test)
{
	unsigned int i, nr = 1000;
	u64 *lengths;

	lengths = kunit_kmalloc_array(test, nr, sizeof(*lengths), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, lengths);
	for (i = 0; i < nr; i++)
		lengths[i] = PAGES(1 + i % 3);
	sgt_test_maps_as(test, sgt_test_frags(test, nr, lengths));
}

/* The importer that gives no callbacks at all must not be asked for one */
static void sgt_test_static_importer_refused(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_imp(test, buf);

	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, NULL), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &sgt_test_ops_not_revocable),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &sgt_test_ops_no_p2p),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), 0);
}

static void sgt_test_write_only_refused(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_imp(test, buf);

	buf->phys.readable = false;
	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), -EACCES);
	buf->phys.readable = true;
	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), 0);
}

static void sgt_test_encrypted_refused(struct kunit *test)
{
	struct dma_buf_phys_list *list =
		kt_list_of_two(test, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_ENCRYPTED,
			       NULL);

	KUNIT_EXPECT_EQ(test, kt_sg_attach(kt_sg_imp(test, kt_buf(test, list)),
					   &kt_sg_ops), -EOPNOTSUPP);
}

/* A BAR of a device that never said it could do peer to peer, behind ordinary memory */
static void sgt_test_no_route_refused(struct kunit *test)
{
	struct p2pdma_provider *provider;
	struct dma_buf_phys_list *list;
	struct kt_sg_imp *imp;
	struct pci_dev *pdev;

	pdev = kunit_kzalloc(test, sizeof(*pdev), GFP_KERNEL);
	provider = kunit_kzalloc(test, sizeof(*provider), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pdev);
	KUNIT_ASSERT_NOT_NULL(test, provider);
	pdev->dev.init_name = "kunit-peer";
	provider->owner = &pdev->dev;
	list = kt_list_of_two(test, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_P2P, provider);
	imp = kt_sg_imp(test, kt_buf(test, list));
	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), -EREMOTEIO);
}

/*
 * What the device cannot address is not mapped, nor bounced, and what had been
 * mapped before it is undone: revoke has nothing to wait for.
 */
static void sgt_test_out_of_reach(struct kunit *test)
{
	static const u64 lengths[] = { PAGES(1), PAGES(2), SZ_1G };
	struct kt_buf *buf = kt_buf(test,
				    sgt_test_frags(test, ARRAY_SIZE(lengths),
						   lengths));
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);

	KUNIT_ASSERT_EQ(test,
			dma_set_mask(imp->dev, KT_BASE + SZ_512M - 1), 0);
	KUNIT_EXPECT_EQ(test, kt_sg_map(imp), -EREMOTEIO);
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_restore(&buf->phys);
	KUNIT_ASSERT_EQ(test, dma_set_mask(imp->dev, DMA_BIT_MASK(64)), 0);
	KUNIT_EXPECT_EQ(test, kt_sg_map(imp), 0);
}

#ifdef CONFIG_ARCH_HAS_DMA_OPS

/* A platform that is told of what is unmapped, and whether the list still counts it */
static const struct dma_buf_phys_list *sgt_test_list;
static unsigned int sgt_test_nr_unmapped, sgt_test_nr_late;

static dma_addr_t sgt_test_plain_map(struct device *dev, phys_addr_t phys,
				     size_t size, enum dma_data_direction dir,
				     unsigned long attrs)
{
	return phys;
}

static void sgt_test_plain_unmap(struct device *dev, dma_addr_t addr,
				 size_t size, enum dma_data_direction dir,
				 unsigned long attrs)
{
	sgt_test_nr_unmapped++;
	if (!sgt_test_list->nr_mapped)
		sgt_test_nr_late++;
}

static const struct dma_map_ops sgt_test_plain_ops = {
	.map_phys = sgt_test_plain_map,
	.unmap_phys = sgt_test_plain_unmap,
};

/* Once the list counts no mapping a revoke returns, and a kill frees it */
static void sgt_test_counts_while_mapped(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_imp(test, buf);

	set_dma_ops(imp->dev, &sgt_test_plain_ops);
	KUNIT_ASSERT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), 0);
	KUNIT_ASSERT_EQ(test, kt_sg_map(imp), 0);
	sgt_test_list = buf->phys.list;
	sgt_test_nr_unmapped = 0;
	sgt_test_nr_late = 0;
	kt_sg_unmap(imp);
	KUNIT_EXPECT_EQ(test, sgt_test_nr_unmapped, 1);
	KUNIT_EXPECT_EQ(test, sgt_test_nr_late, 0);
}

#endif

/* What may not be written to is mapped for reading, and for nothing else */
static void sgt_test_read_only(struct kunit *test)
{
	static const enum dma_data_direction dirs[] = {
		DMA_BIDIRECTIONAL, DMA_FROM_DEVICE, DMA_TO_DEVICE,
	};
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);
	unsigned int i;

	buf->phys.writable = false;
	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		struct sg_table *sgt;

		dma_resv_lock(imp->dmabuf->resv, NULL);
		sgt = dma_buf_map_attachment(imp->attach, dirs[i]);
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(sgt),
				dirs[i] == DMA_TO_DEVICE ? 0 : -EACCES);
		if (!IS_ERR(sgt))
			dma_buf_unmap_attachment(imp->attach, sgt, dirs[i]);
		dma_resv_unlock(imp->dmabuf->resv);
	}
	/* Nothing is left mapped */
	dma_buf_phys_revoke(&buf->phys);
}

static void sgt_test_attach_while_revoked(struct kunit *test)
{
	struct kt_buf *buf = kt_buf_state(test, KT_LIST(test),
					  DMA_BUF_PHYS_REVOKED);
	struct kt_sg_imp *imp = kt_sg_imp(test, buf);

	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), -ENODEV);
	dma_buf_phys_restore(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_sg_attach(imp, &kt_sg_ops), 0);
	KUNIT_EXPECT_EQ(test, kt_sg_map(imp), 0);
}

static void sgt_test_attach_to_dead(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_sg_attach(kt_sg_imp(test, buf), &kt_sg_ops),
			-ENODEV);
}

static void sgt_test_revoke_and_restore(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);
	struct kt_sg_imp *idle = kt_sg_attached(test, buf);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, kt_sg_map(imp), 0);
		imp->nr_invalidated = 0;
		idle->nr_invalidated = 0;
		dma_buf_phys_revoke(&buf->phys);
		KUNIT_EXPECT_EQ(test, imp->nr_invalidated, 1);
		KUNIT_EXPECT_EQ(test, idle->nr_invalidated, 1);
		KUNIT_EXPECT_NULL(test, imp->sgt);
		KUNIT_EXPECT_EQ(test, kt_sg_map(imp), -ENODEV);
		KUNIT_EXPECT_EQ(test, kt_sg_map(idle), -ENODEV);
		dma_buf_phys_restore(&buf->phys);
	}
	KUNIT_EXPECT_EQ(test, kt_sg_map(imp), 0);
	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_NULL(test, imp->sgt);
	KUNIT_EXPECT_EQ(test, kt_sg_map(imp), -ENODEV);
}

static void sgt_test_revoke_waits_for_unmap(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *prompt = kt_sg_attached(test, buf);
	struct kt_sg_imp *slow = kt_sg_attached(test, buf);

	slow->unmap_ms = KT_LATE_MS;
	KUNIT_ASSERT_EQ(test, kt_sg_map(prompt), 0);
	KUNIT_ASSERT_EQ(test, kt_sg_map(slow), 0);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(slow->unmapped));
	KUNIT_EXPECT_NULL(test, prompt->sgt);
}

/* Scatterlist importers may leave fences, none of them says whether it does */
static void sgt_test_revoke_waits_for_fence(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);
	struct kt_imp *device = kt_imp(test, buf);

	device->fence_ms = KT_LATE_MS;
	dma_resv_lock(imp->dmabuf->resv, NULL);
	kt_add_fence(device, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(imp->dmabuf->resv);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(device->signaled));
	flush_delayed_work(&device->signal_work);
}

static void sgt_test_move(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);

	KUNIT_ASSERT_EQ(test, kt_sg_map(imp), 0);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys,
					  kt_list(test, KT_BASE + SZ_1G,
						  KT_SIZE)), 0);
	KUNIT_EXPECT_EQ(test, imp->nr_invalidated, 1);
	KUNIT_EXPECT_NULL(test, imp->sgt);
	KUNIT_ASSERT_EQ(test, kt_sg_map(imp), 0);
	sgt_test_expect_entries(imp, buf->phys.list);
	KUNIT_EXPECT_EQ(test, sg_dma_address(imp->sgt->sgl), KT_BASE + SZ_1G);
}

/* A pin holds against a move, not against a revoke */
static void sgt_test_pinned(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *imp = kt_sg_attached(test, buf);
	struct dma_buf_phys_list *list;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, dma_buf_pin(imp->attach), 0);
	dma_resv_unlock(imp->dmabuf->resv);

	list = kt_list(test, KT_BASE + SZ_1G, KT_SIZE);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), -EBUSY);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_EQ(test, imp->nr_invalidated, 1);
	dma_buf_phys_restore(&buf->phys);

	dma_resv_lock(imp->dmabuf->resv, NULL);
	dma_buf_unpin(imp->attach);
	dma_resv_unlock(imp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), 0);
}

/* Both access methods at once: revoke tells both and waits for both */
static void sgt_test_beside_a_phys_importer(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct kt_sg_imp *by_sgt = kt_sg_attached(test, buf);
	struct kt_imp *by_list = kt_attached(test, buf);

	by_sgt->unmap_ms = KT_LATE_MS;
	by_list->unmap_ms = KT_LATE_MS / 2;
	KUNIT_ASSERT_EQ(test, kt_sg_map(by_sgt), 0);
	KUNIT_ASSERT_EQ(test, kt_map(by_list), 0);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(by_sgt->unmapped));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(by_list->unmapped));
	KUNIT_EXPECT_EQ(test, by_sgt->nr_invalidated, 1);
	KT_EXPECT_EVENTS(test, by_list, 0, 1, 0);
}

static struct kunit_case sgt_test_cases[] = {
	KUNIT_CASE(sgt_test_one_frag),
	KUNIT_CASE(sgt_test_several_frags),
	KUNIT_CASE(sgt_test_frags_above_4_gib),
	KUNIT_CASE(sgt_test_many_frags),
	KUNIT_CASE(sgt_test_two_mappings),
	KUNIT_CASE(sgt_test_static_importer_refused),
	KUNIT_CASE(sgt_test_write_only_refused),
	KUNIT_CASE(sgt_test_encrypted_refused),
	KUNIT_CASE(sgt_test_no_route_refused),
	KUNIT_CASE(sgt_test_out_of_reach),
#ifdef CONFIG_ARCH_HAS_DMA_OPS
	KUNIT_CASE(sgt_test_counts_while_mapped),
#endif
	KUNIT_CASE(sgt_test_read_only),
	KUNIT_CASE(sgt_test_attach_while_revoked),
	KUNIT_CASE(sgt_test_attach_to_dead),
	KUNIT_CASE(sgt_test_revoke_and_restore),
	KUNIT_CASE(sgt_test_revoke_waits_for_unmap),
	KUNIT_CASE(sgt_test_revoke_waits_for_fence),
	KUNIT_CASE(sgt_test_move),
	KUNIT_CASE(sgt_test_pinned),
	KUNIT_CASE(sgt_test_beside_a_phys_importer),
	{}
};

static struct kunit_suite sgt_test_suite = {
	.name = "dma-buf-phys-sgt",
	.test_cases = sgt_test_cases,
};

kunit_test_suites(&sgt_test_suite);
