/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IMPORTERS_H
#define IMPORTERS_H

#include <sys/types.h>

/* Where the kernel tells root which devices import which dma-bufs by scatterlist */
#define IMPORTERS_FILE "/sys/kernel/debug/dma_buf/bufinfo"
/* And who does by physical list */
#define IMPORTERS_LISTS "/sys/kernel/debug/dma_buf_phys/buffers"

/**
 * struct importers - what these files say
 * @error: 0, or the errno why the first could not be read
 * @text: of it
 * @lists: of the second, NULL if there is none
 */
struct importers {
	int error;
	char *text;
	char *lists;
};

/** importers_read - read them; @root: folder that stands for /, "" for this machine */
void importers_read(struct importers *importers, const char *root);

/**
 * importers_each - who imports a dma-buf
 * @importers: from importers_read()
 * @inode: the dma-buf
 * @fn: called with the module, which is NULL for scatterlists, with the device, which is
 *	NULL for an iommufd or a VM, both clean, and with @arg
 * @arg: for @fn
 */
void importers_each(const struct importers *importers, ino_t inode,
		    void (*fn)(const char *module, const char *device, void *arg),
		    void *arg);

void importers_free(struct importers *importers);

#endif /* IMPORTERS_H */
