/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the framework share.
 */
#ifndef _DMA_BUF_PHYS_INTERNAL_H
#define _DMA_BUF_PHYS_INTERNAL_H

#include <linux/dma-buf-phys.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>

/* What yields physical addresses; see "DOC: trust" in the header */
#define EXPORT_SYMBOL_FOR_IMPORTERS(sym) \
	EXPORT_SYMBOL_FOR_MODULES(sym, "iommufd,kvm,dma-buf-phys-kunit")

/*
 * A frag ends where the next one starts; a sentinel ends the last. So a frag
 * costs 16 bytes and the array can be searched by offset.
 */
struct phys_frag {
	u64 offset;
	phys_addr_t paddr;
};

/*
 * Immutable once sealed, but for nr_mapped: the number of mappings importers
 * hold, written under the reservation lock. It is the list's reference count
 * too, since whoever replaces or drops a list waits for it to reach zero.
 */
struct dma_buf_phys_list {
	u64 size;
	size_t nr_frags;
	struct phys_frag *frags;
	unsigned int nr_groups;
	struct dma_buf_phys_group *groups;
	unsigned int types;
	unsigned int nr_mapped;
};

/* export.c */
struct dma_buf_phys *phys_from_dmabuf(struct dma_buf *dmabuf);

/* state.c */
struct dma_buf_phys_list *phys_get_list(struct dma_buf_phys *phys);
struct dma_buf_phys_list *phys_map_begin(struct dma_buf_phys *phys);
void phys_map_end(struct dma_buf_phys *phys, struct dma_buf_phys_list *list);

/* dma.c */

/**
 * struct phys_dma - a list mapped for the DMA of one device
 * @dev: the device
 * @list: what is mapped
 * @dir: direction of the DMA
 * @iova: the window in @dev's IOVA space that holds all of @list, if any
 */
struct phys_dma {
	struct device *dev;
	const struct dma_buf_phys_list *list;
	enum dma_data_direction dir;
	struct dma_iova_state iova;
};

int phys_dma_check_route(struct device *dev,
			 const struct dma_buf_phys_list *list);
int phys_dma_begin(struct phys_dma *dma, struct device *dev,
		   const struct dma_buf_phys_list *list,
		   enum dma_data_direction dir);
void phys_dma_end(struct phys_dma *dma);
int phys_dma_link_all(struct phys_dma *dma);
void phys_dma_unlink_all(struct phys_dma *dma);
int phys_dma_map_frag(struct phys_dma *dma,
		      const struct dma_buf_phys_iter *iter, dma_addr_t *addr);
void phys_dma_unmap_frag(struct phys_dma *dma,
			 const struct dma_buf_phys_iter *iter, dma_addr_t addr);

/* sgt.c */
int phys_sgt_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
struct sg_table *phys_sgt_map(struct dma_buf_attachment *attach,
			      enum dma_data_direction dir);
void phys_sgt_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		    enum dma_data_direction dir);

/* debugfs.c */
void phys_debugfs_add(struct dma_buf_phys *phys);
void phys_debugfs_remove(struct dma_buf_phys *phys);
void phys_debugfs_init(void);
void phys_debugfs_exit(void);

#endif /* _DMA_BUF_PHYS_INTERNAL_H */
