// SPDX-License-Identifier: MIT
/*
 * A small NVMe driver: one admin queue, one I/O queue, one command at a time
 *
 * Numbers are from the NVM Express Base Specification.
 */
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "nvme.h"
#include "pci.h"
#include "sysfs.h"

#define NVME_CAP 0x00
#define NVME_CC 0x14
#define NVME_CSTS 0x1c
#define NVME_AQA 0x24
#define NVME_ASQ 0x28
#define NVME_ACQ 0x30
#define NVME_DOORBELLS 0x1000

#define NVME_CC_ENABLE 1
#define NVME_CC_ENTRY_SIZES (6u << 16 | 4u << 20)	/* 64 and 16 bytes */
#define NVME_CSTS_READY 1
#define NVME_CSTS_FATAL 2

#define NVME_ADMIN_CREATE_SQ 1
#define NVME_ADMIN_CREATE_CQ 5
#define NVME_IO_WRITE 1
#define NVME_IO_READ 2

#define PAGE 4096u
#define ENTRIES 32u
#define BLOCK 512u

/* Layout of the memory at NVME_QUEUES_IOVA, in pages */
enum { ADMIN_SQ, ADMIN_CQ, IO_SQ, IO_CQ, PRP_LIST, NR_PAGES };
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

void nvme_open(struct nvme *nvme, int iommufd)
{
	memset(nvme, 0, sizeof(*nvme));
	vfio_open(&nvme->dev, pci_env("DMABUF_NVME"), iommufd);
	nvme->regs = vfio_map_bar(&nvme->dev, 0);
	nvme->queues = mmap(NULL, NR_PAGES * PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(nvme->queues != MAP_FAILED);
}

void nvme_close(struct nvme *nvme)
{
	vfio_close(&nvme->dev);
	if (nvme->queues)
		munmap(nvme->queues, NR_PAGES * PAGE);
	nvme->queues = NULL;
}

static void wait_ready(struct nvme *nvme, uint32_t ready)
{
	uint64_t deadline = now_ms() + 30000;
	uint32_t status;

	for (;;) {
		status = read32(nvme, NVME_CSTS);
		if ((status & NVME_CSTS_READY) == ready)
			return;
		igt_assert_f(!(status & NVME_CSTS_FATAL) && now_ms() < deadline,
			     "%s: controller does not become %s, CSTS 0x%x. Its queues must be mapped and bus master on\n",
			     nvme->dev.addr, ready ? "ready" : "idle", status);
		usleep(1000);
	}
}

static int submit(struct nvme *nvme, unsigned int queue,
		  struct nvme_command *command)
{
	struct nvme_command *sq =
		(struct nvme_command *)(nvme->queues +
					(queue == IO ? IO_SQ : ADMIN_SQ) * PAGE);
	volatile struct nvme_completion *cq =
		(struct nvme_completion *)(nvme->queues +
					   (queue == IO ? IO_CQ : ADMIN_CQ) *
						   PAGE);
	volatile struct nvme_completion *done = &cq[nvme->cq_head[queue]];
	uint64_t deadline = now_ms() + 30000;
	uint16_t status;

	command->id = ++nvme->command_id;
	sq[nvme->sq_tail[queue]] = *command;
	nvme->sq_tail[queue] = (nvme->sq_tail[queue] + 1) % ENTRIES;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	write32(nvme, NVME_DOORBELLS + 2 * queue * nvme->doorbell,
		nvme->sq_tail[queue]);

	while (((status = done->status) & 1) != nvme->cq_phase[queue]) {
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		sched_yield();
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (done->id != command->id)
		return -EPROTO;
	nvme->cq_head[queue] = (nvme->cq_head[queue] + 1) % ENTRIES;
	if (!nvme->cq_head[queue])
		nvme->cq_phase[queue] ^= 1;
	write32(nvme, NVME_DOORBELLS + (2 * queue + 1) * nvme->doorbell,
		nvme->cq_head[queue]);
	/* Status code and type; without phase, retry delay, more, do-not-retry */
	return status >> 1 & 0x7ff;
}

static void create_io_queues(struct nvme *nvme)
{
	struct nvme_command command = {
		.opcode = NVME_ADMIN_CREATE_CQ,
		.prp1 = page_iova(IO_CQ),
		.dw10 = (ENTRIES - 1) << 16 | 1,
		.dw11 = 1,	/* physically contiguous, no interrupt */
	};

	igt_assert_eq(submit(nvme, ADMIN, &command), 0);
	command = (struct nvme_command) {
		.opcode = NVME_ADMIN_CREATE_SQ,
		.prp1 = page_iova(IO_SQ),
		.dw10 = (ENTRIES - 1) << 16 | 1,
		.dw11 = 1 << 16 | 1,
	};
	igt_assert_eq(submit(nvme, ADMIN, &command), 0);
}

void nvme_map_queues(struct nvme *nvme, uint32_t ioas)
{
	ioas_map(nvme->dev.iommufd, ioas, nvme->queues, NR_PAGES * PAGE,
		 NVME_QUEUES_IOVA);
}

void nvme_attach(struct nvme *nvme, uint32_t ioas)
{
	nvme_map_queues(nvme, ioas);
	vfio_attach(&nvme->dev, ioas);

	write32(nvme, NVME_CC, 0);
	wait_ready(nvme, 0);
	memset(nvme->queues, 0, NR_PAGES * PAGE);
	memset(nvme->sq_tail, 0, sizeof(nvme->sq_tail));
	memset(nvme->cq_head, 0, sizeof(nvme->cq_head));
	nvme->cq_phase[ADMIN] = nvme->cq_phase[IO] = 1;
	nvme->doorbell = 4u << (read32(nvme, NVME_CAP + 4) & 0xf);

	write32(nvme, NVME_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	write_addr(nvme, NVME_ASQ, page_iova(ADMIN_SQ));
	write_addr(nvme, NVME_ACQ, page_iova(ADMIN_CQ));
	write32(nvme, NVME_CC, NVME_CC_ENTRY_SIZES | NVME_CC_ENABLE);
	wait_ready(nvme, NVME_CSTS_READY);
	create_io_queues(nvme);
}

int __nvme_rw(struct nvme *nvme, bool write, uint64_t disk, uint64_t iova,
	      uint32_t len)
{
	struct nvme_command command = {
		.opcode = write ? NVME_IO_WRITE : NVME_IO_READ,
		.nsid = 1,
		.prp1 = iova,
		.dw10 = (uint32_t)(disk / BLOCK),
		.dw11 = (uint32_t)(disk / BLOCK >> 32),
		.dw12 = len / BLOCK - 1,
	};
	uint64_t *list = (uint64_t *)(nvme->queues + PRP_LIST * PAGE);
	unsigned int i, pages = (len + PAGE - 1) / PAGE;

	if (!len || len > NVME_MAX || len % BLOCK || disk % BLOCK ||
	    iova % PAGE)
		return -EINVAL;

	if (pages == 2)
		command.prp2 = iova + PAGE;
	if (pages > 2) {
		for (i = 1; i < pages; i++)
			list[i - 1] = iova + i * PAGE;
		command.prp2 = page_iova(PRP_LIST);
	}
	return submit(nvme, IO, &command);
}

static void rw(struct nvme *nvme, bool write, uint64_t disk, uint64_t iova,
	       uint64_t len)
{
	while (len) {
		uint64_t part = len < NVME_MAX ? len : NVME_MAX;
		int ret;

		disk %= NVME_DISK_SIZE;
		if (part > NVME_DISK_SIZE - disk)
			part = NVME_DISK_SIZE - disk;
		ret = __nvme_rw(nvme, write, disk, iova, (uint32_t)part);
		igt_assert_f(!ret,
			     "%s: %s of 0x%" PRIx64 " bytes %s IOVA 0x%" PRIx64
			     ": %s 0x%x. 0x004 is a fault in the IOMMU\n",
			     nvme->dev.addr, write ? "write" : "read", part,
			     write ? "from" : "to", iova,
			     ret < 0 ? strerror(-ret) : "status", ret);
		disk += part;
		iova += part;
		len -= part;
	}
}

void nvme_read(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len)
{
	rw(nvme, false, disk, iova, len);
}

void nvme_write(struct nvme *nvme, uint64_t disk, uint64_t iova, uint64_t len)
{
	rw(nvme, true, disk, iova, len);
}
