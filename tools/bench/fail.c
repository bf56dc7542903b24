// SPDX-License-Identifier: GPL-2.0
/*
 * What a failed assertion of the library calls, by way of the demo's hooks
 *
 * The devices are left as they are: the VM ends, and taking one away from VFIO
 * would wait until this process has closed it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../demo/report.h"

void vfail(const char *remedy, const char *fmt, va_list args)
{
	fprintf(stderr, "bench: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\nremedy: %s\n",
		remedy ? remedy :
			 "run 'make bench', and look at the console log below build/vm");
	exit(1);
}

void fail(const char *remedy, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfail(remedy, fmt, args);
}
