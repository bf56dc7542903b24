/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

/**
 * text_width - columns that output is made for
 *
 * $COLUMNS, or those of the terminal, or 80; at least 40.
 */
size_t text_width(void);

/**
 * text_clean - make something harmless that others have named
 * @text: changed in its place
 *
 * Names of processes, dma-bufs and paths may have anything in them. What is no UTF-8,
 * controls (of both sets, C0 and C1) and what changes the direction of writing become
 * question marks, so that a terminal shows it, and JSON and XML can have it. json_text(), complain()
 * and text_wrapped() do that themselves.
 *
 * Return: @text.
 */
char *text_clean(char *text);

/** text_column - print a clean text in so many columns, padded or cut */
void text_column(size_t width, const char *text);

/** text_length - characters of a clean text */
size_t text_length(const char *text);

/** text_cut - bytes of the first @max characters of a clean text, or of all */
size_t text_cut(const char *text, size_t max);

/**
 * text_format - printf() into memory of its own
 *
 * Running out of memory ends the program.
 *
 * Return: text to be freed.
 */
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * text_join - put an item at the end of a list
 * @list: from text_format() or here, or NULL; freed
 * @separator: stands between two items, not before the first
 * @item: from text_format(); freed
 *
 * Return: the list with the item, to be freed.
 */
char *text_join(char *list, const char *separator, char *item);

/**
 * text_wrapped - print a text in lines of at most text_width() columns
 * @indent: columns left free in each line
 * @first: what stands in them in the first line; "" for nothing; NULL if they
 *	have been printed already
 * @text: words with single blanks between them
 */
void text_wrapped(size_t indent, const char *first, const char *text);

#endif /* TEXT_H */
