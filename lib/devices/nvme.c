// SPDX-License-Identifier: MIT
/*
 * A small NVMe driver: one admin queue, one I/O queue, polled
 *
 * Numbers are from the NVM Express Base Specification.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iommufd.h"
#include "nvme.h"
#include "nvme_kinds.h"
#include "sysfs.h"

#define NVME_CAP 0x00
#define NVME_CC 0x14
#define NVME_CSTS 0x1c
#define NVME_AQA 0x24
#define NVME_ASQ 0x28
#define NVME_ACQ 0x30

#define NVME_CC_ENABLE 1
#define NVME_CC_SHUTDOWN (1u << 14)
#define NVME_CC_ENTRY_SIZES (6u << 16 | 4u << 20)	/* 64 and 16 bytes */
#define NVME_CSTS_READY 1
#define NVME_CSTS_FATAL 2
#define NVME_CSTS_SHUTDOWN (3u << 2)
#define NVME_CSTS_SHUTDOWN_DONE (2u << 2)
#define NVME_CSTS_GONE UINT32_MAX

#define NVME_ADMIN_CREATE_SQ 1
#define NVME_ADMIN_CREATE_CQ 5
#define NVME_ADMIN_IDENTIFY 6
#define NVME_IO_FLUSH 0
#define NVME_IO_WRITE 1
#define NVME_IO_READ 2

/* What IDENTIFY tells */
#define IDENTIFY_NAMESPACE 0
#define IDENTIFY_CONTROLLER 1

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "registers and queues are little-endian");

#define PAGE 4096u
#define ENTRIES NVME_ENTRIES

/* How long a controller gets to end in order, at least */
#define SHUTDOWN_MS 10000u

/* Layout of the memory at NVME_QUEUES_IOVA, in pages; a PRP list per slot */
enum { ADMIN_SQ, ADMIN_CQ, IO_SQ, IO_CQ, IDENTIFY, PRP_LISTS,
       NR_PAGES = PRP_LISTS + NVME_DEPTH };
enum { ADMIN, IO };

struct nvme_command {
	uint8_t opcode;
	uint8_t flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved;
	uint64_t metadata;
	uint64_t prp1;
	uint64_t prp2;
	uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
};

struct nvme_completion {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t id;
	uint16_t status;
};

static uint32_t read32(struct nvme *nvme, unsigned int reg)
{
	return *(volatile uint32_t *)(nvme->regs + reg);
}

static void write32(struct nvme *nvme, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(nvme->regs + reg) = value;
}

/* In halves: not every controller takes 8 bytes at once */
static void write_addr(struct nvme *nvme, unsigned int reg, uint64_t value)
{
	write32(nvme, reg, (uint32_t)value);
	write32(nvme, reg + 4, (uint32_t)(value >> 32));
}

static uint64_t page_iova(unsigned int page)
{
	return NVME_QUEUES_IOVA + page * PAGE;
}

/* Where the kernel's pages are larger it maps nothing less */
static size_t queues_size(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (NR_PAGES * PAGE + page - 1) & ~(page - 1);
}

/* What is in memory must be seen before what is written to the device */
static void before_doorbell(void)
{
#if defined(__aarch64__)
	__asm__ __volatile__("dsb st" ::: "memory");
#elif defined(__riscv)
	__asm__ __volatile__("fence w,o" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Not by its group: VFIO's mode without an IOMMU makes groups up */
bool nvme_behind_iommu(const char *addr)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu", addr);
	return !access(path, F_OK);
}

int __nvme_open(struct nvme *nvme, const char *addr, int iommufd)
{
	int ret;

	memset(nvme, 0, sizeof(*nvme));
	nvme->dev.fd = -1;
	if (!nvme_behind_iommu(addr)) {
		snprintf(nvme->why, sizeof(nvme->why),
			 "there is no IOMMU between it and memory");
		return -EOPNOTSUPP;
	}
	ret = __vfio_open(&nvme->dev, addr, iommufd);
	if (ret)
		return ret;
	/* All of this is polled */
	ret = __vfio_mask_intx(&nvme->dev);
	if (!ret)
		ret = __vfio_enable(&nvme->dev);
	if (!ret) {
		nvme->queues = mmap(NULL, queues_size(),
				    PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (nvme->queues == MAP_FAILED) {
			nvme->queues = NULL;
			ret = -ENOMEM;
		}
	}
	/* Its registers up to the first doorbell; the rest depends on CAP */
	if (!ret && nvme->dev.region[0].size < NVME_DOORBELLS) {
		snprintf(nvme->why, sizeof(nvme->why),
			 "its BAR0 is too small");
		ret = -EOPNOTSUPP;
	}
	if (!ret)
		ret = __vfio_map_bar(&nvme->dev, 0);
	if (ret)
		nvme_close(nvme);
	else
		nvme->regs = nvme->dev.map[0];
	return ret;
}

void nvme_close(struct nvme *nvme)
{
	vfio_close(&nvme->dev);
	if (nvme->queues)
		munmap(nvme->queues, queues_size());
	nvme->queues = NULL;
}

static int wait_ready(struct nvme *nvme, uint32_t ready)
{
	uint64_t deadline = now_ms() + nvme_timeout_ms(nvme->cap, PATIENCE_MS);
	uint32_t status;

	for (;;) {
		status = read32(nvme, NVME_CSTS);
		if (status == NVME_CSTS_GONE)
			return -ENODEV;
		if ((status & NVME_CSTS_READY) == ready)
			return 0;
		if (status & NVME_CSTS_FATAL)
			return -EIO;
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		usleep(1000);
	}
}

static void submit(struct nvme *nvme, unsigned int queue,
		   const struct nvme_command *command)
{
	struct nvme_command *sq =
		(struct nvme_command *)(nvme->queues +
					(queue == IO ? IO_SQ : ADMIN_SQ) * PAGE);

	sq[nvme->sq_tail[queue]] = *command;
	nvme->sq_tail[queue] = (nvme->sq_tail[queue] + 1) % ENTRIES;
	before_doorbell();
	write32(nvme, NVME_DOORBELLS + 2 * queue * nvme->doorbell,
		nvme->sq_tail[queue]);
}

/*
 * The device has written it, and may have written anything: what is not the
 * answer to a command that is under way ends it all.
 */
static bool is_expected(struct nvme *nvme, unsigned int queue,
			const struct nvme_completion *done)
{
	if (done->sq_id == queue && done->sq_head < ENTRIES &&
	    (queue == ADMIN ? done->id == nvme->admin_id :
			      done->id < NVME_DEPTH &&
				      nvme->busy >> done->id & 1))
		return true;
	snprintf(nvme->why, sizeof(nvme->why),
		 "the controller has completed command %u of queue %u, head %u, which is not under way",
		 done->id, done->sq_id, done->sq_head);
	return false;
}

/* Status of a completion, and whose it is; -EAGAIN if there is none, -EPROTO */
static int complete(struct nvme *nvme, unsigned int queue, uint16_t *id)
{
	const volatile struct nvme_completion *cq =
		(struct nvme_completion *)(nvme->queues +
					   (queue == IO ? IO_CQ : ADMIN_CQ) *
						   PAGE) +
		nvme->cq_head[queue];
	struct nvme_completion done = { .status = cq->status };

	if ((done.status & 1) != nvme->cq_phase[queue])
		return -EAGAIN;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* Once: it may change */
	done.id = cq->id;
	done.sq_id = cq->sq_id;
	done.sq_head = cq->sq_head;
	if (!is_expected(nvme, queue, &done))
		return -EPROTO;
	*id = done.id;
	if (queue == IO)
		nvme->busy &= ~(1u << done.id);
	nvme->cq_head[queue] = (nvme->cq_head[queue] + 1) % ENTRIES;
	if (!nvme->cq_head[queue])
		nvme->cq_phase[queue] ^= 1;
	write32(nvme, NVME_DOORBELLS + (2 * queue + 1) * nvme->doorbell,
		nvme->cq_head[queue]);
	/* Status code and type; without phase, retry delay, more, do-not-retry */
	return done.status >> 1 & 0x7ff;
}

static int wait_complete(struct nvme *nvme, unsigned int queue, uint16_t *id)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	int status;

	while ((status = complete(nvme, queue, id)) == -EAGAIN) {
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		sched_yield();
	}
	return status;
}

/* 0 or -errno. What comes after a timeout is not taken for a later answer. */
static int admin(struct nvme *nvme, struct nvme_command command)
{
	uint16_t id;
	int status;

	command.id = ++nvme->admin_id;
	submit(nvme, ADMIN, &command);
	status = wait_complete(nvme, ADMIN, &id);
	return status > 0 ? -EIO : status;
}

static int create_io_queues(struct nvme *nvme)
{
	const struct nvme_command cq = {
		.opcode = NVME_ADMIN_CREATE_CQ,
		.prp1 = page_iova(IO_CQ),
		.dw10 = (ENTRIES - 1) << 16 | 1,
		.dw11 = 1,	/* physically contiguous, no interrupt */
	};
	const struct nvme_command sq = {
		.opcode = NVME_ADMIN_CREATE_SQ,
		.prp1 = page_iova(IO_SQ),
		.dw10 = (ENTRIES - 1) << 16 | 1,
		.dw11 = 1 << 16 | 1,
	};
	int ret = admin(nvme, cq);

	return ret ? ret : admin(nvme, sq);
}

static int identify(struct nvme *nvme, uint32_t what, uint32_t nsid)
{
	const struct nvme_command command = {
		.opcode = NVME_ADMIN_IDENTIFY,
		.nsid = nsid,
		.prp1 = page_iova(IDENTIFY),
		.dw10 = what,
	};

	return admin(nvme, command);
}

/* How long commands may be; block size and size of namespace 1, if it exists */
static int learn(struct nvme *nvme)
{
	const uint8_t *page = nvme->queues + IDENTIFY * PAGE;
	int ret;

	ret = identify(nvme, IDENTIFY_CONTROLLER, 0);
	if (!ret)
		ret = __nvme_learn_controller(nvme, page);
	if (ret)
		return ret;
	ret = identify(nvme, IDENTIFY_NAMESPACE, 1);
	nvme->size = 0;
	if (ret)
		return ret == -EIO ? 0 : ret;
	return __nvme_learn_namespace(nvme, page);
}

int __nvme_map_queues(struct nvme *nvme, uint32_t ioas)
{
	uint64_t iova = NVME_QUEUES_IOVA;

	return __ioas_map(nvme->dev.iommufd, ioas, nvme->queues, queues_size(),
			  &iova);
}

uint32_t nvme_status(struct nvme *nvme)
{
	return read32(nvme, NVME_CSTS);
}

int __nvme_attach(struct nvme *nvme, uint32_t ioas)
{
	int ret;

	nvme->cap = read32(nvme, NVME_CAP) |
		    (uint64_t)read32(nvme, NVME_CAP + 4) << 32;
	ret = __nvme_check_cap(nvme);
	if (ret)
		return ret;
	ret = __nvme_map_queues(nvme, ioas);
	if (!ret)
		ret = __vfio_attach(&nvme->dev, ioas);
	if (ret)
		return ret;

	write32(nvme, NVME_CC, 0);
	ret = wait_ready(nvme, 0);
	if (ret)
		return ret;
	memset(nvme->queues, 0, queues_size());
	memset(nvme->sq_tail, 0, sizeof(nvme->sq_tail));
	memset(nvme->cq_head, 0, sizeof(nvme->cq_head));
	nvme->cq_phase[ADMIN] = nvme->cq_phase[IO] = 1;
	nvme->admin_id = 0;
	nvme->busy = 0;

	write32(nvme, NVME_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	write_addr(nvme, NVME_ASQ, page_iova(ADMIN_SQ));
	write_addr(nvme, NVME_ACQ, page_iova(ADMIN_CQ));
	write32(nvme, NVME_CC, NVME_CC_ENTRY_SIZES | NVME_CC_ENABLE);
	ret = wait_ready(nvme, NVME_CSTS_READY);
	if (!ret)
		ret = create_io_queues(nvme);
	return ret ? ret : learn(nvme);
}

int __nvme_post(struct nvme *nvme, unsigned int slot, bool write, uint64_t disk,
		uint64_t iova, uint32_t len)
{
	uint64_t *list = (uint64_t *)(nvme->queues + (PRP_LISTS + slot) * PAGE);
	unsigned int i, pages = (len + PAGE - 1) / PAGE;
	struct nvme_command command = {
		.opcode = write ? NVME_IO_WRITE : NVME_IO_READ,
		.id = (uint16_t)slot,
		.nsid = 1,
		.prp1 = iova,
	};

	if (slot >= NVME_DEPTH || !nvme->size || !len || len > nvme->max ||
	    len % nvme->block || disk % nvme->block || iova % PAGE)
		return -EINVAL;
	if (nvme->busy >> slot & 1)
		return -EBUSY;

	command.dw10 = (uint32_t)(disk / nvme->block);
	command.dw11 = (uint32_t)(disk / nvme->block >> 32);
	command.dw12 = len / nvme->block - 1;
	if (pages == 2)
		command.prp2 = iova + PAGE;
	if (pages > 2) {
		for (i = 1; i < pages; i++)
			list[i - 1] = iova + i * PAGE;
		command.prp2 = page_iova(PRP_LISTS + slot);
	}
	nvme->busy |= 1u << slot;
	submit(nvme, IO, &command);
	return 0;
}

int __nvme_poll(struct nvme *nvme, unsigned int *slot)
{
	uint16_t id = 0;
	int status = complete(nvme, IO, &id);

	if (status >= 0)
		*slot = id;
	return status;
}

int __nvme_rw(struct nvme *nvme, bool write, uint64_t disk, uint64_t iova,
	      uint32_t len)
{
	uint16_t id;
	int ret = __nvme_post(nvme, 0, write, disk, iova, len);

	return ret ? ret : wait_complete(nvme, IO, &id);
}

int __nvme_flush(struct nvme *nvme)
{
	const struct nvme_command command = {
		.opcode = NVME_IO_FLUSH,
		.nsid = 1,
	};
	uint16_t id;

	if (!nvme->cache)
		return 0;
	/* In slot 0 */
	if (nvme->busy & 1)
		return -EBUSY;
	nvme->busy |= 1;
	submit(nvme, IO, &command);
	return wait_complete(nvme, IO, &id);
}

void nvme_shutdown(struct nvme *nvme)
{
	uint64_t deadline = now_ms() + SHUTDOWN_MS;
	uint32_t status;

	write32(nvme, NVME_CC, NVME_CC_ENTRY_SIZES | NVME_CC_ENABLE |
				       NVME_CC_SHUTDOWN);
	do {
		status = read32(nvme, NVME_CSTS);
		if (status == NVME_CSTS_GONE || status & NVME_CSTS_FATAL ||
		    (status & NVME_CSTS_SHUTDOWN) == NVME_CSTS_SHUTDOWN_DONE)
			return;
		usleep(1000);
	} while (now_ms() < deadline);
}

static int disk_rw(struct nvme *nvme, bool write, uint64_t disk, uint64_t iova,
		   uint64_t len)
{
	int ret = 0;

	while (len && !ret) {
		uint64_t part = len < NVME_MAX ? len : NVME_MAX;

		disk %= NVME_DISK_SIZE;
		if (part > NVME_DISK_SIZE - disk)
			part = NVME_DISK_SIZE - disk;
		ret = __nvme_rw(nvme, write, disk, iova, (uint32_t)part);
		disk += part;
		iova += part;
		len -= part;
	}
	return ret;
}

int __nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len)
{
	return disk_rw(nvme, false, disk, iova, len);
}

int __nvme_write(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len)
{
	return disk_rw(nvme, true, disk, iova, len);
}
