/* SPDX-License-Identifier: MIT */
#ifndef DMABUF_PHYS_H
#define DMABUF_PHYS_H

/*
 * libdmabuf-phys: dma-bufs with physical lists, for programs
 *
 * What a dma-buf holds and how a PCI device reaches it, when access to it is taken away
 * and given back, and how BARs of a device of VFIO's become one. See libdmabuf-phys(3).
 *
 * Nothing here prints, keeps global state, or installs handlers; all of it may be called
 * from several threads. Functions that return int return -errno for an error.
 */
#include <linux/dma-buf-phys.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct dmabuf_phys_info - what a dma-buf consists of; made by dmabuf_phys_query()
 * @length: bytes
 * @nr_frags: physically contiguous ranges
 * @generation: revokes, restores, moves and kills so far
 * @state: enum dma_buf_phys_query_state
 * @nr_groups: for dmabuf_phys_group(); 0 if it is dead, or revoked and not known
 * @nr_importers: attached by any access method
 * @nr_mapped: mappings of all of them
 * @nr_behind: importers that have not mapped again after a restore
 * @nr_failed: of these, those that have tried
 *
 * Members are added at the end.
 */
struct dmabuf_phys_info {
	uint64_t length;
	uint64_t nr_frags;
	uint64_t generation;
	uint32_t state;
	uint32_t nr_groups;
	uint32_t nr_importers;
	uint32_t nr_mapped;
	uint32_t nr_behind;
	uint32_t nr_failed;
};

/**
 * dmabuf_phys_query - ask what a dma-buf consists of
 * @fd: the dma-buf
 * @device: PCI device whose routes are to be told, "0000:3b:00.0"; or NULL
 * @info: receives the answer, for dmabuf_phys_free()
 *
 * Return: 0; -ENOENT if the kernel has no physical lists, or dma-buf-phys is not
 * loaded; -EOPNOTSUPP if the dma-buf's exporter does not use them; -ENXIO if there is
 * no such device; -EINVAL if that is no address, or @fd no dma-buf; -EINTR; or others.
 */
int dmabuf_phys_query(int fd, const char *device, struct dmabuf_phys_info **info);

/** dmabuf_phys_free - free what dmabuf_phys_query() has made; NULL is nothing */
void dmabuf_phys_free(struct dmabuf_phys_info *info);

/** dmabuf_phys_group - the @i-th group, in the order of bytes; NULL beyond the last */
const struct dma_buf_phys_group_info *
dmabuf_phys_group(const struct dmabuf_phys_info *info, uint32_t i);

/**
 * dmabuf_phys_route - how a PCI device would reach all of a dma-buf
 * @fd: the dma-buf
 * @device: see dmabuf_phys_query()
 *
 * Return: the worst of its groups' enum dma_buf_phys_query_route: if that reaches, all
 * do; -ENODATA if there are no groups to tell it of; or as dmabuf_phys_query().
 */
int dmabuf_phys_route(int fd, const char *device);

/** dmabuf_phys_reaches - 1 for a route that there is, 0 for one that there is not */
int dmabuf_phys_reaches(uint32_t route);

/*
 * Words for what the kernel says, without blanks: "live", "p2p", "wb", "host-bridge";
 * "?" for what this library does not know yet
 */
const char *dmabuf_phys_state_name(uint32_t state);
const char *dmabuf_phys_type_name(uint32_t type);
const char *dmabuf_phys_attr_name(uint32_t attr);
const char *dmabuf_phys_route_name(uint32_t route);

/**
 * dmabuf_phys_watch - be told when access is taken away and given back
 * @fd: the dma-buf; may be closed afterwards
 * @flags: %O_CLOEXEC, %O_NONBLOCK, or both
 *
 * Return: a file descriptor for poll(2) and dmabuf_phys_watch_next(); -ESTALE if the
 * dma-buf is dead already; -ENOENT or -EOPNOTSUPP as dmabuf_phys_query(); or others.
 */
int dmabuf_phys_watch(int fd, int flags);

/**
 * dmabuf_phys_watch_next - wait for an event
 * @watch: from dmabuf_phys_watch()
 * @event: receives it; several that have come since are one, and are counted
 *
 * Return: 1; 0 if none can come any more, as the dma-buf is dead; -EAGAIN with
 * %O_NONBLOCK; -EINTR; or others.
 */
int dmabuf_phys_watch_next(int watch, struct dma_buf_phys_watch_event *event);

/**
 * struct dmabuf_phys_range - bytes of a BAR
 * @bar: 0 to 5
 * @offset: in the BAR, bytes, whole pages
 * @length: bytes, whole pages; 0: to the end of the BAR
 */
struct dmabuf_phys_range {
	unsigned int bar;
	uint64_t offset;
	uint64_t length;
};

/* Keep the CPU away from the ranges while the dma-buf exists */
#define DMABUF_PHYS_NO_HOST_ACCESS	(1u << 0)
/* Importers may only read */
#define DMABUF_PHYS_READ_ONLY		(1u << 1)

/**
 * dmabuf_phys_export - make a dma-buf of ranges of a device's BARs
 * @device: file descriptor of the device, from VFIO
 * @ranges: in the order in which the dma-buf is to have them
 * @nr: of @ranges
 * @flags: DMABUF_PHYS_*
 *
 * Ranges of several BARs, and %DMABUF_PHYS_NO_HOST_ACCESS, need physical lists.
 *
 * Return: the dma-buf, closed on exec; -ENOTTY if VFIO exports none; -EINVAL if it
 * does not take the ranges; or others of VFIO_DEVICE_FEATURE_DMA_BUF.
 */
int dmabuf_phys_export(int device, const struct dmabuf_phys_range *ranges, size_t nr,
		       unsigned int flags);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_PHYS_H */
