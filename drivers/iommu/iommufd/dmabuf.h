/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iopt_pages whose source is a dma-buf with a physical list.
 *
 * Such pages leave &iopt_pages_dmabuf.phys empty, so that iopt_dmabuf_revoked()
 * is true of them and the code for other pages maps and unmaps nothing. What
 * their domains map is up to dmabuf*.c. Included by io_pagetable.h.
 */
#ifndef __IOMMUFD_DMABUF_H
#define __IOMMUFD_DMABUF_H

#include <linux/dma-buf-phys.h>
#include <linux/iova_bitmap.h>
#include <linux/workqueue.h>

struct iommu_test_cmd;
struct mem_cgroup;

/**
 * struct iopt_phys_range - bytes of a &struct iopt_phys_track
 * @start: first byte, from the start of the track
 * @end: byte after the last one; the range is empty unless it is beyond @start
 */
struct iopt_phys_range {
	unsigned long start;
	unsigned long end;
};

/**
 * struct iopt_phys_track - one area, or a part of it, in one domain
 * @node: in &iopt_phys.tracks
 * @iopt: IO page table of the area
 * @domain: domain that maps it
 * @iova: first IOVA
 * @length: length, bytes
 * @offset: where in the dma-buf @iova points to, bytes
 * @prot: IOMMU_READ, IOMMU_WRITE and the like
 * @mapped: @domain maps all of it; if not set, none of it
 * @lost: ranges whose dirty bits went with a mapping, see dmabuf_dirty.c
 *
 * All parts of an area together cover it. @node, @mapped and @lost are protected
 * by &iopt_pages.mutex, @length by that and the iova_rwsem; the rest is constant.
 */
struct iopt_phys_track {
	struct list_head node;
	struct io_pagetable *iopt;
	struct iommu_domain *domain;
	unsigned long iova;
	unsigned long length;
	u64 offset;
	int prot;
	bool mapped;
	struct iopt_phys_range lost[2];
};

/**
 * struct iopt_phys - what &struct iopt_pages knows of a dma-buf with a list
 * @pages: pages it belongs to
 * @attach: attachment to the dma-buf, constant
 * @list: the dma-buf's list, or NULL while access is revoked; set under the
 *	reservation lock, cleared under that and &iopt_pages.mutex
 * @tracks: every &struct iopt_phys_track; &iopt_pages.mutex
 * @own: a track that need not be allocated
 * @own_taken: @own is in use; &iopt_pages.mutex
 * @status: 0; -EINPROGRESS while a restore is due; or what the last one failed
 *	with, until one succeeds; written under the reservation lock, read without
 * @stop: a revoke is waiting for &iopt_pages.mutex; written under the reservation
 *	lock, read without
 * @pinned: a physical address has been handed out; reservation lock
 * @restore: maps everything again after a restore
 * @delay: until @restore is tried again, jiffies; 0 if it was never queued;
 *	reservation lock
 * @memcg: memory cgroup that is charged for page tables, constant
 */
struct iopt_phys {
	struct iopt_pages *pages;
	struct dma_buf_phys_attachment *attach;
	struct dma_buf_phys_list *list;
	struct list_head tracks;
	struct iopt_phys_track own;
	bool own_taken;
	int status;
	bool stop;
	bool pinned;
	struct delayed_work restore;
	unsigned long delay;
	struct mem_cgroup *memcg;
};

/* True of pages of dma-bufs that have a list, whether revoked or not */
static inline bool iopt_is_phys(struct iopt_pages *pages)
{
	return iopt_is_dmabuf(pages) && pages->dmabuf.iopt_phys;
}

/* dmabuf.c */
int iopt_phys_map(struct iopt_pages *pages, struct dma_buf *dmabuf);
void iopt_phys_unmap(struct iopt_pages *pages);

/*
 * Wait for a restore that is due, before reporting that something is mapped. Without
 * pages->mutex, which the restore takes.
 */
static inline void iopt_phys_settle(struct iopt_phys *phys)
{
	if (READ_ONCE(phys->status))
		flush_delayed_work(&phys->restore);
}

static inline void iopt_phys_release(struct iopt_pages *pages)
{
	if (iopt_is_phys(pages))
		iopt_phys_unmap(pages);
}

/* dmabuf_fill.c */
void iopt_phys_unmap_track(struct iopt_phys_track *track);
int iopt_phys_fill_all(struct iopt_phys *phys);
int iopt_phys_fill_first(struct iopt_phys *phys, struct iopt_phys_track *track);

/* dmabuf_track.c */
bool iopt_phys_mapped(struct iopt_phys *phys);
int iopt_phys_track(struct iopt_pages *pages, struct iopt_area *area,
		    struct iommu_domain *domain);
void __iopt_phys_untrack(struct iopt_phys *phys, struct iopt_area *area,
			 struct iommu_domain *domain);
int __iopt_phys_split(struct iopt_area *area, unsigned long iova);
int iopt_phys_get_pa(struct iopt_area *area, unsigned long iova, u64 *paddr,
		     u64 *length);

/* Returns false for pages that this is not about. @domain is NULL for all. */
static inline bool iopt_phys_untrack(struct iopt_pages *pages,
				     struct iopt_area *area,
				     struct iommu_domain *domain)
{
	if (!iopt_is_phys(pages))
		return false;
	__iopt_phys_untrack(pages->dmabuf.iopt_phys, area, domain);
	return true;
}

/* An area is about to be split before @iova */
static inline int iopt_phys_split(struct iopt_area *area, unsigned long iova)
{
	if (iopt_is_phys(area->pages))
		return __iopt_phys_split(area, iova);
	/* What maps a dma-buf without a list cannot be split */
	return iopt_is_dmabuf(area->pages) ? -EOPNOTSUPP : 0;
}

/* dmabuf_dirty.c */
void iopt_phys_lose_dirty(struct iopt_phys_track *track);
void iopt_phys_cut_dirty(struct iopt_phys_track *track, unsigned long start,
			 unsigned long end);
int iopt_phys_read_dirty(struct iopt_phys *phys, struct iommu_domain *domain,
			 unsigned long iova, size_t length, unsigned long flags,
			 struct iommu_dirty_bitmap *dirty);

/* Read, or only clear, the dirty bits of a range of an area */
static inline int iopt_read_dirty(struct iopt_area *area,
				  struct iommu_domain *domain,
				  unsigned long iova, size_t length,
				  unsigned long flags,
				  struct iommu_dirty_bitmap *dirty)
{
	if (iopt_is_phys(area->pages))
		return iopt_phys_read_dirty(area->pages->dmabuf.iopt_phys,
					    domain, iova, length, flags, dirty);
	return domain->dirty_ops->read_and_clear_dirty(domain, iova, length,
						       flags, dirty);
}

/* selftest_dmabuf.c */
int iommufd_test_phys(struct iommu_test_cmd *cmd);

#endif
