/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stdio.h>

/* Results of a test program: lines of TAP, and its exit status */
static unsigned int tap_done, tap_failed;

static inline void tap_ok(bool good, const char *name)
{
	printf("%sok %u - %s\n", good ? "" : "not ", ++tap_done, name);
	if (!good)
		tap_failed++;
}

static inline int tap_end(void)
{
	printf("1..%u\n", tap_done);
	return tap_failed ? 1 : 0;
}

#endif /* TAP_H */
