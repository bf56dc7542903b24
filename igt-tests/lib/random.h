/* SPDX-License-Identifier: MIT */
#ifndef LIB_RANDOM_H
#define LIB_RANDOM_H

#include <stdint.h>

/**
 * random_seed - begin a sequence of this thread's that can be repeated
 * @seed: where it begins; neighbours have nothing in common
 */
void random_seed(uint64_t seed);

/** random64 - the next one; any of 64 bits */
uint64_t random64(void);

/** below - 0 to @n - 1 */
uint32_t below(uint32_t n);

/** odd_number - where limits are, and anywhere */
uint64_t odd_number(void);

#endif /* LIB_RANDOM_H */
