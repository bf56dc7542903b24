// SPDX-License-Identifier: GPL-2.0
/*
 * What is written arrives, or the exit status tells
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "streams.h"
#include "verb.h"

/* Where standard output goes, and what it is called */
static FILE *instead;
static const char *instead_path;

int output_to(const char *path)
{
	FILE *file = output_file(path);

	if (!file)
		return -errno;
	if (dup2(fileno(file), STDOUT_FILENO) < 0)
		return -errno;
	instead = file;
	instead_path = path;
	return 0;
}

static int end_file(int err, int status)
{
	FILE *file = instead;
	int ret;

	if (!file)
		return err;
	instead = NULL;
	/* Half of it is no file, nor is nothing */
	if (err || status == EXIT_FAILED || status == EXIT_USAGE) {
		output_file_drop(file);
		return err;
	}
	ret = output_file_done(file);
	return -ret;
}

int output_end(int status)
{
	static bool told;
	int err = end_file(streams_flush(), status);

	if (err && !told)
		complain(instead_path ? instead_path : "standard output", NULL,
			 "cannot write to it%s%s", err > 0 ? ": " : "",
			 err > 0 ? strerror(err) : "");
	told = true;
	return !status && (err || ferror(stderr)) ? EXIT_FAILED : status;
}

static void at_exit(int status, void *arg)
{
	int now = output_end(status & 0xff);

	(void)arg;
	if (now == EXIT_INTERRUPTED && interrupted())
		interrupt_die(interrupted());
	/* Nothing that was registered before is left to be called */
	if (now != (status & 0xff))
		_exit(now);
}

void output_begin(void)
{
	streams_open();
	/* Where it is ignored nobody learns how a child has ended */
	signal(SIGCHLD, SIG_DFL);
	on_exit(at_exit, NULL);
}
