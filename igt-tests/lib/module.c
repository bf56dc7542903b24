// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "module.h"

void module_load(const char *name)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		execlp("modprobe", "modprobe", name, (char *)NULL);
		_exit(127);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_f(WIFEXITED(status) && !WEXITSTATUS(status),
		     "'modprobe %s' failed with status 0x%x. Was it built for this kernel?\n",
		     name, status);
}
