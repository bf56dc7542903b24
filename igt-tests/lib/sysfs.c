// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "igt_core.h"
#include "sysfs.h"

void sysfs_write(const char *path, const char *text)
{
	int ret = __sysfs_write(path, text);

	igt_assert_f(!ret, "cannot write '%s' to %s: %s\n", text, path,
		     strerror(-ret));
}

char task_state(pid_t task)
{
	char path[32], text[512], *name_end;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/stat", task);
	ret = __sysfs_read(path, text, sizeof(text));
	igt_assert_f(!ret, "cannot read %s: %s\n", path, strerror(-ret));
	/* The name is in brackets, and may have some itself */
	name_end = strrchr(text, ')');
	igt_assert(name_end && name_end[1] == ' ');
	return name_end[2];
}
