/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TAKE_H
#define TAKE_H

#include <stdbool.h>

/* Long enough for what device_in_the_way() finds */
#define TAKE_TEXT 160

/*
 * All of these take the full address of a device, return enum exit_code, and complain
 * about anything but EXIT_OK.
 */

/**
 * take_device - see that a device has vfio-pci for its driver until the program ends
 * @addr: full address
 * @bind: take it away from another driver; not while the host uses it
 */
int take_device(const char *addr, bool bind);

/** take_check_use - may it be taken from its @driver, as far as anybody can tell? */
int take_check_use(const char *addr, const char *driver);

/** take_check_driver - is there vfio-pci? */
int take_check_driver(const char *addr);

/** take_refused - what __pci_bind() has said; 0 is EXIT_OK */
int take_refused(const char *addr, int ret);

/** take_in_the_way - complain about others of its group, see device_in_the_way() */
int take_in_the_way(const char *addr, const char *mates);

#endif /* TAKE_H */
