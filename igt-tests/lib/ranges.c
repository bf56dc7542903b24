// SPDX-License-Identifier: MIT
/*
 * Ranges of a BAR, and what should be in them
 */
#include "igt_core.h"
#include "nvme.h"
#include "ranges.h"

static size_t reverse_bits(size_t value, size_t nr)
{
	size_t reversed = 0;

	for (; nr > 1; nr >>= 1) {
		reversed = reversed << 1 | (value & 1);
		value >>= 1;
	}
	return reversed;
}

struct vfio_region_dma_range *ranges_scattered(size_t nr, uint64_t start,
					       uint64_t length)
{
	struct vfio_region_dma_range *ranges = calloc(nr, sizeof(*ranges));
	size_t i;

	igt_assert(ranges);
	igt_assert_f(!(nr & (nr - 1)), "%zu is no power of two\n", nr);
	for (i = 0; i < nr; i++) {
		ranges[i].offset = start + 2 * reverse_bits(i, nr) * length;
		ranges[i].length = length;
	}
	return ranges;
}

uint64_t ranges_find(const struct vfio_region_dma_range *ranges, size_t nr,
		     uint64_t offset)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (offset < ranges[i].length)
			return ranges[i].offset + offset;
		offset -= ranges[i].length;
	}
	return UINT64_MAX;
}

uint64_t ranges_size(const struct vfio_region_dma_range *ranges, size_t nr)
{
	uint64_t size = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		size += ranges[i].length;
	return size;
}

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

void guard_check(const void *bar, uint64_t offset, uint64_t length)
{
	const volatile uint64_t *word =
		(const uint64_t *)((const uint8_t *)bar + offset);
	uint64_t i;

	for (i = 0; i < length; i += 8) {
		uint64_t is = *word++;

		igt_assert_f(is == guard_word(offset + i),
			     "byte 0x%" PRIx64 " of the BAR: 0x%" PRIx64
			     " instead of the guard pattern\n",
			     offset + i, is);
	}
}

void picture_start(struct picture *picture, void *bar, uint64_t size)
{
	uint64_t page;

	picture->bar = bar;
	picture->size = size;
	picture->disk = calloc(size / PAGE, sizeof(*picture->disk));
	igt_assert(picture->disk);
	for (page = 0; page < size / PAGE; page++)
		picture->disk[page] = PICTURE_GUARD;
	guard_fill(bar, 0, size);
}

void picture_free(struct picture *picture)
{
	free(picture->disk);
	picture->disk = NULL;
}

void picture_disk(struct picture *picture,
		  const struct vfio_region_dma_range *ranges, size_t nr,
		  uint64_t start, uint64_t length, uint64_t disk)
{
	uint64_t at = 0, page;
	size_t i;

	for (i = 0; i < nr; i++) {
		for (page = 0; page < ranges[i].length; page += PAGE) {
			uint64_t bar = ranges[i].offset + page;

			if (at >= start && at < start + length) {
				igt_assert(bar < picture->size);
				picture->disk[bar / PAGE] =
					(disk + at - start) % NVME_DISK_SIZE;
			}
			at += PAGE;
		}
	}
}

void picture_check(const struct picture *picture)
{
	uint64_t page, i;

	for (page = 0; page < picture->size / PAGE; page++) {
		const volatile uint64_t *word =
			(uint64_t *)(picture->bar + page * PAGE);
		uint64_t disk = picture->disk[page];

		if (disk == PICTURE_GUARD) {
			guard_check(picture->bar, page * PAGE, PAGE);
			continue;
		}
		for (i = 0; i < PAGE; i += 8) {
			uint64_t is = *word++;

			igt_assert_f(is == NVME_DISK_WORD(disk + i),
				     "byte 0x%" PRIx64 " of the BAR: 0x%" PRIx64
				     " instead of 0x%" PRIx64 "\n",
				     page * PAGE + i, is,
				     (uint64_t)NVME_DISK_WORD(disk + i));
		}
	}
}
