/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The movable exporter: places in movable_place.c, buffers in movable_buf.c, the
 * device and its files in movable.c.
 */
#ifndef _DMA_BUF_MOVABLE_H
#define _DMA_BUF_MOVABLE_H

#include <linux/completion.h>
#include <linux/dma-buf-phys.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "movable_uapi.h"

struct dma_fence;
struct iov_iter;
struct kiocb;
struct p2pdma_provider;
struct page;

/* How much of the BAR is used at most */
#define MOVABLE_BAR_PAGES (SZ_64M >> PAGE_SHIFT)

/**
 * struct movable_bar - memory of the device
 * @regs: CPU mapping
 * @start: physical address
 * @nr_pages: how much may be used, not more than %MOVABLE_BAR_PAGES
 * @provider: of the BAR
 * @lock: protects what follows
 * @next: where the next search for free pages starts
 * @used: a bit a page
 */
struct movable_bar {
	void __iomem *regs;
	phys_addr_t start;
	unsigned long nr_pages;
	struct p2pdma_provider *provider;
	spinlock_t lock; /* protects next and used */
	unsigned long next;
	DECLARE_BITMAP(used, MOVABLE_BAR_PAGES);
};

/**
 * struct movable_place - memory of a buffer
 * @placement: %DMA_BUF_MOVABLE_SYSTEM and so on
 * @nr_pages: of the buffer
 * @type: what importers are told of @pages
 * @attr: the same
 * @bar_first: the buffer's first page that is in the BAR
 * @bar_nr: how many are
 * @bar_at: the page of the BAR where they start, the last one first
 * @pages: the others
 */
struct movable_place {
	u32 placement;
	unsigned int nr_pages;
	enum dma_buf_phys_type type;
	enum dma_buf_phys_attr attr;
	unsigned int bar_first;
	unsigned int bar_nr;
	unsigned long bar_at;
	struct page *pages[] __counted_by(nr_pages);
};

/**
 * struct movable_buf - what is behind a dma-buf
 * @phys: its physical side
 * @bar: the device's
 * @place: where the bytes are, or will be when @fence has signaled
 * @bounce: a page that bytes pass through
 * @moves: how often it has moved
 * @context: of its fences
 * @copy: copies from @from to @place
 * @fence: of the last copy until that is finished with, otherwise NULL
 * @from: where the bytes come from, valid as long as @fence
 * @slow: the copy is to take its time
 * @go: what the copy waits for before it begins
 */
struct movable_buf {
	struct dma_buf_phys phys;
	struct movable_bar *bar;
	struct movable_place *place;
	void *bounce;
	u64 moves;
	u64 context;
	struct work_struct copy;
	struct dma_fence *fence;
	struct movable_place *from;
	bool slow;
	struct completion go;
};

struct movable_place *movable_place_new(struct movable_bar *bar,
					unsigned int nr_pages, u32 placement);
void movable_place_free(struct movable_bar *bar, struct movable_place *place);
struct dma_buf_phys_list *
movable_place_list(const struct movable_bar *bar,
		   const struct movable_place *place);
void movable_place_read(const struct movable_bar *bar,
			const struct movable_place *place, unsigned int i,
			size_t at, void *to, size_t n);
void movable_place_write(const struct movable_bar *bar,
			 const struct movable_place *place, unsigned int i,
			 size_t at, const void *from, size_t n);

int movable_buf_init(void);
void movable_buf_exit(void);
struct movable_buf *movable_buf_new(struct movable_bar *bar,
				    unsigned int nr_pages);
void movable_buf_end(struct movable_buf *buf);
int movable_buf_move(struct movable_buf *buf, u32 placement, u32 flags);
void movable_buf_info(const struct movable_buf *buf,
		      struct dma_buf_movable_info *info);
ssize_t movable_buf_rw(struct movable_buf *buf, struct kiocb *iocb,
		       struct iov_iter *iter);

#endif /* _DMA_BUF_MOVABLE_H */
