/* SPDX-License-Identifier: MIT */
#ifndef LIB_RANGES_H
#define LIB_RANGES_H

#include <stddef.h>
#include <stdint.h>

#include "devices/uapi.h"

#define KiB(n) ((uint64_t)(n) << 10)
#define MiB(n) ((uint64_t)(n) << 20)
#define GiB(n) ((uint64_t)(n) << 30)
#define PAGE KiB(4)

/**
 * ranges_scattered - ranges that never touch each other and are out of order
 * @nr: how many, a power of two
 * @start: offset of the first page that may be used
 * @length: of each range, bytes
 *
 * Range i is at slot 2 * reverse_bits(i), so every other slot of @length bytes
 * is a gap that nobody may write to, and no two ranges can be merged.
 *
 * Return: array to free(). It spans 2 * @nr * @length bytes.
 */
struct vfio_region_dma_range *ranges_scattered(size_t nr, uint64_t start,
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

/**
 * struct picture - what every page of a part of a BAR should contain
 * @bar: CPU mapping of the BAR
 * @size: of the part, from the BAR's start, bytes
 * @disk: per page, offset on the NVMe disk its bytes came from, or
 *	%PICTURE_GUARD
 */
struct picture {
	uint8_t *bar;
	uint64_t size;
	uint64_t *disk;
};

#define PICTURE_GUARD UINT64_MAX

/** picture_start - fill @size bytes of a BAR with the guard pattern */
void picture_start(struct picture *picture, void *bar, uint64_t size);

/** picture_free - forget it */
void picture_free(struct picture *picture);

/**
 * picture_disk - note that a slice of a dma-buf was read from the disk
 * @picture: the picture
 * @ranges: of the dma-buf, offsets into the BAR
 * @nr: number of them
 * @start: of the slice, page-aligned
 * @length: of the slice, bytes, page-aligned
 * @disk: offset on the disk that went to @start
 */
void picture_disk(struct picture *picture,
		  const struct vfio_region_dma_range *ranges, size_t nr,
		  uint64_t start, uint64_t length, uint64_t disk);

/**
 * picture_check - compare every byte, guards included
 * @picture: the picture
 *
 * Fails the test naming the first wrong word.
 */
void picture_check(const struct picture *picture);

/** guard_word - what the guard pattern is at an offset of the BAR */
uint64_t guard_word(uint64_t offset);

/** guard_byte - the same by bytes, at any offset */
uint8_t guard_byte(uint64_t offset);

/** guard_fill - write the guard pattern */
void guard_fill(void *bar, uint64_t offset, uint64_t length);

/** guard_check - fail the test unless the guard pattern is still there */
void guard_check(const void *bar, uint64_t offset, uint64_t length);

#endif /* LIB_RANGES_H */
