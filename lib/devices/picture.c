// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>

#include "nvme.h"
#include "picture.h"
#include "ranges.h"

uint64_t guard_word(uint64_t offset)
{
	/* Odd and never 0xd15c at the top: cannot be mistaken for the disk */
	return 0x6a2d000000000001ull + offset;
}

uint8_t guard_byte(uint64_t offset)
{
	return (uint8_t)(guard_word(offset & ~7ull) >> (offset & 7) * 8);
}

void guard_fill(void *bar, uint64_t offset, uint64_t length)
{
	volatile uint64_t *word = (uint64_t *)((uint8_t *)bar + offset);
	uint64_t i;

	for (i = 0; i < length; i += 8)
		*word++ = guard_word(offset + i);
}

static int check_word(const void *bar, uint64_t offset, uint64_t expected,
		      struct picture_wrong *wrong)
{
	uint64_t is = *(const volatile uint64_t *)((const uint8_t *)bar + offset);

	if (is == expected)
		return 0;
	*wrong = (struct picture_wrong) { offset, is, expected };
	return -EBADMSG;
}

int __guard_check(const void *bar, uint64_t offset, uint64_t length,
		  struct picture_wrong *wrong)
{
	uint64_t end = offset + length;
	int ret = 0;

	for (; offset < end && !ret; offset += 8)
		ret = check_word(bar, offset, guard_word(offset), wrong);
	return ret;
}

int __picture_start(struct picture *picture, void *bar, uint64_t size)
{
	uint64_t page;

	picture->bar = bar;
	picture->size = size;
	picture->disk = calloc(size / PAGE, sizeof(*picture->disk));
	if (!picture->disk)
		return -ENOMEM;
	for (page = 0; page < size / PAGE; page++)
		picture->disk[page] = PICTURE_GUARD;
	guard_fill(bar, 0, size);
	return 0;
}

void picture_free(struct picture *picture)
{
	free(picture->disk);
	picture->disk = NULL;
}

int __picture_disk(struct picture *picture,
		   const struct vfio_region_dma_range *ranges, size_t nr,
		   uint64_t start, uint64_t length, uint64_t disk)
{
	uint64_t at = 0, page;
	size_t i;

	for (i = 0; i < nr; i++) {
		for (page = 0; page < ranges[i].length; page += PAGE) {
			uint64_t bar = ranges[i].offset + page;

			if (at >= start && at < start + length) {
				if (bar >= picture->size)
					return -ERANGE;
				picture->disk[bar / PAGE] =
					(disk + at - start) % NVME_DISK_SIZE;
			}
			at += PAGE;
		}
	}
	return 0;
}

int __picture_check(const struct picture *picture, struct picture_wrong *wrong)
{
	uint64_t at, disk;
	int ret = 0;

	for (at = 0; at < picture->size && !ret; at += 8) {
		disk = picture->disk[at / PAGE];
		ret = check_word(picture->bar, at,
				 disk == PICTURE_GUARD ?
					 guard_word(at) :
					 NVME_DISK_WORD(disk + at % PAGE),
				 wrong);
	}
	return ret;
}
