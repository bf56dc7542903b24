// SPDX-License-Identifier: MIT
/*
 * QEMU's human monitor behind a virtio port
 *
 * The monitor echoes what is typed with escape sequences, and its banner may
 * still be in the pipe. So each command is followed by one that prints a number
 * used only once: what lies between the echo and that line is the reply.
 */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "igt_core.h"
#include "monitor.h"
#include "sysfs.h"

#define PORT "/dev/virtio-ports/org.qemu.monitor"

static int port = -1;
static unsigned int serial = 0x5eed0000;

/* One line without its end; -ETIMEDOUT if none comes */
static int read_line(char *line, size_t size, uint64_t deadline)
{
	static char buf[4096];
	static size_t have, used;
	size_t len = 0;

	for (;;) {
		struct pollfd pfd = { .fd = port, .events = POLLIN };
		ssize_t got;

		while (used < have) {
			char c = buf[used++];

			if (c == '\n') {
				line[len] = 0;
				return 0;
			}
			if (c != '\r' && len < size - 1)
				line[len++] = c;
		}
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, 200) <= 0 || !(pfd.revents & POLLIN))
			continue;
		got = read(port, buf, sizeof(buf));
		if (got < 0 && errno != EAGAIN)
			return -errno;
		have = got > 0 ? (size_t)got : 0;
		used = 0;
	}
}

int __monitor_command(const char *command, char *reply, size_t size)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char line[8192], mark[32];
	bool echo_seen = false;
	size_t len = 0;
	int ret;

	if (port < 0)
		port = open(PORT, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (port < 0)
		return -errno;

	snprintf(mark, sizeof(mark), "0x%x", ++serial);
	snprintf(line, sizeof(line), "%s\nprint /x %s\n", command, mark);
	if (write(port, line, strlen(line)) != (ssize_t)strlen(line))
		return -EIO;

	if (size)
		reply[0] = 0;
	for (;;) {
		ret = read_line(line, sizeof(line), deadline);
		if (ret)
			return ret;
		if (!strcmp(line, mark))
			return 0;
		/* Typed text comes back one character and escape at a time */
		if (strchr(line, '\033')) {
			echo_seen = true;
			continue;
		}
		if (echo_seen && len < size)
			len += (size_t)snprintf(reply + len, size - len, "%s\n",
						line);
	}
}

void monitor_command(const char *command)
{
	char reply[1024];
	int ret = __monitor_command(command, reply, sizeof(reply));

	igt_assert_f(!ret,
		     "QEMU's monitor, '%s': %s. The VM needs a virtio port org.qemu.monitor\n",
		     command, strerror(-ret));
	igt_assert_f(!reply[0], "QEMU's monitor, '%s': %s\n", command, reply);
}

uint64_t monitor_read64(uint64_t paddr)
{
	char command[64], reply[256];
	uint64_t at, value;
	int ret;

	snprintf(command, sizeof(command), "xp /1gx 0x%" PRIx64, paddr);
	ret = __monitor_command(command, reply, sizeof(reply));
	igt_assert_f(!ret, "QEMU's monitor, '%s': %s\n", command,
		     strerror(-ret));
	igt_assert_f(sscanf(reply, "%" SCNx64 ": 0x%" SCNx64, &at, &value) == 2,
		     "QEMU's monitor, '%s': cannot read '%s'\n", command,
		     reply);
	return value;
}
