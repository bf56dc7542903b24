/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel's headers use and Debian's sparse does not know. Without these
 * lines kbuild finds sparse "not up to date" and checks nothing, and an error in
 * every MODULE_LICENSE() keeps sparse from warning about anything else.
 */
#define __typeof_unqual__ __typeof__
#define __builtin_strlen(s) (sizeof(s) - 1)
