/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ACCESS_H
#define ACCESS_H

#include <stdbool.h>
#include <stdint.h>

struct end;

/* Long enough for access_route() */
#define ACCESS_TEXT 256

/**
 * access_generation - how often access to a dma-buf was taken or given back
 * @fd: the dma-buf
 * @generation: receives it
 *
 * Return: 0 or -errno: that of dma-bufs without a physical list is not told; -EINTR if
 * interrupted() was what ended the question.
 */
int access_generation(int fd, uint64_t *generation);

/**
 * access_route - how a device would reach a dma-buf, in words
 * @fd: the dma-buf
 * @pci: address of the device
 * @text: receives it
 * @reaches: receives whether it would reach all of it
 *
 * Return: whether the kernel tells.
 */
bool access_route(int fd, const char *pci, char text[ACCESS_TEXT],
		  bool *reaches);

/** access_route_id - the same for programs, as dmabuf_phys_route_name() has it */
bool access_route_id(int fd, const char *pci, char text[ACCESS_TEXT]);

/**
 * access_begin - tell a dma-buf's exporter that the CPU is going to use it
 * @end: what; nothing is told if it is no dma-buf
 * @write: it writes, too
 *
 * Waits for devices that use it. Every one of these is followed by access_end().
 *
 * Return: 0 or -errno.
 */
int access_begin(const struct end *end, bool write);
int access_end(const struct end *end, bool write);

#endif /* ACCESS_H */
