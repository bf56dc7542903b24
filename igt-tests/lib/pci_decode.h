/* SPDX-License-Identifier: MIT */
#ifndef LIB_PCI_DECODE_H
#define LIB_PCI_DECODE_H

#include <stdbool.h>

/**
 * pci_runtime_suspended - whether the kernel has suspended a device
 * @addr: PCI address
 */
bool pci_runtime_suspended(const char *addr);

/**
 * pci_decodes - whether a function answers at the addresses of its memory BARs
 * @addr: PCI address
 *
 * By its registers, read past VFIO: memory enable, power state, and every memory
 * BAR where the kernel has put it. Does not wake it up.
 *
 * Return: NULL if it does; otherwise why not.
 */
const char *pci_decodes(const char *addr);

#endif /* LIB_PCI_DECODE_H */
