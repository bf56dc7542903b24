/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_RANGES_H
#define DEVICES_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "uapi.h"

#define KiB(n) ((uint64_t)(n) << 10)
#define MiB(n) ((uint64_t)(n) << 20)
#define GiB(n) ((uint64_t)(n) << 30)
#define PAGE KiB(4)

/**
 * __ranges_scattered - ranges that never touch each other and are out of order
 * @nr: how many, a power of two
 * @start: offset of the first page that may be used
 * @length: of each range, bytes
 *
 * Range i is at slot 2 * reverse_bits(i), so every other slot of @length bytes
 * is a gap that nobody may write to, and no two ranges can be merged.
 *
 * Return: array to free(), which spans 2 * @nr * @length bytes; NULL if @nr is no
 * power of two or there is no memory.
 */
struct vfio_region_dma_range *__ranges_scattered(size_t nr, uint64_t start,
						 uint64_t length);

/**
 * ranges_find - where a byte of the dma-buf is in the BAR
 * @ranges: of the dma-buf
 * @nr: number of them
 * @offset: in the dma-buf
 *
 * Return: offset in the BAR, UINT64_MAX if the dma-buf is shorter.
 */
uint64_t ranges_find(const struct vfio_region_dma_range *ranges, size_t nr,
		     uint64_t offset);

/** ranges_size - size of the dma-buf made of @nr @ranges, bytes */
uint64_t ranges_size(const struct vfio_region_dma_range *ranges, size_t nr);

#endif /* DEVICES_RANGES_H */
