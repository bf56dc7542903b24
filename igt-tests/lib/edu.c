// SPDX-License-Identifier: MIT
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "igt_core.h"
#include "iommufd.h"
#include "pci.h"
#include "sysfs.h"

#define EDU_ID 0x00
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_RUN 1
#define EDU_DMA_TO_MEMORY 2
#define EDU_BUFFER 0x40000

static void write64(struct edu *edu, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(edu->regs + reg) = value;
}

static uint64_t read64(struct edu *edu, unsigned int reg)
{
	return *(volatile uint64_t *)(edu->regs + reg);
}

void edu_open(struct edu *edu, int iommufd)
{
	vfio_open(&edu->dev, pci_env("DMABUF_EDU"), iommufd);
	edu_start(edu);
}

void edu_start(struct edu *edu)
{
	uint32_t id;

	edu->regs = vfio_map_bar(&edu->dev, 0);
	id = *(volatile uint32_t *)(edu->regs + EDU_ID);
	igt_assert_f((id & 0xff) == 0xed,
		     "%s: identification 0x%08x is not edu's\n", edu->dev.addr,
		     id);
	edu->bounce = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(edu->bounce != MAP_FAILED);
}

void edu_close(struct edu *edu)
{
	vfio_close(&edu->dev);
	if (edu->bounce)
		munmap(edu->bounce, 4096);
	edu->bounce = NULL;
}

void edu_map_bounce(struct edu *edu, uint32_t ioas)
{
	ioas_map(edu->dev.iommufd, ioas, edu->bounce, 4096, EDU_BOUNCE_IOVA);
}

void edu_attach(struct edu *edu, uint32_t ioas)
{
	edu_map_bounce(edu, ioas);
	vfio_attach(&edu->dev, ioas);
}

int __edu_dma(struct edu *edu, uint64_t iova, size_t at, size_t len,
	      bool to_memory)
{
	uint64_t deadline;

	if (!len || at + len > EDU_MAX)
		return -EINVAL;

	write64(edu, EDU_DMA_SRC, to_memory ? EDU_BUFFER + at : iova);
	write64(edu, EDU_DMA_DST, to_memory ? iova : EDU_BUFFER + at);
	write64(edu, EDU_DMA_COUNT, len);
	write64(edu, EDU_DMA_COMMAND,
		EDU_DMA_RUN | (to_memory ? EDU_DMA_TO_MEMORY : 0));

	deadline = now_ms() + PATIENCE_MS;
	while (read64(edu, EDU_DMA_COMMAND) & EDU_DMA_RUN) {
		if (now_ms() > deadline)
			return -ETIMEDOUT;
		usleep(2000);
	}
	return 0;
}

static void dma(struct edu *edu, uint64_t iova, size_t len, bool to_memory)
{
	int ret = __edu_dma(edu, iova, 0, len, to_memory);

	igt_assert_f(!ret,
		     "%s: transfer of %zu bytes %s IOVA 0x%" PRIx64 ": %s\n",
		     edu->dev.addr, len, to_memory ? "to" : "from", iova,
		     strerror(-ret));
}

void edu_load(struct edu *edu, const void *data, size_t len)
{
	igt_assert_lte_u64(len, EDU_MAX);
	memcpy(edu->bounce, data, len);
	dma(edu, EDU_BOUNCE_IOVA, len, false);
}

void edu_store(struct edu *edu, uint64_t iova, size_t len)
{
	dma(edu, iova, len, true);
}

void edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len)
{
	edu_load(edu, data, len);
	edu_store(edu, iova, len);
}

void edu_read(struct edu *edu, uint64_t iova, void *data, size_t len)
{
	igt_assert_lte_u64(len, EDU_MAX);
	dma(edu, iova, len, false);
	memset(edu->bounce, 0xa5, len);
	dma(edu, EDU_BOUNCE_IOVA, len, true);
	memcpy(data, edu->bounce, len);
}
