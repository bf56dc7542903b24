/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_EXECUTE_H
#define FUZZ_EXECUTE_H

#include "calls.h"

/**
 * fuzz_execute - make the call of a step
 * @op: its operation
 * @step: the step
 *
 * Return: what it returned; -%FUZZ_WRONG with fuzz_why if that or anything that it
 * did is not as documented.
 */
long fuzz_execute(const struct fuzz_op *op, const struct fuzz_step *step);

/** fuzz_room - Return: where an ioctl may write, without the address of its argument */
struct fuzz_room fuzz_room(const struct fuzz_op *op, const struct fuzz_step *step);

/**
 * fuzz_makes_no_sense - whether any argument makes no sense
 * @op: its operation
 * @step: the step
 *
 * That is a number that none of its picks is, a file of another kind, or a pointer without a
 * page of the arena behind it.
 */
bool fuzz_makes_no_sense(const struct fuzz_op *op, const struct fuzz_step *step);

/**
 * fuzz_is_documented - whether a step may fail like this
 * @op: its operation
 * @step: the step
 * @error: errno
 */
bool fuzz_is_documented(const struct fuzz_op *op, const struct fuzz_step *step,
			long error);

#endif /* FUZZ_EXECUTE_H */
