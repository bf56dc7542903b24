// SPDX-License-Identifier: MIT
/*
 * Which driver a PCI device has, and putting things back
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "module.h"
#include "pci.h"
#include "sysfs.h"

#define BUS "/sys/bus/pci/"
#define MAX_SAVED 8

static struct pci_saved saved[MAX_SAVED];
static int nr_saved;
static void (*before_change)(void);

static void device_path(char *buf, size_t size, const char *addr,
			const char *file)
{
	snprintf(buf, size, BUS "devices/%s/%s", addr, file);
}

bool pci_exists(const char *addr)
{
	char path[128];

	device_path(path, sizeof(path), addr, "vendor");
	return !access(path, F_OK);
}

int __pci_driver(const char *addr, char *buf, size_t size)
{
	char path[128], target[PATH_MAX];
	ssize_t len;

	device_path(path, sizeof(path), addr, "driver");
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = 0;
	snprintf(buf, size, "%s", basename(target));
	return 0;
}

int __pci_unbind(const char *addr)
{
	char path[128];

	device_path(path, sizeof(path), addr, "driver/unbind");
	return __sysfs_write(path, addr);
}

int __pci_unbind_from(const char *addr, const char *driver)
{
	char path[128];

	snprintf(path, sizeof(path), BUS "drivers/%s/unbind", driver);
	return __sysfs_write(path, addr);
}

static int set_override(const char *addr, const char *driver)
{
	char path[128];

	device_path(path, sizeof(path), addr, "driver_override");
	/* An empty line clears it */
	return __sysfs_write(path, *driver ? driver : "\n");
}

static int read_binding(const char *addr, struct pci_saved *now)
{
	char path[128];
	int ret;

	snprintf(now->addr, sizeof(now->addr), "%s", addr);
	ret = __pci_driver(addr, now->driver, sizeof(now->driver));
	if (ret == -ENOENT)
		now->driver[0] = 0;
	else if (ret)
		return ret;
	device_path(path, sizeof(path), addr, "driver_override");
	ret = __sysfs_read(path, now->override, sizeof(now->override));
	if (!ret && !strcmp(now->override, "(null)"))
		now->override[0] = 0;
	return ret;
}

static struct pci_saved *find_saved(const char *addr)
{
	int i;

	for (i = 0; i < nr_saved; i++)
		if (!strcmp(saved[i].addr, addr))
			return &saved[i];
	return NULL;
}

void pci_before_change(void (*fn)(void))
{
	before_change = fn;
}

int __pci_saved_add(const struct pci_saved *was)
{
	if (find_saved(was->addr))
		return 0;
	if (nr_saved == MAX_SAVED)
		return -ENOSPC;
	saved[nr_saved++] = *was;
	if (before_change)
		before_change();
	return 0;
}

static int probe(const char *addr, const char *driver)
{
	char now[64];
	int ret;

	ret = __sysfs_write(BUS "drivers_probe", addr);
	if (ret)
		return ret;
	/* The probe's own error is lost: see whether it has one now, and which */
	ret = __pci_driver(addr, now, sizeof(now));
	if (!ret && strcmp(now, driver))
		return -EBUSY;
	return ret == -ENOENT ? -ENODEV : ret;
}

/* Drivers: empty for none. Nothing is taken from another one than @from. */
static int move_to(const char *addr, const char *from, const char *driver,
		   const char *override)
{
	struct pci_saved now;
	int ret, failed = 0;

	ret = read_binding(addr, &now);
	if (ret)
		return ret;
	if (now.driver[0] && strcmp(now.driver, driver) &&
	    strcmp(now.driver, from))
		return -EEXIST;
	/* While it has none, nobody else's probe may give it another one */
	if (*driver && strcmp(now.driver, driver)) {
		ret = set_override(addr, driver);
		if (ret)
			return ret;
	}
	if (now.driver[0] && strcmp(now.driver, driver)) {
		/* Another one may have it by now, and be used */
		ret = __pci_unbind_from(addr, from);
		if (ret) {
			set_override(addr, now.override);
			return ret;
		}
		now.driver[0] = 0;
	}
	/* A driver that will not have it must not keep the others away from it */
	if (*driver && !now.driver[0])
		failed = probe(addr, driver);
	ret = set_override(addr, override);
	return failed ? failed : ret;
}

int __pci_bind(const char *addr, const char *driver)
{
	struct pci_saved now, *was;
	int ret;

	if (!pci_exists(addr))
		return -ENODEV;
	if (!driver)
		driver = "";
	ret = read_binding(addr, &now);
	if (ret)
		return ret;
	was = find_saved(addr);
	snprintf(was ? was->bound : now.bound, sizeof(now.bound), "%s", driver);
	ret = __pci_saved_add(&now);
	return ret ? ret : move_to(addr, now.driver, driver, driver);
}

int __pci_load_driver(const char *module)
{
	int ret, again;

	ret = __sysfs_write(BUS "drivers_autoprobe", "0");
	if (ret)
		return ret;
	ret = __module_load(module, NULL);
	again = __sysfs_write(BUS "drivers_autoprobe", "1");
	return ret ? ret : again;
}

int __pci_put_back(const struct pci_saved *was)
{
	struct pci_saved now;

	if (!pci_exists(was->addr))
		return -ENODEV;
	/* Who was not allowed to change anything has nothing to undo */
	if (!read_binding(was->addr, &now) && !strcmp(now.driver, was->driver) &&
	    !strcmp(now.override, was->override))
		return 0;
	return move_to(was->addr, was->bound, was->driver, was->override);
}

const struct pci_saved *pci_saved(int i)
{
	return i < nr_saved ? &saved[i] : NULL;
}

void pci_forget_saved(void)
{
	nr_saved = 0;
}

void pci_restore(void)
{
	while (nr_saved > 0)
		__pci_put_back(&saved[--nr_saved]);
}
