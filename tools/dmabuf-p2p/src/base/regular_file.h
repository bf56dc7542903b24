/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REGULAR_FILE_H
#define REGULAR_FILE_H

#include <stdio.h>

/**
 * regular_open - open a file to read it, if it is none of which open(2) may wait
 * @path: of it
 * @fault: receives what keeps it from being read, such as "is a FIFO", to be freed;
 *	NULL if nothing does or nothing is there. May be NULL.
 *
 * Return: the file, or NULL.
 */
FILE *regular_open(const char *path, char **fault);

#endif /* REGULAR_FILE_H */
