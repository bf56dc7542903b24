// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bar_ranges.h"
#include "units.h"

__attribute__((format(printf, 2, 3)))
static int wrong(char error[BAR_RANGES_ERROR], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error, BAR_RANGES_ERROR, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* @part is one range, and is written to */
static int parse_range(struct bar_range *range, char *part, char *error)
{
	char *at = strchr(part, ':'), *to, sign;
	uint64_t second;

	if (at)
		*at++ = 0;
	if (strncasecmp(part, "bar", 3) || strlen(part) != 4 ||
	    part[3] < '0' || part[3] > '5')
		return wrong(error, "'%s' is not one of bar0 to bar5", part);
	*range = (struct bar_range){ .bar = (unsigned int)(part[3] - '0') };
	if (!at)
		return 0;

	to = strpbrk(at, "-+");
	if (!to)
		return wrong(error,
			     "'%s' is neither START-END nor START+LENGTH", at);
	sign = *to;
	*to++ = 0;
	if (parse_size(at, &range->offset) || parse_size(to, &second))
		return wrong(error, "'%s%c%s': no such sizes", at, sign, to);
	if (sign == '-' && second <= range->offset)
		return wrong(error, "'%s-%s' ends before it starts", at, to);
	range->length = sign == '-' ? second - range->offset : second;
	if (!range->length)
		return wrong(error, "'%s+%s' is empty", at, to);
	if (range->length > UINT64_MAX - range->offset)
		return wrong(error, "'%s+%s': the end overflows", at, to);
	return 0;
}

int bar_ranges_parse(struct bar_ranges *ranges, const char *text,
		     char error[BAR_RANGES_ERROR])
{
	char *copy = strdup(text), *rest = copy, *part;
	size_t room = 1;
	const char *at;
	int ret = 0;

	memset(ranges, 0, sizeof(*ranges));
	for (at = text; *at; at++)
		room += *at == ',';
	ranges->range = calloc(room, sizeof(*ranges->range));
	if (!copy || !ranges->range) {
		snprintf(error, BAR_RANGES_ERROR, "out of memory");
		ret = -ENOMEM;
	} else if (room > BAR_RANGES_MAX) {
		ret = wrong(error, "%zu ranges; a dma-buf takes %u", room,
			    BAR_RANGES_MAX);
	}
	while (!ret && (part = strsep(&rest, ",")))
		ret = parse_range(&ranges->range[ranges->nr++], part, error);
	free(copy);
	if (ret)
		bar_ranges_free(ranges);
	return ret;
}

int bar_ranges_resolve(struct bar_ranges *ranges, const uint64_t bar_size[6],
		       uint64_t page_size, char error[BAR_RANGES_ERROR])
{
	char one[UNITS_TEXT], two[UNITS_TEXT], three[UNITS_TEXT];
	size_t i;

	ranges->size = 0;
	for (i = 0; i < ranges->nr; i++) {
		struct bar_range *r = &ranges->range[i];
		uint64_t size = bar_size[r->bar];

		if (!size)
			return wrong(error, "there is no memory BAR%u", r->bar);
		if (!r->length)
			r->length = size;
		format_size(r->offset, one);
		format_size(r->length, two);
		if (r->offset > size || r->length > size - r->offset)
			return wrong(error,
				     "bar%u:%s+%s: BAR%u has %s only", r->bar,
				     one, two, r->bar,
				     format_size(size, three));
		if (r->offset % page_size || r->length % page_size)
			return wrong(error,
				     "bar%u:%s+%s is not made of whole pages of %s",
				     r->bar, one, two,
				     format_size(page_size, three));
		if (r->length > UINT64_MAX - ranges->size)
			return wrong(error, "more than 64 bits of bytes");
		ranges->size += r->length;
	}
	return 0;
}

void bar_ranges_list(const uint64_t bar_size[6], uint64_t page_size,
		     char text[BAR_RANGES_ERROR])
{
	char size[UNITS_TEXT];
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		if (!bar_size[i])
			continue;
		len += (size_t)snprintf(text + len, BAR_RANGES_ERROR - len,
					"%sbar%u (%s%s)",
					len ? ", " : "there are ", i,
					format_size(bar_size[i], size),
					bar_size[i] < page_size ?
					", less than a page" : "");
	}
	if (!len)
		snprintf(text, BAR_RANGES_ERROR,
			 "it has no BAR that is memory");
}

void bar_ranges_free(struct bar_ranges *ranges)
{
	free(ranges->range);
	memset(ranges, 0, sizeof(*ranges));
}
