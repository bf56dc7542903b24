/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_VERBS_H
#define DEVICES_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>

/*
 * Numbers of the verbs that the kernel's user headers leave to libibverbs.
 * Opcodes of work requests and completions are in rdma/ib_user_verbs.h.
 */

enum verbs_qp_state {
	VERBS_QPS_RESET = 0,
	VERBS_QPS_INIT = 1,
	VERBS_QPS_RTR = 2,
	VERBS_QPS_RTS = 3,
	VERBS_QPS_ERR = 6,
};

enum verbs_wc_status {
	VERBS_WC_SUCCESS = 0,
	VERBS_WC_LOC_LEN_ERR = 1,
	VERBS_WC_LOC_QP_OP_ERR = 2,
	VERBS_WC_LOC_PROT_ERR = 4,
	VERBS_WC_WR_FLUSH_ERR = 5,
	VERBS_WC_REM_INV_REQ_ERR = 9,
	VERBS_WC_REM_ACCESS_ERR = 10,
	VERBS_WC_REM_OP_ERR = 11,
	VERBS_WC_RETRY_EXC_ERR = 12,
	VERBS_WC_RNR_RETRY_EXC_ERR = 13,
	VERBS_WC_FATAL_ERR = 19,
	VERBS_WC_GENERAL_ERR = 21,
};

/* Opcodes of completions of the receive queue */
#define VERBS_WC_RECV 128
#define VERBS_WC_RECV_RDMA_WITH_IMM 129

#define VERBS_WC_WITH_IMM (1u << 1)

#define VERBS_SEND_SIGNALED (1u << 1)
#define VERBS_SEND_SOLICITED (1u << 2)

/* Asynchronous events */
#define VERBS_EVENT_QP_ACCESS_ERR 3
#define VERBS_EVENT_DEVICE_FATAL 8

/* What rdma_* grants unless a test is about access */
#define VERBS_ACCESS_ALL                                                  \
	(IB_UVERBS_ACCESS_LOCAL_WRITE | IB_UVERBS_ACCESS_REMOTE_WRITE |   \
	 IB_UVERBS_ACCESS_REMOTE_READ)

#define VERBS_MAX_SGE 4
#define VERBS_MAX_DEVICES 8

/**
 * struct verbs_device - an RDMA device as sysfs shows it
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
 * struct verbs - an open device
 * @fd: of the character device, -1 when closed
 * @async_fd: where asynchronous events come
 *
 * The kernel accepts commands only from the process that has opened it.
 */
struct verbs {
	int fd;
	int async_fd;
};

/**
 * struct verbs_mr - a memory region
 * @handle: what the kernel calls it
 * @lkey: for local use, in scatter/gather entries
 * @rkey: for the peer
 * @iova: address of its first byte in work requests
 * @length: bytes
 */
struct verbs_mr {
	uint32_t handle;
	uint32_t lkey;
	uint32_t rkey;
	uint64_t iova;
	uint64_t length;
};

/**
 * struct verbs_qp - a reliable connected queue pair
 * @handle: what the kernel calls it
 * @qpn: what its peer calls it
 */
struct verbs_qp {
	uint32_t handle;
	uint32_t qpn;
};

/**
 * verbs_list - RDMA devices that have a character device, from sysfs
 * @devices: filled in
 * @max: how many fit
 *
 * Return: how many there are; not more than @max.
 */
size_t verbs_list(struct verbs_device *devices, size_t max);

/**
 * __verbs_find - find the RDMA device of a PCI device
 * @pci: PCI address
 * @device: filled in
 *
 * Return: 0 or -ENODEV.
 */
int __verbs_find(const char *pci, struct verbs_device *device);

/**
 * __verbs_open - open a device and get a context
 * @verbs: filled in
 * @node: character device, from &struct verbs_device
 *
 * Return: 0 or -errno.
 */
int __verbs_open(struct verbs *verbs, const char *node);

/** verbs_close - the kernel destroys all that is left; harmless if closed */
void verbs_close(struct verbs *verbs);

/**
 * __verbs_command - one of the kernel's write commands
 * @verbs: where
 * @command: IB_USER_VERBS_CMD_...
 * @request: its struct ib_uverbs_...; if there is a response, the struct starts
 *	with its address
 * @request_size: bytes, a multiple of 4
 * @response_size: bytes, 0 if there is none
 *
 * Return: 0 or -errno.
 */
int __verbs_command(struct verbs *verbs, uint32_t command, const void *request,
		    size_t request_size, size_t response_size);

int __verbs_query_device(struct verbs *verbs,
			 struct ib_uverbs_query_device_resp *attr);
int __verbs_query_port(struct verbs *verbs, uint8_t port,
		       struct ib_uverbs_query_port_resp *attr);

/** __verbs_alloc_pd - a protection domain; @pd receives its handle */
int __verbs_alloc_pd(struct verbs *verbs, uint32_t *pd);
int __verbs_dealloc_pd(struct verbs *verbs, uint32_t pd);

/**
 * __verbs_reg_mr - register memory of this process
 * @verbs: where
 * @pd: handle
 * @addr: the memory; also its address in work requests
 * @length: bytes
 * @access: IB_UVERBS_ACCESS_...
 * @mr: filled in
 *
 * Return: 0 or -errno.
 */
int __verbs_reg_mr(struct verbs *verbs, uint32_t pd, void *addr,
		   uint64_t length, uint32_t access, struct verbs_mr *mr);

/**
 * __verbs_reg_dmabuf_mr - register a slice of a dma-buf
 * @verbs: where
 * @pd: handle
 * @fd: of the dma-buf
 * @offset: of the slice, bytes
 * @length: of the slice, bytes
 * @iova: its address in work requests; agrees with @offset below a page
 * @access: IB_UVERBS_ACCESS_...
 * @mr: filled in
 *
 * Return: 0 or -errno; -EREMOTEIO if there is no peer-to-peer route, -ENODEV if
 * the dma-buf is revoked.
 */
int __verbs_reg_dmabuf_mr(struct verbs *verbs, uint32_t pd, int fd,
			  uint64_t offset, uint64_t length, uint64_t iova,
			  uint32_t access, struct verbs_mr *mr);

/**
 * __verbs_alloc_dmabuf - export what a program can have of the device
 * @verbs: where
 * @offset: what of it, as mmap() has it, bytes
 *
 * Return: fd of the dma-buf, or -errno.
 */
int __verbs_alloc_dmabuf(struct verbs *verbs, uint64_t offset);

int __verbs_dereg_mr(struct verbs *verbs, const struct verbs_mr *mr);

/** __verbs_create_channel - where completion events come; fd or -errno */
int __verbs_create_channel(struct verbs *verbs);

/**
 * __verbs_create_cq - a completion queue
 * @verbs: where
 * @entries: at least this many
 * @channel: from __verbs_create_channel(), -1 for none
 * @cookie: what __verbs_get_cq_event() says when it is this one
 * @cq: receives its handle
 *
 * Return: 0 or -errno.
 */
int __verbs_create_cq(struct verbs *verbs, uint32_t entries, int channel,
		      uint64_t cookie, uint32_t *cq);
int __verbs_destroy_cq(struct verbs *verbs, uint32_t cq);

/** __verbs_req_notify_cq - ask for one event, at the next completion */
int __verbs_req_notify_cq(struct verbs *verbs, uint32_t cq, bool solicited);

/**
 * __verbs_get_cq_event - wait for a completion event
 * @channel: where it comes
 * @timeout_ms: how long to wait
 * @cookie: receives the cookie of the completion queue
 *
 * Return: 0, -ETIMEDOUT or -errno.
 */
int __verbs_get_cq_event(int channel, int timeout_ms, uint64_t *cookie);

/** __verbs_get_async_event - the same for asynchronous events */
int __verbs_get_async_event(struct verbs *verbs, int timeout_ms,
			    struct ib_uverbs_async_event_desc *event);

/** __verbs_poll_cq - take one completion; Return: 1, 0 if none, or -errno */
int __verbs_poll_cq(struct verbs *verbs, uint32_t cq, struct ib_uverbs_wc *wc);

/** __verbs_wait_cq - wait for one; Return: 0, -ETIMEDOUT or -errno */
int __verbs_wait_cq(struct verbs *verbs, uint32_t cq, struct ib_uverbs_wc *wc,
		    uint64_t timeout_ms);

/**
 * __verbs_create_qp - a queue pair of type RC
 * @verbs: where
 * @pd: handle
 * @cq: of both queues
 * @depth: work requests that each queue must hold
 * @qp: filled in; its address is how asynchronous events call it
 *
 * Return: 0 or -errno.
 */
int __verbs_create_qp(struct verbs *verbs, uint32_t pd, uint32_t cq,
		      uint32_t depth, struct verbs_qp *qp);
int __verbs_destroy_qp(struct verbs *verbs, const struct verbs_qp *qp);

/**
 * __verbs_modify_qp - bring a queue pair to its next state
 * @verbs: where
 * @qp: the queue pair
 * @state: the state; what else a transition needs is filled in for loopback
 * @peer: queue pair at the other end, for RTR
 *
 * A SEND without a receive fails at once; a peer that does not answer, soon.
 *
 * Return: 0 or -errno.
 */
int __verbs_modify_qp(struct verbs *verbs, const struct verbs_qp *qp,
		      enum verbs_qp_state state, const struct verbs_qp *peer);

/** __verbs_connect - from RESET to RTS, connected to @peer */
int __verbs_connect(struct verbs *verbs, const struct verbs_qp *qp,
		    const struct verbs_qp *peer);

/** __verbs_qp_state - Return: enum verbs_qp_state or -errno */
int __verbs_qp_state(struct verbs *verbs, const struct verbs_qp *qp);

/**
 * __verbs_post_send - post one work request to the send queue
 * @verbs: where
 * @qp: the queue pair
 * @wr: the work request
 * @sge: its scatter/gather entries, num_sge of them, at most %VERBS_MAX_SGE
 *
 * Return: 0 or -errno.
 */
int __verbs_post_send(struct verbs *verbs, const struct verbs_qp *qp,
		      const struct ib_uverbs_send_wr *wr,
		      const struct ib_uverbs_sge *sge);

/** __verbs_post_recv - post a receive of at most one piece of memory */
int __verbs_post_recv(struct verbs *verbs, const struct verbs_qp *qp,
		      uint64_t wr_id, const struct ib_uverbs_sge *sge);

/** verbs_wc_name - what a completion's status is called, for messages */
const char *verbs_wc_name(int status);

#endif /* DEVICES_VERBS_H */
