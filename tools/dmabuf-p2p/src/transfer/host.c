// SPDX-License-Identifier: GPL-2.0
/*
 * TCP between a client and 'serve'
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "devices/sysfs.h"
#include "host.h"
#include "units.h"

/* Keepalives: so many, so often after so long; then the other end is dead */
#define KEEP_IDLE_S 10
#define KEEP_EVERY_S 5
#define KEEP_COUNT 3

static int copy(char *to, size_t size, const char *from, size_t length)
{
	if (length >= size)
		return -EINVAL;
	memcpy(to, from, length);
	to[length] = 0;
	return 0;
}

int host_split(const char *text, char name[256], char port[8])
{
	const char *colon = strrchr(text, ':'), *end;
	uint64_t number;

	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		colon = end[1] ? end + 1 : NULL;
	} else {
		/* More than one colon: an IPv6 address without a port */
		if (colon && strchr(text, ':') != colon)
			colon = NULL;
		end = colon ? colon : text + strlen(text);
	}
	if (copy(name, 256, text, (size_t)(end - text)))
		return -EINVAL;
	if (!colon)
		return copy(port, 8, HOST_PORT, strlen(HOST_PORT));
	if (parse_number(colon + 1, 0, 65535, &number))
		return -EINVAL;
	return copy(port, 8, colon + 1, strlen(colon + 1));
}

static int try_connect(int fd, const struct addrinfo *info)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int err = 0, ret;

	if (!connect(fd, info->ai_addr, info->ai_addrlen))
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	ret = poll(&pfd, 1, HOST_PATIENCE_MS);
	if (ret <= 0)
		return ret ? -errno : -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size))
		return -errno;
	return -err;
}

static int try_listen(int fd, const struct addrinfo *info)
{
	const int on = 1;

	/* Or a server that is started again waits for connections of the last one */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, 8))
		return -errno;
	return 0;
}

/* The first of a name's addresses that it works with */
static int open_one(const char *name, const char *port, const char **why,
		    int (*use)(int fd, const struct addrinfo *info))
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list, *info;
	int fd = -1, ret;

	ret = getaddrinfo(name, port, &hints, &list);
	if (ret) {
		*why = gai_strerror(ret);
		return -1;
	}
	for (info = list; info && fd < 0; info = info->ai_next) {
		fd = socket(info->ai_family,
			    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		ret = fd < 0 ? -errno : use(fd, info);
		if (ret && fd >= 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	if (fd < 0)
		*why = strerror(-ret);
	return fd;
}

int host_connect(const char *name, const char *port, const char **why)
{
	int fd = open_one(name, port, why, try_connect);

	if (fd >= 0)
		host_keep(fd);
	return fd;
}

int host_listen(const char *name, const char *port, const char **why)
{
	return open_one(name, port, why, try_listen);
}

void host_keep(int fd)
{
	const int on = 1, idle = KEEP_IDLE_S, every = KEEP_EVERY_S, count = KEEP_COUNT;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof(every));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

const char *host_text(const struct sockaddr_storage *addr, char text[HOST_TEXT])
{
	const bool six = addr->ss_family == AF_INET6;
	char name[64], port[8];

	if (getnameinfo((const struct sockaddr *)addr, sizeof(*addr), name,
			sizeof(name), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(text, HOST_TEXT, "?");
	else
		snprintf(text, HOST_TEXT, six ? "[%s]:%s" : "%s:%s", name, port);
	return text;
}

int host_send(int fd, const struct wire *wire)
{
	uint8_t bytes[WIRE_SIZE];
	ssize_t sent;

	wire_pack(wire, bytes);
	/* A few messages a connection: there is always room for them */
	sent = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return -errno;
	return sent == sizeof(bytes) ? 0 : -ENOBUFS;
}

int host_take(int fd, struct inbox *inbox, struct wire *wire)
{
	ssize_t got = recv(fd, inbox->bytes + inbox->length,
			   sizeof(inbox->bytes) - inbox->length, MSG_DONTWAIT);

	if (!got)
		return -EPIPE;
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	inbox->length += (size_t)got;
	if (inbox->length < sizeof(inbox->bytes))
		return 0;
	inbox->length = 0;
	got = wire_parse(wire, inbox->bytes);
	return got ? (int)got : 1;
}

int host_receive(int fd, struct wire *wire, int timeout_ms)
{
	const uint64_t deadline = now_ms() + (uint64_t)timeout_ms;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct inbox inbox = { .length = 0 };
	uint64_t now;
	int ret = 0;

	while (!ret) {
		now = now_ms();
		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)(deadline - now)) < 0)
			return -errno;
		ret = host_take(fd, &inbox, wire);
	}
	return ret > 0 ? 0 : ret;
}
