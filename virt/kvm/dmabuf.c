// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memslots backed by a slice of a dma-buf that has a physical list.
 *
 * The guest's page tables are filled in from the list: the host maps nothing, and
 * no struct page is needed. Such a slot has no userspace address, so the host's own
 * accesses to it fail as they do where there is no slot. It is a guest_memfd slot
 * with another backing: both private and shared faults take the path of guest_memfd,
 * and functions of guest_memfd.c hand slots with KVM_MEM_DMABUF on to this file.
 *
 * A slot is attached to the dma-buf from its creation until its deletion. The list
 * is mapped when the slot is created, if possible, and by the first fault after the
 * exporter has taken it away. So a slot can be created while the buffer is revoked,
 * and nothing needs to be done upon a restore. A fault that cannot get a list ends
 * in KVM_EXIT_MEMORY_FAULT.
 *
 * How the list is taken away:
 *
 *	kvm_dmabuf_notify()		fault
 *
 *	kd->list = NULL			snapshot of mmu_invalidate_seq
 *	under mmu_lock:			look up the pfn in kd->list
 *	  mmu_invalidate_seq++		under mmu_lock:
 *	  zap, flush TLBs		  retry if the snapshot is stale
 *	dma_buf_phys_unmap()		  map the pfn
 *
 * A fault that found the old list either mapped the pfn before the zap, or sees the
 * new mmu_invalidate_seq and starts over. A fault with a new snapshot finds no list.
 * When kvm_dmabuf_notify() returns, no vCPU can reach the memory.
 *
 * The architecture derives the memory type from the address. All of them map RAM
 * write-back, so CPU memory with another attribute is refused; for an encrypted
 * group, its exporter has to know. For everything else x86 uses uncached on Intel
 * and what the host's MTRRs say on AMD; both let the guest's page tables select
 * write-combining, as they do for any BAR of a guest.
 *
 * Lock order: slots_lock, slots_arch_lock, the reservation lock, mmu_lock or
 * kd->lock. Creating a slot waits for the reservation lock with both of the first
 * two held. A fault takes it inside an SRCU read section, so synchronize_srcu() must
 * not be called under that lock. Memslot updates wait for that section. Therefore a
 * fault waits interruptibly, waits for a copy without the lock, and starts over after
 * a while, which ends the section. Only the lock itself is waited for without a limit:
 * an exporter holds it while it waits for the fences of other importers.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/kvm_host.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "dmabuf.h"
#include "kvm_mm.h"

MODULE_IMPORT_NS("DMA_BUF");

/* Maximum time that looking up one page waits for copies, delaying memslot updates */
#define KVM_DMABUF_COPY_TIMEOUT msecs_to_jiffies(50)

/**
 * struct kvm_dmabuf - the backing of a memslot
 * @kvm: the VM
 * @slot: the memslot, which owns this structure
 * @dmabuf: the dma-buf, on which a reference is held
 * @at: the attachment to @dmabuf
 * @offset: of the slot in @dmabuf, bytes
 * @lock: protects readers of @list and @in_use; innermost
 * @list: the mapped list, or NULL; modified with both the reservation lock and
 *	@lock held
 * @in_use: a fault has looked up a pfn in @list; under @lock
 */
struct kvm_dmabuf {
	struct kvm *kvm;
	struct kvm_memory_slot *slot;
	struct dma_buf *dmabuf;
	struct dma_buf_phys_attachment *at;
	u64 offset;
	spinlock_t lock; /* see above */
	struct dma_buf_phys_list *list;
	bool in_use;
};

/*
 * The list
 */

/* Returns whether any pfn of the previous list was looked up */
static bool kvm_dmabuf_set_list(struct kvm_dmabuf *kd,
				struct dma_buf_phys_list *list)
{
	bool was_in_use;

	dma_resv_assert_held(kd->dmabuf->resv);

	guard(spinlock)(&kd->lock);
	was_in_use = kd->in_use;
	kd->list = list;
	kd->in_use = false;
	return was_in_use;
}

/* KVM's page tables would map any RAM write-back */
static bool kvm_dmabuf_attrs_fit(const struct dma_buf_phys_list *list)
{
	const struct dma_buf_phys_group *groups;
	unsigned int nr, i;

	groups = dma_buf_phys_list_groups(list, &nr);
	for (i = 0; i < nr; i++)
		if (groups[i].type == DMA_BUF_PHYS_CPU &&
		    groups[i].attr != DMA_BUF_PHYS_WB)
			return false;
	return true;
}

static int kvm_dmabuf_map_list_locked(struct kvm_dmabuf *kd)
{
	struct dma_resv *resv = kd->dmabuf->resv;
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(resv);

	/* Another fault was faster */
	if (kd->list)
		return 0;
	/* A guest uses memory immediately: the bytes must be in place */
	if (!dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL))
		return -EAGAIN;
	list = dma_buf_phys_map(kd->at);
	/* Other errors of an exporter could mean something else to a fault */
	if (IS_ERR(list))
		return list == ERR_PTR(-ENOMEM) ||
		       list == ERR_PTR(-EOPNOTSUPP) ? PTR_ERR(list) : -ENODEV;
	if (!kvm_dmabuf_attrs_fit(list)) {
		dma_buf_phys_unmap(kd->at, list);
		return -EOPNOTSUPP;
	}
	kvm_dmabuf_set_list(kd, list);
	return 0;
}

/* Returns -EAGAIN if a copy is in progress, -EINTR, or the error of mapping */
static int kvm_dmabuf_map_list(struct kvm_dmabuf *kd)
{
	struct dma_resv *resv = kd->dmabuf->resv;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	ret = kvm_dmabuf_map_list_locked(kd);
	dma_resv_unlock(resv);
	return ret;
}

/* Returns 0 if no copy is in progress any more, -EAGAIN after @left, or -EINTR */
static int kvm_dmabuf_wait_copy(struct kvm_dmabuf *kd, long *left)
{
	long ret;

	ret = dma_resv_wait_timeout(kd->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				    true, *left);
	if (ret < 0)
		return -EINTR;
	*left = ret;
	return ret ? 0 : -EAGAIN;
}

/*
 * Zap all of the slot, or nothing: while it is being deleted only a copy of it is
 * active, and @kd->slot may lack the rmaps of shadow pages. No page can be mapped by
 * then, and a zap that begins at the first gfn finds that out.
 */
static void kvm_dmabuf_zap(struct kvm_dmabuf *kd)
{
	struct kvm_memory_slot *slot = kd->slot;
	struct kvm_gfn_range range = {
		.slot = slot,
		.start = slot->base_gfn,
		.end = slot->base_gfn + slot->npages,
		.attr_filter = KVM_FILTER_SHARED | KVM_FILTER_PRIVATE,
		.may_block = true,
	};
	struct kvm *kvm = kd->kvm;

	KVM_MMU_LOCK(kvm);
	kvm_mmu_invalidate_start(kvm);
	if (kvm_mmu_unmap_gfn_range(kvm, &range))
		kvm_flush_remote_tlbs(kvm);
	kvm_mmu_invalidate_end(kvm);
	KVM_MMU_UNLOCK(kvm);
	/* Encrypted cache lines must not reach the memory's next use */
	kvm_arch_guest_memory_reclaimed(kvm);
}

static void kvm_dmabuf_notify(struct dma_buf_phys_attachment *at,
			      enum dma_buf_phys_event event)
{
	struct kvm_dmabuf *kd = at->priv;
	struct dma_buf_phys_list *list = kd->list;

	/* After a restore, the next fault maps the list again */
	if (event == DMA_BUF_PHYS_EV_RESTORE || !list)
		return;
	if (kvm_dmabuf_set_list(kd, NULL))
		kvm_dmabuf_zap(kd);
	dma_buf_phys_unmap(at, list);
}

static const struct dma_buf_phys_importer_ops kvm_dmabuf_ops = {
	.name = "kvm",
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P),
	.notify = kvm_dmabuf_notify,
};

/* VMs with private memory can have groups that the host must not touch as well */
static const struct dma_buf_phys_importer_ops kvm_dmabuf_private_ops = {
	.name = "kvm",
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P) |
		 BIT(DMA_BUF_PHYS_ENCRYPTED),
	.notify = kvm_dmabuf_notify,
};

/*
 * Faults
 */

/*
 * Whether the naturally aligned block of 1 << @order pages around @gfn lies inside
 * the slot and is a naturally aligned block of physical memory. If so, @iter is set
 * to its start.
 */
static bool kvm_dmabuf_is_block(const struct kvm_dmabuf *kd, gfn_t gfn,
				int order, struct dma_buf_phys_iter *iter)
{
	const struct kvm_memory_slot *slot = kd->slot;
	u64 pages = BIT_ULL(order);
	gfn_t start = ALIGN_DOWN(gfn, pages);

	if (start < slot->base_gfn ||
	    start + pages > slot->base_gfn + slot->npages)
		return false;
	return dma_buf_phys_iter_first(iter, kd->list, kd->offset +
				       ((start - slot->base_gfn) << PAGE_SHIFT),
				       pages << PAGE_SHIFT) &&
	       iter->length == pages << PAGE_SHIFT &&
	       IS_ALIGNED(PHYS_PFN(iter->paddr), pages);
}

static int kvm_dmabuf_lookup_pfn(struct kvm_dmabuf *kd, gfn_t gfn,
				 kvm_pfn_t *pfn, int *max_order)
{
	static const int orders[] = { 18, 9, 0 };
	struct dma_buf_phys_iter iter;
	unsigned int i;

	lockdep_assert_held(&kd->lock);

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		if (!kvm_dmabuf_is_block(kd, gfn, orders[i], &iter))
			continue;
		/* Memory that the host must not see is private memory only */
		if (iter.group->type == DMA_BUF_PHYS_ENCRYPTED &&
		    !kvm_mem_is_private(kd->kvm, gfn))
			return -EFAULT;
		*pfn = PHYS_PFN(iter.paddr) + (gfn & (BIT_ULL(orders[i]) - 1));
		*max_order = orders[i];
		kd->in_use = true;
		return 0;
	}
	return -EFAULT;
}

/**
 * kvm_dmabuf_get_pfn - find the page frame behind a gfn
 * @slot: an active memslot with %KVM_MEM_DMABUF
 * @gfn: guest frame number, inside the slot
 * @pfn: set to the page frame number, which may have no struct page
 * @max_order: set to the order of the largest mapping that can contain it: 0, 9 or
 *	18
 *
 * Context: a fault, which took its snapshot of mmu_invalidate_seq earlier. May
 * sleep; takes the reservation lock and waits for a copy if the list is not mapped.
 *
 * Return: 0, with @pfn set to %KVM_PFN_ERR_SIGPENDING if a signal is pending;
 * -EAGAIN if a copy is still in progress, so that the fault must start over: the
 * next entry into the guest lets memslot updates proceed; -EFAULT if the memory
 * cannot be reached at present, ever, or by this kind of access; -ENOMEM.
 */
int kvm_dmabuf_get_pfn(struct kvm_memory_slot *slot, gfn_t gfn, kvm_pfn_t *pfn,
		       int *max_order)
{
	struct kvm_dmabuf *kd = slot->gmem.dmabuf;
	long left = KVM_DMABUF_COPY_TIMEOUT;
	int ret;

	do {
		scoped_guard(spinlock, &kd->lock)
			if (kd->list)
				return kvm_dmabuf_lookup_pfn(kd, gfn, pfn,
							     max_order);
		ret = kvm_dmabuf_map_list(kd);
		if (ret == -EAGAIN)
			ret = kvm_dmabuf_wait_copy(kd, &left);
	} while (!ret);

	switch (ret) {
	case -EINTR:
		*pfn = KVM_PFN_ERR_SIGPENDING;
		*max_order = 0;
		return 0;
	case -ENODEV:
	case -EOPNOTSUPP:
		return -EFAULT;
	default:
		return ret;
	}
}

/*
 * Memslots; slots_lock is held, or the VM is being destroyed
 */

/**
 * kvm_dmabuf_prepare_memory_region - look up the dma-buf of a new memslot
 * @kvm: the VM
 * @slot: the memslot, not yet visible
 * @fd: file descriptor of the dma-buf
 * @offset: of the slot in the dma-buf; bytes, page-aligned
 *
 * As for guest_memfd, the caller gets a reference on slot->gmem.file, which it drops
 * after kvm_dmabuf_commit_memory_region() or when it gives up.
 *
 * Return: 0; -EOPNOTSUPP if VMs of this type cannot have such memslots; -EBADF or
 * -EINVAL if @fd is not a dma-buf; -EINVAL if the slice is not inside the dma-buf.
 */
int kvm_dmabuf_prepare_memory_region(struct kvm *kvm,
				     struct kvm_memory_slot *slot,
				     unsigned int fd, u64 offset)
{
	struct dma_buf *dmabuf;
	u64 end;

	/*
	 * The architecture knows which types of VMs a revoke can take memory from.
	 * SNP and TDX are not among them. Only these call kvm_gmem_populate(), which
	 * would take a dma-buf for a guest_memfd.
	 */
	if (!kvm_vm_ioctl_check_extension(kvm, KVM_CAP_MEMORY_DMABUF))
		return -EOPNOTSUPP;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (check_add_overflow(offset, (u64)slot->npages << PAGE_SHIFT, &end) ||
	    end > dmabuf->size) {
		dma_buf_put(dmabuf);
		return -EINVAL;
	}
	/* As kvm_gmem_bind() does, for those who look without slots_lock */
	WRITE_ONCE(slot->gmem.file, dmabuf->file);
	slot->gmem.pgoff = offset >> PAGE_SHIFT;
	slot->flags |= KVM_MEMSLOT_GMEM_ONLY;
	return 0;
}

static void kvm_dmabuf_free(struct kvm_dmabuf *kd)
{
	dma_resv_lock(kd->dmabuf->resv, NULL);
	if (kd->list)
		dma_buf_phys_unmap(kd->at, kd->list);
	dma_buf_phys_detach_locked(kd->at);
	dma_resv_unlock(kd->dmabuf->resv);
	dma_buf_put(kd->dmabuf);
	kfree(kd);
}

/**
 * kvm_dmabuf_commit_memory_region - attach a prepared memslot
 * @kvm: the VM
 * @slot: the memslot, not yet visible
 *
 * Undone by kvm_dmabuf_unbind().
 *
 * Return: 0; -EACCES if the dma-buf is read-only; -EOPNOTSUPP if the memory needs
 * another memory type than KVM's page tables give it; -ENOMEM; or an error of
 * dma_buf_phys_attach().
 */
int kvm_dmabuf_commit_memory_region(struct kvm *kvm,
				    struct kvm_memory_slot *slot)
{
	const struct dma_buf_phys_importer_ops *ops;
	struct kvm_dmabuf *kd;
	int ret;

	kd = kzalloc_obj(*kd, GFP_KERNEL_ACCOUNT);
	if (!kd)
		return -ENOMEM;
	spin_lock_init(&kd->lock);
	kd->kvm = kvm;
	kd->slot = slot;
	kd->dmabuf = slot->gmem.file->private_data;
	kd->offset = (u64)slot->gmem.pgoff << PAGE_SHIFT;

	ops = kvm_arch_has_private_mem(kvm) ? &kvm_dmabuf_private_ops :
					      &kvm_dmabuf_ops;
	kd->at = dma_buf_phys_attach(kd->dmabuf, ops, kd);
	if (IS_ERR(kd->at)) {
		ret = PTR_ERR(kd->at);
		kfree(kd);
		return ret;
	}
	get_dma_buf(kd->dmabuf);
	/* There are no read-only memslots of dma-bufs: see kvm_dmabuf_fixup_flags() */
	if (!dma_buf_phys_is_writable(kd->dmabuf)) {
		kvm_dmabuf_free(kd);
		return -EACCES;
	}
	/* If revoked or still being copied, it is mapped by the first fault */
	ret = kvm_dmabuf_map_list(kd);
	if (ret == -EOPNOTSUPP) {
		kvm_dmabuf_free(kd);
		return ret;
	}
	slot->gmem.dmabuf = kd;
	return 0;
}

/**
 * kvm_dmabuf_unbind - detach a memslot
 * @slot: any memslot of which the guest has nothing mapped
 *
 * Does nothing if the memslot has no dma-buf. Otherwise there is nothing left that
 * kvm_gmem_unbind() could undo.
 */
void kvm_dmabuf_unbind(struct kvm_memory_slot *slot)
{
	struct kvm_dmabuf *kd = slot->gmem.dmabuf;

	if (!kd)
		return;
	slot->gmem.dmabuf = NULL;
	WRITE_ONCE(slot->gmem.file, NULL);
	kvm_dmabuf_free(kd);
}

/**
 * kvm_dmabuf_unbind_all - detach all memslots of a VM that is being destroyed
 * @kvm: the VM, without users, its MMU still in place
 *
 * An attachment does not keep the VM alive, and its callback needs the MMU.
 */
void kvm_dmabuf_unbind_all(struct kvm *kvm)
{
	struct kvm_memory_slot *slot;
	struct kvm_memslots *slots;
	int i, bkt;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++) {
		slots = __kvm_memslots(kvm, i);
		kvm_for_each_memslot(slot, bkt, slots) {
			if (!slot->gmem.dmabuf)
				continue;
			kvm_dmabuf_zap(slot->gmem.dmabuf);
			kvm_dmabuf_unbind(slot);
		}
	}
}
