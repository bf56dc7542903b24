// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "sizes.h"
#include "units.h"

int sizes_parse(const char *text, uint64_t sizes[SIZES_MAX], size_t *nr)
{
	char one[UNITS_TEXT];
	size_t length;

	for (*nr = 0; ; text += length + 1) {
		length = strcspn(text, ",");
		if (*nr == SIZES_MAX)
			return -E2BIG;
		if (length >= sizeof(one))
			return -EINVAL;
		memcpy(one, text, length);
		one[length] = 0;
		if (parse_size(one, &sizes[*nr]) || !sizes[*nr])
			return -EINVAL;
		++*nr;
		if (!text[length])
			return 0;
	}
}

size_t sizes_sweep(uint64_t from, uint64_t to, uint64_t sizes[SIZES_MAX])
{
	size_t nr = 0;

	for (; from && from <= to && nr < SIZES_MAX; from <<= 1)
		sizes[nr++] = from;
	return nr;
}
