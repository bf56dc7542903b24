/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SYSFS_FILE_H
#define SYSFS_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Small files of /sys, /proc and /dev, of this machine or of a saved one. @root
 * is the folder that stands for /, "" for this machine; @fmt makes the path below
 * it, which begins with a slash.
 */

/**
 * sysfs_text - read the first line of a file
 * @text: receives it clean and without newline; empty on error
 * @size: of @text
 *
 * Return: whether there was one to read.
 */
bool sysfs_text(char *text, size_t size, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * sysfs_link - the last part of what a symbolic link points to
 * @name: receives it clean; empty on error
 * @size: of @name
 *
 * Return: whether it is a link.
 */
bool sysfs_link(char *name, size_t size, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** sysfs_access - access(2) of a path; Return: 0 or -errno */
int sysfs_access(int mode, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * sysfs_list - the entries of a folder, without hidden ones
 *
 * Return: their names in order, ending with NULL, to be freed by
 * sysfs_list_free(); empty if there is no such folder.
 */
char **sysfs_list(const char *root, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void sysfs_list_free(char **names);

#endif /* SYSFS_FILE_H */
