// SPDX-License-Identifier: GPL-2.0
/*
 * PCI: one bus with a host bridge and the assigned devices, by ports 0xcf8 and 0xcfc
 *
 * VFIO has a config space for each device that is safe to give to a guest, with
 * registers of its BARs that hold what the guest writes: they are only looked at here.
 * What it leaves to the VMM is MSI-X, and which interrupt pin there is.
 */
#include <linux/pci_regs.h>
#include <stddef.h>
#include <string.h>

#include "fail.h"
#include "machine.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE (1u << 31)

/* Linux looks for one before it believes that there is a bus */
static const uint8_t host_bridge[PCI_STD_HEADER_SIZEOF] = {
	[PCI_VENDOR_ID] = 0x36, 0x1b,	/* Red Hat, as virtual machines have it */
	[PCI_DEVICE_ID] = 0x08, 0x00,
	[PCI_CLASS_DEVICE] = 0x00, 0x06,
};

static void read_config(struct assigned *dev, unsigned int pos, uint8_t *data,
			unsigned int size)
{
	uint32_t value = UINT32_MAX;
	unsigned int i;

	__vfio_config_read(&dev->vfio, pos, size, &value);
	memcpy(data, &value, size);
	for (i = 0; i < size; i++) {
		if (pos + i == PCI_INTERRUPT_PIN)
			data[i] = 0;
		if (dev->msix && pos + i == dev->msix + PCI_MSIX_FLAGS + 1)
			data[i] = (uint8_t)(dev->msix_control >> 8);
		if (pos + i == PCI_COMMAND)
			data[i] = (uint8_t)((data[i] & ~PCI_COMMAND_MEMORY) |
					    (dev->memory ? PCI_COMMAND_MEMORY : 0));
	}
}

static void write_config(struct machine *m, struct assigned *dev, unsigned int pos,
			 const uint8_t *data, unsigned int size)
{
	const uint16_t writable = PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL;
	uint32_t value = 0;
	unsigned int i;

	memcpy(&value, data, size);
	__vfio_config_write(&dev->vfio, pos, size, value);
	for (i = 0; i < size; i++) {
		if (pos + i == PCI_COMMAND)
			dev->memory = data[i] & PCI_COMMAND_MEMORY;
		if (!dev->msix || pos + i != dev->msix + PCI_MSIX_FLAGS + 1)
			continue;
		dev->msix_control = (uint16_t)((dev->msix_control & ~writable) |
					       (data[i] << 8 & writable));
		msix_update(m, dev);
	}
	assigned_map(m, dev);
}

void pci_port(struct machine *m, uint16_t port, uint8_t *data, unsigned int size,
	      bool is_write)
{
	unsigned int pos = (m->config_address & 0xfc) + (port & 3u);
	unsigned int number = m->config_address >> 11 & 0x1f;
	unsigned int function_and_bus = m->config_address & 0xff0700;
	struct assigned *dev;

	if (port == CONFIG_ADDRESS && size == 4) {
		if (is_write)
			memcpy(&m->config_address, data, 4);
		else
			memcpy(data, &m->config_address, 4);
		return;
	}
	if (port < CONFIG_DATA || !(m->config_address & CONFIG_ENABLE) || function_and_bus ||
	    number > m->nr_devices || (port & 3u) + size > 4)
		return;
	if (!number) {
		if (!is_write)
			memset(data, 0, size);
		if (!is_write && pos + size <= sizeof(host_bridge))
			memcpy(data, host_bridge + pos, size);
		return;
	}
	pthread_mutex_lock(&m->lock);
	dev = &m->devices[number - 1];
	/* Nobody answers for one that is gone */
	if (dev->vfio.fd >= 0 && is_write)
		write_config(m, dev, pos, data, size);
	else if (dev->vfio.fd >= 0)
		read_config(dev, pos, data, size);
	pthread_mutex_unlock(&m->lock);
}

void pci_place_bars(struct machine *m)
{
	uint64_t next = PCI_WINDOW;
	unsigned int i, number;

	for (i = 0; i < m->nr_devices; i++)
		for (number = 0; number < 6; number++) {
			struct assigned *dev = &m->devices[i];
			uint64_t size = dev->bars[number].size;

			if (!size)
				continue;
			next = (next + size - 1) & ~(size - 1);
			if (next + size > PCI_WINDOW_END)
				fail(NULL, "%s: no room for its BARs", dev->vfio.addr);
			__vfio_config_write(&dev->vfio, PCI_BASE_ADDRESS_0 + 4 * number, 4,
					    (uint32_t)next);
			if (dev->bars[number].is_64)
				__vfio_config_write(&dev->vfio,
						    PCI_BASE_ADDRESS_0 + 4 * (number + 1), 4, 0);
			next += size;
		}
}
