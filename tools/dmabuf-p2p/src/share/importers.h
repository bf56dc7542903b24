/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IMPORTERS_H
#define IMPORTERS_H

#include <sys/types.h>

/* Where the kernel tells root which devices import which dma-bufs */
#define IMPORTERS_FILE "/sys/kernel/debug/dma_buf/bufinfo"

/**
 * struct importers - what that file says
 * @error: 0, or the errno why it could not be read
 * @text: of it
 */
struct importers {
	int error;
	char *text;
};

/** importers_read - read it; @root: folder that stands for /, "" for this machine */
void importers_read(struct importers *importers, const char *root);

/**
 * importers_each - the names of devices that import a dma-buf
 * @importers: from importers_read()
 * @inode: the dma-buf
 * @fn: called with each, clean, and @arg
 * @arg: for @fn
 *
 * An iommufd, or KVM, is no device: what those import is only counted by the kernel.
 */
void importers_each(const struct importers *importers, ino_t inode,
		    void (*fn)(const char *name, void *arg), void *arg);

void importers_free(struct importers *importers);

#endif /* IMPORTERS_H */
