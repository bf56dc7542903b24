// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walking lists: every slice of a small one against a model that knows each
 * page, and a list of a million frags against arithmetic.
 */
#include <linux/prandom.h>

#include "../internal.h"
#include "kunit.h"

/* The small list: frags of different lengths in groups of different sizes */
struct piece {
	unsigned int group;
	unsigned int first_page;
	unsigned int nr_pages;
};

static const struct piece walk_test_pieces[] = {
	{ 0, 100, 1 },
	{ 1, 200, 2 }, { 1, 300, 1 }, { 1, 250, 4 },
	{ 2, 0, 1 },
	{ 3, 1, 3 }, { 3, 5, 1 },
	/* Adjacent to the frag before it, but of another group */
	{ 4, 6, 2 },
};

#define NR_PAGES 15

/* Where each page of it is */
struct walk_test_model {
	struct dma_buf_phys_list *list;
	const struct piece *piece[NR_PAGES];
	unsigned int page_in_piece[NR_PAGES];
};

static phys_addr_t walk_test_model_paddr(const struct walk_test_model *m,
					 u64 offset)
{
	unsigned int page = offset / PAGE_SIZE;

	return KT_BASE + offset % PAGE_SIZE +
	       PAGES(m->piece[page]->first_page + m->page_in_piece[page]);
}

static void walk_test_model_free(void *ctx)
{
	struct walk_test_model *m = ctx;

	dma_buf_phys_list_free(m->list);
}

static struct walk_test_model *walk_test_model(struct kunit *test)
{
	const struct piece *piece = walk_test_pieces;
	struct dma_buf_phys_builder b;
	unsigned int i, n, page = 0;
	struct walk_test_model *m;

	m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);

	dma_buf_phys_build(&b, ARRAY_SIZE(walk_test_pieces));
	for (i = 0; i < ARRAY_SIZE(walk_test_pieces); i++, piece++) {
		dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU,
				       piece->group % 2 ? DMA_BUF_PHYS_WB :
							  DMA_BUF_PHYS_UC,
				       NULL);
		dma_buf_phys_add_frag(&b, KT_BASE + PAGES(piece->first_page),
				      PAGES(piece->nr_pages));
		for (n = 0; n < piece->nr_pages; n++) {
			m->piece[page] = piece;
			m->page_in_piece[page++] = n;
		}
	}
	m->list = dma_buf_phys_seal(&b, PAGES(NR_PAGES));
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(m->list), 0);
	KUNIT_ASSERT_EQ(test, page, NR_PAGES);
	KUNIT_ASSERT_EQ(test,
			kunit_add_action_or_reset(test, walk_test_model_free,
						  m), 0);
	return m;
}

/* Is the frag the iterator is at what the model says is at @pos? */
static bool walk_test_frag_ok(const struct walk_test_model *m,
			      const struct dma_buf_phys_iter *iter, u64 pos,
			      u64 end)
{
	const struct dma_buf_phys_group *groups;
	const struct piece *piece;
	u64 last = pos + iter->length - 1;
	unsigned int nr;

	if (iter->offset != pos || !iter->length || last >= end ||
	    iter->paddr != walk_test_model_paddr(m, pos))
		return false;

	/* It ends where the piece or the slice does, whichever comes first */
	piece = m->piece[pos / PAGE_SIZE];
	if (m->piece[last / PAGE_SIZE] != piece)
		return false;
	if (last + 1 != end && m->piece[(last + 1) / PAGE_SIZE] == piece)
		return false;

	groups = dma_buf_phys_list_groups(m->list, &nr);
	return iter->group == &groups[piece->group];
}

static bool walk_test_slice_ok(const struct walk_test_model *m, u64 from,
			       u64 end)
{
	struct dma_buf_phys_iter iter;
	u64 pos = from;

	dma_buf_phys_for_each_frag(&iter, m->list, from, end - from) {
		if (!walk_test_frag_ok(m, &iter, pos, end))
			return false;
		pos += iter.length;
	}
	return pos == end;
}

/* The n-th byte position of interest: around and in the middle of each page */
static u64 walk_test_pos(unsigned int n)
{
	static const int around[] = { 0, 1, PAGE_SIZE / 2, PAGE_SIZE - 1 };

	return PAGES(n / ARRAY_SIZE(around)) + around[n % ARRAY_SIZE(around)];
}

static void walk_test_every_slice(struct kunit *test)
{
	struct walk_test_model *m = walk_test_model(test);
	unsigned int i, j, nr = NR_PAGES * 4;

	/* The first that is wrong ends it: the log has no room for all */
	for (i = 0; i < nr; i++) {
		for (j = i + 1; j <= nr; j++) {
			u64 from = walk_test_pos(i), to = walk_test_pos(j);

			KUNIT_ASSERT_TRUE_MSG(test,
					      walk_test_slice_ok(m, from, to),
					      "slice from %llu to %llu",
					      from, to);
		}
	}
}

/* First and last byte of each frag, alone */
static void walk_test_single_bytes(struct kunit *test)
{
	struct walk_test_model *m = walk_test_model(test);
	struct dma_buf_phys_iter iter, byte;

	dma_buf_phys_for_each_frag(&iter, m->list, 0, PAGES(NR_PAGES)) {
		KUNIT_ASSERT_TRUE(test,
				  dma_buf_phys_iter_first(&byte, m->list,
							  iter.offset, 1));
		KUNIT_EXPECT_EQ(test, byte.paddr, iter.paddr);
		KUNIT_EXPECT_EQ(test, byte.length, 1);
		KUNIT_EXPECT_PTR_EQ(test, byte.group, iter.group);
		KUNIT_EXPECT_FALSE(test, dma_buf_phys_iter_next(&byte));

		KUNIT_ASSERT_TRUE(test,
				  dma_buf_phys_iter_first(&byte, m->list,
							  iter.offset +
							  iter.length - 1, 1));
		KUNIT_EXPECT_EQ(test, byte.paddr, iter.paddr + iter.length - 1);
		KUNIT_EXPECT_EQ(test, byte.length, 1);
		KUNIT_EXPECT_PTR_EQ(test, byte.group, iter.group);
		KUNIT_EXPECT_FALSE(test, dma_buf_phys_iter_next(&byte));
	}
}

/* Empty, past the end, or so long that its end overflows: no frag at all */
static void walk_test_slices_outside(struct kunit *test)
{
	static const struct {
		u64 offset, length;
	} slices[] = {
		{ 0, 0 },
		{ PAGES(1), 0 },
		{ PAGES(NR_PAGES), 0 },
		{ 0, PAGES(NR_PAGES) + 1 },
		{ 1, PAGES(NR_PAGES) },
		{ PAGES(NR_PAGES) - 1, 2 },
		{ PAGES(NR_PAGES), 1 },
		{ PAGES(NR_PAGES) + 1, 1 },
		{ U64_MAX, 1 },
		{ U64_MAX, U64_MAX },
		{ 1, U64_MAX },
		{ PAGES(1), -PAGES(1) },
		{ PAGES(2), -PAGES(1) },
		{ 0, U64_MAX },
	};
	struct walk_test_model *m = walk_test_model(test);
	struct dma_buf_phys_iter iter;
	unsigned int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(slices); i++) {
		KUNIT_EXPECT_FALSE(test,
				   dma_buf_phys_iter_first(&iter, m->list,
							   slices[i].offset,
							   slices[i].length));
		dma_buf_phys_for_each_frag(&iter, m->list, slices[i].offset,
					   slices[i].length)
			nr++;
	}
	KUNIT_EXPECT_EQ(test, nr, 0);
}

/*
 * The large list: frags of one and two pages take turns, each 4 pages after the
 * one before it, and a group has 1000 of them.
 */
#define MANY 1000000
#define PER_GROUP 1000
#define MANY_PAGES (MANY / 2 * 3)

static size_t walk_test_many_frag_at(u64 offset)
{
	size_t page = offset / PAGE_SIZE;

	return page / 3 * 2 + (page % 3 ? 1 : 0);
}

static u64 walk_test_many_offset(size_t frag)
{
	return PAGES(frag / 2 * 3 + frag % 2);
}

static phys_addr_t walk_test_many_paddr(size_t frag)
{
	return KT_BASE + PAGES(4 * frag);
}

static struct dma_buf_phys_list *walk_test_many(struct kunit *test)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	size_t i;

	dma_buf_phys_build(&b, MANY);
	for (i = 0; i < MANY; i++) {
		if (i % PER_GROUP == 0)
			dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU,
					       i / PER_GROUP % 2 ?
					       DMA_BUF_PHYS_WB :
					       DMA_BUF_PHYS_WC, NULL);
		dma_buf_phys_add_frag(&b, walk_test_many_paddr(i),
				      PAGES(1 + i % 2));
	}
	list = dma_buf_phys_seal(&b, PAGES(MANY_PAGES));
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	return list;
}

static bool walk_test_many_ok(const struct dma_buf_phys_list *list,
			      const struct dma_buf_phys_iter *iter)
{
	const struct dma_buf_phys_group *groups;
	size_t frag = walk_test_many_frag_at(iter->offset);
	unsigned int nr;

	groups = dma_buf_phys_list_groups(list, &nr);
	return iter->paddr - walk_test_many_paddr(frag) ==
		       iter->offset - walk_test_many_offset(frag) &&
	       iter->group == &groups[frag / PER_GROUP];
}

static void walk_test_million_frags_walked(struct kunit *test)
{
	struct dma_buf_phys_list *list = walk_test_many(test);
	const struct dma_buf_phys_group *groups;
	struct dma_buf_phys_iter iter;
	size_t seen = 0, wrong = 0;
	unsigned int nr_groups, i;
	u64 sum = 0;

	KUNIT_EXPECT_EQ(test, list->nr_frags, MANY);
	groups = dma_buf_phys_list_groups(list, &nr_groups);
	KUNIT_EXPECT_EQ(test, nr_groups, MANY / PER_GROUP);
	for (i = 0; i < nr_groups; i++)
		if (groups[i].nr_frags != PER_GROUP ||
		    groups[i].length != PAGES(PER_GROUP / 2 * 3) ||
		    groups[i].offset != i * groups[i].length)
			wrong++;

	dma_buf_phys_for_each_frag(&iter, list, 0, PAGES(MANY_PAGES)) {
		if (iter.length != PAGES(1 + seen % 2) || iter.offset != sum ||
		    !walk_test_many_ok(list, &iter))
			wrong++;
		sum += iter.length;
		seen++;
	}
	KUNIT_EXPECT_EQ(test, seen, MANY);
	KUNIT_EXPECT_EQ(test, sum, PAGES(MANY_PAGES));
	KUNIT_EXPECT_EQ(test, wrong, 0);
	dma_buf_phys_list_free(list);
}

static void walk_test_million_frags_looked_up(struct kunit *test)
{
	struct dma_buf_phys_list *list = walk_test_many(test);
	struct dma_buf_phys_iter iter;
	unsigned int i, wrong = 0;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 20261122);
	for (i = 0; i < 1000; i++) {
		u64 page = prandom_u32_state(&rnd) % (MANY_PAGES - 16);
		u64 offset = PAGES(page) + prandom_u32_state(&rnd) % PAGE_SIZE;
		u64 length = 1 + prandom_u32_state(&rnd) % (15 * PAGE_SIZE);
		u64 pos = offset;

		dma_buf_phys_for_each_frag(&iter, list, offset, length) {
			if (iter.offset != pos ||
			    !walk_test_many_ok(list, &iter))
				wrong++;
			pos += iter.length;
		}
		if (pos != offset + length)
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	dma_buf_phys_list_free(list);
}

/* A million pages that turn out to be one range */
static void walk_test_million_frags_merged(struct kunit *test)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	struct dma_buf_phys_iter iter;
	size_t i;

	dma_buf_phys_build(&b, MANY);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB, NULL);
	for (i = 0; i < MANY; i++)
		dma_buf_phys_add_frag(&b, KT_BASE + PAGES(i), PAGES(1));
	list = dma_buf_phys_seal(&b, PAGES(MANY));
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	KUNIT_EXPECT_EQ(test, list->nr_frags, 1);
	KUNIT_EXPECT_TRUE(test, dma_buf_phys_iter_first(&iter, list, 0,
							PAGES(MANY)));
	KUNIT_EXPECT_EQ(test, iter.length, PAGES(MANY));
	KUNIT_EXPECT_FALSE(test, dma_buf_phys_iter_next(&iter));
	dma_buf_phys_list_free(list);
}

static void walk_test_million_frags_abandoned(struct kunit *test)
{
	struct dma_buf_phys_builder b;
	size_t i;

	dma_buf_phys_build(&b, 0);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB, NULL);
	for (i = 0; i < MANY; i++)
		dma_buf_phys_add_frag(&b, walk_test_many_paddr(i), PAGES(1));
	dma_buf_phys_abandon(&b);
	KUNIT_SUCCEED(test);
}

static struct kunit_case walk_test_cases[] = {
	KUNIT_CASE(walk_test_every_slice),
	KUNIT_CASE(walk_test_single_bytes),
	KUNIT_CASE(walk_test_slices_outside),
	KUNIT_CASE(walk_test_million_frags_walked),
	KUNIT_CASE(walk_test_million_frags_looked_up),
	KUNIT_CASE(walk_test_million_frags_merged),
	KUNIT_CASE(walk_test_million_frags_abandoned),
	{}
};

static struct kunit_suite walk_test_suite = {
	.name = "dma-buf-phys-walk",
	.test_cases = walk_test_cases,
};

kunit_test_suites(&walk_test_suite);
