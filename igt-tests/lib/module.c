// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "module.h"

/* Its status, as waitpid() has it */
static int run_modprobe(const char *one, const char *two, const char *three)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	igt_assert(pid >= 0);
	if (!pid) {
		execlp("modprobe", "modprobe", one, two, three, (char *)NULL);
		_exit(127);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void modprobe(const char *one, const char *two)
{
	int status = run_modprobe(one, two, NULL);

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

bool module_exists(const char *name)
{
	int status = run_modprobe("--dry-run", "--quiet", name);

	igt_assert_f(WIFEXITED(status) && WEXITSTATUS(status) != 127,
		     "cannot run modprobe: status 0x%x. Is kmod installed?\n",
		     status);
	return !WEXITSTATUS(status);
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
