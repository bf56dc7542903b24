/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RDMA on QEMU's edu device: loopback between RC queue pairs of one device.
 *
 * All that the device has for RDMA is a DMA engine. So the queues are in kernel
 * memory, and a worker executes the work requests: one chunk of one queue pair
 * at a time, round robin. A chunk is transferred from memory to the device's
 * buffer and from there to memory. The files:
 *
 *	main.c		PCI device, port, limits
 *	engine.c	transfers between memory and the device's buffer
 *	mr.c		memory regions, and moves of their memory
 *	cq.c		completions and their events
 *	qp.c		queue pairs: creation, attributes, states
 *	queue.c		posting and flushing of work requests
 *	exec.c		the worker
 *	stats.c		counters
 *	export.c	a page of the device as a dma-buf
 *
 * Attributes that IB_USER_VERBS_CMD_MODIFY_QP takes besides the state:
 *
 *	INIT	pkey_index 0, port 1, access flags (REMOTE_WRITE, REMOTE_READ)
 *	RTR	destination queue pair, an address vector of port 1 and LID 1
 *		(the device's own; no GRH needed), path MTU, rq_psn,
 *		max_dest_rd_atomic (0: no READs), min_rnr_timer
 *	RTS	timeout, retry_cnt, rnr_retry, sq_psn, max_rd_atomic (0: no READs)
 *
 * The destination must have this queue pair as its own destination. PSNs and
 * MTU are stored and otherwise ignored. The states SQD and SQE and alternate
 * paths are not supported. RESET drops completions of the queue pair that have
 * not been polled, as drivers for real devices do.
 *
 * Locks, outermost first:
 *
 *	edu_qp.mutex		serializes changes of the state
 *	reservation lock	mapping of a dma-buf: edu_mr.mapped, .table
 *	edu_dev.mrs.xa_lock	keys; a region found under it can be referenced
 *	edu_dev.lock		queues, states, completions, the region that the
 *				engine accesses; also edu_mr.mapped, .table
 *
 * To wait for the engine to finish with a region, or for the worker to finish
 * with a queue pair, sleep on edu_dev.idle with no spinlock held. The
 * reservation lock may be held to wait for the engine, but not for the worker,
 * which takes it to map.
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

/* QEMU 7.2 aborts upon a transfer as large as its buffer of 4 KiB */
#define EDU_CHUNK	2048

#define EDU_BAR		0

#define EDU_PORT	1
#define EDU_LID		1

#define EDU_MAX_QP	64
#define EDU_MAX_CQ	64
#define EDU_MAX_MR	1024
#define EDU_MAX_PD	1024
/*
 * ibv_rc_pingpong posts 500 receive requests, pyverbs' tests ask for 1000. A queue
 * of this size takes 184 KiB, of memory that the program's cgroup pays for.
 */
#define EDU_MAX_WR	1024
#define EDU_MAX_SGE	8
#define EDU_MAX_CQE	4096
#define EDU_MAX_MSG	SZ_2G
/* The table for this is 128 MiB with the smallest pages */
#define EDU_MAX_LENGTH	(64ULL * SZ_1G)
#define EDU_MAX_RD	16

/*
 * In a send request, for the provider: if one of the requests that are posted with it
 * cannot be posted, none is. ibv_wr_complete() promises that, ibv_post_send() does not.
 */
#define EDU_SEND_TOGETHER	IB_SEND_RESERVED_START

/* Regions are translated by a table in memory: any page size works */
#define EDU_PAGE_SIZES	GENMASK_ULL(62, 12)

/* Counters, see stats.c */
enum edu_stat {
	EDU_STAT_SENDS,
	EDU_STAT_RECVS,
	EDU_STAT_WRITES,
	EDU_STAT_READS,
	EDU_STAT_BYTES,
	EDU_STAT_ERRORS,
	EDU_STAT_FLUSHED,
	EDU_STAT_NO_ANSWER,
	EDU_STAT_NOT_READY,
	EDU_STAT_CQ_OVERFLOWS,
	EDU_STAT_INVALIDATIONS,
	EDU_NUM_STATS
};

/**
 * struct edu_dev - an edu device
 * @ibdev: RDMA device
 * @pdev: PCI device
 * @regs: registers of @pdev
 * @version: of the device, the major one in the upper 8 bits
 * @debugfs: debugfs directory
 * @pin: pin new regions of dma-bufs; for tests, which write it at any time
 * @lose_page: remove a context's page while it is exported; likewise
 * @poll_delay: time to wait before completions are returned to the poller, ms;
 *	likewise
 * @polling: number of pollers that wait for that
 * @done: completed by the engine's interrupt
 * @mrs: memory regions by index, the upper 24 bits of the key
 * @key: the lower 8 bits of the last key
 * @num_cqs: number of completion queues
 * @num_pds: number of protection domains
 * @wq: workqueue of @work
 * @work: the worker
 * @idle: woken when @engine_mr, @cur_qp or @cur_peer is cleared
 * @lock: protects the following members, queue pairs, queues and completions
 * @engine_mr: region that the engine accesses, or NULL
 * @engine_writes: the engine writes to @engine_mr
 * @cur_qp: queue pair whose work request the worker executes, or NULL
 * @cur_peer: its peer; only the worker removes requests from its receive queue
 * @qps: queue pairs, the next one to be served first
 * @num_qps: length of @qps
 * @next_qpn: number of the next queue pair
 * @dead: no transfer may be started anymore; never cleared, and read without @lock
 *	where it only decides what is reported
 * @stats: counters
 */
struct edu_dev {
	struct ib_device ibdev;
	struct pci_dev *pdev;
	void __iomem *regs;
	u16 version;
	struct dentry *debugfs;
	bool pin;
	bool lose_page;
	u32 poll_delay;
	atomic_t polling;
	struct completion done;
	struct xarray mrs;
	atomic_t key;
	atomic_t num_cqs;
	atomic_t num_pds;
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
	u64 stats[EDU_NUM_STATS];
};

/**
 * struct edu_mr - a memory region
 * @ibmr: RDMA memory region; .iova, .length and .lkey are set by this driver
 * @umem: user memory or dma-buf
 * @access: IB_ACCESS_*
 * @ref: held by the registration and by the worker while it uses the region
 * @unused: completed when the last reference is dropped
 * @mapped: @table is valid
 * @table: DMA addresses of blocks of 1 << @shift bytes
 * @entries: length of @table
 * @shift: log2 of the block size
 * @invalidations: number of times that @table was invalidated
 *
 * @mapped and the members after it are written with edu_dev.lock held and, for
 * a dma-buf, the reservation lock, so either is enough to read them.
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
 * @ibcq: RDMA completion queue; .cqe is the size of @ring
 * @ring: completions
 * @head: index of the oldest completion
 * @count: number of completions
 * @armed: kind of completion that raises an event; 0 if none does
 * @overflow: a completion was lost, and no more are added. The worker brings queue
 *	pairs that use it to ERR.
 * @moderate_count: completions to wait for before the event is raised; 0: any number
 * @moderate_period: time to wait before it is, us; 0: for ever
 * @unreported: completions since @armed that the event is to be raised for
 * @report: raises it when the time is up
 * @polled: number of completions polled so far
 * @qp_nums: QP numbers of the last EDU_MAX_CQE of them, see edu_wc_set_qp_num()
 */
struct edu_cq {
	struct ib_cq ibcq;
	struct ib_wc *ring;
	u32 head;
	u32 count;
	enum ib_cq_notify_flags armed;
	bool overflow;
	u16 moderate_count;
	u16 moderate_period;
	u32 unreported;
	struct delayed_work report;
#ifdef EDU_WC_WITHOUT_QP_NUM
	u32 polled;
	u32 qp_nums[EDU_MAX_CQE];
#endif
};

/**
 * struct edu_wqe - a work request
 * @wr_id: ID given by the program
 * @opcode: IB_WR_* (send queue only)
 * @flags: IB_SEND_* (send queue only)
 * @imm: immediate data (send queue only)
 * @rkey: key of the remote memory (READ and WRITE only)
 * @remote: address of the remote memory (READ and WRITE only)
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
 * @ibqp: RDMA queue pair
 * @mutex: serializes changes of the state by the program
 * @node: entry in edu_dev.qps
 * @attr: attributes, including the state and the sizes of the queues
 * @sig_all: all send requests are signaled
 * @sq: send requests; while the worker uses @ibqp, only the worker removes them
 * @rq: receive requests, likewise
 * @done: bytes of the first send request that have been transferred
 * @started: the worker has begun with the first send request
 * @established: the peer has reached it since it was reset
 * @peer_epoch: @epoch of the peer at that time
 * @epoch: incremented when the queue pair is reset
 * @not_before: time before which the worker skips the queue pair, jiffies
 * @retries: number of times that the peer did not answer
 * @rnrs: number of times that the peer was not ready
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
	bool established;
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
 * struct edu_ucontext - user context
 * @ibuctx: RDMA user context
 * @page: mmap entry of the page that can be exported
 * @page_gone: bit 0 is set once @page has been removed
 */
struct edu_ucontext {
	struct ib_ucontext ibuctx;
	struct rdma_user_mmap_entry page;
	unsigned long page_gone;
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

/* Oldest entry; the ring is not empty */
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
struct ib_mr *edu_rereg_user_mr(struct ib_mr *ibmr, int flags, u64 start,
				u64 length, u64 iova, int access,
				struct ib_pd *ibpd, struct ib_udata *udata);
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
int edu_modify_cq(struct ib_cq *ibcq, u16 count, u16 period);
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
void edu_qp_fatal_all(struct edu_dev *edu);

/* exec.c */
void edu_work(struct work_struct *work);

/* stats.c */
struct rdma_hw_stats *edu_alloc_hw_port_stats(struct ib_device *ibdev,
					      u32 port);
int edu_get_hw_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats,
		     u32 port, int index);

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
