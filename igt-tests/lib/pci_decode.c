// SPDX-License-Identifier: MIT
/*
 * What the hardware of a PCI function does, whatever anybody believes
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "igt_core.h"
#include "pci_decode.h"
#include "sysfs.h"

#define RESOURCE_MEM 0x200u
#define RESOURCE_MEM_64 0x100000u

static void path_of(char *buf, size_t size, const char *addr, const char *file)
{
	snprintf(buf, size, "/sys/bus/pci/devices/%s/%s", addr, file);
}

bool pci_runtime_suspended(const char *addr)
{
	char path[128], status[32];

	path_of(path, sizeof(path), addr, "power/runtime_status");
	igt_assert_eq(__sysfs_read(path, status, sizeof(status)), 0);
	return !strcmp(status, "suspended");
}

static uint32_t get(const uint8_t *config, unsigned int pos, unsigned int size)
{
	uint32_t value = 0;

	memcpy(&value, config + pos, size);
	return value;
}

static bool power_is_full(const uint8_t *config)
{
	unsigned int pos = config[PCI_CAPABILITY_LIST], i;

	for (i = 0; i < 48 && pos >= 0x40 && pos < 0xfc; i++) {
		if (config[pos] == PCI_CAP_ID_PM)
			return !(config[pos + PCI_PM_CTRL] &
				 PCI_PM_CTRL_STATE_MASK);
		pos = config[pos + PCI_CAP_LIST_NEXT];
	}
	return true;
}

static bool bars_are_in_place(const char *addr, const uint8_t *config)
{
	uint64_t start, end, flags;
	bool in_place = true;
	unsigned int bar;
	char path[128];
	FILE *file;

	path_of(path, sizeof(path), addr, "resource");
	file = fopen(path, "r");
	igt_assert_f(file, "cannot open %s: %s\n", path, strerror(errno));
	for (bar = 0; bar < 6; bar++) {
		unsigned int pos = PCI_BASE_ADDRESS_0 + 4 * bar;
		uint64_t value;

		igt_assert_eq(fscanf(file, "%" SCNx64 " %" SCNx64 " %" SCNx64,
				     &start, &end, &flags), 3);
		if (!(flags & RESOURCE_MEM))
			continue;
		value = get(config, pos, 4) & ~0xfull;
		if (flags & RESOURCE_MEM_64)
			value |= (uint64_t)get(config, pos + 4, 4) << 32;
		in_place &= value == start;
	}
	fclose(file);
	return in_place;
}

const char *pci_decodes(const char *addr)
{
	uint8_t config[256] = {};
	char path[128];
	ssize_t got;
	int fd;

	if (pci_runtime_suspended(addr))
		return "suspended";
	path_of(path, sizeof(path), addr, "config");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return "gone";
	got = pread(fd, config, sizeof(config), 0);
	close(fd);
	igt_assert_eq((int)got, (int)sizeof(config));
	if (get(config, PCI_COMMAND, 2) == 0xffff)
		return "does not answer";
	if (!(get(config, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
		return "memory is off";
	if (!power_is_full(config))
		return "not in D0";
	if (!bars_are_in_place(addr, config))
		return "BARs are lost";
	return NULL;
}
