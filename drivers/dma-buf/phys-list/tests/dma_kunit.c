// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mapping a slice for a device, on the routes that need no hardware: a device
 * without an IOMMU, whose DMA addresses are the physical ones, and one on a
 * platform with a &struct dma_map_ops, for which addresses must be kept. The
 * platform here shifts every address and counts what is mapped, so whatever is
 * unmapped wrongly, twice or not at all shows.
 *
 * Bus addresses are made up here. IOVA windows take real devices: see igt-tests.
 */
#include <kunit/device.h>
#include <kunit/static_stub.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <uapi/linux/dma-buf-phys.h>

#include "../internal.h"
#include "kunit.h"

/* Frags of 1, 7, 2, 1, 512 and 3 pages, a page apart, groups change after two */
static const u64 dma_test_lengths[] = {
	PAGES(1), PAGES(7), PAGES(2), PAGES(1), PAGES(512), PAGES(3),
};

#define TOTAL PAGES(526)

/* What the shifting platform adds to an address; each frag is three pages further on */
#define SHIFT ((dma_addr_t)SZ_1G * 3)

static dma_addr_t dma_test_shift(phys_addr_t paddr)
{
	phys_addr_t end = KT_BASE;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(dma_test_lengths); i++) {
		end += dma_test_lengths[i] + PAGE_SIZE;
		if (paddr < end)
			break;
	}
	return paddr + SHIFT + PAGES(3 * i);
}

/**
 * struct dma_test_platform - what the shifting platform has mapped
 * @nr: number of mappings
 * @sum: of their addresses
 * @bytes: of their lengths
 * @nr_mapped: how often it was asked
 * @fail_at: which mapping fails, counted from 1; 0: none
 * @list: what is mapped
 * @nr_late: how often something was unmapped of a list that nobody had mapped any more
 */
static struct dma_test_platform {
	int nr;
	u64 sum;
	u64 bytes;
	unsigned int nr_mapped;
	unsigned int fail_at;
	const struct dma_buf_phys_list *list;
	unsigned int nr_late;
} dma_test_platform;

#ifdef CONFIG_ARCH_HAS_DMA_OPS
static dma_addr_t dma_test_shift_map(struct device *dev, phys_addr_t phys,
				     size_t size, enum dma_data_direction dir,
				     unsigned long attrs)
{
	if (++dma_test_platform.nr_mapped == dma_test_platform.fail_at)
		return DMA_MAPPING_ERROR;
	dma_test_platform.nr++;
	dma_test_platform.sum += dma_test_shift(phys);
	dma_test_platform.bytes += size;
	return dma_test_shift(phys);
}

static void dma_test_shift_unmap(struct device *dev, dma_addr_t addr,
				 size_t size, enum dma_data_direction dir,
				 unsigned long attrs)
{
	dma_test_platform.nr--;
	dma_test_platform.sum -= addr;
	dma_test_platform.bytes -= size;
	if (dma_test_platform.list && !dma_test_platform.list->nr_mapped)
		dma_test_platform.nr_late++;
}

static const struct dma_map_ops dma_test_shift_ops = {
	.map_phys = dma_test_shift_map,
	.unmap_phys = dma_test_shift_unmap,
};
#endif

static const struct {
	const char *name;
	const struct dma_map_ops *ops;
} dma_test_platforms[] = {
	{ "direct", NULL },
#ifdef CONFIG_ARCH_HAS_DMA_OPS
	{ "dma_map_ops", &dma_test_shift_ops },
#endif
};

static const void *dma_test_gen_params(struct kunit *test, const void *prev,
				       char *desc)
{
	const typeof(dma_test_platforms[0]) *p = prev;

	p = p ? p + 1 : dma_test_platforms;
	if (p == dma_test_platforms + ARRAY_SIZE(dma_test_platforms))
		return NULL;
	strscpy(desc, p->name, KUNIT_PARAM_DESC_SIZE);
	return p;
}

/**
 * struct dma_test_imp - an importer that maps for a device
 * @imp: what it is otherwise
 * @dev: the device
 * @shifts: its platform shifts addresses
 * @dma: the mapping
 */
struct dma_test_imp {
	struct kt_imp *imp;
	struct device *dev;
	bool shifts;
	struct dma_buf_phys_dma dma;
};

static struct dma_buf_phys_list *dma_test_list(struct kunit *test)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	phys_addr_t paddr = KT_BASE;
	unsigned int i;

	dma_buf_phys_build(&b, ARRAY_SIZE(dma_test_lengths));
	for (i = 0; i < ARRAY_SIZE(dma_test_lengths); i++) {
		dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU,
				       i / 2 % 2 ? DMA_BUF_PHYS_WB :
						   DMA_BUF_PHYS_UC, NULL);
		dma_buf_phys_add_frag(&b, paddr, dma_test_lengths[i]);
		paddr += dma_test_lengths[i] + PAGE_SIZE;
	}
	list = dma_buf_phys_seal(&b, TOTAL);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	return list;
}

static dma_addr_t dma_test_addr(const struct dma_test_imp *imp, phys_addr_t paddr)
{
	return imp->shifts ? dma_test_shift(paddr) : paddr;
}

static struct dma_test_imp *dma_test_imp(struct kunit *test, struct kt_buf *buf)
{
	const typeof(dma_test_platforms[0]) *p = test->param_value;
	struct dma_test_imp *imp;

	imp = kunit_kzalloc(test, sizeof(*imp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, imp);
	imp->dev = kunit_device_register(test, "importer");
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(imp->dev), 0);
	KUNIT_ASSERT_EQ(test,
			dma_set_mask_and_coherent(imp->dev, DMA_BIT_MASK(64)),
			0);
	if (p) {
		set_dma_ops(imp->dev, p->ops);
		imp->shifts = p->ops;
	}
	dma_test_platform = (struct dma_test_platform){};
	imp->imp = kt_attached(test, buf);
	return imp;
}

static int dma_test_map(struct dma_test_imp *imp, u64 offset, u64 length)
{
	int ret;

	dma_resv_lock(imp->imp->dmabuf->resv, NULL);
	ret = dma_buf_phys_dma_map(imp->imp->at, imp->dev, offset, length,
				   DMA_BIDIRECTIONAL, &imp->dma);
	dma_resv_unlock(imp->imp->dmabuf->resv);
	return ret;
}

static void dma_test_unmap(struct dma_test_imp *imp)
{
	dma_resv_lock(imp->imp->dmabuf->resv, NULL);
	dma_buf_phys_dma_unmap(&imp->dma);
	dma_resv_unlock(imp->imp->dmabuf->resv);
}

static void dma_test_expect_nothing_mapped(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dma_test_platform.nr, 0);
	KUNIT_EXPECT_EQ(test, dma_test_platform.sum, 0);
	KUNIT_EXPECT_EQ(test, dma_test_platform.bytes, 0);
	/* A revoke would have returned, and the list be freed */
	KUNIT_EXPECT_EQ(test, dma_test_platform.nr_late, 0);
}

/* Ranges of a part of the mapping against the frags of the same bytes */
static void dma_test_expect_ranges(struct kunit *test, struct dma_test_imp *imp,
				   const struct dma_buf_phys_list *list,
				   u64 slice, u64 offset, u64 length)
{
	struct dma_buf_phys_dma_iter range, *r;
	struct dma_buf_phys_iter frag;
	unsigned int wrong = 0, nr = 0;
	u64 next = offset;

	r = dma_buf_phys_dma_first(&range, &imp->dma, offset, length);
	dma_buf_phys_for_each_frag(&frag, list, slice + offset, length) {
		if (!r) {
			wrong++;
			continue;
		}
		if (r->addr != dma_test_addr(imp, frag.paddr) ||
		    r->length != frag.length || r->offset != next ||
		    r->p2p || r->bus_addr)
			wrong++;
		next += r->length;
		nr++;
		r = dma_buf_phys_dma_next(r);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_NULL(test, r);
	KUNIT_EXPECT_EQ(test, next, offset + length);
	if (length == imp->dma.length)
		KUNIT_EXPECT_EQ(test, dma_buf_phys_dma_max_ranges(&imp->dma), nr);
}

/* Every slice of some that start and end at, before and after a frag's ends */
static void dma_test_slices(struct kunit *test)
{
	static const u64 edges[] = {
		0, PAGES(1), PAGES(2), PAGES(7), PAGES(8), PAGES(9), PAGES(10),
		PAGES(11), PAGES(100), PAGES(523), PAGES(524), TOTAL,
	};
	struct kt_buf *buf = kt_buf(test, dma_test_list(test));
	struct dma_test_imp *imp = dma_test_imp(test, buf);
	unsigned int i, j;

	dma_test_platform.list = buf->phys.list;
	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (j = i + 1; j < ARRAY_SIZE(edges); j++) {
			u64 length = edges[j] - edges[i];

			KUNIT_ASSERT_EQ(test,
					dma_test_map(imp, edges[i], length), 0);
			dma_test_expect_ranges(test, imp, buf->phys.list,
					       edges[i], 0, length);
			/* Parts that start and end inside pages */
			dma_test_expect_ranges(test, imp, buf->phys.list,
					       edges[i], 5, length - 9);
			dma_test_expect_ranges(test, imp, buf->phys.list,
					       edges[i], length / 2 + 3,
					       length / 2 - 3);
			dma_test_unmap(imp);
			dma_test_expect_nothing_mapped(test);
		}
	}
}

static void dma_test_bad_slices(struct kunit *test)
{
	static const u64 bad[][2] = {
		{ 0, 0 }, { TOTAL, PAGES(1) }, { 0, TOTAL + PAGES(1) },
		{ PAGES(1), TOTAL }, { 1, PAGES(1) }, { 0, 1 },
		{ 0, PAGES(1) + 1 }, { U64_MAX - PAGES(1) + 1, PAGES(2) },
		{ PAGES(1), U64_MAX - PAGES(1) + 1 },
	};
	struct kt_buf *buf = kt_buf(test, dma_test_list(test));
	struct dma_test_imp *imp = dma_test_imp(test, buf);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, dma_test_map(imp, bad[i][0], bad[i][1]),
				-EINVAL);
	/* None is left mapped */
	dma_buf_phys_revoke(&buf->phys);
	dma_test_expect_nothing_mapped(test);
}

static void dma_test_parts_outside(struct kunit *test)
{
	static const u64 bad[][2] = {
		{ 0, 0 }, { 0, PAGES(3) + 1 }, { PAGES(3), 1 },
		{ PAGES(1), U64_MAX }, { U64_MAX, 2 },
	};
	struct kt_buf *buf = kt_buf(test, dma_test_list(test));
	struct dma_test_imp *imp = dma_test_imp(test, buf);
	struct dma_buf_phys_dma_iter iter;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, dma_test_map(imp, PAGES(2), PAGES(3)), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_NULL(test,
				  dma_buf_phys_dma_first(&iter, &imp->dma,
							 bad[i][0], bad[i][1]));
	dma_test_unmap(imp);
}

/* Whichever frag cannot be mapped: the ones before it are undone */
static void dma_test_partial_failure(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, dma_test_list(test));
	struct dma_test_imp *imp = dma_test_imp(test, buf);
	unsigned int i;

	if (!imp->shifts) {
		/* The fifth frag is the one that reaches too far */
		KUNIT_ASSERT_EQ(test,
				dma_set_mask(imp->dev, KT_BASE + SZ_1M - 1), 0);
		KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, TOTAL), -EREMOTEIO);
		KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, PAGES(11)), 0);
		dma_test_unmap(imp);
	}
	for (i = 1; imp->shifts && i <= ARRAY_SIZE(dma_test_lengths); i++) {
		dma_test_platform = (struct dma_test_platform){ .fail_at = i };
		KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, TOTAL), -EIO);
		KUNIT_EXPECT_EQ(test, dma_test_platform.nr_mapped, i);
		dma_test_expect_nothing_mapped(test);
	}
	/* Nor is the list: revoke has nothing to wait for */
	dma_buf_phys_revoke(&buf->phys);
}

/* A mapping holds a revoke up until it is undone, and none comes after it */
static void dma_test_revoked(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, dma_test_list(test));
	struct dma_test_imp *imp = dma_test_imp(test, buf);

	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, TOTAL), -ENODEV);
	dma_buf_phys_restore(&buf->phys);
	KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, TOTAL), 0);
	dma_test_unmap(imp);
	dma_buf_phys_kill(&buf->phys);
	KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, TOTAL), -ENODEV);
	dma_test_expect_nothing_mapped(test);
}

static void dma_test_encrypted(struct kunit *test)
{
	struct dma_buf_phys_list *list =
		kt_list_of_two(test, DMA_BUF_PHYS_ENCRYPTED, DMA_BUF_PHYS_CPU,
			       NULL);
	struct dma_test_imp *imp = dma_test_imp(test, kt_buf(test, list));

	KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, KT_SIZE), -EOPNOTSUPP);
	/* Nor what is beside it: a dma-buf is encrypted or it is not */
	KUNIT_EXPECT_EQ(test, dma_test_map(imp, KT_SIZE, KT_SIZE), -EOPNOTSUPP);
}

/* A BAR that is reached by bus address, one through the host bridge; then swapped */
static struct p2pdma_provider dma_test_bars[2];
static bool dma_test_swapped;

static enum pci_p2pdma_map_type
dma_test_map_type(struct device *dev, const struct dma_buf_phys_group *group,
		  bool ask)
{
	return group->provider == &dma_test_bars[dma_test_swapped] ?
	       PCI_P2PDMA_MAP_BUS_ADDR : PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
}

/* Groups of two pages, a page apart, of the one BAR and the other in turns */
static struct dma_buf_phys_list *dma_test_list_of_bars(struct kunit *test,
						       unsigned int nr_groups)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	unsigned int i;

	dma_buf_phys_build(&b, 2 * nr_groups);
	for (i = 0; i < 2 * nr_groups; i++) {
		dma_buf_phys_add_group(&b, DMA_BUF_PHYS_P2P, DMA_BUF_PHYS_UC,
				       &dma_test_bars[i / 2 % 2]);
		dma_buf_phys_add_frag(&b, KT_BASE + PAGES(2 * i), PAGE_SIZE);
	}
	list = dma_buf_phys_seal(&b, PAGES(2 * nr_groups));
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	KUNIT_ASSERT_EQ(test, list->nr_groups, nr_groups);
	return list;
}

static void dma_test_expect_bars(struct kunit *test, struct dma_test_imp *imp,
				 u64 slice, u64 length)
{
	struct dma_buf_phys_dma_iter iter;
	unsigned int wrong = 0, nr = 0;
	u64 next = 0;

	dma_buf_phys_for_each_dma(&iter, &imp->dma, 0, length) {
		u64 page = (slice + iter.offset) / PAGE_SIZE;
		bool bus = page / 2 % 2 == 0;
		phys_addr_t paddr = KT_BASE + PAGES(2 * page);

		if (iter.bus_addr != bus || !iter.p2p || iter.offset != next ||
		    iter.length != PAGE_SIZE ||
		    iter.addr != (bus ? paddr + dma_test_bars[0].bus_offset :
					dma_test_addr(imp, paddr)))
			wrong++;
		next += iter.length;
		nr++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_dma_max_ranges(&imp->dma), nr);
	KUNIT_EXPECT_EQ(test, next, length);
}

/* Whatever the PCI core says by then: a mapping is walked and undone as it was made */
static void dma_test_routes_change(struct kunit *test)
{
	static const struct {
		unsigned int nr_groups;
		u64 offset, length;
	} slices[] = {
		{ 2, 0, PAGES(4) }, { 3, PAGES(1), PAGES(4) },
		{ 64, 0, PAGES(128) }, { 64, PAGES(125), PAGES(3) },
		{ 65, 0, PAGES(130) }, { 200, PAGES(255), PAGES(8) },
	};
	struct dma_test_imp *imp = NULL;
	struct kt_buf *buf;
	unsigned int i;

	kunit_activate_static_stub(test, dma_buf_phys_map_type,
				   dma_test_map_type);
	dma_test_bars[0].bus_offset = SZ_1G;
	for (i = 0; i < ARRAY_SIZE(slices); i++) {
		buf = kt_buf(test,
			     dma_test_list_of_bars(test, slices[i].nr_groups));
		if (imp)
			imp->imp = kt_attached(test, buf);
		else
			imp = dma_test_imp(test, buf);
		dma_test_bars[0].owner = imp->dev;
		dma_test_bars[1].owner = imp->dev;
		dma_test_swapped = false;
		KUNIT_ASSERT_EQ(test, dma_test_map(imp, slices[i].offset,
						   slices[i].length), 0);
		dma_test_expect_bars(test, imp, slices[i].offset,
				     slices[i].length);
		dma_test_swapped = true;
		dma_test_expect_bars(test, imp, slices[i].offset,
				     slices[i].length);
		dma_test_unmap(imp);
		dma_test_expect_nothing_mapped(test);
	}
}

/* Each BAR has its own route, in whichever order a program is told of them */
static void dma_test_query_of_bars(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, dma_test_list_of_bars(test, 4));
	struct dma_test_imp *imp = dma_test_imp(test, buf);
	struct phys_route_query query = { .dev = imp->dev };
	unsigned int i;

	kunit_activate_static_stub(test, dma_buf_phys_map_type,
				   dma_test_map_type);
	dma_test_swapped = false;
	dma_resv_lock(imp->imp->dmabuf->resv, NULL);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test,
				dma_buf_phys_query_group(&query, buf->phys.list,
							 &buf->phys.list->groups[i]),
				i % 2 ? DMA_BUF_PHYS_ROUTE_HOST_BRIDGE :
					DMA_BUF_PHYS_ROUTE_BUS_ADDR);
	dma_resv_unlock(imp->imp->dmabuf->resv);
}

static enum pci_p2pdma_map_type
dma_test_map_type_or_none(struct device *dev,
			  const struct dma_buf_phys_group *group, bool ask)
{
	return group->provider == &dma_test_bars[0] ?
	       PCI_P2PDMA_MAP_NOT_SUPPORTED : PCI_P2PDMA_MAP_THRU_HOST_BRIDGE;
}

/* Groups without a route are in nobody's way who does not ask for them */
static void dma_test_route_of_others(struct kunit *test)
{
	struct dma_test_imp *imp;

	imp = dma_test_imp(test, kt_buf(test, dma_test_list_of_bars(test, 3)));
	kunit_activate_static_stub(test, dma_buf_phys_map_type,
				   dma_test_map_type_or_none);
	dma_test_bars[0].owner = imp->dev;
	KUNIT_EXPECT_EQ(test, dma_test_map(imp, PAGES(1), PAGES(3)), -EREMOTEIO);
	KUNIT_EXPECT_EQ(test, dma_test_map(imp, PAGES(2), PAGES(3)), -EREMOTEIO);
	KUNIT_ASSERT_EQ(test, dma_test_map(imp, PAGES(2), PAGES(2)), 0);
	dma_test_unmap(imp);
	dma_test_expect_nothing_mapped(test);
}

static enum pci_p2pdma_map_type
dma_test_map_type_at_last(struct device *dev,
			  const struct dma_buf_phys_group *group, bool ask)
{
	return group->offset < PAGES(254) ? PCI_P2PDMA_MAP_BUS_ADDR :
					    PCI_P2PDMA_MAP_NOT_SUPPORTED;
}

/* What was noted of groups before the one without a route does not leak */
static void dma_test_no_route_at_last(struct kunit *test)
{
	struct dma_test_imp *imp;

	imp = dma_test_imp(test, kt_buf(test, dma_test_list_of_bars(test, 128)));
	kunit_activate_static_stub(test, dma_buf_phys_map_type,
				   dma_test_map_type_at_last);
	dma_test_bars[1].owner = imp->dev;
	KUNIT_EXPECT_EQ(test, dma_test_map(imp, 0, PAGES(256)), -EREMOTEIO);
	KUNIT_ASSERT_EQ(test, dma_test_map(imp, 0, PAGES(254)), 0);
	dma_test_unmap(imp);
}

/* Who waits for a long mapping can be killed, and what was mapped is undone */
static void dma_test_killed(struct kunit *test)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	struct dma_test_imp *imp;
	unsigned int i;
	int ret;

	dma_buf_phys_build(&b, 4);
	for (i = 0; i < 4; i++) {
		dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB,
				       NULL);
		dma_buf_phys_add_frag(&b, KT_BASE + i * SZ_1G, SZ_16M);
	}
	list = dma_buf_phys_seal(&b, 4 * SZ_16M);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	imp = dma_test_imp(test, kt_buf(test, list));

	kt_signal(current, SIGKILL);
	ret = dma_test_map(imp, 0, 4 * SZ_16M);
	kt_unsignal(SIGKILL);
	KUNIT_EXPECT_EQ(test, ret, -EINTR);
	if (!ret)
		dma_test_unmap(imp);
	dma_test_expect_nothing_mapped(test);

	/* What is short is not looked at */
	kt_signal(current, SIGKILL);
	ret = dma_test_map(imp, 0, SZ_16M);
	kt_unsignal(SIGKILL);
	KUNIT_ASSERT_EQ(test, ret, 0);
	dma_test_unmap(imp);
	KUNIT_ASSERT_EQ(test, dma_test_map(imp, 0, 4 * SZ_16M), 0);
	dma_test_unmap(imp);
	dma_test_expect_nothing_mapped(test);
}

static struct kunit_case dma_test_cases[] = {
	KUNIT_CASE_PARAM(dma_test_slices, dma_test_gen_params),
	KUNIT_CASE_PARAM(dma_test_bad_slices, dma_test_gen_params),
	KUNIT_CASE_PARAM(dma_test_parts_outside, dma_test_gen_params),
	KUNIT_CASE_PARAM(dma_test_partial_failure, dma_test_gen_params),
	KUNIT_CASE_PARAM(dma_test_revoked, dma_test_gen_params),
	KUNIT_CASE_PARAM(dma_test_routes_change, dma_test_gen_params),
	KUNIT_CASE(dma_test_query_of_bars),
	KUNIT_CASE_PARAM(dma_test_route_of_others, dma_test_gen_params),
	KUNIT_CASE_PARAM(dma_test_no_route_at_last, dma_test_gen_params),
	KUNIT_CASE_PARAM(dma_test_killed, dma_test_gen_params),
	KUNIT_CASE(dma_test_encrypted),
	{}
};

static struct kunit_suite dma_test_suite = {
	.name = "dma_buf_phys_dma",
	.test_cases = dma_test_cases,
};

kunit_test_suites(&dma_test_suite);
