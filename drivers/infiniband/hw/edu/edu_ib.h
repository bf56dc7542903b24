/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RDMA on QEMU's edu device: loopback between RC queue pairs of one device.
 *
 * The device has a DMA engine and nothing else of what RDMA needs. So queues
 * are in kernel memory and a worker executes the work requests: one chunk of
 * one queue pair at a time, round robin. A chunk goes from memory into the
 * device's buffer and from there to memory. The files:
 *
 *	main.c		the PCI device, its port and limits
 *	engine.c	one transfer between memory and the device's buffer
 *	mr.c		memory regions, and what moves under them
 *	cq.c		completions and their events
 *	qp.c		queue pairs: creation, attributes, states
 *	queue.c		posting and flushing of work requests
 *	exec.c		the worker
 *	export.c	a page of the device as a dma-buf
 *
 * What a program passes to IB_USER_VERBS_CMD_MODIFY_QP, besides the state:
 *
 *	INIT	pkey_index 0, port 1, access flags (REMOTE_WRITE, REMOTE_READ)
 *	RTR	destination queue pair, an address vector of port 1 and LID 1
 *		(the device's own; no GRH needed), path MTU, rq_psn,
 *		max_dest_rd_atomic (0: no READs), min_rnr_timer
 *	RTS	timeout, retry_cnt, rnr_retry, sq_psn, max_rd_atomic (0: no READs)
 *
 * The destination must name this queue pair as its own destination. PSNs and
 * MTU are kept but mean nothing here. The states SQD and SQE and alternate
 * paths are not supported. RESET drops the completions of the queue pair that
 * were not polled yet, as drivers of real devices do.
 *
 * Locks, outermost first:
 *
 *	edu_qp.mutex		one change of state at a time
 *	reservation lock	a dma-buf's mapping: edu_mr.mapped, .table
 *	edu_dev.mrs.xa_lock	keys; holds off the last reference of a region
 *	edu_dev.lock		queues, states, completions, what the engine
 *				works on, and edu_mr.mapped, .table too
 *
 * Sleep on edu_dev.idle, with no spinlock held, for the engine to be done with a
 * region (allowed under the reservation lock) or for the worker to be done
 * with a queue pair (not allowed there: the worker takes it to map).
 */
#ifndef EDU_IB_H
#define EDU_IB_H

#include <linux/completion.h>
#include <linux/irqreturn.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <rdma/ib_verbs.h>

struct dentry;
struct ib_umem;
struct pci_dev;

/* A transfer of QEMU 7.2's whole buffer of 4 KiB ends the virtual machine */
#define EDU_CHUNK	2048

#define EDU_BAR		0

#define EDU_PORT	1
#define EDU_LID		1

#define EDU_MAX_QP	64
#define EDU_MAX_CQ	64
#define EDU_MAX_MR	1024
#define EDU_MAX_PD	1024
#define EDU_MAX_WR	256
#define EDU_MAX_SGE	8
#define EDU_MAX_CQE	4096
#define EDU_MAX_MSG	SZ_2G
/* With the smallest pages a table of 128 MiB */
#define EDU_MAX_LENGTH	(64ULL * SZ_1G)
#define EDU_MAX_RD	16

/* Translation is a table in memory: any page size will do */
#define EDU_PAGE_SIZES	GENMASK_ULL(62, 12)

/**
 * struct edu_dev - the device
 * @ibdev: as the RDMA core sees it
 * @pdev: the PCI device
 * @regs: its registers
 * @debugfs: its directory
 * @pin: regions of dma-bufs are pinned; for tests
 * @poll_delay: how long polling takes at least if there was a completion, ms;
 *	for tests
 * @polling: how many are waiting for that
 * @done: the engine raised its interrupt
 * @mrs: memory regions by index, the upper 24 bits of the key
 * @key: the lower 8 bits of the next key
 * @num_cqs: number of completion queues
 * @wq: runs @work, and nothing else
 * @work: the worker
 * @idle: woken when @engine_mr, @cur_qp or @cur_peer is cleared
 * @lock: protects what follows, queue pairs, queues and completions
 * @engine_mr: what the engine reads or writes right now, or NULL
 * @engine_writes: it writes @engine_mr
 * @cur_qp: whose work request the worker executes, or NULL
 * @cur_peer: the other end of it; only the worker takes from its receive queue
 * @qps: queue pairs, the next to be served first
 * @num_qps: length of @qps
 * @next_qpn: number of the next queue pair
 * @dead: the engine is not to be started any more
 */
struct edu_dev {
	struct ib_device ibdev;
	struct pci_dev *pdev;
	void __iomem *regs;
	struct dentry *debugfs;
	bool pin;
	u32 poll_delay;
	atomic_t polling;
	struct completion done;
	struct xarray mrs;
	atomic_t key;
	atomic_t num_cqs;
	struct workqueue_struct *wq;
	struct delayed_work work;
	wait_queue_head_t idle;
	spinlock_t lock; /* see above */
	struct edu_mr *engine_mr;
	bool engine_writes;
	struct edu_qp *cur_qp;
	struct edu_qp *cur_peer;
	struct list_head qps;
	u32 num_qps;
	u32 next_qpn;
	bool dead;
};

/**
 * struct edu_mr - a memory region
 * @ibmr: as the RDMA core sees it; .iova, .length and .lkey are set here
 * @umem: its memory
 * @access: IB_ACCESS_*
 * @ref: held by the registration and by the worker while it uses the region
 * @unused: the last reference is gone
 * @mapped: @table is valid
 * @table: DMA addresses of blocks of 1 << @shift bytes
 * @entries: length of @table
 * @shift: log2 of the block size
 * @invalidations: how often the exporter took the mapping away
 *
 * @mapped and what follows are changed with edu_dev.lock held and, for a
 * dma-buf, the reservation lock, so that either is enough to read them.
 */
struct edu_mr {
	struct ib_mr ibmr;
	struct ib_umem *umem;
	int access;
	refcount_t ref;
	struct completion unused;
	bool mapped;
	dma_addr_t *table;
	size_t entries;
	unsigned int shift;
	u64 invalidations;
};

/**
 * struct edu_cq - a completion queue
 * @ibcq: as the RDMA core sees it; .cqe is the size of @ring
 * @ring: completions
 * @head: the oldest
 * @count: number of completions
 * @armed: what the next event is wanted for, 0 if none is
 * @overflow: a completion was lost: no more are taken
 * @polled: completions polled so far
 * @qp_nums: QP numbers of the last of them, see edu_wc_set_qp_num()
 */
struct edu_cq {
	struct ib_cq ibcq;
	struct ib_wc *ring;
	u32 head;
	u32 count;
	enum ib_cq_notify_flags armed;
	bool overflow;
#ifdef EDU_WC_WITHOUT_QP_NUM
	u32 polled;
	u32 qp_nums[EDU_MAX_CQE];
#endif
};

/**
 * struct edu_wqe - a work request
 * @wr_id: the program's
 * @opcode: what to do (send queue only)
 * @flags: IB_SEND_* (send queue only)
 * @imm: immediate data (send queue only)
 * @rkey: key of the remote memory (RDMA only)
 * @remote: its address (RDMA only)
 * @length: sum of the lengths of @sge
 * @num_sge: number of @sge
 * @sge: local memory
 */
struct edu_wqe {
	u64 wr_id;
	enum ib_wr_opcode opcode;
	int flags;
	__be32 imm;
	u32 rkey;
	u64 remote;
	u64 length;
	u32 num_sge;
	struct ib_sge sge[EDU_MAX_SGE];
};

struct edu_ring {
	struct edu_wqe *wqe;
	u32 size;
	u32 head;
	u32 count;
};

/**
 * struct edu_qp - a queue pair
 * @ibqp: as the RDMA core sees it
 * @mutex: serialises changes of the state by the program
 * @node: in edu_dev.qps
 * @attr: attributes, among them the state and the sizes of the queues
 * @sig_all: all send requests are signalled
 * @sq: send requests; those of a queue pair in use only the worker removes
 * @rq: receive requests, same
 * @done: bytes of the first send request that were moved
 * @started: the worker has begun with the first send request
 * @peer_epoch: epoch of the other end then
 * @epoch: changes when the queue pair is reset
 * @not_before: jiffies until which the worker leaves it alone
 * @retries: number of times that the other end did not answer
 * @rnrs: number of times that the other end was not ready
 */
struct edu_qp {
	struct ib_qp ibqp;
	struct mutex mutex; /* see above */
	struct list_head node;
	struct ib_qp_attr attr;
	bool sig_all;
	struct edu_ring sq;
	struct edu_ring rq;
	u64 done;
	bool started;
	u32 peer_epoch;
	u32 epoch;
	unsigned long not_before;
	u32 retries;
	u32 rnrs;
};

struct edu_pd {
	struct ib_pd ibpd;
};

/**
 * struct edu_ucontext - what an open file of a program has
 * @ibuctx: as the RDMA core sees it
 * @page: what can be exported
 */
struct edu_ucontext {
	struct ib_ucontext ibuctx;
	struct rdma_user_mmap_entry page;
};

static inline struct edu_dev *to_edu_dev(struct ib_device *ibdev)
{
	return container_of(ibdev, struct edu_dev, ibdev);
}

static inline struct edu_cq *to_edu_cq(struct ib_cq *ibcq)
{
	return container_of(ibcq, struct edu_cq, ibcq);
}

static inline struct edu_qp *to_edu_qp(struct ib_qp *ibqp)
{
	return container_of(ibqp, struct edu_qp, ibqp);
}

/* The oldest entry of a ring that is not empty */
static inline struct edu_wqe *edu_ring_first(struct edu_ring *ring)
{
	return &ring->wqe[ring->head];
}

static inline void edu_ring_drop_first(struct edu_ring *ring)
{
	ring->head = (ring->head + 1) % ring->size;
	ring->count--;
}

/* engine.c */
int edu_engine_init(struct edu_dev *edu);
irqreturn_t edu_engine_irq(int irq, void *data);
int edu_engine_start(struct edu_mr *mr, u64 addr, u32 buf, u32 length,
		     bool to_mem);
int edu_engine_wait(struct edu_dev *edu);
void edu_engine_quiesce(struct edu_mr *mr);

/* mr.c */
struct ib_mr *edu_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 length,
			      u64 iova, int access, struct ib_dmah *dmah,
			      struct ib_udata *udata);
struct ib_mr *edu_reg_user_mr_dmabuf(struct ib_pd *ibpd, u64 offset,
				     u64 length, u64 iova, int fd, int access,
				     struct ib_dmah *dmah,
				     struct uverbs_attr_bundle *attrs);
int edu_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata);
struct edu_mr *edu_mr_get(struct edu_dev *edu, const struct ib_pd *ibpd,
			  const struct ib_sge *sge, int access);
void edu_mr_put(struct edu_mr *mr);
int edu_mr_transfer(struct edu_mr *mr, u64 addr, u32 buf, u32 length,
		    bool to_mem);

/* cq.c */
int edu_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		  struct uverbs_attr_bundle *attrs);
int edu_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata);
int edu_poll_cq(struct ib_cq *ibcq, int num_entries, struct ib_wc *wc);
int edu_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags);
void edu_cq_push(struct ib_cq *ibcq, const struct ib_wc *wc, bool solicited);
void edu_cq_purge(struct ib_cq *ibcq, const struct ib_qp *ibqp);

/* qp.c */
int edu_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		  struct ib_udata *udata);
int edu_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata);
int edu_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_udata *udata);
int edu_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		 struct ib_qp_init_attr *init);

/* queue.c */
int edu_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		  const struct ib_send_wr **bad_wr);
int edu_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		  const struct ib_recv_wr **bad_wr);
void edu_send_complete(struct edu_qp *qp, enum ib_wc_status status);
void edu_recv_complete(struct edu_qp *qp, enum ib_wc_status status,
		       const struct edu_qp *from, const struct edu_wqe *send);
bool edu_qp_in_use(const struct edu_qp *qp);
void edu_qp_run(struct edu_qp *qp);
void edu_qp_error(struct edu_qp *qp);
void edu_qp_error_all(struct edu_dev *edu);

/* exec.c */
void edu_work(struct work_struct *work);

/* export.c */
int edu_export_init(struct edu_dev *edu);
int edu_alloc_ucontext(struct ib_ucontext *ibuctx, struct ib_udata *udata);
void edu_dealloc_ucontext(struct ib_ucontext *ibuctx);
struct rdma_user_mmap_entry *
edu_pgoff_to_mmap_entry(struct ib_ucontext *ibuctx, off_t pg_off);
int edu_mmap_get_pfns(struct rdma_user_mmap_entry *entry, struct phys_vec *vec,
		      struct p2pdma_provider **provider);

/* debugfs.c */
#ifdef CONFIG_DEBUG_FS
void edu_debugfs_add(struct edu_dev *edu);
void edu_debugfs_remove(struct edu_dev *edu);
void edu_debugfs_polled(struct edu_dev *edu);
void edu_debugfs_init(void);
void edu_debugfs_exit(void);
#else
static inline void edu_debugfs_add(struct edu_dev *edu) {}
static inline void edu_debugfs_remove(struct edu_dev *edu) {}
static inline void edu_debugfs_polled(struct edu_dev *edu) {}
static inline void edu_debugfs_init(void) {}
static inline void edu_debugfs_exit(void) {}
#endif

#endif
