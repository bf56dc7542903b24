// SPDX-License-Identifier: MIT
/*
 * One of everything the harness can do, for harness.sh to look at
 *
 * $EXAMPLE_FIXTURE makes the fixture skip or fail, or the last one fail;
 * $EXAMPLE_ABORT aborts, $EXAMPLE_OUTSIDE fails a container of dynamic subtests by
 * itself, $EXAMPLE_BEHIND skips one behind a failure, $EXAMPLE_EXIT calls exit(0); with
 * $EXAMPLE_EMPTY there are no subtests.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "igt_core.h"

IGT_TEST_DESCRIPTION("Subtests with every outcome");

static void on_exit_handler(int sig)
{
	printf("exit handler, signal %d\n", sig);
	fflush(stdout);
}

static bool fixture_wants(const char *what)
{
	const char *value = getenv("EXAMPLE_FIXTURE");

	return value && !strcmp(value, what);
}

static void *assert_in_thread(void *arg)
{
	igt_assert(arg);
	return NULL;
}

int igt_main()
{
	static int fixture_value;

	igt_fixture() {
		igt_install_exit_handler(on_exit_handler);
		igt_require_f(!fixture_wants("skip"), "the fixture skips\n");
		igt_assert(!fixture_wants("fail"));
		fixture_value = 42;
	}

	if (getenv("EXAMPLE_EMPTY"))
		igt_exit();

	igt_describe("Sees what the fixture did");
	igt_subtest("pass-first") {
		igt_assert_eq(fixture_value, 42);
		igt_assert_lte(41, fixture_value);
		igt_assert_lt(41, fixture_value);
		igt_assert_neq(41, fixture_value);
		igt_assert_eq_u64(1ULL << 40, 1ULL << 40);
		igt_assert_f(true, "not shown %d\n", 1);
		igt_info("information\n");
		igt_debug("a detail\n");
	}

	igt_subtest("fail-compare") {
		igt_debug("what led to it\n");
		errno = ENODEV;
		igt_assert_eq(fixture_value, 43);
	}

	igt_subtest("skip-require")
		igt_require_f(fixture_value == 43, "because\n");

	igt_subtest("skip-plain")
		igt_skip("plainly\n");

	for (int i = 0; i < 2; i++)
		igt_subtest_f("pass-loop-%d", i)
			igt_assert_lt(i, 2);

	igt_subtest_with_dynamic("dynamic-pass") {
		for (int i = 0; i < 3; i++)
			igt_dynamic_f("part-%d", i)
				igt_assert_lt(i, 3);
	}

	igt_subtest_with_dynamic("dynamic-fail") {
		igt_dynamic("good")
			igt_assert(true);
		igt_dynamic("bad")
			igt_assert(false);
		igt_dynamic("after")
			igt_info("the next one still runs\n");
		igt_skip_on(getenv("EXAMPLE_BEHIND"));
	}

	igt_subtest_with_dynamic("dynamic-outside") {
		igt_dynamic("good")
			igt_assert(true);
		igt_assert(!getenv("EXAMPLE_OUTSIDE"));
	}

	igt_subtest_with_dynamic("dynamic-none")
		igt_assert(true);

	igt_subtest_with_dynamic("dynamic-skip") {
		igt_dynamic("only")
			igt_skip_on(true);
	}

	igt_subtest("abort")
		igt_abort_on_f(getenv("EXAMPLE_ABORT"), "told to\n");

	igt_subtest("exit") {
		if (getenv("EXAMPLE_EXIT"))
			exit(0);
	}

	igt_subtest("signal") {
		if (getenv("EXAMPLE_SIGNAL"))
			raise(SIGTERM);
	}

	igt_subtest("thread") {
		pthread_t thread;

		if (getenv("EXAMPLE_THREAD")) {
			pthread_create(&thread, NULL, assert_in_thread, NULL);
			pthread_join(thread, NULL);
		}
	}

	/**
	 * SUBTEST: pass-last
	 * Description: Says "it" in a comment, which is \ long enough to be continued
	 *	on another line
	 */
	igt_subtest("pass-last")
		igt_assert_eq(fixture_value, 42);

	igt_fixture()
		igt_assert(!fixture_wants("fail-last"));
}
