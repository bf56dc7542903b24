/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_EXECUTE_H
#define FUZZ_EXECUTE_H

#include "fuzz.h"

/**
 * fuzz_execute - make the call of a step
 * @op: its operation
 * @step: the step
 *
 * Return: what it returned; -%FUZZ_WRONG with fuzz_why if that or anything that it
 * did is not as documented.
 */
long fuzz_execute(const struct fuzz_op *op, const struct fuzz_step *step);

/**
 * fuzz_is_documented - whether a step may fail like this
 * @op: its operation
 * @step: the step
 * @error: errno
 */
bool fuzz_is_documented(const struct fuzz_op *op, const struct fuzz_step *step,
			long error);

#endif /* FUZZ_EXECUTE_H */
