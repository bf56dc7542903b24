/* SPDX-License-Identifier: MIT */
/*
 * What should be in a BAR: a guard pattern, in which each word tells its offset, and
 * parts of the VMs' disk, in which each word tells where on the disk it is from
 */
#ifndef DEVICES_PICTURE_H
#define DEVICES_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "uapi.h"

/**
 * struct picture_wrong - the first word that is not as it should be
 * @offset: offset in the BAR, bytes
 * @is: what is there
 * @expected: what should be there
 */
struct picture_wrong {
	uint64_t offset;
	uint64_t is;
	uint64_t expected;
};

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

/**
 * __picture_start - fill a part of a BAR with the guard pattern
 * @picture: filled in; to be freed by picture_free()
 * @bar: CPU mapping of the BAR
 * @size: size of the part, from the BAR's start, bytes, page-aligned
 *
 * Return: 0 or -ENOMEM.
 */
int __picture_start(struct picture *picture, void *bar, uint64_t size);

/** picture_free - forget it */
void picture_free(struct picture *picture);

/**
 * __picture_disk - note that a slice of a dma-buf was read from the disk
 * @picture: the picture
 * @ranges: of the dma-buf, offsets into the BAR
 * @nr: number of them
 * @start: of the slice, page-aligned
 * @length: of the slice, bytes, page-aligned
 * @disk: offset on the disk that went to @start
 *
 * Return: 0, or -ERANGE if the slice is not all in the picture.
 */
int __picture_disk(struct picture *picture,
		   const struct vfio_region_dma_range *ranges, size_t nr,
		   uint64_t start, uint64_t length, uint64_t disk);

/**
 * __picture_check - compare every byte, guards included
 * @picture: the picture
 * @wrong: receives the first word that differs
 *
 * Return: 0, or -EBADMSG if one does.
 */
int __picture_check(const struct picture *picture, struct picture_wrong *wrong);

/** guard_word - what the guard pattern is at an offset of the BAR */
uint64_t guard_word(uint64_t offset);

/** guard_byte - the same by bytes, at any offset */
uint8_t guard_byte(uint64_t offset);

/** guard_fill - write the guard pattern */
void guard_fill(void *bar, uint64_t offset, uint64_t length);

/**
 * __guard_check - see whether the guard pattern is still there
 * @bar: CPU mapping of the BAR
 * @offset: start of the part to look at, bytes, a multiple of 8
 * @length: length of the part, bytes, a multiple of 8
 * @wrong: receives the first word that differs
 *
 * Return: 0, or -EBADMSG if one does.
 */
int __guard_check(const void *bar, uint64_t offset, uint64_t length,
		  struct picture_wrong *wrong);

#endif /* DEVICES_PICTURE_H */
