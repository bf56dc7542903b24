/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TARGET_H
#define TARGET_H

#include <argp.h>
#include <sys/types.h>

/**
 * struct target - a dma-buf as users name it for verbs that only look
 * @spec: "fd:N", "unix:PATH", or NULL
 * @pid: of a process that has it, or 0
 * @fd: number of the file descriptor there, or -1
 */
struct target {
	const char *spec;
	pid_t pid;
	int fd;
};

#define TARGET_NONE { .fd = -1 }

enum target_option {
	TARGET_PID = 'p',
	TARGET_FD = 'f',
};

/* For the table of options */
#define TARGET_OPTIONS                                                       \
	{ "pid", TARGET_PID, "PID", 0, "Look at dma-bufs of this process" }, \
	{ "fd", TARGET_FD, "N", 0, "With --pid: only at its file descriptor N" }

/** target_parse - an option or an argument; as argp's parsers */
error_t target_parse(struct target *target, int key, char *arg,
		     struct argp_state *state);

/**
 * target_default - take the dma-buf of $DMABUF_FD if none is named
 * @target: with all options parsed
 *
 * So what 'export ... -- COMMAND' starts need not say which.
 */
void target_default(struct target *target);

/**
 * target_open - open a dma-buf
 * @target: with a spec, or with pid and fd
 * @name: receives what to call it in messages
 * @size: of @name
 *
 * Return: the fd, or -(enum exit_code), which has been complained about.
 */
int target_open(const struct target *target, char *name, size_t size);

#endif /* TARGET_H */
