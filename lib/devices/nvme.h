/* SPDX-License-Identifier: MIT */
#ifndef DEVICES_NVME_H
#define DEVICES_NVME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio.h"

/* Where __nvme_attach() maps the controller's queues */
#define NVME_QUEUES_IOVA 0x100000ull

/* Long enough for &nvme.why */
#define NVME_WHY 160

/* One command moves at most this much, bytes */
#define NVME_MAX (256u << 10)

/* Commands that __nvme_post() takes at once */
#define NVME_DEPTH 16

/* The disk: 64 MiB, every 8-byte word says where on the disk it is from */
#define NVME_DISK_SIZE (64ull << 20)
#define NVME_DISK_WORD(offset) (0xd15c000000000000ull + (offset))

/**
 * struct nvme - an NVMe controller driven from user space
 * @dev: the device
 * @regs: BAR0
 * @queues: memory of queues and PRP lists, mapped at %NVME_QUEUES_IOVA
 * @cap: its CAP register
 * @sq_tail: next submission slot, of the admin and of the I/O queue
 * @cq_head: next completion slot, of both
 * @cq_phase: phase tag that marks a new completion, of both
 * @doorbell: bytes between doorbells
 * @admin_id: of the last admin command
 * @busy: bit of each slot that has a command
 * @block: bytes of a block of namespace 1
 * @size: bytes of namespace 1; 0 if there is none
 * @max: bytes that one command moves, at most %NVME_MAX
 * @cache: what was written may be lost without __nvme_flush()
 * @why: in words, after %-EOPNOTSUPP and %-EPROTO
 *
 * Polled, no interrupts. For any disk, except where it says otherwise.
 */
struct nvme {
	struct vfio_device dev;
	volatile uint8_t *regs;
	uint8_t *queues;
	uint64_t cap;
	unsigned int sq_tail[2];
	unsigned int cq_head[2];
	unsigned int cq_phase[2];
	unsigned int doorbell;
	uint16_t admin_id;
	uint32_t busy;
	uint32_t block;
	uint64_t size;
	uint32_t max;
	bool cache;
	char why[NVME_WHY];
};

/**
 * nvme_behind_iommu - whether an IOMMU translates what a device accesses
 * @addr: PCI address
 *
 * Without one IOVAs would be taken for physical addresses.
 */
bool nvme_behind_iommu(const char *addr);

/**
 * __nvme_open - take a controller from the kernel's driver
 * @nvme: filled in
 * @addr: PCI address
 * @iommufd: from iommufd_open()
 *
 * Memory and bus master are on afterwards. If this fails it is closed.
 *
 * Return: 0 or -errno; %-EOPNOTSUPP without an IOMMU, before anything is bound.
 */
int __nvme_open(struct nvme *nvme, const char *addr, int iommufd);

/**
 * nvme_close - unmap the queues and close
 * @nvme: may be closed already
 */
void nvme_close(struct nvme *nvme);

/**
 * __nvme_map_queues - map the queues at %NVME_QUEUES_IOVA
 * @nvme: the controller
 * @ioas: id
 *
 * Return: 0 or -errno.
 */
int __nvme_map_queues(struct nvme *nvme, uint32_t ioas);

/**
 * nvme_status - read the controller's CSTS register
 * @nvme: the controller
 *
 * Return: its value; all ones if the device is gone.
 */
uint32_t nvme_status(struct nvme *nvme);

/**
 * __nvme_attach - map the queues, attach to the IOAS and start the controller
 * @nvme: the controller; its @block, @size and @max are known afterwards
 * @ioas: id
 *
 * Return: 0; -errno, -ETIMEDOUT or -EIO if it does not start; -EOPNOTSUPP if it
 * or its namespace is of a kind that is not handled here.
 */
int __nvme_attach(struct nvme *nvme, uint32_t ioas);

/**
 * __nvme_check_cap - whether it is a controller that is handled here
 * @nvme: its @cap and the size of BAR0 are known; @why is filled in if it is not
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int __nvme_check_cap(struct nvme *nvme);

/**
 * __nvme_learn_controller - what IDENTIFY tells of a controller
 * @nvme: its @max and @cache are filled in; @why if it is not handled here
 * @page: the answer
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int __nvme_learn_controller(struct nvme *nvme, const uint8_t *page);

/**
 * __nvme_learn_namespace - what IDENTIFY tells of a namespace
 * @nvme: its @block and @size are filled in; @why if it is not handled here
 * @page: the answer
 *
 * Return: 0 or -EOPNOTSUPP.
 */
int __nvme_learn_namespace(struct nvme *nvme, const uint8_t *page);

/**
 * __nvme_post - have something read from the disk or written to it
 * @nvme: the controller
 * @slot: 0 to %NVME_DEPTH - 1, with no command in it
 * @write: from memory to the disk, otherwise from the disk to memory
 * @disk: offset on the disk, a multiple of the block size
 * @iova: of the memory, page-aligned
 * @len: bytes, a multiple of the block size, at most nvme.max
 *
 * Return: 0, -EINVAL, or -EBUSY if the slot has a command.
 */
int __nvme_post(struct nvme *nvme, unsigned int slot, bool write, uint64_t disk,
		uint64_t iova, uint32_t len);

/**
 * __nvme_poll - take a completion
 * @nvme: the controller
 * @slot: receives the command's
 *
 * Return: -EAGAIN if there is none; -EPROTO if it is none of a command that is
 * under way; otherwise the status field (0 or positive), see __nvme_rw().
 */
int __nvme_poll(struct nvme *nvme, unsigned int *slot);

/**
 * __nvme_rw - one read from the disk or write to it
 * @nvme: the controller
 * @write: from memory to the disk, otherwise from the disk to memory
 * @disk: offset on the disk, a multiple of the block size
 * @iova: of the memory, page-aligned
 * @len: bytes, a multiple of the block size, at most nvme.max
 *
 * Return: 0, -EINVAL, -EBUSY, -ETIMEDOUT, -EPROTO, or the status field of the
 * completion (positive), such as 0x004 for a data transfer error.
 */
int __nvme_rw(struct nvme *nvme, bool write, uint64_t disk, uint64_t iova,
	      uint32_t len);

/**
 * __nvme_flush - have what was written stored for good
 * @nvme: the controller, with no command in slot 0
 *
 * Return: as __nvme_rw().
 */
int __nvme_flush(struct nvme *nvme);

/**
 * nvme_shutdown - tell a controller that runs that it is about to be reset
 * @nvme: idle; only nvme_close() may come after this
 *
 * It may need some seconds; without this it counts an unsafe shutdown.
 */
void nvme_shutdown(struct nvme *nvme);

/**
 * __nvme_read - read any amount from the disk of the VMs
 * @nvme: the controller
 * @disk: offset on the disk, bytes; wraps around at %NVME_DISK_SIZE
 * @iova: IOVA of the memory, page-aligned
 * @len: bytes, a multiple of 512
 *
 * Return: as __nvme_rw(), of the first command that did not succeed.
 */
int __nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len);

/** __nvme_write - the same from memory to the disk */
int __nvme_write(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len);

#endif /* DEVICES_NVME_H */
