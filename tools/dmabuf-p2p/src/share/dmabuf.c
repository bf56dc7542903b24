// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* In the words of the kernel, which messages are made of */
static int copy_answer(struct dmabuf *dmabuf, const struct dmabuf_phys_info *info)
{
	uint32_t i;

	dmabuf->query = (struct dma_buf_phys_query) {
		.nr_groups = info->nr_groups,
		.state = info->state,
		.length = info->length,
		.nr_frags = info->nr_frags,
		.generation = info->generation,
		.nr_importers = info->nr_importers,
		.nr_mapped = info->nr_mapped,
		.nr_behind = info->nr_behind,
		.nr_failed = info->nr_failed,
	};
	dmabuf->groups = calloc(info->nr_groups + 1, sizeof(*dmabuf->groups));
	if (!dmabuf->groups)
		return -ENOMEM;
	for (i = 0; i < info->nr_groups; i++)
		dmabuf->groups[i] = *dmabuf_phys_group(info, i);
	return 0;
}

void dmabuf_ask(struct dmabuf *dmabuf, const char *route)
{
	struct dmabuf_phys_info *info;
	int ret;

	dmabuf->query = (struct dma_buf_phys_query){ 0 };
	dmabuf->groups = NULL;
	/* A program that was stopped and goes on has had a signal, too */
	do {
		ret = dmabuf_phys_query(dmabuf->fd, route, &info);
	} while (ret == -EINTR && !interrupted());
	if (!ret)
		ret = copy_answer(dmabuf, info);
	if (ret)
		dmabuf->query.nr_groups = 0;
	dmabuf->query_error = -ret;
	dmabuf_phys_free(info);
}

void dmabuf_release(struct dmabuf *dmabuf)
{
	free(dmabuf->groups);
	dmabuf->groups = NULL;
}

bool dmabuf_reachable(const struct dmabuf *dmabuf)
{
	uint32_t i;

	for (i = 0; i < dmabuf->query.nr_groups; i++)
		if (!dmabuf_phys_reaches(dmabuf->groups[i].route))
			return false;
	return dmabuf->query.nr_groups;
}

/* A kernel that knows more than this program is no reason to fail */
#define WORD(words, i) \
	((i) < ARRAY_SIZE(words) ? words[i] : "?")

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
