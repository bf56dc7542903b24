// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dmabuf.h"
#include "message.h"
#include "share.h"
#include "target.h"
#include "units.h"
#include "verb.h"

static int option_number(struct argp_state *state, const char *what,
			 const char *arg, uint64_t min)
{
	uint64_t number;

	if (parse_number(arg, min, INT_MAX, &number))
		argp_error(state, "'%s' is no %s", arg, what);
	return (int)number;
}

void target_default(struct target *target)
{
	static char spec[32];
	const char *fd = getenv("DMABUF_FD");

	if (target->spec || target->pid || target->fd >= 0 || !fd ||
	    strlen(fd) > 10)
		return;
	snprintf(spec, sizeof(spec), "fd:%s", fd);
	target->spec = spec;
}

error_t target_parse(struct target *target, int key, char *arg,
		     struct argp_state *state)
{
	switch (key) {
	case TARGET_PID:
		target->pid = option_number(state, "process id", arg, 1);
		return 0;
	case TARGET_FD:
		target->fd = option_number(state, "file descriptor", arg, 0);
		return 0;
	case ARGP_KEY_ARG:
		if (strncmp(arg, "fd:", 3) && strncmp(arg, "unix:", 5))
			argp_error(state, "'%s' is neither fd:N nor unix:PATH",
				   arg);
		if (target->spec)
			argp_error(state, "one dma-buf at a time");
		target->spec = arg;
		return 0;
	case ARGP_KEY_END:
		if (target->fd >= 0 && !target->pid)
			argp_error(state, "--fd goes with --pid; or say fd:%d",
				   target->fd);
		if (target->spec && target->pid)
			argp_error(state, "either %s or --pid", target->spec);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int take(const struct target *target, const char *name)
{
	int fd = dmabuf_take(target->pid, target->fd);

	if (fd >= 0)
		return fd;
	if (fd == -EPERM)
		complain(name, as_root("run it as root"),
			 "taking a file descriptor needs the right to trace the process");
	else if (fd == -ESRCH)
		complain(name, NULL, "there is no such process");
	else if (fd == -EBADF)
		complain(name, "'dmabuf-p2p info --pid' lists those that are dma-bufs",
			 "it has no such file descriptor");
	else
		complain(name, NULL, "cannot take it: %s", strerror(-fd));
	return -EXIT_FAILED;
}

int target_open(const struct target *target, char *name, size_t size)
{
	struct share_header header;

	if (!target->spec) {
		snprintf(name, size, "process %d, fd %d", target->pid,
			 target->fd);
		return take(target, name);
	}
	snprintf(name, size, "%s", target->spec);
	if (!strncmp(target->spec, "fd:", 3))
		return dmabuf_inherited(target->spec + 3, name);
	return share_take(target->spec + 5, &header);
}
