// SPDX-License-Identifier: GPL-2.0
/*
 * Files that appear when they are complete
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "message.h"
#include "output.h"
#include "verb.h"

/* Of the file under way; the first is empty if it is written in place */
static char beside[PATH_MAX], place[PATH_MAX];
static bool under_way;

/*
 * Return: a file descriptor that is open already, of which @path is a name, such as
 * /dev/stdout; or -1. Links are read here, but nothing is opened by what they say.
 */
static int named_fd(const char *path)
{
	char name[PATH_MAX], target[PATH_MAX], rest[2];
	ssize_t len;
	int i, fd;

	if (snprintf(name, sizeof(name), "%s", path) >= PATH_MAX)
		return -1;
	/* As many as the kernel follows */
	for (i = 0; i < 40; i++) {
		if (sscanf(name, "/dev/fd/%d%1s", &fd, rest) == 1 ||
		    sscanf(name, "/proc/self/fd/%d%1s", &fd, rest) == 1 ||
		    sscanf(name, "/proc/thread-self/fd/%d%1s", &fd, rest) == 1)
			return fcntl(fd, F_GETFD) < 0 ? -1 : fd;
		len = readlink(name, target, sizeof(target) - 1);
		if (len < 0)
			break;
		target[len] = 0;
		if (target[0] != '/' && strrchr(name, '/'))
			strrchr(name, '/')[1] = 0;
		else
			name[0] = 0;
		if (strlen(name) + strlen(target) >= sizeof(name))
			break;
		strcat(name, target);
	}
	return -1;
}

/* At the end of what it has, as everything else that is printed there */
static FILE *write_to(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), err;
	FILE *file;

	if (copy < 0)
		return NULL;
	fflush(NULL);
	file = fdopen(copy, "w");
	if (file)
		return file;
	err = errno;
	close(copy);
	errno = err;
	return NULL;
}

/*
 * What @path leads to: a link stays one, and what it points to is replaced. The kernel
 * follows it, which knows whose links in a shared folder are not to be followed, see
 * fs.protected_symlinks; realpath() does not.
 *
 * Return: 0, and @place; or -errno.
 */
static int find_place(const char *path, struct stat *st)
{
	int fd = open(path, O_PATH | O_CLOEXEC), ret = 0;
	char self[32];
	ssize_t len;

	if (fd < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	len = readlink(self, place, sizeof(place) - 1);
	if (len < 0 || fstat(fd, st))
		ret = -errno;
	place[len < 0 ? 0 : len] = 0;
	close(fd);
	return ret;
}

static FILE *open_place(const char *path)
{
	mode_t mask = umask(0);
	int fd = named_fd(path), err;
	struct stat st = { .st_nlink = 1 };
	FILE *file;

	umask(mask);
	beside[0] = 0;
	if (fd >= 0)
		return write_to(fd);
	err = -find_place(path, &st);
	/* A link that leads nowhere is an error */
	if (err == ENOENT && readlink(path, place, 1) < 0) {
		err = snprintf(place, sizeof(place), "%s", path) >= PATH_MAX ?
			      ENAMETOOLONG : 0;
		st.st_mode = S_IFREG | (0666 & ~mask);
	}
	if (err) {
		errno = err;
		return NULL;
	}
	/* Nor is what another process has open to be replaced under it */
	if (!S_ISREG(st.st_mode) || !st.st_nlink || !strncmp(path, "/proc/", 6))
		return fopen(path, "we");
	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", place) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = cleanup_mkstemp(beside);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	fchmod(fd, st.st_mode & 0777);
	file = fdopen(fd, "w");
	if (file)
		return file;
	err = errno;
	unlink(beside);
	cleanup_unlink(NULL, NULL);
	close(fd);
	errno = err;
	return NULL;
}

FILE *output_file(const char *path)
{
	FILE *file;

	/* Which is written beside which would not be known any more */
	if (under_way) {
		errno = EBUSY;
		return NULL;
	}
	file = open_place(path);
	under_way = file;
	return file;
}

int output_file_done(FILE *file)
{
	int err = 0;

	under_way = false;

	if (fflush(file) || (beside[0] && fsync(fileno(file))))
		err = errno;
	else if (ferror(file))
		err = EIO;
	if (fclose(file) && !err)
		err = errno;
	if (!beside[0])
		return -err;
	if (!err && rename(beside, place))
		err = errno;
	if (err)
		unlink(beside);
	cleanup_unlink(NULL, NULL);
	return -err;
}

void output_file_drop(FILE *file)
{
	under_way = false;
	fclose(file);
	if (beside[0])
		unlink(beside);
	cleanup_unlink(NULL, NULL);
}

/* What standard output goes into */
static FILE *instead;

static int finish(int err, int status)
{
	/* Half of it is no file, nor is nothing */
	if (!err && status != EXIT_FAILED && status != EXIT_USAGE)
		return -output_file_done(instead);
	output_file_drop(instead);
	return err;
}

bool output_is_file(void)
{
	return instead;
}

int output_to(const char *path)
{
	FILE *file = output_file(path);

	if (!file)
		return -errno;
	if (dup2(fileno(file), STDOUT_FILENO) < 0)
		return -errno;
	instead = file;
	output_at_end(finish, path);
	return 0;
}
