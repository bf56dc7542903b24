// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "text.h"

static const char *verb_name;

void message_set_verb(const char *verb)
{
	verb_name = verb;
}

static enum colours colours;

void message_colours(enum colours wanted)
{
	colours = wanted;
}

bool colours_on(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (colours != COLOURS_AUTO)
		return colours == COLOURS_ALWAYS;
	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb");
}

/* Whatever it is about, others may have named it */
static void put(const char *before, char *text, const char *after)
{
	fprintf(stderr, "%s%s%s", before, text ? text_clean(text) : "?", after);
	free(text);
}

void complain(const char *what, const char *remedy, const char *fmt, ...)
{
	va_list args;
	char *cause;

	/* What was printed before belongs before it, wherever both go */
	fflush(stdout);
	fprintf(stderr, "dmabuf-p2p%s%s: ", verb_name ? " " : "",
		verb_name ? verb_name : "");
	if (what)
		put("", strdup(*what ? what : "''"), ": ");
	va_start(args, fmt);
	if (vasprintf(&cause, fmt, args) < 0)
		cause = NULL;
	va_end(args);
	put("", cause, "\n");
	if (remedy)
		put("  ", strdup(remedy), "\n");
}

const char *as_root(const char *remedy)
{
	return geteuid() ? remedy :
			   "even root may not: a container, lockdown or a security module forbids it";
}
