/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical lists: a dma-buf access method that shares memory as a list of
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
struct page;
struct vm_area_struct;

/**
 * DOC: overview
 *
 * A *physical list* describes where the bytes of a dma-buf are. It is an
 * immutable sequence of *groups*, each of which is a maximal run of ranges with
 * the same type, memory attribute and P2P provider. A *frag* is one physically
 * contiguous range of a group. No struct page is involved, so a list can
 * describe the BAR of a PCI device as well as ordinary memory.
 *
 * An exporter builds a list and passes it to the framework together with the
 * dma-buf. An importer attaches, maps, uses the memory, unmaps and detaches::
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
 * An importer that programs translation tables rather than a device gets the
 * list itself from dma_buf_phys_map() and walks its frags.
 *
 * The exporter may take the memory away at any time. The importer's notify
 * callback is called then, and dma_buf_phys_revoke() does not return until all
 * mappings are gone.
 */

/**
 * DOC: exporters
 *
 * There are two kinds of exporters:
 *
 * - Most call dma_buf_phys_export() to create the dma-buf. The framework
 *   provides the &struct dma_buf_ops, and implements the scatterlist and mmap
 *   access methods from the list.
 * - Drivers that keep &struct dma_buf_ops of their own register them with
 *   dma_buf_phys_register(), embed a &struct dma_buf_phys in their buffers and
 *   call dma_buf_phys_init() for each. If all there is to a buffer is an array
 *   of pages, they use &struct dma_buf_phys_pages and dma_buf_phys_init_pages()
 *   instead.
 *
 * Either way the &struct dma_buf_phys holds the state of the buffer::
 *
 *	            revoke                 kill
 *	  +------+ -------> +---------+ -------> +------+
 *	  | LIVE |          | REVOKED |          | DEAD |
 *	  +------+ <------- +---------+          +------+
 *	            restore
 *
 * dma_buf_phys_move() replaces the list of a live or revoked buffer. A dead
 * buffer has no list, and will never have one again.
 */

/**
 * DOC: lifetimes
 *
 * A dma-buf is released together with its *dentry*, not with its &struct file.
 * The dentry outlives the last reference to the file if someone holds an O_PATH
 * descriptor of it, or merely looks at it in /proc. From then on until
 * &dma_buf_ops.release is called, &dma_buf.file points to memory that may have
 * become an unrelated file. Therefore:
 *
 * - Importers, watches and VMAs hold a reference to the file, which keeps
 *   everything else around. They may use &dma_buf.file.
 * - Exporters do not hold a reference, otherwise their buffers would never go
 *   away. They keep their buffers on a list of their own, protected by a lock of
 *   their own, and &dma_buf_phys_ops.release takes the buffer off that list
 *   before anything else. As long as the buffer is on the list and the lock is
 *   held, the &struct dma_buf and the &struct dma_buf_phys are valid, with or
 *   without the file. dma_buf_phys_revoke(), dma_buf_phys_restore(),
 *   dma_buf_phys_kill() and dma_buf_phys_move() require nothing else.
 * - get_file_active() and the like are of no use: a &struct file is reused
 *   without a grace period, so success may refer to a different file.
 *
 * A dma-buf without its file can be revoked and killed like any other. It just
 * has no importers left.
 */

/**
 * DOC: rights
 *
 * The mode of a dma-buf's file limits what importers may do to the memory.
 * Without FMODE_READ nobody can attach: importers read, whatever else they do.
 * Without FMODE_WRITE, dma_buf_phys_dma_map() fails with -EACCES unless the
 * direction is DMA_TO_DEVICE. Importers that use the list itself have to check
 * dma_buf_phys_is_writable().
 */

/**
 * DOC: locking
 *
 * Lock order: the exporter's own lock, the dma-buf's reservation lock, the
 * importer's lock. The reservation lock protects the state, the list and the
 * attachments of a buffer. Functions documented with "reservation lock held"
 * assert that; all others take it themselves and may sleep.
 *
 * A &struct p2pdma_provider belongs to a device and is freed when the driver is
 * unbound. It may be accessed while the caller has a mapping, or holds the
 * reservation lock of a buffer that is not dead. dma_buf_phys_kill() waits for
 * both.
 */

/**
 * DOC: trust
 *
 * Drivers whose device does DMA have no use for physical addresses, and do not
 * get them. The functions that yield addresses are exported only to iommufd and
 * KVM, which program translation tables. An iterator over DMA ranges has them at
 * hand for its inline part only: what is marked private is not for drivers. No
 * address is shown in debugfs, in trace events or in the log.
 */

/**
 * enum dma_buf_phys_type - type of the memory of a group
 * @DMA_BUF_PHYS_CPU: ordinary host memory
 * @DMA_BUF_PHYS_P2P: MMIO of a PCI device; the group has a provider
 * @DMA_BUF_PHYS_ENCRYPTED: assigned to a confidential guest; the host's CPU
 *	must never access it, and no byte of it may occur in a list twice
 */
enum dma_buf_phys_type {
	DMA_BUF_PHYS_CPU,
	DMA_BUF_PHYS_P2P,
	DMA_BUF_PHYS_ENCRYPTED,
	/* private: */
	DMA_BUF_PHYS_NR_TYPES,
};

/**
 * enum dma_buf_phys_attr - memory attribute of a group
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
 * struct dma_buf_phys_group - a maximal run of frags with the same properties
 * @type: type of the memory
 * @attr: memory attribute
 * @provider: P2P provider of the BAR for %DMA_BUF_PHYS_P2P, otherwise NULL
 * @offset: position of the first byte in the dma-buf in bytes
 * @length: length in bytes
 * @nr_frags: number of frags
 */
struct dma_buf_phys_group {
	enum dma_buf_phys_type type;
	enum dma_buf_phys_attr attr;
	struct p2pdma_provider *provider;
	u64 offset;
	u64 length;
	unsigned int nr_frags;
	/* private: highest physical address of all frags */
	phys_addr_t last;
};

struct dma_buf_phys_list;

/*
 * Building a list
 */

/**
 * struct dma_buf_phys_builder - a list under construction, usually on the stack
 *
 * The first error is kept. It turns all later calls into no-ops and is returned
 * by dma_buf_phys_seal(), so only that call has to be checked.
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
 * struct dma_buf_phys_frag - one frag, or the sentinel that ends the array
 *
 * A frag ends where the next one starts, so it takes 16 bytes and the array can
 * be searched by offset. Known here for the iterators, whose inner loops are
 * inline; see "DOC: trust".
 */
struct dma_buf_phys_frag {
	/* private: of its first byte, the position in the dma-buf and the address */
	u64 offset;
	phys_addr_t paddr;
};

/**
 * struct dma_buf_phys_iter - iterator over the frags of a slice
 * @group: group of the current frag
 * @offset: position of the current frag in the dma-buf in bytes
 * @paddr: physical address of the current frag
 * @length: length of the current frag, clipped to the slice, in bytes
 */
struct dma_buf_phys_iter {
	const struct dma_buf_phys_group *group;
	u64 offset;
	phys_addr_t paddr;
	u64 length;
	/* private: */
	const struct dma_buf_phys_frag *frag;
	u64 end;
};

const struct dma_buf_phys_group *
dma_buf_phys_list_groups(const struct dma_buf_phys_list *list,
			 unsigned int *nr_groups);

struct dma_buf_phys_iter *
dma_buf_phys_iter_first(struct dma_buf_phys_iter *iter,
			const struct dma_buf_phys_list *list, u64 offset,
			u64 length);

/**
 * dma_buf_phys_iter_next - get the next frag of a slice
 * @iter: the iterator, positioned on a frag
 *
 * Return: @iter, or NULL if there are no more frags.
 */
static inline struct dma_buf_phys_iter *
dma_buf_phys_iter_next(struct dma_buf_phys_iter *iter)
{
	const struct dma_buf_phys_frag *frag = ++iter->frag;

	iter->offset += iter->length;
	if (iter->offset == iter->end)
		return NULL;

	if (iter->offset == iter->group->offset + iter->group->length)
		iter->group++;
	iter->paddr = frag->paddr;
	iter->length = min(frag[1].offset, iter->end) - iter->offset;
	return iter;
}

/**
 * dma_buf_phys_for_each_frag - iterate over the frags of a slice
 * @iter: the &struct dma_buf_phys_iter to use
 * @list: the list
 * @off: position of the slice in the dma-buf in bytes
 * @len: length of the slice in bytes
 *
 * The first and the last frag are clipped to the slice. A slice that is empty
 * or not inside the list has no frags. The first frag is found in O(log frags),
 * each further one in O(1).
 */
#define dma_buf_phys_for_each_frag(iter, list, off, len)               \
	for (struct dma_buf_phys_iter *__iter =                        \
		     dma_buf_phys_iter_first(iter, list, off, len);    \
	     __iter; __iter = dma_buf_phys_iter_next(__iter))

/*
 * Exporting
 */

/**
 * enum dma_buf_phys_state - whether importers have access to a buffer
 * @DMA_BUF_PHYS_LIVE: can be mapped
 * @DMA_BUF_PHYS_REVOKED: cannot be mapped until access is restored
 * @DMA_BUF_PHYS_DEAD: can never be mapped again
 */
enum dma_buf_phys_state {
	DMA_BUF_PHYS_LIVE,
	DMA_BUF_PHYS_REVOKED,
	DMA_BUF_PHYS_DEAD,
};

struct dma_buf_phys;

/**
 * struct dma_buf_phys_ops - callbacks of an exporter
 */
struct dma_buf_phys_ops {
	/**
	 * @get_list: tell where the buffer is; not needed by dma_buf_phys_export()
	 *
	 * Called with the reservation lock held, if the buffer is live but the
	 * framework has no list: on the first attach or query, if no list was
	 * passed on export. Returns a sealed list, which the framework then
	 * owns, or an ERR_PTR, which is passed on to the importer. Memory it
	 * allocates is charged to the memory cgroup that exported the buffer.
	 */
	struct dma_buf_phys_list *(*get_list)(struct dma_buf_phys *phys);

	/**
	 * @release: optional; the dma-buf is being released
	 *
	 * Called once for buffers made by dma_buf_phys_export(), without locks,
	 * when the dentry of the dma-buf is released. The file may have been
	 * released long before. The exporter takes the buffer off its lists, so
	 * that it does not revoke the buffer anymore, and calls
	 * dma_buf_phys_fini(). Then it may free the memory that @phys is
	 * embedded in. If there is no callback, the framework calls
	 * dma_buf_phys_fini().
	 */
	void (*release)(struct dma_buf_phys *phys);
};

/**
 * struct dma_buf_phys - the physical side of a dma-buf
 * @dmabuf: the dma-buf
 * @ops: callbacks of the exporter
 *
 * Embedded in the exporter's own structure and zeroed before it is passed to the
 * framework. All other members belong to the framework.
 */
struct dma_buf_phys {
	struct dma_buf *dmabuf;
	const struct dma_buf_phys_ops *ops;
	/* private: constant; with a reference to inode and memcg */
	struct inode *inode;
	struct mem_cgroup *memcg;
	bool readable;
	bool writable;
	bool own_ops;
	bool no_mmap;
	/* private: under the reservation lock */
	bool moving;
	unsigned int nr_pinned;
	struct dma_buf_phys_list *list;
	struct list_head attachments;
	/* private: written under the reservation lock and @lock, read under either */
	spinlock_t lock;
	enum dma_buf_phys_state state;
	unsigned int nr_behind;
	unsigned int nr_failed;
	u64 generation;
	u64 watch_seq;
	u64 nr_revokes;
	u64 nr_restores;
	u64 nr_moves;
	/* private: under @lock */
	unsigned int nr_watches;
	u64 changed_at;
	/* private: watches wait here for watch_seq to change */
	wait_queue_head_t watch_wait;
	/* private: revoke, kill and drain wait here for the last unmap of a list */
	wait_queue_head_t unmap_wait;
	/* private: on the list for debugfs, under its mutex */
	struct list_head node;
};

/**
 * struct dma_buf_phys_export_info - parameters of dma_buf_phys_export()
 * @exp_name: name of the exporter, as in &struct dma_buf_export_info
 * @owner: module of the exporter, pinned while the dma-buf exists
 * @ops: callbacks of the exporter
 * @list: sealed list; its size becomes the size of the dma-buf
 * @flags: open flags of the dma-buf's file; importers may not write to the
 *	memory unless they include O_RDWR
 * @no_mmap: refuse mmap() of the dma-buf: the CPU may access the memory only by
 *	mappings that the exporter knows of
 * @state: %DMA_BUF_PHYS_LIVE, or %DMA_BUF_PHYS_REVOKED if the memory is not
 *	accessible yet
 */
struct dma_buf_phys_export_info {
	const char *exp_name;
	struct module *owner;
	const struct dma_buf_phys_ops *ops;
	struct dma_buf_phys_list *list;
	int flags;
	bool no_mmap;
	enum dma_buf_phys_state state;
};

/**
 * DEFINE_DMA_BUF_PHYS_EXPORT_INFO - define export parameters
 * @name: name of the variable, whose @exp_name and @owner are initialised
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
 * @dma_buf_ops: ops that identify the dma-bufs of the driver
 * @to_phys: returns the &struct dma_buf_phys of a dma-buf of the driver; called
 *	without the reservation lock, must not fail or sleep
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

/**
 * struct dma_buf_phys_pages - the physical side of a dma-buf of ordinary pages
 * @phys: what &dma_buf_phys_exporter.to_phys returns
 *
 * For drivers with &struct dma_buf_ops of their own. Embedded in the driver's
 * own structure, zeroed, and initialised by dma_buf_phys_init_pages().
 */
struct dma_buf_phys_pages {
	struct dma_buf_phys phys;
	/* private: */
	struct page **pages;
	unsigned long nr_pages;
};

void dma_buf_phys_init_pages(struct dma_buf_phys_pages *pp,
			     struct dma_buf *dmabuf, struct page **pages,
			     unsigned long nr_pages);

/*
 * Importing
 */

/**
 * enum dma_buf_phys_event - events that importers are notified of
 * @DMA_BUF_PHYS_EV_MOVE: the buffer is moving; %DMA_BUF_PHYS_EV_RESTORE follows
 *	before the reservation lock is dropped
 * @DMA_BUF_PHYS_EV_REVOKE: access is taken away, possibly for good
 * @DMA_BUF_PHYS_EV_RESTORE: access is back, the buffer can be mapped again
 */
enum dma_buf_phys_event {
	DMA_BUF_PHYS_EV_MOVE,
	DMA_BUF_PHYS_EV_REVOKE,
	DMA_BUF_PHYS_EV_RESTORE,
};

struct dma_buf_phys_attachment;

/**
 * struct dma_buf_phys_importer_ops - properties and callbacks of an importer
 */
struct dma_buf_phys_importer_ops {
	/**
	 * @types: mask of the types that the importer can use, BIT() of &enum
	 * dma_buf_phys_type
	 */
	unsigned int types;

	/**
	 * @name: optional; the name of the importer, which root reads in
	 * debugfs
	 */
	const char *name;

	/**
	 * @device: optional; the device that the importer attached for, which
	 * root reads there as well
	 *
	 * Called with the reservation lock held, from the moment that
	 * dma_buf_phys_attach() is called, possibly before it returns. Must
	 * not sleep.
	 */
	struct device *(*device)(struct dma_buf_phys_attachment *at);

	/**
	 * @leaves_fences: the importer may leave fences on the reservation
	 * object for a revoke to wait for
	 *
	 * They have signaled before the importer detaches: a revoke after that
	 * no longer knows of it.
	 */
	bool leaves_fences;

	/**
	 * @notify: mandatory; the buffer is moved, revoked or restored
	 *
	 * Called with the reservation lock held, from the moment that
	 * dma_buf_phys_attach() is called, possibly before it returns, until
	 * the importer has detached. Must not attach or detach.
	 *
	 * For %DMA_BUF_PHYS_EV_MOVE and %DMA_BUF_PHYS_EV_REVOKE, the importer
	 * must have stopped using its mappings when the callback returns.
	 * Alternatively it sets @leaves_fences and adds fences of usage BOOKKEEP
	 * to the reservation object that signal when it has. It must unmap
	 * within the callback or within bounded time after it.
	 *
	 * %DMA_BUF_PHYS_EV_RESTORE is only a notification. The exporter waits
	 * for the callback, holding its own lock, so the time it takes must not
	 * depend on the size of the buffer. An importer that maps again on its
	 * own initiative calls dma_buf_phys_set_status() and leaves the mapping
	 * to a work item.
	 *
	 * After mapping, the device must wait for the fences of usage KERNEL
	 * before it accesses the memory, since the exporter may still be
	 * copying.
	 */
	void (*notify)(struct dma_buf_phys_attachment *at,
		       enum dma_buf_phys_event event);
};

/**
 * struct dma_buf_phys_attachment - an importer attached to a dma-buf
 * @dmabuf: the dma-buf, to which the importer holds a reference
 * @phys: physical side of @dmabuf
 * @ops: callbacks of the importer
 * @priv: private pointer of the importer
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
 * struct dma_buf_phys_dma - a slice mapped for the DMA of a device
 *
 * Embedded in the importer's own structure and filled in by
 * dma_buf_phys_dma_map(). A mapping takes no other memory, regardless of the
 * number of frags, except in two cases: the platform needs the DMA address of
 * each frag to unmap it, or the list has bus addresses and more than
 * BITS_PER_LONG groups.
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
	/* there is more to the slice than bus addresses */
	bool mapped;
	/* if bus: bitmap of the groups of the list that have bus addresses */
	union {
		unsigned long bus_few;
		unsigned long *bus_many;
	};
	struct dma_iova_state iova;
	dma_addr_t *addrs;
};

/**
 * struct dma_buf_phys_dma_iter - iterator over the DMA ranges of a mapping
 * @addr: DMA address of the current range for the device of the mapping
 * @offset: position of the current range in the mapping in bytes
 * @length: length of the current range in bytes
 * @p2p: the range contains MMIO of a PCI device, so a device that supports PCIe
 *	ATS has to have it enabled
 * @bus_addr: @addr is a PCI bus address, which is not translated by the IOMMU
 *
 * Consecutive ranges may have adjacent addresses.
 */
struct dma_buf_phys_dma_iter {
	dma_addr_t addr;
	u64 offset;
	u64 length;
	bool p2p;
	bool bus_addr;
	/* private: frags from @next to @last differ from their ranges by @delta */
	const struct dma_buf_phys_frag *next;
	const struct dma_buf_phys_frag *last;
	u64 delta;
	/* private: */
	struct dma_buf_phys_dma *dma;
	const struct dma_buf_phys_group *group;
	u64 end;
	u64 window;
};

int dma_buf_phys_dma_map(struct dma_buf_phys_attachment *at, struct device *dev,
			 u64 offset, u64 length, enum dma_data_direction dir,
			 struct dma_buf_phys_dma *dma);
void dma_buf_phys_dma_unmap(struct dma_buf_phys_dma *dma);
size_t dma_buf_phys_dma_max_ranges(struct dma_buf_phys_dma *dma);
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_first(struct dma_buf_phys_dma_iter *iter,
		       struct dma_buf_phys_dma *dma, u64 offset, u64 length);
struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_next_run(struct dma_buf_phys_dma_iter *iter);

/**
 * dma_buf_phys_dma_next - get the next DMA range
 * @iter: the iterator, positioned on a range
 *
 * Return: @iter, or NULL if there are no more ranges.
 */
static inline struct dma_buf_phys_dma_iter *
dma_buf_phys_dma_next(struct dma_buf_phys_dma_iter *iter)
{
	const struct dma_buf_phys_frag *frag = iter->next;

	if (unlikely(frag == iter->last))
		return dma_buf_phys_dma_next_run(iter);
	iter->next = frag + 1;
	iter->offset += iter->length;
	iter->addr = frag->paddr + iter->delta;
	iter->length = frag[1].offset - frag->offset;
	return iter;
}

/**
 * dma_buf_phys_for_each_dma - iterate over the DMA ranges of part of a mapping
 * @iter: the &struct dma_buf_phys_dma_iter to use
 * @dma: the mapping
 * @off: position of the part in the mapping in bytes
 * @len: length of the part in bytes
 *
 * The first and the last range are clipped to the part. A part that is empty or
 * not inside the mapping has no ranges. If an IOMMU translates the entire
 * mapping, there is only one range. No lock is needed while the mapping exists.
 */
#define dma_buf_phys_for_each_dma(iter, dma, off, len)                \
	for (struct dma_buf_phys_dma_iter *__iter =                   \
		     dma_buf_phys_dma_first(iter, dma, off, len);     \
	     __iter; __iter = dma_buf_phys_dma_next(__iter))

/*
 * Mappings in user space
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
