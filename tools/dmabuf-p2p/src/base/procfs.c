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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfs.h"
#include "sysfs.h"

/* How the kernel shows a dma-buf's file; its name follows */
#define DMABUF_FILE "/dmabuf:"

void procfs_comm(pid_t pid, char comm[PROCFS_COMM])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (__sysfs_read(path, comm, PROCFS_COMM))
		snprintf(comm, PROCFS_COMM, "?");
}

static bool is_dmabuf(pid_t pid, const char *number)
{
	char path[300], target[sizeof(DMABUF_FILE)];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, number);
	len = readlink(path, target, sizeof(target) - 1);
	return len == sizeof(target) - 1 &&
	       !memcmp(target, DMABUF_FILE, (size_t)len);
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
		    is_dmabuf(pid, entry->d_name))
			ret = fn(pid, atoi(entry->d_name), arg);
	closedir(dir);
	return ret;
}

int procfs_each_map(pid_t pid, void (*fn)(pid_t pid, ino_t inode, void *arg),
		    void *arg)
{
	char path[64], *line = NULL;
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
		if (sscanf(line, "%*s %*s %*s %*s %lu %n", &inode, &at) == 1 &&
		    !strncmp(line + at, DMABUF_FILE, strlen(DMABUF_FILE)))
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
