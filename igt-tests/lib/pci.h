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

/**
 * pci_saved - what pci_restore() would put back
 * @i: 0 and on
 * @addr: receives the PCI address
 * @driver: receives the driver's name, empty for none
 * @override: receives its driver_override, empty for none
 *
 * Return: whether there is an i-th.
 */
bool pci_saved(int i, const char **addr, const char **driver,
	       const char **override);

/**
 * pci_saved_add - let pci_restore() put back what another program has taken
 * @addr: PCI address
 * @driver: name of its driver, empty for none
 * @override: its driver_override, empty for none
 *
 * What is remembered of the device already stays.
 *
 * Return: 0, or -ENOSPC if too many are.
 */
int pci_saved_add(const char *addr, const char *driver, const char *override);

/**
 * __pci_put_back - what pci_restore() does for one device
 * @addr: PCI address
 * @driver: name, empty for none
 * @override: driver_override, empty for none
 *
 * Return: 0 or -errno.
 */
int __pci_put_back(const char *addr, const char *driver, const char *override);

/** pci_restore - undo every __pci_bind() now instead of at exit */
void pci_restore(void);

#endif /* LIB_PCI_H */
