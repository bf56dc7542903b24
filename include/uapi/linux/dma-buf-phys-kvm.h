/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Memslots of dma-bufs, beside a <linux/kvm.h> of any version.
 *
 * A kernel with dma-buf-phys has these in its own <linux/kvm.h>; the headers of a
 * distribution may lack the flag, or the ioctl that takes it. Whatever <linux/kvm.h>
 * defines is left alone.
 */
#ifndef _UAPI_LINUX_DMA_BUF_PHYS_KVM_H
#define _UAPI_LINUX_DMA_BUF_PHYS_KVM_H

#include <linux/ioctl.h>
#include <linux/kvm.h>
#include <linux/types.h>

#ifndef KVM_SET_USER_MEMORY_REGION2
/**
 * struct kvm_userspace_memory_region2 - a memslot
 * @slot: its number, and that of the address space in the upper half
 * @flags: %KVM_MEM_DMABUF and others
 * @guest_phys_addr: where the guest has it
 * @memory_size: bytes; 0 deletes the slot
 * @userspace_addr: 0 with %KVM_MEM_DMABUF
 * @guest_memfd_offset: of the slot's first byte in @guest_memfd
 * @guest_memfd: the dma-buf with %KVM_MEM_DMABUF
 * @pad1: 0
 * @pad2: 0
 */
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

#define KVM_SET_USER_MEMORY_REGION2 \
	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

#ifndef KVM_MEM_DMABUF
/* guest_memfd is a dma-buf with a physical list, userspace_addr is 0 */
#define KVM_MEM_DMABUF	(1UL << 3)
#endif

#ifndef KVM_CAP_MEMORY_DMABUF
/* KVM_CHECK_EXTENSION: the VM takes KVM_MEM_DMABUF */
#define KVM_CAP_MEMORY_DMABUF 300
#endif

#endif /* _UAPI_LINUX_DMA_BUF_PHYS_KVM_H */
