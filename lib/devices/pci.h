/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_PCI_H
#define DEVICES_PCI_H

#include <stdbool.h>
#include <stddef.h>

/**
 * __pci_driver - name of the driver a device is bound to
 * @addr: PCI address
 * @buf: receives the name
 * @size: of @buf, bytes
 *
 * Return: 0, -ENOENT if it has none, or -errno.
 */
int __pci_driver(const char *addr, char *buf, size_t size);

/**
 * pci_exists - whether there is a device
 * @addr: PCI address
 */
bool pci_exists(const char *addr);

/**
 * __pci_bind - bind a device to a driver through driver_override
 * @addr: PCI address
 * @driver: name of the driver, or NULL to leave the device without one
 *
 * What was there before is remembered the first time, for pci_restore(); see
 * pci_before_change().
 *
 * Return: 0 or -errno; -EBUSY if it went to another driver, -ENODEV if there is no
 * such device or its driver did not take it, -ENOSPC if too many are remembered.
 */
int __pci_bind(const char *addr, const char *driver);

/**
 * __pci_load_driver - load a driver that takes no device by itself
 * @module: name of its module
 *
 * There may be several devices that it would take; see __pci_bind().
 *
 * Return: 0 or -errno.
 */
int __pci_load_driver(const char *module);

/**
 * __pci_unbind - unbind a device through sysfs
 * @addr: PCI address
 *
 * Blocks until the driver lets go; vfio-pci does when user space has closed
 * the device.
 *
 * Return: 0 or -errno.
 */
int __pci_unbind(const char *addr);

/**
 * __pci_unbind_from - __pci_unbind(), if the device has a certain driver
 * @addr: PCI address
 * @driver: name of the driver
 *
 * Return: 0 or -errno; -ENODEV if the device has another driver.
 */
int __pci_unbind_from(const char *addr, const char *driver);

/**
 * struct pci_saved - what pci_restore() puts back
 * @addr: PCI address
 * @bound: name of the driver it was given here, empty for none
 * @driver: name of the driver it had before, empty for none
 * @override: the driver_override it had, empty for none
 */
struct pci_saved {
	char addr[16];
	char bound[64];
	char driver[64];
	char override[64];
};

/**
 * pci_saved - look at what pci_restore() would put back
 * @i: number of the device, from 0
 *
 * Return: the device, valid until pci_restore(), or NULL if there are not so many.
 */
const struct pci_saved *pci_saved(int i);

/**
 * __pci_saved_add - let pci_restore() put back what another program has taken
 * @was: copied
 *
 * What is remembered of the device already stays.
 *
 * Return: 0, or -ENOSPC if too many are.
 */
int __pci_saved_add(const struct pci_saved *was);

/**
 * pci_before_change - have a function called before a device is taken
 * @fn: called each time that one more device is remembered and nothing has changed
 *	yet, so that the program can see to pci_restore(); NULL for none
 *
 * The library installs no exit or signal handlers of its own.
 */
void pci_before_change(void (*fn)(void));

/**
 * __pci_put_back - do for one device what pci_restore() does for all
 * @was: the device
 *
 * Return: 0 or -errno: -EEXIST if somebody has bound it to another driver since,
 * where it stays. If the driver does not take it back it has none.
 */
int __pci_put_back(const struct pci_saved *was);

/**
 * pci_forget_saved - leave everything as it is now
 *
 * There is room again for what __pci_bind() remembers.
 */
void pci_forget_saved(void);

/** pci_restore - undo every __pci_bind(), as far as that is possible */
void pci_restore(void);

#endif /* DEVICES_PCI_H */
