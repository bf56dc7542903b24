// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in the page tables of who mmaps a dma-buf
 */
#include <linux/mm.h>
#include <linux/mman.h>

#include "../internal.h"
#include "kunit.h"

/* A revoke takes what the framework maps, and leaves alone what it does not */
static void mmap_test_revoke_of_mapped(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	bool own = kt_has_own_ops(test);
	phys_addr_t paddr = 0;

	kt_user_map(test, buf, KT_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	KT_EXPECT_PAGE(test, KT_MAP_AT + KT_SIZE - PAGE_SIZE,
		       KT_BASE + KT_SIZE - PAGE_SIZE, PAGE_SIZE);
	dma_buf_phys_revoke(&buf->phys);
	KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT, &paddr),
			own ? PAGE_SIZE : 0);
	KUNIT_EXPECT_EQ(test,
			kt_lookup_page(KT_MAP_AT + KT_SIZE - PAGE_SIZE, &paddr),
			own ? PAGE_SIZE : 0);
	if (!own)
		KUNIT_EXPECT_EQ(test, kt_fault_in(KT_MAP_AT), -EFAULT);
	dma_buf_phys_restore(&buf->phys);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	kt_user_unmap(test, KT_SIZE);
}

/* A move takes them as well, and the next fault finds the new place, or none */
static void mmap_test_move_of_mapped(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	phys_addr_t paddr = 0;

	kt_user_map(test, buf, KT_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test,
			dma_buf_phys_move(&buf->phys,
					  kt_list(test, KT_ELSEWHERE, KT_SIZE)),
			0);
	KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT, &paddr), 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_ELSEWHERE, PAGE_SIZE);

	dma_buf_phys_build(&b, 1);
	dma_buf_phys_add_group(&b, DMA_BUF_PHYS_ENCRYPTED, DMA_BUF_PHYS_WB,
			       NULL);
	dma_buf_phys_add_frag(&b, KT_BASE, KT_SIZE);
	list = dma_buf_phys_seal(&b, KT_SIZE);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_phys_move(&buf->phys, list), 0);
	KUNIT_EXPECT_EQ(test, kt_fault_in(KT_MAP_AT), -EFAULT);
	KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT, &paddr), 0);
	kt_user_unmap(test, KT_SIZE);

	/* By now it is known, and not mapped at all */
	KUNIT_EXPECT_EQ(test,
			(long)vm_mmap(buf->phys.dmabuf->file, KT_MAP_AT, KT_SIZE,
				      PROT_READ, MAP_SHARED | MAP_FIXED, 0),
			-EOPNOTSUPP);
}

/* Without struct pages there is nothing to copy on a write */
static void mmap_test_private(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	KUNIT_EXPECT_EQ(test,
			(long)vm_mmap(buf->phys.dmabuf->file, KT_MAP_AT, KT_SIZE,
				      PROT_READ, MAP_PRIVATE | MAP_FIXED, 0),
			-EINVAL);
}

/* Nor is there a mapping that the exporter does not want */
static void mmap_test_refused(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	buf->phys.no_mmap = true;
	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	KUNIT_EXPECT_EQ(test,
			(long)vm_mmap(buf->phys.dmabuf->file, KT_MAP_AT, KT_SIZE,
				      PROT_READ, MAP_SHARED | MAP_FIXED, 0),
			-EOPNOTSUPP);
}

/* Whose areas they are */
static void mmap_test_whose_area(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));

	kt_user_map(test, buf, KT_SIZE, 0);
	scoped_guard(mmap_read_lock, current->mm)
		KUNIT_EXPECT_EQ(test,
				dma_buf_phys_vma(vma_lookup(current->mm, KT_MAP_AT)),
				!kt_has_own_ops(test));
	kt_user_unmap(test, KT_SIZE);
}

static struct p2pdma_provider mmap_test_bar;

/* @nr pages of 2 MiB of a BAR that is write-combining, but for the one @uncached */
static struct dma_buf_phys_list *mmap_test_list_of_bar(struct kunit *test, unsigned int nr,
						       unsigned int uncached)
{
	struct dma_buf_phys_builder b;
	struct dma_buf_phys_list *list;
	unsigned int i;

	dma_buf_phys_build(&b, nr);
	for (i = 0; i < nr; i++) {
		dma_buf_phys_add_group(&b, DMA_BUF_PHYS_P2P,
				       i == uncached ? DMA_BUF_PHYS_UC : DMA_BUF_PHYS_WC,
				       &mmap_test_bar);
		dma_buf_phys_add_frag(&b, KT_BASE + i * PMD_SIZE, PMD_SIZE);
	}
	list = dma_buf_phys_seal(&b, nr * PMD_SIZE);
	KUNIT_ASSERT_EQ(test, PTR_ERR_OR_ZERO(list), 0);
	return list;
}

/* The attribute of an area is that of its strictest page, and huge entries have it */
static void mmap_test_area_is_strict(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, mmap_test_list_of_bar(test, 3, 1));
	unsigned long huge = IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) ?
				     PMD_SIZE : PAGE_SIZE;

	kt_user_map(test, buf, 3 * PMD_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	KT_EXPECT_PAGE(test, KT_MAP_AT + PMD_SIZE, KT_BASE + PMD_SIZE, huge);
	KT_EXPECT_PAGE(test, KT_MAP_AT + 2 * PMD_SIZE, KT_BASE + 2 * PMD_SIZE, PAGE_SIZE);
	kt_user_unmap(test, 3 * PMD_SIZE);

	/* Without the strict one */
	kt_user_map(test, buf, PMD_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, huge);
	kt_user_unmap(test, PMD_SIZE);
	kt_user_map(test, buf, PMD_SIZE, 2 * PMD_SIZE);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE + 2 * PMD_SIZE, huge);
	kt_user_unmap(test, PMD_SIZE);
}

/* Memory of the host may move to a BAR, whatever the area has been made for */
static void mmap_test_memory_is_uncached(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, KT_LIST(test));
	struct vm_area_struct *vma;

	kt_user_map(test, buf, KT_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PAGE_SIZE);
	scoped_guard(mmap_read_lock, current->mm) {
		vma = vma_lookup(current->mm, KT_MAP_AT);
		if (vma) {
			pgprot_t prot = vm_get_page_prot(vma->vm_flags);

			KUNIT_EXPECT_EQ(test, pgprot_val(vma->vm_page_prot),
					pgprot_val(pgprot_decrypted(pgprot_noncached(prot))));
		}
		KUNIT_EXPECT_NOT_NULL(test, vma);
	}
	kt_user_unmap(test, KT_SIZE);
}

/*
 * A fault that found nothing huge goes on to ask for a small page. Meanwhile the
 * buffer has moved to where it is, and somebody else has asked.
 */
static void mmap_test_small_fault_after_huge_one(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, mmap_test_list_of_bar(test, 1, 0));
	struct vm_area_struct *vma;

	if (!IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP))
		kunit_skip(test, "no huge entries here");
	kt_user_map(test, buf, PMD_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PMD_SIZE);
	scoped_guard(mmap_read_lock, current->mm) {
		vma = vma_lookup(current->mm, KT_MAP_AT);
		if (vma) {
			struct vm_fault vmf = kt_fault_beside(vma);

			KUNIT_EXPECT_TRUE(test, vma->vm_ops->fault(&vmf) ==
						VM_FAULT_NOPAGE);
		}
		KUNIT_EXPECT_NOT_NULL(test, vma);
	}
	KT_EXPECT_PAGE(test, KT_MAP_AT + PAGE_SIZE, KT_BASE + PAGE_SIZE, PMD_SIZE);
	kt_user_unmap(test, PMD_SIZE);
}

/*
 * A fault that found nothing at all asks for a huge page. While it waited for the
 * lock somebody else has asked, when the list was fit for small pages only.
 */
static void mmap_test_huge_fault_after_small_one(struct kunit *test)
{
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	struct kt_buf *buf = kt_buf(test, mmap_test_list_of_bar(test, 1, 0));
	struct vm_area_struct *vma;

	kt_user_map(test, buf, PMD_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT, KT_BASE, PMD_SIZE);
	dma_buf_phys_revoke(&buf->phys);
	dma_buf_phys_restore(&buf->phys);
	scoped_guard(mmap_read_lock, current->mm) {
		vma = vma_lookup(current->mm, KT_MAP_AT);
		if (vma) {
			struct vm_fault vmf = kt_fault_beside(vma);

			KUNIT_EXPECT_TRUE(test, vma->vm_ops->fault(&vmf) ==
						VM_FAULT_NOPAGE);
			KUNIT_EXPECT_TRUE(test,
					  vma->vm_ops->huge_fault(&vmf,
								  PMD_ORDER) ==
					  VM_FAULT_FALLBACK);
		}
		KUNIT_EXPECT_NOT_NULL(test, vma);
	}
	KT_EXPECT_PAGE(test, KT_MAP_AT + PAGE_SIZE, KT_BASE + PAGE_SIZE, PAGE_SIZE);
	kt_user_unmap(test, PMD_SIZE);
#else
	kunit_skip(test, "no huge entries here");
#endif
}

/* Entries that mprotect() would give the attribute of another group are not there */
static void mmap_test_mprotect_takes_entries(struct kunit *test)
{
	struct kt_buf *buf = kt_buf(test, mmap_test_list_of_bar(test, 3, 0));
	struct vm_area_struct *vma;
	phys_addr_t paddr;

	kt_user_map(test, buf, 3 * PMD_SIZE, 0);
	KT_EXPECT_PAGE(test, KT_MAP_AT + PMD_SIZE, KT_BASE + PMD_SIZE, PAGE_SIZE);
	KT_EXPECT_PAGE(test, KT_MAP_AT + PMD_SIZE + PAGE_SIZE,
		       KT_BASE + PMD_SIZE + PAGE_SIZE, PAGE_SIZE);
	scoped_guard(mmap_write_lock, current->mm) {
		vma = vma_lookup(current->mm, KT_MAP_AT);
		if (vma && vma->vm_ops->mprotect) {
			KUNIT_EXPECT_EQ(test,
					vma->vm_ops->mprotect(vma,
							      KT_MAP_AT + PMD_SIZE,
							      KT_MAP_AT + PMD_SIZE +
							      PAGE_SIZE,
							      vma->vm_flags),
					0);
			/* No fault may come before mprotect() is done */
			vma_assert_write_locked(vma);
		}
	}
	KUNIT_EXPECT_EQ(test, kt_lookup_page(KT_MAP_AT + PMD_SIZE, &paddr), 0);
	KUNIT_EXPECT_EQ(test,
			kt_lookup_page(KT_MAP_AT + PMD_SIZE + PAGE_SIZE, &paddr),
			PAGE_SIZE);
	KT_EXPECT_PAGE(test, KT_MAP_AT + PMD_SIZE, KT_BASE + PMD_SIZE, PAGE_SIZE);
	kt_user_unmap(test, 3 * PMD_SIZE);
}

/* What the architecture then makes of it for one page is its own affair */
static void mmap_test_attribute_of_group(struct kunit *test)
{
	const vm_flags_t flags = VM_READ | VM_WRITE | VM_SHARED;
	const pgprot_t prot = vm_get_page_prot(flags);
	struct dma_buf_phys_group group = { .type = DMA_BUF_PHYS_CPU };

	group.attr = DMA_BUF_PHYS_WB;
	KUNIT_EXPECT_EQ(test, pgprot_val(dma_buf_phys_group_prot(&group, flags)),
			pgprot_val(prot));
	group.attr = DMA_BUF_PHYS_WC;
	KUNIT_EXPECT_EQ(test, pgprot_val(dma_buf_phys_group_prot(&group, flags)),
			pgprot_val(pgprot_writecombine(prot)));
	group.attr = DMA_BUF_PHYS_UC;
	KUNIT_EXPECT_EQ(test, pgprot_val(dma_buf_phys_group_prot(&group, flags)),
			pgprot_val(pgprot_noncached(prot)));
	group.type = DMA_BUF_PHYS_P2P;
	KUNIT_EXPECT_EQ(test, pgprot_val(dma_buf_phys_group_prot(&group, flags)),
			pgprot_val(pgprot_decrypted(pgprot_noncached(prot))));
}

static struct kunit_case mmap_test_cases[] = {
	KT_CASE(mmap_test_revoke_of_mapped),
	KUNIT_CASE(mmap_test_move_of_mapped),
	KUNIT_CASE(mmap_test_private),
	KUNIT_CASE(mmap_test_refused),
	KT_CASE(mmap_test_whose_area),
	KUNIT_CASE(mmap_test_area_is_strict),
	KUNIT_CASE(mmap_test_memory_is_uncached),
	KUNIT_CASE(mmap_test_small_fault_after_huge_one),
	KUNIT_CASE(mmap_test_huge_fault_after_small_one),
	KUNIT_CASE(mmap_test_mprotect_takes_entries),
	KUNIT_CASE(mmap_test_attribute_of_group),
	{}
};

static struct kunit_suite mmap_test_suite = {
	.name = "dma-buf-phys-mmap",
	.test_cases = mmap_test_cases,
};

kunit_test_suites(&mmap_test_suite);
