// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regular_file.h"
#include "text.h"

static const char *other_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return NULL;
	case S_IFDIR:
		return "folder";
	case S_IFIFO:
		return "FIFO";
	case S_IFSOCK:
		return "socket";
	default:
		return "device";
	}
}

/* Return: an open file descriptor, -errno, or -ENOTSUP for another @kind of file */
static int open_regular(const char *path, const char **kind)
{
	struct stat st;
	int fd;

	/* To open a device may do something */
	if (stat(path, &st))
		return -errno;
	*kind = other_kind(st.st_mode);
	if (*kind)
		return -ENOTSUP;
	/* It may have been replaced since */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st))
		*kind = other_kind(st.st_mode);
	if (*kind) {
		close(fd);
		return -ENOTSUP;
	}
	return fd;
}

FILE *regular_open(const char *path, char **fault)
{
	const char *kind = NULL;
	int fd = open_regular(path, &kind);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char *why = NULL;

	if (kind)
		why = text_format("is a %s", kind);
	else if (!file && fd != -ENOENT && fd != -ENOTDIR)
		why = text_format("cannot be read: %s",
				  strerror(fd < 0 ? -fd : errno));
	if (!file && fd >= 0)
		close(fd);
	if (fault)
		*fault = why;
	else
		free(why);
	return file;
}
