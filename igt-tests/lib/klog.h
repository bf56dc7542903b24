/* SPDX-License-Identifier: MIT */
#ifndef LIB_KLOG_H
#define LIB_KLOG_H

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

#endif /* LIB_KLOG_H */
