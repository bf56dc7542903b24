/* SPDX-License-Identifier: MIT */
/*
 * A small harness that speaks IGT's API and protocol
 *
 * The tests are written to the API of IGT 2.5. IGT is not packaged with
 * headers, so by default they are built against this; -Digt=<checkout> builds
 * the same sources against the real one. Here is what the tests use, no more.
 *
 * A test is a program of subtests::
 *
 *	int igt_main()
 *	{
 *		igt_fixture() {
 *			... set up; a skip here skips all subtests ...
 *		}
 *
 *		igt_subtest("name")
 *			name();
 *	}
 *
 * --describe says what the SUBTEST: comment above name() says (igt-tests/texts), unless
 * igt_describe() comes before the subtest.
 *
 * Subtests and fixtures are left with longjmp(): a variable that changes in
 * one and is read after it must be static or volatile. Only the main thread may
 * assert or skip.
 */
#ifndef IGT_CORE_H
#define IGT_CORE_H

/* Nothing that IGT's does not include: what else a test uses it includes itself */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IGT_EXIT_SUCCESS 0
#define IGT_EXIT_SKIP 77
#define IGT_EXIT_INVALID 79
#define IGT_EXIT_FAILURE 98
#define IGT_EXIT_ABORT 112

enum igt_log_level {
	IGT_LOG_DEBUG,
	IGT_LOG_INFO,
	IGT_LOG_WARN,
	IGT_LOG_CRITICAL,
	IGT_LOG_NONE,
};

#define IGT_LOG_DOMAIN NULL

extern jmp_buf igt_subtest_jmpbuf;
extern const char *__igt_test_description __attribute__((weak));

void igt_subtest_init(int argc, char **argv);
void igt_exit(void) __attribute__((noreturn));

bool __igt_fixture(void);
void __igt_fixture_complete(void);
void __igt_fixture_end(void) __attribute__((noreturn));
bool __igt_run_subtest(const char *name, const char *file, int line);
bool __igt_run_dynamic_subtest(const char *name);
bool __igt_enter_dynamic_container(void);
void __igt_subtest_end(void) __attribute__((noreturn));
void igt_describe_f(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void igt_success(void);
void igt_fail(int exitcode) __attribute__((noreturn));
void igt_skip(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void __igt_skip_check(const char *file, int line, const char *func,
		      const char *check, const char *fmt, ...)
	__attribute__((format(printf, 5, 6), noreturn));
void __igt_fail_assert(const char *domain, const char *file, int line,
		       const char *func, const char *assertion,
		       const char *fmt, ...)
	__attribute__((format(printf, 6, 7), noreturn));
void __igt_abort(const char *domain, const char *file, int line,
		 const char *func, const char *expression, const char *fmt, ...)
	__attribute__((format(printf, 6, 7), noreturn));
void igt_log(const char *domain, enum igt_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

const char *igt_test_name(void);
const char *igt_subtest_name(void);
const char *igt_dynamic_subtest_name(void);
bool igt_only_list_subtests(void);

typedef void (*igt_exit_handler_t)(int sig);
void igt_install_exit_handler(igt_exit_handler_t fn);

/* Until the next subtest starts, dynamic or not, and instead of the one before */
void igt_emit_ignore_dmesg_regex(const char *ignore_dmesg_regex);

#define IGT_TEST_DESCRIPTION(str) const char *__igt_test_description = str

#define igt_main()                            \
	main(int argc, char **argv)           \
	{                                     \
		void __igt_real_main(void);   \
					      \
		igt_subtest_init(argc, argv); \
		__igt_real_main();            \
		igt_exit();                   \
	}                                     \
	void __igt_real_main(void);           \
	void __igt_real_main(void)

#define igt_fixture()                                                \
	for (; __igt_fixture() && (setjmp(igt_subtest_jmpbuf) == 0); \
	     __igt_fixture_complete())

#define igt_subtest(name)                              \
	for (; __igt_run_subtest(name, __FILE__, __LINE__) && \
	       (setjmp(igt_subtest_jmpbuf) == 0);      \
	     igt_success())
#define igt_subtest_with_dynamic(name)                                      \
	for (; __igt_run_subtest(name, __FILE__, __LINE__) &&               \
	       (setjmp(igt_subtest_jmpbuf) == 0) &&                         \
	       __igt_enter_dynamic_container();                             \
	     igt_success())
#define igt_dynamic(name)                         \
	for (; __igt_run_dynamic_subtest(name) && \
	       (setjmp(igt_subtest_jmpbuf) == 0); \
	     igt_success())

#define __igt_name_buf(fmt, ...)                                        \
	({                                                              \
		static char __name[128];                                \
		snprintf(__name, sizeof(__name), fmt, ##__VA_ARGS__);   \
		__name;                                                 \
	})
#define igt_subtest_f(fmt, ...) igt_subtest(__igt_name_buf(fmt, ##__VA_ARGS__))
#define igt_dynamic_f(fmt, ...) igt_dynamic(__igt_name_buf(fmt, ##__VA_ARGS__))

#define igt_describe(dsc) igt_describe_f("%s", dsc)

#define igt_assert_f(expr, fmt, ...)                                       \
	do {                                                               \
		if (!(expr))                                               \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__,        \
					  __LINE__, __func__, #expr, fmt,  \
					  ##__VA_ARGS__);                  \
	} while (0)
#define igt_assert(expr) igt_assert_f(expr, "%s", "")
#define igt_fail_on_f(expr, fmt, ...)                                      \
	do {                                                               \
		if (expr)                                                  \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__,        \
					  __LINE__, __func__,              \
					  "!(" #expr ")", fmt,             \
					  ##__VA_ARGS__);                  \
	} while (0)
#define igt_fail_on(expr) igt_fail_on_f(expr, "%s", "")

#define __igt_assert_cmp(type, as, format, n1, cmp, ncmp, n2)                \
	do {                                                                 \
		type __n1 = (n1), __n2 = (n2);                               \
									     \
		if (!(__n1 cmp __n2))                                        \
			__igt_fail_assert(IGT_LOG_DOMAIN, __FILE__,          \
					  __LINE__, __func__,                \
					  #n1 " " #cmp " " #n2,              \
					  "error: " format " " #ncmp " "     \
					  format "\n", (as)__n1, (as)__n2);  \
	} while (0)
#define igt_assert_cmpint(n1, cmp, ncmp, n2) \
	__igt_assert_cmp(int, int, "%d", n1, cmp, ncmp, n2)
#define igt_assert_cmpuint(n1, cmp, ncmp, n2) \
	__igt_assert_cmp(uint32_t, uint32_t, "%#x", n1, cmp, ncmp, n2)
#define igt_assert_cmpu64(n1, cmp, ncmp, n2) \
	__igt_assert_cmp(uint64_t, unsigned long long, "%#llx", n1, cmp, ncmp, n2)
#define igt_assert_eq(n1, n2) igt_assert_cmpint(n1, ==, !=, n2)
#define igt_assert_neq(n1, n2) igt_assert_cmpint(n1, !=, ==, n2)
#define igt_assert_lt(n1, n2) igt_assert_cmpint(n1, <, >=, n2)
#define igt_assert_lte(n1, n2) igt_assert_cmpint(n1, <=, >, n2)
#define igt_assert_eq_u32(n1, n2) igt_assert_cmpuint(n1, ==, !=, n2)
#define igt_assert_eq_u64(n1, n2) igt_assert_cmpu64(n1, ==, !=, n2)
#define igt_assert_neq_u64(n1, n2) igt_assert_cmpu64(n1, !=, ==, n2)
#define igt_assert_lte_u64(n1, n2) igt_assert_cmpu64(n1, <=, >, n2)
#define igt_assert_fd(fd) igt_assert_f((fd) >= 0, "file descriptor %d\n", fd)

#define igt_require_f(expr, fmt, ...)                                         \
	do {                                                                  \
		if (!(expr))                                                  \
			__igt_skip_check(__FILE__, __LINE__, __func__, #expr, \
					 fmt, ##__VA_ARGS__);                 \
	} while (0)
#define igt_require(expr) igt_require_f(expr, "%s", "")
#define igt_skip_on_f(expr, fmt, ...)                                     \
	do {                                                              \
		if (expr)                                                 \
			__igt_skip_check(__FILE__, __LINE__, __func__,    \
					 "!(" #expr ")", fmt,             \
					 ##__VA_ARGS__);                  \
	} while (0)
#define igt_skip_on(expr) igt_skip_on_f(expr, "%s", "")

#define igt_abort_on_f(expr, fmt, ...)                                      \
	do {                                                                \
		if (expr)                                                   \
			__igt_abort(IGT_LOG_DOMAIN, __FILE__, __LINE__,     \
				    __func__, #expr, fmt, ##__VA_ARGS__);   \
	} while (0)

#define igt_debug(fmt, ...) \
	igt_log(IGT_LOG_DOMAIN, IGT_LOG_DEBUG, fmt, ##__VA_ARGS__)
#define igt_info(fmt, ...) \
	igt_log(IGT_LOG_DOMAIN, IGT_LOG_INFO, fmt, ##__VA_ARGS__)
#define igt_warn(fmt, ...) \
	igt_log(IGT_LOG_DOMAIN, IGT_LOG_WARN, fmt, ##__VA_ARGS__)

#endif /* IGT_CORE_H */
