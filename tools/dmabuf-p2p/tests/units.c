// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes, rates and times as users read and write them
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "units.h"

#define KEPT 0x5a5a

static void size_is(const char *text, int ret, uint64_t want)
{
	uint64_t size = KEPT;
	char name[64];
	int got = parse_size(text, &size);

	snprintf(name, sizeof(name), "size '%s'", text);
	tap_ok(got == ret && size == (ret ? KEPT : want), name);
}

static void text_is(const char *got, const char *want)
{
	char name[64];

	snprintf(name, sizeof(name), "text '%s'", want);
	if (strcmp(got, want))
		printf("# '%s'\n", got);
	tap_ok(!strcmp(got, want), name);
}

static void test_parse(void)
{
	size_is("0", 0, 0);
	size_is("4096", 0, 4096);
	size_is("0x1000", 0, 4096);
	size_is("0X10k", 0, 16384);
	size_is("010", 0, 10);
	size_is("64K", 0, 65536);
	size_is("64k", 0, 65536);
	size_is("16MiB", 0, 16 << 20);
	size_is("16mb", 0, 16 << 20);
	size_is("7B", 0, 7);
	size_is("1G", 0, 1 << 30);
	size_is("15E", 0, 15ull << 60);
	size_is("18446744073709551615", 0, UINT64_MAX);
	size_is("18446744073709551616", -ERANGE, 0);
	size_is("16E", -ERANGE, 0);
	size_is("", -EINVAL, 0);
	size_is("K", -EINVAL, 0);
	size_is(" 1", -EINVAL, 0);
	size_is("-1", -EINVAL, 0);
	size_is("+1", -EINVAL, 0);
	size_is("1 K", -EINVAL, 0);
	size_is("1KK", -EINVAL, 0);
	size_is("1Ki", 0, 1024);
	size_is("1KiX", -EINVAL, 0);
	size_is("1Kii", -EINVAL, 0);
	size_is("1.5M", -EINVAL, 0);
	size_is("0x", -EINVAL, 0);
}

static void test_format(void)
{
	char text[UNITS_TEXT];

	text_is(format_size(0, text), "0");
	text_is(format_size(1023, text), "1023");
	text_is(format_size(4096, text), "4K");
	text_is(format_size(4097, text), "4097");
	text_is(format_size(1536 << 10, text), "1536K");
	text_is(format_size(1ull << 60, text), "1E");
	text_is(format_size(UINT64_MAX, text), "18446744073709551615");
	text_is(format_size_i(0, text), "0");
	text_is(format_size_i(512, text), "512");
	text_is(format_size_i(4096, text), "4Ki");
	text_is(format_size_i(512ull << 30, text), "512Gi");
	text_is(format_rate(0, text), "0.00 B/s");
	text_is(format_rate(999.4, text), "999 B/s");
	text_is(format_rate(999.6, text), "1.00 kB/s");
	text_is(format_rate(12.54e9, text), "12.5 GB/s");
	text_is(format_rate(99.96e6, text), "100 MB/s");
	text_is(format_rate(5e15, text), "5000 TB/s");
	text_is(format_time(1, text), "1.00 ns");
	text_is(format_time(1254, text), "1.25 us");
	text_is(format_time(9.996e6, text), "10.0 ms");
	text_is(format_time(3e12, text), "3000 s");
}

static void number_is(const char *text, int ret, uint64_t want)
{
	uint64_t number = KEPT;
	char name[64];
	int got = parse_number(text, 1, 4294967294, &number);

	snprintf(name, sizeof(name), "number '%s'", text);
	tap_ok(got == ret && number == (ret ? KEPT : want), name);
}

static void test_numbers(void)
{
	number_is("1", 0, 1);
	number_is("010", 0, 10);
	number_is("0x1F", 0, 31);
	number_is("4294967294", 0, 4294967294);
	number_is("4294967295", -ERANGE, 0);
	number_is("4294967297", -ERANGE, 0);
	number_is("18446744073709551617", -ERANGE, 0);
	number_is("0", -ERANGE, 0);
	number_is("", -EINVAL, 0);
	number_is("-1", -EINVAL, 0);
	number_is("+1", -EINVAL, 0);
	number_is(" 1", -EINVAL, 0);
	number_is("1 ", -EINVAL, 0);
	number_is("1K", -EINVAL, 0);
	number_is("0x", -EINVAL, 0);
}

int main(void)
{
	test_parse();
	test_numbers();
	test_format();
	return tap_end();
}
