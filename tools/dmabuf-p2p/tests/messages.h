/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Standard error of what @fn does, in a process of its own; Return: its status */
static inline int messages_of(void (*fn)(void), char *text, size_t size)
{
	int pipes[2], status = -1;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	fflush(NULL);
	if (pipe(pipes))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(pipes[1], STDERR_FILENO);
		close(pipes[0]);
		close(pipes[1]);
		fn();
		_exit(0);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = 0;
	close(pipes[0]);
	waitpid(pid, &status, 0);
	return status;
}

#endif /* MESSAGES_H */
