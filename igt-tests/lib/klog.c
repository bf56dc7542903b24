// SPDX-License-Identifier: MIT
#include <stdarg.h>

#include "igt_core.h"
#include "klog.h"
#include "machine.h"

int klog_open(void)
{
	int fd = __klog_open();

	require_there(fd, "no kernel log in /dev/kmsg: %s. Needs root\n",
		      strerror(-fd));
	igt_assert_f(fd >= 0, "cannot open /dev/kmsg: %s. Needs root\n",
		     strerror(-fd));
	return fd;
}

/* No backslash in these: the runner would get it as the kernel writes it, \x5c */

/* Faults of the IOMMU, each with a line before it */
#define FAULTS "DMAR: (DRHD: handling fault|[[]DMA )"
/* Errors that QEMU injects, three lines each, and routes that do not exist */
#define REFUSALS "PCIe Bus Error: |error status/mask=|[[][ 0-9]+[]] [A-Z]|no peer-to-peer route"

/* A fault is none of them once klog_no_other_faults() was called */
static bool faults_are_wrong;

void klog_tell_runner(void)
{
	static char last[256];
	const char *subtest = igt_subtest_name();
	const char *dynamic = igt_dynamic_subtest_name();
	char now[256];

	snprintf(now, sizeof(now), "%s@%s", subtest ? subtest : "",
		 dynamic ? dynamic : "");
	if (!subtest || !strcmp(now, last))
		return;
	strcpy(last, now);
	igt_emit_ignore_dmesg_regex(faults_are_wrong ? REFUSALS :
						       FAULTS "|" REFUSALS);
}

static void show(const char *record)
{
	igt_debug("kernel log: %s", record);
}

unsigned int klog_count(int fd, const char *text)
{
	int count = __klog_count(fd, text, show);

	igt_assert_f(count >= 0,
		     "the kernel's log has overwritten lines before they were counted\n");
	return (unsigned int)count;
}

static void told(int ret)
{
	require_there(ret, "no kernel log in /dev/kmsg: %s. Needs root\n",
		      strerror(-ret));
	igt_assert_f(!ret, "cannot write /dev/kmsg: %s. Needs root\n",
		     strerror(-ret));
}

void klog_expect(const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	told(__klog_expect(text));
}

void klog_expect_no_more(const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	told(__klog_expect_no_more(text));
}

void klog_expect_faults(const char *addr)
{
	told(__klog_expect_faults(addr));
	/* The runner has been told of other errors only */
	if (faults_are_wrong && igt_subtest_name())
		igt_emit_ignore_dmesg_regex(FAULTS "|" REFUSALS);
}

void klog_expect_no_more_faults(const char *addr)
{
	char text[64];

	klog_fault_text(addr, text, sizeof(text));
	told(__klog_expect_no_more(text));
}

void klog_no_other_faults(void)
{
	faults_are_wrong = true;
	told(__klog_no_other_faults());
}
