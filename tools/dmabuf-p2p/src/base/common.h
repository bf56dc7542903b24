/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COMMON_H
#define COMMON_H

#include <argp.h>

/**
 * common_children - options of verbs that print something to read: --color, --output
 *
 * Children of a verb's parser.
 */
extern const struct argp_child common_children[];

#endif /* COMMON_H */
