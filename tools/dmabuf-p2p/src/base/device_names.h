/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVICE_NAMES_H
#define DEVICE_NAMES_H

#include "device.h"

#define DEVICE_SEVERAL_REMEDY \
	"'dmabuf-p2p topo --tree' tells which; name one by its address"

/**
 * device_named - the PCI device that has a name in the kernel
 * @root: folder that stands for /, "" for this machine
 * @name: of a network interface, an RDMA device, a disk, an NVMe controller, a GPU...
 * @addr: receives the full address
 *
 * Return: 0; -ENOENT; or -ENOTUNIQ if there are several, as of a disk with several
 * controllers.
 */
int device_named(const char *root, const char *name, char addr[DEVICE_ADDR]);

/**
 * device_names_each - the names of all PCI devices that have some
 * @root: see device_named()
 * @fn: called with each address, name and @arg; a device may have several names
 * @arg: for @fn
 */
void device_names_each(const char *root,
		       void (*fn)(const char *addr, const char *name, void *arg),
		       void *arg);

#endif /* DEVICE_NAMES_H */
