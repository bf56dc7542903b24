/* SPDX-License-Identifier: MIT */
#ifndef LIB_SYSFS_H
#define LIB_SYSFS_H

#include <sys/types.h>

#include "devices/sysfs.h"

/**
 * sysfs_write - __sysfs_write(), or fail the test naming the file
 * @path: path of the file
 * @text: what to write
 */
void sysfs_write(const char *path, const char *text);

/**
 * task_state - what a process or a thread is doing, or fail the test
 * @task: process or thread ID
 *
 * Return: its state as in /proc: 'R' if it runs, 'S' if it sleeps, 'D' if it waits
 * uninterruptibly.
 */
char task_state(pid_t task);

#endif /* LIB_SYSFS_H */
