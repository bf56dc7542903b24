/* SPDX-License-Identifier: MIT */
#ifndef LIB_SYSFS_H
#define LIB_SYSFS_H

#include "devices/sysfs.h"

/**
 * sysfs_write - __sysfs_write(), or fail the test naming the file
 * @path: path of the file
 * @text: what to write
 */
void sysfs_write(const char *path, const char *text);

#endif /* LIB_SYSFS_H */
