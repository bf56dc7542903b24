// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "iommufd.h"
#include "sysfs.h"

#define EDU_ID 0x00
#define EDU_DMA_SRC 0x80
#define EDU_DMA_DST 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_RUN 1
#define EDU_DMA_TO_MEMORY 2
#define EDU_BUFFER 0x40000
#define EDU_PAGE 4096

static void write64(struct edu *edu, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(edu->regs + reg) = value;
}

static uint64_t read64(struct edu *edu, unsigned int reg)
{
	return *(volatile uint64_t *)(edu->regs + reg);
}

int __edu_start(struct edu *edu)
{
	uint32_t id;
	int ret;

	ret = __vfio_map_bar(&edu->dev, 0);
	if (ret)
		return ret;
	edu->regs = edu->dev.map[0];
	id = *(volatile uint32_t *)(edu->regs + EDU_ID);
	if ((id & 0xff) != 0xed)
		return -ENXIO;
	edu->bounce = mmap(NULL, EDU_PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (edu->bounce != MAP_FAILED)
		return 0;
	edu->bounce = NULL;
	return -ENOMEM;
}

int __edu_open(struct edu *edu, const char *addr, int iommufd)
{
	int ret;

	edu->bounce = NULL;
	ret = __vfio_open(&edu->dev, addr, iommufd);
	if (ret)
		return ret;
	ret = __vfio_enable(&edu->dev);
	if (!ret)
		ret = __edu_start(edu);
	if (ret)
		edu_close(edu);
	return ret;
}

void edu_close(struct edu *edu)
{
	vfio_close(&edu->dev);
	if (edu->bounce)
		munmap(edu->bounce, EDU_PAGE);
	edu->bounce = NULL;
}

int __edu_map_bounce(struct edu *edu, uint32_t ioas)
{
	uint64_t iova = EDU_BOUNCE_IOVA;

	return __ioas_map(edu->dev.iommufd, ioas, edu->bounce, EDU_PAGE, &iova);
}

int __edu_attach(struct edu *edu, uint32_t ioas)
{
	int ret = __edu_map_bounce(edu, ioas);

	return ret ? ret : __vfio_attach(&edu->dev, ioas);
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

int __edu_load(struct edu *edu, const void *data, size_t len)
{
	if (len > EDU_MAX)
		return -EINVAL;
	memcpy(edu->bounce, data, len);
	return __edu_dma(edu, EDU_BOUNCE_IOVA, 0, len, false);
}

int __edu_store(struct edu *edu, uint64_t iova, size_t len)
{
	return __edu_dma(edu, iova, 0, len, true);
}

int __edu_write(struct edu *edu, uint64_t iova, const void *data, size_t len)
{
	int ret = __edu_load(edu, data, len);

	return ret ? ret : __edu_store(edu, iova, len);
}

int __edu_read(struct edu *edu, uint64_t iova, void *data, size_t len)
{
	int ret = __edu_dma(edu, iova, 0, len, false);

	if (ret)
		return ret;
	memset(edu->bounce, 0xa5, len);
	ret = __edu_dma(edu, EDU_BOUNCE_IOVA, 0, len, true);
	if (!ret)
		memcpy(data, edu->bounce, len);
	return ret;
}
