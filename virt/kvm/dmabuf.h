/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KVM_DMABUF_H__
#define __KVM_DMABUF_H__

#include <linux/errno.h>
#include <linux/kvm.h>
#include <linux/kvm_types.h>

struct kvm;
struct kvm_memory_slot;

#ifdef CONFIG_KVM_DMABUF
int kvm_dmabuf_prepare_memory_region(struct kvm *kvm,
				     struct kvm_memory_slot *slot,
				     unsigned int fd, u64 offset);
int kvm_dmabuf_commit_memory_region(struct kvm *kvm,
				    struct kvm_memory_slot *slot);
void kvm_dmabuf_unbind(struct kvm_memory_slot *slot);
void kvm_dmabuf_unbind_all(struct kvm *kvm);
int kvm_dmabuf_get_pfn(struct kvm_memory_slot *slot, gfn_t gfn, kvm_pfn_t *pfn,
		       int *max_order);
#else
static inline int
kvm_dmabuf_prepare_memory_region(struct kvm *kvm, struct kvm_memory_slot *slot,
				 unsigned int fd, u64 offset)
{
	return -EINVAL;
}

static inline int
kvm_dmabuf_commit_memory_region(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	return -EINVAL;
}

static inline void kvm_dmabuf_unbind(struct kvm_memory_slot *slot)
{
}

static inline void kvm_dmabuf_unbind_all(struct kvm *kvm)
{
}

static inline int kvm_dmabuf_get_pfn(struct kvm_memory_slot *slot, gfn_t gfn,
				     kvm_pfn_t *pfn, int *max_order)
{
	return -EFAULT;
}
#endif

/*
 * Slots of dma-bufs take the path of guest_memfd. Internally they have both flags.
 * User space may set KVM_MEM_DMABUF and nothing else, and must not give an address:
 * anything else becomes a value that check_memory_region_flags() refuses.
 */
static inline void
kvm_dmabuf_fixup_flags(struct kvm_userspace_memory_region2 *mem)
{
	if (!(mem->flags & KVM_MEM_DMABUF))
		return;
	if (IS_ENABLED(CONFIG_KVM_DMABUF) && mem->flags == KVM_MEM_DMABUF &&
	    !mem->userspace_addr)
		mem->flags |= KVM_MEM_GUEST_MEMFD;
	else
		mem->flags = U32_MAX;
}

#endif /* __KVM_DMABUF_H__ */
