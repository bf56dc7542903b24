// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "igt_core.h"
#include "klog.h"

int klog_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	igt_assert_f(fd >= 0, "cannot open /dev/kmsg: %s. Needs root\n",
		     strerror(errno));
	lseek(fd, 0, SEEK_END);
	return fd;
}

unsigned int klog_count(int fd, const char *text)
{
	unsigned int count = 0;
	char record[8192];
	ssize_t len;

	for (;;) {
		len = read(fd, record, sizeof(record) - 1);
		/* A count without them would be a guess */
		igt_assert_f(len >= 0 || errno != EPIPE,
			     "the kernel's log has overwritten lines before they were counted\n");
		if (len <= 0)
			return count;
		record[len] = 0;
		/* What tests say about themselves there is not the kernel's */
		if (strstr(record, ";[IGT] "))
			continue;
		if (text && !strstr(record, text))
			continue;
		count++;
		igt_debug("kernel log: %s", record);
	}
}

static void tell(const char *what, const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), len;
	char line[256];

	igt_assert_f(fd >= 0, "cannot write /dev/kmsg: %s. Needs root\n",
		     strerror(errno));
	len = snprintf(line, sizeof(line), "<4>[IGT] %s%s\n", what, text);
	igt_assert_eq((int)write(fd, line, (size_t)len), len);
	close(fd);
}

static void vtell(const char *what, const char *fmt, va_list args)
{
	char text[128];

	vsnprintf(text, sizeof(text), fmt, args);
	tell(what, text);
}

void klog_expect(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vtell("expected: ", fmt, args);
	va_end(args);
}

void klog_expect_no_more(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vtell("no longer expected: ", fmt, args);
	va_end(args);
}

/* As the IOMMU's driver writes it */
#define FAULT_OF "Request device [%s]"

void klog_expect_faults(const char *addr)
{
	klog_expect(FAULT_OF, addr);
}

void klog_expect_no_more_faults(const char *addr)
{
	klog_expect_no_more(FAULT_OF, addr);
}

void klog_no_other_faults(void)
{
	tell("no faults but those expected", "");
}
