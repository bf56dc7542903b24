/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_RDMA_H
#define DEVICES_RDMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verbs.h"

/* Work requests that a queue of __rdma_open() holds */
#define RDMA_DEPTH 16

/* What edu_ib tells of itself, in a folder for each device */
#define RDMA_DEBUGFS "/sys/kernel/debug/edu_ib"

/**
 * struct rdma - an RDMA device with two queue pairs, each the other's peer
 * @context: the device, NULL when closed
 * @pd: protection domain
 * @channel: completion events of @cq, whose cq_context is this
 * @cq: completion queue of all queues
 * @qp: both in RTS; tests send on the first and receive on the second
 */
struct rdma {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct ibv_qp *qp[2];
};

/** RDMA_NO_PROVIDER - what to do about -ELIBACC, if the device is edu */
#define RDMA_NO_PROVIDER \
	"libibverbs has no provider for it: run tools/build providers/edu"

/**
 * __rdma_bind - give a device to the kernel's RDMA driver, and wait until it is one
 * @addr: PCI address of edu
 * @device: filled in
 *
 * See __pci_bind(): pci_restore() takes it back.
 *
 * Return: 0 or -errno; -ENODEV if the driver has made no RDMA device of it, -ELIBACC
 * if libibverbs has no provider for that.
 */
int __rdma_bind(const char *addr, struct verbs_device *device);

/**
 * __rdma_wait_device - wait until a PCI device is an RDMA device
 * @addr: PCI address
 * @device: filled in
 *
 * Return: 0, -ENODEV, -ELIBACC if it is one that libibverbs has no provider for, or
 * -errno.
 */
int __rdma_wait_device(const char *addr, struct verbs_device *device);

/**
 * __rdma_open - open an RDMA device and connect two queue pairs
 * @rdma: filled in
 * @name: of the device, from &struct verbs_device
 *
 * Return: 0 or -errno.
 */
int __rdma_open(struct rdma *rdma, const char *name);

/**
 * __rdma_open_alone - the same without queue pairs, for those with peers elsewhere
 * @rdma: filled in; what is put into @qp later is destroyed with it
 * @name: of the device
 *
 * Return: 0 or -errno.
 */
int __rdma_open_alone(struct rdma *rdma, const char *name);

/**
 * __rdma_connect - what __rdma_open() does once the device is open
 * @rdma: only @context is set; rdma_close() is needed also if this fails
 *
 * Return: 0 or -errno.
 */
int __rdma_connect(struct rdma *rdma);

/**
 * rdma_close - destroy everything with the context
 * @rdma: may be closed already
 */
void rdma_close(struct rdma *rdma);

/**
 * __rdma_max_message - ask for the longest message that the port takes
 * @rdma: where
 * @max: receives the length, bytes
 *
 * Return: 0 or -errno.
 */
int __rdma_max_message(struct rdma *rdma, uint32_t *max);

/**
 * __rdma_reset - bring both queue pairs through RESET to RTS, drop completions
 * @rdma: the device
 *
 * Return: 0 or -errno.
 */
int __rdma_reset(struct rdma *rdma);

/**
 * __rdma_reg_memory - register memory of this process with all rights
 * @rdma: where
 * @addr: the memory, which stays pinned; also its address in work requests
 * @length: bytes
 * @mr: filled in
 *
 * Return: 0 or -errno; -ENOMEM if RLIMIT_MEMLOCK ('ulimit -l') is too low.
 */
int __rdma_reg_memory(struct rdma *rdma, void *addr, uint64_t length,
		      struct verbs_mr *mr);

/**
 * __rdma_reg_dmabuf - register a slice of a dma-buf with all rights
 * @rdma: where
 * @fd: of the dma-buf
 * @offset: of the slice
 * @length: of the slice, bytes
 * @mr: filled in; its addresses are offsets in the dma-buf
 *
 * Return: 0 or -errno.
 */
int __rdma_reg_dmabuf(struct rdma *rdma, int fd, uint64_t offset,
		      uint64_t length, struct verbs_mr *mr);

/**
 * struct rdma_op - a transfer
 * @opcode: %IBV_WR_RDMA_WRITE, %IBV_WR_RDMA_READ ...
 * @lkey: key of the local side
 * @local: address of the local side
 * @rkey: key of the remote side; of RDMA only
 * @remote: address of the remote side; of RDMA only
 * @length: bytes
 * @imm: immediate data, in the opcodes that have it
 */
struct rdma_op {
	enum ibv_wr_opcode opcode;
	uint32_t lkey;
	uint64_t local;
	uint32_t rkey;
	uint64_t remote;
	uint32_t length;
	uint32_t imm;
};

/** __rdma_post - post a transfer on the first queue pair; 0 or -errno */
int __rdma_post(struct rdma *rdma, const struct rdma_op *op, uint64_t wr_id);

/** __rdma_post_on - the same on another queue pair */
int __rdma_post_on(struct ibv_qp *qp, const struct rdma_op *op, uint64_t wr_id);

/**
 * __rdma_wait - wait for the next completion
 * @rdma: where
 * @length: of the transfer, bytes: long ones take long
 * @wc: receives the completion; may be NULL
 *
 * Return: enum ibv_wc_status, or -errno.
 */
int __rdma_wait(struct rdma *rdma, uint32_t length, struct ibv_wc *wc);

/** __rdma_do - __rdma_post() and __rdma_wait() */
int __rdma_do(struct rdma *rdma, const struct rdma_op *op);

/**
 * __rdma_copy - one RDMA WRITE or READ
 * @rdma: where
 * @opcode: which
 * @local: region of the local side
 * @local_at: address in it
 * @remote: region of the remote side
 * @remote_at: address in it
 * @length: bytes
 *
 * An error leaves the queue pairs in the error state: see __rdma_reset().
 *
 * Return: enum ibv_wc_status, or -errno.
 */
int __rdma_copy(struct rdma *rdma, enum ibv_wr_opcode opcode,
		const struct verbs_mr *local, uint64_t local_at,
		const struct verbs_mr *remote, uint64_t remote_at,
		uint32_t length);

/**
 * __rdma_entries - count translation entries of a dma-buf's region, by debugfs
 * @addr: PCI address of edu
 * @length: length of the region, bytes, which tells it from others
 * @entries: receives how many; 0 if there is no such region
 * @page: receives their size, bytes
 *
 * Return: 0 or -errno; -ENOENT if edu_ib is not bound or debugfs not mounted.
 */
int __rdma_entries(const char *addr, uint64_t length, uint64_t *entries,
		   uint64_t *page);

#endif /* DEVICES_RDMA_H */
