// SPDX-License-Identifier: GPL-2.0
/*
 * What the program becomes when it ends: see cleanup.c
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "device_use.h"
#include "devices/pci.h"
#include "devices/vfio.h"
#include "holder.h"
#include "interrupt.h"
#include "message.h"
#include "procfs.h"
#include "taken.h"
#include "verb.h"

/*
 * To unbind a device waits until nobody has it open any more, which no signal ends,
 * and asks QEMU to unplug it from its guest: so nothing is done unless it is sure that
 * nobody has
 */
static bool is_held(const char *addr, const char *driver)
{
	pid_t pid = vfio_has_driver(addr) ? holder_of(addr) : 0;
	char comm[PROCFS_COMM];

	if (!pid)
		return false;
	if (pid < 0) {
		complain(addr, "run 'dmabuf-p2p release' " HOLDER_REMEDY,
			 "it is not given back to %s: nobody can tell whether a program has it open: %s",
			 driver[0] ? driver : "no driver", strerror(-pid));
		return true;
	}
	procfs_comm(pid, comm);
	complain(addr, "end that program, and then 'dmabuf-p2p release'",
		 "it is not given back to %s: process %d, %s, has it open",
		 driver[0] ? driver : "no driver", pid, comm);
	return true;
}

/* Return: whether nothing is left to be done */
static bool put_back(char **arg)
{
	const unsigned int disks = (unsigned int)atoi(arg[4]);
	char driver[64] = "?";
	struct pci_saved was;
	int ret;

	snprintf(was.addr, sizeof(was.addr), "%s", arg[0]);
	snprintf(was.bound, sizeof(was.bound), "%s", arg[1]);
	snprintf(was.driver, sizeof(was.driver), "%s", arg[2]);
	snprintf(was.override, sizeof(was.override), "%s", arg[3]);
	if (is_held(was.addr, was.driver))
		return false;
	ret = __pci_put_back(&was);
	/* It may have been unplugged meanwhile */
	if (ret && pci_exists(was.addr) && ret != -EEXIST) {
		complain(was.addr,
			 "see dmesg for the driver's reason; 'dmabuf-p2p release' tries again",
			 "cannot give it back to %s: %s",
			 was.driver[0] ? was.driver : "no driver",
			 strerror(-ret));
		return false;
	}
	taken_forget("", was.addr);
	if (ret == -EEXIST) {
		__pci_driver(was.addr, driver, sizeof(driver));
		complain(was.addr, NULL, "somebody has bound it to %s: it stays there",
			 driver);
	} else if (!ret && !device_wait_disks(was.addr, disks)) {
		/* Drivers look for them when they have the device already */
		complain(was.addr, "see dmesg for the driver's reason",
			 "%s has not found all of its disks again", was.driver);
		return false;
	}
	return true;
}

int cleanup_put_back(int argc, char **argv)
{
	bool by_signal = argc > 0 && argv[0][0] == 's', done = true;
	int i, status;

	if (argc < 1 || (argc - 1) % CLEANUP_PER_DEVICE)
		return EXIT_USAGE;
	/* Last bound, first put back */
	for (i = argc - CLEANUP_PER_DEVICE; i >= 1; i -= CLEANUP_PER_DEVICE)
		done &= put_back(argv + i);
	if (by_signal)
		interrupt_die(atoi(argv[0] + 1));
	status = atoi(argv[0]);
	return status || done ? status : EXIT_FAILED;
}
