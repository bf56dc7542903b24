/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the demo and the benchmarks end when something fails
 */
#ifndef COMMON_FAIL_H
#define COMMON_FAIL_H

/**
 * fail - say what failed and exit with status 1
 * @remedy: what the reader can do about it; NULL for the program's usual one
 * @fmt: the cause, as printf(), without a newline at the end
 */
void fail(const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/**
 * fail_by - choose how fail() says it
 * @report: called with the remedy, perhaps NULL, and the cause; may do more before
 *	the program exits, such as giving devices back
 *
 * Otherwise both go to standard error, in a line each: see fail_as().
 */
void fail_by(void (*report)(const char *remedy, const char *cause));

/**
 * fail_as - say who fails, for lines on standard error
 * @program: name that they begin with; it stays
 * @remedy: remedy of failures that name none; it stays
 */
void fail_as(const char *program, const char *remedy);

#endif /* COMMON_FAIL_H */
