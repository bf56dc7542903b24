/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_USER_H
#define KERNEL_USER_H

#include <stddef.h>
#include <sys/types.h>

/**
 * kernel_user - find what in the kernel has a disk open without a claim to it
 * @root: folder that stands for /, "" for this machine
 * @devices: numbers of disks and their partitions
 * @nr: of @devices
 * @user: receives what has it: "/dev/nvme0n1, by loop0"; or what cannot be looked at
 * @size: of @user, bytes
 *
 * Loop devices, and targets of NVMe and SCSI: no process has the disk open for them.
 *
 * Return: 1 if there is one, 0 if there is none, or -errno.
 */
int kernel_user(const char *root, const dev_t *devices, size_t nr, char *user,
		size_t size);

#endif /* KERNEL_USER_H */
