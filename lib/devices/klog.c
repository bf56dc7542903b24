// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "klog.h"

int __klog_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lseek(fd, 0, SEEK_END);
	return fd;
}

int __klog_count(int fd, const char *text, void (*seen)(const char *record))
{
	char record[8192];
	int count = 0;
	ssize_t len;

	for (;;) {
		len = read(fd, record, sizeof(record) - 1);
		/* A count without them would be a guess */
		if (len < 0 && errno == EPIPE)
			return -EPIPE;
		if (len <= 0)
			return count;
		record[len] = 0;
		/* What tests say about themselves there is not the kernel's */
		if (strstr(record, ";[IGT] "))
			continue;
		if (text && !strstr(record, text))
			continue;
		count++;
		if (seen)
			seen(record);
	}
}

static int tell(const char *what, const char *text)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), len, ret = 0;
	char line[256];

	if (fd < 0)
		return -errno;
	len = snprintf(line, sizeof(line), "<4>[IGT] %s%s\n", what, text);
	if (write(fd, line, (size_t)len) != len)
		ret = -EIO;
	close(fd);
	return ret;
}

int __klog_expect(const char *text)
{
	return tell("expected: ", text);
}

int __klog_expect_no_more(const char *text)
{
	return tell("no longer expected: ", text);
}

void klog_fault_text(const char *addr, char *text, size_t size)
{
	snprintf(text, size, "Request device [%s]", addr);
}

int __klog_expect_faults(const char *addr)
{
	char text[64];

	klog_fault_text(addr, text, sizeof(text));
	return __klog_expect(text);
}

int __klog_no_other_faults(void)
{
	return tell("no faults but those expected", "");
}
