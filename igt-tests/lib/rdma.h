/* SPDX-License-Identifier: MIT */
#ifndef LIB_RDMA_H
#define LIB_RDMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/rdma.h"
#include "ranges.h"
#include "verbs.h"
#include "vfio.h"

/* Host memory that rdma_scene_open() registers, bytes */
#define RDMA_MEMORY KiB(64)

/**
 * rdma_require_lists - skip the test unless ib_core takes physical lists
 *
 * A distribution's takes scatterlists only. It exports no lists, registers no dma-buf that
 * is only for reading, and a move between attach and pin makes it leave a pin behind.
 */
void rdma_require_lists(void);

/* These do what devices/rdma.h says, and fail the test if that does */

void rdma_bind(const char *addr);

/** rdma_open - __rdma_open() of a PCI device */
void rdma_open(struct rdma *rdma, const char *addr);

void rdma_reset(struct rdma *rdma);
void rdma_reg_memory(struct rdma *rdma, void *addr, uint64_t length,
		     struct verbs_mr *mr);
void rdma_reg_dmabuf(struct rdma *rdma, int fd, uint64_t offset,
		     uint64_t length, struct verbs_mr *mr);
void rdma_copy(struct rdma *rdma, enum ibv_wr_opcode opcode,
	       const struct verbs_mr *local, uint64_t local_at,
	       const struct verbs_mr *remote, uint64_t remote_at,
	       uint32_t length);

/**
 * struct rdma_pair - a buffer, and memory to and from which its bytes are moved
 * @mem: the memory, a page more than @size
 * @size: of the buffer, bytes
 * @mem_mr: the memory, registered
 * @buffer_mr: the buffer, registered; its addresses are offsets
 */
struct rdma_pair {
	uint8_t *mem;
	size_t size;
	struct verbs_mr mem_mr;
	struct verbs_mr buffer_mr;
};

/** rdma_pair_open - register a dma-buf of @size bytes and memory, or fail */
void rdma_pair_open(struct rdma *rdma, struct rdma_pair *pair, int dmabuf,
		    size_t size);

/** rdma_pair_close - free the memory, after rdma_close() */
void rdma_pair_close(struct rdma_pair *pair);

/**
 * __rdma_pair_copy - RDMA WRITE of @data to the buffer, or RDMA READ into @data
 * @rdma: where
 * @pair: opened
 * @to_buffer: in which direction
 * @at: offset in the buffer
 * @data: what is written, or receives what was read
 * @length: bytes
 *
 * Fails the test if a READ touches the byte behind those it was asked for.
 *
 * Return: enum ibv_wc_status, or -errno.
 */
int __rdma_pair_copy(struct rdma *rdma, struct rdma_pair *pair, bool to_buffer,
		     uint64_t at, uint8_t *data, uint32_t length);

/**
 * rdma_expect - fail the test unless a status is the expected one
 * @what: what was done, for the message
 * @status: enum ibv_wc_status, or -errno
 * @expected: the same
 */
void rdma_expect(const char *what, int status, int expected);

/**
 * struct rdma_target - a dma-buf that is a memory region and what backs it
 * @mr: the region; addresses are offsets in the dma-buf
 * @base: CPU mapping of the BAR or memory
 * @ranges: what the dma-buf is made of, offsets into @base
 * @nr: number of them
 */
struct rdma_target {
	struct verbs_mr mr;
	uint8_t *base;
	const struct vfio_region_dma_range *ranges;
	size_t nr;
};

/**
 * struct rdma_scene - an exporter, host memory, an RDMA device
 * @iommufd: from iommufd_open()
 * @shm: ivshmem, whose BAR 2 is 1 GiB of memory
 * @bar: CPU mapping of that BAR
 * @rdma: edu
 * @mem: %RDMA_MEMORY bytes of host memory
 * @mem_mr: the same, registered
 */
struct rdma_scene {
	int iommufd;
	struct vfio_device shm;
	uint8_t *bar;
	struct rdma rdma;
	uint8_t *mem;
	struct verbs_mr mem_mr;
};

/** rdma_scene_open - open everything, or fail the test */
void rdma_scene_open(struct rdma_scene *scene);

/** rdma_scene_close - close everything; harmless if closed already */
void rdma_scene_close(struct rdma_scene *scene);

/**
 * rdma_scene_reset - start over
 * @scene: the scene
 *
 * Access back, a new context, queue pairs in RTS: subtests begin with this, so
 * that what a failed one left does not matter.
 */
void rdma_scene_reset(struct rdma_scene *scene);

/**
 * rdma_target_open - export ranges of the scene's BAR and register all of them
 * @scene: the scene
 * @target: filled in; the region alone keeps the dma-buf
 * @ranges: kept until rdma_target_close()
 * @nr: number of them
 */
void rdma_target_open(struct rdma_scene *scene, struct rdma_target *target,
		      const struct vfio_region_dma_range *ranges, size_t nr);

/** rdma_target_close - deregister it */
void rdma_target_close(struct rdma_target *target);

/**
 * rdma_scene_write - RDMA WRITE from host memory, every byte compared
 * @scene: the scene
 * @target: where to
 * @at: offset in the dma-buf
 * @length: bytes
 *
 * Afterwards the guard pattern is in their place, so that a guard_check() of
 * everything finds what else was written.
 */
void rdma_scene_write(struct rdma_scene *scene,
		      const struct rdma_target *target, uint64_t at,
		      uint32_t length);

/** rdma_scene_read - the same by RDMA READ; host memory beside it compared */
void rdma_scene_read(struct rdma_scene *scene, const struct rdma_target *target,
		     uint64_t at, uint32_t length);

/** rdma_scene_both - rdma_scene_write() and rdma_scene_read() */
void rdma_scene_both(struct rdma_scene *scene, const struct rdma_target *target,
		     uint64_t at, uint32_t length);

/*
 * Watching a transfer from the start of host memory to a place where the guard
 * pattern of offset 0 and on is
 */

/** rdma_scene_fill - make each byte of host memory differ from the guard */
void rdma_scene_fill(struct rdma_scene *scene, uint32_t length);

/**
 * rdma_scene_arrived - how much of a transfer has arrived
 * @scene: the scene
 * @to: where it goes
 * @length: of the transfer
 *
 * Fails the test if it is anything but the first bytes, with guard behind them.
 *
 * Return: how many.
 */
uint32_t rdma_scene_arrived(struct rdma_scene *scene, const void *to,
			    uint32_t length);

/** rdma_wait_moving - wait until the byte at @to is not @before any more */
void rdma_wait_moving(const void *to, uint8_t before);

/**
 * rdma_engine_pass - wait until the engine is through with what it was at
 *
 * It is one engine, and does one thing after the other: so this is a transfer by
 * somebody else.
 */
void rdma_engine_pass(void);

/** rdma_scene_watch - see that no more arrives, by rdma_engine_pass() */
void rdma_scene_watch(struct rdma_scene *scene, const void *to,
		      uint32_t length);

/**
 * rdma_engine_wait - wait until the engine of $DMABUF_EDU is at a region
 * @mr: a region
 * @writes: until it writes this region, rather than reads it
 *
 * A transfer takes 100 ms of the device's time, so it may be over by the time
 * this returns.
 *
 * Return: whether it was. If not, it has been idle for a while.
 */
bool rdma_engine_wait(const struct verbs_mr *mr, bool writes);

/** rdma_pin - what $DMABUF_EDU registers of dma-bufs is pinned from now on */
void rdma_pin(bool pin);

/** rdma_lose_page - whether $DMABUF_EDU takes a context's page away while it is exported */
void rdma_lose_page(bool lose);

/** rdma_poll_delay - how long $DMABUF_EDU hands out a completion, ms; 0: not */
void rdma_poll_delay(unsigned int ms);

/** rdma_polling - how many completions it is handing out */
unsigned int rdma_polling(void);

/** rdma_regions_of - memory regions that a device has, from debugfs */
unsigned int rdma_regions_of(const char *addr);

/** rdma_regions - those of $DMABUF_EDU */
unsigned int rdma_regions(void);

/**
 * rdma_entries - translation entries of a dma-buf's region, from debugfs
 * @length: of the region, which tells it from others
 * @page: receives their size, bytes
 *
 * Return: how many; 0 if there is no such region.
 */
uint64_t rdma_entries(uint64_t length, uint64_t *page);

#endif /* LIB_RDMA_H */
