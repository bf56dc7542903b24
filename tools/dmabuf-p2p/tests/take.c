// SPDX-License-Identifier: GPL-2.0
/*
 * Which devices --bind takes, of one that is made up and in nobody's use
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "device_use.h"
#include "devices/pci.h"
#include "opener.h"
#include "take.h"
#include "taken.h"
#include "tap.h"
#include "verb.h"

#define ADDR "ffff:ff:1f.7"

/* Whether it may be bound, what is found in /proc, and whether it has been bound */
static bool may_bind;
static int found;
static bool bound;

int __wrap_access(const char *path, int mode);
int __wrap___pci_driver(const char *addr, char *name, size_t size);
enum device_use __wrap_device_user(const char *root, const char *addr, char *user,
				   size_t size);
int __wrap_opener_find(const char *root, const dev_t *devices, size_t nr,
		       struct opener *opener);
int __wrap___pci_bind(const char *addr, const char *driver);

int __wrap_access(const char *path, int mode)
{
	errno = strstr(path, "/vfio-dev") ? ENOENT : EACCES;
	return errno == ENOENT || (mode == W_OK && !may_bind) ? -1 : 0;
}

int __wrap___pci_driver(const char *addr, char *name, size_t size)
{
	(void)addr;
	snprintf(name, size, "edu");
	return 0;
}

enum device_use __wrap_device_user(const char *root, const char *addr, char *user,
				   size_t size)
{
	(void)root;
	(void)addr;
	(void)user;
	(void)size;
	return DEVICE_FREE;
}

int __wrap_opener_find(const char *root, const dev_t *devices, size_t nr,
		       struct opener *opener)
{
	(void)root;
	(void)devices;
	(void)nr;
	*opener = (struct opener){ getpid(), getpid(), -1 };
	return found;
}

int __wrap___pci_bind(const char *addr, const char *driver)
{
	(void)addr;
	(void)driver;
	bound = true;
	return may_bind ? 0 : -EACCES;
}

static int take(bool may, int what)
{
	may_bind = may;
	found = what;
	bound = false;
	return take_device(ADDR, true);
}

int main(void)
{
	tap_ok(take(true, 0) == EXIT_OK && bound, "a device that is not in use");
	tap_ok(take(true, -EACCES) == EXIT_FAILED && !bound,
	       "one that would not be given back, as not all processes are seen");
	tap_ok(take(false, -EACCES) == EXIT_FAILED && bound,
	       "who may not bind it is told that");
	return tap_end();
}
