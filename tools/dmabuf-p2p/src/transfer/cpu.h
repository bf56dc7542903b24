/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CPU_H
#define CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The CPU's part in moving and comparing bytes. All of these touch what
 * buffer_map() gave, which the exporter may take away at any time: then the CPU
 * gets SIGBUS, and they return -EFAULT.
 */

/**
 * struct mismatch - the first byte that is not what it should be
 * @at: where: offset in the pattern or in the reference
 * @expected: what it should be
 * @found: what it is
 */
struct mismatch {
	uint64_t at;
	uint8_t expected;
	uint8_t found;
};

/** cpu_pattern - the byte at an offset of the pattern that a seed makes */
uint8_t cpu_pattern(uint64_t at, uint64_t seed);

/**
 * cpu_fill - write the pattern of a seed
 * @to: where, a multiple of 8
 * @at: offset in the pattern of the first byte, a multiple of 8
 * @length: bytes
 * @seed: of the pattern; no two have much in common
 *
 * Return: 0 or -EFAULT.
 */
int cpu_fill(void *to, uint64_t at, size_t length, uint64_t seed);

/** cpu_spoil - write what cpu_fill() would, every bit inverted */
int cpu_spoil(void *to, uint64_t at, size_t length, uint64_t seed);

/** cpu_invert - copy, every bit inverted; both at a multiple of 8 */
int cpu_invert(void *to, const void *from, size_t length);

/**
 * cpu_check - compare with the pattern of a seed
 * @from: what to compare, at a multiple of 8
 * @at: offset in the pattern of its first byte
 * @length: bytes
 * @seed: as for cpu_fill()
 * @mismatch: filled in if a byte differs
 *
 * Return: 0; 1 if a byte differs; -EFAULT.
 */
int cpu_check(const void *from, uint64_t at, size_t length, uint64_t seed,
	      struct mismatch *mismatch);

/** cpu_compare - the same with @reference in memory instead of a pattern */
int cpu_compare(const void *from, const void *reference, size_t length,
		struct mismatch *mismatch);

/**
 * cpu_copy - copy
 * @to: where to
 * @from: where from
 * @length: bytes
 * @device: one of them is a device's memory: only whole words, in order
 *
 * Return: 0 or -EFAULT.
 */
int cpu_copy(void *to, const void *from, size_t length, bool device);

/**
 * cpu_guarded - call what touches memory that may be taken away
 * @fn: the function; called with @arg. It must not use cpu_copy() and the like before
 *	it is done with such memory itself.
 * @arg: for @fn
 *
 * Return: what @fn does, or -EFAULT, with @fn left in the middle.
 */
int cpu_guarded(int (*fn)(void *arg), void *arg);

/**
 * cpu_settle - wait until what was written to a device's memory is there
 * @at: what was written last
 * @length: bytes of it
 *
 * Writes to a device are posted: another one that is told of them may be faster. A
 * read cannot overtake them.
 *
 * Return: 0 or -EFAULT.
 */
int cpu_settle(const void *at, size_t length);

#endif /* CPU_H */
