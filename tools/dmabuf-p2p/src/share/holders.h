/* SPDX-License-Identifier: GPL-2.0 */
#ifndef HOLDERS_H
#define HOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "dmabuf.h"
#include "importers.h"
#include "json.h"
#include "uses.h"

/**
 * struct holders - who has dma-bufs: processes, and devices that import them
 * @uses: the processes
 * @importers: the devices
 * @device: that all dma-bufs are on, 0 if none was found
 * @hidden: processes that may not be looked at
 * @some: there are more, which are not even to be counted
 */
struct holders {
	struct uses uses;
	struct importers importers;
	dev_t device;
	unsigned int hidden;
	bool some;
};

/**
 * holders_find - look at all processes, and ask the kernel for importers
 * @holders: filled in, to be freed by holders_free(), whatever comes of this
 * @fn: called with each file descriptor of a dma-buf, what /proc tells of that, and
 *	@arg; NULL for nothing
 * @arg: for @fn
 *
 * Return: 0 or -errno.
 */
int holders_find(struct holders *holders,
		 void (*fn)(const struct dmabuf *dmabuf, pid_t pid, int number,
			    void *arg),
		 void *arg);

/** holders_print - processes and devices that have a dma-buf, a line each */
void holders_print(const struct holders *holders, ino_t inode);

/** holders_print_devices - the devices that import a dma-buf, after @what */
void holders_print_devices(const struct holders *holders, ino_t inode,
			   const char *what);

/** holders_print_rest - what could not be looked at; @devices: of these as well */
void holders_print_rest(const struct holders *holders, bool devices);

/**
 * holders_json - put the same into an object about that dma-buf
 *
 * "users", and "importing_devices" and "importing_modules", which are null if the kernel
 * does not tell.
 */
void holders_json(const struct holders *holders, ino_t inode,
		  struct json_object *obj);

void holders_free(struct holders *holders);

#endif /* HOLDERS_H */
