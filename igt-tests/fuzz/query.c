// SPDX-License-Identifier: MIT
/*
 * /dev/dma_buf_phys, and ioctls that nobody has heard of
 */
#include <poll.h>
#include <unistd.h>

#include "devices/sysfs.h"
#include "ops.h"

long fuzz_query_begin(void)
{
	int fd = open("/dev/dma_buf_phys", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fuzz_set(FUZZ_PHYS, 0, fd);
	return 0;
}

long fuzz_query_idle(int fd)
{
	uint64_t deadline = now_ms() + 5000;
	struct dma_buf_phys_query query;

	for (;;) {
		query = (struct dma_buf_phys_query) {
			.size = sizeof(query),
			.fd = fd,
		};
		/* What has no list tells nothing */
		if (ioctl((int)fuzz_res(FUZZ_PHYS, 0), DMA_BUF_PHYS_IOC_QUERY, &query) ||
		    (!query.nr_importers && !query.nr_mapped))
			return 0;
		if (now_ms() > deadline)
			return fuzz_wrong("in the end a dma-buf has %u importers and %u mappings",
					  query.nr_importers, query.nr_mapped);
		usleep(1000);
	}
}

/* Which file, where to, how many bytes. What waits until there is something is left alone. */
long call_read_watch(const uint64_t *arg)
{
	const uint64_t at[2] = { arg[1] };
	const uint64_t size[2] = { sizeof(struct dma_buf_phys_watch_event) };
	int flags = fcntl((int)arg[0], F_GETFL);
	ssize_t ret;

	if (flags >= 0 && !(flags & O_NONBLOCK))
		return -EAGAIN;
	ret = read((int)arg[0], (void *)(uintptr_t)arg[1], arg[2]);
	if (ret < 0)
		ret = -errno;
	return fuzz_unchanged(at, size) ?: ret;
}

/* Which file, for what */
long call_poll(const uint64_t *arg)
{
	struct pollfd pfd = { .fd = (int)arg[0], .events = (short)arg[1] };

	return poll(&pfd, 1, 0) < 0 ? -errno : pfd.revents;
}

/* Which file, direction, magic, number, size. Nothing is where it would look. */
long call_any_ioctl(const uint64_t *arg)
{
	unsigned long request = (arg[1] & 3) << _IOC_DIRSHIFT |
				(arg[2] & 0xff) << _IOC_TYPESHIFT |
				(arg[3] & 0xff) | (arg[4] & 0xff) << _IOC_SIZESHIFT;

	return fuzz_ioctl(arg[0], request, fuzz_at(FUZZ_PAGE + FUZZ_ARENA_SIZE));
}

#define QUERY struct dma_buf_phys_query
#define WATCH struct dma_buf_phys_watch

const struct fuzz_op fuzz_query_ops[] = {
	{
		.name = "query", .weight = 60, GIVES_NOTHING,
		IOCTL(FUZZ_PHYS, DMA_BUF_PHYS_IOC_QUERY, QUERY),
		ARGS(MEMBER(QUERY, size, OF(sizeof(QUERY))),
		     MEMBER(QUERY, fd, RES(FUZZ_DMABUF)),
		     MEMBER(QUERY, group_size,
			    OF(sizeof(struct dma_buf_phys_group_info))),
		     MEMBER(QUERY, groups,
			    ARENA(4 * sizeof(struct dma_buf_phys_group_info))),
		     MEMBER(QUERY, nr_groups, BELOW(5, 1)),
		     MEMBER(QUERY, length, ODD),
		     MEMBER(QUERY, nr_frags, ODD),),
		ERRNOS(OTHER_FILE, EOPNOTSUPP),
	}, {
		.name = "query-route", .weight = 40, GIVES_NOTHING,
		IOCTL(FUZZ_PHYS, DMA_BUF_PHYS_IOC_QUERY, QUERY),
		ARGS(MEMBER(QUERY, size, OF(sizeof(QUERY))),
		     MEMBER(QUERY, flags, OF(DMA_BUF_PHYS_QUERY_ROUTE)),
		     MEMBER(QUERY, fd, RES(FUZZ_DMABUF)),
		     MEMBER(QUERY, group_size,
			    OF(sizeof(struct dma_buf_phys_group_info))),
		     MEMBER(QUERY, groups,
			    ARENA(4 * sizeof(struct dma_buf_phys_group_info))),
		     MEMBER(QUERY, device, OF(0x100, 0x200, 0x300, 0x400, 0x500, 0)),
		     MEMBER(QUERY, nr_groups, BELOW(5, 1)),),
		ERRNOS(OTHER_FILE, EOPNOTSUPP, ENXIO),
	}, {
		.name = "watch", .weight = 30, GIVES(FUZZ_WATCH),
		IOCTL(FUZZ_PHYS, DMA_BUF_PHYS_IOC_WATCH, WATCH),
		ARGS(MEMBER(WATCH, size, OF(sizeof(WATCH))),
		     MEMBER(WATCH, flags, BITS(O_CLOEXEC | O_NONBLOCK)),
		     MEMBER(WATCH, fd, RES(FUZZ_DMABUF)),
		     MEMBER(WATCH, reserved, OF(0)),),
		ERRNOS(OTHER_FILE, EOPNOTSUPP, ENODEV),
	}, {
		.name = "read-watch", .weight = 30, GIVES_NOTHING,
		CALL(call_read_watch),
		ARGS(ARG("watch", RES(FUZZ_WATCH)), ARG("at", ARENA(0)),
		     ARG("size", BELOW(100, 1)),),
		ERRNOS(OTHER_FILE, EAGAIN),
	}, {
		.name = "poll", .weight = 20, GIVES_NOTHING, CALL(call_poll),
		ARGS(ARG("file", RES(FUZZ_NOTHING)), ARG("events", BITS(0x7)),),
		ERRNOS(EINVAL),
	}, {
		.name = "any-ioctl", .weight = 20, GIVES_NOTHING,
		CALL(call_any_ioctl),
		ARGS(ARG("file", RES(FUZZ_NOTHING)), ARG("direction", BITS(3)),
		     ARG("magic", OF('b', 'b', ';', 'H', 0xed, 0xee)),
		     ARG("number", BELOW(256, 1)), ARG("size", BITS(0xff)),),
		ERRNOS(OTHER_FILE, EFAULT, ENOTTY, E2BIG, EOPNOTSUPP, ENODEV, ENXIO,
		       EPERM, EBUSY, ENOENT),
	}, {
		.name = "close-watch", .weight = 10, TAKES(FUZZ_WATCH),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
