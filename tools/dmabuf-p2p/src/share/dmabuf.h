/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DMABUF_H
#define DMABUF_H

#include <linux/dma-buf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dmabuf-phys.h"

/* Whom to ask */
#define DMABUF_PHYS_NODE "/dev/dma_buf_phys"

/**
 * struct dmabuf - what is known of a dma-buf
 * @fd: of this process; -1 if another one's could not be had
 * @inode: tells dma-bufs apart
 * @size: bytes
 * @exporter: name of the driver that made it, clean
 * @name: what somebody calls it, clean; empty if nothing
 * @query_error: 0, or the errno why what follows is not known
 * @query: the kernel's answer
 * @groups: @query.nr_groups
 */
struct dmabuf {
	int fd;
	ino_t inode;
	uint64_t size;
	char exporter[64];
	char name[DMA_BUF_NAME_LEN];
	int query_error;
	struct dma_buf_phys_query query;
	struct dma_buf_phys_group_info *groups;
};

/**
 * dmabuf_inherited - the dma-buf behind a number
 * @number: of a file descriptor, in text
 * @spec: as the user named it, for messages
 *
 * Return: the fd, or -(enum exit_code), which has been complained about.
 */
int dmabuf_inherited(const char *number, const char *spec);

/**
 * dmabuf_size - how large a dma-buf is
 * @fd: the dma-buf
 * @spec: as the user named it, for messages
 * @size: receives it, bytes
 *
 * Return: enum exit_code; anything but EXIT_OK has been complained about, such
 * as that it is no dma-buf.
 */
int dmabuf_size(int fd, const char *spec, uint64_t *size);

/**
 * dmabuf_take - get a file descriptor out of another process
 * @pid: of it
 * @number: of the file descriptor there
 *
 * Return: the fd, or -errno; -EPERM without the right to trace the process.
 */
int dmabuf_take(pid_t pid, int number);

/**
 * dmabuf_read - learn what /proc tells of a dma-buf
 * @dmabuf: filled in but for the kernel's answer and @fd
 * @pid: of a process that has it open
 * @number: of the file descriptor there
 *
 * Return: 0; -EINVAL if it is no dma-buf; or -errno.
 */
int dmabuf_read(struct dmabuf *dmabuf, pid_t pid, int number);

/**
 * dmabuf_parse - read what a fdinfo file of /proc says
 * @dmabuf: its inode, size, exporter and name are filled in, names clean
 * @text: of the file; changed
 *
 * Return: 0, or -EINVAL if that is no dma-buf.
 */
int dmabuf_parse(struct dmabuf *dmabuf, char *text);

/**
 * dmabuf_ask - get the kernel's answer about a dma-buf
 * @dmabuf: with its fd; @query_error, @query and @groups are filled in
 * @route: full address of the device to tell the routes of, or NULL
 */
void dmabuf_ask(struct dmabuf *dmabuf, const char *route);

/** dmabuf_release - free what dmabuf_ask() has allocated, close nothing */
void dmabuf_release(struct dmabuf *dmabuf);

/** dmabuf_reachable - whether the device of dmabuf_ask() reaches all of it */
bool dmabuf_reachable(const struct dmabuf *dmabuf);

/** dmabuf_route_text - in words; those of dmabuf_phys_route_name() are for JSON */
const char *dmabuf_route_text(uint32_t route);

#endif /* DMABUF_H */
