// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "text.h"
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

void text_wrapped(size_t indent, const char *first, const char *text)
{
	size_t column = indent;

	if (first)
		printf("%-*s", (int)indent, first);
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > TEXT_COLUMNS) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		}
		column += (size_t)printf("%s%.*s", column > indent ? " " : "",
					 (int)word, text);
		text += word + strspn(text + word, " ");
	}
	putchar('\n');
}
