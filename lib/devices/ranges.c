// SPDX-License-Identifier: MIT
#include <stdlib.h>

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

struct vfio_region_dma_range *__ranges_scattered(size_t nr, uint64_t start,
						 uint64_t length)
{
	struct vfio_region_dma_range *ranges;
	size_t i;

	if (nr & (nr - 1))
		return NULL;
	ranges = calloc(nr, sizeof(*ranges));
	if (!ranges)
		return NULL;
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
