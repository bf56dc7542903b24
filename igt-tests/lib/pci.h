/* SPDX-License-Identifier: MIT */
#ifndef LIB_PCI_H
#define LIB_PCI_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "devices/pci.h"

/* What __pci_bind() has changed is put back when a test exits, however it does */

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

/** pci_bind - __pci_bind() or fail the test with cause and remedy */
void pci_bind(const char *addr, const char *driver);

/**
 * pci_config_open - open config space past all drivers, which are not told of what is written
 * @addr: PCI address
 *
 * Return: fd for reading and writing, the caller's to close.
 */
int pci_config_open(const char *addr);

/**
 * pci_bar - find a BAR as the bus sees it
 * @addr: PCI address
 * @bar: its number
 * @length: receives its size in bytes, unless NULL
 *
 * Return: address, 0 if it has none.
 */
uint64_t pci_bar(const char *addr, unsigned int bar, uint64_t *length);

/**
 * pci_ext_cap - find a PCIe extended capability past all drivers
 * @config: fd of the function's "config" in sysfs
 * @id: such as %PCI_EXT_CAP_ID_ACS
 *
 * Return: its offset in config space, 0 if there is none.
 */
off_t pci_ext_cap(int config, uint16_t id);

/** pci_load_driver - __pci_load_driver() or fail the test */
void pci_load_driver(const char *module);

#endif /* LIB_PCI_H */
