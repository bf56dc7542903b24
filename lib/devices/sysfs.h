/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_SYSFS_H
#define DEVICES_SYSFS_H

#include <stddef.h>
#include <stdint.h>

/**
 * __sysfs_read - read a small file as text
 * @path: path of the file
 * @buf: receives the first line, without its newline
 * @size: size of @buf, bytes
 *
 * Return: 0 or -errno.
 */
int __sysfs_read(const char *path, char *buf, size_t size);

/**
 * __sysfs_write - write text to a file in one write()
 * @path: path of the file
 * @text: what to write
 *
 * Return: 0 or -errno, which is the attribute's own answer.
 */
int __sysfs_write(const char *path, const char *text);

/*
 * How long to wait for what others do at once, ms. Not a measure of anything: a busy
 * machine may need a hundred times what an idle one does, and what hangs, hangs longer.
 */
#define PATIENCE_MS 120000

/**
 * now_ms - read the monotonic clock
 *
 * Return: milliseconds.
 */
uint64_t now_ms(void);

#endif /* DEVICES_SYSFS_H */
