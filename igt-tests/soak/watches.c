// SPDX-License-Identifier: MIT
/*
 * One who asks what is known of dma-bufs, and watches them
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "query.h"
#include "random.h"
#include "soak.h"

enum { TAKE, QUERY, ROUTE, WATCH, READ };

static const struct soak_call calls[] = {
	[TAKE] = SOAK_TAKE,
	[QUERY] = SOAK_CALL("query"),
	[ROUTE] = SOAK_CALL("route"),
	[WATCH] = SOAK_CALL("watch", ENODEV),
	[READ] = SOAK_CALL("event", EAGAIN),
	{ 0 }
};

static int route(int dev, int fd)
{
	struct dma_buf_phys_group_info groups[8];
	struct dma_buf_phys_query query;

	return __query_route(dev, fd, query_device(getenv("DMABUF_EDU2")), &query,
			     groups);
}

/* At its end there is nothing to read */
static int event(int watch)
{
	struct dma_buf_phys_watch_event event;
	struct pollfd pfd = { .fd = watch, .events = POLLIN };
	int ret;

	poll(&pfd, 1, 200);
	ret = __watch_read(watch, &event);
	return ret < 0 ? ret : 0;
}

static int watches(struct soak_worker *worker)
{
	struct dma_buf_phys_query query;
	struct soak_buffer buffer;
	unsigned int i, nr;
	int dev = __query_open(), watch;

	if (dev < 0)
		return dev;
	while (!soak_stops()) {
		if (soak_take(worker, TAKE, &buffer))
			continue;
		memset(&query, 0, sizeof(query));
		soak_try(worker, QUERY, __query(dev, buffer.fd, &query, NULL));
		soak_try(worker, ROUTE, route(dev, buffer.fd));
		watch = soak_try(worker, WATCH,
				 __watch(dev, buffer.fd, O_CLOEXEC | O_NONBLOCK));
		close(buffer.fd);
		if (watch < 0)
			continue;
		for (i = 0, nr = below(8); i < nr && !soak_stops(); i++)
			soak_ended(worker, READ, event(watch));
		close(watch);
	}
	close(dev);
	return 0;
}

const struct soak_kind soak_watches = {
	.name = "watches", .calls = calls, .work = watches,
};
