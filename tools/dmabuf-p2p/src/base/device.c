// SPDX-License-Identifier: GPL-2.0
/*
 * PCI devices: what users call them, what they are, what uses them
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/dma-buf-phys.h>

#include "device.h"
#include "message.h"
#include "pci.h"
#include "sysfs.h"

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

bool device_parse(char addr[DEVICE_ADDR], const char *text)
{
	unsigned int domain = 0, bus, slot, function;
	int end = 0;

	if (sscanf(text, "%6x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &end) != 4) {
		domain = 0;
		end = 0;
		sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &function, &end);
	}
	if (!end || text[end])
		return false;
	snprintf(addr, DEVICE_ADDR, "%04x:%02x:%02x.%x", domain, bus, slot,
		 function);
	return true;
}

bool device_find(char addr[DEVICE_ADDR], const char *text)
{
	bool is_address = device_parse(addr, text);
	char there[512];

	if (is_address && pci_exists(addr))
		return true;
	list_devices(there, sizeof(there));
	complain(text, there, is_address ?
			 "no such PCI device" :
			 "this is no PCI address such as 01:00.0 or 0000:01:00.0");
	return false;
}

static unsigned int read_hex(const char *addr, const char *file)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", addr, file);
	if (__sysfs_read(path, text, sizeof(text)))
		return 0;
	return (unsigned int)strtoul(text, NULL, 16);
}

static void say_nothing(char *fmt, ...)
{
	(void)fmt;
}

void device_name(const char *addr, char *name, size_t size)
{
	/*
	 * Only its list of names is wanted, so no pci_init(), which would also
	 * put in what is called when a name is not found
	 */
	static struct pci_access *access;

	if (!access) {
		access = pci_alloc();
		if (access)
			access->debug = access->warning = say_nothing;
	}
	if (!access) {
		snprintf(name, size, "?");
		return;
	}
	if (!pci_lookup_name(access, name, (int)size,
			     PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE |
				     PCI_LOOKUP_NO_HWDB,
			     read_hex(addr, "vendor"), read_hex(addr, "device")))
		snprintf(name, size, "?");
}

/* For look_at(), to which nftw() gives nothing */
static char *found;
static size_t found_size;

/* Whoever has it mounted, in a RAID, as swap... has it exclusively */
static bool disk_busy(const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EBUSY;
}

static bool interface_up(const char *path)
{
	char file[PATH_MAX + 16], flags[32];

	snprintf(file, sizeof(file), "%s/flags", path);
	return !__sysfs_read(file, flags, sizeof(flags)) &&
	       strtoul(flags, NULL, 16) & IFF_UP;
}

static int look_at(const char *path, const struct stat *st, int type,
		   struct FTW *ftw)
{
	char link[PATH_MAX + 16], target[PATH_MAX];
	const char *name = path + ftw->base, *subsystem;
	ssize_t len;

	(void)st;
	if (type != FTW_D)
		return 0;
	snprintf(link, sizeof(link), "%s/subsystem", path);
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = 0;
	subsystem = basename(target);
	if (!strcmp(subsystem, "block") && disk_busy(name)) {
		snprintf(found, found_size, "disk %s", name);
		return 1;
	}
	if (!strcmp(subsystem, "net") && interface_up(path)) {
		snprintf(found, found_size, "network interface %s", name);
		return 1;
	}
	return 0;
}

bool device_user(const char *addr, char *user, size_t size)
{
	char path[128], real[PATH_MAX];

	found = user;
	found_size = size;
	snprintf(path, sizeof(path), DEVICES "/%s", addr);
	return realpath(path, real) && nftw(real, look_at, 16, FTW_PHYS) == 1;
}

uint64_t device_number(const char *addr)
{
	unsigned int domain = 0, bus = 0, slot = 0, function = 0;

	sscanf(addr, "%x:%x:%x.%x", &domain, &bus, &slot, &function);
	return DMA_BUF_PHYS_PCI(domain, bus, slot << 3 | function);
}
