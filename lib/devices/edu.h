/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_EDU_H
#define DEVICES_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

/* QEMU ends the whole VM on a transfer that fills edu's buffer of 4 KiB */
#define EDU_MAX 2048

/* Where __edu_attach() maps the page that data comes from and goes to */
#define EDU_BOUNCE_IOVA 0x10000ull

/**
 * struct edu - QEMU's edu device as a DMA engine
 * @dev: the device
 * @bounce: page mapped at %EDU_BOUNCE_IOVA
 * @regs: BAR0
 *
 * The engine copies between memory and a buffer inside the device, at most
 * %EDU_MAX bytes at a time, and each transfer takes 100 ms of the VM's time.
 */
struct edu {
	struct vfio_device dev;
	void *bounce;
	volatile uint8_t *regs;
};

/**
 * __edu_open - open an edu device through VFIO, memory and bus master on
 * @edu: filled in; closed, if this fails
 * @addr: PCI address
 * @iommufd: from __iommufd_open()
 *
 * Return: 0 or -errno; -ENXIO if it is another device.
 */
int __edu_open(struct edu *edu, const char *addr, int iommufd);

/**
 * __edu_start - do what __edu_open() does once the device is open
 * @edu: its @dev is open, memory and bus master on; to be closed even if this fails
 *
 * Return: 0 or -errno; -ENXIO if it is another device.
 */
int __edu_start(struct edu *edu);

/**
 * edu_close - free the bounce page and close
 * @edu: may be closed already
 */
void edu_close(struct edu *edu);

/**
 * __edu_map_bounce - map the bounce page at %EDU_BOUNCE_IOVA
 * @edu: the device
 * @ioas: id
 *
 * Return: 0 or -errno.
 */
int __edu_map_bounce(struct edu *edu, uint32_t ioas);

/**
 * __edu_attach - __edu_map_bounce() and __vfio_attach()
 * @edu: the device
 * @ioas: id
 *
 * Return: 0 or -errno.
 */
int __edu_attach(struct edu *edu, uint32_t ioas);

/**
 * __edu_dma - one transfer
 * @edu: the device
 * @iova: address on the memory's side
 * @at: offset in the device's buffer, below %EDU_MAX
 * @len: bytes, at most %EDU_MAX
 * @to_memory: direction
 *
 * The device does not know whether its access faulted.
 *
 * Return: 0, -EINVAL or -ETIMEDOUT.
 */
int __edu_dma(struct edu *edu, uint64_t iova, size_t at, size_t len,
	      bool to_memory);

/**
 * __edu_load - fill the device's buffer
 * @edu: attached by __edu_attach()
 * @data: bytes to put there
 * @len: how many, at most %EDU_MAX
 *
 * Split from __edu_store() for those that look at what happens at one access.
 *
 * Return: as __edu_dma().
 */
int __edu_load(struct edu *edu, const void *data, size_t len);

/** __edu_store - write @len bytes of the device's buffer to @iova */
int __edu_store(struct edu *edu, uint64_t iova, size_t len);

/** __edu_write - __edu_load() and __edu_store() */
int __edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len);

/** __edu_read - read @len bytes at @iova into @data through the device */
int __edu_read(struct edu *edu, uint64_t iova, void *data, size_t len);

#endif /* DEVICES_EDU_H */
