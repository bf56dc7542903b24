// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "holder.h"
#include "procfs.h"
#include "sysfs_file.h"

#define DEVICE "/sys/bus/pci/devices/%s"

/* A device can be opened by itself and, with its IOMMU group, the old way */
struct search {
	dev_t node[2];
	size_t nr;
	pid_t found;
};

static void add_node(struct search *search, const char *folder, const char *name)
{
	struct stat st;
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!stat(path, &st) && S_ISCHR(st.st_mode))
		search->node[search->nr++] = st.st_rdev;
}

static bool is_open(pid_t pid, const struct search *search)
{
	struct dirent *entry;
	bool found = false;
	char path[300];
	struct stat st;
	size_t i;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid,
			 entry->d_name);
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    stat(path, &st) || !S_ISCHR(st.st_mode))
			continue;
		for (i = 0; i < search->nr; i++)
			found |= st.st_rdev == search->node[i];
	}
	if (dir)
		closedir(dir);
	return found;
}

static void look_at(pid_t pid, void *arg)
{
	struct search *search = arg;

	if (!search->found && is_open(pid, search))
		search->found = pid;
}

pid_t holder_of(const char *addr)
{
	struct search search = { .nr = 0 };
	char group[32], **names;

	names = sysfs_list("", DEVICE "/vfio-dev", addr);
	if (names[0])
		add_node(&search, "/dev/vfio/devices", names[0]);
	sysfs_list_free(names);
	if (sysfs_link(group, sizeof(group), "", DEVICE "/iommu_group", addr))
		add_node(&search, "/dev/vfio", group);
	if (search.nr)
		procfs_each_process(look_at, &search);
	return search.found;
}
