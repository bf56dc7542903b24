// SPDX-License-Identifier: MIT
/*
 * Config space: every way to take a device's memory away by a register
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sysfs.h"
#include "vfio.h"

/* How long a restore may take */
#define RESTORE_MS 30000

int __vfio_config_read(struct vfio_device *dev, unsigned int pos, size_t size,
		       uint32_t *value)
{
	uint64_t at = dev->region[VFIO_PCI_CONFIG_REGION_INDEX].offset + pos;
	ssize_t got;

	*value = 0;
	got = pread(dev->fd, value, size, (off_t)at);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}

int __vfio_config_write(struct vfio_device *dev, unsigned int pos, size_t size,
			uint32_t value)
{
	uint64_t at = dev->region[VFIO_PCI_CONFIG_REGION_INDEX].offset + pos;
	ssize_t put;

	put = pwrite(dev->fd, &value, size, (off_t)at);
	if (put < 0)
		return -errno;
	return (size_t)put == size ? 0 : -EIO;
}

int __vfio_find_cap(struct vfio_device *dev, uint8_t id)
{
	uint32_t pos, entry;
	int i;

	if (__vfio_config_read(dev, PCI_CAPABILITY_LIST, 1, &pos))
		return -ENOENT;
	/* A list of at most 48 entries fits in 256 bytes: more is a loop */
	for (i = 0; i < 48 && pos; i++) {
		if (__vfio_config_read(dev, pos, 2, &entry))
			return -ENOENT;
		if ((entry & 0xff) == id)
			return (int)pos;
		pos = entry >> 8;
	}
	return -ENOENT;
}

int __vfio_memory_enable(struct vfio_device *dev, bool on)
{
	uint32_t command;
	int ret;

	ret = __vfio_config_read(dev, PCI_COMMAND, 2, &command);
	if (ret)
		return ret;
	command &= ~(uint32_t)PCI_COMMAND_MEMORY;
	if (on)
		command |= PCI_COMMAND_MEMORY;
	return __vfio_config_write(dev, PCI_COMMAND, 2, command);
}

int __vfio_mask_intx(struct vfio_device *dev)
{
	uint32_t command;
	int ret = __vfio_config_read(dev, PCI_COMMAND, 2, &command);

	return ret ? ret : __vfio_config_write(dev, PCI_COMMAND, 2,
					       command | PCI_COMMAND_INTX_DISABLE);
}

bool dmabuf_is_behind(uint64_t inode, char *line, size_t size)
{
	FILE *file = fopen("/sys/kernel/debug/dma_buf_phys/buffers", "r");
	const char *behind;
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, (int)size, file)) {
		/* Those of importers and groups begin with no number */
		if (inode && strtoull(line, NULL, 10) != inode)
			continue;
		behind = strstr(line, " behind=");
		/* One that is locked just now may be behind */
		found = strstr(line, " busy\n") || (behind && behind[8] != '0');
	}
	fclose(file);
	return found;
}

int __wait_restored(char *behind, size_t size)
{
	uint64_t deadline = now_ms() + RESTORE_MS;

	while (dmabuf_is_behind(0, behind, size)) {
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

int __vfio_set_power(struct vfio_device *dev, unsigned int state)
{
	int pm = __vfio_find_cap(dev, PCI_CAP_ID_PM);
	uint32_t control;
	int ret;

	if (pm < 0)
		return pm;
	ret = __vfio_config_read(dev, (unsigned int)pm + PCI_PM_CTRL, 2,
				 &control);
	if (ret)
		return ret;
	control &= ~(uint32_t)PCI_PM_CTRL_STATE_MASK;
	return __vfio_config_write(dev, (unsigned int)pm + PCI_PM_CTRL, 2,
				   control | state);
}

static int set_feature(struct vfio_device *dev, uint32_t feature,
		       const void *data, size_t size)
{
	union {
		struct vfio_device_feature head;
		uint8_t bytes[64];
	} arg = {
		.head.argsz = (uint32_t)(sizeof(arg.head) + size),
		.head.flags = VFIO_DEVICE_FEATURE_SET | feature,
	};

	if (size)
		memcpy(arg.head.data, data, size);
	return ioctl(dev->fd, VFIO_DEVICE_FEATURE, &arg) < 0 ? -errno : 0;
}

int __vfio_low_power(struct vfio_device *dev, int wakeup)
{
	struct vfio_device_low_power_entry_with_wakeup entry = {
		.wakeup_eventfd = wakeup,
	};

	if (wakeup < 0)
		return set_feature(dev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
				   NULL, 0);
	return set_feature(dev, VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
			   &entry, sizeof(entry));
}

int __vfio_low_power_exit(struct vfio_device *dev)
{
	return set_feature(dev, VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, NULL, 0);
}

int __vfio_flr(struct vfio_device *dev)
{
	int cap = __vfio_find_cap(dev, PCI_CAP_ID_EXP);
	uint32_t devcap, control;
	int ret;

	if (cap < 0)
		return -ENOTTY;
	ret = __vfio_config_read(dev, (unsigned int)cap + PCI_EXP_DEVCAP, 4,
				 &devcap);
	if (ret)
		return ret;
	if (!(devcap & PCI_EXP_DEVCAP_FLR))
		return -ENOTTY;
	ret = __vfio_config_read(dev, (unsigned int)cap + PCI_EXP_DEVCTL, 2,
				 &control);
	if (ret)
		return ret;
	return __vfio_config_write(dev, (unsigned int)cap + PCI_EXP_DEVCTL, 2,
				   control | PCI_EXP_DEVCTL_BCR_FLR);
}
