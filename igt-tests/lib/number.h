/* SPDX-License-Identifier: MIT */
#ifndef LIB_NUMBER_H
#define LIB_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * number_is - whether a word is a number of 64 bits, as C writes one
 * @word: need not end there
 * @length: of it, bytes
 * @value: receives the number
 */
bool number_is(const char *word, size_t length, uint64_t *value);

/** number_env - the number in a variable of the environment, @otherwise if it is not set */
uint64_t number_env(const char *name, uint64_t otherwise);

#endif /* LIB_NUMBER_H */
