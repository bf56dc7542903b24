/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

/**
 * output_begin - first thing that main() does
 *
 * Closed standard streams are opened, see streams.h, children can be waited for even if
 * whoever started this ignores his, and the end of the program becomes output_end()
 * and, after interrupt_catch(), interrupt_die().
 */
void output_begin(void);

/**
 * output_end - find out whether all that was printed has arrived
 * @status: what the program is about to exit with
 *
 * Return: @status, or %EXIT_FAILED instead of 0 if something was lost, which has
 * been complained about.
 */
int output_end(int status);

/**
 * output_at_end - have output_end() end a file that standard output goes into
 * @finish: called once, with what went wrong so far, an errno or 0, and the status that the
 *	program is about to exit with; returns an errno or 0
 * @name: of the file
 */
void output_at_end(int (*finish)(int err, int status), const char *name);

/**
 * output_to - from now on standard output goes into a file, see output_file()
 * @path: of it
 *
 * Return: 0 or -errno. It is there once the program has ended, unless by a signal.
 */
int output_to(const char *path);

/** output_is_file - whether output_to() has done that */
bool output_is_file(void);

/**
 * output_file - make or replace a file, which appears when it is complete
 * @path: of it
 *
 * It is written beside @path; a path of something that is no ordinary file, such as
 * a FIFO, is opened as it is, and one that names what is open already, such as
 * /dev/stdout, goes on where that is.
 *
 * Return: the file, for output_file_done(), or NULL with errno.
 */
FILE *output_file(const char *path);

/**
 * output_file_done - close a file of output_file(), and put it into its place
 *
 * There is one at a time.
 *
 * Return: 0, or -errno: then there is no new file, and an old one is as it was.
 */
int output_file_done(FILE *file);

/** output_file_drop - close a file of output_file(); an old one is as it was */
void output_file_drop(FILE *file);

#endif /* OUTPUT_H */
