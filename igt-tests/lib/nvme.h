/* SPDX-License-Identifier: MIT */
#ifndef LIB_NVME_H
#define LIB_NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

/* Where nvme_attach() maps the controller's queues */
#define NVME_QUEUES_IOVA 0x100000ull

/* One command moves at most this much, bytes */
#define NVME_MAX (256u << 10)

/* The disk: 64 MiB, every 8-byte word says where on the disk it is from */
#define NVME_DISK_SIZE (64ull << 20)
#define NVME_DISK_WORD(offset) (0xd15c000000000000ull + (offset))

/**
 * struct nvme - an NVMe controller driven from user space
 * @dev: the device
 * @regs: BAR0
 * @queues: memory of queues and PRP list, mapped at %NVME_QUEUES_IOVA
 * @sq_tail: next submission slot, of the admin and of the I/O queue
 * @cq_head: next completion slot, of both
 * @cq_phase: phase tag that marks a new completion, of both
 * @doorbell: bytes between doorbells
 * @command_id: of the last command
 *
 * One command at a time, polled: the memory is what is tested, not the disk.
 */
struct nvme {
	struct vfio_device dev;
	volatile uint8_t *regs;
	uint8_t *queues;
	unsigned int sq_tail[2];
	unsigned int cq_head[2];
	unsigned int cq_phase[2];
	unsigned int doorbell;
	uint16_t command_id;
};

/** nvme_open - open $DMABUF_NVME, or fail the test; see vfio_open() */
void nvme_open(struct nvme *nvme, int iommufd);

/** nvme_close - harmless if closed already */
void nvme_close(struct nvme *nvme);

/** nvme_map_queues - map the queues at %NVME_QUEUES_IOVA in an IOAS */
void nvme_map_queues(struct nvme *nvme, uint32_t ioas);

/** nvme_attach - map the queues, attach to the IOAS and start the controller */
void nvme_attach(struct nvme *nvme, uint32_t ioas);

/**
 * __nvme_rw - one read from the disk or write to it
 * @nvme: the controller
 * @write: from memory to the disk, otherwise from the disk to memory
 * @disk: offset on the disk, a multiple of 512 bytes
 * @iova: of the memory, page-aligned
 * @len: bytes, a multiple of 512, at most %NVME_MAX
 *
 * Return: 0, -ETIMEDOUT, or the status field of the completion (positive),
 * such as 0x004 for a data transfer error.
 */
int __nvme_rw(struct nvme *nvme, bool write, uint64_t disk, uint64_t iova,
	      uint32_t len);

/**
 * nvme_read - read any amount from the disk to @iova, or fail the test
 * @nvme: the controller
 * @disk: offset on the disk
 * @iova: of the memory, page-aligned
 * @len: bytes, a multiple of 512
 *
 * Wraps around at the end of the disk.
 */
void nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len);

/** nvme_write - the same in the other direction */
void nvme_write(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len);

#endif /* LIB_NVME_H */
