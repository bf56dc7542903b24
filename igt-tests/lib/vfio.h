/* SPDX-License-Identifier: MIT */
#ifndef LIB_VFIO_H
#define LIB_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/uapi.h"

/**
 * struct vfio_device - a PCI device opened through VFIO
 * @addr: PCI address
 * @fd: of the device, -1 when closed
 * @devid: what iommufd calls it
 * @iommufd: what it is bound to
 * @region: size and offset in @fd of BARs 0 to 5, ROM and config space
 * @map: BARs that vfio_map_bar() has mapped
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

/** vfio_has_driver - whether a device is bound to vfio-pci or its like */
bool vfio_has_driver(const char *addr);

/**
 * __vfio_open - bind a device to vfio-pci and to @iommufd, and open it
 * @dev: filled in
 * @addr: PCI address
 * @iommufd: from iommufd_open()
 *
 * One that has a driver of VFIO's already keeps it.
 *
 * Return: 0 or -errno.
 */
int __vfio_open(struct vfio_device *dev, const char *addr, int iommufd);

/**
 * vfio_open - __vfio_open(), memory and bus master on, or fail the test
 * @dev: filled in
 * @addr: PCI address
 * @iommufd: from iommufd_open()
 */
void vfio_open(struct vfio_device *dev, const char *addr, int iommufd);

/** __vfio_read_regions - fill in @dev->region; Return: 0 or -errno */
int __vfio_read_regions(struct vfio_device *dev);

/** vfio_enable - memory and bus master on, or fail the test */
void vfio_enable(struct vfio_device *dev);

/** vfio_close - unmap the BARs and close; harmless if closed already */
void vfio_close(struct vfio_device *dev);

/** __vfio_attach - make @dev use an IOAS or a page table, by id */
int __vfio_attach(struct vfio_device *dev, uint32_t pt_id);
void vfio_attach(struct vfio_device *dev, uint32_t pt_id);

/** vfio_detach - make @dev use no address space: all its DMA faults */
void vfio_detach(struct vfio_device *dev);

/**
 * vfio_map_bar - CPU access to a whole BAR
 * @dev: the device
 * @bar: 0 to 5
 *
 * Mapped once per open. Touching it while memory is disabled is a SIGBUS.
 *
 * Return: where it is.
 */
void *vfio_map_bar(struct vfio_device *dev, unsigned int bar);

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
int __vfio_config_write(struct vfio_device *dev, unsigned int pos, size_t size,
			uint32_t value);

/**
 * __vfio_find_cap - find a PCI capability
 * @dev: the device
 * @id: of the capability
 *
 * Return: its offset in config space, or -ENOENT.
 */
int __vfio_find_cap(struct vfio_device *dev, uint8_t id);

/** __vfio_memory_enable - switch the device's memory space on or off */
int __vfio_memory_enable(struct vfio_device *dev, bool on);

/** vfio_memory_enable - the same or fail the test; on: and wait_restored() */
void vfio_memory_enable(struct vfio_device *dev, bool on);

/**
 * wait_restored - wait until importers have mapped again what was given back
 *
 * Looks at every dma-buf of the machine. Fails the test if one does not get that
 * far in 30 s. Does nothing in a kernel without physical lists.
 */
void wait_restored(void);

/** __vfio_set_power - to D0 or D3hot (@state 0 or 3); -ENOENT without PM */
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

/** __vfio_low_power_exit - end that; harmless if it has ended */
int __vfio_low_power_exit(struct vfio_device *dev);

/** __vfio_reset - VFIO_DEVICE_RESET; Return: 0 or -errno */
int __vfio_reset(struct vfio_device *dev);

/** __vfio_flr - function-level reset by a config write; -ENOTTY without FLR */
int __vfio_flr(struct vfio_device *dev);

/** __vfio_hot_reset - reset the bus the device is on */
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
 * __vfio_dmabuf_raw - VFIO_DEVICE_FEATURE_DMA_BUF with nothing checked
 * @dev: the device
 * @head: all but the ranges; nr_ranges may lie
 * @ranges: the ranges
 * @nr: how many there really are
 *
 * Return: the dma-buf's fd or -errno.
 */
int __vfio_dmabuf_raw(struct vfio_device *dev,
		      const struct vfio_device_feature_dma_buf *head,
		      const struct vfio_region_dma_range *ranges, size_t nr);

/**
 * __vfio_dmabuf - export ranges of one BAR
 * @dev: the device
 * @bar: 0 to 5
 * @ranges: offsets into the BAR
 * @nr: number of them
 *
 * Return: the dma-buf's fd or -errno.
 */
int __vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		  const struct vfio_region_dma_range *ranges, size_t nr);
int vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		const struct vfio_region_dma_range *ranges, size_t nr);

/** vfio_dmabuf_mode - the same for %O_RDONLY, %O_WRONLY or %O_RDWR */
int vfio_dmabuf_mode(struct vfio_device *dev, int mode, unsigned int bar,
		     const struct vfio_region_dma_range *ranges, size_t nr);

/** vfio_dmabuf_one - export one range of one BAR */
int vfio_dmabuf_one(struct vfio_device *dev, unsigned int bar, uint64_t offset,
		    uint64_t length);

/** __vfio_dmabuf_bars - export ranges whose offsets are into the device's fd */
int __vfio_dmabuf_bars(struct vfio_device *dev,
		       const struct vfio_region_dma_range *ranges, size_t nr);

/**
 * vfio_dmabuf_two_bars - export a page of one BAR, then a page of another
 * @dev: the device
 * @first: 0 to 5
 * @first_at: offset of the page in it
 * @second: 0 to 5
 * @second_at: offset of the page in it
 *
 * Return: the dma-buf's fd.
 */
int vfio_dmabuf_two_bars(struct vfio_device *dev, unsigned int first,
			 uint64_t first_at, unsigned int second,
			 uint64_t second_at);

/**
 * vfio_dmabuf_many_groups - export pages of BAR0 and BAR2 in turn
 * @dev: the device; BAR2 has @nr pages
 * @nr: how many, the first of BAR0 over and over and others of BAR2: each is a group
 *
 * Return: the dma-buf's fd.
 */
int vfio_dmabuf_many_groups(struct vfio_device *dev, unsigned int nr);

/** vfio_has_dmabuf - whether the kernel offers the feature for this device */
bool vfio_has_dmabuf(struct vfio_device *dev);

#endif /* LIB_VFIO_H */
