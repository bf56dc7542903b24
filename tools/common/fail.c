// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"

static void (*fail_report)(const char *remedy, const char *cause);
static const char *fail_program = "fail", *fail_remedy;

void fail_by(void (*report)(const char *remedy, const char *cause))
{
	fail_report = report;
}

void fail_as(const char *program, const char *remedy)
{
	fail_program = program;
	fail_remedy = remedy;
}

void fail(const char *remedy, const char *fmt, ...)
{
	char cause[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(cause, sizeof(cause), fmt, args);
	va_end(args);
	if (!remedy)
		remedy = fail_remedy;
	if (fail_report) {
		fail_report(remedy, cause);
	} else {
		fprintf(stderr, "%s: %s\n", fail_program, cause);
		if (remedy)
			fprintf(stderr, "remedy: %s\n", remedy);
	}
	exit(1);
}
