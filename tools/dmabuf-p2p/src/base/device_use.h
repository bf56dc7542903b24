/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVICE_USE_H
#define DEVICE_USE_H

#include <stdbool.h>
#include <stddef.h>

/* Long enough for device_user() */
#define DEVICE_USER 160

/**
 * enum device_use - whether a device is in use
 * @DEVICE_FREE: it is not
 * @DEVICE_USED: a disk is mounted or part of something, a device file is open, a
 *	network interface is up or belongs to another, there are virtual functions
 * @DEVICE_UNKNOWN: it cannot be told, and so counts as used
 */
enum device_use {
	DEVICE_FREE,
	DEVICE_USED,
	DEVICE_UNKNOWN,
};

/**
 * device_user - what of the host would suffer if the driver went
 * @root: folder that stands for /, "" for this machine
 * @addr: full address
 * @user: receives "disk nvme0n1", "network interface eth0", or what cannot be
 *	looked at and why
 * @size: of @user, bytes
 *
 * The answer is of the moment it is given: nothing keeps others from opening the device
 * between it and the unbind. It is a safety net, not a lock, for what an administrator
 * may have overlooked. DEVICE_FREE does not exclude
 *
 * - files that no process has any more, but io_uring or a message in a socket;
 * - device files that sysfs does not know to be the device's, as NVIDIA's driver makes;
 * - groups of VFIO opened through a file of another name;
 * - an NFS client that writes to the disks of its server by itself (pNFS);
 * - a loop device over a disk's file that has been deleted.
 */
enum device_use device_user(const char *root, const char *addr, char *user,
			    size_t size);

/** device_disks - how many disks there are on a device whose files can be opened */
unsigned int device_disks(const char *root, const char *addr);

/**
 * device_wait_disks - wait for a driver to find its disks again
 * @addr: full address
 * @wanted: what device_disks() was
 *
 * Return: whether they are there. It waits some seconds at most.
 */
bool device_wait_disks(const char *addr, unsigned int wanted);

#endif /* DEVICE_USE_H */
