// SPDX-License-Identifier: MIT
/*
 * QEMU's monitor behind a virtio port
 *
 * The port speaks QMP, which carries commands of the human monitor. A greeting,
 * events, and answers that whoever had the port before did not wait for come in
 * between: what belongs to a command is known by its id.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor.h"
#include "sysfs.h"

#define PORT "/dev/virtio-ports/org.qemu.monitor"

static int port = -1;
static unsigned int serial;

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

/* What the JSON string at @from stands for, without carriage returns */
static void unescape(const char *from, char *to, size_t size)
{
	size_t len = 0;

	for (; *from && *from != '"'; from++) {
		char c = *from;

		if (c == '\\') {
			c = *++from;
			if (c == 'r')
				continue;
			if (c == 'n')
				c = '\n';
			if (!c)
				break;
		}
		if (len + 1 < size)
			to[len++] = c;
	}
	if (size)
		to[len] = 0;
}

int __monitor_command(const char *command, char *reply, size_t size)
{
	static const char begin[] = "{\"execute\": \"qmp_capabilities\"}\n";
	static const char answer[] = "\"return\": \"";
	static char line[65536];
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char id[48];
	const char *text;
	int len, ret;

	if (port < 0) {
		port = open(PORT, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		if (port < 0)
			return -errno;
		/* An error if somebody did so before, which is as well */
		if (write(port, begin, strlen(begin)) != (ssize_t)strlen(begin))
			return -EIO;
	}

	/* QEMU takes each byte from its socket one by one, with a dozen system calls for each */
	snprintf(id, sizeof(id), "\"%d-%u\"", getpid(), ++serial);
	len = snprintf(line, sizeof(line),
		       "{\"execute\":\"human-monitor-command\",\"id\":%s,\"arguments\":{\"command-line\":\"%s\"}}\n",
		       id, command);
	if (write(port, line, (size_t)len) != len)
		return -EIO;

	do {
		ret = read_line(line, sizeof(line), deadline);
		if (ret)
			return ret;
	} while (!strstr(line, id));
	text = strstr(line, answer);
	if (!text)
		return -EPROTO;
	unescape(text + strlen(answer), reply, size);
	return 0;
}

int __monitor_read(uint64_t paddr, uint64_t *values, unsigned int nr)
{
	char command[64], reply[2048], *word, *next = reply;
	unsigned int got = 0;
	int ret;

	if (nr > MONITOR_READ_MOST)
		return -EINVAL;
	snprintf(command, sizeof(command), "xp/%ugx 0x%" PRIx64, nr, paddr);
	ret = __monitor_command(command, reply, sizeof(reply));
	if (ret)
		return ret;
	/* "ADDRESS: 0xVALUE 0xVALUE", and so on in the next line */
	while ((word = strtok_r(next, " \n", &next)))
		if (got < nr && word[strlen(word) - 1] != ':')
			values[got++] = strtoull(word, NULL, 16);
	return got == nr ? 0 : -EPROTO;
}

int __monitor_read64(uint64_t paddr, uint64_t *value)
{
	return __monitor_read(paddr, value, 1);
}
