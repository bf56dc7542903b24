// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "message.h"
#include "text.h"
#include "units.h"
#include "verb.h"

char *text_format(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	return text;
}

char *text_join(char *list, const char *separator, char *item)
{
	char *joined = text_format("%s%s%s", list ? list : "",
				   list && *list ? separator : "", item);

	free(list);
	free(item);
	return joined;
}

size_t text_width(void)
{
	static size_t width;
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t number;

	if (width)
		return width;
	if (columns && !parse_number(columns, 1, 10000, &number))
		width = (size_t)number;
	else if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		width = size.ws_col;
	else
		width = 80;
	if (width < 40)
		width = 40;
	return width;
}

size_t text_length(const char *text)
{
	size_t length = 0;

	for (; *text; text++)
		length += (*text & 0xc0) != 0x80;
	return length;
}

size_t text_cut(const char *text, size_t max)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if ((text[i] & 0xc0) != 0x80 && !max--)
			break;
	return i;
}

void text_column(size_t width, const char *text)
{
	size_t length = text_length(text);

	printf("%.*s%*s", (int)text_cut(text, width), text,
	       (int)(length < width ? width - length : 0), "");
}

static void wrap(size_t indent, const char *text)
{
	size_t column = indent;

	while (*text) {
		size_t word = strcspn(text, " ");
		size_t length = text_length(text) - text_length(text + word);

		if (column > indent && column + 1 + length > text_width()) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		column += length + (column > indent);
		printf("%s%.*s", column > indent + length ? " " : "",
		       (int)word, text);
		text += word + strspn(text + word, " ");
	}
	putchar('\n');
}

void text_wrapped(size_t indent, const char *first, const char *text)
{
	char *clean = text_clean(text_format("%s", text));

	if (first)
		printf("%-*s", (int)indent, first);
	wrap(indent, clean);
	free(clean);
}
