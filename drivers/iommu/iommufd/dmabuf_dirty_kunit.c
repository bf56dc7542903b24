// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a walk of page tables to the user's bitmap, with a domain that walks as
 * whichever driver does and has all of its pages dirty. The code under test is
 * included, to be reached without exports.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

/* Names of its own: it may be linked to the same image as the one of iommufd */
#define iopt_dmabuf_lose_dirty iopt_kunit_lose_dirty
#define iopt_dmabuf_cut_dirty iopt_kunit_cut_dirty
#define iopt_dmabuf_read_dirty iopt_kunit_read_dirty
#include "dmabuf_dirty.c"

#define SMALL SZ_4K
#define WINDOW (IOVA_BITMAP_HELD_BITS * SMALL)
/* Of the largest bitmap that is read here, and of what must stay untouched behind */
#define MAX_BITS (SZ_128M / SMALL)
#define BEHIND (BITS_PER_BYTE * SZ_4K)

/**
 * struct dirty_scene - an area that is mapped in a domain
 * @domain: the domain
 * @area: the area
 * @pages: what it maps
 * @track: the two
 * @leaf: size of the domain's pages
 * @like_arm: report where the walk is, as io-pgtable-arm does
 * @clean: pages of the area that are clean, the first 64
 * @walks: how often the domain was asked
 * @revoke_after: revoke after so many walks, if not 0
 */
struct dirty_scene {
	struct iommu_domain domain;
	struct iopt_area area;
	struct iopt_pages pages;
	struct iopt_pages_dmabuf_track track;
	unsigned long leaf;
	bool like_arm;
	DECLARE_BITMAP(clean, 64);
	unsigned int walks;
	unsigned int revoke_after;
};

static void revoke(struct dirty_scene *s)
{
	s->track.mapped = false;
	iopt_dmabuf_lose_dirty(&s->track);
}

static int read_and_clear(struct iommu_domain *domain, unsigned long iova,
			  size_t size, unsigned long flags,
			  struct iommu_dirty_bitmap *dirty)
{
	struct dirty_scene *s = container_of(domain, struct dirty_scene, domain);
	unsigned long base = ALIGN_DOWN(iopt_area_iova(&s->area), s->leaf);
	unsigned long last = iova + size - 1;

	s->walks++;
	/* As io-pgtable-arm does, others find nothing */
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
		revoke(s);
	return 0;
}

static const struct iommu_dirty_ops dirty_ops = {
	.read_and_clear_dirty = read_and_clear,
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
	s->area.node.start = iova;
	s->area.node.last = iova + length - 1;
	s->area.pages = &s->pages;
	s->area.iommu_prot = IOMMU_READ | IOMMU_WRITE;
	s->pages.type = IOPT_ADDRESS_DMABUF;
	mutex_init(&s->pages.mutex);
	INIT_LIST_HEAD(&s->pages.dmabuf.tracker);
	s->track.domain = &s->domain;
	s->track.area = &s->area;
	s->track.mapped = true;
	list_add(&s->track.elm, &s->pages.dmabuf.tracker);
	return s;
}

/* Read a bitmap and expect just the bits of [dirty, dirty_end) in it */
static void expect(struct kunit *test, struct dirty_scene *s,
		   unsigned long iova, unsigned long end, unsigned long dirty,
		   unsigned long dirty_end)
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
	rc = iopt_dmabuf_read_dirty(&s->area, &s->domain, iova, end - 1, 0,
				    &reader);
	iova_bitmap_free(reader.bitmap);
	KUNIT_EXPECT_EQ(test, rc, 0);
	KUNIT_ASSERT_EQ(test, copy_from_user(bits, user, size), 0);
	KUNIT_EXPECT_EQ(test, bitmap_weight(bits, size * BITS_PER_BYTE),
			bitmap_weight(expected, size * BITS_PER_BYTE));
	KUNIT_EXPECT_MEMEQ(test, bits, expected, size);
}

static void expect_all(struct kunit *test, struct dirty_scene *s,
		       unsigned long iova, unsigned long end)
{
	expect(test, s, iova, end, iova, end);
}

static void expect_none(struct kunit *test, struct dirty_scene *s,
			unsigned long iova, unsigned long end)
{
	expect(test, s, iova, end, 0, 0);
}

/* Every way to start and end inside large pages, and at the border of a window */
static void inside_pages(struct kunit *test, bool like_arm)
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
				expect_all(test, s, starts[j], ends[k]);
			}
}

static void inside_pages_of_generic_pt(struct kunit *test)
{
	inside_pages(test, false);
}

static void inside_pages_of_arm(struct kunit *test)
{
	inside_pages(test, true);
}

/* Those that were not walked yet have no bits any more */
static void revoke_between_windows(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, 0, 3 * WINDOW, SMALL);

	bitmap_fill(s->clean, 64);
	s->revoke_after = 1;
	expect_all(test, s, 0, 3 * WINDOW);
	expect_none(test, s, 0, 3 * WINDOW);
}

static void nothing_mapped(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, 0, 3 * WINDOW, SMALL);

	revoke(s);
	expect_all(test, s, 0, 3 * WINDOW);
	expect_none(test, s, 0, 3 * WINDOW);
	KUNIT_EXPECT_EQ(test, s->walks, 0);
}

/* Up from the middle, down from the middle, and the middle over and over */
static void pieces(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, WINDOW, SZ_1M, SMALL);
	const unsigned long at = WINDOW, piece = SZ_64K;
	unsigned int i;

	revoke(s);
	for (i = 0; i < 16; i++) {
		unsigned long start = at + (i + 5) % 16 * piece;

		expect_all(test, s, start, start + piece);
		expect_none(test, s, start, start + piece);
	}
	expect_none(test, s, at, at + SZ_1M);

	revoke(s);
	for (i = 0; i < 16; i++) {
		unsigned long start = at + (15 - i + 5) % 16 * piece;

		expect_all(test, s, start, start + piece);
		expect_none(test, s, start, start + piece);
	}
	expect_none(test, s, at, at + SZ_1M);

	/* What does not fit is told again rather than forgotten */
	revoke(s);
	expect_all(test, s, at + 4 * piece, at + 5 * piece);
	expect_all(test, s, at + 8 * piece, at + 9 * piece);
	expect_all(test, s, at + 8 * piece, at + 9 * piece);
	expect_all(test, s, at, at + 4 * piece);
	expect(test, s, at, at + SZ_1M, at + 5 * piece, at + SZ_1M);
	expect_none(test, s, at, at + SZ_1M);
}

/* What a bitmap leaves out of a page is told to the next that has it, once */
static void rest_of_pages(struct kunit *test)
{
	static const unsigned long leaves[] = { SZ_2M, WINDOW };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(leaves); i++) {
		const unsigned long leaf = leaves[i], piece = leaf / 4;
		struct dirty_scene *s = dirty_scene(test, 0, 4 * leaf, leaf);
		unsigned long at;

		/* From the middle of a page into the next; then around that */
		expect_all(test, s, leaf / 2, leaf + piece);
		expect_none(test, s, leaf / 2, leaf + piece);
		expect_all(test, s, 0, leaf / 2);
		expect_all(test, s, leaf + piece, 2 * leaf);
		expect_none(test, s, 0, 2 * leaf);

		/* Page by page in pieces, up and down */
		for (at = 2 * leaf; at < 3 * leaf; at += piece)
			expect_all(test, s, at, at + piece);
		for (at = 4 * leaf; at > 3 * leaf; at -= piece)
			expect_all(test, s, at - piece, at);
		expect_none(test, s, 0, 4 * leaf);

		/* More than can be kept apart: nothing of it is forgotten */
		bitmap_zero(s->clean, 64);
		expect_all(test, s, piece, 2 * piece);
		expect_all(test, s, 3 * leaf + piece, 3 * leaf + 2 * piece);
		expect_all(test, s, 0, piece);
		expect_all(test, s, 2 * piece, 4 * leaf);
		expect_none(test, s, 0, 4 * leaf);
	}
}

static void rest_of_area(struct kunit *test)
{
	/* The driver's page is larger than the area */
	struct dirty_scene *s = dirty_scene(test, SZ_1M, SZ_512K, SZ_2M);

	expect_all(test, s, SZ_1M + SZ_128K, SZ_1M + SZ_256K);
	KUNIT_EXPECT_EQ(test, max(s->track.lost[0].end, s->track.lost[1].end),
			SZ_512K);
	expect_all(test, s, SZ_1M + SZ_256K, SZ_1M + SZ_512K);
	expect_all(test, s, SZ_1M, SZ_1M + SZ_128K);
	expect_none(test, s, SZ_1M, SZ_1M + SZ_512K);
}

/* A revoke in the middle of such a read: all is dirty, and that is all */
static void rest_and_revoke(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, 0, 2 * WINDOW, SZ_2M);

	s->revoke_after = 1;
	expect_all(test, s, SZ_1M, 2 * WINDOW - SZ_1M);
	expect_all(test, s, 0, SZ_1M);
	expect_all(test, s, 2 * WINDOW - SZ_1M, 2 * WINDOW);
	expect_none(test, s, 0, 2 * WINDOW);
}

static void split(struct kunit *test)
{
	struct dirty_scene *s = dirty_scene(test, WINDOW, SZ_1M, SMALL);
	struct dirty_scene *upper = dirty_scene(test, WINDOW + SZ_256K,
						SZ_1M - SZ_256K, SMALL);
	const unsigned long at = WINDOW;

	/* Two ranges, the upper one across the cut */
	revoke(s);
	expect_all(test, s, at + SZ_64K, at + SZ_128K);
	memcpy(upper->track.lost, s->track.lost, sizeof(upper->track.lost));
	upper->track.mapped = false;
	iopt_dmabuf_cut_dirty(&upper->track, SZ_256K, SZ_1M);
	iopt_dmabuf_cut_dirty(&s->track, 0, SZ_256K);
	s->area.node.last = at + SZ_256K - 1;

	/* From its end: what is beyond that would be in the way */
	expect_all(test, s, at + SZ_128K + SZ_64K, at + SZ_256K);
	expect_none(test, s, at + SZ_128K + SZ_64K, at + SZ_256K);
	expect_all(test, s, at + SZ_128K, at + SZ_128K + SZ_64K);
	expect_none(test, s, at + SZ_64K, at + SZ_256K);
	expect_all(test, s, at, at + SZ_64K);
	expect_none(test, s, at, at + SZ_256K);
	expect_all(test, upper, at + SZ_256K, at + SZ_512K);
	expect(test, upper, at + SZ_256K, at + SZ_1M, at + SZ_512K,
	       at + SZ_1M);
	expect_none(test, upper, at + SZ_256K, at + SZ_1M);
}

static struct kunit_case dirty_cases[] = {
	KUNIT_CASE(inside_pages_of_generic_pt),
	KUNIT_CASE(inside_pages_of_arm),
	KUNIT_CASE(revoke_between_windows),
	KUNIT_CASE(nothing_mapped),
	KUNIT_CASE(pieces),
	KUNIT_CASE(rest_of_pages),
	KUNIT_CASE(rest_of_area),
	KUNIT_CASE(rest_and_revoke),
	KUNIT_CASE(split),
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
