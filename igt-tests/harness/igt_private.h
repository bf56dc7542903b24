/* SPDX-License-Identifier: MIT */
/* What the files of the harness share; tests do not include this. */
#ifndef IGT_PRIVATE_H
#define IGT_PRIVATE_H

#include <stdbool.h>

#define IGT_HARNESS_VERSION "2.5-harness"

enum igt_result {
	IGT_RESULT_NONE,
	IGT_RESULT_SUCCESS,
	IGT_RESULT_SKIP,
	IGT_RESULT_FAIL,
};

/**
 * struct igt_options - the command line
 * @list: print names of subtests instead of running them
 * @testlist: print names of subtests as igt_runner knows them
 * @describe: print descriptions instead of running subtests
 * @run: which subtests to run, comma-separated wildcards, or NULL for all
 * @dynamic: the same for dynamic subtests
 */
struct igt_options {
	bool list;
	bool testlist;
	bool describe;
	const char *run;
	const char *dynamic;
};

/*
 * Pairs of a subtest's name and what its SUBTEST: comment says, made by
 * igt-tests/texts; a pair of NULLs ends it. Programs may lack it.
 */
extern const char *const igt_subtest_texts[][2] __attribute__((weak));

void __igt_parse_options(struct igt_options *options, int argc, char **argv);
void __igt_exit_handlers_init(void);

/* End the program by its rules: exit() anywhere else is no way to pass a test */
void __igt_end(int exitcode) __attribute__((noreturn));

void __igt_log_reset(void);
void __igt_log_dump(const char *subtest);

#endif /* IGT_PRIVATE_H */
