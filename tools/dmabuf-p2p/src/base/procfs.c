// SPDX-License-Identifier: GPL-2.0
/*
 * Which process has which files, and which of these are dma-bufs
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "devices/sysfs.h"
#include "procfs.h"
#include "text.h"

/* How the kernel shows a dma-buf's file; its name follows */
#define DMABUF_FILE "/dmabuf:"

void procfs_comm(pid_t pid, char comm[PROCFS_COMM])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (__sysfs_read(path, comm, PROCFS_COMM))
		snprintf(comm, PROCFS_COMM, "?");
	text_clean(comm);
}

/* What folders have in common. Return: 0, of @fn, or -errno */
static int each_entry(const char *path, int (*fn)(const char *name, void *arg),
		      void *arg)
{
	struct dirent *entry;
	int ret = 0;
	DIR *dir;

	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!ret) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			ret = -errno;
			break;
		}
		if (entry->d_name[0] != '.')
			ret = fn(entry->d_name, arg);
	}
	closedir(dir);
	return ret;
}

struct numbers {
	int (*fn)(int number, void *arg);
	void *arg;
};

static int one_number(const char *name, void *arg)
{
	const struct numbers *n = arg;

	return isdigit((unsigned char)name[0]) ? n->fn(atoi(name), n->arg) : 0;
}

static int each_number(const char *path, int (*fn)(int number, void *arg),
		       void *arg)
{
	struct numbers n = { fn, arg };

	return each_entry(path, one_number, &n);
}

/*
 * Each namespace of processes has a first one, and /proc shows those of its own and of
 * the ones below. That this process is in the very first and is shown tells of which
 * /proc is; the kernel's PID_NS_INIT_INO never changes. A kernel without such
 * namespaces has those of mounts all the same.
 */
static bool shows_all(const char *root)
{
	char path[PATH_MAX], name[32] = "";

	snprintf(path, sizeof(path), "%s/proc/self/ns/pid", root);
	if (readlink(path, name, sizeof(name) - 1) > 0)
		return !strcmp(name, "pid:[4026531836]");
	if (errno != ENOENT)
		return false;
	snprintf(path, sizeof(path), "%s/proc/self/ns/mnt", root);
	return readlink(path, name, sizeof(name) - 1) > 0;
}

struct processes {
	int (*fn)(pid_t pid, void *arg);
	void *arg;
	bool any;
	bool first;
};

static int one_process(int number, void *arg)
{
	struct processes *p = arg;

	p->any = true;
	p->first |= number == 1;
	return p->fn(number, p->arg);
}

int procfs_each_process(const char *root, int (*fn)(pid_t pid, void *arg),
			void *arg)
{
	struct processes p = { .fn = fn, .arg = arg };
	char path[PATH_MAX];
	int ret;

	snprintf(path, sizeof(path), "%s/proc", root);
	ret = each_number(path, one_process, &p);
	if (ret)
		return ret;
	if (!p.any)
		return -ENOENT;
	/* The first process is always there, and somebody else's */
	return p.first && shows_all(root) ? 0 : -EACCES;
}

int procfs_each_thread(const char *root, pid_t pid,
		       int (*fn)(pid_t tid, void *arg), void *arg)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/%d/task", root, pid);
	return each_number(path, fn, arg);
}

int procfs_each_map_file(const char *root, pid_t pid,
			 int (*fn)(const char *name, void *arg), void *arg)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/%d/map_files", root, pid);
	return each_entry(path, fn, arg);
}

struct files {
	pid_t pid;
	int (*fn)(pid_t pid, int number, void *arg);
	void *arg;
};

static int one_file(int number, void *arg)
{
	const struct files *f = arg;

	return f->fn(f->pid, number, f->arg);
}

int procfs_each_file(const char *root, pid_t pid,
		     int (*fn)(pid_t pid, int number, void *arg), void *arg)
{
	struct files f = { .pid = pid, .fn = fn, .arg = arg };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/%d/fd", root, pid);
	return each_number(path, one_file, &f);
}

/* The kernel's word, in which nobody else can write */
static bool has_exporter(pid_t pid, int number)
{
	char path[64], line[128];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, number);
	file = fopen(path, "re");
	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "exp_name:\t", 10);
	if (file)
		fclose(file);
	return found;
}

/*
 * A link's text could be that of any file; the kind of file system is the kernel's
 * word. But the kernel asks a file system's server for that, FUSE's or one in a
 * network, which may never answer: so it is asked last.
 */
int procfs_is_dmabuf(pid_t pid, int number, dev_t *device)
{
	char path[64], target[sizeof(DMABUF_FILE)] = "";
	struct statfs fs;
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	if (strcmp(target, DMABUF_FILE) || !has_exporter(pid, number) ||
	    statfs(path, &fs) || fs.f_type != DMA_BUF_MAGIC)
		return 0;
	if (device && !stat(path, &st))
		*device = st.st_dev;
	return 1;
}

static int one_fd(pid_t pid, int number, void *arg)
{
	const struct files *f = arg;
	int ret = procfs_is_dmabuf(pid, number, NULL);

	return ret > 0 ? f->fn(pid, number, f->arg) : ret;
}

int procfs_each_fd(pid_t pid, int (*fn)(pid_t pid, int number, void *arg),
		   void *arg)
{
	struct files f = { .fn = fn, .arg = arg };

	return procfs_each_file("", pid, one_fd, &f);
}

/* By the mapping itself, for which root is needed */
static bool is_dmabuf_map(pid_t pid, const char *line)
{
	struct statfs fs;
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%.*s", pid,
		 (int)strcspn(line, " "), line);
	return !statfs(path, &fs) && fs.f_type == DMA_BUF_MAGIC;
}

int procfs_each_map(pid_t pid, dev_t device,
		    void (*fn)(pid_t pid, ino_t inode, void *arg), void *arg)
{
	char path[64], *line = NULL;
	unsigned int major, minor;
	size_t size = 0;
	ino_t inode;
	FILE *file;
	int at;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	/* address perms offset device inode path */
	while (getline(&line, &size, file) > 0)
		if (sscanf(line, "%*s %*s %*s %x:%x %lu %n", &major, &minor,
			   &inode, &at) == 3 &&
		    !strncmp(line + at, DMABUF_FILE, strlen(DMABUF_FILE)) &&
		    (device ? device == makedev(major, minor) :
			      is_dmabuf_map(pid, line)))
			fn(pid, inode, arg);
	free(line);
	fclose(file);
	return 0;
}
