/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test exporter and two test importers, shared by the suites.
 *
 * No list here describes memory that exists: nothing in the framework may touch
 * what a list describes, and a test that finds it does is a test that crashes.
 */
#ifndef _DMA_BUF_PHYS_KUNIT_H
#define _DMA_BUF_PHYS_KUNIT_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

struct dentry;
struct dma_buf_attach_ops;
struct mutex;

/* In bytes */
#define PAGES(n) ((u64)(n) * PAGE_SIZE)

/* Above the memory of any machine the tests run on */
#define KT_BASE ((phys_addr_t)SZ_1T)
/* Size of every buffer unless a test needs another */
#define KT_SIZE ((u64)16 * PAGE_SIZE)
/* Behind every buffer at KT_BASE */
#define KT_ELSEWHERE (KT_BASE + SZ_1G)
/* How late a slow importer is; long enough that not waiting shows */
#define KT_LATE_MS 50

/*
 * Every test of buffers runs for both ways in: dma_buf_phys_export(), and
 * dma_buf_phys_register() with dma_buf_ops of one's own.
 */
const void *kt_way_gen_params(struct kunit *test, const void *prev, char *desc);
bool kt_has_own_ops(struct kunit *test);
#define KT_CASE(name) KUNIT_CASE_PARAM(name, kt_way_gen_params)

/**
 * struct kt_buf - a buffer of the test exporter
 * @phys: its physical side
 * @next: what get_list hands out next; owned by the buffer
 * @get_list_err: what get_list returns instead, if not 0
 * @nr_get_list: how often get_list was called
 * @hidden: when it was to be released, debugfs did not show it any more
 * @released: the dma-buf is gone
 * @lock: if set, under which the test revokes; its release takes it first
 * @dentry: what is left of the dma-buf after kt_drop_file(), or NULL
 * @read_only: to be exported without the right to write
 */
struct kt_buf {
	struct dma_buf_phys phys;
	struct dma_buf_phys_list *next;
	int get_list_err;
	unsigned int nr_get_list;
	bool hidden;
	struct completion released;
	struct mutex *lock; /* see above */
	struct dentry *dentry;
	bool read_only;
};

/**
 * struct kt_imp - an importer
 * @ops: its callbacks; a test may change types before it attaches
 * @dmabuf: the dma-buf
 * @at: the attachment, or NULL
 * @list: what it has mapped, or NULL
 * @late: what it has still to unmap
 * @fence: what it has still to signal
 * @remap: map again when told that it may
 * @unmap_ms: how long after a move or a revoke it unmaps; 0: in the callback
 * @fence_ms: how long after them its device stops; 0: before the callback ends
 * @nr_events: how often it was told, by &enum dma_buf_phys_event
 * @incomplete: it was told of an event with an attachment that is not complete
 * @list_of_dead: there was still a list when it was told of the end
 * @unmapped: the late unmap has been made; the test looks meanwhile
 * @signaled: the fence has been signaled; likewise
 * @users: if set, counts the mappings of several importers
 * @unmap_work: late unmap
 * @signal_work: late end of the device's access
 *
 * What events change is under the reservation lock.
 */
struct kt_imp {
	struct dma_buf_phys_importer_ops ops;
	struct dma_buf *dmabuf;
	struct dma_buf_phys_attachment *at;
	struct dma_buf_phys_list *list;
	struct dma_buf_phys_list *late;
	struct dma_fence *fence;
	bool remap;
	unsigned int unmap_ms;
	unsigned int fence_ms;
	unsigned int nr_events[DMA_BUF_PHYS_EV_RESTORE + 1];
	bool incomplete;
	bool list_of_dead;
	bool unmapped;
	bool signaled;
	atomic_t *users;
	struct delayed_work unmap_work;
	struct delayed_work signal_work;
};

struct dma_buf_phys_list *kt_list(struct kunit *test, phys_addr_t paddr,
				  u64 length);
#define KT_LIST(test) kt_list(test, KT_BASE, KT_SIZE)
struct dma_buf_phys_list *kt_list_p2p(struct kunit *test,
				      struct p2pdma_provider *provider);
struct dma_buf_phys_list *kt_list_of_two(struct kunit *test,
					 enum dma_buf_phys_type first,
					 enum dma_buf_phys_type second,
					 struct p2pdma_provider *provider);

struct kt_buf *kt_buf(struct kunit *test, struct dma_buf_phys_list *list);
struct kt_buf *kt_buf_state(struct kunit *test, struct dma_buf_phys_list *list,
			    enum dma_buf_phys_state state);
struct kt_buf *kt_buf_read_only(struct kunit *test,
				struct dma_buf_phys_list *list);
void kt_drop_file(struct kt_buf *buf);
void kt_drop_dentry(struct kt_buf *buf);
struct dma_buf *kt_foreign_dmabuf(struct kunit *test);

void kt_imp_init(struct kt_imp *imp, struct kt_buf *buf);
void kt_imp_end(struct kt_imp *imp);
struct kt_imp *kt_imp(struct kunit *test, struct kt_buf *buf);
int kt_attach(struct kt_imp *imp);
struct kt_imp *kt_attached(struct kunit *test, struct kt_buf *buf);
void kt_add_fence(struct kt_imp *imp, enum dma_resv_usage usage);
int kt_map_locked(struct kt_imp *imp);
int kt_map(struct kt_imp *imp);
void kt_unmap(struct kt_imp *imp);
bool kt_is_mapped(struct kt_imp *imp);
phys_addr_t kt_first_paddr(const struct dma_buf_phys_list *list);
void kt_signal(struct task_struct *task, int sig);
void kt_unsignal(int sig);

void kt_expect_events(struct kunit *test, int line, const struct kt_imp *imp,
		      unsigned int moves, unsigned int revokes,
		      unsigned int restores);
#define KT_EXPECT_EVENTS(test, imp, moves, revokes, restores) \
	kt_expect_events(test, __LINE__, imp, moves, revokes, restores)

/* Where the tests map, in a thread that has nothing else mapped */
#define KT_MAP_AT SZ_1G

void kt_user_map(struct kunit *test, struct kt_buf *buf, u64 size, u64 offset);
void kt_user_unmap(struct kunit *test, u64 size);
int kt_fault_in(unsigned long addr);
int kt_fault_in_retry(unsigned long addr, bool *unlocked);
unsigned long kt_lookup_page(unsigned long addr, phys_addr_t *paddr);
struct vm_fault kt_fault_beside(struct vm_area_struct *vma);
void kt_expect_page(struct kunit *test, int line, unsigned long addr,
		    phys_addr_t paddr, unsigned long size);
#define KT_EXPECT_PAGE(test, addr, paddr, size) \
	kt_expect_page(test, __LINE__, addr, paddr, size)

/**
 * struct kt_sg_imp - an importer by scatterlist
 * @test: the test
 * @dev: its device
 * @dmabuf: the dma-buf
 * @attach: the attachment, or NULL
 * @sgt: what it has mapped, or NULL
 * @unmap_ms: how late it unmaps; 0: in the callback
 * @nr_invalidated: how often it was told
 * @unmapped: the late unmap has been made; the test looks meanwhile
 * @unmap_work: late unmap
 */
struct kt_sg_imp {
	struct kunit *test;
	struct device *dev;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	unsigned int unmap_ms;
	unsigned int nr_invalidated;
	bool unmapped;
	struct delayed_work unmap_work;
};

void kt_sg_invalidate(struct dma_buf_attachment *attach);
extern const struct dma_buf_attach_ops kt_sg_ops;
struct kt_sg_imp *kt_sg_imp(struct kunit *test, struct kt_buf *buf);
int kt_sg_attach(struct kt_sg_imp *imp, const struct dma_buf_attach_ops *ops);
struct kt_sg_imp *kt_sg_attached(struct kunit *test, struct kt_buf *buf);
int kt_sg_map(struct kt_sg_imp *imp);
void kt_sg_unmap(struct kt_sg_imp *imp);

#endif /* _DMA_BUF_PHYS_KUNIT_H */
