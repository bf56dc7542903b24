// SPDX-License-Identifier: GPL-2.0
/*
 * Which process has which dma-buf
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

#include "procfs.h"
#include "sysfs.h"
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

/* A link's text could be that of any file; the kind of file system is the kernel's word */
bool procfs_is_dmabuf(pid_t pid, int number, dev_t *device)
{
	struct statfs fs;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
	if (statfs(path, &fs) || fs.f_type != DMA_BUF_MAGIC)
		return false;
	if (device && !stat(path, &st))
		*device = st.st_dev;
	return true;
}

int procfs_each_fd(pid_t pid, int (*fn)(pid_t pid, int number, void *arg),
		   void *arg)
{
	struct dirent *entry;
	char path[64];
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    procfs_is_dmabuf(pid, atoi(entry->d_name), NULL))
			ret = fn(pid, atoi(entry->d_name), arg);
	closedir(dir);
	return ret;
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

void procfs_each_process(void (*fn)(pid_t pid, void *arg), void *arg)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			fn((pid_t)atoi(entry->d_name), arg);
	if (dir)
		closedir(dir);
}
