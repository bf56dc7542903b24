/* SPDX-License-Identifier: MIT */
/*
 * What programs with many subtests have in common: tables of them, in which all
 * begin and end alike, and files that the last subtest may have left open
 */
#ifndef TESTS_SUBTESTS_H
#define TESTS_SUBTESTS_H

#include <stddef.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"

/**
 * struct subtest - a row of a table
 * @name: of the subtest
 * @run: does it; what it shows is said in the SUBTEST: comment above it
 */
struct subtest {
	const char *name;
	void (*run)(void);
};

/**
 * subtests - the subtests of a table, in its order
 * @tests: the table, an array
 * @before: called at the beginning of each; may be NULL
 * @after: called at the end of each, if it has not failed; may be NULL
 */
#define subtests(tests, before, after) \
	__subtests(tests, ARRAY_SIZE(tests), before, after)

static inline void __subtests(const struct subtest *tests, size_t nr,
			      void (*before)(void), void (*after)(void))
{
	/* Outlives the jump out of a failed subtest */
	static size_t i;

	for (i = 0; i < nr; i++) {
		igt_subtest(tests[i].name) {
			if (before)
				before();
			tests[i].run();
			if (after)
				after();
		}
	}
}

/** close_fd - close a file and forget it; harmless if it is closed */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * Programs of several files: each file but the one with igt_main() has its subtests
 * in one function
 */
void fail_open_subtests(void);
void query_bad_subtests(void);
void watch_storm_subtests(void);
void mmap_revoke_subtests(void);
void mmap_kernel_subtests(void);
void mmap_wait_subtests(void);

#endif /* TESTS_SUBTESTS_H */
