// SPDX-License-Identifier: MIT
/*
 * Which driver a PCI device has, and putting things back
 */
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "igt_core.h"
#include "module.h"
#include "pci.h"
#include "sysfs.h"

#define BUS "/sys/bus/pci/"
#define MAX_SAVED 8

struct binding {
	char driver[64];	/* empty: none */
	char override[64];	/* empty: none */
};

static struct {
	char addr[16];
	struct binding was;
} saved[MAX_SAVED];
static int nr_saved;

const char *pci_env(const char *name)
{
	const char *addr = getenv(name);

	igt_require_f(addr && *addr,
		      "$%s is not set: run this under tools/vm/run\n", name);
	return addr;
}

bool pci_topology_is(const char *name)
{
	const char *topology = getenv("DMABUF_TOPOLOGY");

	return topology && !strcmp(topology, name);
}

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

static int set_override(const char *addr, const char *driver)
{
	char path[128];

	device_path(path, sizeof(path), addr, "driver_override");
	/* An empty line clears it */
	return __sysfs_write(path, *driver ? driver : "\n");
}

static void on_exit_restore(int sig)
{
	(void)sig;
	pci_restore();
}

static int read_binding(const char *addr, struct binding *now)
{
	char path[128];
	int ret;

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

static bool is_saved(const char *addr)
{
	int i;

	for (i = 0; i < nr_saved; i++)
		if (!strcmp(saved[i].addr, addr))
			return true;
	return false;
}

int pci_saved_add(const char *addr, const char *driver, const char *override)
{
	struct binding *was;

	if (is_saved(addr))
		return 0;
	if (nr_saved == MAX_SAVED)
		return -ENOSPC;
	was = &saved[nr_saved].was;
	snprintf(saved[nr_saved].addr, sizeof(saved[0].addr), "%s", addr);
	snprintf(was->driver, sizeof(was->driver), "%s", driver);
	snprintf(was->override, sizeof(was->override), "%s", override);
	nr_saved++;
	igt_install_exit_handler(on_exit_restore);
	return 0;
}

static int save(const char *addr)
{
	struct binding now;
	int ret;

	if (is_saved(addr))
		return 0;
	ret = read_binding(addr, &now);
	return ret ? ret : pci_saved_add(addr, now.driver, now.override);
}

/* driver: empty for none */
static int move_to(const char *addr, const char *driver, const char *override)
{
	char now[64];
	int ret;

	ret = __pci_driver(addr, now, sizeof(now));
	if (ret == -ENOENT)
		now[0] = 0;
	else if (ret)
		return ret;

	if (now[0] && strcmp(now, driver)) {
		ret = __pci_unbind(addr);
		if (ret)
			return ret;
		now[0] = 0;
	}
	if (*driver && !now[0]) {
		ret = set_override(addr, driver);
		if (!ret)
			ret = __sysfs_write(BUS "drivers_probe", addr);
		if (ret)
			return ret;
		/* The probe's own error is lost: see whether it has one now */
		ret = __pci_driver(addr, now, sizeof(now));
		if (ret)
			return ret == -ENOENT ? -ENODEV : ret;
	}
	return set_override(addr, override);
}

int __pci_bind(const char *addr, const char *driver)
{
	int ret;

	if (!pci_exists(addr))
		return -ENODEV;
	ret = save(addr);
	if (ret)
		return ret;
	return move_to(addr, driver ? driver : "", driver ? driver : "");
}

void pci_bind(const char *addr, const char *driver)
{
	int ret = __pci_bind(addr, driver);

	igt_assert_f(!ret,
		     "%s: cannot bind it to %s: %s. Is the driver there ('modprobe %s') and nothing using the device?\n",
		     addr, driver ? driver : "no driver", strerror(-ret),
		     driver ? driver : "");
}

void pci_load_driver(const char *module)
{
	sysfs_write(BUS "drivers_autoprobe", "0");
	module_load(module);
	sysfs_write(BUS "drivers_autoprobe", "1");
}

int __pci_put_back(const char *addr, const char *driver, const char *override)
{
	struct binding now;

	if (!pci_exists(addr))
		return -ENODEV;
	/* Who was not allowed to change anything has nothing to undo */
	if (!read_binding(addr, &now) && !strcmp(now.driver, driver) &&
	    !strcmp(now.override, override))
		return 0;
	return move_to(addr, driver, override);
}

bool pci_saved(int i, const char **addr, const char **driver,
	       const char **override)
{
	if (i >= nr_saved)
		return false;
	*addr = saved[i].addr;
	*driver = saved[i].was.driver;
	*override = saved[i].was.override;
	return true;
}

void pci_restore(void)
{
	while (nr_saved > 0) {
		int i = --nr_saved;

		__pci_put_back(saved[i].addr, saved[i].was.driver,
			       saved[i].was.override);
	}
}
