// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access by the CPU: mmap of the dma-buf's file.
 *
 * Nothing is mapped before it is touched. A fault looks the place up and enters
 * it into the page table with the reservation lock held, while the buffer is
 * live; whoever takes access away or moves the bytes changes state or list under
 * that lock and then removes all page table entries of the file. So no entry
 * outlives what it was made from, there is nothing to count and nothing to wait
 * for, and an access after that faults again: into SIGBUS while access is taken
 * away, to the new place after a move, and to the old one after a restore.
 *
 * That holds for whoever else looks into the page tables, too, as long as he
 * follows the MMU notifiers. Nobody can pin what is in these mappings (VM_IO),
 * but VFIO's type 1, ACRN and mshv enter any VM_PFNMAP area into tables of their
 * own and never look again: dma_buf_phys_vma() tells them not to.
 *
 * Locks: mmap_lock, then the reservation lock, then those of the page tables;
 * as everywhere in dma-buf.
 */
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>

#include "internal.h"

pgprot_t phys_group_prot(const struct dma_buf_phys_group *group,
			 vm_flags_t vm_flags)
{
	/* Not vm_page_prot: that has the attribute of another group */
	pgprot_t prot = vm_get_page_prot(vm_flags);

	switch (group->attr) {
	case DMA_BUF_PHYS_WC:
		prot = pgprot_writecombine(prot);
		break;
	case DMA_BUF_PHYS_UC:
		prot = pgprot_noncached(prot);
		break;
	default:
		break;
	}
	/* A device does not know the host's keys */
	return group->type == DMA_BUF_PHYS_P2P ? pgprot_decrypted(prot) : prot;
}
EXPORT_SYMBOL_FOR_MODULES(phys_group_prot, "dma-buf-phys-kunit");

static vm_fault_t insert(struct vm_fault *vmf, unsigned int order,
			 unsigned long pfn, pgprot_t prot)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	/* As it will be: what changes it is under the reservation lock */
	pmd_t pmd = order > PMD_ORDER ? __pmd(0) :
					pmdp_get_lockless(vmf->pmd);

	if (!order) {
		/* Since the list was fit for small entries only, it has moved */
		if (pmd_leaf(pmd))
			return VM_FAULT_NOPAGE;
		return vmf_insert_pfn_prot(vmf->vma, vmf->address, pfn, prot);
	}
	/* Huge entries take the attribute of the whole VMA */
	if (pgprot_val(prot) != pgprot_val(vmf->vma->vm_page_prot))
		return VM_FAULT_FALLBACK;
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER) {
		/* Small entries have come first, while this waited for the lock */
		if (!pmd_none(pmd) && !pmd_leaf(pmd))
			return VM_FAULT_FALLBACK;
		return vmf_insert_pfn_pmd(vmf, pfn, write);
	}
	/* Nor PUDs: mm cannot yet cut one when a part of the VMA is unmapped */
	return VM_FAULT_FALLBACK;
}

static vm_fault_t fault_locked(struct dma_buf_phys *phys, struct vm_fault *vmf,
			       unsigned int order, bool intr)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long size = PAGE_SIZE << order;
	unsigned long addr = ALIGN_DOWN(vmf->address, size);
	struct dma_buf_phys_list *list;
	struct dma_buf_phys_iter iter;
	u64 offset;

	if (addr < vma->vm_start || size > vma->vm_end - addr)
		return VM_FAULT_FALLBACK;
	if (phys->state != DMA_BUF_PHYS_LIVE)
		return VM_FAULT_SIGBUS;
	list = phys_get_list(phys);
	if (IS_ERR(list))
		return PTR_ERR(list) == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;

	offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
	if (!dma_buf_phys_iter_first(&iter, list, offset, size))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	/* A huge page begins before the address, perhaps in another group */
	if (iter.group->type == DMA_BUF_PHYS_ENCRYPTED)
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	if (iter.length < size || !IS_ALIGNED(iter.paddr, size))
		return VM_FAULT_FALLBACK;

	/* After a move the bytes may still be on their way */
	if (dma_resv_wait_timeout(phys->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				  intr, MAX_SCHEDULE_TIMEOUT) < 0)
		return VM_FAULT_NOPAGE;
	return insert(vmf, order, PHYS_PFN(iter.paddr),
		      phys_group_prot(iter.group, vma->vm_flags));
}

static vm_fault_t phys_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct dma_buf_phys *phys = vmf->vma->vm_private_data;
	/*
	 * A program makes the access again once it has handled the signal. The
	 * kernel would make it again at once.
	 */
	const bool intr = vmf->flags & FAULT_FLAG_USER;
	vm_fault_t ret;

	if (!intr)
		dma_resv_lock(phys->dmabuf->resv, NULL);
	else if (dma_resv_lock_interruptible(phys->dmabuf->resv, NULL))
		return VM_FAULT_NOPAGE;
	ret = fault_locked(phys, vmf, order, intr);
	dma_resv_unlock(phys->dmabuf->resv);
	return ret;
}

static vm_fault_t phys_fault(struct vm_fault *vmf)
{
	return phys_huge_fault(vmf, 0);
}

/*
 * Some architectures (arm64, riscv) give the entries that are there the attribute
 * of the VMA together with its new rights. So there must be none: they fault again,
 * each into the attribute of its group. No fault comes in between, under the locks
 * that mprotect() holds or takes here.
 */
static int phys_mprotect(struct vm_area_struct *vma, unsigned long start,
			 unsigned long end, vm_flags_t newflags)
{
	vma_start_write(vma);
	zap_special_vma_range(vma, start, end - start);
	return 0;
}

static const struct vm_operations_struct phys_vm_ops = {
	.fault = phys_fault,
	.mprotect = phys_mprotect,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = phys_huge_fault,
#endif
};

/**
 * dma_buf_phys_vma - whether an area of user space is a dma-buf's
 * @vma: the area
 *
 * For code that wants to keep PFNs which it has found in an area: those of a
 * dma-buf are taken away without a word to anybody but the MMU notifiers. Says
 * nothing of areas that exporters with &struct dma_buf_ops of their own map.
 *
 * Context: mmap_lock or the VMA's lock is held.
 * Return: true if the framework has mapped it.
 */
bool dma_buf_phys_vma(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &phys_vm_ops;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_vma);

/* The attribute huge entries will have: that of the VMA's first byte */
static int first_prot(struct dma_buf_phys *phys, struct vm_area_struct *vma)
{
	struct dma_buf_phys_list *list;
	struct dma_buf_phys_iter iter;

	dma_resv_assert_held(phys->dmabuf->resv);

	list = phys_get_list(phys);
	if (IS_ERR(list))
		/* Revoked: faults will tell */
		return PTR_ERR(list) == -ENODEV ? 0 : PTR_ERR(list);
	if (list->types & BIT(DMA_BUF_PHYS_ENCRYPTED))
		return -EOPNOTSUPP;
	if (dma_buf_phys_iter_first(&iter, list,
				    (u64)vma->vm_pgoff << PAGE_SHIFT, PAGE_SIZE))
		vma->vm_page_prot = phys_group_prot(iter.group,
						    vma->vm_flags);
	return 0;
}

/*
 * dma_buf_ops.mmap; dma-buf has checked the bounds, and the VMA's file is the
 * dma-buf's. A private mapping would have to copy what it writes to, which has
 * no struct page.
 */
int phys_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct dma_buf_phys *phys = dmabuf->priv;
	int ret;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;

	ret = dma_resv_lock_interruptible(dmabuf->resv, NULL);
	if (ret)
		return ret;
	ret = first_prot(phys, vma);
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		return ret;

	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &phys_vm_ops;
	vma->vm_private_data = phys;
	return 0;
}

/* No access by the CPU from now on, until it faults again */
void phys_mmap_zap(struct dma_buf_phys *phys)
{
	dma_resv_assert_held(phys->dmabuf->resv);

	/* What other drivers map is theirs to take away; no mapping is private */
	if (phys_owns_ops(phys->dmabuf))
		unmap_mapping_range(phys->inode->i_mapping, 0, 0, 0);
}
