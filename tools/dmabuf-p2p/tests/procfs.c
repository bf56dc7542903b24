// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at the files of processes, without asking whoever may not answer
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "procfs.h"
#include "tap.h"

/* What a link in /proc is said to lead to, or the error, and who was asked */
static const char *leads_to;
static int link_error;
static unsigned int asked;

ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
int __wrap_statfs64(const char *path, struct statfs64 *fs);

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	size_t length = strlen(leads_to);

	(void)path;
	errno = link_error;
	if (link_error)
		return -1;
	if (length > size)
		length = size;
	memcpy(buf, leads_to, length);
	return (ssize_t)length;
}

int __wrap_statfs64(const char *path, struct statfs64 *fs)
{
	(void)path;
	(void)fs;
	asked++;
	errno = ENOSYS;
	return -1;
}

static int never(pid_t pid, int number, void *arg)
{
	(void)pid;
	(void)number;
	(void)arg;
	return 7;
}

static bool is(int err, const char *name)
{
	link_error = err;
	leads_to = name;
	asked = 0;
	return procfs_each_fd(getpid(), never, NULL) == -err && !asked;
}

int main(void)
{
	int fd = memfd_create("stand-in", MFD_CLOEXEC);

	tap_ok(is(0, "/srv/share/file"), "no server is asked for a file");
	tap_ok(is(0, "/dmabuf:x") && !procfs_is_dmabuf(getpid(), fd, NULL) && !asked,
	       "nor for one with the name of a dma-buf");
	tap_ok(is(EACCES, ""), "files that may not be looked at are not none");
	tap_ok(procfs_each_fd(0, never, NULL) == -ENOENT, "no such process");
	close(fd);
	return tap_end();
}
