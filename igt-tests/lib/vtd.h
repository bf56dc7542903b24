/* SPDX-License-Identifier: MIT */
#ifndef LIB_VTD_H
#define LIB_VTD_H

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
 * vtd_lookup - walk the tables of the VM's Intel IOMMU for a device
 * @addr: PCI address of the device
 * @iova: address the device uses
 * @entry: receives the translation
 *
 * The walk reads memory through QEMU's monitor, so it does not depend on
 * anything the kernel says about its tables. Fails the test if the IOMMU is not
 * translating in legacy mode.
 */
void vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry);

/** vtd_mapped - whether a device can reach anything at @iova */
bool vtd_mapped(const char *addr, uint64_t iova);

/**
 * vtd_faults - how often the IOMMU has reported faults
 *
 * Counted by its interrupt: what the kernel logs of it is rate-limited.
 *
 * Return: number of interrupts since boot.
 */
unsigned long vtd_faults(void);

/**
 * vtd_wait_fault - wait until vtd_faults() is more than @before
 *
 * What the kernel says of the fault, if it does, is in its log then.
 *
 * Return: whether it is, within PATIENCE_MS.
 */
bool vtd_wait_fault(unsigned long before);

#endif /* LIB_VTD_H */
