/* SPDX-License-Identifier: MIT */
#ifndef LIB_EDU_H
#define LIB_EDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

/* QEMU ends the whole VM on a transfer that fills edu's buffer of 4 KiB */
#define EDU_MAX 2048

/* Where edu_attach() maps the page that data comes from and goes to */
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

/** edu_open - open $DMABUF_EDU, or fail the test; see vfio_open() */
void edu_open(struct edu *edu, int iommufd);

/** edu_start - what edu_open() does once @edu->dev is open */
void edu_start(struct edu *edu);

/** edu_close - harmless if closed already */
void edu_close(struct edu *edu);

/** edu_map_bounce - map the bounce page at %EDU_BOUNCE_IOVA in an IOAS */
void edu_map_bounce(struct edu *edu, uint32_t ioas);

/** edu_attach - edu_map_bounce() and vfio_attach() */
void edu_attach(struct edu *edu, uint32_t ioas);

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
 * edu_load - fill the device's buffer
 * @edu: the device
 * @data: bytes to put there
 * @len: how many, at most %EDU_MAX
 *
 * Split from edu_store() for tests that look at what happens at one access.
 */
void edu_load(struct edu *edu, const void *data, size_t len);

/** edu_store - write @len bytes of the device's buffer to @iova */
void edu_store(struct edu *edu, uint64_t iova, size_t len);

/** edu_write - edu_load() and edu_store() */
void edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len);

/** edu_read - read @len bytes at @iova into @data through the device */
void edu_read(struct edu *edu, uint64_t iova, void *data, size_t len);

#endif /* LIB_EDU_H */
