/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VERIFY_H
#define VERIFY_H

#include "engine.h"

/**
 * struct verify - see that bytes arrive
 * @engine: what moves them
 * @from: from where
 * @to: to where
 * @size: bytes of a job
 * @areas: places of that size, see &struct transfer
 * @disk_areas: likewise
 * @disk_first: likewise
 * @pattern: fill @from with a pattern; plain memory always is
 * @seed: of the pattern
 */
struct verify {
	struct engine *engine;
	struct end *from;
	struct end *to;
	uint64_t size;
	uint64_t areas;
	uint64_t disk_areas;
	uint64_t disk_first;
	bool pattern;
	uint64_t seed;
};

/**
 * verify_prepare - fill the source, if that is wanted, and spoil the destination
 * @verify: what is to be moved
 *
 * A disk is not filled, and none is spoilt. Afterwards no byte of a destination
 * that is no disk is what the source has there, unless that is one. To what is on a
 * disk that has been written to before only a pattern makes a difference.
 *
 * Return: enum exit_code, complained about; EXIT_USAGE if the two overlap.
 */
int verify_prepare(const struct verify *verify);

/**
 * verify_check - compare every byte
 * @verify: what was moved
 * @areas: places that were
 *
 * What is on a disk is read into memory for that, by the same engine.
 *
 * Return: enum exit_code, complained about: EXIT_MISMATCH names the first byte
 * that is wrong.
 */
int verify_check(const struct verify *verify, uint64_t areas);

#endif /* VERIFY_H */
