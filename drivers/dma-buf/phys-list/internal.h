/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the framework share.
 */
#ifndef _DMA_BUF_PHYS_INTERNAL_H
#define _DMA_BUF_PHYS_INTERNAL_H

#include <linux/dma-buf-phys.h>
#include <linux/export.h>
#include <linux/mm_types.h>

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
bool phys_owns_ops(const struct dma_buf *dmabuf);
struct dma_buf_phys *phys_adopt(struct dma_buf *dmabuf);

/* state.c */
struct dma_buf_phys_list *phys_get_list(struct dma_buf_phys *phys);
struct dma_buf_phys_list *phys_map_begin(struct dma_buf_phys *phys);
void phys_map_end(struct dma_buf_phys *phys, struct dma_buf_phys_list *list);

/* list.c */
size_t phys_list_frag_at(const struct dma_buf_phys_list *list, u64 offset);

/* What every walk does for every frag */
static inline struct dma_buf_phys_iter *
phys_iter_next(struct dma_buf_phys_iter *iter)
{
	const struct phys_frag *frag = &iter->list->frags[++iter->frag];

	iter->offset += iter->length;
	if (iter->offset == iter->end)
		return NULL;

	if (iter->offset == iter->group->offset + iter->group->length)
		iter->group++;
	iter->paddr = frag->paddr;
	iter->length = min(frag[1].offset, iter->end) - iter->offset;
	return iter;
}

/* route.c */

/* One group of a slice: what of it is in the slice, in bytes of the dma-buf */
struct phys_dma_part {
	const struct dma_buf_phys_group *group;
	u64 offset;
	u64 length;
};

bool phys_dma_next_part(const struct dma_buf_phys_dma *dma,
			struct phys_dma_part *part);
enum pci_p2pdma_map_type
phys_dma_map_type(struct device *dev, const struct dma_buf_phys_group *group,
		  bool ask);
int phys_dma_find_routes(struct dma_buf_phys_dma *dma, u64 *mapped);
void phys_dma_forget_routes(struct dma_buf_phys_dma *dma);
int phys_dma_check_route(struct device *dev, struct dma_buf_phys_list *list);

/**
 * struct phys_asker - a program asks by which routes a device reaches groups
 * @dev: the device
 * @masked: it has a driver that has said what addresses it can send
 * @provider: of the group that was asked for last, or NULL
 * @type: what the PCI core said of @provider
 *
 * Good for as long as the reservation lock is held.
 */
struct phys_asker {
	struct device *dev;
	bool masked;
	struct p2pdma_provider *provider;
	enum pci_p2pdma_map_type type;
};

u32 phys_dma_tell_route(struct phys_asker *asker, struct dma_buf_phys_list *list,
			const struct dma_buf_phys_group *group);

/* dma.c */
int phys_dma_map(struct dma_buf_phys_dma *dma, struct device *dev,
		 struct dma_buf_phys_list *list, u64 offset, u64 length,
		 enum dma_data_direction dir);
void phys_dma_unmap(struct dma_buf_phys_dma *dma);
bool phys_dma_is_direct(struct device *dev);
dma_addr_t phys_dma_direct_addr(struct device *dev,
				const struct dma_buf_phys_group *group,
				phys_addr_t paddr);

static inline bool phys_dma_has_many_groups(const struct dma_buf_phys_dma *dma)
{
	return dma->list->nr_groups > BITS_PER_LONG;
}

/* Is this group of the slice reached by bus address, as it was mapped? */
static inline bool phys_dma_has_bus_addr(const struct dma_buf_phys_dma *dma,
					 const struct dma_buf_phys_group *group)
{
	return dma->bus && test_bit(group - dma->list->groups,
				    phys_dma_has_many_groups(dma) ?
				    dma->bus_many : &dma->bus_few);
}

/* Is all of a mapping one range, whatever the list looks like? */
static inline bool phys_dma_is_contiguous(struct dma_buf_phys_dma *dma)
{
	return dma_use_iova(&dma->iova) && !dma->bus;
}

/* sgt.c */
int phys_sgt_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach);
struct sg_table *phys_sgt_map(struct dma_buf_attachment *attach,
			      enum dma_data_direction dir);
void phys_sgt_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
		    enum dma_data_direction dir);

/* mmap.c */
pgprot_t phys_group_prot(const struct dma_buf_phys_group *group,
			 vm_flags_t vm_flags);
int phys_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);
void phys_mmap_zap(struct dma_buf_phys *phys);

/* query.c */
int phys_query_init(void);
void phys_query_exit(void);

/* watch.c */
int phys_watch(struct dma_buf *dmabuf, u32 flags);

/* debugfs.c */
void phys_debugfs_add(struct dma_buf_phys *phys);
void phys_debugfs_remove(struct dma_buf_phys *phys);
void phys_debugfs_init(void);
void phys_debugfs_exit(void);

#endif /* _DMA_BUF_PHYS_INTERNAL_H */
