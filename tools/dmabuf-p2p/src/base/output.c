// SPDX-License-Identifier: GPL-2.0
/*
 * What is written arrives, or the exit status tells
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "interrupt.h"
#include "message.h"
#include "output.h"
#include "streams.h"
#include "verb.h"

int output_end(int status)
{
	static bool told;
	int err = streams_flush();

	if (err && !told)
		complain("standard output", NULL, "cannot write to it%s%s",
			 err > 0 ? ": " : "", err > 0 ? strerror(err) : "");
	told = true;
	return !status && (err || ferror(stderr)) ? EXIT_FAILED : status;
}

static void at_exit(int status, void *arg)
{
	int now = output_end(status & 0xff);

	(void)arg;
	if (now == EXIT_INTERRUPTED && interrupted())
		interrupt_die(interrupted());
	/* Nothing that was registered before is left to be called */
	if (now != (status & 0xff))
		_exit(now);
}

void output_begin(void)
{
	streams_open();
	/* Where it is ignored nobody learns how a child has ended */
	signal(SIGCHLD, SIG_DFL);
	on_exit(at_exit, NULL);
}

/* Of the file under way; the first is empty if it is written in place */
static char beside[PATH_MAX], place[PATH_MAX];

FILE *output_file(const char *path)
{
	mode_t mask = umask(0);
	struct stat st;
	FILE *file;
	int fd, err;

	umask(mask);
	beside[0] = 0;
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return fopen(path, "we");
	/* A link stays one, and what it points to is replaced */
	if (!realpath(path, place) &&
	    (errno != ENOENT || !lstat(path, &st) ||
	     snprintf(place, sizeof(place), "%s", path) >= PATH_MAX))
		return NULL;
	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", place) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = cleanup_mkstemp(beside);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	fchmod(fd, stat(place, &st) ? 0666 & ~mask : st.st_mode & 0777);
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

int output_file_done(FILE *file)
{
	int err = 0;

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
