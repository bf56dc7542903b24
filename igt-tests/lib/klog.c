// SPDX-License-Identifier: MIT
#include <fcntl.h>
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
		if (len < 0 && errno == EPIPE)	/* some were overwritten */
			continue;
		if (len <= 0)
			return count;
		record[len] = 0;
		if (text && !strstr(record, text))
			continue;
		count++;
		igt_debug("kernel log: %s", record);
	}
}
