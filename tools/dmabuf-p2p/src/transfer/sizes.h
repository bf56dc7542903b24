/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SIZES_H
#define SIZES_H

#include <stddef.h>
#include <stdint.h>

/* More than there are powers of two */
#define SIZES_MAX 64

/**
 * sizes_parse - understand "4K,64K,1M"
 * @text: sizes as parse_size() takes them, with commas in between
 * @sizes: receives them, in their order
 * @nr: receives how many
 *
 * Return: 0, -EINVAL if one is none or 0, -E2BIG if they are too many.
 */
int sizes_parse(const char *text, uint64_t sizes[SIZES_MAX], size_t *nr);

/**
 * sizes_sweep - all powers of two
 * @from: the first, itself a power of two
 * @to: none is larger
 * @sizes: receives them
 *
 * Return: how many.
 */
size_t sizes_sweep(uint64_t from, uint64_t to, uint64_t sizes[SIZES_MAX]);

#endif /* SIZES_H */
