// SPDX-License-Identifier: GPL-2.0
/*
 * What engines want to know of a dma-buf
 */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "dmabuf.h"

bool access_generation(int fd, uint64_t *generation)
{
	struct dmabuf dmabuf = { .fd = fd };

	dmabuf_ask(&dmabuf, NULL);
	*generation = dmabuf.query.generation;
	dmabuf_release(&dmabuf);
	return !dmabuf.query_error;
}

bool access_route(int fd, const char *pci, char text[ACCESS_TEXT],
		  bool *reaches)
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
						   dmabuf_route_text(route));
		seen |= 1u << (route & 31);
	}
	*reaches = dmabuf_reachable(&dmabuf);
	dmabuf_release(&dmabuf);
	return text[0];
}
