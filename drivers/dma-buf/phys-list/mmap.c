// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access by the CPU: mmap() of the dma-buf.
 *
 * Pages are mapped on demand. With the reservation lock held, a fault looks up
 * the address in the list of a live buffer and inserts the page table entry.
 * Revoke, kill and move change the state or the list under the same lock and
 * then zap all page table entries of the file. So no entry outlives the list it
 * came from, and there is nothing to count or to wait for. The next access
 * faults again: it gets SIGBUS while the buffer is revoked, the new place after
 * a move, and the old place after a restore.
 *
 * This covers users of the page tables that follow MMU notifiers. VM_IO keeps
 * everyone from pinning the pages. But VFIO type1, ACRN and mshv copy entries
 * of any VM_PFNMAP area into tables of their own and never look again; they
 * have to refuse the areas for which dma_buf_phys_vma() returns true.
 *
 * Lock order, as everywhere in dma-buf: mmap_lock, reservation lock, page table
 * locks.
 */
#include <kunit/visibility.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>

#include "internal.h"

/**
 * dma_buf_phys_group_prot - get the page protection for a group
 * @group: the group
 * @vm_flags: flags of the area to map the group in
 *
 * Return: the protection, with the memory attribute of the group.
 */
pgprot_t dma_buf_phys_group_prot(const struct dma_buf_phys_group *group,
				 vm_flags_t vm_flags)
{
	/* vm_page_prot may have the attribute of another group */
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
	/* Devices do not have the host's memory encryption keys */
	return group->type == DMA_BUF_PHYS_P2P ? pgprot_decrypted(prot) : prot;
}
EXPORT_SYMBOL_IF_KUNIT(dma_buf_phys_group_prot);

static vm_fault_t phys_mmap_insert(struct vm_fault *vmf, unsigned int order,
				   unsigned long pfn, pgprot_t prot)
{
	bool write = vmf->flags & FAULT_FLAG_WRITE;
	/* Stable, since all that changes it holds the reservation lock */
	pmd_t pmd = order > PMD_ORDER ? __pmd(0) :
					pmdp_get_lockless(vmf->pmd);

	if (!order) {
		/* The buffer has moved, and someone else got a huge entry first */
		if (pmd_leaf(pmd))
			return VM_FAULT_NOPAGE;
		return vmf_insert_pfn_prot(vmf->vma, vmf->address, pfn, prot);
	}
	/* A huge entry gets the protection of the VMA */
	if (pgprot_val(prot) != pgprot_val(vmf->vma->vm_page_prot))
		return VM_FAULT_FALLBACK;
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) && order == PMD_ORDER) {
		/* Small entries were inserted while this waited for the lock */
		if (!pmd_none(pmd) && !pmd_leaf(pmd))
			return VM_FAULT_FALLBACK;
		return vmf_insert_pfn_pmd(vmf, pfn, write);
	}
	/* mm cannot split a PUD yet when part of the VMA is unmapped */
	return VM_FAULT_FALLBACK;
}

/*
 * Any signal ends a wait for user space, which handles it and then repeats the
 * access. The kernel would repeat it at once, so there only a fatal one does.
 */
static bool phys_mmap_interruptible(const struct vm_fault *vmf)
{
	return vmf->flags & FAULT_FLAG_USER;
}

static vm_fault_t phys_mmap_interrupted(const struct vm_fault *vmf)
{
	return phys_mmap_interruptible(vmf) ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
}

static int phys_mmap_lock(const struct vm_fault *vmf, struct dma_resv *resv)
{
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	/* There is no killable variant: after any other signal, wait as if there were none */
	if (ret && !phys_mmap_interruptible(vmf) && !fatal_signal_pending(current))
		ret = dma_resv_lock(resv, NULL);
	return ret;
}

static int phys_mmap_wait_copy(const struct vm_fault *vmf, struct dma_resv *resv)
{
	const bool intr = phys_mmap_interruptible(vmf);
	const long timeout = intr ? MAX_SCHEDULE_TIMEOUT : HZ / 10;
	long ret;

	/* Here neither, but it can be looked at now and then */
	do {
		ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, intr, timeout);
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
	} while (!ret);
	return ret < 0 ? ret : 0;
}

static vm_fault_t phys_mmap_fault_locked(struct dma_buf_phys *phys, struct vm_fault *vmf,
					 unsigned int order)
{
	struct dma_resv *resv = phys->dmabuf->resv;
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
	list = dma_buf_phys_get_list(phys);
	if (IS_ERR(list))
		return VM_FAULT_SIGBUS;

	offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
	if (!dma_buf_phys_iter_first(&iter, list, offset, size))
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	/* A huge page starts before the address, possibly in another group */
	if (iter.group->type == DMA_BUF_PHYS_ENCRYPTED)
		return order ? VM_FAULT_FALLBACK : VM_FAULT_SIGBUS;
	if (iter.length < size || !IS_ALIGNED(iter.paddr, size))
		return VM_FAULT_FALLBACK;

	/* After a move, the copy may still be running */
	if (fault_flag_allow_retry_first(vmf->flags)) {
		if (!dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL))
			return VM_FAULT_RETRY;
	} else if (phys_mmap_wait_copy(vmf, resv)) {
		return phys_mmap_interrupted(vmf);
	}
	return phys_mmap_insert(vmf, order, PHYS_PFN(iter.paddr),
		      dma_buf_phys_group_prot(iter.group, vma->vm_flags));
}

/*
 * The first attempt drops mmap_lock, or the lock of the VMA, while it waits, so that
 * mmap() and readers of /proc/PID/cmdline are not held up. A second one keeps it and
 * the reservation lock: otherwise the buffer might have moved again each time.
 */
static vm_fault_t phys_mmap_retry(struct vm_fault *vmf, struct dma_buf *dmabuf)
{
	struct dma_resv *resv = dmabuf->resv;

	if (vmf->flags & FAULT_FLAG_RETRY_NOWAIT)
		return VM_FAULT_RETRY;

	/* The area may be unmapped from here on */
	get_dma_buf(dmabuf);
	release_fault_lock(vmf);
	if (!phys_mmap_lock(vmf, resv)) {
		dma_resv_unlock(resv);
		phys_mmap_wait_copy(vmf, resv);
	}
	dma_buf_put(dmabuf);
	return VM_FAULT_RETRY;
}

static vm_fault_t phys_mmap_huge_fault(struct vm_fault *vmf, unsigned int order)
{
	struct dma_buf_phys *phys = vmf->vma->vm_private_data;
	struct dma_buf *dmabuf = phys->dmabuf;
	vm_fault_t ret;

	if (fault_flag_allow_retry_first(vmf->flags)) {
		if (!dma_resv_trylock(dmabuf->resv))
			return phys_mmap_retry(vmf, dmabuf);
	} else if (phys_mmap_lock(vmf, dmabuf->resv)) {
		return phys_mmap_interrupted(vmf);
	}
	ret = phys_mmap_fault_locked(phys, vmf, order);
	dma_resv_unlock(dmabuf->resv);
	return ret == VM_FAULT_RETRY ? phys_mmap_retry(vmf, dmabuf) : ret;
}

static vm_fault_t phys_mmap_fault(struct vm_fault *vmf)
{
	return phys_mmap_huge_fault(vmf, 0);
}

/*
 * On some architectures (arm64, riscv) mprotect() gives existing entries not
 * only the new permissions but also the memory attribute of the VMA. So zap
 * them: each page then faults in again with the attribute of its group. The
 * locks that mprotect() holds, and the one taken here, keep faults away until
 * it is done.
 */
static int phys_mmap_mprotect(struct vm_area_struct *vma, unsigned long start,
			      unsigned long end, vm_flags_t newflags)
{
	vma_start_write(vma);
	zap_special_vma_range(vma, start, end - start);
	return 0;
}

/*
 * fork() looks at a huge entry before it takes the page table locks, and copies it
 * whatever has become of it since. A revoke may have zapped it, and the child's area,
 * where there was nothing yet. So leave none to copy; the parent cannot fault until
 * it is done.
 */
static void phys_mmap_open(struct vm_area_struct *vma)
{
	if (IS_ENABLED(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP) &&
	    vma->vm_mm != current->mm && vma->vm_end - vma->vm_start >= PMD_SIZE)
		unmap_mapping_pages(vma->vm_file->f_mapping, vma->vm_pgoff,
				    vma_pages(vma), false);
}

static const struct vm_operations_struct phys_mmap_vm_ops = {
	.open = phys_mmap_open,
	.fault = phys_mmap_fault,
	.mprotect = phys_mmap_mprotect,
#ifdef CONFIG_ARCH_SUPPORTS_HUGE_PFNMAP
	.huge_fault = phys_mmap_huge_fault,
#endif
};

/**
 * dma_buf_phys_vma - test whether the framework has mapped an area
 * @vma: the area
 *
 * For code that keeps PFNs it has found in an area. The PFNs of a dma-buf may
 * be taken away at any time, and only MMU notifiers tell. This is false for
 * areas that are mapped by exporters with &struct dma_buf_ops of their own.
 *
 * Context: mmap_lock or the VMA lock is held.
 *
 * Return: true if @vma maps a dma-buf whose dma_buf_ops are the framework's.
 */
bool dma_buf_phys_vma(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &phys_mmap_vm_ops;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_vma);

/*
 * The strictest attribute of what the area maps. KVM on arm64 looks at the
 * protection of the VMA, not at that of an entry, before it maps a BAR cacheable
 * for a guest. Memory of the host may move to a BAR while it is mapped, so that
 * counts as uncached. Huge entries get the protection of the VMA, and everything
 * else is mapped page by page.
 */
static pgprot_t phys_mmap_area_prot(const struct dma_buf_phys_list *list, u64 offset,
				    const struct vm_area_struct *vma)
{
	const struct dma_buf_phys_group *group = dma_buf_phys_group_at(list, offset);
	const u64 end = offset + (vma->vm_end - vma->vm_start);
	struct dma_buf_phys_group area = { .type = DMA_BUF_PHYS_P2P };

	for (; group < list->groups + list->nr_groups && group->offset < end; group++) {
		if (group->type != DMA_BUF_PHYS_P2P)
			area.attr = DMA_BUF_PHYS_UC;
		else if (group->attr > area.attr)
			area.attr = group->attr;
	}
	return dma_buf_phys_group_prot(&area, vma->vm_flags);
}

/* Of the framework's own buffers, only a dead one has no list; faults sort that out */
static int phys_mmap_set_prot(struct dma_buf_phys *phys, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(phys->dmabuf->resv);

	list = dma_buf_phys_get_list(phys);
	if (IS_ERR(list))
		return 0;
	if (list->types & BIT(DMA_BUF_PHYS_ENCRYPTED))
		return -EOPNOTSUPP;
	if (offset < list->size)
		vma->vm_page_prot = phys_mmap_area_prot(list, offset, vma);
	return 0;
}

/**
 * dma_buf_phys_mmap - map a dma-buf into user space, &dma_buf_ops.mmap
 * @dmabuf: the dma-buf
 * @vma: the area, inside the bounds of the dma-buf and with its file
 *
 * Return: 0; -EINVAL for a private mapping, which could not copy pages on
 * write, for want of struct pages; -EOPNOTSUPP if the dma-buf is encrypted or
 * was exported with &dma_buf_phys_export_info.no_mmap; or -ERESTARTSYS.
 */
int dma_buf_phys_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct dma_buf_phys *phys = dmabuf->priv;
	int ret;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (phys->no_mmap)
		return -EOPNOTSUPP;

	/* Whatever the freezer or a debugger interrupts is no affair of the caller's */
	if (dma_resv_lock_interruptible(dmabuf->resv, NULL))
		return -ERESTARTSYS;
	ret = phys_mmap_set_prot(phys, vma);
	dma_resv_unlock(dmabuf->resv);
	if (ret)
		return ret;

	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &phys_mmap_vm_ops;
	vma->vm_private_data = phys;
	return 0;
}
