// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "array.h"
#include "complaint.h"
#include "devices/klog.h"

/* What a report of the kernel begins with: tools/vm/scan-log looks closer */
static const char *const bad[] = {
	"BUG:", "WARNING:", "KASAN:", "UBSAN:", "Oops", "kernel BUG",
	"general protection fault", "unable to handle", "DMA-API:", "ODEBUG:",
	"refcount_t:", "possible circular locking", "possible recursive locking",
	"inconsistent lock state", "suspicious RCU usage", "held when returning",
	"blocked for more than", "sleeping function called", "self-detected stall",
	"page allocation failure", "unreferenced object",
};

static char complaint[256];

static void seen(const char *record)
{
	const char *text = strchr(record, ';');
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad) && !complaint[0]; i++)
		if (text && strstr(text, bad[i]))
			snprintf(complaint, sizeof(complaint), "%.200s", text + 1);
}

bool fuzz_complaint(int klog, struct fuzz_report *report)
{
	complaint[0] = 0;
	/* Behind a gap there are more */
	while (__klog_count(klog, NULL, seen) == -EPIPE)
		report->lost++;
	complaint[strcspn(complaint, "\n")] = 0;
	if (complaint[0])
		snprintf(report->why, sizeof(report->why), "the kernel says: %s",
			 complaint);
	return complaint[0];
}
