// SPDX-License-Identifier: MIT
/*
 * Subtests: which run, how they end, what the program's exit status is
 *
 * The rules are IGT's. A fixture that fails or skips makes every later subtest
 * fail or skip without running; one that fails makes the program fail, also where
 * no subtest comes after it, as in taking things down. A container of dynamic subtests
 * fails if one of them fails and skips if none ran; an assertion in it, but in none of
 * them, aborts. The program fails if a subtest failed, and skips only if all did. One
 * that ran no subtest has shown nothing and aborts.
 *
 * Stricter than IGT's are three: a thread that asserts aborts, instead of failing the
 * subtest when that has ended, output that cannot be written is a failure, and a skip in
 * a container does not undo a dynamic subtest that has failed.
 */
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "igt_core.h"
#include "igt_private.h"
#include "streams.h"

jmp_buf igt_subtest_jmpbuf;

static jmp_buf container_jmpbuf;
static pthread_t main_thread;
static struct igt_options options;

static char current_name[128], current_dynamic[128];
static char description[1024];
static bool in_fixture, in_subtest, in_container, in_dynamic;

static enum igt_result henceforth;	/* what a fixture decided for the rest */
static bool any_matched, any_success, any_skip;
static int failed_exitcode;

static enum igt_result result;		/* of the subtest that is running */
static unsigned int dynamic_run, dynamic_failed, dynamic_skipped;
static struct timespec subtest_start, dynamic_start;

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) +
	       (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Protocol lines also go to stderr if the runner wants to match the two up */
static void __attribute__((format(printf, 1, 2))) protocol(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	fflush(stdout);

	if (!getenv("IGT_SENTINEL_ON_STDERR"))
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fflush(stderr);
}

static const char *result_name(enum igt_result r)
{
	switch (r) {
	case IGT_RESULT_SUCCESS:
		return "SUCCESS";
	case IGT_RESULT_SKIP:
		return "SKIP";
	default:
		return "FAIL";
	}
}

static void forbid_threads(void)
{
	if (!pthread_equal(pthread_self(), main_thread)) {
		fprintf(stderr,
			"a thread asserted or skipped: only the main thread may\n");
		abort();
	}
}

void igt_subtest_init(int argc, char **argv)
{
	streams_open();
	main_thread = pthread_self();
	__igt_parse_options(&options, argc, argv);
	if (igt_only_list_subtests())
		return;
	__igt_exit_handlers_init();
	/* Never on stderr, where igt_runner takes it for a warning of the first subtest */
	printf("IGT-Version: " IGT_HARNESS_VERSION " (%s)\n", igt_test_name());
	fflush(stdout);
}

bool igt_only_list_subtests(void)
{
	return options.list || options.describe || options.testlist;
}

const char *igt_subtest_name(void)
{
	return in_subtest ? current_name : NULL;
}

const char *igt_dynamic_subtest_name(void)
{
	return in_dynamic ? current_dynamic : NULL;
}

bool __igt_fixture(void)
{
	if (igt_only_list_subtests() || henceforth != IGT_RESULT_NONE)
		return false;
	if (in_fixture || in_subtest) {
		fprintf(stderr, "a fixture inside a fixture or a subtest\n");
		abort();
	}
	in_fixture = true;
	return true;
}

void __igt_fixture_complete(void)
{
	in_fixture = false;
	longjmp(igt_subtest_jmpbuf, 1);
}

/* Comma-separated wildcards; the last that matches decides, ! excludes */
static bool selected(const char *patterns, const char *name)
{
	char *copy, *save, *pattern;
	bool match = false;

	if (!patterns)
		return true;
	copy = strdup(patterns);
	if (!copy)
		abort();
	for (pattern = strtok_r(copy, ",", &save); pattern;
	     pattern = strtok_r(NULL, ",", &save)) {
		if (*pattern == '!')
			match = match && fnmatch(pattern + 1, name, 0);
		else
			match = match || !fnmatch(pattern, name, 0);
	}
	free(copy);
	return match;
}

void igt_describe_f(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(description, sizeof(description), fmt, args);
	va_end(args);
}

/* igt_describe() comes first, then the comment above the subtest */
static const char *text_of(const char *name)
{
	size_t i;

	if (description[0])
		return description;
	for (i = 0; igt_subtest_texts && igt_subtest_texts[i][0]; i++)
		if (!strcmp(igt_subtest_texts[i][0], name))
			return igt_subtest_texts[i][1];
	return "NO DOCUMENTATION!";
}

static void check_name(const char *name, const char *file, int line)
{
	const char *c;

	for (c = name; *c; c++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789-_", *c)) {
			fprintf(stderr, "%s:%d: bad subtest name '%s'\n", file,
				line, name);
			__igt_end(IGT_EXIT_INVALID);
		}
	}
}

static void count(enum igt_result r, int exitcode)
{
	switch (r) {
	case IGT_RESULT_SUCCESS:
		any_success = true;
		break;
	case IGT_RESULT_SKIP:
		any_skip = true;
		break;
	default:
		if (!failed_exitcode)
			failed_exitcode = exitcode;
	}
}

bool __igt_run_subtest(const char *name, const char *file, int line)
{
	check_name(name, file, line);

	if (!selected(options.run, name)) {
		description[0] = 0;
		return false;
	}
	any_matched = true;

	if (options.list) {
		puts(name);
		return false;
	}
	if (options.testlist) {
		printf("igt@%s@%s\n", igt_test_name(), name);
		return false;
	}
	if (options.describe) {
		printf("SUB %s %s:%d:\n  %s\n\n", name, file, line,
		       text_of(name));
		description[0] = 0;
		return false;
	}
	description[0] = 0;

	if (henceforth != IGT_RESULT_NONE) {
		protocol("Subtest %s: %s (0.000s)\n", name,
			 result_name(henceforth));
		count(henceforth, IGT_EXIT_FAILURE);
		return false;
	}

	snprintf(current_name, sizeof(current_name), "%s", name);
	__igt_log_reset();
	protocol("Starting subtest: %s\n", name);
	clock_gettime(CLOCK_MONOTONIC, &subtest_start);
	in_subtest = true;
	in_container = false;
	result = IGT_RESULT_NONE;
	return true;
}

bool __igt_enter_dynamic_container(void)
{
	in_container = true;
	dynamic_run = 0;
	dynamic_failed = 0;
	dynamic_skipped = 0;
	/* Dynamic subtests take the jump buffer for themselves */
	memcpy(&container_jmpbuf, &igt_subtest_jmpbuf, sizeof(container_jmpbuf));
	return true;
}

bool __igt_run_dynamic_subtest(const char *name)
{
	if (!in_container || in_dynamic) {
		fprintf(stderr, "igt_dynamic outside its container\n");
		abort();
	}
	if (!selected(options.dynamic, name))
		return false;
	snprintf(current_dynamic, sizeof(current_dynamic), "%s", name);
	__igt_log_reset();
	protocol("Starting dynamic subtest: %s\n", name);
	clock_gettime(CLOCK_MONOTONIC, &dynamic_start);
	in_dynamic = true;
	dynamic_run++;
	return true;
}

static void __attribute__((noreturn)) end_dynamic(enum igt_result r)
{
	protocol("Dynamic subtest %s: %s (%.3fs)\n", current_dynamic,
		 result_name(r), seconds_since(&dynamic_start));
	if (r == IGT_RESULT_FAIL)
		dynamic_failed++;
	else if (r == IGT_RESULT_SKIP)
		dynamic_skipped++;
	in_dynamic = false;
	longjmp(igt_subtest_jmpbuf, 1);
}

static void __attribute__((noreturn)) end_subtest(enum igt_result r, int exitcode)
{
	protocol("Subtest %s: %s (%.3fs)\n", current_name, result_name(r),
		 seconds_since(&subtest_start));
	count(r, exitcode);
	in_subtest = false;
	if (in_container) {
		in_container = false;
		longjmp(container_jmpbuf, 1);
	}
	longjmp(igt_subtest_jmpbuf, 1);
}

void igt_success(void)
{
	if (in_dynamic)
		end_dynamic(IGT_RESULT_SUCCESS);
	if (in_container && dynamic_failed)
		end_subtest(IGT_RESULT_FAIL, IGT_EXIT_FAILURE);
	if (in_container && dynamic_run == dynamic_skipped)
		end_subtest(IGT_RESULT_SKIP, IGT_EXIT_SKIP);
	end_subtest(IGT_RESULT_SUCCESS, 0);
}

static void __attribute__((noreturn)) end_with(enum igt_result r, int exitcode)
{
	forbid_threads();
	if (in_dynamic)
		end_dynamic(r);
	if (in_container && dynamic_failed)
		end_subtest(IGT_RESULT_FAIL, IGT_EXIT_FAILURE);
	if (in_subtest)
		end_subtest(r, exitcode);
	if (in_fixture) {
		in_fixture = false;
		henceforth = r;
		if (r == IGT_RESULT_FAIL && !failed_exitcode)
			failed_exitcode = exitcode;
		longjmp(igt_subtest_jmpbuf, 1);
	}
	__igt_end(exitcode);
}

void igt_fail(int exitcode)
{
	forbid_threads();
	if (in_container && !in_dynamic && !dynamic_failed) {
		__igt_log_dump(igt_subtest_name());
		fprintf(stderr, "a container of dynamic subtests must not fail by itself\n");
		abort();
	}
	__igt_log_dump(igt_subtest_name());
	end_with(IGT_RESULT_FAIL, exitcode);
}

void igt_skip(const char *fmt, ...)
{
	va_list args;

	forbid_threads();
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	end_with(IGT_RESULT_SKIP, IGT_EXIT_SKIP);
}

void __igt_skip_check(const char *file, int line, const char *func,
		      const char *check, const char *fmt, ...)
{
	int err = errno;
	va_list args;

	forbid_threads();
	printf("Test requirement not met in function %s, file %s:%d:\n", func,
	       file, line);
	printf("Test requirement: %s\n", check);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	if (err)
		printf("Last errno: %d, %s\n", err, strerror(err));
	end_with(IGT_RESULT_SKIP, IGT_EXIT_SKIP);
}

void __igt_fail_assert(const char *domain, const char *file, int line,
		       const char *func, const char *assertion,
		       const char *fmt, ...)
{
	int err = errno;
	char message[1024];
	va_list args;

	forbid_threads();
	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	igt_log(domain, IGT_LOG_CRITICAL,
		"Test assertion failure function %s, file %s:%d:\n", func, file,
		line);
	igt_log(domain, IGT_LOG_CRITICAL, "Failed assertion: %s\n", assertion);
	if (err)
		igt_log(domain, IGT_LOG_CRITICAL, "Last errno: %d, %s\n", err,
			strerror(err));
	if (message[0])
		igt_log(domain, IGT_LOG_CRITICAL, "%s%s", message,
			message[strlen(message) - 1] == '\n' ? "" : "\n");
	igt_fail(IGT_EXIT_FAILURE);
}

void __igt_abort(const char *domain, const char *file, int line,
		 const char *func, const char *expression, const char *fmt, ...)
{
	char message[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	igt_log(domain, IGT_LOG_CRITICAL,
		"Test abort in function %s, file %s:%d:\n", func, file, line);
	igt_log(domain, IGT_LOG_CRITICAL, "abort condition: %s\n%s\n",
		expression, message);
	__igt_end(IGT_EXIT_ABORT);
}

void igt_exit(void)
{
	int lost;

	if (options.run && !any_matched) {
		fprintf(stderr, "Unknown subtest: %s\n", options.run);
		__igt_end(IGT_EXIT_INVALID);
	}
	/* What nobody could read has shown nothing */
	lost = streams_flush();
	if (lost) {
		fprintf(stderr, "cannot write standard output\n");
		__igt_end(failed_exitcode ? failed_exitcode : IGT_EXIT_FAILURE);
	}
	if (igt_only_list_subtests())
		__igt_end(IGT_EXIT_SUCCESS);
	if (failed_exitcode)
		__igt_end(failed_exitcode);
	if (any_success)
		__igt_end(IGT_EXIT_SUCCESS);
	if (any_skip || henceforth == IGT_RESULT_SKIP)
		__igt_end(IGT_EXIT_SKIP);
	fprintf(stderr, "%s: no subtest ran\n", igt_test_name());
	abort();
}
