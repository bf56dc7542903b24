// SPDX-License-Identifier: GPL-2.0-only
/*
 * The address space of a test, in which dma-bufs are mapped. No test makes an access:
 * the entries are asked for by faults, and looked at.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>

#include "kunit.h"

void kt_user_map(struct kunit *test, struct kt_buf *buf, u64 size, u64 offset)
{
	KUNIT_ASSERT_EQ(test, kunit_attach_mm(), 0);
	KUNIT_ASSERT_EQ(test,
			vm_mmap(buf->phys.dmabuf->file, KT_MAP_AT, size,
				PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
				offset),
			KT_MAP_AT);
}

void kt_user_unmap(struct kunit *test, u64 size)
{
	KUNIT_EXPECT_EQ(test, vm_munmap(KT_MAP_AT, size), 0);
	/* A kernel thread leaves the rest to a worker */
	flush_delayed_fput();
}

int kt_fault_in(unsigned long addr)
{
	guard(mmap_read_lock)(current->mm);
	return fixup_user_fault(current->mm, addr, FAULT_FLAG_WRITE, NULL);
}

/* The same by a caller that lets go of mmap_lock when asked to; @unlocked says so */
int kt_fault_in_retry(unsigned long addr, bool *unlocked)
{
	*unlocked = false;
	guard(mmap_read_lock)(current->mm);
	return fixup_user_fault(current->mm, addr, FAULT_FLAG_WRITE, unlocked);
}

/* Size of the page at an address, 0 if there is none, and where it is */
unsigned long kt_lookup_page(unsigned long addr, phys_addr_t *paddr)
{
	struct follow_pfnmap_args args = { .address = addr };
	unsigned long size;

	guard(mmap_read_lock)(current->mm);
	args.vma = vma_lookup(current->mm, addr);
	if (!args.vma || follow_pfnmap_start(&args))
		return 0;
	size = ~args.addr_mask + 1;
	*paddr = PFN_PHYS(args.pfn);
	follow_pfnmap_end(&args);
	return size;
}

void kt_expect_page(struct kunit *test, int line, unsigned long addr,
		    phys_addr_t paddr, unsigned long size)
{
	phys_addr_t is = 0;

	KUNIT_EXPECT_EQ_MSG(test, kt_fault_in(addr), 0, "from line %d", line);
	KUNIT_EXPECT_EQ_MSG(test, kt_lookup_page(addr, &is), size, "from line %d",
			    line);
	KUNIT_EXPECT_EQ_MSG(test, is, paddr, "from line %d", line);
}

/* A write to the second page of what kt_user_map() has mapped at its start */
struct vm_fault kt_fault_beside(struct vm_area_struct *vma)
{
	return (struct vm_fault){
		.vma = vma,
		.address = KT_MAP_AT + PAGE_SIZE,
		.pgoff = 1,
		.flags = FAULT_FLAG_WRITE,
		.pmd = pmd_off(current->mm, KT_MAP_AT),
	};
}
