/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEMO_BYTES_H
#define DEMO_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "devices/ranges.h"

/**
 * text_fill - text that can be recognised in a hex dump
 * @buf: receives it
 * @len: bytes, a multiple of 16
 * @word: 4 characters that name the occasion
 */
void text_fill(void *buf, size_t len, const char *word);

/**
 * hex_dump - print bytes of a BAR, 16 a line
 * @bar: the BAR
 * @offset: of the first byte
 * @len: bytes, a multiple of 16
 * @what: comment for the first line
 */
void hex_dump(const uint8_t *bar, uint64_t offset, size_t len,
	      const char *what);

/**
 * bytes_check - compare a slice of a dma-buf with what should be in it
 * @bar: CPU's view of the BAR
 * @ranges: of the dma-buf
 * @nr: number of them
 * @start: of the slice in the dma-buf
 * @want: what should be there
 * @len: bytes
 */
void bytes_check(const uint8_t *bar, const struct vfio_region_dma_range *ranges,
		 size_t nr, uint64_t start, const void *want, size_t len);

/**
 * bytes_reset - put the guard pattern back where bytes_check() looked
 * @bar: CPU's view of the BAR
 * @ranges: of the dma-buf
 * @nr: number of them
 * @start: of the slice in the dma-buf
 * @len: bytes, both in multiples of 8
 */
void bytes_reset(uint8_t *bar, const struct vfio_region_dma_range *ranges,
		 size_t nr, uint64_t start, size_t len);

#endif /* DEMO_BYTES_H */
