// SPDX-License-Identifier: MIT
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dmabuf-phys.h"
#include "node.h"

int dmabuf_phys_watch(int fd, int flags)
{
	struct dma_buf_phys_watch watch = {
		.size = sizeof(watch),
		.flags = (uint32_t)flags,
		.fd = fd,
	};
	int node = phys_node(), ret;

	if (node < 0)
		return node;
	ret = ioctl(node, DMA_BUF_PHYS_IOC_WATCH, &watch);
	/* Of a file in /dev ENODEV would mean that there is no driver */
	if (ret < 0)
		ret = errno == ENODEV ? -ESTALE : -errno;
	close(node);
	return ret;
}

int dmabuf_phys_watch_next(int watch, struct dma_buf_phys_watch_event *event)
{
	ssize_t got = read(watch, event, sizeof(*event));

	return got < 0 ? -errno : got > 0;
}
