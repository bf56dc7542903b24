/* SPDX-License-Identifier: MIT */
#ifndef LIB_PCI_H
#define LIB_PCI_H

#include <stdbool.h>
#include <stddef.h>

/**
 * pci_env - address of a device of the VM's topology
 * @name: environment variable, such as "DMABUF_EXPORTER"
 *
 * Skips if it is not set: the program does not run under tools/vm/run.
 *
 * Return: PCI address such as "0000:01:00.0".
 */
const char *pci_env(const char *name);

/**
 * pci_topology_is - ask which topology the VM has
 * @name: such as "switch"
 */
bool pci_topology_is(const char *name);

/**
 * __pci_driver - name of the driver a device is bound to
 * @addr: PCI address
 * @buf: receives the name
 * @size: of @buf, bytes
 *
 * Return: 0, -ENOENT if it has none, or -errno.
 */
int __pci_driver(const char *addr, char *buf, size_t size);

/** pci_exists - whether there is a device at PCI address @addr */
bool pci_exists(const char *addr);

/**
 * __pci_bind - bind a device to a driver through driver_override
 * @addr: PCI address
 * @driver: name of the driver, or NULL to leave the device without one
 *
 * What was there before is remembered the first time and brought back when
 * the program exits, however it does.
 *
 * Return: 0 or -errno.
 */
int __pci_bind(const char *addr, const char *driver);

/** pci_bind - __pci_bind() or fail the test with cause and remedy */
void pci_bind(const char *addr, const char *driver);

/**
 * pci_load_driver - load a driver, or fail the test
 * @module: name of its module
 *
 * It takes no device by itself: there are two edu, and drivers for them that
 * would take both. See pci_bind().
 */
void pci_load_driver(const char *module);

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

/** __pci_unbind_from - likewise, or -ENODEV if the device has another driver */
int __pci_unbind_from(const char *addr, const char *driver);

/**
 * struct pci_saved - what pci_restore() puts back
 * @addr: PCI address
 * @bound: the driver it was given here, empty for none
 * @driver: the one it had before, empty for none
 * @override: the driver_override it had, empty for none
 */
struct pci_saved {
	char addr[16];
	char bound[64];
	char driver[64];
	char override[64];
};

/** pci_saved - the @i-th device that pci_restore() would put back, or NULL */
const struct pci_saved *pci_saved(int i);

/**
 * pci_saved_add - let pci_restore() put back what another program has taken
 * @was: copied
 *
 * What is remembered of the device already stays.
 *
 * Return: 0, or -ENOSPC if too many are.
 */
int pci_saved_add(const struct pci_saved *was);

/**
 * __pci_put_back - what pci_restore() does for one device
 *
 * Return: 0 or -errno: -EEXIST if somebody has bound it to another driver since,
 * where it stays. If the driver does not take it back it has none.
 */
int __pci_put_back(const struct pci_saved *was);

/** pci_restore - undo every __pci_bind() now instead of at exit */
void pci_restore(void);

#endif /* LIB_PCI_H */
