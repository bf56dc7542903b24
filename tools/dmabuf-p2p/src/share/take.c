// SPDX-License-Identifier: GPL-2.0
/*
 * Taking a device from its driver, and what is against it
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "device.h"
#include "device_use.h"
#include "devices/nvme.h"
#include "devices/pci.h"
#include "devices/vfio.h"
#include "holder.h"
#include "message.h"
#include "sysfs_file.h"
#include "take.h"
#include "taken.h"
#include "verb.h"

int take_in_the_way(const char *addr, const char *mates)
{
	complain(addr,
		 "bind those to " TAKEN_DRIVER " too, or to no driver, or put the device into another slot",
		 "VFIO cannot open it: its IOMMU group also has %s", mates);
	return EXIT_FAILED;
}

int take_check_use(const char *addr, const char *driver)
{
	char user[DEVICE_USER];
	enum device_use use = device_user("", addr, user, sizeof(user));

	if (use == DEVICE_USED)
		complain(addr,
			 "take that out of use first: umount, swapoff, 'ip link set down'",
			 "%s, driver %s, is in use", user, driver);
	else if (use == DEVICE_UNKNOWN)
		complain(addr,
			 "run it " HOLDER_REMEDY ", or make sure yourself and bind it to " TAKEN_DRIVER " by hand",
			 "nobody can tell whether it is in use, driver %s: %s",
			 driver, user);
	return use == DEVICE_FREE ? EXIT_OK : EXIT_FAILED;
}

int take_check_driver(const char *addr)
{
	if (!access("/sys/bus/pci/drivers/" TAKEN_DRIVER, F_OK))
		return EXIT_OK;
	complain(addr, "modprobe " TAKEN_DRIVER,
		 "the driver " TAKEN_DRIVER " is not loaded");
	return EXIT_FAILED;
}

int take_refused(const char *addr, int ret)
{
	if (!ret)
		return EXIT_OK;
	if (ret == -EACCES || ret == -EPERM)
		complain(addr,
			 as_root("run it as root, or bind the device beforehand"),
			 "no permission to bind it to " TAKEN_DRIVER);
	else if (ret == -ENODEV && !nvme_behind_iommu(addr))
		complain(addr,
			 "switch VT-d or AMD-Vi on in the firmware; with an Intel CPU boot with intel_iommu=on",
			 TAKEN_DRIVER " does not take it: it is behind no IOMMU");
	else
		complain(addr, "see dmesg for the driver's reason",
			 TAKEN_DRIVER " does not take it: %s", strerror(-ret));
	return EXIT_FAILED;
}

int take_device(const char *addr, bool bind)
{
	char driver[64] = "", mates[TAKE_TEXT], remedy[128];
	int ret;

	/* If a killed one has left it, that is adopted when it is open */
	if (vfio_has_driver(addr))
		return EXIT_OK;
	taken_adopt(addr);
	__pci_driver(addr, driver, sizeof(driver));
	if (driver[0] && !bind) {
		snprintf(remedy, sizeof(remedy),
			 "--bind binds it to " TAKEN_DRIVER " while this runs, and then to %s again",
			 driver);
		complain(addr, remedy, "its driver is %s, not " TAKEN_DRIVER, driver);
		return EXIT_FAILED;
	}
	if (driver[0] && take_check_use(addr, driver))
		return EXIT_FAILED;
	if (driver[0] && device_in_the_way("", addr, mates, sizeof(mates)))
		return take_in_the_way(addr, mates);
	if (take_check_driver(addr))
		return EXIT_FAILED;
	if (!cleanup_works()) {
		complain(addr,
			 "start it by its own name, where /proc is mounted; or bind the device to " TAKEN_DRIVER " beforehand",
			 "%s could not be put back at the end: /proc/self/exe is not this program",
			 driver[0] ? driver : "no driver");
		return EXIT_FAILED;
	}
	/* Who may not bind it is told that */
	ret = sysfs_access(W_OK, "", "/sys/bus/pci/devices/%s/driver_override", addr) ?
		      0 : holder_known();
	if (ret) {
		complain(addr, "run it " HOLDER_REMEDY ", or bind it to " TAKEN_DRIVER " by hand",
			 "it would not be given back to %s at the end: nobody could tell whether a program has it open: %s",
			 driver[0] ? driver : "no driver", strerror(-ret));
		return EXIT_FAILED;
	}
	return take_refused(addr, __pci_bind(addr, TAKEN_DRIVER));
}
