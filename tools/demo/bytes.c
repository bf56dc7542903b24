// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "devices/picture.h"
#include "fail.h"
#include "report.h"

void text_fill(void *buf, size_t len, const char *word)
{
	char line[32];
	size_t i;

	for (i = 0; i < len; i += 16) {
		snprintf(line, sizeof(line), "%.4s byte 0x%04zx ", word, i);
		memcpy((char *)buf + i, line, 16);
	}
}

void hex_dump(const uint8_t *bar, uint64_t offset, size_t len, const char *what)
{
	const volatile uint8_t *from = bar + offset;
	size_t i, j;

	for (i = 0; i < len; i += 16) {
		char hex[64], text[17];

		for (j = 0; j < 16; j++) {
			uint8_t byte = from[i + j];

			snprintf(hex + 3 * j, 4, "%02x ", byte);
			text[j] = (char)(isprint(byte) ? byte : '.');
		}
		text[16] = 0;
		faint("%08" PRIx64 "  %s |%s|%s%s", offset + i, hex, text,
		      i ? "" : "  ", i ? "" : what);
	}
}

void bytes_check(const uint8_t *bar, const struct vfio_region_dma_range *ranges,
		 size_t nr, uint64_t start, const void *want, size_t len)
{
	const uint8_t *expected = want;
	size_t i;

	for (i = 0; i < len; i++) {
		uint64_t at = ranges_find(ranges, nr, start + i);
		uint8_t is = ((const volatile uint8_t *)bar)[at];

		if (is == expected[i])
			continue;
		fail("the DMA went to the wrong place or nowhere: look for DMAR lines in the console log",
		     "byte 0x%" PRIx64 " of the BAR is 0x%02x instead of 0x%02x, byte 0x%" PRIx64
		     " of the dma-buf",
		     at, is, expected[i], start + i);
	}
}

void bytes_reset(uint8_t *bar, const struct vfio_region_dma_range *ranges,
		 size_t nr, uint64_t start, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += 8)
		guard_fill(bar, ranges_find(ranges, nr, start + i), 8);
}
