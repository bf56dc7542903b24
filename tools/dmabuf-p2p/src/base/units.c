// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "units.h"

static const char suffixes[] = "KMGTPE";

static int parse_digits(const char *text, uint64_t *number, const char **end)
{
	char *stop;

	/* strtoull() takes blanks and signs */
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	/* No octal: 010K is ten */
	*number = strtoull(text, &stop,
			   text[0] == '0' && tolower(text[1]) == 'x' ? 16 : 10);
	*end = stop;
	return errno ? -ERANGE : 0;
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *end;
	uint64_t value;
	int ret;

	ret = parse_digits(text, &value, &end);
	if (ret)
		return ret;
	if (*end)
		return -EINVAL;
	if (value < min || value > max)
		return -ERANGE;
	*number = value;
	return 0;
}

int parse_size(const char *text, uint64_t *size)
{
	unsigned int shift = 0;
	const char *suffix, *end;
	uint64_t number;
	int ret;

	ret = parse_digits(text, &number, &end);
	if (ret)
		return ret;
	suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (suffix) {
		shift = 10 * (unsigned int)(suffix - suffixes + 1);
		end++;
		if (!strcasecmp(end, "ib") || !strcasecmp(end, "i"))
			end += strlen(end);
	}
	if (!strcasecmp(end, "b"))
		end++;
	if (*end)
		return -EINVAL;
	if (number > UINT64_MAX >> shift)
		return -ERANGE;
	*size = (uint64_t)number << shift;
	return 0;
}

const char *format_size(uint64_t size, char text[UNITS_TEXT])
{
	unsigned int unit = 0;

	while (size && !(size & 1023) && unit < strlen(suffixes)) {
		size >>= 10;
		unit++;
	}
	snprintf(text, UNITS_TEXT, "%" PRIu64 "%.1s", size,
		 unit ? &suffixes[unit - 1] : "");
	return text;
}

const char *format_size_i(uint64_t size, char text[UNITS_TEXT])
{
	format_size(size, text);
	if (size && !(size & 1023))
		strcat(text, "i");
	return text;
}

/* Three digits and the unit; the units are a factor of 1000 apart */
static const char *scaled(double number, const char *const units[],
			  size_t nr_units, char text[UNITS_TEXT])
{
	size_t unit = 0;

	while (number >= 999.5 && unit + 1 < nr_units) {
		number /= 1000;
		unit++;
	}
	snprintf(text, UNITS_TEXT, "%.*f %s",
		 number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2, number,
		 units[unit]);
	return text;
}

const char *format_rate(double rate, char text[UNITS_TEXT])
{
	static const char *const units[] = {
		"B/s", "kB/s", "MB/s", "GB/s", "TB/s",
	};

	return scaled(rate, units, ARRAY_SIZE(units), text);
}

const char *format_time(double ns, char text[UNITS_TEXT])
{
	static const char *const units[] = { "ns", "us", "ms", "s" };

	return scaled(ns, units, ARRAY_SIZE(units), text);
}
