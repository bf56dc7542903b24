// SPDX-License-Identifier: MIT
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "module.h"

static void modprobe(const char *one, const char *two)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		execlp("modprobe", "modprobe", one, two, (char *)NULL);
		_exit(127);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_f(WIFEXITED(status) && !WEXITSTATUS(status),
		     "'modprobe %s %s' failed with status 0x%x. Was it built for this kernel?\n",
		     one, two ? two : "", status);
}

void module_load(const char *name)
{
	modprobe(name, NULL);
}

void module_load_with(const char *name, const char *params)
{
	modprobe(name, params);
}

void module_unload(const char *name)
{
	modprobe("-r", name);
}
