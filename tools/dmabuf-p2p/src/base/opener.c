// SPDX-License-Identifier: GPL-2.0
/*
 * Which process has the file of a device open
 *
 * Everybody's files are looked at, on whatever file systems they are. Some of these
 * belong to servers, FUSE's or those of a network, which need not answer, ever: so
 * nothing is asked here that a server would be asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "opener.h"
#include "procfs.h"

struct search {
	const char *root;
	const dev_t *devices;
	size_t nr;
	struct opener *opener;
	int err;
};

static bool is_one(const struct search *search, const char *path)
{
	struct statx st;
	size_t i;

	/* A file that a server does not let us look at is no device of this machine */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st) ||
	    !(S_ISBLK(st.stx_mode) || S_ISCHR(st.stx_mode)))
		return false;
	for (i = 0; i < search->nr; i++)
		if (search->devices[i] ==
		    makedev(st.stx_rdev_major, st.stx_rdev_minor))
			return true;
	return false;
}

static int look_at_file(pid_t pid, int number, void *arg)
{
	struct search *search = arg;
	char path[PATH_MAX], first;

	snprintf(path, sizeof(path), "%s/proc/%d/fd/%d", search->root, pid,
		 number);
	if (readlink(path, &first, 1) < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	/* Sockets, pipes and the like have no path */
	if (first != '/' || !is_one(search, path))
		return 0;
	*search->opener = (struct opener){ pid, number };
	return 1;
}

static int look_at_process(pid_t pid, void *arg)
{
	struct search *search = arg;
	int ret;

	ret = procfs_each_file(search->root, pid, look_at_file, search);
	/* It has ended */
	if (ret == -ENOENT || ret == -ESRCH)
		return 0;
	/* Another one may be known to have it open */
	if (ret < 0 && !search->err) {
		search->err = ret;
		*search->opener = (struct opener){ pid, -1 };
	}
	return ret > 0;
}

int opener_find(const char *root, const dev_t *devices, size_t nr,
		struct opener *opener)
{
	struct search search = {
		.root = root,
		.devices = devices,
		.nr = nr,
		.opener = opener,
	};
	int ret;

	ret = procfs_each_process(root, look_at_process, &search);
	if (ret < 0 && !search.err) {
		*opener = (struct opener){ 0, -1 };
		return ret;
	}
	return ret > 0 ? 1 : search.err;
}
