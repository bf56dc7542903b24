// SPDX-License-Identifier: GPL-2.0
/*
 * What the device library calls when something fails
 *
 * It is written for the tests and uses their harness's functions. Here they end
 * the program with its own kind of message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "igt_core.h"
#include "message.h"
#include "pci.h"
#include "taken.h"
#include "verb.h"

/* The library's messages end with a newline, and name device and remedy */
static void fail(const char *fmt, va_list args, const char *func,
		 const char *check)
{
	char text[1024];
	int err = errno;

	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = 0;
	if (text[0])
		complain(NULL, NULL, "%s", text);
	else
		complain(NULL, NULL, "%s: %s: %s", func, check, strerror(err));
	exit(EXIT_FAILED);
}

void __igt_fail_assert(const char *domain, const char *file, int line,
		       const char *func, const char *assertion,
		       const char *fmt, ...)
{
	va_list args;

	(void)domain;
	(void)file;
	(void)line;
	va_start(args, fmt);
	fail(fmt, args, func, assertion);
	abort();
}

void __igt_skip_check(const char *file, int line, const char *func,
		      const char *check, const char *fmt, ...)
{
	va_list args;

	(void)file;
	(void)line;
	va_start(args, fmt);
	fail(fmt, args, func, check);
	abort();
}

void igt_log(const char *domain, enum igt_log_level level, const char *fmt, ...)
{
	va_list args;

	(void)domain;
	if (level < IGT_LOG_WARN)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
}

/*
 * pci_restore() itself would wait for this very process to let go of the
 * device: cleanup.c does it in another way, and asks pci_saved() what to do.
 */
static void before_change(void)
{
	taken_note();
	cleanup_devices();
}

void cleanup_taken(void)
{
	pci_before_change(before_change);
}

void igt_install_exit_handler(igt_exit_handler_t fn)
{
	(void)fn;
	before_change();
}
