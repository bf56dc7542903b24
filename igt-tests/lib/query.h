/* SPDX-License-Identifier: MIT */
#ifndef LIB_QUERY_H
#define LIB_QUERY_H

#include <linux/dma-buf-phys.h>
#include <stdint.h>

/** __query_open - open /dev/dma_buf_phys; Return: its fd or -errno */
int __query_open(void);
int query_open(void);

/**
 * __query - ask what is in a dma-buf
 * @dev: from query_open()
 * @dmabuf: fd
 * @query: flags, device and nr_groups are the caller's; the answer
 * @groups: array of @query->nr_groups that receives the first ones, or NULL
 *
 * Return: 0 or -errno.
 */
int __query(int dev, int dmabuf, struct dma_buf_phys_query *query,
	    struct dma_buf_phys_group_info *groups);

/** query - ask for everything but the groups, or fail the test */
void query(int dev, int dmabuf, struct dma_buf_phys_query *query);

/**
 * query_wait_try - wait until importers have tried to follow a restore
 * @dev: from query_open()
 * @dmabuf: fd
 *
 * Return: how many of them have failed so far; others may not be ready then. 0 if
 * all are.
 */
uint32_t query_wait_try(int dev, int dmabuf);

/**
 * query_groups - ask for everything and fail the test if something does not fit
 * @dev: from query_open()
 * @dmabuf: fd
 * @query: receives the answer
 * @groups: receives the groups
 * @nr: how many @groups has room for
 *
 * The groups have to follow each other from 0 to the end of the dma-buf, and
 * their ranges have to add up. Two neighbours that look alike are two BARs.
 */
void query_groups(int dev, int dmabuf, struct dma_buf_phys_query *query,
		  struct dma_buf_phys_group_info *groups, uint32_t nr);

/**
 * __query_route - ask how a device would reach the first 8 groups
 * @dev: from query_open()
 * @dmabuf: fd
 * @device: as of query_device()
 * @query: receives the answer
 * @groups: receives the groups, 8 at most
 *
 * Return: 0 or -errno.
 */
int __query_route(int dev, int dmabuf, uint64_t device,
		  struct dma_buf_phys_query *query,
		  struct dma_buf_phys_group_info *groups);

/** query_device - "0000:3b:00.1" as the interface has it, 0x3b01 */
uint64_t query_device(const char *addr);

/**
 * __watch - be told of revoke and restore
 * @dev: from query_open()
 * @dmabuf: fd
 * @flags: %O_CLOEXEC, %O_NONBLOCK
 *
 * Return: fd of the watch, or -errno.
 */
int __watch(int dev, int dmabuf, uint32_t flags);
int watch(int dev, int dmabuf, uint32_t flags);

/**
 * __watch_read - wait for something to happen, and take it
 * @watch: fd
 * @event: receives it
 *
 * Return: 1; 0 at the end, when the dma-buf is dead; or -errno.
 */
int __watch_read(int watch, struct dma_buf_phys_watch_event *event);
void watch_read(int watch, struct dma_buf_phys_watch_event *event);

/**
 * watch_poll - what poll() says of a watch
 * @watch: fd
 * @ms: how long to wait for something
 *
 * Return: revents; 0 if nothing came.
 */
short watch_poll(int watch, int ms);

#endif /* LIB_QUERY_H */
