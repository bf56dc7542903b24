/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_USER_H
#define KERNEL_USER_H

#include <stddef.h>
#include <sys/types.h>

/**
 * kernel_user - find what in the kernel has a disk open without a claim to it
 * @root: folder that stands for /, "" for this machine
 * @devices: numbers of disks and their partitions, and of other files in /dev
 * @nr: of @devices
 * @user: receives what has it: "/dev/nvme0n1, by loop0"; or what cannot be looked at
 * @size: of @user, bytes
 *
 * Loop devices, USB gadgets that are disks, OCFS2's heartbeat, and targets of NVMe, SCSI
 * and RNBD: no process has the disk open for them.
 *
 * Return: 1 if there is one, 0 if there is none, or -errno: what has something open
 * under a path that is not to be found, as in another mount namespace, or whose server
 * does not answer, may have any; as may targets if configfs is not mounted.
 */
int kernel_user(const char *root, const dev_t *devices, size_t nr, char *user,
		size_t size);

#endif /* KERNEL_USER_H */
