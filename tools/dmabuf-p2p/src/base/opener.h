/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPENER_H
#define OPENER_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct opener - who has a device's file open
 * @pid: the process, or the one that cannot be looked at; 0 if that is /proc itself
 * @number: of its file descriptor
 */
struct opener {
	pid_t pid;
	int number;
};

/**
 * opener_find - find a process that has the file of a device open
 * @root: folder that stands for /, "" for this machine
 * @devices: their numbers
 * @nr: of @devices
 * @opener: filled in, unless 0 is returned
 *
 * Return: 1 if there is one, 0 if there is none; -errno if none was found, but not all
 * could be looked at: -EACCES if that takes the right to trace them.
 */
int opener_find(const char *root, const dev_t *devices, size_t nr,
		struct opener *opener);

#endif /* OPENER_H */
