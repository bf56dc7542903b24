/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_VTD_H
#define DEVICES_VTD_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct vtd_entry - how the IOMMU translates one address
 * @present: whether it translates it at all
 * @paddr: physical address it becomes
 * @page: size of the I/O page, bytes
 * @readable: for the device
 * @writable: for the device
 */
struct vtd_entry {
	bool present;
	uint64_t paddr;
	uint64_t page;
	bool readable;
	bool writable;
};

/**
 * __vtd_lookup - walk the tables of the VM's Intel IOMMU for a device
 * @addr: PCI address of the device
 * @iova: address the device uses
 * @entry: receives the translation; not present if there is none
 *
 * The walk reads memory, by __ram_read(), so it does not depend on anything the
 * kernel says about its tables. What the IOMMU's registers say of where they are
 * comes from QEMU's monitor.
 *
 * Return: 0 or -errno; -ENXIO if the IOMMU is not translating, -EOPNOTSUPP if not
 * in legacy mode, those of __monitor_command().
 */
int __vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry);

#endif /* DEVICES_VTD_H */
