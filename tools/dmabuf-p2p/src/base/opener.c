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
 *
 * To see that the kernel waits until nobody changes the process's mappings, which may be
 * for ever if that waits for a server: so it is a child that looks, and tells where it
 * has got to.
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

#include "child.h"
#include "opener.h"
#include "procfs.h"

/* Sets of files of one process that are told apart */
#define MAX_SETS 8

/* How long one step may take, and how many of the small ones are one */
#define PATIENCE_MS 10000
#define STEPS 256

/**
 * struct found - what the child tells
 * @ret: of opener_find()
 * @opener: likewise; on the way, whom it looks at
 */
struct found {
	int ret;
	struct opener opener;
};

/**
 * struct search - what is looked for, and where it has got to
 * @root: folder that stands for /
 * @devices: numbers of files in /dev
 * @nr: of @devices
 * @fd: takes what is told
 * @found: who has one open, or the first process that could not be looked at, and why
 * @steps: small ones
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
	int fd;
	struct found found;
	unsigned int steps;
	pid_t pid;
	pid_t tid;
	bool any;
	bool mapped;
	pid_t with[MAX_SETS];
	unsigned int nr_with;
};

/* If nothing follows, this is whom it has not come back from */
static void tell(const struct search *search)
{
	const struct found now = { -EIO, { search->pid, search->tid, -1 } };

	child_tell(search->fd, &now, sizeof(now));
}

static void step(struct search *search)
{
	search->any = true;
	if (!(++search->steps % STEPS))
		tell(search);
}

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

	step(search);
	snprintf(path, sizeof(path), "%s/proc/%d/fd/%d", search->root, tid,
		 number);
	if (readlink(path, &first, 1) < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	/* Sockets, pipes and the like have no path */
	ret = first == '/' ? is_one(search, path) : 0;
	if (ret > 0)
		search->found.opener = (struct opener){ search->pid, tid, number };
	return ret;
}

static int look_at_map(const char *name, void *arg)
{
	struct search *search = arg;
	char path[PATH_MAX];
	int ret;

	step(search);
	snprintf(path, sizeof(path), "%s/proc/%d/map_files/%s", search->root,
		 search->tid, name);
	ret = is_one(search, path);
	if (ret > 0)
		search->found.opener =
			(struct opener){ search->pid, search->tid, -1 };
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
	if (ret < 0 && !search->found.ret) {
		search->found.ret = ret;
		search->found.opener =
			(struct opener){ search->pid, search->tid, -1 };
	}
	return ret > 0;
}

static int look_at_thread(pid_t tid, void *arg)
{
	struct search *search = arg;

	search->tid = tid;
	tell(search);
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

	/* The child's mappings are copies of who asks, who is looked at himself */
	if (pid == getpid())
		return 0;
	search->pid = search->tid = pid;
	search->mapped = false;
	search->nr_with = 0;
	return remember(search, procfs_each_thread(search->root, pid,
						   look_at_thread, search));
}

static void look(int fd, void *arg)
{
	struct search *search = arg;
	int ret;

	search->fd = fd;
	ret = procfs_each_process(search->root, look_at_process, search);
	if (ret < 0 && !search->found.ret)
		search->found = (struct found){ ret, { 0, 0, -1 } };
	if (ret > 0)
		search->found.ret = 1;
	child_tell(fd, &search->found, sizeof(search->found));
}

int opener_find(const char *root, const dev_t *devices, size_t nr,
		struct opener *opener)
{
	struct search search = { .root = root, .devices = devices, .nr = nr };
	struct found found = { -EIO, { 0, 0, -1 } };
	int ret;

	ret = child_ask(look, &search, &found, sizeof(found), PATIENCE_MS);
	*opener = found.opener;
	return ret ? ret : found.ret;
}
