// SPDX-License-Identifier: MIT
/*
 * Letting go of the devices that a program still has when it ends early
 *
 * A driver is not unbound from a device that somebody has open: the write to "unbind"
 * waits for that, and no signal ends it. A program that fails in a fixture, crashes or is
 * told to end by a runner has its devices open when its exit handlers run. Were it to
 * unbind one, it would wait for itself.
 *
 * This runs in a signal handler, maybe in the middle of malloc(): it uses system calls.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "let_go.h"

/* A device by its node or by its group, and the groups and their container */
static bool of_vfio(const char *name)
{
	return strstr(name, "/dev/vfio/") || strstr(name, "[vfio-device]");
}

static void close_files(void)
{
	static char entries[4096], link[64], name[256];
	int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t size, at, len;

	if (dir < 0)
		return;
	while ((size = getdents64(dir, entries, sizeof(entries))) > 0) {
		for (at = 0; at < size;) {
			const struct dirent64 *entry = (void *)(entries + at);
			int fd = atoi(entry->d_name);

			at += entry->d_reclen;
			snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
			len = readlink(link, name, sizeof(name) - 1);
			name[len > 0 ? len : 0] = 0;
			if (entry->d_name[0] != '.' && of_vfio(name))
				close(fd);
		}
	}
	close(dir);
}

static void unmap_line(const char *line)
{
	unsigned long start, end;

	if (of_vfio(line) && sscanf(line, "%lx-%lx ", &start, &end) == 2)
		munmap((void *)start, end - start);
}

/* Mappings hold the file as well. The kernel finds its place again after each munmap(). */
static void unmap_files(void)
{
	static char text[8192];
	int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t nr;

	if (maps < 0)
		return;
	while ((nr = read(maps, text + used, sizeof(text) - 1 - used)) > 0) {
		char *line = text, *end;

		text[used + (size_t)nr] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			unmap_line(line);
		}
		used = strlen(line);
		memmove(text, line, used);
	}
	close(maps);
}

/**
 * let_go - close all VFIO devices that this process has, and what is mapped of them
 *
 * dma-bufs do not keep a device open.
 */
void let_go(void)
{
	unmap_files();
	close_files();
}
