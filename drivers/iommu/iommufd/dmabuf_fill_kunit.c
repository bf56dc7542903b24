// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of what a fill asks an IOMMU driver for, and of what is left of one that
 * fails. The domain is not generic_pt's: its map_pages() is told of each page, and
 * may run out of memory at any. The code under test is included, so that it can be
 * reached without exports.
 */
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

/* Other names, since it may be linked into one image with iommufd */
#define iopt_phys_unmap_track fill_kunit_unmap_track
#define iopt_phys_fill_all fill_kunit_fill_all
#define iopt_phys_fill_first fill_kunit_fill_first
/* What it calls: lists are opaque, and their iterator is exported to iommufd only */
#define iopt_phys_lose_dirty fill_kunit_lose_dirty
#define dma_buf_phys_iter_first fill_kunit_iter_first
/* Where it gets memory, to know how much it has at any time */
#undef __vmalloc
#define __vmalloc fill_vmalloc
#define vfree fill_vfree

static void *fill_vmalloc(unsigned long size, gfp_t gfp);
static void fill_vfree(const void *mem);

#include "dmabuf_fill.c"

#undef vfree

#define IOVA SZ_1G
#define RW (IOMMU_READ | IOMMU_WRITE)
/* Several vectors, and a part of one */
#define MAX_FRAGS (3 * IOPT_PHYS_VEC + 8)
#define MAX_GROUPS (DMA_BUF_PHYS_NR_TYPES * DMA_BUF_PHYS_NR_ATTRS)

/* Frags of a page each, as many in each group */
struct dma_buf_phys_list {
	struct dma_buf_phys_frag frags[MAX_FRAGS + 1];
	struct dma_buf_phys_group groups[MAX_GROUPS];
};

/**
 * struct fill_scene - a dma-buf that is to be mapped in a domain
 * @domain: the domain
 * @iopt: IO page table
 * @pages: what is mapped
 * @phys: its physical side
 * @track: the mapping
 * @list: where the memory is
 * @paddr: what the domain maps to each page, or 0
 * @prot: and how
 * @room: pages that the domain can map before it is out of memory
 * @stop_after: pages that it maps before a revoke comes
 * @lost: the dirty bits were noted to be lost
 * @second: another mapping in the domain, behind @track
 * @must_force: the domain is out of memory unless tables are charged in any case
 * @forced: of which mappings they were, in the last try that held memory
 * @not_held: that was more than was held meanwhile
 */
struct fill_scene {
	struct iommu_domain domain;
	struct io_pagetable iopt;
	struct iopt_pages pages;
	struct iopt_phys phys;
	struct iopt_phys_track track;
	struct dma_buf_phys_list list;
	phys_addr_t paddr[MAX_FRAGS];
	int prot[MAX_FRAGS];
	unsigned int room;
	unsigned int stop_after;
	bool lost;
	struct iopt_phys_track second;
	bool must_force;
	bool forced[2];
	bool not_held;
};

/* The scene of the test that runs, and how much a fill has of what it allocated last */
static struct fill_scene *fill_running;
static size_t fill_held;

static void *fill_vmalloc(unsigned long size, gfp_t gfp)
{
	void *mem = __vmalloc_noprof(size, gfp);

	fill_held = mem ? size : 0;
	memset(fill_running->forced, 0, sizeof(fill_running->forced));
	return mem;
}

static void fill_vfree(const void *mem)
{
	vfree(mem);
	fill_held = 0;
}

struct dma_buf_phys_iter *
dma_buf_phys_iter_first(struct dma_buf_phys_iter *iter,
			const struct dma_buf_phys_list *list, u64 offset, u64 length)
{
	*iter = (struct dma_buf_phys_iter){
		.group = list->groups,
		.paddr = list->frags->paddr,
		.length = PAGE_SIZE,
		.frag = list->frags,
		.end = length,
	};
	return iter;
}

void iopt_phys_lose_dirty(struct iopt_phys_track *track)
{
	container_of(track->domain, struct fill_scene, domain)->lost = true;
}

/* Whoever charges more than the limit must have as much that is given back */
static void fill_note_forced(struct fill_scene *s, unsigned long iova)
{
	size_t most = 0;

	s->forced[iova >= s->track.iova + s->track.length] = true;
	if (s->forced[0])
		most += iopt_phys_tables(&s->track);
	if (s->forced[1])
		most += iopt_phys_tables(&s->second);
	if (most > fill_held)
		s->not_held = true;
}

static int fill_map_pages(struct iommu_domain *domain, unsigned long iova,
			  phys_addr_t paddr, size_t pgsize, size_t pgcount,
			  int prot, gfp_t gfp, size_t *mapped)
{
	struct fill_scene *s = container_of(domain, struct fill_scene, domain);
	size_t i = (iova - IOVA) / PAGE_SIZE;

	if (gfp & __GFP_HIGH)
		fill_note_forced(s, iova);
	else if (s->must_force)
		return -ENOMEM;
	for (; pgcount; pgcount--, i++) {
		if (!s->room)
			return -ENOMEM;
		s->room--;
		if (!--s->stop_after)
			s->phys.stop = true;
		s->paddr[i] = paddr;
		s->prot[i] = prot;
		paddr += pgsize;
		*mapped += pgsize;
	}
	return 0;
}

static size_t fill_unmap_pages(struct iommu_domain *domain, unsigned long iova,
			       size_t pgsize, size_t pgcount,
			       struct iommu_iotlb_gather *gather)
{
	struct fill_scene *s = container_of(domain, struct fill_scene, domain);
	size_t first = (iova - IOVA) / PAGE_SIZE, i;

	for (i = 0; i < pgcount && s->paddr[first + i]; i++)
		s->paddr[first + i] = 0;
	return i * pgsize;
}

static const struct iommu_domain_ops fill_domain_ops = {
	.map_pages = fill_map_pages,
	.unmap_pages = fill_unmap_pages,
};

static struct fill_scene *fill_scene(struct kunit *test, unsigned int nr_groups,
				     unsigned int frags_per_group)
{
	unsigned int i, nr = nr_groups * frags_per_group;
	struct fill_scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_LE(test, nr, MAX_FRAGS);
	s->domain.type = __IOMMU_DOMAIN_PAGING;
	s->domain.pgsize_bitmap = PAGE_SIZE;
	s->domain.ops = &fill_domain_ops;
	mutex_init(&s->pages.mutex);
	s->phys.pages = &s->pages;
	s->phys.list = &s->list;
	s->track.iopt = &s->iopt;
	s->track.domain = &s->domain;
	s->track.iova = IOVA;
	s->track.length = nr * PAGE_SIZE;
	s->track.prot = RW | IOMMU_CACHE;
	s->room = UINT_MAX;
	s->stop_after = UINT_MAX;
	INIT_LIST_HEAD(&s->phys.tracks);
	fill_running = s;
	fill_held = 0;

	/* Downwards, so that none continues the one before */
	for (i = 0; i <= nr; i++)
		s->list.frags[i] = (struct dma_buf_phys_frag){
			.offset = i * PAGE_SIZE,
			.paddr = SZ_1G - i * PAGE_SIZE,
		};
	for (i = 0; i < nr_groups; i++) {
		s->list.groups[i].offset = i * frags_per_group * PAGE_SIZE;
		s->list.groups[i].length = frags_per_group * PAGE_SIZE;
		s->list.groups[i].nr_frags = frags_per_group;
	}
	return s;
}

static int fill_try(struct fill_scene *s)
{
	guard(mutex)(&s->pages.mutex);
	return iopt_phys_fill(&s->phys, &s->track, IOPT_PHYS_GFP);
}

static void fill_expect_mapped(struct kunit *test, struct fill_scene *s)
{
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, s->track.mapped);
	for (i = 0; i < s->track.length / PAGE_SIZE; i++)
		KUNIT_EXPECT_EQ(test, s->paddr[i], s->list.frags[i].paddr);
}

static void fill_expect_empty(struct kunit *test, struct fill_scene *s)
{
	KUNIT_EXPECT_FALSE(test, s->track.mapped);
	KUNIT_EXPECT_NULL(test, memchr_inv(s->paddr, 0, sizeof(s->paddr)));
}

/*
 * Each group is mapped in its own way, wherever in a vector it starts. A BAR is MMIO also
 * if the host has no access to it: as memory, AMD's page tables would have the host's
 * encryption bit in its address.
 */
static void fill_test_prot(struct kunit *test)
{
	static const struct {
		enum dma_buf_phys_type type;
		enum dma_buf_phys_attr attr;
		int prot;
	} groups[] = {
		{ DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WB, RW | IOMMU_CACHE },
		{ DMA_BUF_PHYS_P2P, DMA_BUF_PHYS_UC, RW | IOMMU_MMIO },
		{ DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_WC, RW },
		{ DMA_BUF_PHYS_P2P, DMA_BUF_PHYS_WB, RW | IOMMU_CACHE },
		{ DMA_BUF_PHYS_ENCRYPTED, DMA_BUF_PHYS_UC, RW | IOMMU_MMIO },
		{ DMA_BUF_PHYS_CPU, DMA_BUF_PHYS_UC, RW },
		{ DMA_BUF_PHYS_ENCRYPTED, DMA_BUF_PHYS_WC, RW | IOMMU_MMIO },
		{ DMA_BUF_PHYS_ENCRYPTED, DMA_BUF_PHYS_WB, RW | IOMMU_CACHE },
		{ DMA_BUF_PHYS_P2P, DMA_BUF_PHYS_WC, RW | IOMMU_MMIO },
	};
	struct fill_scene *s = fill_scene(test, ARRAY_SIZE(groups), 2);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		s->list.groups[i].type = groups[i].type;
		s->list.groups[i].attr = groups[i].attr;
	}
	KUNIT_ASSERT_EQ(test, fill_try(s), 0);
	fill_expect_mapped(test, s);
	for (i = 0; i < 2 * ARRAY_SIZE(groups); i++)
		KUNIT_EXPECT_EQ_MSG(test, s->prot[i], groups[i / 2].prot,
				    "type %u, attribute %u", groups[i / 2].type,
				    groups[i / 2].attr);
}

/* Wherever memory runs out, nothing stays mapped, and a second attempt succeeds */
static void fill_test_no_memory(struct kunit *test)
{
	struct fill_scene *s = fill_scene(test, 1, MAX_FRAGS);
	unsigned int room;

	for (room = 0; room < MAX_FRAGS; room++) {
		s->room = room;
		s->lost = false;
		KUNIT_ASSERT_EQ(test, fill_try(s), -ENOMEM);
		fill_expect_empty(test, s);
		KUNIT_EXPECT_TRUE(test, s->lost);
	}
	s->room = MAX_FRAGS;
	s->lost = false;
	KUNIT_ASSERT_EQ(test, fill_try(s), 0);
	fill_expect_mapped(test, s);
	KUNIT_EXPECT_FALSE(test, s->lost);
}

/* A revoke that comes meanwhile finds nothing, or has everything to unmap */
static void fill_test_revoke(struct kunit *test)
{
	struct fill_scene *s = fill_scene(test, 1, MAX_FRAGS);
	const unsigned int last_vec = rounddown(MAX_FRAGS, IOPT_PHYS_VEC);
	unsigned int after;

	for (after = 1; after <= last_vec; after++) {
		s->stop_after = after;
		s->lost = false;
		s->phys.stop = false;
		KUNIT_ASSERT_EQ(test, fill_try(s), 0);
		fill_expect_empty(test, s);
		KUNIT_EXPECT_TRUE(test, s->lost);
		/* It did not go on for more than a vector */
		KUNIT_EXPECT_LT(test, UINT_MAX - s->room, (after + IOPT_PHYS_VEC));
		s->room = UINT_MAX;
	}
	s->stop_after = last_vec + 1;
	s->phys.stop = false;
	KUNIT_ASSERT_EQ(test, fill_try(s), 0);
	fill_expect_mapped(test, s);
}

/*
 * Tasks of one cgroup that find the same bytes free must not charge them all. So a fill
 * charges beyond the limit only while it holds as much, for all that it maps.
 */
static void fill_test_forced(struct kunit *test)
{
	struct fill_scene *s = fill_scene(test, 1, MAX_FRAGS / 2);
	unsigned int i;

	s->must_force = true;
	s->room = 0;
	KUNIT_EXPECT_EQ(test, iopt_phys_fill_first(&s->phys, &s->track), -ENOMEM);
	fill_expect_empty(test, s);
	KUNIT_EXPECT_TRUE(test, list_empty(&s->phys.tracks));
	KUNIT_EXPECT_TRUE(test, s->forced[0]);

	s->room = UINT_MAX;
	KUNIT_ASSERT_EQ(test, iopt_phys_fill_first(&s->phys, &s->track), 0);
	fill_expect_mapped(test, s);
	KUNIT_EXPECT_TRUE(test, s->forced[0]);
	KUNIT_EXPECT_FALSE(test, s->not_held);

	/* A restore maps two at once */
	s->track.mapped = false;
	s->second = s->track;
	s->second.iova += s->track.length;
	list_add_tail(&s->second.node, &s->phys.tracks);
	memset(s->paddr, 0, sizeof(s->paddr));
	KUNIT_ASSERT_EQ(test, iopt_phys_fill_all(&s->phys), 0);
	fill_expect_mapped(test, s);
	KUNIT_EXPECT_TRUE(test, s->second.mapped);
	for (i = 0; i < MAX_FRAGS / 2; i++)
		KUNIT_EXPECT_EQ(test, s->paddr[MAX_FRAGS / 2 + i],
				s->list.frags[i].paddr);
	KUNIT_EXPECT_TRUE(test, s->forced[0] && s->forced[1]);
	KUNIT_EXPECT_FALSE(test, s->not_held);
}

static struct kunit_case fill_cases[] = {
	KUNIT_CASE(fill_test_prot),
	KUNIT_CASE(fill_test_no_memory),
	KUNIT_CASE(fill_test_revoke),
	KUNIT_CASE(fill_test_forced),
	{}
};

static struct kunit_suite fill_suite = {
	.name = "iommufd-dmabuf-fill",
	.test_cases = fill_cases,
};

kunit_test_suites(&fill_suite);

MODULE_DESCRIPTION("KUnit tests for mapping dma-bufs by physical list");
MODULE_LICENSE("GPL");
