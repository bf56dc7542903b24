/* SPDX-License-Identifier: MIT */
#ifndef LIB_KLOG_H
#define LIB_KLOG_H

#include <stdbool.h>

/**
 * klog_open - start reading the kernel's log from here on
 *
 * Return: fd for klog_count(), to be closed.
 */
int klog_open(void);

/**
 * klog_count - count new lines that contain a text
 * @fd: from klog_open()
 * @text: what to look for, NULL for every line
 *
 * Reads up to the log's end, so a line is counted once.
 *
 * Return: number of lines.
 */
unsigned int klog_count(int fd, const char *text);

/**
 * klog_wait - wait for a new line that contains a text
 * @fd: from klog_open()
 * @text: what to look for
 * @ms: how long, milliseconds: what an interrupt reports takes its time
 *
 * Return: whether it came.
 */
bool klog_wait(int fd, const char *text, unsigned int ms);

#endif /* LIB_KLOG_H */
