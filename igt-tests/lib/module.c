// SPDX-License-Identifier: MIT
#include <errno.h>

#include "igt_core.h"
#include "machine.h"
#include "module.h"

void module_require(const char *name)
{
	int ret = __module_exists(name);

	require_there(ret ? ret < 0 ? ret : 0 : -ENOENT,
		      "this kernel has no module %s\n", name);
}

void module_load(const char *name)
{
	module_load_with(name, NULL);
}

void module_load_with(const char *name, const char *params)
{
	int ret;

	module_require(name);
	ret = __module_load(name, params);
	igt_assert_f(!ret,
		     "'modprobe %s %s' failed: %s. Was it built for this kernel?\n",
		     name, params ? params : "", strerror(-ret));
}

void module_unload(const char *name)
{
	int ret = __module_unload(name);

	igt_assert_f(!ret, "'modprobe -r %s' failed: %s. Is it in use?\n", name,
		     strerror(-ret));
}

bool module_exists(const char *name)
{
	int ret = __module_exists(name);

	igt_assert_f(ret >= 0, "cannot run modprobe: %s. Is kmod installed?\n",
		     strerror(-ret));
	return ret;
}

bool module_symbol_exists(const char *name)
{
	int ret = __module_symbol_exists(name);

	igt_assert_f(ret >= 0, "cannot read /proc/kallsyms: %s\n",
		     strerror(-ret));
	return ret;
}
