/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "0000:01:00.0" and longer domains */
#define DEVICE_ADDR 16

/**
 * device_parse - what the user calls a PCI device
 * @addr: receives the full address
 * @text: "01:00.0" or "0000:01:00.0"
 *
 * Return: whether it is an address. There need not be such a device.
 */
bool device_parse(char addr[DEVICE_ADDR], const char *text);

/**
 * device_find - a PCI device by what the user calls it
 * @addr: receives the full address
 * @text: see device_parse(), or a name that the kernel has: "eth0", "nvme0n1"
 *
 * Return: %EXIT_OK; %EXIT_FAILED if there is no device at an address; %EXIT_USAGE if it is
 * neither an address nor the name of one device. That has been complained about then, and
 * what there is instead.
 */
int device_find(char addr[DEVICE_ADDR], const char *text);

/**
 * device_name - vendor and device in words
 * @addr: full address
 * @name: receives it, or numbers if they are not known
 * @size: of @name, bytes
 */
void device_name(const char *addr, char *name, size_t size);

/**
 * device_in_the_way - whose drivers keep VFIO from a device
 * @root: folder that stands for /, "" for this machine
 * @addr: full address
 * @mates: receives "0000:01:00.1 (snd_hda_intel)" and so on
 * @size: of @mates, bytes
 *
 * Return: whether there are any: devices of its IOMMU group that the host uses.
 */
bool device_in_the_way(const char *root, const char *addr, char *mates,
		       size_t size);

/** device_number - DMA_BUF_PHYS_PCI() of a full address */
uint64_t device_number(const char *addr);

#endif /* DEVICE_H */
