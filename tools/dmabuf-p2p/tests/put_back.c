// SPDX-License-Identifier: GPL-2.0
/*
 * What is put back, and what is not, on a bus that is made up: one device, of which
 * this program knows the files in sysfs
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pci.h"
#include "tap.h"

#define ADDR "ffff:ff:1f.7"
#define BUS "/sys/bus/pci/"
#define DEVICE BUS "devices/" ADDR "/"

static struct bus {
	char driver[64];
	char override[64];
	const char *refuses;	/* a driver that does not take the device */
	const char *later;	/* somebody binds it to that, just before an unbind */
	unsigned int unbound;
} bus;

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
ssize_t __real_readlink(const char *path, char *buf, size_t size);
ssize_t __wrap_readlink(const char *path, char *buf, size_t size);
int __wrap___sysfs_read(const char *path, char *buf, size_t size);
int __wrap___sysfs_write(const char *path, const char *text);

int __wrap_access(const char *path, int mode)
{
	return strcmp(path, DEVICE "vendor") ? __real_access(path, mode) : 0;
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t size)
{
	char target[128];

	if (strcmp(path, DEVICE "driver"))
		return __real_readlink(path, buf, size);
	errno = ENOENT;
	if (!bus.driver[0])
		return -1;
	snprintf(target, sizeof(target), "../drivers/%s", bus.driver);
	memcpy(buf, target, strlen(target));
	return (ssize_t)strlen(target);
}

int __wrap___sysfs_read(const char *path, char *buf, size_t size)
{
	if (strcmp(path, DEVICE "driver_override"))
		return -ENOENT;
	snprintf(buf, size, "%s", bus.override[0] ? bus.override : "(null)");
	return 0;
}

static void unbind(void)
{
	bus.driver[0] = 0;
	bus.unbound++;
}

int __wrap___sysfs_write(const char *path, const char *text)
{
	char driver[64] = "";

	if (!strcmp(path, DEVICE "driver_override")) {
		strcpy(bus.override, text[0] == '\n' ? "" : text);
		return 0;
	}
	if (strcmp(text, ADDR))
		return -EINVAL;
	if (!strcmp(path, BUS "drivers_probe")) {
		if (!bus.driver[0] && (!bus.refuses || strcmp(bus.refuses, bus.override)))
			strcpy(bus.driver, bus.override);
		return 0;
	}
	if (bus.later)
		strcpy(bus.driver, bus.later);
	if (!strcmp(path, DEVICE "driver/unbind")) {
		unbind();
		return 0;
	}
	/* As the kernel: only if it is that driver's */
	if (sscanf(path, BUS "drivers/%63[^/]/unbind", driver) != 1 ||
	    strcmp(driver, bus.driver))
		return -ENODEV;
	unbind();
	return 0;
}

static void bus_is(const char *driver, const char *override)
{
	memset(&bus, 0, sizeof(bus));
	strcpy(bus.driver, driver);
	strcpy(bus.override, override);
}

static bool is(const char *driver, const char *override)
{
	return !strcmp(bus.driver, driver) && !strcmp(bus.override, override);
}

static const struct pci_saved was = { ADDR, "vfio-pci", "nvme", "" };

static void test_library(void)
{
	bus_is("vfio-pci", "vfio-pci");
	tap_ok(!__pci_put_back(&was) && is("nvme", ""), "it gets back its driver");
	bus_is("nvme", "nvme");
	tap_ok(!__pci_put_back(&was) && is("nvme", "") && !bus.unbound,
	       "it has that, and gets back its driver_override");
	bus_is("", "vfio-pci");
	tap_ok(!__pci_put_back(&was) && is("nvme", ""), "it had none any more");
	bus_is("other", "other");
	tap_ok(__pci_put_back(&was) == -EEXIST && is("other", "other") && !bus.unbound,
	       "it is not taken from a driver that somebody else has given it");
	bus_is("vfio-pci", "vfio-pci");
	bus.later = "other";
	tap_ok(__pci_put_back(&was) && is("other", "vfio-pci") && !bus.unbound,
	       "nor if that happens just now");
	bus_is("vfio-pci", "vfio-pci");
	bus.refuses = "nvme";
	tap_ok(__pci_put_back(&was) == -ENODEV && is("", ""),
	       "a driver that refuses it does not keep others away");
}

int main(void)
{
	test_library();
	return tap_end();
}
