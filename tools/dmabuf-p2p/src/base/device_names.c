// SPDX-License-Identifier: GPL-2.0
/*
 * Names that the kernel has for what PCI devices do
 *
 * A name is a link in /sys/class; the device is the last PCI device on the way to what
 * that leads to, however many buses are below it. With native multipath a disk leads
 * to a subsystem instead, whose controllers are beside it.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "device_names.h"
#include "sysfs_file.h"
#include "text.h"

/* Those that users know */
static const char *const classes[] = {
	"infiniband", "net", "nvme", "block", "drm", "accel",
};

/* The last part of a path that is an address */
static bool last_address(char *path, char addr[DEVICE_ADDR])
{
	char *slash;

	while ((slash = strrchr(path, '/'))) {
		/* Without its domain it could be something else */
		if (strlen(slash + 1) >= 12 && device_parse(addr, slash + 1))
			return true;
		*slash = 0;
	}
	return false;
}

static bool address_of(const char *path, char addr[DEVICE_ADDR])
{
	char real[PATH_MAX];

	return realpath(path, real) && last_address(real, addr);
}

/* Of all that one name leads to */
struct found {
	void (*fn)(const char *addr, const char *name, void *arg);
	void *arg;
};

static void each_controller(const char *disk, const char *name,
			    const struct found *found)
{
	char real[PATH_MAX], addr[DEVICE_ADDR], *slash, *path, **beside;
	size_t i;

	if (!realpath(disk, real) || !strstr(real, "/nvme-subsystem/"))
		return;
	slash = strrchr(real, '/');
	*slash = 0;
	beside = sysfs_list("", "%s", real);
	for (i = 0; beside[i]; i++) {
		path = text_format("%s/%s", real, beside[i]);
		/* A controller: the disks beside it lead nowhere */
		if (address_of(path, addr))
			found->fn(addr, name, found->arg);
		free(path);
	}
	sysfs_list_free(beside);
}

static void look_up(const char *root, const char *class, const char *name,
		    const struct found *found)
{
	char *path = text_format("%s/sys/class/%s/%s", root, class, name);
	char addr[DEVICE_ADDR];

	char *device = text_format("%s/device", path);

	if (address_of(path, addr) || address_of(device, addr))
		found->fn(addr, name, found->arg);
	else
		each_controller(path, name, found);
	free(device);
	free(path);
}

struct unique {
	char addr[DEVICE_ADDR];
	int ret;
};

static void note(const char *addr, const char *name, void *arg)
{
	struct unique *unique = arg;

	(void)name;
	if (unique->ret == -ENOENT) {
		snprintf(unique->addr, DEVICE_ADDR, "%s", addr);
		unique->ret = 0;
	} else if (strcmp(unique->addr, addr)) {
		unique->ret = -ENOTUNIQ;
	}
}

int device_named(const char *root, const char *name, char addr[DEVICE_ADDR])
{
	struct unique unique = { .ret = -ENOENT };
	const struct found found = { note, &unique };
	size_t i;

	if (!*name || *name == '.' || strchr(name, '/'))
		return -ENOENT;
	for (i = 0; i < ARRAY_SIZE(classes); i++)
		look_up(root, classes[i], name, &found);
	if (!unique.ret)
		snprintf(addr, DEVICE_ADDR, "%s", unique.addr);
	return unique.ret;
}

void device_names_each(const char *root,
		       void (*fn)(const char *addr, const char *name, void *arg),
		       void *arg)
{
	const struct found found = { fn, arg };
	char **names;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		names = sysfs_list(root, "/sys/class/%s", classes[i]);
		for (j = 0; names[j]; j++)
			look_up(root, classes[i], names[j], &found);
		sysfs_list_free(names);
	}
}
