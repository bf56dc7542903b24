// SPDX-License-Identifier: GPL-2.0
/*
 * PCI devices: what users call them, what they are
 */
#include <pci/pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/dma-buf-phys.h>

#include "device.h"
#include "devices/pci.h"
#include "devices/sysfs.h"
#include "sysfs_file.h"

#define DEVICES "/sys/bus/pci/devices"

bool device_parse(char addr[DEVICE_ADDR], const char *text)
{
	unsigned int domain = 0, bus, slot, function;
	int end = 0;

	/* sscanf() takes blanks and signs */
	if (text[strspn(text, "0123456789abcdefABCDEF:.")])
		return false;
	if (sscanf(text, "%6x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &end) != 4) {
		domain = 0;
		end = 0;
		sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &function, &end);
	}
	if (!end || text[end] || slot > 0x1f || function > 7)
		return false;
	snprintf(addr, DEVICE_ADDR, "%04x:%02x:%02x.%x", domain, bus, slot,
		 function);
	return true;
}

static unsigned int read_hex(const char *addr, const char *file)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", addr, file);
	if (__sysfs_read(path, text, sizeof(text)))
		return 0;
	return (unsigned int)strtoul(text, NULL, 16);
}

static void say_nothing(char *fmt, ...)
{
	(void)fmt;
}

void device_name(const char *addr, char *name, size_t size)
{
	/*
	 * Only its list of names is wanted, so no pci_init(), which would also
	 * put in what is called when a name is not found
	 */
	static struct pci_access *access;

	if (!access) {
		access = pci_alloc();
		if (access)
			access->debug = access->warning = say_nothing;
	}
	if (!access) {
		snprintf(name, size, "?");
		return;
	}
	if (!pci_lookup_name(access, name, (int)size,
			     PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE |
				     PCI_LOOKUP_NO_HWDB,
			     read_hex(addr, "vendor"), read_hex(addr, "device")))
		snprintf(name, size, "?");
}

/* Those with driver_managed_dma in the kernel: they take nothing from VFIO */
static bool lets_vfio_in(const char *driver)
{
	return strstr(driver, "vfio") || !strcmp(driver, "pcieport") ||
	       !strcmp(driver, "pci-stub");
}

bool device_in_the_way(const char *root, const char *addr, char *mates,
		       size_t size)
{
	char **names = sysfs_list(root, DEVICES "/%s/iommu_group/devices",
				  addr);
	size_t length = 0, i;
	char driver[64];

	mates[0] = 0;
	for (i = 0; names[i]; i++) {
		if (!strcmp(names[i], addr) ||
		    !sysfs_link(driver, sizeof(driver), root,
				DEVICES "/%s/iommu_group/devices/%s/driver",
				addr, names[i]) ||
		    lets_vfio_in(driver))
			continue;
		if (length < size)
			length += (size_t)snprintf(mates + length,
						   size - length, "%s%s (%s)",
						   length ? ", " : "", names[i],
						   driver);
	}
	sysfs_list_free(names);
	return length;
}

uint64_t device_number(const char *addr)
{
	unsigned int domain = 0, bus = 0, slot = 0, function = 0;

	sscanf(addr, "%x:%x:%x.%x", &domain, &bus, &slot, &function);
	return DMA_BUF_PHYS_PCI(domain, bus, slot << 3 | function);
}
