// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memslots backed by a slice of a dma-buf that has a physical list.
 *
 * The guest's page tables are filled from the list: the host maps nothing and
 * needs no struct page. Such a slot has no userspace address, so the host's own
 * accesses to it fail as for a hole, and faults go the way of guest_memfd, be
 * they private or shared.
 *
 * A slot is attached to the dma-buf from its creation to its deletion. The list
 * is mapped when the slot is created, if it can be, and at the first fault after
 * the exporter took it away: so a slot can be created while the buffer is
 * revoked, and a restore needs nobody to do anything. A fault that finds no list
 * ends in KVM_EXIT_MEMORY_FAULT.
 *
 * Taking the list away:
 *
 *	notify				fault
 *
 *	kd->list = NULL			snapshot of mmu_invalidate_seq
 *	under mmu_lock:			look the pfn up in kd->list
 *	  mmu_invalidate_seq++		under mmu_lock:
 *	  zap, flush TLBs		  retry if the snapshot is stale
 *	dma_buf_phys_unmap()		  map the pfn
 *
 * A fault that found the old list either mapped it before the zap, or sees the
 * new mmu_invalidate_seq and starts over. One whose snapshot is new finds no
 * list. When notify returns no CPU of the guest reaches the memory.
 *
 * The memory type is what the architecture makes of an address: RAM is mapped
 * write-back by all of them, so ordinary memory with another attribute is
 * refused; what an encrypted group consists of, its exporter has to know. For the
 * rest x86 says uncached on Intel and leaves it to the host's MTRRs on AMD; both
 * let the guest's page tables choose write-combining, as for every BAR that a
 * guest has.
 *
 * Locks, outermost first: slots_lock, slots_arch_lock, reservation lock, mmu_lock
 * or kd->lock. Whoever creates a slot waits for the reservation lock with both of
 * the first two held. A fault takes it within an SRCU read section, so nobody may
 * synchronize_srcu() under that lock. Changes of memslots wait for that section:
 * so a fault waits for signals as well, for a copy without the lock, and after a
 * while it starts over, which ends the section.
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

/* How long one fault may wait for copies, and hold up changes of memslots */
#define COPY_TIMEOUT msecs_to_jiffies(50)

/**
 * struct kvm_dmabuf - what backs a memslot
 * @kvm: the VM
 * @slot: the memslot, which owns this
 * @dmabuf: the dma-buf, with a reference
 * @at: the attachment; NULL until the slot is bound
 * @offset: where the slot starts in @dmabuf, bytes
 * @lock: what a fault reads @list under
 * @list: mapped, or NULL; changed under the reservation lock and @lock
 */
struct kvm_dmabuf {
	struct kvm *kvm;
	struct kvm_memory_slot *slot;
	struct dma_buf *dmabuf;
	struct dma_buf_phys_attachment *at;
	u64 offset;
	spinlock_t lock; /* see @list */
	struct dma_buf_phys_list *list;
};

/*
 * The list
 */

static void set_list(struct kvm_dmabuf *kd, struct dma_buf_phys_list *list)
{
	dma_resv_assert_held(kd->dmabuf->resv);

	guard(spinlock)(&kd->lock);
	kd->list = list;
}

/* KVM's page tables would make all RAM write-back */
static bool attrs_fit(const struct dma_buf_phys_list *list)
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

static int map_list_locked(struct kvm_dmabuf *kd)
{
	struct dma_resv *resv = kd->dmabuf->resv;
	struct dma_buf_phys_list *list;

	dma_resv_assert_held(resv);

	/* Somebody else was first */
	if (kd->list)
		return 0;
	/* A guest uses memory at once: the bytes must be there */
	if (!dma_resv_test_signaled(resv, DMA_RESV_USAGE_KERNEL))
		return -EAGAIN;
	list = dma_buf_phys_map(kd->at);
	/* What else an exporter may say means something of its own to a fault */
	if (IS_ERR(list))
		return list == ERR_PTR(-ENOMEM) ||
		       list == ERR_PTR(-EOPNOTSUPP) ? PTR_ERR(list) : -ENODEV;
	if (!attrs_fit(list)) {
		dma_buf_phys_unmap(kd->at, list);
		return -EOPNOTSUPP;
	}
	set_list(kd, list);
	return 0;
}

/* Return: -EAGAIN if a copy is under way, -EINTR, or what mapping said */
static int map_list(struct kvm_dmabuf *kd)
{
	struct dma_resv *resv = kd->dmabuf->resv;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	ret = map_list_locked(kd);
	dma_resv_unlock(resv);
	return ret;
}

/* Return: 0 when there was none or it is done, -EAGAIN after @left, or -EINTR */
static int wait_copy(struct kvm_dmabuf *kd, long *left)
{
	long ret;

	ret = dma_resv_wait_timeout(kd->dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				    true, *left);
	if (ret < 0)
		return -EINTR;
	*left = ret;
	return ret ? 0 : -EAGAIN;
}

static void zap(struct kvm_dmabuf *kd)
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
	/* Encrypted lines in caches must not reach what the memory will be */
	kvm_arch_guest_memory_reclaimed(kvm);
}

static void kvm_dmabuf_notify(struct dma_buf_phys_attachment *at,
			      enum dma_buf_phys_event event)
{
	struct kvm_dmabuf *kd = at->priv;
	struct dma_buf_phys_list *list = kd->list;

	/* The next fault maps again */
	if (event == DMA_BUF_PHYS_EV_RESTORE || !list)
		return;
	set_list(kd, NULL);
	zap(kd);
	dma_buf_phys_unmap(at, list);
}

static const struct dma_buf_phys_importer_ops kvm_dmabuf_ops = {
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P),
	.notify = kvm_dmabuf_notify,
};

/* A VM with memory that the host must not touch may have such groups, too */
static const struct dma_buf_phys_importer_ops kvm_dmabuf_private_ops = {
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P) |
		 BIT(DMA_BUF_PHYS_ENCRYPTED),
	.notify = kvm_dmabuf_notify,
};

/*
 * Faults
 */

/*
 * Is the block of 1 << @order pages around @gfn in the slot and one block of
 * physical memory? Then @iter is where it starts.
 */
static bool is_block(const struct kvm_dmabuf *kd, gfn_t gfn, int order,
		     struct dma_buf_phys_iter *iter)
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

/* With kd->lock held and a list */
static int look_up(struct kvm_dmabuf *kd, gfn_t gfn, kvm_pfn_t *pfn,
		   int *max_order)
{
	static const int orders[] = { 18, 9, 0 };
	struct dma_buf_phys_iter iter;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		if (!is_block(kd, gfn, orders[i], &iter))
			continue;
		/* What the host must not see is for private memory only */
		if (iter.group->type == DMA_BUF_PHYS_ENCRYPTED &&
		    !kvm_mem_is_private(kd->kvm, gfn))
			return -EFAULT;
		*pfn = PHYS_PFN(iter.paddr) + (gfn & (BIT_ULL(orders[i]) - 1));
		*max_order = orders[i];
		return 0;
	}
	return -EFAULT;
}

/**
 * kvm_dmabuf_get_pfn - where a page of a memslot is
 * @slot: a memslot of flag KVM_MEM_DMABUF, active
 * @gfn: the page
 * @pfn: set to its page frame, which has perhaps no struct page
 * @max_order: set to the order of the largest mapping that can hold it: 0, 9 or
 *	18
 *
 * Context: a fault, which took its snapshot of mmu_invalidate_seq before. Takes
 * the reservation lock and waits for a copy if the list is not mapped.
 *
 * Return: 0, with @pfn %KVM_PFN_ERR_SIGPENDING if a signal came; -EAGAIN if the
 * bytes are still on their way, so that the fault has to start over; -EFAULT if
 * the memory cannot be reached now, or never, or not by this kind of access;
 * -ENOMEM.
 */
int kvm_dmabuf_get_pfn(struct kvm_memory_slot *slot, gfn_t gfn, kvm_pfn_t *pfn,
		       int *max_order)
{
	struct kvm_dmabuf *kd = slot->dmabuf;
	long left = COPY_TIMEOUT;
	int ret;

	do {
		scoped_guard(spinlock, &kd->lock)
			if (kd->list)
				return look_up(kd, gfn, pfn, max_order);
		ret = map_list(kd);
		if (ret == -EAGAIN)
			ret = wait_copy(kd, &left);
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
EXPORT_SYMBOL_FOR_KVM_INTERNAL(kvm_dmabuf_get_pfn);

/*
 * Memslots; slots_lock is held, or the VM is being destroyed
 */

/**
 * kvm_dmabuf_prepare - take what a new memslot is made of
 * @kvm: the VM
 * @slot: the memslot, not visible to anybody
 * @fd: of the dma-buf
 * @offset: of the slot's first byte in it
 *
 * Undone by kvm_dmabuf_unbind().
 *
 * Return: 0; -EOPNOTSUPP if VMs of this type cannot have such memslots; -EBADF or
 * -EINVAL if @fd is no dma-buf; -EINVAL if the slice is not page-aligned or not in
 * the dma-buf; -ENOMEM.
 */
int kvm_dmabuf_prepare(struct kvm *kvm, struct kvm_memory_slot *slot, int fd,
		       u64 offset)
{
	struct dma_buf *dmabuf;
	struct kvm_dmabuf *kd;
	int ret = -EINVAL;
	u64 end;

	if (!kvm_arch_supports_dmabuf(kvm))
		return -EOPNOTSUPP;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	if (!PAGE_ALIGNED(offset) ||
	    check_add_overflow(offset, (u64)slot->npages << PAGE_SHIFT, &end) ||
	    end > dmabuf->size)
		goto err_put;

	ret = -ENOMEM;
	kd = kzalloc_obj(*kd, GFP_KERNEL_ACCOUNT);
	if (!kd)
		goto err_put;
	spin_lock_init(&kd->lock);
	kd->kvm = kvm;
	kd->slot = slot;
	kd->dmabuf = dmabuf;
	kd->offset = offset;
	slot->dmabuf = kd;
	slot->flags |= KVM_MEMSLOT_GMEM_ONLY;
	return 0;

err_put:
	dma_buf_put(dmabuf);
	return ret;
}

/**
 * kvm_dmabuf_bind - attach a prepared memslot
 * @slot: the memslot, not active yet, but with all that zapping it needs
 *
 * Return: 0; -EACCES if the dma-buf is read-only; -EOPNOTSUPP if the memory needs
 * another memory type than KVM's page tables give it; or an error of
 * dma_buf_phys_attach().
 */
int kvm_dmabuf_bind(struct kvm_memory_slot *slot)
{
	struct kvm_dmabuf *kd = slot->dmabuf;
	struct dma_buf_phys_attachment *at;
	int ret;

	at = dma_buf_phys_attach(kd->dmabuf, kvm_arch_has_private_mem(kd->kvm) ?
				 &kvm_dmabuf_private_ops : &kvm_dmabuf_ops, kd);
	if (IS_ERR(at))
		return PTR_ERR(at);
	kd->at = at;
	/* No memslot of this kind is read-only; see check_memory_region_flags() */
	if (!dma_buf_phys_is_writable(kd->dmabuf))
		return -EACCES;
	/* Or else at the first fault: it may be revoked, or on its way */
	ret = map_list(kd);
	return ret == -EOPNOTSUPP ? ret : 0;
}

/**
 * kvm_dmabuf_unbind - undo kvm_dmabuf_prepare() and kvm_dmabuf_bind()
 * @slot: the memslot, with nothing of it mapped by the guest; may have been
 *	unbound already
 */
void kvm_dmabuf_unbind(struct kvm_memory_slot *slot)
{
	struct kvm_dmabuf *kd = slot->dmabuf;

	if (!kd)
		return;
	slot->dmabuf = NULL;
	if (kd->at) {
		dma_resv_lock(kd->dmabuf->resv, NULL);
		if (kd->list)
			dma_buf_phys_unmap(kd->at, kd->list);
		dma_buf_phys_detach_locked(kd->at);
		dma_resv_unlock(kd->dmabuf->resv);
	}
	dma_buf_put(kd->dmabuf);
	kfree(kd);
}

/**
 * kvm_dmabuf_unbind_all - unbind the memslots of a VM that is being destroyed
 * @kvm: the VM, which nobody uses any more, its MMU still alive
 *
 * An attachment does not keep a VM alive, and what its callback needs goes soon.
 */
void kvm_dmabuf_unbind_all(struct kvm *kvm)
{
	struct kvm_memory_slot *slot;
	struct kvm_memslots *slots;
	int i, bkt;

	for (i = 0; i < kvm_arch_nr_memslot_as_ids(kvm); i++) {
		slots = __kvm_memslots(kvm, i);
		kvm_for_each_memslot(slot, bkt, slots) {
			if (!slot->dmabuf)
				continue;
			zap(slot->dmabuf);
			kvm_dmabuf_unbind(slot);
		}
	}
}
