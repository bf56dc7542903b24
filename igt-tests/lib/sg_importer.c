// SPDX-License-Identifier: MIT
/*
 * The test module that imports dma-bufs as stock drivers do: by scatterlist
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "igt_core.h"
#include "klog.h"
#include "machine.h"
#include "pci.h"
#include "sg_importer.h"
#include "sysfs.h"

#define NODE "/dev/dma-buf-edu"

static int do_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

void sg_bind(const char *addr)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	pci_load_driver("dma-buf-edu");
	pci_bind(addr, "dma-buf-edu");
	while (access(NODE, F_OK)) {
		igt_assert_f(now_ms() < deadline,
			     "no " NODE " although the driver is bound\n");
		usleep(10000);
	}
}

int sg_open(void)
{
	int fd;

	klog_tell_runner();
	fd = open(NODE, O_RDWR | O_CLOEXEC);
	require_there(fd < 0 ? -errno : 0, "no " NODE ": %s\n", strerror(errno));
	igt_assert_f(fd >= 0, "cannot open " NODE ": %s\n", strerror(errno));
	return fd;
}

int __sg_attach(int importer, int dmabuf, uint32_t flags)
{
	struct dma_buf_edu_attach attach = { .fd = dmabuf, .flags = flags };

	return do_ioctl(importer, DMA_BUF_EDU_ATTACH, &attach);
}

void sg_attach(int importer, int dmabuf, uint32_t flags)
{
	int ret = __sg_attach(importer, dmabuf, flags);

	igt_assert_f(!ret, "edu cannot attach to the dma-buf: %s\n",
		     strerror(-ret));
	ret = __sg_map(importer);
	igt_assert_f(!ret, "edu cannot map the dma-buf: %s\n", strerror(-ret));
}

int __sg_attach_map(int importer, int dmabuf)
{
	int ret = __sg_attach(importer, dmabuf, 0);

	if (ret)
		return ret;
	ret = __sg_map(importer);
	if (ret)
		__sg_detach(importer);
	return ret;
}

int __sg_map(int importer)
{
	return do_ioctl(importer, DMA_BUF_EDU_MAP, NULL);
}

int __sg_unmap(int importer)
{
	return do_ioctl(importer, DMA_BUF_EDU_UNMAP, NULL);
}

int __sg_detach(int importer)
{
	return do_ioctl(importer, DMA_BUF_EDU_DETACH, NULL);
}

void sg_info(int importer, struct dma_buf_edu_info *info)
{
	int ret = do_ioctl(importer, DMA_BUF_EDU_INFO, info);

	igt_assert_f(!ret, "DMA_BUF_EDU_INFO: %s\n", strerror(-ret));
}

int __sg_copy(int importer, uint64_t offset, void *data, size_t length,
	      bool to_dmabuf)
{
	struct dma_buf_edu_copy copy = {
		.offset = offset,
		.data = (uintptr_t)data,
		.length = (uint32_t)length,
		.flags = to_dmabuf ? DMA_BUF_EDU_TO_DMABUF : 0,
	};

	return do_ioctl(importer, DMA_BUF_EDU_COPY, &copy);
}

void sg_copy_both(int importer, uint8_t *bar,
		  const struct vfio_region_dma_range *ranges, size_t nr,
		  uint64_t at)
{
	uint8_t out[SG_COPY_BOTH], in[SG_COPY_BOTH];
	size_t i;
	int ret;

	for (i = 0; i < SG_COPY_BOTH; i++)
		out[i] = (uint8_t)(at / PAGE + i * 3 + 1);
	ret = __sg_copy(importer, at, out, SG_COPY_BOTH, true);
	igt_assert_f(!ret, "copy to 0x%" PRIx64 ": %s\n", at, strerror(-ret));
	for (i = 0; i < SG_COPY_BOTH; i++)
		igt_assert_eq(bar[ranges_find(ranges, nr, at + i)], out[i]);

	for (i = 0; i < SG_COPY_BOTH; i++)
		bar[ranges_find(ranges, nr, at + i)] = (uint8_t)~out[i];
	ret = __sg_copy(importer, at, in, SG_COPY_BOTH, false);
	igt_assert_f(!ret, "copy from 0x%" PRIx64 ": %s\n", at, strerror(-ret));
	for (i = 0; i < SG_COPY_BOTH; i++)
		igt_assert_eq(in[i], (uint8_t)~out[i]);

	for (i = 0; i < SG_COPY_BOTH; i++) {
		uint64_t pos = ranges_find(ranges, nr, at + i);

		bar[pos] = guard_byte(pos);
	}
}
