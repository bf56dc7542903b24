// SPDX-License-Identifier: GPL-2.0
/*
 * Putting things back, however the program ends
 *
 * vfio-pci lets go of a device when nobody has it open or mapped any more, and
 * until then a write to its "unbind" blocks. A program that ends in the middle
 * of anything, with threads that use the mapping, cannot close it all. So it
 * executes itself anew, which drops mappings, threads and files in one step and
 * is allowed in a signal handler, and the new image puts the drivers back. The
 * process stays the same: whoever waits for it waits for that, too.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "message.h"
#include "pci.h"
#include "verb.h"

/* More than pci_saved() can have */
#define MAX_ARGS 64

/* Those that ask it to end first; SIGBUS is the access to a revoked BAR */
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE,
			       SIGBUS };
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static pid_t owner;
static volatile pid_t child;
static const char *volatile socket_path;
static char status_text[16];
static char *args[MAX_ARGS];

static void block(int how)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < NR_SIGNALS; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(how, &set, NULL);
}

static const char sorry[] =
	"dmabuf-p2p: cannot execute itself anew: drivers are not put back\n";

/* May run in a signal handler. Does not return if there are devices. */
static void clean_up(int status)
{
	size_t i;

	if (socket_path)
		unlink(socket_path);
	socket_path = NULL;
	if (!args[0])
		return;

	/* This outlives the execution, and nothing may end it half-way */
	for (i = 0; i < NR_SIGNALS; i++)
		signal(signals[i], SIG_IGN);
	status_text[0] = (char)('0' + status / 100 % 10);
	status_text[1] = (char)('0' + status / 10 % 10);
	status_text[2] = (char)('0' + status % 10);
	execv("/proc/self/exe", args);
	if (write(STDERR_FILENO, sorry, sizeof(sorry) - 1) < 0)
		_exit(EXIT_FAILED);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int err = errno, status;

	(void)context;
	if (getpid() != owner) {
		signal(sig, SIG_DFL);
		raise(sig);
		return;
	}
	if (child && sig != SIGPIPE && sig != SIGBUS) {
		/* A terminal's Ctrl-C has reached it already */
		if (info->si_code != SI_KERNEL)
			kill(child, sig);
		errno = err;
		return;
	}
	status = sig == SIGINT || sig == SIGTERM || sig == SIGHUP ?
			 EXIT_INTERRUPTED : 128 + sig;
	clean_up(status);
	_exit(status);
}

static void at_exit(int status, void *arg)
{
	(void)arg;
	if (getpid() != owner)
		return;
	block(SIG_BLOCK);
	fflush(NULL);
	clean_up(status & 0xff);
}

/* What nohup has made it ignore stays ignored */
static bool ignored(int sig)
{
	struct sigaction now;

	return !sigaction(sig, NULL, &now) && now.sa_handler == SIG_IGN;
}

static void arm(void)
{
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_RESTART,
	};
	size_t i;

	if (owner == getpid())
		return;
	owner = getpid();
	for (i = 0; i < NR_SIGNALS; i++)
		sigaddset(&action.sa_mask, signals[i]);
	for (i = 0; i < NR_SIGNALS; i++)
		if (!ignored(signals[i]))
			sigaction(signals[i], &action, NULL);
	on_exit(at_exit, NULL);
}

void cleanup_devices(void)
{
	const char *addr, *driver, *override;
	int n = 0, i;

	arm();
	block(SIG_BLOCK);
	args[n++] = (char *)"dmabuf-p2p";
	args[n++] = (char *)"--put-back";
	args[n++] = status_text;
	for (i = 0; n + 4 < MAX_ARGS &&
		    pci_saved(i, &addr, &driver, &override); i++) {
		args[n++] = (char *)addr;
		args[n++] = (char *)driver;
		args[n++] = (char *)override;
	}
	args[n] = NULL;
	block(SIG_UNBLOCK);
}

void cleanup_unlink(const char *path)
{
	socket_path = path;
	if (path)
		arm();
}

pid_t cleanup_fork(void)
{
	pid_t pid;
	size_t i;

	arm();
	block(SIG_BLOCK);
	pid = fork();
	if (pid > 0)
		child = pid;
	for (i = 0; i < NR_SIGNALS && !pid; i++)
		if (!ignored(signals[i]))
			signal(signals[i], SIG_DFL);
	block(SIG_UNBLOCK);
	return pid;
}

int cleanup_put_back(int argc, char **argv)
{
	int i, ret;

	if (argc < 1 || (argc - 1) % 3)
		return EXIT_USAGE;
	/* Last bound, first put back */
	for (i = argc - 3; i >= 1; i -= 3) {
		ret = __pci_put_back(argv[i], argv[i + 1], argv[i + 2]);
		/* It may have been unplugged meanwhile */
		if (ret && pci_exists(argv[i]))
			complain(argv[i], "see dmesg for the driver's reason",
				 "cannot give it back to %s: %s",
				 argv[i + 1][0] ? argv[i + 1] : "no driver",
				 strerror(-ret));
	}
	return atoi(argv[0]);
}
