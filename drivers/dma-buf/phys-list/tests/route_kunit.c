// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device can reach, and in place: routes without the PCI devices that it
 * would take to have them all. The route itself is made up; what follows from it
 * for a device that cannot send long addresses, or on a platform that copies, is
 * the framework's. Whatever mapping does, the answer to a question must say.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>
#include <uapi/linux/dma-buf-phys.h>

#include "../internal.h"
#include "kunit.h"

/* So many pages of KT_SIZE are within a limit */
#define BELOW 8

/**
 * struct route_kind - one way to reach a group
 * @name: of the parameter
 * @type: what the PCI core says
 * @route: what a program is told
 * @attrs: what the DMA API is told, if it is asked to map
 */
struct route_kind {
	const char *name;
	enum pci_p2pdma_map_type type;
	u32 route;
	unsigned long attrs;
};

static const struct route_kind route_test_kinds[] = {
	{ "memory", PCI_P2PDMA_MAP_NONE, DMA_BUF_PHYS_ROUTE_MEMORY,
	  DMA_ATTR_REQUIRE_COHERENT },
	{ "host_bridge", PCI_P2PDMA_MAP_THRU_HOST_BRIDGE,
	  DMA_BUF_PHYS_ROUTE_HOST_BRIDGE, DMA_ATTR_MMIO },
	{ "bus_addr", PCI_P2PDMA_MAP_BUS_ADDR, DMA_BUF_PHYS_ROUTE_BUS_ADDR, 0 },
};

static const void *route_test_gen_params(struct kunit *test, const void *prev,
					 char *desc)
{
	const struct route_kind *kind = prev;

	kind = kind ? kind + 1 : route_test_kinds;
	if (kind == route_test_kinds + ARRAY_SIZE(route_test_kinds))
		return NULL;
	strscpy(desc, kind->name, KUNIT_PARAM_DESC_SIZE);
	return kind;
}

/* Of what is the same for all kinds */
static const void *route_test_memory_gen_params(struct kunit *test,
						const void *prev, char *desc)
{
	return prev ? NULL : route_test_gen_params(test, NULL, desc);
}

static enum pci_p2pdma_map_type
route_test_map_type(struct device *dev, const struct dma_buf_phys_group *group,
		    bool ask)
{
	const struct route_kind *kind =
		kunit_get_current_test()->param_value;

	return kind->type;
}

/**
 * struct route_test_imp - a device that maps one buffer of KT_SIZE
 * @dev: the device
 * @buf: the buffer
 * @imp: its attachment
 * @provider: of its memory, if that is a BAR
 * @first: the DMA address of its first byte
 */
struct route_test_imp {
	struct device *dev;
	struct kt_buf *buf;
	struct kt_imp *imp;
	struct p2pdma_provider provider;
	dma_addr_t first;
};

static struct route_test_imp *route_test_imp(struct kunit *test)
{
	const struct route_kind *kind = test->param_value;
	struct dma_buf_phys_list *list;
	struct route_test_imp *r;

	r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r);
	r->dev = kunit_device_register(test, "importer");
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(r->dev), 0);
	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(r->dev, DMA_BIT_MASK(64)), 0);
	r->first = KT_BASE;
	r->provider.owner = r->dev;
	if (kind->type == PCI_P2PDMA_MAP_BUS_ADDR) {
		/* A BAR across 4 GiB, for the bus */
		r->first = SZ_4G - PAGES(BELOW);
		r->provider.bus_offset = r->first - KT_BASE;
	}
	kunit_activate_static_stub(test, dma_buf_phys_map_type,
				   route_test_map_type);
	list = kind->type == PCI_P2PDMA_MAP_NONE ?
	       KT_LIST(test) : kt_list_p2p(test, &r->provider);
	r->buf = kt_buf(test, list);
	r->imp = kt_attached(test, r->buf);
	return r;
}

/* Map a slice, look where it is to the device, and unmap it */
static int route_test_map(struct kunit *test, struct route_test_imp *r,
			  u64 offset, u64 length)
{
	const struct route_kind *kind = test->param_value;
	struct dma_buf_phys_dma_iter iter;
	struct dma_buf_phys_dma dma;
	int ret;

	dma_resv_lock(r->imp->dmabuf->resv, NULL);
	ret = dma_buf_phys_dma_map(r->imp->at, r->dev, offset, length,
				   DMA_BIDIRECTIONAL, &dma);
	if (!ret) {
		KUNIT_EXPECT_NOT_NULL(test,
				      dma_buf_phys_dma_first(&iter, &dma, 0,
							     length));
		KUNIT_EXPECT_EQ(test, iter.addr, r->first + offset);
		KUNIT_EXPECT_EQ(test, iter.length, length);
		KUNIT_EXPECT_EQ(test, iter.bus_addr,
				kind->type == PCI_P2PDMA_MAP_BUS_ADDR);
		dma_buf_phys_dma_unmap(&dma);
	}
	dma_resv_unlock(r->imp->dmabuf->resv);
	return ret;
}

static u32 route_test_tell(struct route_test_imp *r, bool has_mask)
{
	struct phys_route_query query = {
		.dev = r->dev,
		.has_mask = has_mask,
	};
	struct dma_buf_phys_list *list;
	u32 route;

	dma_resv_lock(r->imp->dmabuf->resv, NULL);
	list = r->buf->phys.list;
	route = dma_buf_phys_query_group(&query, list, list->groups);
	dma_resv_unlock(r->imp->dmabuf->resv);
	return route;
}

static void route_test_expect_limit(struct kunit *test,
				    struct route_test_imp *r)
{
	const struct route_kind *kind = test->param_value;

	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, PAGES(BELOW)), 0);
	KUNIT_EXPECT_EQ(test,
			route_test_map(test, r, PAGES(BELOW - 1), PAGES(1)), 0);
	KUNIT_EXPECT_EQ(test,
			route_test_map(test, r, PAGES(BELOW - 1), PAGES(2)),
			-EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, PAGES(BELOW), PAGES(1)),
			-EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, KT_SIZE), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_tell(r, true),
			DMA_BUF_PHYS_ROUTE_MASK);
	/* Of a device without a driver nobody knows what it can send */
	KUNIT_EXPECT_EQ(test, route_test_tell(r, false), kind->route);
}

/* Of a BAR that is half in reach the one half can be mapped, to the last byte */
static void route_test_mask_limits(struct kunit *test)
{
	const struct route_kind *kind = test->param_value;
	struct route_test_imp *r = route_test_imp(test);
	u64 limit = r->first + PAGES(BELOW) - 1;

	if (kind->type == PCI_P2PDMA_MAP_BUS_ADDR)
		KUNIT_ASSERT_EQ(test, limit, DMA_BIT_MASK(32));
	KUNIT_ASSERT_EQ(test, dma_set_mask(r->dev, limit), 0);
	route_test_expect_limit(test, r);

	KUNIT_ASSERT_EQ(test, dma_set_mask(r->dev, limit - 1), 0);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, PAGES(BELOW)),
			-EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, PAGES(BELOW - 1)), 0);

	limit = r->first + KT_SIZE - 1;
	KUNIT_ASSERT_EQ(test, dma_set_mask(r->dev, limit), 0);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, KT_SIZE), 0);
	KUNIT_EXPECT_EQ(test, route_test_tell(r, true), kind->route);
}

/* A bridge above the device may be narrower than the device */
static void route_test_bus_limits(struct kunit *test)
{
	const struct route_kind *kind = test->param_value;
	struct route_test_imp *r = route_test_imp(test);

	r->dev->bus_dma_limit = r->first + PAGES(BELOW) - 1;
	route_test_expect_limit(test, r);
	r->dev->bus_dma_limit--;
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, PAGES(BELOW)),
			-EREMOTEIO);
	r->dev->bus_dma_limit = r->first + KT_SIZE - 1;
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, KT_SIZE), 0);
	KUNIT_EXPECT_EQ(test, route_test_tell(r, true), kind->route);
	/* The narrower of both counts, and none is no limit */
	KUNIT_ASSERT_EQ(test, dma_set_mask(r->dev,
					   r->first + PAGES(BELOW) - 1), 0);
	route_test_expect_limit(test, r);
	r->dev->bus_dma_limit = 0;
	route_test_expect_limit(test, r);
}

/* Two frags of memory, in that order, in place of the buffer that @r has */
static void route_test_two_frags(struct kunit *test, struct route_test_imp *r,
				 phys_addr_t first, phys_addr_t second)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;

	dma_buf_phys_build(&b, 2);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB, NULL);
	dma_buf_phys_add_frag(&b, first, PAGES(4));
	dma_buf_phys_add_frag(&b, second, PAGES(4));
	list = dma_buf_phys_seal(&b, PAGES(8));
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	r->buf = kt_buf(test, list);
	r->imp = kt_attached(test, r->buf);
}

static int route_test_try(struct route_test_imp *r, u64 offset, u64 length)
{
	struct dma_buf_phys_dma dma;
	int ret;

	dma_resv_lock(r->imp->dmabuf->resv, NULL);
	ret = dma_buf_phys_dma_map(r->imp->at, r->dev, offset, length,
				   DMA_BIDIRECTIONAL, &dma);
	if (!ret)
		dma_buf_phys_dma_unmap(&dma);
	dma_resv_unlock(r->imp->dmabuf->resv);
	return ret;
}

/* The highest address of a group decides, wherever in it that is */
static void route_test_highest_first(struct kunit *test)
{
	struct route_test_imp *r = route_test_imp(test);

	route_test_two_frags(test, r, KT_ELSEWHERE, KT_BASE);
	KUNIT_ASSERT_EQ(test, dma_set_mask(r->dev, KT_ELSEWHERE - 1), 0);
	KUNIT_EXPECT_EQ(test, route_test_try(r, 0, PAGES(8)), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_try(r, 0, PAGES(1)), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_try(r, PAGES(4), PAGES(4)), 0);
	KUNIT_EXPECT_EQ(test, route_test_tell(r, true), DMA_BUF_PHYS_ROUTE_MASK);
}

/* What the second window of the bridge adds to an address */
#define WINDOW_SHIFT ((dma_addr_t)SZ_2G)

/* A bridge with two windows: adjacent to the CPU, but not to the device */
static void route_test_two_windows(struct kunit *test, struct route_test_imp *r)
{
	struct bus_dma_region *map;

	map = kzalloc_objs(*map, 3);
	KUNIT_ASSERT_NOT_NULL(test, map);
	map[0] = (struct bus_dma_region){ KT_BASE, KT_BASE, SZ_1M };
	map[1] = (struct bus_dma_region){
		KT_BASE + SZ_1M, KT_BASE + SZ_1M + WINDOW_SHIFT, SZ_1M
	};
	/* It goes with the device */
	r->dev->dma_range_map = map;
}

/* Each frag has the address that its window gives it, or none at all */
static void route_test_windows_of_a_bridge(struct kunit *test)
{
	struct route_test_imp *r = route_test_imp(test);
	struct dma_buf_phys_dma_iter iter;
	struct dma_buf_phys_dma dma;
	dma_addr_t addrs[2] = {};
	unsigned int nr = 0;
	int ret;

	route_test_two_windows(test, r);
	route_test_two_frags(test, r, KT_BASE, KT_BASE + SZ_1M);
	dma_resv_lock(r->imp->dmabuf->resv, NULL);
	ret = dma_buf_phys_dma_map(r->imp->at, r->dev, 0, PAGES(8),
				   DMA_BIDIRECTIONAL, &dma);
	KUNIT_EXPECT_EQ(test, ret, 0);
	if (!ret) {
		dma_buf_phys_for_each_dma(&iter, &dma, 0, PAGES(8))
			if (nr < ARRAY_SIZE(addrs))
				addrs[nr++] = iter.addr;
		dma_buf_phys_dma_unmap(&dma);
	}
	dma_resv_unlock(r->imp->dmabuf->resv);
	KUNIT_EXPECT_EQ(test, nr, 2);
	KUNIT_EXPECT_EQ(test, addrs[0], KT_BASE);
	KUNIT_EXPECT_EQ(test, addrs[1], KT_BASE + SZ_1M + WINDOW_SHIFT);

	/* Half of the first frag is in the one window, and half in the other */
	route_test_two_frags(test, r, KT_BASE + SZ_1M - PAGES(2), KT_BASE);
	KUNIT_EXPECT_EQ(test, route_test_try(r, 0, PAGES(4)), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_try(r, 0, PAGES(2)), 0);
	KUNIT_EXPECT_EQ(test, route_test_try(r, PAGES(2), PAGES(2)), 0);

	/* The first frag is in none, the one with the highest address is */
	route_test_two_frags(test, r, KT_BASE - PAGES(8), KT_BASE);
	KUNIT_EXPECT_EQ(test, route_test_try(r, 0, PAGES(8)), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_try(r, PAGES(4), PAGES(4)), 0);
	/* Who asks does not look: a map may go with its driver */
	KUNIT_EXPECT_EQ(test, route_test_tell(r, true),
			DMA_BUF_PHYS_ROUTE_MEMORY);
}

/* No device reaches what belongs to a guest */
static void route_test_encrypted(struct kunit *test)
{
	struct route_test_imp *r = route_test_imp(test);
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;

	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_ENCRYPTED, DMA_BUF_PHYS_WB,
			       NULL);
	dma_buf_phys_add_frag(&b, KT_BASE, KT_SIZE);
	list = dma_buf_phys_seal(&b, KT_SIZE);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	r->buf = kt_buf(test, list);
	r->imp = kt_attached(test, r->buf);
	KUNIT_EXPECT_EQ(test, route_test_tell(r, true),
			DMA_BUF_PHYS_ROUTE_ENCRYPTED);
	KUNIT_EXPECT_EQ(test, route_test_try(r, 0, KT_SIZE), -EOPNOTSUPP);
}

/* Not every architecture has a case that asks */
static void __maybe_unused
route_test_expect_in_place(struct kunit *test, struct route_test_imp *r,
			   bool in_place)
{
	const struct route_kind *kind = test->param_value;

	KUNIT_EXPECT_EQ(test, route_test_map(test, r, 0, KT_SIZE),
			in_place ? 0 : -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_tell(r, true),
			in_place ? kind->route :
				   DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE);
}

/* swiotlb=force, or a pool that the device is restricted to */
static void route_test_forced_to_bounce(struct kunit *test)
{
#ifdef CONFIG_SWIOTLB
	const struct route_kind *kind = test->param_value;
	struct route_test_imp *r = route_test_imp(test);
	struct io_tlb_mem *old = r->dev->dma_io_tlb_mem, *mem;

	mem = kunit_kzalloc(test, sizeof(*mem), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	route_test_expect_in_place(test, r, true);
	mem->force_bounce = true;
	r->dev->dma_io_tlb_mem = mem;
	route_test_expect_in_place(test, r,
				   kind->type == PCI_P2PDMA_MAP_BUS_ADDR);
	r->dev->dma_io_tlb_mem = old;
	route_test_expect_in_place(test, r, true);
#else
	kunit_skip(test, "no swiotlb");
#endif
}

#ifdef CONFIG_ARCH_HAS_DMA_OPS

/* What map_phys was told last, and the size of the platform's own pages */
static unsigned long route_test_last_attrs;
static unsigned long route_test_iommu_page;

static dma_addr_t route_test_plain_map(struct device *dev, phys_addr_t phys,
				       size_t size, enum dma_data_direction dir,
				       unsigned long attrs)
{
	route_test_last_attrs = attrs;
	return phys;
}

static void route_test_plain_unmap(struct device *dev, dma_addr_t addr,
				   size_t size, enum dma_data_direction dir,
				   unsigned long attrs)
{
}

static unsigned long route_test_plain_merge_boundary(struct device *dev)
{
	return route_test_iommu_page - 1;
}

static size_t route_test_bounce_max(struct device *dev)
{
	return SZ_256K;
}

static const struct dma_map_ops route_test_plain_ops = {
	.map_phys = route_test_plain_map,
	.unmap_phys = route_test_plain_unmap,
	.get_merge_boundary = route_test_plain_merge_boundary,
};

/* As Xen's: what it cannot map in place it copies, whatever it is told */
static const struct dma_map_ops route_test_bouncing_ops = {
	.map_phys = route_test_plain_map,
	.unmap_phys = route_test_plain_unmap,
	.max_mapping_size = route_test_bounce_max,
};

static void route_test_platform_bounces(struct kunit *test)
{
	const struct route_kind *kind = test->param_value;
	struct route_test_imp *r = route_test_imp(test);

	route_test_last_attrs = 0;
	set_dma_ops(r->dev, &route_test_bouncing_ops);
	/* MMIO is not among what it copies */
	route_test_expect_in_place(test, r, kind->type != PCI_P2PDMA_MAP_NONE);
	if (kind->type == PCI_P2PDMA_MAP_NONE)
		KUNIT_EXPECT_EQ(test, route_test_last_attrs, 0);
}

static void route_test_attributes(struct kunit *test)
{
	const struct route_kind *kind = test->param_value;
	struct route_test_imp *r = route_test_imp(test);

	route_test_last_attrs = 0;
	route_test_iommu_page = PAGE_SIZE;
	set_dma_ops(r->dev, &route_test_plain_ops);
	route_test_expect_in_place(test, r, true);
	KUNIT_EXPECT_EQ(test, route_test_last_attrs, kind->attrs);
}

/* Only whole pages of the IOMMU's, or the device reaches what is beside */
static void route_test_large_iommu_pages(struct kunit *test)
{
	const struct route_kind *kind = test->param_value;
	const bool bus = kind->type == PCI_P2PDMA_MAP_BUS_ADDR;
	struct route_test_imp *r = route_test_imp(test);

	set_dma_ops(r->dev, &route_test_plain_ops);
	route_test_iommu_page = PAGES(4);
	route_test_expect_in_place(test, r, true);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, PAGES(4), PAGES(8)), 0);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, PAGES(1), PAGES(4)),
			bus ? 0 : -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, route_test_map(test, r, PAGES(4), PAGES(3)),
			bus ? 0 : -EREMOTEIO);
	route_test_iommu_page = 2 * KT_SIZE;
	route_test_expect_in_place(test, r, bus);
}

#endif

static struct kunit_case route_test_cases[] = {
	KUNIT_CASE_PARAM(route_test_mask_limits, route_test_gen_params),
	KUNIT_CASE_PARAM(route_test_bus_limits, route_test_gen_params),
	KUNIT_CASE_PARAM(route_test_highest_first, route_test_memory_gen_params),
	KUNIT_CASE_PARAM(route_test_windows_of_a_bridge,
			 route_test_memory_gen_params),
	KUNIT_CASE_PARAM(route_test_encrypted, route_test_memory_gen_params),
	KUNIT_CASE_PARAM(route_test_forced_to_bounce, route_test_gen_params),
#ifdef CONFIG_ARCH_HAS_DMA_OPS
	KUNIT_CASE_PARAM(route_test_platform_bounces, route_test_gen_params),
	KUNIT_CASE_PARAM(route_test_attributes, route_test_gen_params),
	KUNIT_CASE_PARAM(route_test_large_iommu_pages, route_test_gen_params),
#endif
	{}
};

static struct kunit_suite route_test_suite = {
	.name = "dma-buf-phys-route",
	.test_cases = route_test_cases,
};

kunit_test_suites(&route_test_suite);
