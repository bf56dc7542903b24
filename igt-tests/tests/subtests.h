/* SPDX-License-Identifier: MIT */
/*
 * Programs of several files: each file but the one with igt_main() has its subtests,
 * with fixtures around them that leave every device closed, in one function
 */
#ifndef TESTS_SUBTESTS_H
#define TESTS_SUBTESTS_H

void query_bad_subtests(void);
void watch_storm_subtests(void);
void mmap_revoke_subtests(void);

#endif /* TESTS_SUBTESTS_H */
