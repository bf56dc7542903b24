/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Memslots backed by dma-bufs, in kernels with dma-buf-phys.
 *
 * Works with any version of <linux/kvm.h>: that of a distribution may predate the
 * flag, or the ioctl that takes it, which are defined here then. Nothing that
 * <linux/kvm.h> defines is defined again.
 */
#ifndef _UAPI_LINUX_DMA_BUF_PHYS_KVM_H
#define _UAPI_LINUX_DMA_BUF_PHYS_KVM_H

#include <linux/ioctl.h>
#include <linux/kvm.h>
#include <linux/types.h>

#ifndef KVM_SET_USER_MEMORY_REGION2
/**
 * struct kvm_userspace_memory_region2 - a memslot
 * @slot: id of the slot in the lower half, of the address space in the upper half
 * @flags: KVM_MEM_*
 * @guest_phys_addr: guest-physical address of the slot, page-aligned
 * @memory_size: bytes, page-aligned; 0 deletes the slot
 * @userspace_addr: address in the VMM; 0 with %KVM_MEM_DMABUF
 * @guest_memfd_offset: of the slot in @guest_memfd; bytes, page-aligned
 * @guest_memfd: file descriptor of the dma-buf, with %KVM_MEM_DMABUF
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
/*
 * The slot is backed by a dma-buf with a physical list, which guest_memfd refers to.
 * The only flag of such a slot; userspace_addr is 0.
 */
#define KVM_MEM_DMABUF	(1UL << 3)
#endif

#ifndef KVM_CAP_MEMORY_DMABUF
/* KVM_CHECK_EXTENSION: 1 if the VM supports KVM_MEM_DMABUF */
#define KVM_CAP_MEMORY_DMABUF 300
#endif

#endif /* _UAPI_LINUX_DMA_BUF_PHYS_KVM_H */
