// SPDX-License-Identifier: MIT
/*
 * Command line, log and exit handlers of the harness
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "igt_private.h"
#include "streams.h"

static enum igt_log_level log_level = IGT_LOG_INFO;

/* The newest messages of the subtest, shown if it fails. Text, not lines. */
static char log_ring[16384];
static size_t log_head;
static bool log_wrapped;

const char *igt_test_name(void)
{
	return program_invocation_short_name;
}

static void usage(FILE *to)
{
	fprintf(to,
		"Usage: %s [OPTIONS]\n"
		"  --list-subtests\n"
		"  --show-testlist\n"
		"  --run-subtest <pattern>[,<pattern>]...\n"
		"  --dynamic-subtest <pattern>\n"
		"  --describe[=<pattern>]\n"
		"  --debug\n"
		"  --help-description\n"
		"  --version\n"
		"  --help\n",
		igt_test_name());
}

static void __attribute__((noreturn)) end_of_help(void)
{
	exit(streams_flush() ? IGT_EXIT_FAILURE : IGT_EXIT_SUCCESS);
}

void __igt_parse_options(struct igt_options *options, int argc, char **argv)
{
	enum { LIST, TESTLIST, RUN, DYNAMIC, DESCRIBE, DEBUG, TEXT, VERSION, HELP };
	static const struct option longs[] = {
		{ "list-subtests", no_argument, NULL, LIST },
		{ "show-testlist", no_argument, NULL, TESTLIST },
		{ "run-subtest", required_argument, NULL, RUN },
		{ "dynamic-subtest", required_argument, NULL, DYNAMIC },
		{ "describe", optional_argument, NULL, DESCRIBE },
		{ "debug", optional_argument, NULL, DEBUG },
		{ "help-description", no_argument, NULL, TEXT },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 },
	};
	const char *level = getenv("IGT_LOG_LEVEL");
	int c;

	if (level && !strcmp(level, "debug"))
		log_level = IGT_LOG_DEBUG;
	else if (level && !strcmp(level, "warn"))
		log_level = IGT_LOG_WARN;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		/* Which of these two comes first decides; all subtests are listed */
		case LIST:
			options->list = !options->run;
			break;
		case TESTLIST:
			options->testlist = true;
			break;
		case RUN:
			if (!igt_only_list_subtests())
				options->run = optarg;
			break;
		case DYNAMIC:
			if (!igt_only_list_subtests())
				options->dynamic = optarg;
			break;
		case DESCRIBE:
			options->describe = true;
			if (optarg)
				options->run = optarg;
			break;
		case DEBUG:
			log_level = IGT_LOG_DEBUG;
			break;
		case TEXT:
			if (&__igt_test_description)
				printf("%s\n\n", __igt_test_description);
			end_of_help();
		case VERSION:
			printf("IGT-Version: " IGT_HARNESS_VERSION "\n");
			end_of_help();
		case HELP:
		case 'h':
			usage(stdout);
			end_of_help();
		default:
			usage(stderr);
			exit(IGT_EXIT_INVALID);
		}
	}
	if (options->describe && &__igt_test_description)
		printf("%s\n\n", __igt_test_description);
}

void __igt_log_reset(void)
{
	log_head = 0;
	log_wrapped = false;
}

static void remember(const char *text)
{
	for (; *text; text++) {
		log_ring[log_head++] = *text;
		if (log_head == sizeof(log_ring)) {
			log_head = 0;
			log_wrapped = true;
		}
	}
}

void __igt_log_dump(const char *subtest)
{
	if (!log_head && !log_wrapped)
		return;
	fflush(stdout);
	if (subtest)
		fprintf(stderr, "Subtest %s failed.\n", subtest);
	fprintf(stderr, "**** DEBUG ****\n");
	if (log_wrapped)
		fwrite(log_ring + log_head, 1, sizeof(log_ring) - log_head,
		       stderr);
	fwrite(log_ring, 1, log_head, stderr);
	fprintf(stderr, "****  END  ****\n");
	fflush(stderr);
}

void igt_log(const char *domain, enum igt_log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARNING",
					     "CRITICAL", "NONE" };
	char text[2048], line[2200];
	FILE *to = level >= IGT_LOG_WARN ? stderr : stdout;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(line, sizeof(line), "(%s:%d) %s%s%s: %s", igt_test_name(),
		 getpid(), domain ? domain : "", domain ? "-" : "",
		 names[level], text);
	remember(line);
	if (level < log_level)
		return;
	fputs(level == IGT_LOG_INFO ? text : line, to);
	fflush(to);
}

void igt_emit_ignore_dmesg_regex(const char *ignore_dmesg_regex)
{
	FILE *log = fopen("/dev/kmsg", "we");

	if (!log)
		return;
	fprintf(log, "<6>[IGT] add ignored dmesg regex: %s\n",
		ignore_dmesg_regex);
	fclose(log);
}

#define MAX_HANDLERS 16

static igt_exit_handler_t handlers[MAX_HANDLERS];
static int nr_handlers;

static void call_handlers(int sig)
{
	/* Newest first; each only once, even if one of them dies */
	while (nr_handlers > 0)
		handlers[--nr_handlers](sig);
}

static pid_t main_pid;
static bool ended;

void __igt_end(int exitcode)
{
	ended = true;
	exit(exitcode);
}

static void at_exit(void)
{
	call_handlers(0);
	if (ended || getpid() != main_pid)
		return;
	fprintf(stderr, "%s: exit() before the end\n", igt_test_name());
	abort();
}

static void on_signal(int sig)
{
	call_handlers(sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

void __igt_exit_handlers_init(void)
{
	static const int fatal[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE,
				     SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL };
	size_t i;

	main_pid = getpid();
	atexit(at_exit);
	for (i = 0; i < ARRAY_SIZE(fatal); i++)
		signal(fatal[i], on_signal);
}

void igt_install_exit_handler(igt_exit_handler_t fn)
{
	int i;

	for (i = 0; i < nr_handlers; i++)
		if (handlers[i] == fn)
			return;
	if (nr_handlers == MAX_HANDLERS) {
		fprintf(stderr, "more than %d exit handlers\n", MAX_HANDLERS);
		abort();
	}
	handlers[nr_handlers++] = fn;
}
