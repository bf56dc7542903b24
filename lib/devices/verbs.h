/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_VERBS_H
#define DEVICES_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <infiniband/verbs.h>

/*
 * What libibverbs leaves to programs. Functions here return negative errnos, as all of
 * this library do; libibverbs' own return positive ones.
 */

/* What rdma_* grants unless a test is about access */
#define VERBS_ACCESS_ALL                                                  \
	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |               \
	 IBV_ACCESS_REMOTE_READ)

#define VERBS_PORT 1
#define VERBS_MAX_SGE 4

/**
 * struct verbs_device - an RDMA device that libibverbs has a provider for
 * @name: of the device, such as "edu_0"
 * @pci: address of the PCI device behind it, empty if there is none
 * @node: its character device, such as "/dev/infiniband/uverbs0"
 */
struct verbs_device {
	char name[64];
	char pci[64];
	char node[96];
};

/**
 * struct verbs_mr - a memory region
 * @ibv: libibverbs'
 * @lkey: for local use, in scatter/gather entries
 * @rkey: for the peer
 * @iova: address of its first byte in work requests
 * @length: bytes
 */
struct verbs_mr {
	struct ibv_mr *ibv;
	uint32_t lkey;
	uint32_t rkey;
	uint64_t iova;
	uint64_t length;
};

/**
 * __verbs_list - RDMA devices that libibverbs has a provider for
 * @devices: receives them, to be freed by the caller; NULL on error
 *
 * Return: how many there are, or -errno.
 */
int __verbs_list(struct verbs_device **devices);

/**
 * __verbs_find - find an RDMA device
 * @name: its name, or the address of its PCI device
 * @device: filled in
 *
 * Return: 0; -ELIBACC if the kernel offers it and libibverbs does not list it, as it does
 * with a device that it has no provider for, or one that is just coming or going;
 * -ENODEV if the kernel does not offer it either; or -errno.
 */
int __verbs_find(const char *name, struct verbs_device *device);

/**
 * __verbs_open - open a device by its name
 * @name: from &struct verbs_device
 * @context: receives what ibv_close_device() closes
 *
 * Return: 0 or -errno.
 */
int __verbs_open(const char *name, struct ibv_context **context);

/**
 * __verbs_reg_mr - register memory of this process
 * @pd: protection domain
 * @addr: the memory; also its address in work requests
 * @length: bytes
 * @access: IBV_ACCESS_...
 * @mr: filled in
 *
 * Return: 0 or -errno.
 */
int __verbs_reg_mr(struct ibv_pd *pd, void *addr, uint64_t length,
		   uint32_t access, struct verbs_mr *mr);

/**
 * __verbs_reg_dmabuf_mr - register a slice of a dma-buf
 * @pd: protection domain
 * @fd: of the dma-buf
 * @offset: of the slice, bytes
 * @length: of the slice, bytes
 * @iova: its address in work requests; agrees with @offset below a page
 * @access: IBV_ACCESS_...
 * @mr: filled in
 *
 * Return: 0 or -errno; -EREMOTEIO if there is no peer-to-peer route, -ENODEV if
 * the dma-buf is revoked.
 */
int __verbs_reg_dmabuf_mr(struct ibv_pd *pd, int fd, uint64_t offset,
			  uint64_t length, uint64_t iova, uint32_t access,
			  struct verbs_mr *mr);

int __verbs_dereg_mr(const struct verbs_mr *mr);

/**
 * __verbs_alloc_dmabuf - export what a program can have of the device
 * @context: where
 * @offset: what of it, as mmap() has it, bytes
 *
 * Return: fd of the dma-buf, or -errno.
 */
int __verbs_alloc_dmabuf(struct ibv_context *context, uint64_t offset);

/**
 * __verbs_get_cq_event - wait for a completion event
 * @channel: where it comes
 * @timeout_ms: how long to wait
 * @cookie: receives the completion queue's cq_context
 *
 * Return: 0, -ETIMEDOUT or -errno.
 */
int __verbs_get_cq_event(struct ibv_comp_channel *channel, int timeout_ms,
			 void **cookie);

/** __verbs_get_async_event - the same for asynchronous events */
int __verbs_get_async_event(struct ibv_context *context, int timeout_ms,
			    struct ibv_async_event *event);

/** __verbs_poll_cq - take one completion; Return: 1, 0 if none, or -errno */
int __verbs_poll_cq(struct ibv_cq *cq, struct ibv_wc *wc);

/** __verbs_wait_cq - wait for one; Return: 0, -ETIMEDOUT or -errno */
int __verbs_wait_cq(struct ibv_cq *cq, struct ibv_wc *wc, uint64_t timeout_ms);

/**
 * __verbs_create_qp - a queue pair of type RC
 * @pd: protection domain
 * @cq: of both queues
 * @depth: work requests that each queue must hold
 * @qp: receives it
 *
 * Return: 0 or -errno.
 */
int __verbs_create_qp(struct ibv_pd *pd, struct ibv_cq *cq, uint32_t depth,
		      struct ibv_qp **qp);

/**
 * __verbs_modify_qp - bring a queue pair to its next state
 * @qp: the queue pair
 * @state: the state; what else a transition needs is filled in for loopback
 * @peer: queue pair at the other end, for RTR
 *
 * A SEND without a receive fails at once; a peer that does not answer, soon.
 *
 * Return: 0 or -errno.
 */
int __verbs_modify_qp(struct ibv_qp *qp, enum ibv_qp_state state,
		      const struct ibv_qp *peer);

/** __verbs_connect - from RESET to RTS, connected to @peer */
int __verbs_connect(struct ibv_qp *qp, const struct ibv_qp *peer);

/** __verbs_qp_state - Return: enum ibv_qp_state or -errno */
int __verbs_qp_state(struct ibv_qp *qp);

/**
 * __verbs_post_send - post one work request to the send queue
 * @qp: the queue pair
 * @wr: the work request, without its memory
 * @sge: its memory, num_sge pieces
 *
 * Return: 0 or -errno.
 */
int __verbs_post_send(struct ibv_qp *qp, const struct ibv_send_wr *wr,
		      const struct ibv_sge *sge);

/** __verbs_post_recv - post a receive of at most one piece of memory */
int __verbs_post_recv(struct ibv_qp *qp, uint64_t wr_id,
		      const struct ibv_sge *sge);

/** verbs_wc_name - what a completion's status, or -errno, is called */
const char *verbs_wc_name(int status);

#endif /* DEVICES_VERBS_H */
