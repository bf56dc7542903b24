/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODULE_UNLOAD_H
#define MODULE_UNLOAD_H

#include <stddef.h>

#define UNLOAD_MAX 64

/**
 * struct unload - modules in the order in which they can be unloaded
 * @root: folder that stands for /, "" for this machine
 * @names: as sysfs has them, each before those that it needs itself
 * @nr: their number
 */
struct unload {
	const char *root;
	char names[UNLOAD_MAX][64];
	size_t nr;
};

/** unload_add - a module that is loaded, after all that hold it */
void unload_add(struct unload *unload, const char *sysfs);

/** unload_text - "vfio_pci vfio_pci_core vfio"; to be freed */
char *unload_text(const struct unload *unload);

/**
 * unload_users - what keeps them, other modules aside
 *
 * Return: "vfio_pci (2 times)" and so on, to be freed; empty if nothing does.
 */
char *unload_users(const struct unload *unload);

#endif /* MODULE_UNLOAD_H */
