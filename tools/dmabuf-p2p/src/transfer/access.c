// SPDX-License-Identifier: GPL-2.0
/*
 * What engines want to know of a dma-buf
 */
#include <errno.h>
#include <linux/dma-buf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "access.h"
#include "dmabuf.h"
#include "engine.h"
#include "interrupt.h"

int access_generation(int fd, uint64_t *generation)
{
	struct dmabuf dmabuf = { .fd = fd };

	dmabuf_ask(&dmabuf, NULL);
	*generation = dmabuf.query.generation;
	dmabuf_release(&dmabuf);
	return -dmabuf.query_error;
}

static bool ask_route(int fd, const char *pci, char text[ACCESS_TEXT],
		      bool *reaches, const char *(*name)(uint32_t route))
{
	struct dmabuf dmabuf = { .fd = fd };
	uint32_t seen = 0, route, i;
	size_t length = 0;

	text[0] = 0;
	dmabuf_ask(&dmabuf, pci);
	/* Each one once, in the order of the bytes */
	for (i = 0; i < dmabuf.query.nr_groups; i++) {
		route = dmabuf.groups[i].route;
		if (route < 32 && !(seen & 1u << route))
			length += (size_t)snprintf(text + length,
						   ACCESS_TEXT - length, "%s%s",
						   length ? "; " : "",
						   name(route));
		seen |= 1u << (route & 31);
	}
	*reaches = dmabuf_reachable(&dmabuf);
	dmabuf_release(&dmabuf);
	return text[0];
}

bool access_route(int fd, const char *pci, char text[ACCESS_TEXT],
		  bool *reaches)
{
	return ask_route(fd, pci, text, reaches, dmabuf_route_text);
}

bool access_route_id(int fd, const char *pci, char text[ACCESS_TEXT])
{
	bool reaches;

	return ask_route(fd, pci, text, &reaches, dmabuf_phys_route_name);
}

static int tell(const struct end *end, uint64_t flags)
{
	const struct dma_buf_sync sync = { .flags = flags };

	if (end->disk || end->buffer.fd < 0)
		return 0;
	while (ioctl(end->buffer.fd, DMA_BUF_IOCTL_SYNC, &sync) < 0)
		if ((errno != EINTR && errno != EAGAIN) || interrupted())
			return -errno;
	return 0;
}

int access_begin(const struct end *end, bool write)
{
	return tell(end, DMA_BUF_SYNC_START |
				 (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
}

int access_end(const struct end *end, bool write)
{
	return tell(end, DMA_BUF_SYNC_END |
				 (write ? DMA_BUF_SYNC_RW : DMA_BUF_SYNC_READ));
}
