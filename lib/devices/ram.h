/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_RAM_H
#define DEVICES_RAM_H

#include <stdint.h>

/**
 * __ram_read - read RAM past every page table
 * @paddr: physical address, a multiple of 8
 * @values: receives the words of 8 bytes there
 * @nr: how many, at most MONITOR_READ_MOST
 *
 * By /proc/kcore, which is for root; where that has nothing but zeros, or is not there, by
 * QEMU's monitor, which takes a hundred times as long.
 *
 * Return: 0, -errno of reading /proc/kcore, or as __monitor_read().
 */
int __ram_read(uint64_t paddr, uint64_t *values, unsigned int nr);

#endif /* DEVICES_RAM_H */
