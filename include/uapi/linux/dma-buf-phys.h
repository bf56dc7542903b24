/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What programs may ask about dma-bufs of physical lists.
 *
 * /dev/dma_buf_phys answers questions about any dma-buf the caller has a file
 * descriptor of: what is in it, how a PCI device would reach it, and when access
 * to it is taken away and given back. No physical address is ever shown.
 *
 * Every structure begins with its size as the caller knows it. A kernel that
 * knows fewer fields refuses those that are not zero (-E2BIG), one that knows
 * more takes the missing ones as zero. Unknown flags and reserved fields that
 * are not zero are refused (-EINVAL).
 */
#ifndef _UAPI_LINUX_DMA_BUF_PHYS_H
#define _UAPI_LINUX_DMA_BUF_PHYS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum dma_buf_phys_query_state - whether importers may use a dma-buf
 * @DMA_BUF_PHYS_QUERY_LIVE: they may
 * @DMA_BUF_PHYS_QUERY_REVOKED: access is taken away, and may come back
 * @DMA_BUF_PHYS_QUERY_DEAD: access is gone and does not come back
 */
enum dma_buf_phys_query_state {
	DMA_BUF_PHYS_QUERY_LIVE,
	DMA_BUF_PHYS_QUERY_REVOKED,
	DMA_BUF_PHYS_QUERY_DEAD,
};

/**
 * enum dma_buf_phys_query_type - what kind of memory a group is
 * @DMA_BUF_PHYS_QUERY_CPU: memory of the host
 * @DMA_BUF_PHYS_QUERY_P2P: a BAR of a PCI device
 * @DMA_BUF_PHYS_QUERY_ENCRYPTED: memory that the host does not touch
 */
enum dma_buf_phys_query_type {
	DMA_BUF_PHYS_QUERY_CPU,
	DMA_BUF_PHYS_QUERY_P2P,
	DMA_BUF_PHYS_QUERY_ENCRYPTED,
};

/**
 * enum dma_buf_phys_query_attr - how the CPU may cache a group
 *
 * What the exporter allows. A mapping may be stricter: x86 has one attribute for
 * all mappings of a page, and BARs of VFIO are uncached there.
 *
 * @DMA_BUF_PHYS_QUERY_WB: write-back
 * @DMA_BUF_PHYS_QUERY_WC: write-combining
 * @DMA_BUF_PHYS_QUERY_UC: uncached
 */
enum dma_buf_phys_query_attr {
	DMA_BUF_PHYS_QUERY_WB,
	DMA_BUF_PHYS_QUERY_WC,
	DMA_BUF_PHYS_QUERY_UC,
};

/**
 * enum dma_buf_phys_query_route - how a device would reach a group
 * @DMA_BUF_PHYS_ROUTE_UNKNOWN: no device was named
 * @DMA_BUF_PHYS_ROUTE_MEMORY: it is memory, reached as any other
 * @DMA_BUF_PHYS_ROUTE_BUS_ADDR: below a switch both share, by bus address
 * @DMA_BUF_PHYS_ROUTE_HOST_BRIDGE: through the host bridge
 * @DMA_BUF_PHYS_ROUTE_NONE: not at all: a bridge or the CPU forbids it
 * @DMA_BUF_PHYS_ROUTE_ENCRYPTED: not at all: it is encrypted
 * @DMA_BUF_PHYS_ROUTE_MASK: not at all: it is beyond the addresses the device
 *	can send
 * @DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE: not at all: it would be copied for the device,
 *	the device does not see what is in the processor's caches, or the IOMMU's
 *	pages are larger than the memory's pieces
 *
 * Only an attempt to map tells what depends on the device's driver and the IOMMU
 * domain it has by then: pages of the IOMMU that are too large, and the reach of a
 * device whose DMA addresses are not the physical ones.
 */
enum dma_buf_phys_query_route {
	DMA_BUF_PHYS_ROUTE_UNKNOWN,
	DMA_BUF_PHYS_ROUTE_MEMORY,
	DMA_BUF_PHYS_ROUTE_BUS_ADDR,
	DMA_BUF_PHYS_ROUTE_HOST_BRIDGE,
	DMA_BUF_PHYS_ROUTE_NONE,
	DMA_BUF_PHYS_ROUTE_ENCRYPTED,
	DMA_BUF_PHYS_ROUTE_MASK,
	DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE,
};

/* &struct dma_buf_phys_group_info.provider if there is none that can be named */
#define DMA_BUF_PHYS_NO_DEVICE	0xffffffffffffffffULL

/* A PCI device's address in one number: 0000:3b:00.1 is 0x3b01 */
#define DMA_BUF_PHYS_PCI(domain, bus, devfn)                              \
	(((__u64)(domain) << 16) | ((__u64)(bus) << 8) | (__u64)(devfn))

/**
 * struct dma_buf_phys_group_info - a run of ranges that are alike
 * @offset: of its first byte in the dma-buf
 * @length: bytes
 * @provider: device whose BAR it is, %DMA_BUF_PHYS_PCI() or
 *	%DMA_BUF_PHYS_NO_DEVICE
 * @nr_frags: physically contiguous ranges it has
 * @type: enum dma_buf_phys_query_type
 * @attr: enum dma_buf_phys_query_attr
 * @route: enum dma_buf_phys_query_route, from the device of the query
 */
struct dma_buf_phys_group_info {
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 provider;
	__u32 nr_frags;
	__u32 type;
	__u32 attr;
	__u32 route;
};

/* @device is set: tell how it would reach each group */
#define DMA_BUF_PHYS_QUERY_ROUTE	(1u << 0)

/**
 * struct dma_buf_phys_query - what is in a dma-buf
 * @size: sizeof(struct dma_buf_phys_query)
 * @flags: %DMA_BUF_PHYS_QUERY_ROUTE or 0
 * @fd: the dma-buf
 * @group_size: sizeof(struct dma_buf_phys_group_info), or 0 if @groups is
 * @groups: pointer to an array that receives the first @nr_groups groups, or 0
 * @device: with %DMA_BUF_PHYS_QUERY_ROUTE: DMA_BUF_PHYS_PCI()
 * @nr_groups: in: how many fit into @groups; out: how many there are; 0 for a
 *	dead dma-buf, and for a revoked one that has not been looked at yet
 * @state: out: enum dma_buf_phys_query_state
 * @length: out: bytes
 * @nr_frags: out: physically contiguous ranges of all groups
 * @generation: out: how often it has been revoked, restored, moved or killed
 * @nr_importers: out: how many are attached, by whichever access method
 * @nr_mapped: out: mappings they have
 * @nr_behind: out: importers that lost a mapping and do not have it back yet
 *	although the dma-buf is live again; they map by themselves, soon after
 *	a restore
 * @nr_failed: out: those of @nr_behind that tried and failed, as for want of
 *	memory, and will try again
 *
 * All that comes out is of one moment. The answer for a device is that of the
 * kernel's own mapping code, which is asked and maps nothing.
 *
 * Return: 0; -EOPNOTSUPP if the dma-buf has no physical list; -ENXIO if there is
 * no such device; -EBADF or -EINVAL if @fd is no dma-buf; -EINTR; -ENOMEM; or
 * what the exporter says when it is asked where the memory is.
 */
struct dma_buf_phys_query {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 group_size;
	__aligned_u64 groups;
	__aligned_u64 device;
	__u32 nr_groups;
	__u32 state;
	__aligned_u64 length;
	__aligned_u64 nr_frags;
	__aligned_u64 generation;
	__u32 nr_importers;
	__u32 nr_mapped;
	__u32 nr_behind;
	__u32 nr_failed;
};

/**
 * struct dma_buf_phys_watch - be told when access is taken away and given back
 * @size: sizeof(struct dma_buf_phys_watch)
 * @flags: %O_CLOEXEC, %O_NONBLOCK, or both, or 0
 * @fd: the dma-buf
 * @reserved: 0
 *
 * Return: a file descriptor, to be read as described at &struct
 * dma_buf_phys_watch_event. It keeps the dma-buf, as @fd does. Or -EOPNOTSUPP if
 * the dma-buf has no physical list; -ENODEV if it is dead; -EBADF or -EINVAL if
 * @fd is no dma-buf; -EMFILE; -ENOMEM.
 */
struct dma_buf_phys_watch {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct dma_buf_phys_watch_event - what has happened to a dma-buf
 * @time: of the last event, nanoseconds of %CLOCK_MONOTONIC; 0 if none was
 * @generation: as in &struct dma_buf_phys_query
 * @nr_revokes: how often access was taken away since the watch was made
 * @nr_restores: how often it was given back
 * @nr_moves: how often the bytes went elsewhere
 * @state: enum dma_buf_phys_query_state at the moment
 * @nr_behind: as in &struct dma_buf_phys_query: devices of importers that are
 *	behind a restore do not reach the memory yet
 *
 * A watch is readable (%POLLIN) when something has happened that was not read
 * yet. That an importer has failed to follow a restore, and that the last one has
 * followed, are among it, though they change no count. read() waits for news, or
 * fails with -EAGAIN, and returns one of these: what has happened since the last
 * read is in the counts, none is ever lost. It takes as many bytes as fit, at
 * least those up to @state's end, or fails with -EINVAL. When the dma-buf is dead
 * poll() adds %POLLHUP, and read() returns 0 once the last event has been read.
 */
struct dma_buf_phys_watch_event {
	__aligned_u64 time;
	__aligned_u64 generation;
	__aligned_u64 nr_revokes;
	__aligned_u64 nr_restores;
	__aligned_u64 nr_moves;
	__u32 state;
	__u32 nr_behind;
};

#define DMA_BUF_PHYS_IOC_QUERY	_IO('b', 0xd0)
#define DMA_BUF_PHYS_IOC_WATCH	_IO('b', 0xd1)

#endif /* _UAPI_LINUX_DMA_BUF_PHYS_H */
