/* SPDX-License-Identifier: MIT */
#ifndef LIB_VTD_H
#define LIB_VTD_H

#include <stdbool.h>

#include "devices/vtd.h"

/** vtd_lookup - __vtd_lookup() or fail the test */
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
