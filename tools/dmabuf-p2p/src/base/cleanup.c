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
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "device_use.h"
#include "devices/pci.h"
#include "interrupt.h"
#include "output.h"
#include "verb.h"

/* More than pci_saved() can have */
#define MAX_ARGS 64

static pid_t owner;
/* Of cleanup_taken() */
static void (*note_taken)(void);
/* Of the child; unlike its process id this never becomes somebody else */
static volatile int child = -1;
static const char *volatile unlink_path;
static struct stat unlink_stat;
static volatile int folder = -1;
static const char *folder_path, *folder_file;
static char end_text[16];
static char *args[MAX_ARGS];

/* Whether a signal would end it, if nothing is done, and something can be */
static bool ends(int sig)
{
	switch (sig) {
	case SIGKILL:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGCONT:
	case SIGCHLD:
	case SIGURG:
	case SIGWINCH:
		return false;
	default:
		return true;
	}
}

/* Of these it is its own fault, or that of its output; SIGBUS: of a revoked BAR */
static bool is_own(int sig)
{
	switch (sig) {
	case SIGPIPE:
	case SIGXFSZ:
	case SIGBUS:
	case SIGSEGV:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
	case SIGSYS:
	case SIGABRT:
		return true;
	default:
		return false;
	}
}

static void add_signals(sigset_t *set)
{
	int sig;

	sigemptyset(set);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (ends(sig))
			sigaddset(set, sig);
}

/* Return: what was blocked before, for let_go() */
static sigset_t hold(void)
{
	sigset_t set, before;

	add_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &before);
	return before;
}

/* Those that a caller has blocked stay so */
static void let_go(sigset_t before)
{
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static const char sorry[] =
	"dmabuf-p2p: cannot execute itself anew: drivers are not put back\n"
	"  'dmabuf-p2p release' does that\n";

static void remove_folder(void)
{
	if (folder < 0)
		return;
	/* In the folder that it is, whatever has its name by now */
	unlinkat(folder, folder_file, 0);
	rmdir(folder_path);
	close(folder);
	folder = -1;
}

static void remove_file(void)
{
	struct stat st;

	if (unlink_path && !lstat(unlink_path, &st) &&
	    st.st_dev == unlink_stat.st_dev && st.st_ino == unlink_stat.st_ino)
		unlink(unlink_path);
	unlink_path = NULL;
}

/*
 * To end with an exit status or, if not 0, by a signal. May run in a signal
 * handler. Does not return if there are devices.
 */
static void clean_up(int status, int sig)
{
	const int number = sig ? sig : status;
	char *digit = end_text;
	int i;

	remove_file();
	remove_folder();
	if (!args[0])
		return;

	/* This outlives the execution, and nothing may end it half-way */
	for (i = 1; i <= SIGRTMAX; i++)
		if (ends(i))
			signal(i, SIG_IGN);
	if (sig)
		*digit++ = 's';
	*digit++ = (char)('0' + number / 100 % 10);
	*digit++ = (char)('0' + number / 10 % 10);
	*digit++ = (char)('0' + number % 10);
	execv("/proc/self/exe", args);
	if (write(STDERR_FILENO, sorry, sizeof(sorry) - 1) < 0 || !sig)
		_exit(status ? status : EXIT_FAILED);
}

/* Return: whether there is a child, which has the signal now */
static bool passed_on(int sig, const siginfo_t *info)
{
	const bool from_terminal = info->si_code == SI_KERNEL &&
				   (sig == SIGINT || sig == SIGQUIT || sig == SIGHUP);

	if (child < 0 || is_own(sig))
		return false;
	/* A terminal's Ctrl-C has reached it already */
	return !syscall(SYS_pidfd_send_signal, child, from_terminal ? 0 : sig,
			NULL, 0);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	int err = errno;

	(void)context;
	if (getpid() != owner)
		interrupt_die(sig);
	if (passed_on(sig, info)) {
		errno = err;
		return;
	}
	clean_up(0, sig);
	interrupt_die(sig);
}

static void at_exit(int status, void *arg)
{
	int sig = 0;

	(void)arg;
	if (getpid() != owner)
		return;
	hold();
	status = output_end(status & 0xff);
	if (status == EXIT_INTERRUPTED)
		sig = interrupted();
	clean_up(status, sig);
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
	int sig;

	if (owner == getpid())
		return;
	owner = getpid();
	add_signals(&action.sa_mask);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		if (ends(sig) && !ignored(sig))
			sigaction(sig, &action, NULL);
	on_exit(at_exit, NULL);
}

bool cleanup_works(void)
{
	/* Where the program begins, of which the kernel tells what it has executed */
	extern const char _start[];
	int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);
	ElfW(auxv_t) aux;
	bool is_this = false;

	if (fd < 0)
		return false;
	/* getauxval() would tell what the loader has made of it */
	while (!is_this && read(fd, &aux, sizeof(aux)) == (ssize_t)sizeof(aux))
		is_this = aux.a_type == AT_ENTRY &&
			  aux.a_un.a_val == (uintptr_t)_start;
	close(fd);
	return is_this && !access("/proc/self/exe", X_OK);
}

void cleanup_devices(void)
{
	static char disks[MAX_ARGS / CLEANUP_PER_DEVICE][12];
	const struct pci_saved *was;
	sigset_t before;
	int n = 0, i;

	arm();
	before = hold();
	args[n++] = (char *)"dmabuf-p2p";
	args[n++] = (char *)"--put-back";
	args[n++] = end_text;
	for (i = 0; n + CLEANUP_PER_DEVICE < MAX_ARGS && (was = pci_saved(i)); i++) {
		/* What is new has not been taken yet */
		if (!disks[i][0])
			snprintf(disks[i], sizeof(disks[i]), "%u",
				 device_disks("", was->addr));
		args[n++] = (char *)was->addr;
		args[n++] = (char *)was->bound;
		args[n++] = (char *)was->driver;
		args[n++] = (char *)was->override;
		args[n++] = disks[i];
	}
	args[n] = NULL;
	let_go(before);
}

/*
 * pci_restore() itself would wait for this very process to let go of the device:
 * cleanup_devices() does it in another way, and asks pci_saved() what to do.
 */
static void before_change(void)
{
	note_taken();
	cleanup_devices();
}

void cleanup_taken(void (*note)(void))
{
	note_taken = note;
	pci_before_change(before_change);
}

void cleanup_unlink(const char *path, const struct stat *st)
{
	const sigset_t before = hold();

	unlink_path = path;
	if (path)
		unlink_stat = *st;
	let_go(before);
	if (path)
		arm();
}

int cleanup_mkstemp(char *path)
{
	sigset_t before;
	int fd, ret;

	arm();
	before = hold();
	fd = mkostemp(path, O_CLOEXEC);
	ret = fd < 0 || fstat(fd, &unlink_stat) ? -errno : fd;
	if (ret >= 0) {
		unlink_path = path;
	} else if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	let_go(before);
	return ret;
}

int cleanup_mkdtemp(char *path, const char *file)
{
	sigset_t before;
	int ret;

	arm();
	before = hold();
	ret = mkdtemp(path) ? 0 : -errno;
	if (!ret) {
		folder_path = path;
		folder_file = file;
		folder = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		ret = folder < 0 ? -errno : folder;
		if (ret < 0)
			rmdir(path);
	}
	let_go(before);
	return ret;
}

void cleanup_rmdir(void)
{
	const sigset_t before = hold();

	remove_folder();
	let_go(before);
}

pid_t cleanup_fork(int *pidfd)
{
	sigset_t before;
	pid_t pid;
	int sig;

	arm();
	before = hold();
	pid = fork();
	if (pid > 0) {
		*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		child = *pidfd;
		if (child < 0) {
			int err = errno;

			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			errno = err;
			pid = -1;
		}
	}
	for (sig = 1; sig <= SIGRTMAX && !pid; sig++)
		if (ends(sig) && !ignored(sig))
			signal(sig, SIG_DFL);
	let_go(before);
	return pid;
}

void cleanup_exit(int status)
{
	if (!WIFSIGNALED(status))
		exit(WEXITSTATUS(status));
	hold();
	output_end(EXIT_OK);
	clean_up(0, WTERMSIG(status));
	interrupt_die(WTERMSIG(status));
}
