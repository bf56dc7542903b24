// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOVA windows, of a real device behind an IOMMU. It is made to do nothing: what
 * the IOMMU would translate an address to is what tests compare. Which groups have
 * bus addresses, and are not in the window, is made up here.
 */
#include <kunit/static_stub.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>
#include <linux/iommu-dma.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>

#include "../internal.h"
#include "kunit.h"

/* Memory, two BARs with memory in between, memory; two frags each, a page apart */
#define GROUPS 5
#define FRAG PAGES(2)
#define TOTAL (GROUPS * 2 * FRAG)

/* What the switch adds to the address of a BAR: below 4 GiB any device gets there */
#define BUS_OFFSET (SZ_1M - KT_BASE)

KUNIT_DEFINE_ACTION_WRAPPER(window_test_put_device, pci_dev_put,
			    struct pci_dev *);

/* One that no driver has made to need anything */
static struct device *window_test_device(struct kunit *test)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (pdev->dev.driver || !use_dma_iommu(&pdev->dev) ||
		    !dev_is_dma_coherent(&pdev->dev))
			continue;
		KUNIT_ASSERT_EQ(test, 0,
				kunit_add_action_or_reset(test,
							  window_test_put_device,
							  pdev));
		return &pdev->dev;
	}
	kunit_skip(test, "no device without a driver is behind an IOMMU");
	return NULL;
}

static enum pci_p2pdma_map_type
window_test_map_type(struct device *dev, const struct dma_buf_phys_group *group,
		     bool ask)
{
	return group->type == DMA_BUF_PHYS_P2P ? PCI_P2PDMA_MAP_BUS_ADDR :
						 PCI_P2PDMA_MAP_NONE;
}

/* Where the byte at @offset is, a position in the dma-buf */
static phys_addr_t window_test_paddr(u64 offset)
{
	return KT_BASE + offset + offset / FRAG * PAGE_SIZE;
}

static struct kt_imp *window_test_imp(struct kunit *test, struct device *dev)
{
	struct p2pdma_provider *provider;
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	u64 offset;

	provider = kunit_kzalloc(test, sizeof(*provider), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, provider);
	provider->owner = dev;
	provider->bus_offset = BUS_OFFSET;
	kunit_activate_static_stub(test, dma_buf_phys_map_type,
				   window_test_map_type);

	dma_buf_phys_build(&b, GROUPS * 2);
	for (offset = 0; offset < TOTAL; offset += FRAG) {
		bool bar = offset / (2 * FRAG) % 2;

		if (!(offset % (2 * FRAG)))
			dma_buf_phys_add_group(&b, bar ? DMA_BUF_PHYS_P2P :
							 DMA_BUF_PHYS_CPU,
					       bar ? DMA_BUF_PHYS_UC :
						     DMA_BUF_PHYS_WB,
					       bar ? provider : NULL);
		dma_buf_phys_add_frag(&b, window_test_paddr(offset), FRAG);
	}
	list = dma_buf_phys_seal(&b, TOTAL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	return kt_attached(test, kt_buf(test, list));
}

/* Does the device get to the bytes of a part of the mapping, each in its place? */
static void window_test_expect_part(struct kunit *test,
				    struct dma_buf_phys_dma *dma, u64 offset,
				    u64 length)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dma->dev);
	struct dma_buf_phys_dma_iter iter;
	unsigned int wrong = 0;
	phys_addr_t paddr;
	u64 done = 0, at;

	dma_buf_phys_for_each_dma(&iter, dma, offset, length) {
		for (at = 0; at < iter.length; at += PAGE_SIZE, done += PAGE_SIZE) {
			paddr = window_test_paddr(dma->offset + offset + done);
			if (iter.bus_addr)
				wrong += iter.addr + at != paddr + BUS_OFFSET;
			else
				wrong += iommu_iova_to_phys(domain,
							    iter.addr + at) != paddr;
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, done, length);
}

static void window_test_expect_slice(struct kunit *test, struct kt_imp *imp,
				     struct device *dev, u64 start, u64 end)
{
	struct dma_buf_phys_dma dma;
	u64 size = end - start, offset, length;
	int ret;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	ret = dma_buf_phys_dma_map(imp->at, dev, start, size, DMA_BIDIRECTIONAL,
				   &dma);
	KUNIT_EXPECT_EQ(test, ret, 0);
	if (ret)
		goto unlock;
	for (offset = 0; offset < size; offset += PAGE_SIZE)
		for (length = PAGE_SIZE; length <= size - offset;
		     length += PAGE_SIZE)
			window_test_expect_part(test, &dma, offset, length);
	dma_buf_phys_dma_unmap(&dma);
unlock:
	dma_resv_unlock(imp->dmabuf->resv);
}

/* Every part of some slices that begin in, before and behind a BAR */
static void window_test_parts(struct kunit *test)
{
	struct device *dev = window_test_device(test);
	struct kt_imp *imp = window_test_imp(test, dev);

	window_test_expect_slice(test, imp, dev, 0, TOTAL);
	window_test_expect_slice(test, imp, dev, PAGES(1), TOTAL - PAGES(1));
	window_test_expect_slice(test, imp, dev, PAGES(5), TOTAL - PAGES(5));
	window_test_expect_slice(test, imp, dev, PAGES(7), PAGES(13));
}

/* The DMA API takes the top bit of a size for a flag, and warns of it */
static void window_test_too_large(struct kunit *test)
{
	struct device *dev = window_test_device(test);
	const u64 size = DMA_IOVA_USE_SWIOTLB;
	struct dma_buf_phys_dma dma;
	struct kt_imp *imp;

	if (size > SIZE_MAX)
		kunit_skip(test, "no dma-buf is that large");
	imp = kt_attached(test, kt_buf(test, kt_list(test, KT_BASE, size)));
	dma_resv_lock(imp->dmabuf->resv, NULL);
	KUNIT_EXPECT_EQ(test, -ENOMEM,
			dma_buf_phys_dma_map(imp->at, dev, 0, size,
					     DMA_BIDIRECTIONAL, &dma));
	dma_resv_unlock(imp->dmabuf->resv);
}

static struct kunit_case window_test_cases[] = {
	KUNIT_CASE(window_test_parts),
	KUNIT_CASE(window_test_too_large),
	{}
};

static struct kunit_suite window_test_suite = {
	.name = "dma-buf-phys-window",
	.test_cases = window_test_cases,
};

kunit_test_suites(&window_test_suite);
