// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical lists: building, checking, walking.
 *
 * A list is built once, by one exporter, checked while it is built and never
 * changed after dma_buf_phys_seal(). So everybody else may rely on it:
 *
 *  - there is at least one frag and none is empty;
 *  - every frag starts and ends on a page boundary and paddr + length does not
 *    overflow;
 *  - the frags' lengths add up to the size the dma-buf has;
 *  - neighbouring groups differ, and neighbouring frags of a group are not
 *    adjacent in physical memory: both are merged as they are added;
 *  - a group has a provider if and only if its type is P2P;
 *  - no byte of an encrypted group is in the list twice.
 *
 * Bytes of other groups may be in a list twice: a buffer that shows one page at
 * several offsets is of use, as a ring that wraps around is, and harms nobody.
 *
 * 'offset' is always a position in the dma-buf in bytes, 'end' is exclusive.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "internal.h"

/* Charged to the caller; a count out of this world fails without a splat */
#define GFP_LIST (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/**
 * dma_buf_phys_build - start a list
 * @b: the builder
 * @nr_frags: how many frags are expected; more may come, fewer too
 *
 * Must be ended by dma_buf_phys_seal() or dma_buf_phys_abandon().
 *
 * Context: may sleep.
 */
void dma_buf_phys_build(struct dma_buf_phys_builder *b, size_t nr_frags)
{
	struct dma_buf_phys_list *list;

	*b = (struct dma_buf_phys_builder){ .err = -ENOMEM };
	list = kzalloc_obj(*list, GFP_LIST);
	if (!list)
		return;

	b->list = list;
	/* One more for the sentinel */
	if (check_add_overflow(nr_frags, 1, &b->max_frags))
		return;
	list->frags = kvmalloc_array(b->max_frags, sizeof(*list->frags),
				     GFP_LIST);
	if (list->frags)
		b->err = 0;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_build);

/**
 * dma_buf_phys_add_group - say of what kind the next frags are
 * @b: the builder
 * @type: kind of memory
 * @attr: memory attribute
 * @provider: whose BAR it is if @type is %DMA_BUF_PHYS_P2P, otherwise NULL
 *
 * A group like the one before continues it; one that gets no frag leaves no
 * trace.
 *
 * The builder fails with -EINVAL if @type or @attr does not exist or @provider
 * does not fit @type.
 */
void dma_buf_phys_add_group(struct dma_buf_phys_builder *b,
			    enum dma_buf_phys_type type,
			    enum dma_buf_phys_attr attr,
			    struct p2pdma_provider *provider)
{
	bool p2p = type == DMA_BUF_PHYS_P2P;

	if (b->err)
		return;
	if ((unsigned int)type >= DMA_BUF_PHYS_NR_TYPES ||
	    (unsigned int)attr >= DMA_BUF_PHYS_NR_ATTRS || p2p != !!provider) {
		b->err = -EINVAL;
		return;
	}
	b->group = (struct dma_buf_phys_group){
		.type = type,
		.attr = attr,
		.provider = provider,
	};
	b->in_group = true;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_add_group);

/* The group the next frag goes into, or NULL with b->err set */
static struct dma_buf_phys_group *open_group(struct dma_buf_phys_builder *b)
{
	struct dma_buf_phys_list *list = b->list;
	struct dma_buf_phys_group *last = NULL;

	if (list->nr_groups)
		last = &list->groups[list->nr_groups - 1];
	if (last && last->type == b->group.type &&
	    last->attr == b->group.attr && last->provider == b->group.provider)
		return last;

	if (list->nr_groups == b->max_groups) {
		unsigned int max = b->max_groups ? 2 * b->max_groups : 1;

		last = kvrealloc(list->groups, array_size(max, sizeof(*last)),
				 GFP_LIST);
		if (!last) {
			b->err = -ENOMEM;
			return NULL;
		}
		list->groups = last;
		b->max_groups = max;
	}
	last = &list->groups[list->nr_groups++];
	*last = b->group;
	last->offset = list->size;
	list->types |= BIT(last->type);
	return last;
}

static struct phys_frag *new_frag(struct dma_buf_phys_builder *b)
{
	struct dma_buf_phys_list *list = b->list;
	struct phys_frag *frags;
	size_t max;

	if (list->nr_frags + 1 < b->max_frags)
		return &list->frags[list->nr_frags++];

	if (check_mul_overflow(b->max_frags, 2, &max))
		frags = NULL;
	else
		frags = kvrealloc(list->frags, array_size(max, sizeof(*frags)),
				  GFP_LIST);
	if (!frags) {
		b->err = -ENOMEM;
		return NULL;
	}
	list->frags = frags;
	b->max_frags = max;
	return &frags[list->nr_frags++];
}

/**
 * dma_buf_phys_add_frag - append a physical range
 * @b: the builder
 * @paddr: where it starts, page aligned
 * @length: in bytes, a multiple of the page size, not 0
 *
 * The builder fails with -EINVAL if no group was added or @paddr or @length is
 * bad, with -EOVERFLOW if @paddr + @length or the sum of all lengths overflows,
 * with -ENOMEM.
 *
 * Context: may sleep.
 */
void dma_buf_phys_add_frag(struct dma_buf_phys_builder *b, phys_addr_t paddr,
			   u64 length)
{
	struct dma_buf_phys_list *list = b->list;
	struct dma_buf_phys_group *group;
	struct phys_frag *frag;
	phys_addr_t end;
	u64 size;

	if (b->err)
		return;
	if (!b->in_group || !length || !PAGE_ALIGNED(paddr) ||
	    !PAGE_ALIGNED(length)) {
		b->err = -EINVAL;
		return;
	}
	if (check_add_overflow(paddr, length, &end) ||
	    check_add_overflow(list->size, length, &size)) {
		b->err = -EOVERFLOW;
		return;
	}

	group = open_group(b);
	if (!group)
		return;
	frag = list->nr_frags ? &list->frags[list->nr_frags - 1] : NULL;
	if (!group->nr_frags || frag->paddr + (list->size - frag->offset) != paddr) {
		frag = new_frag(b);
		if (!frag)
			return;
		frag->offset = list->size;
		frag->paddr = paddr;
		group->nr_frags++;
	}
	group->length += length;
	group->last = max(group->last, end - 1);
	list->size = size;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_add_frag);

struct extent {
	phys_addr_t start;
	phys_addr_t end;
	bool encrypted;
};

static int cmp_extent(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return 0;
}

/*
 * An encrypted byte that is in the list twice would be a way around its
 * protection, the more so if the other place is not encrypted.
 */
static int check_encrypted(const struct dma_buf_phys_list *list)
{
	phys_addr_t end = 0, encrypted_end = 0;
	struct dma_buf_phys_iter iter;
	struct extent *ext;
	size_t i = 0;
	int ret = 0;

	if (!(list->types & BIT(DMA_BUF_PHYS_ENCRYPTED)))
		return 0;

	ext = kvmalloc_array(list->nr_frags, sizeof(*ext), GFP_LIST);
	if (!ext)
		return -ENOMEM;

	dma_buf_phys_for_each_frag(&iter, list, 0, list->size)
		ext[i++] = (struct extent){
			.start = iter.paddr,
			.end = iter.paddr + iter.length,
			.encrypted = iter.group->type == DMA_BUF_PHYS_ENCRYPTED,
		};
	sort(ext, list->nr_frags, sizeof(*ext), cmp_extent, NULL);
	for (i = 0; i < list->nr_frags && !ret; i++) {
		if (ext[i].start < encrypted_end ||
		    (ext[i].encrypted && ext[i].start < end))
			ret = -EINVAL;
		end = max(end, ext[i].end);
		if (ext[i].encrypted)
			encrypted_end = max(encrypted_end, ext[i].end);
	}
	kvfree(ext);
	return ret;
}

/* Merging may have left most of the array unused */
static void trim_frags(struct dma_buf_phys_builder *b)
{
	struct dma_buf_phys_list *list = b->list;
	size_t nr = list->nr_frags + 1;
	struct phys_frag *frags;

	if (b->max_frags / 2 <= nr)
		return;
	frags = kvmemdup(list->frags, array_size(nr, sizeof(*frags)), GFP_LIST);
	if (!frags)
		return;
	kvfree(list->frags);
	list->frags = frags;
}

/**
 * dma_buf_phys_seal - end a list
 * @b: the builder; not to be used any more, whatever is returned
 * @size: bytes the list must describe: the size of the dma-buf
 *
 * Context: may sleep.
 *
 * Return: the list, owned by the caller until given to the framework; or
 * -EINVAL if the list is empty, is not @size bytes long or has an encrypted
 * byte twice; or the first error met while building.
 */
struct dma_buf_phys_list *dma_buf_phys_seal(struct dma_buf_phys_builder *b,
					    u64 size)
{
	struct dma_buf_phys_list *list = b->list;

	if (!b->err && (!list->nr_frags || list->size != size))
		b->err = -EINVAL;
	if (!b->err) {
		list->frags[list->nr_frags] = (struct phys_frag){
			.offset = size,
		};
		b->err = check_encrypted(list);
	}
	if (b->err) {
		dma_buf_phys_abandon(b);
		return ERR_PTR(b->err);
	}
	trim_frags(b);
	b->list = NULL;
	return list;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_seal);

/**
 * dma_buf_phys_abandon - drop a list that is not sealed
 * @b: the builder
 */
void dma_buf_phys_abandon(struct dma_buf_phys_builder *b)
{
	dma_buf_phys_list_free(b->list);
	b->list = NULL;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_abandon);

/**
 * dma_buf_phys_list_free - free a list that was not given to the framework
 * @list: the list, or NULL
 */
void dma_buf_phys_list_free(struct dma_buf_phys_list *list)
{
	if (!list)
		return;
	WARN_ON(list->nr_mapped);
	kvfree(list->groups);
	kvfree(list->frags);
	kfree(list);
}
EXPORT_SYMBOL_GPL(dma_buf_phys_list_free);

/**
 * dma_buf_phys_list_size - bytes a list describes
 * @list: the list
 *
 * Return: the size of the dma-buf it belongs to.
 */
u64 dma_buf_phys_list_size(const struct dma_buf_phys_list *list)
{
	return list->size;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_list_size);

/**
 * dma_buf_phys_list_nr_frags - number of frags of a list
 * @list: the list
 *
 * Return: the number after merging, at least 1.
 */
size_t dma_buf_phys_list_nr_frags(const struct dma_buf_phys_list *list)
{
	return list->nr_frags;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_list_nr_frags);

/**
 * dma_buf_phys_list_groups - the groups of a list
 * @list: the list
 * @nr_groups: set to their number, at least 1
 *
 * Return: the groups in order of their offset; they live as long as the list.
 */
const struct dma_buf_phys_group *
dma_buf_phys_list_groups(const struct dma_buf_phys_list *list,
			 unsigned int *nr_groups)
{
	*nr_groups = list->nr_groups;
	return list->groups;
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_list_groups);

/* The last element whose offset is at most @offset: elements are sorted by it */
#define find_last_at(array, nr, off)                          \
	({                                                    \
		size_t __lo = 0, __hi = (nr);                 \
		while (__hi - __lo > 1) {                     \
			size_t __mid = __lo + (__hi - __lo) / 2; \
			if ((array)[__mid].offset <= (off))   \
				__lo = __mid;                 \
			else                                  \
				__hi = __mid;                 \
		}                                             \
		__lo;                                         \
	})

/* The frag that holds @offset, which is inside the list */
size_t phys_list_frag_at(const struct dma_buf_phys_list *list, u64 offset)
{
	return find_last_at(list->frags, list->nr_frags, offset);
}

/**
 * dma_buf_phys_iter_first - go to the first frag of a slice
 * @iter: the iterator
 * @list: the list
 * @offset: where the slice starts, bytes
 * @length: how long it is, bytes
 *
 * See dma_buf_phys_for_each_frag().
 *
 * Return: @iter, or NULL if the slice is empty or not inside the list.
 */
struct dma_buf_phys_iter *
dma_buf_phys_iter_first(struct dma_buf_phys_iter *iter,
			const struct dma_buf_phys_list *list, u64 offset,
			u64 length)
{
	const struct phys_frag *frag;
	u64 end;

	if (!length || check_add_overflow(offset, length, &end) ||
	    end > list->size)
		return NULL;

	iter->list = list;
	iter->offset = offset;
	iter->end = end;
	iter->frag = phys_list_frag_at(list, offset);
	iter->group = &list->groups[find_last_at(list->groups, list->nr_groups,
						 offset)];
	frag = &list->frags[iter->frag];
	iter->paddr = frag->paddr + (offset - frag->offset);
	iter->length = min(frag[1].offset, end) - offset;
	return iter;
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_iter_first);

/**
 * dma_buf_phys_iter_next - go to the next frag of a slice
 * @iter: the iterator, on a frag
 *
 * Return: @iter, or NULL if there is none.
 */
struct dma_buf_phys_iter *
dma_buf_phys_iter_next(struct dma_buf_phys_iter *iter)
{
	return phys_iter_next(iter);
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_iter_next);
