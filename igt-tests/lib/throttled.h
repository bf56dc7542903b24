/* SPDX-License-Identifier: MIT */
#ifndef LIB_THROTTLED_H
#define LIB_THROTTLED_H

#include <stdint.h>
#include <sys/types.h>

#include "vfio.h"

/**
 * throttled_start - have a child do something with more memory than its limit
 * @run: what it does; Return: the child's exit status
 * @arg: argument of @run
 *
 * The kernel lets it wait whenever it asks for more.
 *
 * Return: its pid.
 */
pid_t throttled_start(int (*run)(int arg), int arg);

/**
 * throttled_revoke - switch a device's memory off while a child waits for its limit
 * @child: from throttled_start(); it is killed
 * @dev: the device
 *
 * Fails the test if the child does not wait, or the device does because of it.
 */
void throttled_revoke(pid_t child, struct vfio_device *dev);

#endif /* LIB_THROTTLED_H */
