// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <sys/stat.h>

#include "holder.h"
#include "opener.h"
#include "sysfs_file.h"

#define DEVICE "/sys/bus/pci/devices/%s"

/* A device can be opened by itself and, with its IOMMU group, the old way */
struct nodes {
	dev_t number[2];
	size_t nr;
};

static void add_node(struct nodes *nodes, const char *folder, const char *name)
{
	struct stat st;
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!stat(path, &st) && S_ISCHR(st.st_mode))
		nodes->number[nodes->nr++] = st.st_rdev;
}

pid_t holder_of(const char *addr)
{
	struct nodes nodes = { .nr = 0 };
	struct opener opener;
	char group[32], **names;
	int ret;

	names = sysfs_list("", DEVICE "/vfio-dev", addr);
	if (names[0])
		add_node(&nodes, "/dev/vfio/devices", names[0]);
	sysfs_list_free(names);
	if (sysfs_link(group, sizeof(group), "", DEVICE "/iommu_group", addr))
		add_node(&nodes, "/dev/vfio", group);
	ret = nodes.nr ? opener_find("", nodes.number, nodes.nr, &opener) : 0;
	return ret > 0 ? opener.pid : ret;
}
