// SPDX-License-Identifier: GPL-2.0
/*
 * Which process has the file of a device open
 *
 * Everybody's files are looked at, on whatever file systems they are. Some of these
 * belong to servers, FUSE's or those of a network, which need not answer, ever: so
 * nothing is asked here that a server would be asked for.
 *
 * The files of a process are those of its threads: the first one has none any more
 * when it has ended before the others, and each may have some of its own. And what is
 * mapped is in use though its file has been closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "opener.h"
#include "procfs.h"

/* Sets of files of one process that are told apart */
#define MAX_SETS 8

/**
 * struct search - what is looked for, and where it has got to
 * @root: folder that stands for /
 * @devices: numbers of files in /dev
 * @nr: of @devices
 * @opener: receives who has one open
 * @err: why a process could not be looked at, of the first such
 * @pid: process that is looked at
 * @tid: and its thread
 * @any: that thread has files, or the process mappings
 * @mapped: the mappings of the process have been looked at
 * @with: threads whose files have been looked at
 * @nr_with: their number, the last MAX_SETS of which are known
 */
struct search {
	const char *root;
	const dev_t *devices;
	size_t nr;
	struct opener *opener;
	int err;
	pid_t pid;
	pid_t tid;
	bool any;
	bool mapped;
	pid_t with[MAX_SETS];
	unsigned int nr_with;
};

/* Return: 1 or 0; -EACCES if the link to it may not be followed */
static int is_one(const struct search *search, const char *path)
{
	struct statx st;
	size_t i;

	/* A file that a server does not let us look at is no device of this machine */
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE, &st))
		return errno == EPERM ? -EACCES : 0;
	if (!S_ISBLK(st.stx_mode) && !S_ISCHR(st.stx_mode))
		return 0;
	for (i = 0; i < search->nr; i++)
		if (search->devices[i] ==
		    makedev(st.stx_rdev_major, st.stx_rdev_minor))
			return 1;
	return 0;
}

static int look_at_file(pid_t tid, int number, void *arg)
{
	struct search *search = arg;
	char path[PATH_MAX], first;
	int ret;

	search->any = true;
	snprintf(path, sizeof(path), "%s/proc/%d/fd/%d", search->root, tid,
		 number);
	if (readlink(path, &first, 1) < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	/* Sockets, pipes and the like have no path */
	ret = first == '/' ? is_one(search, path) : 0;
	if (ret > 0)
		*search->opener = (struct opener){ search->pid, tid, number };
	return ret;
}

static int look_at_map(const char *name, void *arg)
{
	struct search *search = arg;
	char path[PATH_MAX];
	int ret;

	search->any = true;
	snprintf(path, sizeof(path), "%s/proc/%d/map_files/%s", search->root,
		 search->tid, name);
	ret = is_one(search, path);
	if (ret > 0)
		*search->opener = (struct opener){ search->pid, search->tid, -1 };
	return ret;
}

/* Threads share their files, as a rule. If the kernel does not tell they are read. */
static bool are_known(const struct search *search)
{
	unsigned int i;

	for (i = 0; i < search->nr_with && i < MAX_SETS; i++)
		if (!syscall(SYS_kcmp, search->with[i], search->tid, KCMP_FILES, 0, 0))
			return true;
	return false;
}

/* Another thread, or process, may be known to have it open */
static int remember(struct search *search, int ret)
{
	/* It has ended */
	if (ret == -ENOENT || ret == -ESRCH)
		return 0;
	if (ret < 0 && !search->err) {
		search->err = ret;
		*search->opener = (struct opener){ search->pid, search->tid, -1 };
	}
	return ret > 0;
}

static int look_at_thread(pid_t tid, void *arg)
{
	struct search *search = arg;

	search->tid = tid;
	/* They have the same, but one that has ended shows none */
	if (!search->mapped) {
		search->any = false;
		if (remember(search, procfs_each_map_file(search->root, tid,
							  look_at_map, search)))
			return 1;
		search->mapped = search->any;
	}
	if (are_known(search))
		return 0;
	search->any = false;
	if (remember(search, procfs_each_file(search->root, tid, look_at_file,
					      search)))
		return 1;
	if (search->any)
		search->with[search->nr_with++ % MAX_SETS] = tid;
	return 0;
}

static int look_at_process(pid_t pid, void *arg)
{
	struct search *search = arg;

	search->pid = search->tid = pid;
	search->mapped = false;
	search->nr_with = 0;
	return remember(search, procfs_each_thread(search->root, pid,
						   look_at_thread, search));
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
		*opener = (struct opener){ 0, 0, -1 };
		return ret;
	}
	return ret > 0 ? 1 : search.err;
}
