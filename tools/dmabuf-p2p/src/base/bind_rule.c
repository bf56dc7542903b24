// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bind_rule.h"
#include "device.h"
#include "output.h"
#include "sysfs_file.h"
#include "taken.h"
#include "text.h"

/* Before those that load drivers by what a device is (80-drivers.rules) */
#define BEFORE "60-dmabuf-p2p-"
#define AFTER ".rules"

char *bind_rule_path(const char *root, const char *addr)
{
	return text_format("%s" BIND_RULES "/" BEFORE "%s" AFTER, root, addr);
}

/*
 * What the rule starts as root: this program, wherever it is installed, but not what a
 * user has built and may change
 */
static const char *program(char path[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	struct stat st;

	path[len < 0 ? 0 : len] = 0;
	return len > 0 && !strpbrk(path, "\" \\%$") && !stat(path, &st) && !st.st_uid &&
	       !(st.st_mode & 022) ? path : "/usr/bin/dmabuf-p2p";
}

/*
 * driver_override is written while rules are read, and drivers are loaded after that.
 * One that is there already, in the kernel's image or its initramfs, has the device
 * by then: this program takes it from that one, if it is not in use.
 */
int bind_rule_write(const char *root, const char *addr)
{
	char vendor[16], device[16], path[PATH_MAX], *name;
	struct stat st = { 0 };
	FILE *file;
	int ret;

	if (!sysfs_text(vendor, sizeof(vendor), root,
			"/sys/bus/pci/devices/%s/vendor", addr) ||
	    !sysfs_text(device, sizeof(device), root,
			"/sys/bus/pci/devices/%s/device", addr))
		return -ENODEV;
	name = bind_rule_path(root, addr);
	/* A link to /dev/null is how root switches a rule off */
	file = lstat(name, &st) || S_ISREG(st.st_mode) ? output_file(name) : NULL;
	ret = file ? 0 : st.st_mode && !S_ISREG(st.st_mode) ? -EEXIST : -errno;
	free(name);
	if (ret)
		return ret;
	fprintf(file,
		"# By 'dmabuf-p2p bind --persist'; 'dmabuf-p2p release %s' removes it\n"
		"ACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"%s\", ATTR{vendor}==\"%s\", ATTR{device}==\"%s\", "
		"ATTR{driver_override}=\"" TAKEN_DRIVER "\", RUN{builtin}+=\"kmod load " TAKEN_DRIVER "\", "
		"RUN+=\"%s bind --quiet %s\"\n",
		addr, addr, vendor, device, program(path), addr);
	return output_file_done(file);
}

bool bind_rule_exists(const char *root, const char *addr)
{
	char *path = bind_rule_path(root, addr);
	bool there = !access(path, F_OK);

	free(path);
	return there;
}

int bind_rule_remove(const char *root, const char *addr)
{
	char *path = bind_rule_path(root, addr);
	int ret = unlink(path) ? -errno : 0;

	free(path);
	/* A file system that may not be written to says so of what is not there, too */
	return ret && bind_rule_exists(root, addr) ? ret : 0;
}

void bind_rule_each(const char *root, void (*fn)(const char *addr, void *arg),
		    void *arg)
{
	char **names = sysfs_list(root, "%s", BIND_RULES), addr[DEVICE_ADDR];
	size_t i, length;

	for (i = 0; names[i]; i++) {
		length = strlen(names[i]);
		if (strncmp(names[i], BEFORE, strlen(BEFORE)) ||
		    length < strlen(BEFORE AFTER) ||
		    strcmp(names[i] + length - strlen(AFTER), AFTER))
			continue;
		names[i][length - strlen(AFTER)] = 0;
		if (device_parse(addr, names[i] + strlen(BEFORE)))
			fn(addr, arg);
	}
	sysfs_list_free(names);
}
