/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/* What output is made for */
#define TEXT_COLUMNS 80

/**
 * text_format - printf() into memory of its own
 *
 * Running out of memory ends the program.
 *
 * Return: text to be freed.
 */
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * text_wrapped - print a text in lines of at most %TEXT_COLUMNS columns
 * @indent: columns left free in each line
 * @first: what stands in them in the first line; "" for nothing; NULL if they
 *	have been printed already
 * @text: words with single blanks between them
 */
void text_wrapped(size_t indent, const char *first, const char *text);

#endif /* TEXT_H */
