// SPDX-License-Identifier: MIT
#include "igt_core.h"
#include "sysfs.h"

void sysfs_write(const char *path, const char *text)
{
	int ret = __sysfs_write(path, text);

	igt_assert_f(!ret, "cannot write '%s' to %s: %s\n", text, path,
		     strerror(-ret));
}
