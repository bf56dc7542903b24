/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_VFIO_H
#define DEVICES_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi.h"

/**
 * struct vfio_device - a PCI device opened through VFIO
 * @addr: PCI address
 * @fd: descriptor of the device, -1 when closed
 * @iommufd: descriptor that it is bound to; the caller's
 * @devid: id of the device in iommufd
 * @region: size and offset in @fd, bytes, of BARs 0 to 5, ROM and config space
 * @map: the BARs that __vfio_map_bar() has mapped, NULL for others
 */
struct vfio_device {
	char addr[16];
	int fd;
	int iommufd;
	uint32_t devid;
	struct {
		uint64_t size;
		uint64_t offset;
		uint32_t flags;
	} region[VFIO_PCI_CONFIG_REGION_INDEX + 1];
	void *map[6];
};

/**
 * vfio_has_driver - whether a device is bound to vfio-pci or its like
 * @addr: PCI address
 */
bool vfio_has_driver(const char *addr);

/**
 * __vfio_open - bind a device to vfio-pci and to @iommufd, and open it
 * @dev: filled in; closed, if this fails
 * @addr: PCI address
 * @iommufd: from __iommufd_open(); must stay open as long as @dev
 *
 * One that has a driver of VFIO's already keeps it. Memory and bus master are as the
 * kernel leaves them: see __vfio_enable().
 *
 * Return: 0 or -errno; those of __pci_bind() too.
 */
int __vfio_open(struct vfio_device *dev, const char *addr, int iommufd);

/**
 * __vfio_read_regions - fill in @dev->region
 * @dev: device whose @fd is open
 *
 * Return: 0 or -errno.
 */
int __vfio_read_regions(struct vfio_device *dev);

/**
 * __vfio_enable - switch memory and bus master on
 * @dev: the device
 *
 * Return: 0 or -errno.
 */
int __vfio_enable(struct vfio_device *dev);

/**
 * vfio_close - unmap the BARs and close
 * @dev: may be closed already
 *
 * It stays bound to its driver: see pci_restore().
 */
void vfio_close(struct vfio_device *dev);

/**
 * __vfio_attach - let a device use an address space
 * @dev: the device
 * @pt_id: id of an IOAS or of a page table, in its iommufd
 *
 * Return: 0 or -errno.
 */
int __vfio_attach(struct vfio_device *dev, uint32_t pt_id);

/**
 * __vfio_detach - let a device use no address space: all its DMA faults
 * @dev: the device
 *
 * Return: 0 or -errno.
 */
int __vfio_detach(struct vfio_device *dev);

/**
 * __vfio_map_bar - map a whole BAR for the CPU
 * @dev: the device; @map of the BAR is set, and stays until vfio_close()
 * @bar: 0 to 5
 *
 * Touching it while memory is disabled is a SIGBUS.
 *
 * Return: 0, also if it is mapped already, or -errno.
 */
int __vfio_map_bar(struct vfio_device *dev, unsigned int bar);

/**
 * __vfio_config_read - read config space
 * @dev: the device
 * @pos: offset
 * @size: 1, 2 or 4 bytes
 * @value: receives it
 *
 * Return: 0 or -errno.
 */
int __vfio_config_read(struct vfio_device *dev, unsigned int pos, size_t size,
		       uint32_t *value);

/**
 * __vfio_config_write - write config space
 * @dev: the device
 * @pos: offset
 * @size: 1, 2 or 4 bytes
 * @value: what to write
 *
 * Return: 0 or -errno.
 */
int __vfio_config_write(struct vfio_device *dev, unsigned int pos, size_t size,
			uint32_t value);

/**
 * __vfio_find_cap - find a PCI capability
 * @dev: the device
 * @id: id of the capability
 *
 * Return: its offset in config space, or -ENOENT.
 */
int __vfio_find_cap(struct vfio_device *dev, uint8_t id);

/**
 * __vfio_memory_enable - switch the device's memory space on or off
 * @dev: the device
 * @on: which
 *
 * Off revokes the device's dma-bufs, on restores them. Importers map again after
 * this has returned: see __wait_restored().
 *
 * Return: 0 or -errno.
 */
int __vfio_memory_enable(struct vfio_device *dev, bool on);

/**
 * __vfio_mask_intx - keep the device from using its interrupt pin
 * @dev: the device
 *
 * VFIO lets it when a device is opened, and there may be nobody who would answer: the
 * line may be shared, and the kernel would switch it off for all.
 *
 * Return: 0 or -errno.
 */
int __vfio_mask_intx(struct vfio_device *dev);

/**
 * dmabuf_is_behind - whether importers have yet to map again what was given back
 * @inode: number of the dma-buf's inode, or 0 for every dma-buf of the machine
 * @line: scratch; if it is, debugfs' line of it
 * @size: size of @line, bytes
 *
 * Return: false also in a kernel without physical lists, and where debugfs is not mounted.
 */
bool dmabuf_is_behind(uint64_t inode, char *line, size_t size);

/**
 * __wait_restored - wait until importers have mapped again what was given back
 * @behind: scratch; after a timeout, debugfs' line of a dma-buf that is behind
 * @size: size of @behind, bytes
 *
 * See dmabuf_is_behind(), of every dma-buf.
 *
 * Return: 0, or -ETIMEDOUT after 30 s.
 */
int __wait_restored(char *behind, size_t size);

/**
 * __vfio_set_power - change the device's power state
 * @dev: the device
 * @state: 0 for D0 or 3 for D3hot
 *
 * Return: 0 or -errno; -ENOENT without a power management capability.
 */
int __vfio_set_power(struct vfio_device *dev, unsigned int state);

/**
 * __vfio_low_power - let the kernel suspend the device until something is done
 *	with it
 * @dev: the device
 * @wakeup: eventfd that tells when it has been woken up, which ends low power;
 *	-1 if only __vfio_low_power_exit() shall end it
 *
 * It is suspended soon after the call.
 *
 * Return: 0; -EINVAL if it is in low power already; or -errno.
 */
int __vfio_low_power(struct vfio_device *dev, int wakeup);

/**
 * __vfio_low_power_exit - end what __vfio_low_power() began
 * @dev: the device; low power may have ended
 *
 * Return: 0 or -errno.
 */
int __vfio_low_power_exit(struct vfio_device *dev);

/**
 * __vfio_reset - VFIO_DEVICE_RESET
 * @dev: the device
 *
 * Return: 0 or -errno.
 */
int __vfio_reset(struct vfio_device *dev);

/**
 * __vfio_flr - function-level reset by a config write
 * @dev: the device
 *
 * Return: 0 or -errno; -ENOTTY if the device has none.
 */
int __vfio_flr(struct vfio_device *dev);

/**
 * __vfio_hot_reset - reset the bus that the device is on
 * @dev: the device
 *
 * Return: 0 or -errno.
 */
int __vfio_hot_reset(struct vfio_device *dev);

/**
 * __vfio_request_eventfd - be told when the kernel wants the device back
 * @dev: the device
 * @eventfd: signalled on unbind and unplug
 *
 * Return: 0 or -errno.
 */
int __vfio_request_eventfd(struct vfio_device *dev, int eventfd);

/**
 * __vfio_msix - have the first MSI-X vector signal an eventfd
 * @dev: the device
 * @eventfd: it, or -1 to switch MSI-X off
 *
 * Return: 0 or -errno.
 */
int __vfio_msix(struct vfio_device *dev, int eventfd);

/**
 * __vfio_msix_vector - have a MSI-X vector signal an eventfd
 * @dev: the device
 * @vector: number of the vector; another than 0 once 0 has been asked for
 * @eventfd: it, or -1 to switch MSI-X off
 *
 * Return: 0 or -errno.
 */
int __vfio_msix_vector(struct vfio_device *dev, unsigned int vector, int eventfd);

/**
 * __vfio_dmabuf_raw - VFIO_DEVICE_FEATURE_DMA_BUF with nothing checked
 * @dev: the device
 * @head: all but the ranges; nr_ranges may lie
 * @ranges: the ranges
 * @nr: how many there really are
 *
 * Return: descriptor of the dma-buf, to be closed by the caller, or -errno.
 */
int __vfio_dmabuf_raw(struct vfio_device *dev,
		      const struct vfio_device_feature_dma_buf *head,
		      const struct vfio_region_dma_range *ranges, size_t nr);

/**
 * __vfio_dmabuf_mode - export ranges of one BAR
 * @dev: the device
 * @mode: %O_RDONLY, %O_WRONLY or %O_RDWR
 * @bar: 0 to 5
 * @ranges: offsets into the BAR and lengths, bytes
 * @nr: number of ranges
 *
 * Return: descriptor of the dma-buf, to be closed by the caller, or -errno.
 */
int __vfio_dmabuf_mode(struct vfio_device *dev, int mode, unsigned int bar,
		       const struct vfio_region_dma_range *ranges, size_t nr);

/** __vfio_dmabuf - __vfio_dmabuf_mode() for %O_RDWR */
int __vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		  const struct vfio_region_dma_range *ranges, size_t nr);

/**
 * __vfio_dmabuf_bars - export ranges of several BARs
 * @dev: the device
 * @ranges: offsets into the device's descriptor and lengths, bytes
 * @nr: number of ranges
 *
 * Return: descriptor of the dma-buf, to be closed by the caller, or -errno.
 */
int __vfio_dmabuf_bars(struct vfio_device *dev,
		       const struct vfio_region_dma_range *ranges, size_t nr);

/**
 * vfio_has_dmabuf - whether the kernel exports BARs of this device
 * @dev: the device
 */
bool vfio_has_dmabuf(struct vfio_device *dev);

#endif /* DEVICES_VFIO_H */
