// SPDX-License-Identifier: GPL-2.0
/*
 * How the program ends, seen by whoever started it
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "cleanup.h"
#include "interrupt.h"
#include "output.h"
#include "tap.h"
#include "verb.h"

static char file[] = "/tmp/cleanup-test.XXXXXX";

/* Return: how a process ends that does @fn */
static int end_of(void (*fn)(void))
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		fn();
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status;
}

static bool by_signal(int status, int sig)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

/* The number of a child that was waited for may be somebody else's by now */
static void signal_after_child(void)
{
	int pidfd;
	pid_t pid;

	pid = cleanup_fork(&pidfd);
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	raise(SIGTERM);
	_exit(7);
}

static void signal_to_child(void)
{
	int pidfd, status;
	pid_t pid;

	pid = cleanup_fork(&pidfd);
	if (!pid) {
		pause();
		_exit(0);
	}
	raise(SIGHUP);
	waitpid(pid, &status, 0);
	cleanup_exit(status);
}

static void child_exits(void)
{
	cleanup_exit(W_EXITCODE(143, 0));
}

/* As whoever started it ignores the ends of his children */
static void child_of_the_careless(void)
{
	int pidfd, status = -1;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	output_begin();
	pid = cleanup_fork(&pidfd);
	if (!pid)
		_exit(6);
	if (waitpid(pid, &status, 0) == pid)
		cleanup_exit(status);
}

/* The dynamic loader of this program, NULL if it has none */
static int find_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char **loader = arg;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*loader = (const char *)info->dlpi_addr +
				  info->dlpi_phdr[i].p_vaddr;
	/* This program is the first one */
	return 1;
}

static void by_loader(void)
{
	const char *loader = NULL;
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	dl_iterate_phdr(find_loader, &loader);
	self[len < 0 ? 0 : len] = 0;
	/* Without one there is nothing by which to go wrong */
	if (!loader)
		_exit(0);
	execl(loader, loader, self, "works", NULL);
}

static void itself(void)
{
	execl("/proc/self/exe", "test", "works", NULL);
}

static void note_signal(void)
{
	output_begin();
	interrupt_catch();
	raise(SIGTERM);
	exit(EXIT_INTERRUPTED);
}

static void exit_as_interrupted(void)
{
	output_begin();
	exit(EXIT_INTERRUPTED);
}

static void make_file(void)
{
	struct stat st;

	if (lstat(file, &st))
		_exit(98);
	cleanup_unlink(file, &st);
}

static void file_and_signal(void)
{
	make_file();
	raise(SIGINT);
}

static int given;

static void file_and_any_signal(void)
{
	make_file();
	raise(given);
}

/* The names that are left are those of signals that do not end a program */
static bool ends(int sig)
{
	static const int others[] = { SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,
				      SIGCONT, SIGCHLD, SIGURG, SIGWINCH };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i] == sig)
			return false;
	/* Some are the C library's */
	return sig < 32 || sig >= SIGRTMIN;
}

static void test_signals(void)
{
	bool good = true;
	int status;

	for (given = 1; given <= SIGRTMAX; given++) {
		if (!ends(given))
			continue;
		signal(given, SIG_DFL);
		close(open(file, O_CREAT | O_WRONLY, 0600));
		status = end_of(file_and_any_signal);
		if (by_signal(status, given) && access(file, F_OK))
			continue;
		printf("# signal %d: status 0x%x\n", given, status);
		good = false;
	}
	unlink(file);
	tap_ok(good, "whatever signal ends it, the file is removed");
}

static void exit_by_alarm(int sig)
{
	(void)sig;
	_exit(5);
}

/* As from a timer that whoever started this has left running */
static void alarm_to_child(void)
{
	struct itimerval soon = { .it_value = { .tv_usec = 1000 } };
	int pipes[2], pidfd, status;
	char byte;
	pid_t pid;

	if (pipe(pipes))
		return;
	pid = cleanup_fork(&pidfd);
	if (!pid) {
		/* Not to be left behind if it is the parent's alone */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGALRM, exit_by_alarm);
		if (write(pipes[1], "", 1) == 1)
			sleep(5);
		_exit(0);
	}
	if (read(pipes[0], &byte, 1) != 1)
		return;
	setitimer(ITIMER_REAL, &soon, NULL);
	waitpid(pid, &status, 0);
	cleanup_exit(status);
}

static void file_and_exit(void)
{
	make_file();
	exit(3);
}

static void replaced_file(void)
{
	char second[] = "/tmp/cleanup-test.XXXXXX";

	make_file();
	close(mkstemp(second));
	rename(second, file);
	raise(SIGINT);
}

static bool is_there(void)
{
	return !access(file, F_OK);
}

static void test_files(void)
{
	int status;

	close(mkstemp(file));
	status = end_of(replaced_file);
	tap_ok(by_signal(status, SIGINT) && is_there(),
	       "a file that is another one by then is not removed");
	status = end_of(file_and_signal);
	tap_ok(by_signal(status, SIGINT) && !is_there(),
	       "a signal: the file is removed");
	close(open(file, O_CREAT | O_WRONLY, 0600));
	status = end_of(file_and_exit);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 3 && !is_there(),
	       "exit(): the file is removed");
}

int main(int argc, char **argv)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP };
	int status;
	size_t i;

	if (argc > 1 && !strcmp(argv[1], "works"))
		return cleanup_works() ? 7 : 0;
	for (i = 0; i < ARRAY_SIZE(all); i++)
		signal(all[i], SIG_DFL);
	tap_ok(by_signal(end_of(signal_after_child), SIGTERM),
	       "a signal after the child's end is not sent to its number");
	tap_ok(by_signal(end_of(signal_to_child), SIGHUP),
	       "a signal that ends the child ends this, too");
	status = end_of(child_exits);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 143,
	       "a child's exit status is no signal");
	status = end_of(child_of_the_careless);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 6,
	       "nor is it lost if ends of children are ignored");
	status = end_of(itself);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	       "it can execute itself anew");
	status = end_of(by_loader);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	       "but not if the dynamic loader was started with it");
	tap_ok(by_signal(end_of(note_signal), SIGTERM),
	       "a signal that was noted ends it in the end");
	status = end_of(exit_as_interrupted);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_INTERRUPTED,
	       "without a signal none ends it");
	status = end_of(alarm_to_child);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 5,
	       "an alarm is the child's, too");
	test_files();
	test_signals();
	return tap_end();
}
