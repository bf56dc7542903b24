/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVICE_USE_H
#define DEVICE_USE_H

#include <stdbool.h>
#include <stddef.h>

/* Long enough for device_user() */
#define DEVICE_USER 160

/**
 * device_user - what of the host would suffer if the driver went
 * @root: folder that stands for /, "" for this machine
 * @addr: full address
 * @user: receives "disk nvme0n1", "network interface eth0"
 * @size: of @user, bytes
 *
 * Return: whether anything uses the device, or it cannot be told: a disk that is
 * mounted or part of something, a device file that a process has open, a network
 * interface that is up or belongs to another, virtual functions.
 */
bool device_user(const char *root, const char *addr, char *user, size_t size);

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
