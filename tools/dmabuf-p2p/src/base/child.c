// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

/*
 * The child may stay for ever: who waits for the end of a pipe, or for a device to be let go
 * of, must not wait for that
 */
static void close_others(int fd)
{
	long number, end;

	if (!syscall(SYS_close_range, fd + 1, ~0U, 0) &&
	    (!fd || !syscall(SYS_close_range, 0, fd - 1, 0)))
		return;
	end = sysconf(_SC_OPEN_MAX);
	for (number = 0; number < end; number++)
		if (number != fd)
			close((int)number);
}

/* A device's BAR is as open as its file. Memory that is shared hurts nobody. */
static void unmap_files(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[256], shared;

	/* The rest of a line with a long path is none of them */
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*3c%c", &start, &end, &shared) == 3 &&
		    shared == 's' && !strstr(line, "/dev/zero"))
			munmap((void *)start, end - start);
	if (maps)
		fclose(maps);
}

void child_tell(int fd, const void *answer, size_t size)
{
	/* Who asked has gone */
	if (write(fd, answer, size) != (ssize_t)size)
		_exit(1);
}

/* Return: 0 at the end, -ETIMEDOUT, or -errno */
static int listen_to(int fd, void *answer, size_t size, int patience_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t len = -1;
	int ready;

	while (len) {
		ready = poll(&poll_fd, 1, patience_ms);
		if (!ready)
			return -ETIMEDOUT;
		if (ready > 0)
			len = read(fd, answer, size);
		if ((ready < 0 || len < 0) && errno != EINTR)
			return -errno;
	}
	return 0;
}

int child_ask(void (*fn)(int fd, void *arg), void *arg, void *answer, size_t size,
	      int patience_ms)
{
	int pipes[2], ret;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		close_others(pipes[1]);
		unmap_files();
		fn(pipes[1], arg);
		_exit(0);
	}
	ret = pid < 0 ? -errno : 0;
	close(pipes[1]);
	if (!ret)
		ret = listen_to(pipes[0], answer, size, patience_ms);
	close(pipes[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, ret ? WNOHANG : 0);
	}
	return ret;
}
