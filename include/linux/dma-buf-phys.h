/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical lists: an access method of dma-buf whose currency is a list of
 * physical ranges.
 */
#ifndef _LINUX_DMA_BUF_PHYS_H
#define _LINUX_DMA_BUF_PHYS_H

#include <linux/bits.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct inode;
struct mem_cgroup;
struct module;
struct p2pdma_provider;
struct vm_area_struct;

/**
 * DOC: overview
 *
 * A *physical list* says where the bytes of a dma-buf are: an immutable
 * sequence of *groups*, each a maximal run of ranges of one type, one memory
 * attribute and one P2P provider. A *frag* is one physically contiguous range
 * of a group. Neither needs a struct page, so a list can carry the BAR of a
 * PCI device as well as memory.
 *
 * An exporter builds a list and hands it over with the dma-buf. An importer
 * attaches, maps, uses, unmaps and detaches::
 *
 *	at = dma_buf_phys_attach(dmabuf, &my_ops, priv);
 *	if (at == ERR_PTR(-EOPNOTSUPP))
 *		return fall_back_to_scatterlist(dmabuf);
 *
 *	dma_resv_lock(dmabuf->resv, NULL);
 *	ret = dma_buf_phys_dma_map(at, dev, offset, length, dir, &dma);
 *	if (!ret)
 *		dma_buf_phys_for_each_dma(&iter, &dma, 0, length)
 *			program(iter.addr, iter.length);
 *	dma_resv_unlock(dmabuf->resv);
 *
 * One that programs translation tables instead of a device asks for the list
 * itself, with dma_buf_phys_map(), and walks its frags.
 *
 * The exporter may take the memory away at any time. The importer's notify
 * callback says so, and dma_buf_phys_revoke() returns only when every mapping
 * is gone.
 */

/**
 * DOC: exporters
 *
 * There are two ways in:
 *
 * - dma_buf_phys_export() makes the dma-buf. The framework owns its
 *   &struct dma_buf_ops and implements the scatterlist access method from the
 *   list.
 * - A driver that has its own &struct dma_buf_ops registers them with
 *   dma_buf_phys_register(), embeds a &struct dma_buf_phys in its buffer and
 *   calls dma_buf_phys_init() on it.
 *
 * Both then own a &struct dma_buf_phys, which carries the state::
 *
 *	            revoke                 kill
 *	  +------+ -------> +---------+ -------> +------+
 *	  | LIVE |          | REVOKED |          | DEAD |
 *	  +------+ <------- +---------+          +------+
 *	            restore
 *
 * dma_buf_phys_move() replaces the list of a live or revoked buffer. A dead
 * buffer has no list and never gets one again.
 */

/**
 * DOC: lifetimes
 *
 * A dma-buf is released with its *dentry*, not with its &struct file. Anyone
 * who holds an O_PATH descriptor of it, or is just looking at it in /proc,
 * keeps the dentry after the last file reference is gone. From then until
 * &dma_buf_ops.release, &dma_buf.file points to memory that may already be an
 * unrelated file. So:
 *
 * - An importer, a watch or a VMA holds a file reference, and with it everything
 *   else. It may use &dma_buf.file.
 * - An exporter holds none, or its buffer would never go away. It keeps its live
 *   buffers on a list of its own under a lock of its own, and
 *   &dma_buf_phys_ops.release takes the buffer off that list first. While the
 *   buffer is on the list and the lock is held, the &struct dma_buf and the
 *   &struct dma_buf_phys are there; the file need not be. That is all that
 *   dma_buf_phys_revoke(), _restore(), _kill() and _move() ask for.
 * - Nobody tests the file with get_file_active() or the like: &struct file is
 *   recycled without a grace period, and success may mean another file.
 *
 * A dma-buf whose file is gone is revoked and killed as any other. It merely has
 * no importers left.
 */

/**
 * DOC: rights
 *
 * The mode a dma-buf's file was created with bounds what every importer may do
 * to the memory. One without FMODE_WRITE is mapped for DMA_TO_DEVICE only
 * (-EACCES otherwise), and importers that take the list itself ask
 * dma_buf_phys_is_writable().
 */

/**
 * DOC: locking
 *
 * Lock order: the exporter's own lock, the dma-buf's reservation lock, the
 * importer's lock. State, list and attachments of a buffer are protected by
 * the reservation lock. Functions whose documentation says "reservation lock
 * held" assert it; all others take it themselves and may sleep.
 *
 * A &struct p2pdma_provider belongs to a device and dies with its driver
 * binding. It may be looked at only under the reservation lock while the
 * buffer is not dead, or by the owner of a mapping: dma_buf_phys_kill() waits
 * for both.
 */

/**
 * DOC: trust
 *
 * A driver that makes a device do DMA has no use for physical addresses and
 * does not get them. The functions that yield them are exported to iommufd and
 * KVM only, which program translation tables. No address appears in debugfs,
 * in a trace event or in a log line.
 */

/**
 * enum dma_buf_phys_type - what kind of memory a group is
 * @DMA_BUF_PHYS_CPU: ordinary memory of the host
 * @DMA_BUF_PHYS_P2P: MMIO of a PCI device; the group has a provider
 * @DMA_BUF_PHYS_ENCRYPTED: assigned to a confidential guest; the CPU of the
 *	host must never touch it, and no byte of it may be in a list twice
 */
enum dma_buf_phys_type {
	DMA_BUF_PHYS_CPU,
	DMA_BUF_PHYS_P2P,
	DMA_BUF_PHYS_ENCRYPTED,
	/* private: */
	DMA_BUF_PHYS_NR_TYPES,
};

/**
 * enum dma_buf_phys_attr - how the CPU and its page tables may cache a group
 * @DMA_BUF_PHYS_WB: write-back, coherent with the CPU's caches
 * @DMA_BUF_PHYS_WC: write-combining
 * @DMA_BUF_PHYS_UC: uncached
 */
enum dma_buf_phys_attr {
	DMA_BUF_PHYS_WB,
	DMA_BUF_PHYS_WC,
	DMA_BUF_PHYS_UC,
	/* private: */
	DMA_BUF_PHYS_NR_ATTRS,
};

/**
 * struct dma_buf_phys_group - a maximal run of frags that are alike
 * @type: kind of memory
 * @attr: memory attribute
 * @provider: whose BAR it is if @type is %DMA_BUF_PHYS_P2P, otherwise NULL
 * @offset: of the group's first byte in the dma-buf, bytes
 * @length: of the group, bytes
 * @nr_frags: number of frags in the group
 */
struct dma_buf_phys_group {
	enum dma_buf_phys_type type;
	enum dma_buf_phys_attr attr;
	struct p2pdma_provider *provider;
	u64 offset;
	u64 length;
	unsigned int nr_frags;
	/* private: the highest address of any frag */
	phys_addr_t last;
};

struct dma_buf_phys_list;

/*
 * Building a list
 */

/**
 * struct dma_buf_phys_builder - a list in the making, usually on the stack
 *
 * Errors stick: once a call has found one, the later ones do nothing and
 * dma_buf_phys_seal() returns it. So only that call needs a check.
 */
struct dma_buf_phys_builder {
	/* private: */
	struct dma_buf_phys_list *list;
	struct dma_buf_phys_group group;
	bool in_group;
	size_t max_frags;
	unsigned int max_groups;
	int err;
};

void dma_buf_phys_build(struct dma_buf_phys_builder *b, size_t nr_frags);
void dma_buf_phys_add_group(struct dma_buf_phys_builder *b,
			    enum dma_buf_phys_type type,
			    enum dma_buf_phys_attr attr,
			    struct p2pdma_provider *provider);
void dma_buf_phys_add_frag(struct dma_buf_phys_builder *b, phys_addr_t paddr,
			   u64 length);
struct dma_buf_phys_list *dma_buf_phys_seal(struct dma_buf_phys_builder *b,
					    u64 size);
void dma_buf_phys_abandon(struct dma_buf_phys_builder *b);
void dma_buf_phys_list_free(struct dma_buf_phys_list *list);

/*
 * Reading a list
 */

/**
 * struct dma_buf_phys_iter - walks the frags of a slice
 * @group: the group of the current frag
 * @offset: of the current frag in the dma-buf, bytes
 * @paddr: physical address of the current frag
 * @length: of the current frag, clipped to the slice, bytes
 */
struct dma_buf_phys_iter {
	const struct dma_buf_phys_group *group;
	u64 offset;
	phys_addr_t paddr;
	u64 length;
	/* private: */
	const struct dma_buf_phys_list *list;
	u64 end;
	size_t frag;
};

u64 dma_buf_phys_list_size(const struct dma_buf_phys_list *list);
size_t dma_buf_phys_list_nr_frags(const struct dma_buf_phys_list *list);
const struct dma_buf_phys_group *
dma_buf_phys_list_groups(const struct dma_buf_phys_list *list,
			 unsigned int *nr_groups);

struct dma_buf_phys_iter *
dma_buf_phys_iter_first(struct dma_buf_phys_iter *iter,
			const struct dma_buf_phys_list *list, u64 offset,
			u64 length);
struct dma_buf_phys_iter *
dma_buf_phys_iter_next(struct dma_buf_phys_iter *iter);

/**
 * dma_buf_phys_for_each_frag - walk the frags of a slice
 * @iter: the &struct dma_buf_phys_iter to walk with
 * @list: the list
 * @off: where the slice starts, bytes
 * @len: how long it is, bytes
 *
 * The first and the last frag are clipped to the slice. A slice that is empty
 * or not inside the list has no frags. Finding the first frag costs O(log
 * frags), every further one O(1).
 */
#define dma_buf_phys_for_each_frag(iter, list, off, len)               \
	for (struct dma_buf_phys_iter *__iter =                        \
		     dma_buf_phys_iter_first(iter, list, off, len);    \
	     __iter; __iter = dma_buf_phys_iter_next(__iter))

/*
 * Exporting
 */

/**
 * enum dma_buf_phys_state - whether importers may use a buffer
 * @DMA_BUF_PHYS_LIVE: may be mapped
 * @DMA_BUF_PHYS_REVOKED: may not be mapped until access is restored
 * @DMA_BUF_PHYS_DEAD: will never be mapped again
 */
enum dma_buf_phys_state {
	DMA_BUF_PHYS_LIVE,
	DMA_BUF_PHYS_REVOKED,
	DMA_BUF_PHYS_DEAD,
};

struct dma_buf_phys;

/**
 * struct dma_buf_phys_ops - what the framework asks of an exporter
 */
struct dma_buf_phys_ops {
	/**
	 * @get_list: optional; "where are you now"
	 *
	 * Called with the reservation lock held while the buffer is live and
	 * the framework has no list of it: at the first attach if none was
	 * given at export. Returns a sealed list, which the framework then
	 * owns, or an ERR_PTR, which the importer sees. What it allocates is
	 * charged to the memory cgroup that exported the buffer.
	 */
	struct dma_buf_phys_list *(*get_list)(struct dma_buf_phys *phys);

	/**
	 * @release: optional; the dma-buf is gone
	 *
	 * Called once for buffers of dma_buf_phys_export(), without locks, when
	 * the dma-buf's dentry goes; its file may have gone long before. The
	 * exporter takes the buffer off its own lists, so that none of its
	 * revokes is running or can start, then calls dma_buf_phys_fini(), and
	 * may then free the memory @phys is embedded in. Without this callback
	 * the framework calls dma_buf_phys_fini().
	 */
	void (*release)(struct dma_buf_phys *phys);
};

/**
 * struct dma_buf_phys - one dma-buf as its exporter sees it
 * @dmabuf: the dma-buf
 * @ops: the exporter's callbacks
 *
 * Embedded in the exporter's own structure, zeroed before it is given to the
 * framework. All else is the framework's.
 */
struct dma_buf_phys {
	struct dma_buf *dmabuf;
	const struct dma_buf_phys_ops *ops;
	/* private: constant; the inode by a reference of our own */
	struct inode *inode;
	struct mem_cgroup *memcg;
	bool writable;
	/* private: under the reservation lock */
	bool moving;
	unsigned int nr_pinned;
	struct dma_buf_phys_list *list;
	struct list_head attachments;
	/* private: written under the reservation lock and this, read under either */
	spinlock_t lock;
	enum dma_buf_phys_state state;
	unsigned int nr_behind;
	unsigned int nr_failed;
	u64 generation;
	u64 news;
	u64 nr_revokes;
	u64 nr_restores;
	u64 nr_moves;
	u64 changed_at;
	/* private: watchers wait here; woken when there are news */
	wait_queue_head_t changed;
	/* private: the drain waits here; woken when a list has no mapping left */
	wait_queue_head_t unmapped;
	/* private: under the framework's own lock */
	struct list_head node;
};

/**
 * struct dma_buf_phys_export_info - what dma_buf_phys_export() needs
 * @exp_name: exporter's name, as in &struct dma_buf_export_info
 * @owner: exporter's module, pinned while the dma-buf exists
 * @ops: exporter's callbacks
 * @list: sealed list; its size becomes the size of the dma-buf
 * @flags: mode flags of the dma-buf's file; without O_RDWR no importer may
 *	write to the memory
 * @state: %DMA_BUF_PHYS_LIVE, or %DMA_BUF_PHYS_REVOKED if the memory cannot be
 *	reached yet
 */
struct dma_buf_phys_export_info {
	const char *exp_name;
	struct module *owner;
	const struct dma_buf_phys_ops *ops;
	struct dma_buf_phys_list *list;
	int flags;
	enum dma_buf_phys_state state;
};

/**
 * DEFINE_DMA_BUF_PHYS_EXPORT_INFO - define and initialise an export info
 * @name: the variable
 */
#define DEFINE_DMA_BUF_PHYS_EXPORT_INFO(name)      \
	struct dma_buf_phys_export_info name = {   \
		.exp_name = KBUILD_MODNAME,        \
		.owner = THIS_MODULE }

int dma_buf_phys_export(struct dma_buf_phys *phys,
			const struct dma_buf_phys_export_info *info);
void dma_buf_phys_revoke(struct dma_buf_phys *phys);
void dma_buf_phys_restore(struct dma_buf_phys *phys);
void dma_buf_phys_kill(struct dma_buf_phys *phys);
int dma_buf_phys_move(struct dma_buf_phys *phys,
		      struct dma_buf_phys_list *list);
struct dma_buf_phys_list *
dma_buf_phys_move_begin(struct dma_buf_phys *phys,
			struct dma_buf_phys_list *list);
void dma_buf_phys_move_end(struct dma_buf_phys *phys);
void dma_buf_phys_drain(struct dma_buf_phys *phys,
			struct dma_buf_phys_list *old);

/**
 * struct dma_buf_phys_exporter - a driver with &struct dma_buf_ops of its own
 * @dma_buf_ops: by these its dma-bufs are recognised
 * @to_phys: gives the &struct dma_buf_phys of one of its dma-bufs; called
 *	without locks, must not fail or sleep
 */
struct dma_buf_phys_exporter {
	const struct dma_buf_ops *dma_buf_ops;
	struct dma_buf_phys *(*to_phys)(struct dma_buf *dmabuf);
	/* private: */
	struct list_head node;
};

void dma_buf_phys_register(struct dma_buf_phys_exporter *exporter);
void dma_buf_phys_unregister(struct dma_buf_phys_exporter *exporter);
void dma_buf_phys_init(struct dma_buf_phys *phys, struct dma_buf *dmabuf,
		       const struct dma_buf_phys_ops *ops);
void dma_buf_phys_fini(struct dma_buf_phys *phys);

/*
 * Importing
 */

/**
 * enum dma_buf_phys_event - what happens to a buffer an importer is attached to
 * @DMA_BUF_PHYS_EV_MOVE: the bytes are going elsewhere; %DMA_BUF_PHYS_EV_RESTORE
 *	follows before the reservation lock is dropped
 * @DMA_BUF_PHYS_EV_REVOKE: no access until further notice, perhaps none ever again
 * @DMA_BUF_PHYS_EV_RESTORE: access is back, dma_buf_phys_map() works again
 */
enum dma_buf_phys_event {
	DMA_BUF_PHYS_EV_MOVE,
	DMA_BUF_PHYS_EV_REVOKE,
	DMA_BUF_PHYS_EV_RESTORE,
};

struct dma_buf_phys_attachment;

/**
 * struct dma_buf_phys_importer_ops - what the framework asks of an importer
 */
struct dma_buf_phys_importer_ops {
	/**
	 * @types: the types of group the importer can use, BIT() of
	 * &enum dma_buf_phys_type ored together
	 */
	unsigned int types;

	/**
	 * @leaves_fences: when @notify returns from %DMA_BUF_PHYS_EV_REVOKE there
	 * may be fences on the reservation object to wait for
	 */
	bool leaves_fences;

	/**
	 * @notify: the buffer is moved, revoked or restored; mandatory
	 *
	 * Called with the reservation lock held. On
	 * %DMA_BUF_PHYS_EV_MOVE and %DMA_BUF_PHYS_EV_REVOKE the importer must
	 * have stopped using its mappings when it returns, or set
	 * @leaves_fences and have fences (usage BOOKKEEP) on the reservation
	 * object that signal when it has; it must call dma_buf_phys_unmap() in
	 * the callback or in bounded time after it.
	 * %DMA_BUF_PHYS_EV_RESTORE only tells: the exporter and its
	 * lock wait for the callback, so what it does must not grow with the
	 * size of the buffer. An importer that has to map again by itself calls
	 * dma_buf_phys_set_status() and does it from a work item. Whenever it
	 * has mapped, its device must wait for the fences of usage KERNEL: the
	 * bytes may still be on their way. The
	 * callback may come as soon as dma_buf_phys_attach() is called, before
	 * that returns, and until the importer has detached; it must not attach
	 * or detach.
	 */
	void (*notify)(struct dma_buf_phys_attachment *at,
		       enum dma_buf_phys_event event);
};

/**
 * struct dma_buf_phys_attachment - one importer at one dma-buf
 * @dmabuf: the dma-buf; the importer holds a reference to it
 * @phys: its physical side
 * @ops: the importer's callbacks
 * @priv: the importer's
 */
struct dma_buf_phys_attachment {
	struct dma_buf *dmabuf;
	struct dma_buf_phys *phys;
	const struct dma_buf_phys_importer_ops *ops;
	void *priv;
	/* private: under the reservation lock */
	struct list_head node;
	unsigned int nr_mapped;
	int status;
};

bool dma_buf_has_phys(struct dma_buf *dmabuf);
bool dma_buf_phys_is_writable(struct dma_buf *dmabuf);
struct dma_buf_phys_attachment *
dma_buf_phys_attach(struct dma_buf *dmabuf,
		    const struct dma_buf_phys_importer_ops *ops, void *priv);
void dma_buf_phys_detach(struct dma_buf_phys_attachment *at);
void dma_buf_phys_detach_locked(struct dma_buf_phys_attachment *at);
void dma_buf_phys_pin(struct dma_buf_phys_attachment *at);
void dma_buf_phys_unpin(struct dma_buf_phys_attachment *at);
struct dma_buf_phys_list *dma_buf_phys_map(struct dma_buf_phys_attachment *at);
void dma_buf_phys_unmap(struct dma_buf_phys_attachment *at,
			struct dma_buf_phys_list *list);
void dma_buf_phys_set_status(struct dma_buf_phys_attachment *at, int status);

/*
 * Mapping for a device
 */

/**
 * struct dma_buf_phys_dma - a slice mapped for the DMA of one device
 *
 * Embedded in the importer's own structure; filled by dma_buf_phys_dma_map().
 * It is all the memory that a mapping takes, however many frags the slice has,
 * unless the platform needs the address of each frag to unmap it, or there are
 * bus addresses among those of a list with more groups than a word has bits.
 */
struct dma_buf_phys_dma {
	/* private: */
	struct dma_buf_phys_attachment *at;
	struct dma_buf_phys_list *list;
	struct device *dev;
	u64 offset;
	u64 length;
	enum dma_data_direction dir;
	bool p2p;
	bool bus;
	/* all but bus addresses, if there is anything else */
	bool mapped;
	/* if bus: a bit for each group of the list that has a bus address */
	union {
		unsigned long bus_few;
		unsigned long *bus_many;
	};
	struct dma_iova_state iova;
	dma_addr_t *addrs;
};

/**
 * struct dma_buf_phys_dma_iter - walks the DMA ranges of a mapping
 * @addr: DMA address of the current range, for the device that was mapped for
 * @offset: of the current range in the mapping, bytes
 * @length: of the current range, bytes
 * @p2p: some of the range is MMIO of a PCI device, so that PCIe ATS, if the
 *	device has it, must be on
 * @bus_addr: @addr is a PCI bus address, which no IOMMU translates
 *
 * Ranges that follow each other may be adjacent.
 */
struct dma_buf_phys_dma_iter {
	dma_addr_t addr;
	u64 offset;
	u64 length;
	bool p2p;
	bool bus_addr;
	/* private: */
	struct dma_buf_phys_dma *dma;
	const struct dma_buf_phys_group *group;
	struct dma_buf_phys_iter frag;
	u64 end;
	u64 window;
};

int dma_buf_phys_dma_map(struct dma_buf_phys_attachment *at, struct device *dev,
			 u64 offset, u64 length, enum dma_data_direction dir,
			 struct dma_buf_phys_dma *dma);
void dma_buf_phys_dma_unmap(struct dma_buf_phys_dma *dma);
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_first(struct dma_buf_phys_dma_iter *iter,
		       struct dma_buf_phys_dma *dma, u64 offset, u64 length);
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_next(struct dma_buf_phys_dma_iter *iter);

/**
 * dma_buf_phys_for_each_dma - walk the DMA ranges of a part of a mapping
 * @iter: the &struct dma_buf_phys_dma_iter to walk with
 * @dma: the mapping
 * @off: where the part starts in the mapping, bytes
 * @len: how long it is, bytes
 *
 * The first and the last range are clipped to the part. A part that is empty
 * or not inside the mapping has no ranges. Behind an IOMMU that translates all
 * of it there is one range. No lock is needed while the mapping exists.
 */
#define dma_buf_phys_for_each_dma(iter, dma, off, len)                \
	for (struct dma_buf_phys_dma_iter *__iter =                   \
		     dma_buf_phys_dma_first(iter, dma, off, len);     \
	     __iter; __iter = dma_buf_phys_dma_next(__iter))

/*
 * Areas of user space
 */

#if IS_ENABLED(CONFIG_DMA_BUF_PHYS)
bool dma_buf_phys_vma(const struct vm_area_struct *vma);
#else
static inline bool dma_buf_phys_vma(const struct vm_area_struct *vma)
{
	return false;
}
#endif

#endif /* _LINUX_DMA_BUF_PHYS_H */
