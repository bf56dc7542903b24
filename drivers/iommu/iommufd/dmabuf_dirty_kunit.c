// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of the way from a walk of page tables to the user's bitmap. The domain
 * imitates the walks of the drivers, and all of its pages are dirty. The code under
 * test is included, so that it can be reached without exports.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

/* Other names, since it may be linked into one image with iommufd */
#define iopt_phys_lose_dirty dirty_kunit_lose_dirty
#define iopt_phys_cut_dirty dirty_kunit_cut_dirty
#define iopt_phys_read_dirty dirty_kunit_read_dirty
#include "dmabuf_dirty.c"

#define SMALL SZ_4K
#define WINDOW (IOPT_PHYS_HELD_BITS * SMALL)
/* Bits of the largest bitmap, and of what must stay untouched behind each */
#define MAX_BITS (SZ_128M / SMALL)
#define BEHIND (BITS_PER_BYTE * SZ_4K)

/**
 * struct dirty_scene - a dma-buf that is mapped in a domain
 * @domain: the domain
 * @pages: what is mapped
 * @phys: its physical side
 * @track: the mapping
 * @leaf: size of the domain's pages, bytes
 * @like_arm: report where the walk is, as io-pgtable-arm does
 * @clean: clean pages among the first 64
 * @walks: number of calls of the domain
 * @revoke_after: number of calls after which to revoke, or 0
 */
struct dirty_scene {
	struct iommu_domain domain;
	struct iopt_pages pages;
	struct iopt_phys phys;
	struct iopt_phys_track track;
	unsigned long leaf;
	bool like_arm;
	DECLARE_BITMAP(clean, 64);
	unsigned int walks;
	unsigned int revoke_after;
};

static void dirty_revoke(struct dirty_scene *s)
{
	s->track.mapped = false;
	iopt_phys_lose_dirty(&s->track);
}

static int dirty_read_and_clear(struct iommu_domain *domain, unsigned long iova,
				size_t size, unsigned long flags,
				struct iommu_dirty_bitmap *dirty)
{
	struct dirty_scene *s = container_of(domain, struct dirty_scene, domain);
	unsigned long base = ALIGN_DOWN(s->track.iova, s->leaf);
	unsigned long last = iova + size - 1;

	s->walks++;
	/* io-pgtable-arm fails, others find nothing */
	if (!s->track.mapped)
		return -EINVAL;
	for (; iova <= last; iova += s->leaf) {
		unsigned int leaf = (iova - base) / s->leaf;

		if (!s->like_arm)
			iova = ALIGN_DOWN(iova, s->leaf);
		if (leaf < 64 && test_bit(leaf, s->clean))
			continue;
		iova_bitmap_set(dirty->bitmap, iova, s->leaf);
		if (leaf < 64 && !(flags & IOMMU_DIRTY_NO_CLEAR))
			set_bit(leaf, s->clean);
	}
	if (s->walks == s->revoke_after)
		dirty_revoke(s);
	return 0;
}

static const struct iommu_dirty_ops dirty_ops = {
	.read_and_clear_dirty = dirty_read_and_clear,
};

static struct dirty_scene *dirty_scene(struct kunit *test, unsigned long iova,
				       unsigned long length,
				       unsigned long leaf)
{
	struct dirty_scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->domain.pgsize_bitmap = SMALL | leaf;
	s->domain.dirty_ops = &dirty_ops;
	s->leaf = leaf;
	s->pages.type = IOPT_ADDRESS_DMABUF;
	s->pages.dmabuf.iopt_phys = &s->phys;
	mutex_init(&s->pages.mutex);
	s->phys.pages = &s->pages;
	INIT_LIST_HEAD(&s->phys.tracks);
	s->track.domain = &s->domain;
	s->track.iova = iova;
	s->track.length = length;
	s->track.prot = IOMMU_READ | IOMMU_WRITE;
	s->track.mapped = true;
	list_add(&s->track.node, &s->phys.tracks);
	return s;
}

/* Read a bitmap and expect exactly the bits of [dirty, dirty_end) in it */
static void dirty_expect(struct kunit *test, struct dirty_scene *s,
			 unsigned long iova, unsigned long end,
			 unsigned long dirty, unsigned long dirty_end)
{
	unsigned long nr = (end - iova) / SMALL;
	unsigned long size = BITS_TO_LONGS(nr + BEHIND) * sizeof(long);
	struct iommu_dirty_bitmap reader = {};
	unsigned long *bits, *expected;
	void __user *user;
	int rc;

	KUNIT_ASSERT_LE(test, nr, MAX_BITS);
	user = (void __user *)kunit_vm_mmap(test, NULL, 0, size,
					    PROT_READ | PROT_WRITE,
					    MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, !user || IS_ERR_VALUE((unsigned long)user));
	bits = kunit_kzalloc(test, size, GFP_KERNEL);
	expected = kunit_kzalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bits);
	KUNIT_ASSERT_NOT_NULL(test, expected);
	if (dirty < dirty_end)
		bitmap_set(expected, (dirty - iova) / SMALL,
			   (dirty_end - dirty) / SMALL);

	reader.bitmap = iova_bitmap_alloc(iova, end - iova, SMALL, user);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, reader.bitmap);
	rc = iopt_phys_read_dirty(&s->phys, &s->domain, iova, end - iova, 0,
				  &reader);
	iova_bitmap_free(reader.bitmap);
	KUNIT_EXPECT_EQ(test, rc, 0);
	KUNIT_ASSERT_EQ(test, copy_from_user(bits, user, size), 0);
	KUNIT_EXPECT_EQ(test, bitmap_weight(bits, size * BITS_PER_BYTE),
			bitmap_weight(expected, size * BITS_PER_BYTE));
	KUNIT_EXPECT_MEMEQ(test, bits, expected, size);
}

static void dirty_expect_all(struct kunit *test, struct dirty_scene *s,
			     unsigned long iova, unsigned long end)
{
	dirty_expect(test, s, iova, end, iova, end);
}

static void dirty_expect_none(struct kunit *test, struct dirty_scene *s,
			      unsigned long iova, unsigned long end)
{
	dirty_expect(test, s, iova, end, 0, 0);
}

/* All ways to start and end inside large pages and at the edge of a window */
static void dirty_inside_pages(struct kunit *test, bool like_arm)
{
	static const unsigned long leaves[] = { SMALL, SZ_2M, WINDOW, SZ_1G };
	static const unsigned long starts[] = {
		WINDOW - SZ_2M, WINDOW - SZ_1M, WINDOW - SMALL, WINDOW,
		WINDOW + SMALL,
	};
	static const unsigned long ends[] = {
		2 * WINDOW - SZ_1M, 2 * WINDOW, 2 * WINDOW + SZ_4M + SMALL,
	};
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(leaves); i++)
		for (j = 0; j < ARRAY_SIZE(starts); j++)
			for (k = 0; k < ARRAY_SIZE(ends); k++) {
				struct dirty_scene *s =
					dirty_scene(test, 0, SZ_1G, leaves[i]);

				s->like_arm = like_arm;
				dirty_expect_all(test, s, starts[j], ends[k]);
			}
}

static void dirty_test_inside_pages_of_generic_pt(struct kunit *test)
{
	dirty_inside_pages(test, false);
}

static void dirty_test_inside_pages_of_arm(struct kunit *test)
{
	dirty_inside_pages(test, true);
}

/* The windows that were not walked yet have lost their bits */
static void dirty_test_revoke_between_windows(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, 0, 3 * WINDOW, SMALL);

	bitmap_fill(s->clean, 64);
	s->revoke_after = 1;
	dirty_expect_all(test, s, 0, 3 * WINDOW);
	dirty_expect_none(test, s, 0, 3 * WINDOW);
}

static void dirty_test_nothing_mapped(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, 0, 3 * WINDOW, SMALL);

	dirty_revoke(s);
	dirty_expect_all(test, s, 0, 3 * WINDOW);
	dirty_expect_none(test, s, 0, 3 * WINDOW);
	KUNIT_EXPECT_EQ(test, s->walks, 0);
}

/* Up from the middle, down from the middle, and the middle over and over */
static void dirty_test_pieces(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, WINDOW, SZ_1M, SMALL);
	const unsigned long at = WINDOW, piece = SZ_64K;
	unsigned int i;

	dirty_revoke(s);
	for (i = 0; i < 16; i++) {
		unsigned long start = at + (i + 5) % 16 * piece;

		dirty_expect_all(test, s, start, start + piece);
		dirty_expect_none(test, s, start, start + piece);
	}
	dirty_expect_none(test, s, at, at + SZ_1M);

	dirty_revoke(s);
	for (i = 0; i < 16; i++) {
		unsigned long start = at + (15 - i + 5) % 16 * piece;

		dirty_expect_all(test, s, start, start + piece);
		dirty_expect_none(test, s, start, start + piece);
	}
	dirty_expect_none(test, s, at, at + SZ_1M);

	/* What does not fit is reported again rather than forgotten */
	dirty_revoke(s);
	dirty_expect_all(test, s, at + 4 * piece, at + 5 * piece);
	dirty_expect_all(test, s, at + 8 * piece, at + 9 * piece);
	dirty_expect_all(test, s, at + 8 * piece, at + 9 * piece);
	dirty_expect_all(test, s, at, at + 4 * piece);
	dirty_expect(test, s, at, at + SZ_1M, at + 5 * piece, at + SZ_1M);
	dirty_expect_none(test, s, at, at + SZ_1M);
}

/* What a bitmap leaves out of a page is reported once, to the next that has it */
static void dirty_test_rest_of_pages(struct kunit *test)
{
	static const unsigned long leaves[] = { SZ_2M, WINDOW };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		const unsigned long leaf = leaves[i], piece = leaf / 4;
		struct dirty_scene *s = dirty_scene(test, 0, 4 * leaf, leaf);
		unsigned long at;

		/* From the middle of a page into the next; then around that */
		dirty_expect_all(test, s, leaf / 2, leaf + piece);
		dirty_expect_none(test, s, leaf / 2, leaf + piece);
		dirty_expect_all(test, s, 0, leaf / 2);
		dirty_expect_all(test, s, leaf + piece, 2 * leaf);
		dirty_expect_none(test, s, 0, 2 * leaf);

		/* Page by page in pieces, up and down */
		for (at = 2 * leaf; at < 3 * leaf; at += piece)
			dirty_expect_all(test, s, at, at + piece);
		for (at = 4 * leaf; at > 3 * leaf; at -= piece)
			dirty_expect_all(test, s, at - piece, at);
		dirty_expect_none(test, s, 0, 4 * leaf);

		/* More than can be kept apart: none of it is forgotten */
		bitmap_zero(s->clean, 64);
		dirty_expect_all(test, s, piece, 2 * piece);
		dirty_expect_all(test, s, 3 * leaf + piece, 3 * leaf + 2 * piece);
		dirty_expect_all(test, s, 0, piece);
		dirty_expect_all(test, s, 2 * piece, 4 * leaf);
		dirty_expect_none(test, s, 0, 4 * leaf);
	}
}

static void dirty_test_rest_of_area(struct kunit *test)
{
	/* The driver's page is larger than the area */
	struct dirty_scene *s = dirty_scene(test, SZ_1M, SZ_512K, SZ_2M);

	dirty_expect_all(test, s, SZ_1M + SZ_128K, SZ_1M + SZ_256K);
	KUNIT_EXPECT_EQ(test, max(s->track.lost[0].end, s->track.lost[1].end),
			SZ_512K);
	dirty_expect_all(test, s, SZ_1M + SZ_256K, SZ_1M + SZ_512K);
	dirty_expect_all(test, s, SZ_1M, SZ_1M + SZ_128K);
	dirty_expect_none(test, s, SZ_1M, SZ_1M + SZ_512K);
}

/* A revoke in the middle of such a read: everything is dirty, once */
static void dirty_test_rest_and_revoke(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, 0, 2 * WINDOW, SZ_2M);

	s->revoke_after = 1;
	dirty_expect_all(test, s, SZ_1M, 2 * WINDOW - SZ_1M);
	dirty_expect_all(test, s, 0, SZ_1M);
	dirty_expect_all(test, s, 2 * WINDOW - SZ_1M, 2 * WINDOW);
	dirty_expect_none(test, s, 0, 2 * WINDOW);
}

static void dirty_test_split(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, WINDOW, SZ_1M, SMALL);
	struct dirty_scene *upper = dirty_scene(test, WINDOW + SZ_256K,
						SZ_1M - SZ_256K, SMALL);
	const unsigned long at = WINDOW;

	/* Two ranges, of which the upper one is cut */
	dirty_revoke(s);
	dirty_expect_all(test, s, at + SZ_64K, at + SZ_128K);
	memcpy(upper->track.lost, s->track.lost, sizeof(upper->track.lost));
	upper->track.mapped = false;
	iopt_phys_cut_dirty(&upper->track, SZ_256K, SZ_1M);
	iopt_phys_cut_dirty(&s->track, 0, SZ_256K);
	s->track.length = SZ_256K;

	/* From the end: a range that reached beyond it would be in the way */
	dirty_expect_all(test, s, at + SZ_128K + SZ_64K, at + SZ_256K);
	dirty_expect_none(test, s, at + SZ_128K + SZ_64K, at + SZ_256K);
	dirty_expect_all(test, s, at + SZ_128K, at + SZ_128K + SZ_64K);
	dirty_expect_none(test, s, at + SZ_64K, at + SZ_256K);
	dirty_expect_all(test, s, at, at + SZ_64K);
	dirty_expect_none(test, s, at, at + SZ_256K);
	dirty_expect_all(test, upper, at + SZ_256K, at + SZ_512K);
	dirty_expect(test, upper, at + SZ_256K, at + SZ_1M, at + SZ_512K,
		     at + SZ_1M);
	dirty_expect_none(test, upper, at + SZ_256K, at + SZ_1M);
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(dirty_test_inside_pages_of_generic_pt),
	KUNIT_CASE(dirty_test_inside_pages_of_arm),
	KUNIT_CASE(dirty_test_revoke_between_windows),
	KUNIT_CASE(dirty_test_nothing_mapped),
	KUNIT_CASE(dirty_test_pieces),
	KUNIT_CASE(dirty_test_rest_of_pages),
	KUNIT_CASE(dirty_test_rest_of_area),
	KUNIT_CASE(dirty_test_rest_and_revoke),
	KUNIT_CASE(dirty_test_split),
	{}
};

static struct kunit_suite dirty_suite = {
	.name = "iommufd-dmabuf-dirty",
	.test_cases = dirty_cases,
};

kunit_test_suites(&dirty_suite);

MODULE_IMPORT_NS("IOMMUFD");
MODULE_DESCRIPTION("KUnit tests for dirty tracking of dma-bufs");
MODULE_LICENSE("GPL");
