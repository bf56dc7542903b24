// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "message.h"

int command_exec(char **argv, int fd, uint64_t size)
{
	char text[32];
	int err;

	snprintf(text, sizeof(text), "%d", fd);
	setenv("DMABUF_FD", text, 1);
	snprintf(text, sizeof(text), "%" PRIu64, size);
	setenv("DMABUF_SIZE", text, 1);
	/* All but standard streams and this one are closed on exec */
	fcntl(fd, F_SETFD, 0);
	execvp(argv[0], argv);
	err = errno;
	complain(argv[0], NULL, "cannot start it: %s", strerror(err));
	return err == ENOENT ? 127 : 126;
}
