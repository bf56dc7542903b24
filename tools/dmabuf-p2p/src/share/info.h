/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INFO_H
#define INFO_H

#include <stdbool.h>

#include "dmabuf.h"
#include "holders.h"
#include "json.h"

/**
 * struct info_how - how to tell about a dma-buf
 * @route: full address of the device to tell the routes of, or NULL
 * @users: who has dma-bufs, to be told as well, or NULL
 * @json: as JSON
 */
struct info_how {
	const char *route;
	const struct holders *users;
	bool json;
};

/**
 * info_fd - tell what a dma-buf of this process holds
 * @fd: the dma-buf
 * @spec: as the user named it, for messages
 * @how: how
 *
 * Return: enum exit_code; EXIT_MISMATCH if the device does not reach all of it.
 */
int info_fd(int fd, const char *spec, const struct info_how *how);

/** info_print - about one dma-buf, in text */
void info_print(const struct dmabuf *dmabuf, const char *spec,
		const char *route);

/** info_json - about one dma-buf; Return: an object that is the caller's */
struct json_object *info_json(const struct dmabuf *dmabuf, const char *route);

/**
 * info_verdict - what the program exits with after telling about a dma-buf
 *
 * Return: enum exit_code, as info_fd().
 */
int info_verdict(const struct dmabuf *dmabuf, const char *spec,
		 const char *route);

/**
 * info_process - tell what the dma-bufs of a process hold
 * @pid: the process
 * @only: number of the only file descriptor to tell of, or -1
 * @how: how
 *
 * Return: enum exit_code, as info_fd().
 */
int info_process(pid_t pid, int only, const struct info_how *how);

/**
 * info_all - tell which process has which dma-bufs
 * @json: as JSON
 *
 * Return: enum exit_code.
 */
int info_all(bool json);

#endif /* INFO_H */
