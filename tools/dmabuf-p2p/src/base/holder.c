// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "holder.h"
#include "opener.h"
#include "sysfs_file.h"

#define DEVICE "/sys/bus/pci/devices/%s"

/* A device can be opened by itself and, with its IOMMU group, the old way */
struct nodes {
	dev_t number[3];
	size_t nr;
};

/* The kernel's word, as a container's /dev need not have what others have open */
static void add_node(struct nodes *nodes, const char *folder, const char *name)
{
	unsigned int major, minor;
	char text[32];

	if (sysfs_text(text, sizeof(text), "", "%s%s/dev", folder, name) &&
	    sscanf(text, "%u:%u", &major, &minor) == 2)
		nodes->number[nodes->nr++] = makedev(major, minor);
}

pid_t holder_of(const char *addr)
{
	char folder[128], group[32], **names;
	struct nodes nodes = { .nr = 0 };
	struct opener opener;
	bool bound;
	int ret;

	snprintf(folder, sizeof(folder), DEVICE "/vfio-dev/", addr);
	names = sysfs_list("", "%s", folder);
	bound = names[0];
	if (bound)
		add_node(&nodes, folder, names[0]);
	sysfs_list_free(names);
	if (sysfs_link(group, sizeof(group), "", DEVICE "/iommu_group", addr)) {
		add_node(&nodes, "/sys/class/vfio/", group);
		add_node(&nodes, "/sys/class/vfio/noiommu-", group);
	}
	if (!nodes.nr)
		return bound ? -ENOENT : 0;
	ret = opener_find("", nodes.number, nodes.nr, &opener);
	return ret > 0 ? opener.pid : ret;
}

int holder_known(void)
{
	struct opener opener;

	return opener_find("", NULL, 0, &opener);
}
