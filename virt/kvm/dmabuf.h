/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __KVM_DMABUF_H__
#define __KVM_DMABUF_H__

#include <linux/errno.h>
#include <linux/types.h>

struct kvm;
struct kvm_memory_slot;

#ifdef CONFIG_KVM_DMABUF
int kvm_dmabuf_prepare(struct kvm *kvm, struct kvm_memory_slot *slot, int fd,
		       u64 offset);
int kvm_dmabuf_bind(struct kvm_memory_slot *slot);
void kvm_dmabuf_unbind(struct kvm_memory_slot *slot);
void kvm_dmabuf_unbind_all(struct kvm *kvm);
#else
static inline int kvm_dmabuf_prepare(struct kvm *kvm,
				     struct kvm_memory_slot *slot, int fd,
				     u64 offset)
{
	return -EINVAL;
}

static inline int kvm_dmabuf_bind(struct kvm_memory_slot *slot)
{
	return 0;
}

static inline void kvm_dmabuf_unbind(struct kvm_memory_slot *slot)
{
}

static inline void kvm_dmabuf_unbind_all(struct kvm *kvm)
{
}
#endif

#endif /* __KVM_DMABUF_H__ */
