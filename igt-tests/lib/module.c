// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
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

bool module_symbol_exists(const char *name)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char symbol[128];
	bool found = false;

	igt_assert_f(file, "cannot read /proc/kallsyms: %s\n", strerror(errno));
	while (!found && fscanf(file, "%*s %*s %127s%*[^\n]", symbol) == 1)
		found = !strcmp(symbol, name);
	fclose(file);
	return found;
}
