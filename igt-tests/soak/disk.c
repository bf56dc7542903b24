// SPDX-License-Identifier: MIT
/*
 * An NVMe controller that writes dma-bufs to its disk, and reads them from there
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/iommufd.h"
#include "devices/klog.h"
#include "devices/nvme.h"
#include "random.h"
#include "soak.h"

#define MEMORY_IOVA (2ull << 30)
#define BUFFER_IOVA (4ull << 30)
#define LENGTH (SOAK_MAX_PAGES * SOAK_PAGE)

enum { TAKE, MAP, WRITE, COMPARE, READ, UNMAP };

static const struct soak_call calls[] = {
	[TAKE] = SOAK_TAKE,
	[MAP] = SOAK_CALL("map", ENODEV),
	/* The controller's status, if the IOMMU refuses an access */
	[WRITE] = SOAK_CALL("write", EIO),
	/* It may take a read that was refused for one of nothing: only the bytes tell */
	[COMPARE] = SOAK_CALL("compare", EFAULT),
	[READ] = SOAK_CALL("read", EIO),
	[UNMAP] = SOAK_CALL("unmap"),
	{ 0 }
};

static struct nvme nvme = { .dev.fd = -1 };
static int iommufd;
static uint32_t ioas;
static uint64_t *memory;

static int begin(void)
{
	uint64_t iova = MEMORY_IOVA;
	int ret;

	iommufd = __iommufd_open();
	if (iommufd < 0)
		return iommufd;
	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ret = memory == MAP_FAILED ? -ENOMEM : __ioas_alloc(iommufd, &ioas);
	if (!ret)
		ret = __nvme_open(&nvme, getenv("DMABUF_NVME"), iommufd);
	if (!ret)
		ret = __nvme_attach(&nvme, ioas);
	if (!ret)
		ret = __ioas_map(iommufd, ioas, memory, LENGTH, &iova);
	return ret ? ret : __klog_expect_faults(nvme.dev.addr);
}

static int status(int ret)
{
	return ret > 0 ? -EIO : ret;
}

/* Return: 0 if each page came; the disk has it then, and gives the same bytes back */
static int compare(struct soak_worker *worker, const struct soak_buffer *buffer,
		   uint64_t disk)
{
	uint32_t page;
	int ret;

	memset(memory, 0, LENGTH);
	ret = __nvme_read(&nvme, disk, MEMORY_IOVA, buffer->nr * SOAK_PAGE);
	for (page = 0; !ret && page < buffer->nr; page++)
		ret = soak_judge(worker, buffer, page,
				 memory[page * SOAK_PAGE / sizeof(*memory)]);
	return ret > 0 ? -EPROTO : ret;
}

static void transfer(struct soak_worker *worker, const struct soak_buffer *buffer)
{
	uint64_t disk = below(64) * LENGTH;
	uint64_t length = buffer->nr * SOAK_PAGE;
	int ret = __nvme_write(&nvme, disk, BUFFER_IOVA, length);

	if (soak_ended(worker, WRITE, status(ret)))
		return;
	if (soak_ended(worker, COMPARE, compare(worker, buffer, disk)))
		return;
	ret = __nvme_read(&nvme, disk, BUFFER_IOVA, length);
	soak_ended(worker, READ, status(ret));
}

static int work(struct soak_worker *worker)
{
	struct soak_buffer buffer;
	uint32_t i, nr;
	int ret = begin();

	if (ret)
		return ret;
	while (!soak_stops()) {
		if (soak_take(worker, TAKE, &buffer))
			continue;
		ret = soak_try(worker, MAP,
			       __ioas_map_file(iommufd, ioas, buffer.fd, 0,
					       buffer.nr * SOAK_PAGE, BUFFER_IOVA));
		close(buffer.fd);
		if (ret)
			continue;
		for (i = 0, nr = 1 + below(4); i < nr && !soak_stops(); i++)
			transfer(worker, &buffer);
		soak_ended(worker, UNMAP,
			   __ioas_unmap(iommufd, ioas, BUFFER_IOVA,
					buffer.nr * SOAK_PAGE));
	}
	nvme_close(&nvme);
	close(iommufd);
	return 0;
}

const struct soak_kind soak_disk = {
	.name = "disk", .calls = calls, .work = work,
};
