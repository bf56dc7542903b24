// SPDX-License-Identifier: MIT
/*
 * Ranges of a BAR, and what should be in them
 */
#include <inttypes.h>

#include "igt_core.h"
#include "ranges.h"

struct vfio_region_dma_range *ranges_scattered(size_t nr, uint64_t start,
					       uint64_t length)
{
	struct vfio_region_dma_range *ranges =
		__ranges_scattered(nr, start, length);

	igt_assert_f(ranges, "no %zu ranges: out of memory, or no power of two\n",
		     nr);
	return ranges;
}

static void expect(int ret, const struct picture_wrong *wrong)
{
	igt_assert_f(!ret,
		     "byte 0x%" PRIx64 " of the BAR: 0x%" PRIx64
		     " instead of 0x%" PRIx64 "\n",
		     wrong->offset, wrong->is, wrong->expected);
}

void guard_check(const void *bar, uint64_t offset, uint64_t length)
{
	struct picture_wrong wrong = {};

	expect(__guard_check(bar, offset, length, &wrong), &wrong);
}

void picture_start(struct picture *picture, void *bar, uint64_t size)
{
	igt_assert_eq(__picture_start(picture, bar, size), 0);
}

void picture_disk(struct picture *picture,
		  const struct vfio_region_dma_range *ranges, size_t nr,
		  uint64_t start, uint64_t length, uint64_t disk)
{
	igt_assert_eq(__picture_disk(picture, ranges, nr, start, length, disk), 0);
}

void picture_check(const struct picture *picture)
{
	struct picture_wrong wrong = {};

	expect(__picture_check(picture, &wrong), &wrong);
}
