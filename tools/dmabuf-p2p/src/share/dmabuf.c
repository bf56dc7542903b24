// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "array.h"
#include "device.h"
#include "dmabuf.h"
#include "interrupt.h"
#include "message.h"
#include "procfs.h"
#include "text.h"
#include "units.h"
#include "verb.h"

int dmabuf_inherited(const char *number, const char *spec)
{
	uint64_t fd;

	if (parse_number(number, 0, INT_MAX, &fd)) {
		complain(spec, "example: fd:3",
			 "invalid file descriptor '%s'", number);
		return -EXIT_USAGE;
	}
	if (fcntl((int)fd, F_GETFD) < 0) {
		complain(spec,
			 "'dmabuf-p2p export ... -- COMMAND' tells COMMAND by $DMABUF_FD",
			 "there is no such file descriptor here");
		return -EXIT_FAILED;
	}
	return (int)fd;
}

int dmabuf_size(int fd, const char *spec, uint64_t *size)
{
	char path[64], target[PATH_MAX];
	ssize_t len;
	off_t end;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	target[len < 0 ? 0 : len] = 0;
	if (procfs_is_dmabuf(getpid(), fd, NULL) != 1) {
		complain(spec, NULL, "this is no dma-buf but %s", target);
		return EXIT_FAILED;
	}
	end = lseek(fd, 0, SEEK_END);
	if (end < 0) {
		complain(spec, NULL, "cannot tell its size: %s",
			 strerror(errno));
		return EXIT_FAILED;
	}
	*size = (uint64_t)end;
	return EXIT_OK;
}

int dmabuf_take(pid_t pid, int number)
{
	long pidfd, fd;
	int err;

	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	err = errno;
	close((int)pidfd);
	return fd < 0 ? -err : (int)fd;
}

/*
 * One line a member. The name is the last one and anybody may name anything: what
 * follows it is part of it, whatever it looks like.
 */
int dmabuf_parse(struct dmabuf *dmabuf, char *text)
{
	bool is_one = false;
	char *line, *next, *name = NULL;

	for (line = text; *line && !name; line = next) {
		next = line + strcspn(line, "\n");
		if (!strncmp(line, "name:\t", 6)) {
			name = line + 6;
			break;
		}
		if (*next)
			*next++ = 0;
		sscanf(line, "ino: %lu", &dmabuf->inode);
		sscanf(line, "size: %" SCNu64, &dmabuf->size);
		if (sscanf(line, "exp_name: %63[^\n]", dmabuf->exporter) == 1)
			is_one = true;
	}
	if (name) {
		if (*name)
			name[strlen(name) - 1] = 0;
		/* Cut first: a character may be in the way */
		name[strnlen(name, sizeof(dmabuf->name) - 1)] = 0;
		memcpy(dmabuf->name, name, strlen(name) + 1);
	}
	text_clean(dmabuf->name);
	text_clean(dmabuf->exporter);
	return is_one ? 0 : -EINVAL;
}

int dmabuf_read(struct dmabuf *dmabuf, pid_t pid, int number)
{
	char path[64], text[1024];
	size_t len;
	FILE *file;

	memset(dmabuf, 0, sizeof(*dmabuf));
	dmabuf->fd = -1;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, number);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = 0;
	return dmabuf_parse(dmabuf, text);
}

static int query_groups(int fd, struct dma_buf_phys_query *query,
			struct dma_buf_phys_group_info *groups)
{
	/* It is asked several times, and stays open */
	static int dev = -1;

	if (dev < 0)
		dev = open(DMABUF_PHYS_NODE, O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -errno;
	query->size = sizeof(*query);
	query->fd = fd;
	query->groups = (uintptr_t)groups;
	query->group_size = groups ? sizeof(*groups) : 0;
	/* A program that was stopped and goes on has had a signal, too */
	while (ioctl(dev, DMA_BUF_PHYS_IOC_QUERY, query) < 0)
		if (errno != EINTR || interrupted())
			return -errno;
	return 0;
}

void dmabuf_ask(struct dmabuf *dmabuf, const char *route)
{
	struct dma_buf_phys_group_info *groups = NULL;
	struct dma_buf_phys_query query = { 0 };
	uint32_t room = 0;
	int ret;

	/* It may move between the two questions: then ask again */
	for (;;) {
		query = (struct dma_buf_phys_query){
			.flags = route ? DMA_BUF_PHYS_QUERY_ROUTE : 0,
			.device = route ? device_number(route) : 0,
			.nr_groups = room,
		};
		ret = query_groups(dmabuf->fd, &query, groups);
		if (ret || query.nr_groups <= room)
			break;
		free(groups);
		room = query.nr_groups;
		groups = calloc(room, sizeof(*groups));
		if (!groups) {
			ret = -ENOMEM;
			break;
		}
	}
	if (ret)
		query.nr_groups = 0;
	dmabuf->query_error = -ret;
	dmabuf->query = query;
	dmabuf->groups = groups;
}

void dmabuf_release(struct dmabuf *dmabuf)
{
	free(dmabuf->groups);
	dmabuf->groups = NULL;
}

static bool reaches(uint32_t route)
{
	return route == DMA_BUF_PHYS_ROUTE_MEMORY ||
	       route == DMA_BUF_PHYS_ROUTE_BUS_ADDR ||
	       route == DMA_BUF_PHYS_ROUTE_HOST_BRIDGE;
}

bool dmabuf_reachable(const struct dmabuf *dmabuf)
{
	uint32_t i;

	for (i = 0; i < dmabuf->query.nr_groups; i++)
		if (!reaches(dmabuf->groups[i].route))
			return false;
	return dmabuf->query.nr_groups;
}

/* A kernel that knows more than this program is no reason to fail */
#define WORD(words, i) \
	((i) < ARRAY_SIZE(words) ? words[i] : "?")

const char *dmabuf_state_text(uint32_t state)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_QUERY_LIVE] = "live",
		[DMA_BUF_PHYS_QUERY_REVOKED] = "revoked",
		[DMA_BUF_PHYS_QUERY_DEAD] = "dead",
	};

	return WORD(words, state);
}

const char *dmabuf_type_text(uint32_t type)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_QUERY_CPU] = "cpu",
		[DMA_BUF_PHYS_QUERY_P2P] = "p2p",
		[DMA_BUF_PHYS_QUERY_ENCRYPTED] = "encrypted",
	};

	return WORD(words, type);
}

const char *dmabuf_attr_text(uint32_t attr)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_QUERY_WB] = "wb",
		[DMA_BUF_PHYS_QUERY_WC] = "wc",
		[DMA_BUF_PHYS_QUERY_UC] = "uc",
	};

	return WORD(words, attr);
}

const char *dmabuf_route_text(uint32_t route)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_ROUTE_UNKNOWN] = "?",
		[DMA_BUF_PHYS_ROUTE_MEMORY] = "as memory",
		[DMA_BUF_PHYS_ROUTE_BUS_ADDR] = "bus address",
		[DMA_BUF_PHYS_ROUTE_HOST_BRIDGE] = "host bridge",
		[DMA_BUF_PHYS_ROUTE_NONE] = "none",
		[DMA_BUF_PHYS_ROUTE_ENCRYPTED] = "none: encrypted",
		[DMA_BUF_PHYS_ROUTE_MASK] = "none: DMA mask",
		[DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE] = "none: not in place",
	};

	return WORD(words, route);
}

const char *dmabuf_route_id(uint32_t route)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_ROUTE_UNKNOWN] = "unknown",
		[DMA_BUF_PHYS_ROUTE_MEMORY] = "memory",
		[DMA_BUF_PHYS_ROUTE_BUS_ADDR] = "bus-address",
		[DMA_BUF_PHYS_ROUTE_HOST_BRIDGE] = "host-bridge",
		[DMA_BUF_PHYS_ROUTE_NONE] = "none",
		[DMA_BUF_PHYS_ROUTE_ENCRYPTED] = "encrypted",
		[DMA_BUF_PHYS_ROUTE_MASK] = "mask",
		[DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE] = "not-in-place",
	};

	return WORD(words, route);
}
