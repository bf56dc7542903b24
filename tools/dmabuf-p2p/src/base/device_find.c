// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI device that a user means
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "device_names.h"
#include "devices/pci.h"
#include "devices/sysfs.h"
#include "message.h"
#include "verb.h"

#define DEVICES "/sys/bus/pci/devices"

/* So that a remedy fits on a screen */
#define MAX_LISTED 24

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_endpoint(const struct dirent *entry)
{
	char path[PATH_MAX], class[32];

	if (entry->d_name[0] == '.')
		return 0;
	snprintf(path, sizeof(path), DEVICES "/%s/class", entry->d_name);
	/* 0x06....: bridges */
	return !__sysfs_read(path, class, sizeof(class)) &&
	       strncmp(class, "0x06", 4);
}

/* "There are 01:00.0, 02:00.0": the domain only where it is not 0000 */
static void list_devices(char *text, size_t size)
{
	struct dirent **entries;
	int n = scandir(DEVICES, &entries, is_endpoint, by_name), i;
	size_t len;

	len = (size_t)snprintf(text, size, n > 0 ? "there are" :
						   "there is none at all");
	for (i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (!strncmp(name, "0000:", 5))
			name += 5;
		if (i < MAX_LISTED && len < size)
			len += (size_t)snprintf(text + len, size - len, "%s %s",
						i ? "," : "", name);
		if (i == MAX_LISTED && len < size)
			len += (size_t)snprintf(text + len, size - len,
						" and %d more: see lspci",
						n - MAX_LISTED);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

int device_find(char addr[DEVICE_ADDR], const char *text)
{
	bool is_address = device_parse(addr, text);
	char there[512];
	int ret;

	if (is_address && pci_exists(addr))
		return EXIT_OK;
	ret = is_address ? -ENOENT : device_named("", text, addr);
	if (!ret)
		return EXIT_OK;
	if (ret == -ENOTUNIQ) {
		complain(text, DEVICE_SEVERAL_REMEDY,
			 "several PCI devices have that name");
		return EXIT_USAGE;
	}
	list_devices(there, sizeof(there));
	complain(text, there, is_address ?
			 "no such PCI device" :
			 "this is no PCI address such as 01:00.0 or 0000:01:00.0, and no name such as eth0 or nvme0n1");
	return is_address ? EXIT_FAILED : EXIT_USAGE;
}
