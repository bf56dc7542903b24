// SPDX-License-Identifier: GPL-2.0
/*
 * What is written arrives, or the exit status tells
 */
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

/* What ends the file that standard output goes into, and what that is called */
static int (*finish_file)(int err, int status);
static const char *file_name;

void output_at_end(int (*finish)(int err, int status), const char *name)
{
	finish_file = finish;
	file_name = name;
}

int output_end(int status)
{
	/* Several ask, and what is wrong may be so only once */
	static bool lost;
	int err = streams_flush();

	if (finish_file)
		err = finish_file(err, status);
	finish_file = NULL;
	if (err && !lost)
		complain(file_name ? file_name : "standard output", NULL,
			 "cannot write to it%s%s", err > 0 ? ": " : "",
			 err > 0 ? strerror(err) : "");
	lost |= err != 0;
	return !status && (lost || ferror(stderr)) ? EXIT_FAILED : status;
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
