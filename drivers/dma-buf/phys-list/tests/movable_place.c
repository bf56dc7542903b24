// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a buffer of the movable exporter can be: pages of system memory, pages
 * of the BAR, or one half in each.
 *
 * Every move goes to a fresh place, and no page of a place is followed by its
 * neighbour in physical memory: so an access that comes late finds other bytes,
 * and a list has as many frags as pages.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "movable.h"

static bool movable_in_bar(const struct movable_place *place, unsigned int i)
{
	return i - place->bar_first < place->bar_nr;
}

/* Downwards */
static u64 movable_bar_offset(const struct movable_place *place, unsigned int i)
{
	return PFN_PHYS(place->bar_at + place->bar_nr - 1 -
			(i - place->bar_first));
}

/* Not where anything was a short while ago */
static int movable_alloc_bar(struct movable_bar *bar,
			     struct movable_place *place)
{
	unsigned long at;

	if (!place->bar_nr)
		return 0;

	guard(spinlock)(&bar->lock);
	at = bitmap_find_next_zero_area(bar->used, bar->nr_pages, bar->next,
					place->bar_nr, 0);
	if (at >= bar->nr_pages)
		at = bitmap_find_next_zero_area(bar->used, bar->nr_pages, 0,
						place->bar_nr, 0);
	if (at >= bar->nr_pages)
		return -ENOSPC;
	bitmap_set(bar->used, at, place->bar_nr);
	place->bar_at = at;
	bar->next = at + place->bar_nr;
	return 0;
}

static void movable_free_bar(struct movable_bar *bar,
			     const struct movable_place *place)
{
	if (!place->bar_nr)
		return;
	guard(spinlock)(&bar->lock);
	bitmap_clear(bar->used, place->bar_at, place->bar_nr);
}

/* Downwards */
static int movable_cmp_page(const void *a, const void *b)
{
	unsigned long x = page_to_pfn(*(struct page *const *)a);
	unsigned long y = page_to_pfn(*(struct page *const *)b);

	return x < y ? 1 : -1;
}

static int movable_alloc_system(struct movable_place *place)
{
	unsigned int first = place->bar_first ? 0 : place->bar_nr;
	unsigned int nr = place->nr_pages - place->bar_nr;
	unsigned int i;

	if (!nr)
		return 0;
	for (i = first; i < first + nr; i++) {
		/* An importer that does not wait for the copy sees zeroes */
		place->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!place->pages[i])
			return -ENOMEM;
	}
	sort(&place->pages[first], nr, sizeof(place->pages[0]),
	     movable_cmp_page, NULL);
	return 0;
}

static void movable_free_system(struct movable_place *place)
{
	unsigned int i;

	for (i = 0; i < place->nr_pages; i++)
		if (place->pages[i])
			__free_page(place->pages[i]);
}

/**
 * movable_place_new - memory for a buffer, ordinary where it is not in the BAR
 * @bar: the device's
 * @nr_pages: how much, at least 2
 * @placement: %DMA_BUF_MOVABLE_SYSTEM and so on
 *
 * Return: it, or an ERR_PTR: -ENOSPC if it is the BAR that is full, -ENOMEM.
 */
struct movable_place *movable_place_new(struct movable_bar *bar,
					unsigned int nr_pages, u32 placement)
{
	struct movable_place *place;
	int ret;

	place = kzalloc_flex(*place, pages, nr_pages);
	if (!place)
		return ERR_PTR(-ENOMEM);
	place->placement = placement;
	place->nr_pages = nr_pages;
	place->type = DMA_BUF_PHYS_CPU;
	place->attr = DMA_BUF_PHYS_WB;
	if (placement == DMA_BUF_MOVABLE_BAR)
		place->bar_nr = nr_pages;
	else if (placement != DMA_BUF_MOVABLE_SYSTEM)
		place->bar_nr = nr_pages / 2;
	if (placement == DMA_BUF_MOVABLE_SYSTEM_BAR)
		place->bar_first = nr_pages - place->bar_nr;

	ret = movable_alloc_bar(bar, place);
	if (ret)
		goto err_free;
	ret = movable_alloc_system(place);
	if (ret)
		goto err_bar;
	return place;

err_bar:
	movable_free_system(place);
	movable_free_bar(bar, place);
err_free:
	kfree(place);
	return ERR_PTR(ret);
}

/**
 * movable_place_free - give memory back that nobody has mapped
 * @bar: the device's
 * @place: the memory
 */
void movable_place_free(struct movable_bar *bar, struct movable_place *place)
{
	movable_free_system(place);
	movable_free_bar(bar, place);
	kfree(place);
}

/**
 * movable_place_list - the physical list of a place
 * @bar: the device's
 * @place: the memory
 *
 * Return: a sealed list, or an ERR_PTR.
 */
struct dma_buf_phys_list *
movable_place_list(const struct movable_bar *bar,
		   const struct movable_place *place)
{
	struct dma_buf_phys_builder b;
	unsigned int i;

	dma_buf_phys_build(&b, place->nr_pages);
	for (i = 0; i < place->nr_pages; i++) {
		if (movable_in_bar(place, i)) {
			dma_buf_phys_add_group(&b, DMA_BUF_PHYS_P2P,
					       DMA_BUF_PHYS_UC, bar->provider);
			dma_buf_phys_add_frag(&b, bar->start +
					      movable_bar_offset(place, i),
					      PAGE_SIZE);
		} else {
			dma_buf_phys_add_group(&b, place->type, place->attr,
					       NULL);
			dma_buf_phys_add_frag(&b, page_to_phys(place->pages[i]),
					      PAGE_SIZE);
		}
	}
	return dma_buf_phys_seal(&b, PFN_PHYS(place->nr_pages));
}

/**
 * movable_place_read - copy bytes of a page from a place, by the CPU
 * @bar: the device's
 * @place: the place
 * @i: which of its pages
 * @at: offset in that page
 * @to: where to
 * @n: how many bytes, within the page
 *
 * Takes no locks and allocates nothing.
 */
void movable_place_read(const struct movable_bar *bar,
			const struct movable_place *place, unsigned int i,
			size_t at, void *to, size_t n)
{
	if (movable_in_bar(place, i))
		memcpy_fromio(to, bar->regs + movable_bar_offset(place, i) + at,
			      n);
	else
		memcpy(to, page_address(place->pages[i]) + at, n);
}

/**
 * movable_place_write - the same to a place
 * @bar: the device's
 * @place: the place
 * @i: which of its pages
 * @at: offset in that page
 * @from: where from
 * @n: how many bytes, within the page
 */
void movable_place_write(const struct movable_bar *bar,
			 const struct movable_place *place, unsigned int i,
			 size_t at, const void *from, size_t n)
{
	if (movable_in_bar(place, i))
		memcpy_toio(bar->regs + movable_bar_offset(place, i) + at, from,
			    n);
	else
		memcpy(page_address(place->pages[i]) + at, from, n);
}
