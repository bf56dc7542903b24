/* SPDX-License-Identifier: MIT */
#ifndef STREAMS_H
#define STREAMS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/*
 * Standard input, output and error, for every program here. Whoever starts a
 * program may have closed them. Then the next file it opens is one of them, such as
 * a device, and the next message goes into its registers.
 */

/**
 * streams_open - see to it that file descriptors 0 to 2 are open
 *
 * The first thing that a main() does. What was closed becomes /dev/null, opened the
 * wrong way round, so that using it is the error it was before.
 */
static inline void streams_open(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDONLY };
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", flags[fd]) != fd)
			_exit(1);
}

/**
 * streams_flush - find out whether all that was printed has arrived
 *
 * Some file systems tell only when a file is closed that they could not store it.
 *
 * Return: 0, an errno, or -1 if an earlier one is not known any more.
 */
static inline int streams_flush(void)
{
	int copy, err = 0;

	if (fflush(stdout))
		err = errno;
	else if (ferror(stdout))
		err = -1;
	copy = dup(STDOUT_FILENO);
	if (copy >= 0 && close(copy) && !err)
		err = errno;
	return err;
}

#endif /* STREAMS_H */
