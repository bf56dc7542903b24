/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BAR_RANGES_H
#define BAR_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* What VFIO takes in one dma-buf */
#define BAR_RANGES_MAX (1u << 20)

/* Long enough for every error below */
#define BAR_RANGES_ERROR 256

/**
 * struct bar_range - bytes of a BAR
 * @bar: 0 to 5
 * @offset: of the first, in the BAR
 * @length: 0 if all of the BAR is meant and its size is not known yet
 */
struct bar_range {
	unsigned int bar;
	uint64_t offset;
	uint64_t length;
};

/**
 * struct bar_ranges - what the user wants of a device
 * @range: in the order of the dma-buf
 * @nr: number of them
 * @size: bytes in all, known after bar_ranges_resolve()
 */
struct bar_ranges {
	struct bar_range *range;
	size_t nr;
	uint64_t size;
};

/**
 * bar_ranges_parse - understand "bar2:0-16M,bar2:32M+4K,bar0"
 * @ranges: filled in; to be given to bar_ranges_free()
 * @text: ranges from start to end (exclusive) or start and length, or whole BARs
 * @error: receives what is wrong with which part
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int bar_ranges_parse(struct bar_ranges *ranges, const char *text,
		     char error[BAR_RANGES_ERROR]);

/**
 * bar_ranges_resolve - put in the lengths of whole BARs, and check the rest
 * @ranges: parsed
 * @bar_size: sizes of BARs 0 to 5, bytes, 0 for those that are not memory
 * @page_size: bytes
 * @error: receives what is wrong with which range
 *
 * Return: 0 or -EINVAL.
 */
int bar_ranges_resolve(struct bar_ranges *ranges, const uint64_t bar_size[6],
		       uint64_t page_size, char error[BAR_RANGES_ERROR]);

/**
 * bar_ranges_list - which BARs there are to be exported, "there are bar0 (1M), bar2 (64M)"
 * @bar_size: see bar_ranges_resolve()
 * @page_size: bytes; a BAR that is smaller cannot be exported
 * @text: receives it
 */
void bar_ranges_list(const uint64_t bar_size[6], uint64_t page_size,
		     char text[BAR_RANGES_ERROR]);

/** bar_ranges_free - harmless if bar_ranges_parse() has failed */
void bar_ranges_free(struct bar_ranges *ranges);

#endif /* BAR_RANGES_H */
