/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared between the files of the framework.
 *
 * Symbols with external linkage are called dma_buf_phys_*, since all of them
 * enter the kernel's one namespace when the framework is built in. Statics and
 * types that stay in this folder are called phys_*.
 *
 * Calls go one way, from the top to the bottom of this list, so that each file
 * can be read without those above it:
 *
 *	query.c					module init, /dev/dma_buf_phys
 *	watch.c		attach.c		watches; the importer's interface
 *	registry.c				dma-buf to struct dma_buf_phys
 *	export.c				dma_buf_ops of the framework
 *	sgt.c		mmap.c			access methods built on the list
 *	dma.c					mapping a slice for a device
 *	route.c		state.c			routes; revoke, restore, move
 *	buffer.c				what a buffer is and counts
 *	list.c		debugfs.c		lists
 */
#ifndef _DMA_BUF_PHYS_INTERNAL_H
#define _DMA_BUF_PHYS_INTERNAL_H

#include <linux/dma-buf-phys.h>
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/mm_types.h>
#include <linux/wait.h>

/* For functions that yield physical addresses, see "DOC: trust" in the header */
#define EXPORT_SYMBOL_FOR_IMPORTERS(sym) \
	EXPORT_SYMBOL_FOR_MODULES(sym, "iommufd,kvm,dma-buf-phys-kunit")

/**
 * struct dma_buf_phys_list - where the bytes of a dma-buf are
 * @size: size of the dma-buf in bytes
 * @nr_frags: number of frags, without the sentinel
 * @frags: frags sorted by offset, followed by a sentinel at @size
 * @nr_groups: number of groups
 * @groups: groups sorted by offset
 * @types: BIT() of each &enum dma_buf_phys_type that occurs
 * @nr_mapped: number of mappings that importers hold; under the reservation
 *	lock
 *
 * Immutable once sealed, except for @nr_mapped. That is also the list's
 * reference count: to replace or drop a list, wait for it to reach zero first.
 */
struct dma_buf_phys_list {
	u64 size;
	size_t nr_frags;
	struct dma_buf_phys_frag *frags;
	unsigned int nr_groups;
	struct dma_buf_phys_group *groups;
	unsigned int types;
	unsigned int nr_mapped;
};

/* list.c */
size_t dma_buf_phys_frag_at(const struct dma_buf_phys_list *list, u64 offset);
const struct dma_buf_phys_group *
dma_buf_phys_group_at(const struct dma_buf_phys_list *list, u64 offset);

/* debugfs.c */
void dma_buf_phys_debugfs_add(struct dma_buf_phys *phys);
void dma_buf_phys_debugfs_remove(struct dma_buf_phys *phys);
void dma_buf_phys_debugfs_init(void);
void dma_buf_phys_debugfs_exit(void);

/* buffer.c */
struct dma_buf_phys_list *dma_buf_phys_get_list(struct dma_buf_phys *phys);
struct dma_buf_phys_list *dma_buf_phys_map_begin(struct dma_buf_phys *phys);

/**
 * dma_buf_phys_map_end - undo dma_buf_phys_map_begin()
 * @phys: the buffer; reservation lock held
 * @list: what dma_buf_phys_map_begin() returned, not necessarily the current
 *	list
 */
static inline void dma_buf_phys_map_end(struct dma_buf_phys *phys,
					struct dma_buf_phys_list *list)
{
	unsigned int nr_mapped;

	dma_resv_assert_held(phys->dmabuf->resv);

	nr_mapped = list->nr_mapped - 1;
	/* Pairs with phys_wait_unmapped(), whose caller may free the list */
	smp_store_release(&list->nr_mapped, nr_mapped);
	if (!nr_mapped && wq_has_sleeper(&phys->unmap_wait))
		wake_up_all(&phys->unmap_wait);
}

/**
 * dma_buf_phys_new_event - let watches see that something has changed
 * @phys: the buffer, its lock held
 *
 * Return: there are watches, to be woken up.
 */
static inline bool dma_buf_phys_new_event(struct dma_buf_phys *phys)
{
	lockdep_assert_held(&phys->lock);

	phys->watch_seq++;
	if (phys->nr_watches)
		phys->changed_at = ktime_get_ns();
	return phys->nr_watches;
}

/* route.c */

/**
 * struct phys_part - the part of a group that is inside a slice
 * @group: the group
 * @offset: position of the part in the dma-buf in bytes
 * @length: length of the part in bytes
 */
struct phys_part {
	const struct dma_buf_phys_group *group;
	u64 offset;
	u64 length;
};

/**
 * struct phys_route_query - userspace asks how a device would reach some groups
 * @dev: the device
 * @has_mask: a driver is bound that has set the DMA mask of @dev
 * @provider: provider of the last group that was asked for, or NULL
 * @map_type: what the PCI core answered for @provider
 *
 * Valid for one critical section of the reservation lock.
 */
struct phys_route_query {
	struct device *dev;
	bool has_mask;
	struct p2pdma_provider *provider;
	enum pci_p2pdma_map_type map_type;
};

bool dma_buf_phys_next_part(const struct dma_buf_phys_dma *dma,
			    struct phys_part *part);
enum pci_p2pdma_map_type
dma_buf_phys_map_type(struct device *dev,
		      const struct dma_buf_phys_group *group, bool ask);
bool dma_buf_phys_is_direct(struct device *dev);
dma_addr_t dma_buf_phys_direct_addr(struct device *dev,
				    const struct dma_buf_phys_group *group,
				    phys_addr_t paddr);
int dma_buf_phys_find_routes(struct dma_buf_phys_dma *dma, u64 *mapped);
void dma_buf_phys_free_routes(struct dma_buf_phys_dma *dma);
int dma_buf_phys_check_routes(struct device *dev,
			      struct dma_buf_phys_list *list);
u32 dma_buf_phys_query_group(struct phys_route_query *query,
			     struct dma_buf_phys_list *list,
			     const struct dma_buf_phys_group *group);

static inline bool phys_has_many_groups(const struct dma_buf_phys_dma *dma)
{
	return dma->list->nr_groups > BITS_PER_LONG;
}

/* Was this group mapped with bus addresses, whatever the PCI core says now? */
static inline bool phys_has_bus_addr(const struct dma_buf_phys_dma *dma,
				     const struct dma_buf_phys_group *group)
{
	return dma->bus && test_bit(group - dma->list->groups,
				    phys_has_many_groups(dma) ?
				    dma->bus_many : &dma->bus_few);
}

/* dma.c */
int dma_buf_phys_map_slice(struct dma_buf_phys_dma *dma, struct device *dev,
			   struct dma_buf_phys_list *list, u64 offset,
			   u64 length, enum dma_data_direction dir);
void dma_buf_phys_unmap_slice(struct dma_buf_phys_dma *dma);

/* Is the mapping one DMA range, however many frags the slice has? */
static inline bool phys_dma_is_contiguous(struct dma_buf_phys_dma *dma)
{
	return dma_use_iova(&dma->iova) && !dma->bus;
}

/* sgt.c: members of &struct dma_buf_ops */
int dma_buf_phys_sgt_attach(struct dma_buf *dmabuf,
			    struct dma_buf_attachment *attach);
void dma_buf_phys_sgt_detach(struct dma_buf *dmabuf,
			     struct dma_buf_attachment *attach);
struct sg_table *dma_buf_phys_sgt_map(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir);
void dma_buf_phys_sgt_unmap(struct dma_buf_attachment *attach,
			    struct sg_table *sgt, enum dma_data_direction dir);

/* mmap.c */
pgprot_t dma_buf_phys_group_prot(const struct dma_buf_phys_group *group,
				 vm_flags_t vm_flags);
int dma_buf_phys_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma);

/* export.c */
extern const struct dma_buf_ops dma_buf_phys_dma_buf_ops;

/* registry.c */
struct dma_buf_phys *dma_buf_phys_lookup(struct dma_buf *dmabuf);
struct dma_buf_phys *dma_buf_phys_adopt(struct dma_buf *dmabuf);

/* watch.c */
int dma_buf_phys_watch_fd(struct dma_buf *dmabuf, u32 flags);

#endif /* _DMA_BUF_PHYS_INTERNAL_H */
