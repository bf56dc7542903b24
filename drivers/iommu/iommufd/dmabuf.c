// SPDX-License-Identifier: GPL-2.0-only
/*
 * iopt_pages whose source is a dma-buf with a physical list.
 *
 * The list, while there is one, is what the pfn_reader in pages.c reads instead
 * of pinning pages. pages->dmabuf.list is NULL while the dma-buf is revoked; then
 * areas exist and are accounted for as always, but no domain maps anything for
 * them. The tracker has an element for every area and domain that shall be
 * mapped, so that a notification can unmap all of them and map them again
 * without the locks of any io_pagetable.
 *
 * Lock order: io_pagetable locks, then the dma-buf's reservation lock, then
 * pages->mutex. The list changes under both of the last two, so it may be read
 * under either; domains are filled and emptied under pages->mutex.
 *
 * A restore maps what the revoke or the move unmapped, without anybody asking. It
 * waits for the exporter's copy first. If it fails,
 * for want of memory, the dma-buf stays unmapped here as if it were revoked still
 * and the next restore tries again.
 */
#include <linux/cleanup.h>
#include <linux/dma-buf-phys.h>
#include <linux/dma-resv.h>
#include <linux/iommu.h>

#include "io_pagetable.h"

static void iopt_dmabuf_stop(struct iopt_pages *pages,
			     struct dma_buf_phys_attachment *attach)
{
	struct iopt_pages_dmabuf_track *track;
	struct dma_buf_phys_list *list = pages->dmabuf.list;

	lockdep_assert_held(&pages->mutex);

	if (!list)
		return;
	list_for_each_entry(track, &pages->dmabuf.tracker, elm)
		iopt_area_unmap_domain(track->area, track->domain);
	pages->dmabuf.list = NULL;
	dma_buf_phys_unmap(attach, list);
}

static int iopt_dmabuf_start(struct iopt_pages *pages,
			     struct dma_buf_phys_attachment *attach)
{
	struct iopt_pages_dmabuf_track *track;
	struct dma_buf_phys_list *list;
	int rc;

	lockdep_assert_held(&pages->mutex);

	if (pages->dmabuf.list)
		return 0;
	list = dma_buf_phys_map(attach);
	if (IS_ERR(list))
		return PTR_ERR(list);

	pages->dmabuf.list = list;
	list_for_each_entry(track, &pages->dmabuf.tracker, elm) {
		rc = iopt_area_fill_domain(track->area, pages, track->domain);
		if (rc)
			goto err_unmap;
	}
	return 0;

err_unmap:
	list_for_each_entry_continue_reverse(track, &pages->dmabuf.tracker, elm)
		iopt_area_unmap_domain(track->area, track->domain);
	pages->dmabuf.list = NULL;
	dma_buf_phys_unmap(attach, list);
	return rc;
}

/*
 * A device uses what is mapped for it at once and knows of no fences: so the
 * bytes have to be there before. Not under pages->mutex, which needs not be held
 * that long.
 */
static void iopt_dmabuf_wait(struct dma_buf *dmabuf)
{
	dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_KERNEL, false,
			      MAX_SCHEDULE_TIMEOUT);
}

static void iopt_dmabuf_notify(struct dma_buf_phys_attachment *attach,
			       enum dma_buf_phys_event event)
{
	struct iopt_pages *pages = attach->priv;
	int rc;

	if (event == DMA_BUF_PHYS_EV_RESTORE)
		iopt_dmabuf_wait(attach->dmabuf);

	guard(mutex)(&pages->mutex);
	if (event != DMA_BUF_PHYS_EV_RESTORE) {
		iopt_dmabuf_stop(pages, attach);
		return;
	}
	rc = iopt_dmabuf_start(pages, attach);
	if (rc)
		pr_warn_ratelimited("iommufd: mapping a restored dma-buf failed (%d), its IOVAs stay unmapped: revoke and restore it again, or map it anew\n",
				    rc);
}

static const struct dma_buf_phys_importer_ops iopt_dmabuf_importer_ops = {
	.types = BIT(DMA_BUF_PHYS_CPU) | BIT(DMA_BUF_PHYS_P2P) |
		 BIT(DMA_BUF_PHYS_ENCRYPTED),
	.notify = iopt_dmabuf_notify,
};

/**
 * iopt_map_dmabuf() - Attach to a dma-buf and map its list
 * @pages: iopt_pages of type IOPT_ADDRESS_DMABUF that no area uses yet
 * @dmabuf: the dma-buf; on success its reference belongs to @pages
 *
 * Return: 0; -EOPNOTSUPP if it has no physical list or one of memory that no
 * IOMMU may map; -ENODEV if it is revoked; -ENOMEM.
 */
int iopt_map_dmabuf(struct iopt_pages *pages, struct dma_buf *dmabuf)
{
	struct dma_buf_phys_attachment *attach;
	int rc;

	attach = dma_buf_phys_attach(dmabuf, &iopt_dmabuf_importer_ops, pages);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	dma_resv_lock(dmabuf->resv, NULL);
	iopt_dmabuf_wait(dmabuf);
	scoped_guard(mutex, &pages->mutex)
		rc = iopt_dmabuf_start(pages, attach);
	if (rc)
		dma_buf_phys_detach_locked(attach);
	else
		pages->dmabuf.attach = attach;
	dma_resv_unlock(dmabuf->resv);
	return rc;
}

/**
 * iopt_unmap_dmabuf() - Undo iopt_map_dmabuf()
 * @pages: iopt_pages that no area uses any more
 */
void iopt_unmap_dmabuf(struct iopt_pages *pages)
{
	struct dma_buf_phys_attachment *attach = pages->dmabuf.attach;
	struct dma_buf *dmabuf = attach->dmabuf;

	dma_resv_lock(dmabuf->resv, NULL);
	scoped_guard(mutex, &pages->mutex)
		iopt_dmabuf_stop(pages, attach);
	/* Before the lock is dropped: a restore would map again */
	dma_buf_phys_detach_locked(attach);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_put(dmabuf);
}

/**
 * iopt_dmabuf_track_split() - Replace an area by two in the tracker
 * @pages: The pages of the area
 * @area: The area that is split
 * @lhs: Its lower part
 * @rhs: Its upper part
 *
 * On failure the tracker is left unchanged.
 *
 * Return: 0 or -ENOMEM.
 */
int iopt_dmabuf_track_split(struct iopt_pages *pages, struct iopt_area *area,
			    struct iopt_area *lhs, struct iopt_area *rhs)
{
	struct iopt_pages_dmabuf_track *track, *upper, *tmp;
	LIST_HEAD(uppers);

	lockdep_assert_held(&pages->mutex);

	list_for_each_entry(track, &pages->dmabuf.tracker, elm) {
		if (track->area != area)
			continue;
		upper = kzalloc_obj(*upper);
		if (!upper)
			goto err_free;
		upper->domain = track->domain;
		upper->area = rhs;
		list_add_tail(&upper->elm, &uppers);
	}

	list_for_each_entry(track, &pages->dmabuf.tracker, elm)
		if (track->area == area)
			track->area = lhs;
	list_splice_tail(&uppers, &pages->dmabuf.tracker);
	return 0;

err_free:
	list_for_each_entry_safe(upper, tmp, &uppers, elm)
		kfree(upper);
	return -ENOMEM;
}
