// SPDX-License-Identifier: GPL-2.0
/*
 * What the device library calls when something fails
 *
 * It is written for the tests and uses their harness's functions. Here they end
 * the demo with its own kind of message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "igt_core.h"
#include "report.h"

/* The library ends messages with a newline */
static void chomp(char *text)
{
	text[strcspn(text, "\n")] = 0;
}

void __igt_fail_assert(const char *domain, const char *file, int line,
		       const char *func, const char *assertion,
		       const char *fmt, ...)
{
	char message[1024];
	va_list args;

	(void)domain;
	(void)file;
	(void)line;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	chomp(message);
	fail(NULL, "%s (%s: %s)", message[0] ? message : strerror(errno), func,
	     assertion);
}

void __igt_skip_check(const char *file, int line, const char *func,
		      const char *check, const char *fmt, ...)
{
	char message[1024];
	va_list args;

	(void)file;
	(void)line;
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	chomp(message);
	fail(getenv("DMABUF_KERNEL") ?
	     NULL : "run it in a VM of tools/vm/run, as 'make demo' does",
	     "%s (%s: %s)", message, func, check);
}

void igt_log(const char *domain, enum igt_log_level level, const char *fmt, ...)
{
	va_list args;

	(void)domain;
	if (level < IGT_LOG_WARN)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

/* demo_cleanup() puts devices back */
void igt_install_exit_handler(igt_exit_handler_t fn)
{
	(void)fn;
}
