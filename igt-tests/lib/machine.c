// SPDX-License-Identifier: MIT
#include <errno.h>

#include "machine.h"

bool machine_is_ours(void)
{
	const char *kernel = getenv("DMABUF_KERNEL");

	/* An unmodified one lacks nearly everything, whoever boots it */
	return kernel && strncmp(kernel, "upstream", strlen("upstream"));
}

bool machine_lacks(int ret)
{
	switch (ret) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
	case -ENOTDIR:
	case -ENOTTY:
	case -EOPNOTSUPP:
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return !machine_is_ours();
	}
	return false;
}
