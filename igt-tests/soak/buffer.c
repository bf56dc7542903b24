// SPDX-License-Identifier: MIT
/*
 * dma-bufs that workers hand out to each other, and what has to be in them
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pass.h"
#include "random.h"
#include "run.h"

/* One who does not answer is busy with its device */
#define ANSWERS_S 2

#define MAGIC 0x50a6000000000000ull
#define MAGIC_MASK 0xffff000000000000ull

uint64_t soak_word(uint32_t memory, uint32_t page)
{
	return MAGIC | (uint64_t)(memory & 0xfffffff) << 20 | (page & 0xfffff);
}

int soak_expect(struct soak_worker *worker, const struct soak_buffer *buffer,
		uint32_t page, uint64_t word)
{
	if (word != buffer->word[page])
		soak_wrong(worker, "page %u has 0x%" PRIx64 " instead of 0x%" PRIx64,
			   page, word, buffer->word[page]);
	return 0;
}

int soak_judge(struct soak_worker *worker, const struct soak_buffer *buffer,
	       uint32_t page, uint64_t word)
{
	if ((word & MAGIC_MASK) != MAGIC)
		return -EFAULT;
	return soak_expect(worker, buffer, page, word);
}

/* Abstract: nothing is left of it in a file system */
static socklen_t address(struct sockaddr_un *at, unsigned int worker)
{
	int len;

	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	len = snprintf(at->sun_path + 1, sizeof(at->sun_path) - 1, "dmabuf-soak-%d-%u",
		       (int)getpgrp(), worker);
	return (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)len;
}

int soak_listen(unsigned int worker)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un at;
	socklen_t len = address(&at, worker);

	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&at, len) && !listen(fd, SOAK_WORKERS))
		return fd;
	close(fd);
	return -errno;
}

/* Return: somebody who hands out dma-bufs, or -1 */
static int choose(void)
{
	unsigned int i, nr = 0, found[SOAK_WORKERS];

	for (i = 0; i < soak_shared->nr; i++)
		if (soak_shared->socket[i] >= 0)
			found[nr++] = i;
	return nr ? (int)found[below(nr)] : -1;
}

int soak_take(struct soak_worker *worker, unsigned int call,
	      struct soak_buffer *buffer)
{
	const struct timeval patience = { .tv_sec = ANSWERS_S };
	int from = choose(), fd, got = -1, ret = -EAGAIN;
	struct sockaddr_un at;
	socklen_t len;

	buffer->fd = -1;
	fd = from < 0 ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return soak_ended(worker, call, -ENOENT);
	len = address(&at, (unsigned int)from);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&at, len) && !__pass_fd(fd, &got)) {
		if (recv(fd, buffer, sizeof(*buffer), 0) == sizeof(*buffer))
			ret = 0;
		else
			close(got);
		buffer->fd = ret ? -1 : got;
	}
	close(fd);
	return soak_ended(worker, call, ret);
}

int soak_give(struct soak_worker *worker, int wait_ms,
	      int (*which)(struct soak_worker *worker, struct soak_buffer *buffer))
{
	struct pollfd pfd = {
		.fd = soak_shared->socket[worker - soak_shared->worker],
		.events = POLLIN,
	};
	struct soak_buffer buffer = { .fd = -1 };
	int fd, ret;

	if (poll(&pfd, 1, wait_ms) != 1)
		return -ETIMEDOUT;
	fd = accept4(pfd.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = which(worker, &buffer);
	/* Who asked may have given up meanwhile */
	if (!ret && !__pass_fd(fd, &buffer.fd))
		send(fd, &buffer, sizeof(buffer), MSG_NOSIGNAL);
	close(fd);
	return ret;
}
