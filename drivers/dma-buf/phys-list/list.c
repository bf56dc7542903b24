// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical lists: building, checking, walking.
 *
 * A list is built once by its exporter, checked while it is built and immutable
 * after dma_buf_phys_seal(). Everything else relies on these invariants:
 *
 *  - there is at least one frag, and no frag is empty;
 *  - every frag starts and ends on a page boundary, and paddr + length does not
 *    overflow;
 *  - the lengths of the frags add up to the size of the dma-buf;
 *  - adjacent groups differ, and consecutive frags of a group are not
 *    physically contiguous: both are merged when they are added;
 *  - a group has a provider if and only if its type is P2P;
 *  - no byte of an encrypted group occurs twice.
 *
 * Bytes of other groups may occur more than once. A ring buffer mapped twice in
 * a row, for instance, is legitimate and harmless.
 *
 * Throughout, "offset" is a position in the dma-buf in bytes and "end" is
 * exclusive.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "internal.h"

/* Charged to the caller. nr_frags may come from userspace: fail quietly. */
#define PHYS_LIST_GFP (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/**
 * dma_buf_phys_build - start building a list
 * @b: the builder to initialise
 * @nr_frags: expected number of frags, a hint for the allocation
 *
 * Must be followed by dma_buf_phys_seal() or dma_buf_phys_abandon().
 *
 * Context: may sleep.
 */
void dma_buf_phys_build(struct dma_buf_phys_builder *b, size_t nr_frags)
{
	struct dma_buf_phys_list *list;

	*b = (struct dma_buf_phys_builder){ .err = -ENOMEM };
	list = kzalloc_obj(*list, PHYS_LIST_GFP);
	if (!list)
		return;

	b->list = list;
	/* Plus one for the sentinel */
	if (check_add_overflow(nr_frags, 1, &b->max_frags))
		return;
	list->frags = kvmalloc_array(b->max_frags, sizeof(*list->frags),
				     PHYS_LIST_GFP);
	if (list->frags)
		b->err = 0;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_build);

/**
 * dma_buf_phys_add_group - set the properties of the frags that follow
 * @b: the builder
 * @type: type of the memory
 * @attr: memory attribute
 * @provider: P2P provider of the BAR for %DMA_BUF_PHYS_P2P, otherwise NULL
 *
 * A group with the same properties as the previous one extends it, and a group
 * without frags is dropped.
 *
 * The builder fails with -EINVAL if @type or @attr is out of range, or if
 * @provider does not match @type.
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

/* Returns the group that the next frag belongs to, or NULL with b->err set */
static struct dma_buf_phys_group *phys_list_open_group(struct dma_buf_phys_builder *b)
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
				 PHYS_LIST_GFP);
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

static struct dma_buf_phys_frag *phys_list_new_frag(struct dma_buf_phys_builder *b)
{
	struct dma_buf_phys_list *list = b->list;
	struct dma_buf_phys_frag *frags;
	size_t max;

	if (list->nr_frags + 1 < b->max_frags)
		return &list->frags[list->nr_frags++];

	if (check_mul_overflow(b->max_frags, 2, &max))
		frags = NULL;
	else
		frags = kvrealloc(list->frags, array_size(max, sizeof(*frags)),
				  PHYS_LIST_GFP);
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
 * @paddr: physical address of the first byte, page aligned
 * @length: length in bytes, page aligned and not 0
 *
 * The builder fails with -EINVAL if there is no group yet or if @paddr or
 * @length is invalid, with -EOVERFLOW if @paddr + @length or the size of the
 * list overflows, and with -ENOMEM.
 *
 * Context: may sleep.
 */
void dma_buf_phys_add_frag(struct dma_buf_phys_builder *b, phys_addr_t paddr,
			   u64 length)
{
	struct dma_buf_phys_list *list = b->list;
	struct dma_buf_phys_group *group;
	struct dma_buf_phys_frag *frag;
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

	group = phys_list_open_group(b);
	if (!group)
		return;
	frag = list->nr_frags ? &list->frags[list->nr_frags - 1] : NULL;
	if (!group->nr_frags || frag->paddr + (list->size - frag->offset) != paddr) {
		frag = phys_list_new_frag(b);
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

/* A frag by its physical addresses; @end is exclusive */
struct phys_extent {
	phys_addr_t start;
	phys_addr_t end;
	bool encrypted;
};

static int phys_extent_cmp(const void *a, const void *b)
{
	const struct phys_extent *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return 0;
}

/*
 * Listing a byte of an encrypted group again would bypass its protection,
 * especially if the second occurrence is in a group that is not encrypted.
 */
static int phys_list_check_encrypted(const struct dma_buf_phys_list *list)
{
	phys_addr_t end = 0, encrypted_end = 0;
	struct dma_buf_phys_iter iter;
	struct phys_extent *ext;
	size_t i = 0;
	int ret = 0;

	if (!(list->types & BIT(DMA_BUF_PHYS_ENCRYPTED)))
		return 0;

	ext = kvmalloc_array(list->nr_frags, sizeof(*ext), PHYS_LIST_GFP);
	if (!ext)
		return -ENOMEM;

	dma_buf_phys_for_each_frag(&iter, list, 0, list->size)
		ext[i++] = (struct phys_extent){
			.start = iter.paddr,
			.end = iter.paddr + iter.length,
			.encrypted = iter.group->type == DMA_BUF_PHYS_ENCRYPTED,
		};
	sort(ext, list->nr_frags, sizeof(*ext), phys_extent_cmp, NULL);
	for (i = 0; i < list->nr_frags && !ret; i++) {
		if (ext[i].start < encrypted_end ||
		    (ext[i].encrypted && ext[i].start < end))
			ret = -EINVAL;
		end = max(end, ext[i].end);
		/* It does not overlap those before it, so its end is the highest */
		if (ext[i].encrypted)
			encrypted_end = ext[i].end;
	}
	kvfree(ext);
	return ret;
}

/* Merging may leave most of the array unused */
static void phys_list_trim(struct dma_buf_phys_builder *b)
{
	struct dma_buf_phys_list *list = b->list;
	size_t nr = list->nr_frags + 1;
	struct dma_buf_phys_frag *frags;

	if (b->max_frags / 2 <= nr)
		return;
	frags = kvmemdup(list->frags, array_size(nr, sizeof(*frags)), PHYS_LIST_GFP);
	if (!frags)
		return;
	kvfree(list->frags);
	list->frags = frags;
}

/**
 * dma_buf_phys_seal - check and finish a list
 * @b: the builder; finished, even if this fails
 * @size: size of the dma-buf in bytes, which the list has to describe exactly
 *
 * Context: may sleep.
 *
 * Return: the list, owned by the caller until it is handed to the framework;
 * the first error met while building; or -EINVAL if the list is empty, does not
 * describe exactly @size bytes, or lists a byte of an encrypted group twice.
 */
struct dma_buf_phys_list *dma_buf_phys_seal(struct dma_buf_phys_builder *b,
					    u64 size)
{
	struct dma_buf_phys_list *list = b->list;

	if (!b->err && (!list->nr_frags || list->size != size))
		b->err = -EINVAL;
	if (!b->err) {
		list->frags[list->nr_frags] = (struct dma_buf_phys_frag){
			.offset = size,
		};
		b->err = phys_list_check_encrypted(list);
	}
	if (b->err) {
		dma_buf_phys_abandon(b);
		return ERR_PTR(b->err);
	}
	phys_list_trim(b);
	b->list = NULL;
	return list;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_seal);

/**
 * dma_buf_phys_abandon - discard an unfinished list
 * @b: the builder
 */
void dma_buf_phys_abandon(struct dma_buf_phys_builder *b)
{
	dma_buf_phys_list_free(b->list);
	b->list = NULL;
}
EXPORT_SYMBOL_GPL(dma_buf_phys_abandon);

/**
 * dma_buf_phys_list_free - free a list that the framework does not own
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
 * dma_buf_phys_list_groups - get the groups of a list
 * @list: the list
 * @nr_groups: set to the number of groups, at least 1
 *
 * Return: the groups sorted by offset, valid for as long as the list is.
 */
const struct dma_buf_phys_group *
dma_buf_phys_list_groups(const struct dma_buf_phys_list *list,
			 unsigned int *nr_groups)
{
	*nr_groups = list->nr_groups;
	return list->groups;
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_list_groups);

/* Index of the last element of a sorted array whose offset is at most @off */
#define phys_find_last_at(array, nr, off)                          \
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

/*
 * Index of the frag that contains @offset, which must be inside the list, or of
 * the sentinel if it is the end of the list
 */
size_t dma_buf_phys_frag_at(const struct dma_buf_phys_list *list, u64 offset)
{
	if (offset == list->size)
		return list->nr_frags;
	return offset ? phys_find_last_at(list->frags, list->nr_frags, offset) : 0;
}

/* The group that contains @offset, which must be inside the list */
const struct dma_buf_phys_group *
dma_buf_phys_group_at(const struct dma_buf_phys_list *list, u64 offset)
{
	return &list->groups[phys_find_last_at(list->groups, list->nr_groups,
					       offset)];
}

/**
 * dma_buf_phys_iter_first - get the first frag of a slice
 * @iter: the iterator
 * @list: the list
 * @offset: position of the slice in the dma-buf in bytes
 * @length: length of the slice in bytes
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
	const struct dma_buf_phys_frag *frag;
	u64 end;

	if (!length || check_add_overflow(offset, length, &end) ||
	    end > list->size)
		return NULL;

	iter->offset = offset;
	iter->end = end;
	iter->group = dma_buf_phys_group_at(list, offset);
	frag = &list->frags[dma_buf_phys_frag_at(list, offset)];
	iter->frag = frag;
	iter->paddr = frag->paddr + (offset - frag->offset);
	iter->length = min(frag[1].offset, end) - offset;
	return iter;
}
EXPORT_SYMBOL_FOR_IMPORTERS(dma_buf_phys_iter_first);
