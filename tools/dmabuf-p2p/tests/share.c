// SPDX-License-Identifier: GPL-2.0
/*
 * Handing a file over through a socket; a memfd stands in for the dma-buf
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "messages.h"
#include "share.h"
#include "tap.h"

static char dir[] = "/tmp/share-test.XXXXXX";
static char path[] = "s";

static struct share_header header = {
	.magic = { 'd', 'm', 'a', 'b', 'u', 'f', 'p', '2' },
	.size = 4096,
	.name = "01:00.0/bar2:0-4K",
};

static void says(void (*fn)(void), const char *name, const char *want)
{
	char text[1024];
	int status = messages_of(fn, text, sizeof(text));

	if (strcmp(text, want))
		printf("# '%s'\n", text);
	tap_ok(!status && !strcmp(text, want), name);
}

/* A process that serves until it is told not to */
static pid_t start_server(int memfd, gid_t gid)
{
	int ready[2];
	char byte;
	pid_t pid, client;

	fflush(NULL);
	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		int listener = share_listen(path, gid);

		if (listener < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			share_serve(listener, memfd, &header, &client);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		printf("# no server\n");
	close(ready[0]);
	return pid;
}

static int stop_server(pid_t pid, int sig)
{
	int status = -1;

	kill(pid, sig);
	waitpid(pid, &status, 0);
	return status;
}

/* Whoever started it learns which signal it was */
static bool ended_by(pid_t pid, int sig)
{
	int status = stop_server(pid, sig);

	return WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

static void take_it(void)
{
	struct share_header got;

	share_take(path, &got);
}

static void listen_again(void)
{
	share_listen(path, (gid_t)-1);
}

static void test_hand_over(void)
{
	struct share_header got;
	struct stat ours, theirs;
	int memfd = memfd_create("stand-in", MFD_CLOEXEC), fd, again;
	char bytes[6] = "";
	pid_t pid;

	tap_ok(write(memfd, "inside", 6) == 6, "there is a memfd");
	pid = start_server(memfd, (gid_t)-1);
	tap_ok(!stat(path, &ours) && S_ISSOCK(ours.st_mode) &&
	       (ours.st_mode & 0777) == 0600, "the socket's mode is 0600");

	fd = share_take(path, &got);
	again = share_take(path, &got);
	tap_ok(fd >= 0 && again >= 0, "two clients get it");
	tap_ok(!memcmp(&got, &header, sizeof(got)), "and the header");
	tap_ok(!fstat(memfd, &ours) && !fstat(fd, &theirs) &&
	       ours.st_ino == theirs.st_ino &&
	       pread(fd, bytes, 6, 0) == 6 && !memcmp(bytes, "inside", 6),
	       "what they get is the file");
	tap_ok(fcntl(fd, F_GETFD) == FD_CLOEXEC, "it is closed on exec");
	close(fd);
	close(again);

	says(listen_again, "one socket has one server",
	     "dmabuf-p2p: s: another program serves this socket\n"
	     "  name another path, or end that one\n");
	tap_ok(ended_by(pid, SIGINT), "SIGINT ends the server");
	tap_ok(access(path, F_OK), "and the socket is gone");
	says(take_it, "no socket",
	     "dmabuf-p2p: s: there is no such socket\n"
	     "  start 'dmabuf-p2p export ... --socket' first\n");
	close(memfd);
}

static void test_stale(void)
{
	int memfd = memfd_create("stand-in", MFD_CLOEXEC), fd;
	struct share_header got;
	pid_t pid;

	stop_server(start_server(memfd, (gid_t)-1), SIGKILL);
	tap_ok(!access(path, F_OK), "SIGKILL leaves the socket");
	says(take_it, "a socket without server",
	     "dmabuf-p2p: s: nobody serves this socket any more\n"
	     "  start 'dmabuf-p2p export ... --socket' again\n");
	pid = start_server(memfd, (gid_t)-1);
	fd = share_take(path, &got);
	tap_ok(fd >= 0, "the next server takes its place");
	close(fd);
	tap_ok(ended_by(pid, SIGTERM) && access(path, F_OK),
	       "SIGTERM removes it");

	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	says(listen_again, "a file that is no socket is left alone",
	     "dmabuf-p2p: s: there is something, and it is no socket\n"
	     "  name another path, or remove it\n");
	tap_ok(!access(path, F_OK), "it is still there");
	unlink(path);
	close(memfd);
}

static void test_group(void)
{
	int memfd = memfd_create("stand-in", MFD_CLOEXEC);
	pid_t pid = start_server(memfd, getgid());
	struct stat st;

	tap_ok(!stat(path, &st) && (st.st_mode & 0777) == 0660 &&
	       st.st_gid == getgid(), "a group may be let in");
	tap_ok(ended_by(pid, SIGHUP) && access(path, F_OK),
	       "SIGHUP removes it, too");
	close(memfd);
}

/* Something else's socket: the first bytes are no header of ours */
static void test_stranger(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), to;
	pid_t pid;

	strcpy(address.sun_path, path);
	tap_ok(!bind(listener, (struct sockaddr *)&address, sizeof(address)) &&
	       !listen(listener, 1), "there is a socket of something else");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		to = accept(listener, NULL, NULL);
		_exit(write(to, "220 mail ready\r\n", 16) != 16);
	}
	says(take_it, "it is told from ours",
	     "dmabuf-p2p: s: this socket is not one of 'dmabuf-p2p export'\n");
	stop_server(pid, SIGKILL);
	close(listener);
	unlink(path);
}

static void take_long(void)
{
	struct share_header got;
	char text[200];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	share_take(text, &got);
}

static void test_long(void)
{
	char text[1024];

	messages_of(take_long, text, sizeof(text));
	tap_ok(strstr(text, "x: the path of a socket has 1 to 107 characters\n"),
	       "a path that is too long");
}

/* In a folder of its own, so that the socket has the same name everywhere */
int main(void)
{
	/* Whoever started this may have them ignored: nohup, a shell's background */
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	test_hand_over();
	test_stale();
	test_group();
	test_stranger();
	test_long();
	if (chdir("/"))
		return 1;
	rmdir(dir);
	return tap_end();
}
