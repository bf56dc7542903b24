/* SPDX-License-Identifier: MIT */
/*
 * Machines that lack what a test needs
 *
 * On any machine a test skips that finds no /dev/iommu, no such module, no device, or
 * may not touch them. In a VM that tools/vm/run has made for these tests nothing of
 * that is missing but by a mistake, and the same is a failure: no bug hides behind a
 * skip. What a kernel lacks by its configuration a test asks for with igt_require(),
 * and skips anywhere.
 */
#ifndef LIB_MACHINE_H
#define LIB_MACHINE_H

#include <stdbool.h>

#include "igt_core.h"

/**
 * machine_lacks - whether a call failed as it does on a machine that lacks something
 * @ret: 0 or more, or -errno
 *
 * Return: true if what it was about is not there or not allowed, and this is no VM
 * of ours.
 */
bool machine_lacks(int ret);

/** machine_is_ours - whether this is a VM that has all that the tests need */
bool machine_is_ours(void);

/**
 * require_there - skip if a call failed because the machine lacks something
 * @ret: of the call: 0 or more, or -errno
 *
 * What follows is a format and its values: what is missing, and how to get it.
 */
#define require_there(ret, ...) igt_require_f(!machine_lacks(ret), __VA_ARGS__)

#endif /* LIB_MACHINE_H */
