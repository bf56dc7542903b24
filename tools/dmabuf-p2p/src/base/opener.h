/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPENER_H
#define OPENER_H

#include <stddef.h>
#include <sys/types.h>

/**
 * struct opener - who has a device's file open
 * @pid: the process, or the one that cannot be looked at; 0 if that is /proc itself
 * @tid: its thread, as threads can have files of their own
 * @number: of its file descriptor; -1 if the file has been closed, but is mapped
 */
struct opener {
	pid_t pid;
	pid_t tid;
	int number;
};

/**
 * opener_find - find a process that has the file of a device open, or mapped
 * @root: folder that stands for /, "" for this machine
 * @devices: their numbers
 * @nr: of @devices
 * @opener: filled in, unless 0 is returned
 *
 * Return: 1 if there is one, 0 if there is none; -errno if none was found, but not all
 * could be looked at: -EACCES if that takes the right to trace them, or, for what they
 * have mapped, CAP_CHECKPOINT_RESTORE; -ETIMEDOUT if the one in @opener waits for a
 * server, so that its mappings are not to be seen.
 */
int opener_find(const char *root, const dev_t *devices, size_t nr,
		struct opener *opener);

#endif /* OPENER_H */
