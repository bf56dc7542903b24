/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Queries about dma-bufs with physical lists.
 *
 * /dev/dma_buf_phys answers queries about any dma-buf that the caller has a file
 * descriptor of: what it consists of, how a PCI device would reach it, and when
 * access is taken away and given back. It never reveals a physical address.
 *
 * Every structure starts with its size as known to the caller. A kernel that knows
 * fewer fields fails with -E2BIG unless the additional ones are 0; a kernel that
 * knows more fields assumes 0 for those missing. Unknown flags, and reserved fields
 * that are not 0, fail with -EINVAL.
 */
#ifndef _UAPI_LINUX_DMA_BUF_PHYS_H
#define _UAPI_LINUX_DMA_BUF_PHYS_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * enum dma_buf_phys_query_state - whether importers have access to a dma-buf
 * @DMA_BUF_PHYS_QUERY_LIVE: importers can map it
 * @DMA_BUF_PHYS_QUERY_REVOKED: access has been taken away and may come back
 * @DMA_BUF_PHYS_QUERY_DEAD: access has been taken away permanently
 */
enum dma_buf_phys_query_state {
	DMA_BUF_PHYS_QUERY_LIVE,
	DMA_BUF_PHYS_QUERY_REVOKED,
	DMA_BUF_PHYS_QUERY_DEAD,
};

/**
 * enum dma_buf_phys_query_type - type of the memory of a group
 * @DMA_BUF_PHYS_QUERY_CPU: ordinary host memory
 * @DMA_BUF_PHYS_QUERY_P2P: BAR of a PCI device
 * @DMA_BUF_PHYS_QUERY_ENCRYPTED: memory that the host must not access
 */
enum dma_buf_phys_query_type {
	DMA_BUF_PHYS_QUERY_CPU,
	DMA_BUF_PHYS_QUERY_P2P,
	DMA_BUF_PHYS_QUERY_ENCRYPTED,
};

/**
 * enum dma_buf_phys_query_attr - memory attribute of a group
 *
 * This is what the exporter allows. A CPU mapping may be stricter: on x86 all
 * mappings of a page have the same attribute, and BARs of VFIO are uncached.
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
 * @DMA_BUF_PHYS_ROUTE_UNKNOWN: no device was given
 * @DMA_BUF_PHYS_ROUTE_MEMORY: as ordinary memory
 * @DMA_BUF_PHYS_ROUTE_BUS_ADDR: by bus address, below a switch that both share
 * @DMA_BUF_PHYS_ROUTE_HOST_BRIDGE: through the host bridge
 * @DMA_BUF_PHYS_ROUTE_NONE: no route: a bridge or the CPU does not allow it
 * @DMA_BUF_PHYS_ROUTE_ENCRYPTED: no route: the group is encrypted
 * @DMA_BUF_PHYS_ROUTE_MASK: no route: the device cannot send such high addresses
 * @DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE: no route: the data would have to be copied, the
 *	device is not coherent with the CPU's caches, or the pages of the IOMMU are
 *	larger than the ranges of the group
 *
 * Two properties depend on the driver and IOMMU domain of the device, and only an
 * attempt to map takes them into account: the page size of the IOMMU, and the reach
 * of a device whose DMA addresses differ from physical addresses.
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
 * struct dma_buf_phys_group_info - a run of ranges with the same properties
 * @offset: position of the first byte in the dma-buf in bytes
 * @length: length in bytes
 * @provider: device that the BAR belongs to, DMA_BUF_PHYS_PCI(), or
 *	%DMA_BUF_PHYS_NO_DEVICE
 * @nr_frags: number of physically contiguous ranges
 * @type: type of the memory, enum dma_buf_phys_query_type
 * @attr: memory attribute, enum dma_buf_phys_query_attr
 * @route: route from the device of the query, enum dma_buf_phys_query_route
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

/* Tell how @device would reach each group */
#define DMA_BUF_PHYS_QUERY_ROUTE	(1u << 0)

/**
 * struct dma_buf_phys_query - query what a dma-buf consists of
 * @size: sizeof(struct dma_buf_phys_query)
 * @flags: %DMA_BUF_PHYS_QUERY_ROUTE or 0
 * @fd: in: file descriptor of the dma-buf
 * @group_size: in: sizeof(struct dma_buf_phys_group_info), or 0 if @groups is 0
 * @groups: in: pointer to an array that receives the first @nr_groups groups, or 0
 * @device: in: DMA_BUF_PHYS_PCI() with %DMA_BUF_PHYS_QUERY_ROUTE, otherwise 0
 * @nr_groups: in: number of elements of @groups; out: number of groups of the
 *	dma-buf, 0 if it is dead, or revoked and its exporter has not been asked for
 *	the list yet
 * @state: out: enum dma_buf_phys_query_state
 * @length: out: size of the dma-buf in bytes
 * @nr_frags: out: number of physically contiguous ranges of all groups
 * @generation: out: number of revokes, restores, moves and kills so far
 * @nr_importers: out: number of importers attached by any access method
 * @nr_mapped: out: number of mappings of all importers, of the memory that the dma-buf
 *	consists of now: 0 once it is dead
 * @nr_behind: out: number of importers that lost a mapping and have not mapped
 *	again, although the dma-buf is live again; they do so on their own, soon
 *	after a restore
 * @nr_failed: out: number of those of @nr_behind that failed to map, for lack of
 *	memory for instance, and are going to retry
 *
 * The answer is consistent. Routes are determined by the code that maps, without
 * mapping anything.
 *
 * Return: 0; -EOPNOTSUPP if the dma-buf has no physical list; -ENXIO if there is
 * no such device; -EBADF or -EINVAL if @fd is not a dma-buf; -EINTR; -ENOMEM; or
 * the exporter's error when asked for the list.
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
 * struct dma_buf_phys_watch - watch for access being taken away and given back
 * @size: sizeof(struct dma_buf_phys_watch)
 * @flags: %O_CLOEXEC, %O_NONBLOCK, or both, or 0
 * @fd: file descriptor of the dma-buf
 * @reserved: 0
 *
 * Return: a file descriptor to read &struct dma_buf_phys_watch_event from, which
 * holds a reference to the dma-buf; -EOPNOTSUPP if the dma-buf has no physical
 * list; -ENODEV if it is dead; -EBADF or -EINVAL if @fd is not a dma-buf; -EMFILE;
 * or -ENOMEM.
 */
struct dma_buf_phys_watch {
	__u32 size;
	__u32 flags;
	__s32 fd;
	__u32 reserved;
};

/**
 * struct dma_buf_phys_watch_event - what has happened to a dma-buf
 * @time: time of the last event in nanoseconds of %CLOCK_MONOTONIC, or 0
 * @generation: &dma_buf_phys_query.generation at the time of the read
 * @nr_revokes: number of times that access was taken away since the watch was
 *	created
 * @nr_restores: number of times that access was given back since then
 * @nr_moves: number of moves since then
 * @state: enum dma_buf_phys_query_state at the time of the read
 * @nr_behind: &dma_buf_phys_query.nr_behind at the time of the read; the devices of
 *	these importers cannot reach the memory yet
 *
 * A watch is readable (%POLLIN) if there was an event since the last read. Besides
 * those that are counted, it is an event if an importer fails to follow a restore,
 * and if the last importer has followed. read() waits for an event, or fails with
 * -EAGAIN for %O_NONBLOCK, and returns one structure. Several events are reported
 * together; the counters show all of them. read() returns as many bytes as fit, and
 * fails with -EINVAL if the buffer does not hold all members up to @state. Once the
 * dma-buf is dead, poll() also reports %POLLHUP, and read() returns 0 after the last
 * event.
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
