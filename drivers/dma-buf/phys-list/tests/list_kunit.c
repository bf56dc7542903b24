// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building lists: what is accepted, what is refused, what is merged.
 */
#include "../internal.h"
#include "kunit.h"

#define CPU DMA_BUF_PHYS_CPU
#define P2P DMA_BUF_PHYS_P2P
#define ENC DMA_BUF_PHYS_ENCRYPTED
#define WB DMA_BUF_PHYS_WB
#define WC DMA_BUF_PHYS_WC
#define UC DMA_BUF_PHYS_UC
#define NONE (-1)

/* Providers are only compared when a list is built, never looked at */
static struct p2pdma_provider list_test_providers[2];

#define BAR(n) (&list_test_providers[n])

/* A call of add_group if @group, otherwise of add_frag */
struct step {
	bool group;
	int type;
	int attr;
	struct p2pdma_provider *provider;
	phys_addr_t paddr;
	u64 length;
};

#define GROUP(t, a, p) { .group = true, .type = t, .attr = a, .provider = p }
#define FRAG(addr, len) { .paddr = addr, .length = len }
#define AT(n) (KT_BASE + PAGES(n))

#define MAX_STEPS 8

static void list_test_add_step(struct dma_buf_phys_builder *b,
			       const struct step *step)
{
	if (step->group)
		dma_buf_phys_add_group(b, step->type, step->attr,
				       step->provider);
	else
		dma_buf_phys_add_frag(b, step->paddr, step->length);
}

/* The end of the steps: neither a group nor a frag that an array here holds */
static bool list_test_is_end(const struct step *step)
{
	return !step->group && step->paddr == 0 && step->length == 0;
}

static struct dma_buf_phys_list *list_test_build(const struct step *steps,
						 u64 size)
{
	struct dma_buf_phys_builder b;
	unsigned int i;

	dma_buf_phys_build(&b, 2);
	for (i = 0; i < MAX_STEPS && !list_test_is_end(&steps[i]); i++)
		list_test_add_step(&b, &steps[i]);
	return dma_buf_phys_seal(&b, size);
}

struct bad_list {
	const char *name;
	int err;
	u64 size;
	struct step steps[MAX_STEPS];
};

static const struct bad_list list_test_bad_lists[] = {
	{ "no frag, no group, size 0", -EINVAL, 0, {} },
	{ "no frag, size 0", -EINVAL, 0, { GROUP(CPU, WB, NULL) } },
	{ "no frag, size not 0", -EINVAL, PAGES(1), { GROUP(CPU, WB, NULL) } },
	{ "frag without a group", -EINVAL, PAGES(1), { FRAG(AT(0), PAGES(1)) } },
	{ "empty frag", -EINVAL, 0,
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), 0) } },
	{ "empty frag after a good one", -EINVAL, PAGES(1),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)), FRAG(AT(2), 0) } },
	{ "base not aligned", -EINVAL, PAGES(1),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0) + 1, PAGES(1)) } },
	{ "base aligned to half a page", -EINVAL, PAGES(1),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0) + PAGE_SIZE / 2, PAGES(1)) } },
	{ "length not aligned", -EINVAL, PAGES(1) + 1,
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1) + 1) } },
	{ "length less than a page", -EINVAL, 512,
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), 512) } },
	{ "base + length overflows", -EOVERFLOW, PAGES(2),
	  { GROUP(CPU, WB, NULL), FRAG(-(phys_addr_t)PAGE_SIZE, PAGES(2)) } },
	{ "base + length is 2^64", -EOVERFLOW, PAGES(1),
	  { GROUP(CPU, WB, NULL), FRAG(-(phys_addr_t)PAGE_SIZE, PAGES(1)) } },
	{ "longest length overflows", -EOVERFLOW, -(u64)PAGE_SIZE,
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), -(u64)PAGE_SIZE) } },
	{ "sum overflows to 0", -EOVERFLOW, 0,
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), BIT_ULL(63)),
	    FRAG(AT(1), BIT_ULL(63)) } },
	{ "sum overflows to a page", -EOVERFLOW, PAGES(1),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), BIT_ULL(63)),
	    FRAG(AT(1), BIT_ULL(63)), FRAG(AT(0), PAGES(1)) } },
	{ "shorter than the dma-buf", -EINVAL, PAGES(3),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)) } },
	{ "longer than the dma-buf", -EINVAL, PAGES(1),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)) } },
	{ "a byte longer than the dma-buf", -EINVAL, PAGES(2) - 1,
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)) } },
	{ "P2P without provider", -EINVAL, PAGES(1),
	  { GROUP(P2P, UC, NULL), FRAG(AT(0), PAGES(1)) } },
	{ "CPU with provider", -EINVAL, PAGES(1),
	  { GROUP(CPU, WB, BAR(0)), FRAG(AT(0), PAGES(1)) } },
	{ "encrypted with provider", -EINVAL, PAGES(1),
	  { GROUP(ENC, WB, BAR(0)), FRAG(AT(0), PAGES(1)) } },
	{ "type too large", -EINVAL, PAGES(1),
	  { GROUP(DMA_BUF_PHYS_NR_TYPES, WB, NULL), FRAG(AT(0), PAGES(1)) } },
	{ "type negative", -EINVAL, PAGES(1),
	  { GROUP(NONE, WB, NULL), FRAG(AT(0), PAGES(1)) } },
	{ "attribute too large", -EINVAL, PAGES(1),
	  { GROUP(CPU, DMA_BUF_PHYS_NR_ATTRS, NULL), FRAG(AT(0), PAGES(1)) } },
	{ "attribute negative", -EINVAL, PAGES(1),
	  { GROUP(CPU, NONE, NULL), FRAG(AT(0), PAGES(1)) } },
	{ "bad group in the middle", -EINVAL, PAGES(2),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)), GROUP(P2P, UC, NULL),
	    FRAG(AT(8), PAGES(1)) } },
	{ "encrypted twice", -EINVAL, PAGES(3),
	  { GROUP(ENC, WB, NULL), FRAG(AT(0), PAGES(2)),
	    FRAG(AT(0), PAGES(1)) } },
	{ "encrypted inside encrypted", -EINVAL, PAGES(5),
	  { GROUP(ENC, WB, NULL), FRAG(AT(1), PAGES(1)),
	    FRAG(AT(0), PAGES(4)) } },
	{ "encrypted overlap of two groups", -EINVAL, PAGES(4),
	  { GROUP(ENC, WB, NULL), FRAG(AT(0), PAGES(2)), GROUP(ENC, UC, NULL),
	    FRAG(AT(1), PAGES(2)) } },
	{ "encrypted, then CPU on top", -EINVAL, PAGES(4),
	  { GROUP(ENC, WB, NULL), FRAG(AT(0), PAGES(2)), GROUP(CPU, WB, NULL),
	    FRAG(AT(1), PAGES(2)) } },
	{ "CPU, then encrypted on top", -EINVAL, PAGES(4),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)), GROUP(ENC, WB, NULL),
	    FRAG(AT(1), PAGES(2)) } },
	{ "encrypted at the CPU's base", -EINVAL, PAGES(3),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)), GROUP(ENC, WB, NULL),
	    FRAG(AT(0), PAGES(1)) } },
	/* The frag that sorts between the two does not hide the overlap */
	{ "encrypted overlap behind a short frag", -EINVAL, PAGES(10),
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(8)), FRAG(AT(2), PAGES(1)),
	    GROUP(ENC, WB, NULL), FRAG(AT(5), PAGES(1)) } },
	{ "P2P overlaps encrypted", -EINVAL, PAGES(2),
	  { GROUP(ENC, WB, NULL), FRAG(AT(0), PAGES(1)),
	    GROUP(P2P, UC, BAR(0)), FRAG(AT(0), PAGES(1)) } },
};

KUNIT_ARRAY_PARAM_DESC(list_test_bad, list_test_bad_lists, name);

static void list_test_refused(struct kunit *test)
{
	const struct bad_list *bad = test->param_value;
	struct dma_buf_phys_list *list = list_test_build(bad->steps, bad->size);

	KUNIT_EXPECT_TRUE(test, IS_ERR(list));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(list), bad->err);
	if (!IS_ERR(list))
		dma_buf_phys_list_free(list);
}

struct good_list {
	const char *name;
	struct step steps[MAX_STEPS];
	u64 size;
	size_t nr_frags;
	unsigned int nr_groups;
	struct dma_buf_phys_group groups[4];
};

static const struct good_list list_test_good_lists[] = {
	{ "one page",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)) },
	  PAGES(1), 1, 1, { { CPU, WB, NULL, 0, PAGES(1), 1 } } },
	{ "longer than 4 GiB",
	  { GROUP(P2P, WC, BAR(0)), FRAG(AT(0), 9ULL * SZ_1G) },
	  9ULL * SZ_1G, 1, 1,
	  { { P2P, WC, BAR(0), 0, 9ULL * SZ_1G, 1 } } },
	{ "up to the last address but one page",
	  { GROUP(CPU, WB, NULL),
	    FRAG(-(phys_addr_t)(2 * PAGE_SIZE), PAGES(1)) },
	  PAGES(1), 1, 1, { { CPU, WB, NULL, 0, PAGES(1), 1 } } },
	{ "address 0 is an address",
	  { GROUP(CPU, WB, NULL), FRAG(0, PAGES(1)) },
	  PAGES(1), 1, 1, { { CPU, WB, NULL, 0, PAGES(1), 1 } } },
	{ "adjacent frags merge",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)), FRAG(AT(1), PAGES(2)),
	    FRAG(AT(3), PAGES(1)) },
	  PAGES(4), 1, 1, { { CPU, WB, NULL, 0, PAGES(4), 1 } } },
	{ "adjacent backwards does not merge",
	  { GROUP(CPU, WB, NULL), FRAG(AT(1), PAGES(1)), FRAG(AT(0), PAGES(1)) },
	  PAGES(2), 2, 1, { { CPU, WB, NULL, 0, PAGES(2), 2 } } },
	{ "a gap does not merge",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)), FRAG(AT(2), PAGES(1)) },
	  PAGES(2), 2, 1, { { CPU, WB, NULL, 0, PAGES(2), 2 } } },
	{ "other type, adjacent",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)), GROUP(ENC, WB, NULL),
	    FRAG(AT(1), PAGES(2)) },
	  PAGES(3), 2, 2,
	  { { CPU, WB, NULL, 0, PAGES(1), 1 },
	    { ENC, WB, NULL, PAGES(1), PAGES(2), 1 } } },
	{ "other attribute, adjacent",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)), GROUP(CPU, WC, NULL),
	    FRAG(AT(1), PAGES(1)), GROUP(CPU, UC, NULL),
	    FRAG(AT(2), PAGES(1)) },
	  PAGES(3), 3, 3,
	  { { CPU, WB, NULL, 0, PAGES(1), 1 },
	    { CPU, WC, NULL, PAGES(1), PAGES(1), 1 },
	    { CPU, UC, NULL, PAGES(2), PAGES(1), 1 } } },
	{ "other provider, adjacent",
	  { GROUP(P2P, UC, BAR(0)), FRAG(AT(0), PAGES(1)),
	    GROUP(P2P, UC, BAR(1)), FRAG(AT(1), PAGES(1)) },
	  PAGES(2), 2, 2,
	  { { P2P, UC, BAR(0), 0, PAGES(1), 1 },
	    { P2P, UC, BAR(1), PAGES(1), PAGES(1), 1 } } },
	{ "equal groups merge, and their frags",
	  { GROUP(P2P, UC, BAR(0)), FRAG(AT(0), PAGES(1)),
	    GROUP(P2P, UC, BAR(0)), FRAG(AT(1), PAGES(1)),
	    FRAG(AT(8), PAGES(1)) },
	  PAGES(3), 2, 1, { { P2P, UC, BAR(0), 0, PAGES(3), 2 } } },
	{ "empty groups leave no trace",
	  { GROUP(ENC, UC, NULL), GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)),
	    GROUP(P2P, UC, BAR(0)), GROUP(CPU, WB, NULL),
	    FRAG(AT(1), PAGES(1)), GROUP(CPU, UC, NULL) },
	  PAGES(2), 1, 1, { { CPU, WB, NULL, 0, PAGES(2), 1 } } },
	{ "back to an earlier kind is a new group",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(1)), GROUP(CPU, UC, NULL),
	    FRAG(AT(1), PAGES(1)), GROUP(CPU, WB, NULL),
	    FRAG(AT(2), PAGES(1)) },
	  PAGES(3), 3, 3,
	  { { CPU, WB, NULL, 0, PAGES(1), 1 },
	    { CPU, UC, NULL, PAGES(1), PAGES(1), 1 },
	    { CPU, WB, NULL, PAGES(2), PAGES(1), 1 } } },
	{ "CPU memory twice",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)),
	    FRAG(AT(0), PAGES(2)) },
	  PAGES(4), 2, 1, { { CPU, WB, NULL, 0, PAGES(4), 2 } } },
	{ "CPU memory twice beside encrypted",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)), FRAG(AT(1), PAGES(1)),
	    GROUP(ENC, WB, NULL), FRAG(AT(4), PAGES(1)) },
	  PAGES(4), 3, 2,
	  { { CPU, WB, NULL, 0, PAGES(3), 2 },
	    { ENC, WB, NULL, PAGES(3), PAGES(1), 1 } } },
	{ "encrypted may touch its neighbours",
	  { GROUP(CPU, WB, NULL), FRAG(AT(0), PAGES(2)), GROUP(ENC, WB, NULL),
	    FRAG(AT(2), PAGES(1)), FRAG(AT(4), PAGES(1)),
	    FRAG(AT(3), PAGES(1)), GROUP(CPU, WB, NULL),
	    FRAG(AT(5), PAGES(1)) },
	  PAGES(6), 5, 3,
	  { { CPU, WB, NULL, 0, PAGES(2), 1 },
	    { ENC, WB, NULL, PAGES(2), PAGES(3), 3 },
	    { CPU, WB, NULL, PAGES(5), PAGES(1), 1 } } },
};

KUNIT_ARRAY_PARAM_DESC(list_test_good, list_test_good_lists, name);

static void list_test_accepted(struct kunit *test)
{
	const struct good_list *good = test->param_value;
	const struct dma_buf_phys_group *groups;
	struct dma_buf_phys_list *list;
	unsigned int nr_groups, i;

	list = list_test_build(good->steps, good->size);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	KUNIT_EXPECT_EQ(test, list->size, good->size);
	KUNIT_EXPECT_EQ(test, list->nr_frags, good->nr_frags);

	groups = dma_buf_phys_list_groups(list, &nr_groups);
	KUNIT_EXPECT_EQ(test, nr_groups, good->nr_groups);
	for (i = 0; i < min(nr_groups, good->nr_groups); i++) {
		KUNIT_EXPECT_EQ(test, groups[i].type, good->groups[i].type);
		KUNIT_EXPECT_EQ(test, groups[i].attr, good->groups[i].attr);
		KUNIT_EXPECT_PTR_EQ(test, groups[i].provider,
				    good->groups[i].provider);
		KUNIT_EXPECT_EQ(test, groups[i].offset, good->groups[i].offset);
		KUNIT_EXPECT_EQ(test, groups[i].length, good->groups[i].length);
		KUNIT_EXPECT_EQ(test, groups[i].nr_frags,
				good->groups[i].nr_frags);
	}
	dma_buf_phys_list_free(list);
}

/* Every memory attribute gets through with every type: not all MMIO is alike */
static void list_test_attributes_are_kept(struct kunit *test)
{
	const struct dma_buf_phys_group *groups;
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	unsigned int type, attr, nr, i = 0;

	dma_buf_phys_build(&b, 1);
	for (type = 0; type < DMA_BUF_PHYS_NR_TYPES; type++) {
		for (attr = 0; attr < DMA_BUF_PHYS_NR_ATTRS; attr++) {
			dma_buf_phys_add_group(&b, type, attr,
					       type == P2P ? BAR(0) : NULL);
			dma_buf_phys_add_frag(&b, AT(i++), PAGES(1));
		}
	}
	list = dma_buf_phys_seal(&b, PAGES(i));
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);

	groups = dma_buf_phys_list_groups(list, &nr);
	KUNIT_EXPECT_EQ(test, nr,
			DMA_BUF_PHYS_NR_TYPES * DMA_BUF_PHYS_NR_ATTRS);
	for (i = 0; i < nr; i++) {
		type = i / DMA_BUF_PHYS_NR_ATTRS;
		attr = i % DMA_BUF_PHYS_NR_ATTRS;
		KUNIT_EXPECT_EQ(test, (unsigned int)groups[i].type, type);
		KUNIT_EXPECT_EQ(test, (unsigned int)groups[i].attr, attr);
		KUNIT_EXPECT_PTR_EQ(test, groups[i].provider,
				    type == P2P ? list_test_providers : NULL);
	}
	dma_buf_phys_list_free(list);
}

/* The first error is what seal returns, whatever else goes wrong or right */
static void list_test_errors_stick(struct kunit *test)
{
	struct dma_buf_phys_builder b;

	dma_buf_phys_build(&b, 4);
	dma_buf_phys_add_group(&b, CPU, WB, NULL);
	dma_buf_phys_add_frag(&b, -(phys_addr_t)PAGE_SIZE, PAGES(2));
	dma_buf_phys_add_frag(&b, AT(0) + 1, PAGES(1));
	dma_buf_phys_add_group(&b, P2P, WB, NULL);
	dma_buf_phys_add_group(&b, CPU, WB, NULL);
	dma_buf_phys_add_frag(&b, AT(0), PAGES(1));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dma_buf_phys_seal(&b, PAGES(1))),
			-EOVERFLOW);
}

/* More frags may come than were announced, and none may have been */
static void list_test_count_is_a_hint(struct kunit *test)
{
	static const size_t hints[] = { 0, 1, 2, 99, 100, 101, 10000 };
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(hints); i++) {
		dma_buf_phys_build(&b, hints[i]);
		dma_buf_phys_add_group(&b, CPU, WB, NULL);
		for (j = 0; j < 100; j++)
			dma_buf_phys_add_frag(&b, AT(2 * j), PAGES(1));
		list = dma_buf_phys_seal(&b, PAGES(100));
		KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
		KUNIT_EXPECT_EQ(test, list->nr_frags, 100);
		dma_buf_phys_list_free(list);
	}
}

/* A count no machine has memory for fails, without a warning in the log */
static void list_test_absurd_count(struct kunit *test)
{
	static const size_t hints[] = {
		SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 16, SIZE_MAX / 32, INT_MAX,
	};
	struct dma_buf_phys_builder b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hints); i++) {
		dma_buf_phys_build(&b, hints[i]);
		dma_buf_phys_add_group(&b, CPU, WB, NULL);
		dma_buf_phys_add_frag(&b, AT(0), PAGES(1));
		KUNIT_EXPECT_EQ(test,
				PTR_ERR_OR_ZERO(dma_buf_phys_seal(&b, PAGES(1))),
				-ENOMEM);
	}
}

/* At any point, and after an error: kmemleak would tell what is left */
static void list_test_abandon(struct kunit *test)
{
	struct dma_buf_phys_builder b;
	unsigned int stop, i;

	for (stop = 0; stop < 8; stop++) {
		dma_buf_phys_build(&b, 1);
		for (i = 0; i < stop; i++) {
			dma_buf_phys_add_group(&b, CPU, i % 2 ? WB : UC, NULL);
			dma_buf_phys_add_frag(&b, AT(2 * i), PAGES(1));
		}
		dma_buf_phys_abandon(&b);
	}
	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_frag(&b, AT(0), 0);
	dma_buf_phys_abandon(&b);
	dma_buf_phys_build(&b, SIZE_MAX);
	dma_buf_phys_abandon(&b);
	dma_buf_phys_list_free(NULL);
	KUNIT_SUCCEED(test);
}

static struct kunit_case list_test_cases[] = {
	KUNIT_CASE_PARAM(list_test_refused, list_test_bad_gen_params),
	KUNIT_CASE_PARAM(list_test_accepted, list_test_good_gen_params),
	KUNIT_CASE(list_test_attributes_are_kept),
	KUNIT_CASE(list_test_errors_stick),
	KUNIT_CASE(list_test_count_is_a_hint),
	KUNIT_CASE(list_test_absurd_count),
	KUNIT_CASE(list_test_abandon),
	{}
};

static struct kunit_suite list_test_suite = {
	.name = "dma-buf-phys-list",
	.test_cases = list_test_cases,
};

kunit_test_suites(&list_test_suite);
