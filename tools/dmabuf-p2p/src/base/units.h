/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNITS_H
#define UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Long enough for everything below */
#define UNITS_TEXT 32

/**
 * parse_number - read a plain number
 * @text: nothing but digits, or 0x and hexadecimal ones; no sign, no blank, and a 0
 *	in front does not make it octal
 * @min: least that is allowed
 * @max: most that is allowed
 * @number: receives it
 *
 * Return: 0, -EINVAL, or -ERANGE.
 */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/**
 * parse_size - read a number of bytes such as "4096", "0x1000", "64K", "16M", "1G"
 * @text: nothing but the size; suffixes are powers of 1024, in either case, with
 *	or without "i", "iB" or "B"
 * @size: receives it
 *
 * Return: 0, -EINVAL, or -ERANGE if it does not fit into 64 bits.
 */
int parse_size(const char *text, uint64_t *size);

/** format_size - exactly, in the largest unit that divides it: "16M", "4097" */
const char *format_size(uint64_t size, char text[UNITS_TEXT]);

/** format_size_i - the same, "16Mi": for where powers of 1000 stand beside it */
const char *format_size_i(uint64_t size, char text[UNITS_TEXT]);

/** format_rate - bytes a second, rounded: "12.5 GB/s", powers of 1000 */
const char *format_rate(double rate, char text[UNITS_TEXT]);

/** format_time - of nanoseconds, rounded to three digits: "1.25 us" */
const char *format_time(double ns, char text[UNITS_TEXT]);

#endif /* UNITS_H */
