/* SPDX-License-Identifier: GPL-2.0 */
#ifndef INFO_H
#define INFO_H

#include <stdbool.h>

#include "dmabuf.h"
#include "json.h"

/**
 * info_fd - tell what a dma-buf of this process holds
 * @fd: the dma-buf
 * @spec: as the user named it, for messages
 * @route: full address of the device to tell the routes of, or NULL
 * @json: as JSON
 *
 * Return: enum exit_code; EXIT_MISMATCH if @route does not reach all of it.
 */
int info_fd(int fd, const char *spec, const char *route, bool json);

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
 * @route: as info_fd()
 * @json: as JSON
 *
 * Return: enum exit_code, as info_fd().
 */
int info_process(pid_t pid, int only, const char *route, bool json);

/**
 * info_all - tell which process has which dma-bufs
 * @json: as JSON
 *
 * Return: enum exit_code.
 */
int info_all(bool json);

#endif /* INFO_H */
