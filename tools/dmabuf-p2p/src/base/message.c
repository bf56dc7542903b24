// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "message.h"

static const char *verb_name;

void message_set_verb(const char *verb)
{
	verb_name = verb;
}

bool colours_on(int fd)
{
	const char *no = getenv("NO_COLOR");

	return isatty(fd) && !(no && *no);
}

void complain(const char *what, const char *remedy, const char *fmt, ...)
{
	va_list args;

	/* What was printed before belongs before it, wherever both go */
	fflush(stdout);
	fprintf(stderr, "dmabuf-p2p%s%s: ", verb_name ? " " : "",
		verb_name ? verb_name : "");
	if (what)
		fprintf(stderr, "%s: ", what);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	if (remedy)
		fprintf(stderr, "  %s\n", remedy);
}
