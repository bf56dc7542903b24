// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "module.h"
#include "sysfs.h"

#define NO_MODPROBE 127

/*
 * Whether it is there, with all its code: one that is being loaded is not yet. What is built
 * in need not have a folder.
 */
static bool is_live(const char *name)
{
	char path[128], state[16];
	size_t i;
	int len;

	len = snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	if (len < 0 || (size_t)len >= sizeof(path))
		return false;
	for (i = strlen("/sys/module/"); path[i] != '/'; i++)
		if (path[i] == '-')
			path[i] = '_';
	return !__sysfs_read(path, state, sizeof(state)) && !strcmp(state, "live");
}

/* Its exit status, or -errno; -EINTR if a signal ended it */
static int modprobe(const char *one, const char *two, const char *three)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		execlp("modprobe", "modprobe", one, two, three, (char *)NULL);
		_exit(NO_MODPROBE);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	if (!WIFEXITED(status))
		return -EINTR;
	return WEXITSTATUS(status) == NO_MODPROBE ? -ENOENT : WEXITSTATUS(status);
}

int __module_load(const char *name, const char *params)
{
	int ret = is_live(name) ? 0 : modprobe(name, params, NULL);

	return ret > 0 ? -ENOEXEC : ret;
}

int __module_unload(const char *name)
{
	int ret = modprobe("-r", name, NULL);

	return ret > 0 ? -ENOEXEC : ret;
}

int __module_exists(const char *name)
{
	int ret = is_live(name) ? 0 : modprobe("--dry-run", "--quiet", name);

	return ret < 0 ? ret : !ret;
}

int __module_symbol_exists(const char *name)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char symbol[128];
	int found = 0;

	if (!file)
		return -errno;
	while (!found && fscanf(file, "%*s %*s %127s%*[^\n]", symbol) == 1)
		found = !strcmp(symbol, name);
	fclose(file);
	return found;
}
