// SPDX-License-Identifier: GPL-2.0
/*
 * A socket where others interfere: links, a second server, too many descriptors
 *
 * What would be a race is made certain: functions of the C library that are called
 * at the wrong moment are this program's, and do there what the other one would.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "share.h"
#include "tap.h"

static char dir[] = "/tmp/interfere-test.XXXXXX";
static char path[] = "s";

/* What the other one does: once, and before or after the call */
static void (*before_chown)(void);
static void (*after_connect)(void);
static void (*after_mkdtemp)(void);
static void (*before_listen)(void);
static void (*after_rename)(void);

static void once(void (**fn)(void))
{
	void (*call)(void) = *fn;

	*fn = NULL;
	if (call)
		call();
}

int chown(const char *file, uid_t owner, gid_t group)
{
	once(&before_chown);
	return fchownat(AT_FDCWD, file, owner, group, 0);
}

int chmod(const char *file, mode_t mode)
{
	return fchmodat(AT_FDCWD, file, mode, 0);
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
	int ret = (int)syscall(SYS_connect, fd, address, len), err = errno;

	once(&after_connect);
	errno = err;
	return ret;
}

char *mkdtemp(char *template)
{
	snprintf(template + strlen(template) - 6, 7, "%06u", (unsigned int)getpid() % 1000000u);
	if (mkdir(template, 0700))
		return NULL;
	once(&after_mkdtemp);
	return template;
}

int listen(int fd, int backlog)
{
	once(&before_listen);
	return (int)syscall(SYS_listen, fd, backlog);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to,
	      unsigned int flags)
{
	int ret = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags),
	    err = errno;

	once(&after_rename);
	errno = err;
	return ret;
}

/* A process that serves until it is killed; Return: it, and whether it does */
static pid_t start_server(int memfd, gid_t gid, bool *serves)
{
	struct share_header header;
	struct pollfd ready;
	int pipes[2];
	char byte;
	pid_t pid, client;

	share_header(&header, 4096, "test");
	fflush(NULL);
	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		int listener = share_listen(path, gid);

		if (listener < 0 || write(pipes[1], "", 1) != 1)
			_exit(1);
		for (;;)
			share_serve(listener, memfd, &header, &client);
	}
	close(pipes[1]);
	ready = (struct pollfd){ .fd = pipes[0], .events = POLLIN };
	/* Unless it waits for what we hold */
	*serves = poll(&ready, 1, 1000) == 1 && read(pipes[0], &byte, 1) == 1;
	close(pipes[0]);
	return pid;
}

static void stop(pid_t pid, int sig)
{
	kill(pid, sig);
	waitpid(pid, NULL, 0);
}

static void put_link(void)
{
	unlink(path);
	if (symlink("victim", path))
		abort();
}

static void test_link(void)
{
	int victim = open("victim", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	gid_t group = geteuid() ? getgid() : 4321;
	struct stat was, is;
	bool serves;
	pid_t pid;

	fstat(victim, &was);
	before_chown = put_link;
	pid = start_server(victim, group, &serves);
	fstat(victim, &is);
	tap_ok(is.st_mode == was.st_mode && is.st_gid == was.st_gid,
	       "a link in the socket's place is not followed");
	tap_ok(serves && !lstat(path, &is) && S_ISSOCK(is.st_mode) &&
		       is.st_gid == group && (is.st_mode & 0777) == 0660,
	       "the group has the socket");
	stop(pid, SIGTERM);
	unlink(path);
	unlink("victim");
	close(victim);
}

/* A folder that gives its group to what is made in it */
static void test_set_gid(void)
{
	gid_t group = geteuid() ? getgid() : 4321;
	int memfd = memfd_create("stand-in", MFD_CLOEXEC);
	struct stat st;
	bool serves;
	pid_t pid;

	chmod(".", 02700);
	pid = start_server(memfd, group, &serves);
	tap_ok(serves && !lstat(path, &st) && st.st_gid == group,
	       "the group has it in a folder with a group, too");
	stop(pid, SIGTERM);
	chmod(".", 0700);
	close(memfd);
}

static bool is_empty(void)
{
	DIR *folder = opendir(".");
	unsigned int nr = 0;

	while (readdir(folder))
		nr++;
	closedir(folder);
	return nr == 2;
}

static int stand_in;
static pid_t other;
static bool other_serves;

static void start_other(void)
{
	other = start_server(stand_in, (gid_t)-1, &other_serves);
}

/* Both see that nobody serves the socket any more */
static void test_two(void)
{
	bool serves;
	pid_t pid;
	int fd;

	stand_in = memfd_create("stand-in", MFD_CLOEXEC);
	stop(start_server(stand_in, (gid_t)-1, &serves), SIGKILL);

	after_connect = start_other;
	fd = share_listen(path, (gid_t)-1);
	serves = fd >= 0;
	tap_ok(serves + other_serves == 1, "one of two starters has the socket");
	/* It sees now that somebody serves, or it does so itself */
	if (other_serves)
		kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	close(fd);
	unlink(path);

	pid = start_server(stand_in, (gid_t)-1, &serves);
	unlink(path);
	start_other();
	stop(pid, SIGTERM);
	tap_ok(serves && other_serves && !access(path, F_OK),
	       "the end of one leaves the socket of another one");
	stop(other, SIGTERM);
	tap_ok(access(path, F_OK), "which removes it");
	close(stand_in);
}

static void end_it(void)
{
	raise(SIGTERM);
}

/* Return: whether a signal just then ends it, and nothing is left */
static bool ends_clean(void (**when)(void))
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		/* What this program has had before, whose number may come again */
		cleanup_unlink(NULL, NULL);
		*when = end_it;
		_exit(share_listen(path, (gid_t)-1) < 0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && is_empty();
}

static void test_signals(void)
{
	tap_ok(ends_clean(&after_mkdtemp) && ends_clean(&before_listen) &&
		       ends_clean(&after_rename),
	       "a signal at any moment leaves neither folder nor socket");
}

static unsigned int count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned int nr = 0;

	while (readdir(folder))
		nr++;
	closedir(folder);
	return nr;
}

/* A header that is right, with so many descriptors beside it */
static void send_fds(int to, unsigned int nr)
{
	char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct share_header header;
	struct iovec iov = { .iov_base = &header, .iov_len = sizeof(header) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	unsigned int i;
	int fd = 0;

	share_header(&header, 4096, "test");
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(nr * sizeof(int));
	for (i = 0; i < nr; i++)
		memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(fd));
	_exit(sendmsg(to, &msg, 0) != sizeof(header));
}

static void test_too_many(unsigned int nr)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	unsigned int before = count_fds();
	struct share_header got;
	char name[64];
	pid_t pid;

	strcpy(address.sun_path, path);
	bind(listener, (struct sockaddr *)&address, sizeof(address));
	listen(listener, 1);
	fflush(NULL);
	pid = fork();
	if (!pid)
		send_fds(accept(listener, NULL, NULL), nr);
	fd = share_take(path, &got);
	waitpid(pid, NULL, 0);
	snprintf(name, sizeof(name), "%u descriptors are refused and closed",
		 nr);
	tap_ok(fd < 0 && count_fds() == before, name);
	close(listener);
	unlink(path);
}

static void test_header(void)
{
	struct share_header header;
	size_t i, used = strlen("short");

	memset(&header, 0xaa, sizeof(header));
	share_header(&header, 1, "short");
	for (i = used; i < sizeof(header.name) && !header.name[i]; i++)
		;
	tap_ok(i == sizeof(header.name), "nothing but the name is sent as name");
	share_header(&header, 1, "0123456789012345678901234567890123456789");
	tap_ok(strlen(header.name) == sizeof(header.name) - 1,
	       "a name that is too long is cut");
}

int main(void)
{
	signal(SIGHUP, SIG_DFL);
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	test_link();
	test_set_gid();
	test_two();
	test_signals();
	test_too_many(2);
	test_too_many(3);
	test_too_many(253);
	test_header();
	if (chdir("/"))
		return 1;
	tap_ok(!rmdir(dir), "nothing is left");
	return tap_end();
}
