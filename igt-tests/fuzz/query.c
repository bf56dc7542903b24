// SPDX-License-Identifier: MIT
/*
 * /dev/dma_buf_phys, and ioctls that nobody has heard of
 */
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "cause.h"
#include "devices/sysfs.h"
#include "devices/vfio.h"
#include "file.h"
#include "ops.h"

#define MAX_GROUPS 32u

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
	uint64_t deadline = now_ms() + fuzz_patience_ms;
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

static long check_groups(const struct dma_buf_phys_query *query,
			 const struct dma_buf_phys_group_info *groups)
{
	uint64_t length = 0, frags = 0;
	unsigned int i;

	for (i = 0; i < query->nr_groups; i++) {
		if (groups[i].offset != length || !groups[i].length || !groups[i].nr_frags)
			return fuzz_wrong("query: group %u is at 0x%llx, %llu bytes of %u ranges",
					  i, groups[i].offset, groups[i].length,
					  groups[i].nr_frags);
		length += groups[i].length;
		frags += groups[i].nr_frags;
	}
	if (i && (length != query->length || frags != query->nr_frags))
		return fuzz_wrong("query: groups have %" PRIu64 " bytes of %" PRIu64 " ranges, the dma-buf %llu of %llu",
				  length, frags, query->length, query->nr_frags);
	return 0;
}

static long check_answer(const struct dma_buf_phys_query *query,
			 struct fuzz_bytes *bytes)
{
	const bool live = query->state == DMA_BUF_PHYS_QUERY_LIVE;

	if (bytes->pages < FUZZ_KNOWN_PAGES && query->length != bytes->pages * FUZZ_PAGE)
		return fuzz_wrong("query: %llu bytes instead of %" PRIu64 " pages",
				  query->length, bytes->pages);
	if (live && !query->nr_groups)
		return fuzz_wrong("query: live, without a list");
	if (query->state == DMA_BUF_PHYS_QUERY_DEAD && (query->nr_groups || query->nr_mapped))
		return fuzz_wrong("query: dead, with %u groups and %u mappings",
				  query->nr_groups, query->nr_mapped);
	if (query->nr_failed > query->nr_behind || query->nr_behind > query->nr_importers)
		return fuzz_wrong("query: %u importers, %u behind, %u failed",
				  query->nr_importers, query->nr_behind, query->nr_failed);
	if (query->generation < bytes->generation)
		return fuzz_wrong("query: generation %llu after %" PRIu64,
				  query->generation, bytes->generation);
	bytes->generation = query->generation;
	return 0;
}

/* dma-buf: what is said of it, by what is known of it */
long call_look(const uint64_t *arg)
{
	struct dma_buf_phys_group_info groups[MAX_GROUPS];
	struct dma_buf_phys_query query = {
		.size = sizeof(query),
		.fd = (int)arg[0],
		.groups = (uintptr_t)groups,
		.group_size = sizeof(groups[0]),
		.nr_groups = MAX_GROUPS,
	};
	struct fuzz_bytes *bytes = fuzz_bytes_find((int)arg[0]);
	enum fuzz_reach before = fuzz_reach(bytes), after;
	long ret = fuzz_ioctl(fuzz_res(FUZZ_PHYS, 0), DMA_BUF_PHYS_IOC_QUERY,
			      (uintptr_t)&query);

	/* There is nothing to object to in these arguments, but for a path instead of a file */
	if (bytes && ret && fuzz_file_is_dmabuf((int)arg[0]))
		return fuzz_wrong("query of a dma-buf with a list: %s", strerror((int)-ret));
	if (ret || !bytes)
		return ret;
	after = fuzz_reach(bytes);
	if (before == after && before != FUZZ_MAY &&
	    (before == FUZZ_MUST) != (query.state == DMA_BUF_PHYS_QUERY_LIVE))
		return fuzz_wrong("query: state %u, but access %s", query.state,
				  before == FUZZ_MUST ? "is there" : "is away");
	ret = query.nr_groups <= MAX_GROUPS ? check_groups(&query, groups) : 0;
	return ret ?: check_answer(&query, bytes);
}

static bool is_watch(int fd)
{
	unsigned int slot;

	for (slot = 0; slot < FUZZ_SLOTS; slot++)
		if (fuzz_res(FUZZ_WATCH, slot) == (uint64_t)fd)
			return true;
	return false;
}

/* As many were given back as were taken away, if the watch was not made in between */
static long check_event(const struct dma_buf_phys_watch_event *event)
{
	int64_t ahead = (int64_t)(event->nr_restores - event->nr_revokes);

	if ((event->state == DMA_BUF_PHYS_QUERY_LIVE && (ahead < 0 || ahead > 1)) ||
	    (event->state == DMA_BUF_PHYS_QUERY_REVOKED && (ahead < -1 || ahead > 0)))
		return fuzz_wrong("watch: %llu revokes and %llu restores, but state %u",
				  event->nr_revokes, event->nr_restores, event->state);
	return 0;
}

/* Which file, where to, how many bytes. What waits until there is something is left alone. */
long call_read_watch(const uint64_t *arg)
{
	const uint64_t at[2] = { arg[1] };
	const uint64_t size[2] = { sizeof(struct dma_buf_phys_watch_event) };
	int flags = fcntl((int)arg[0], F_GETFL);
	struct pollfd pfd = { .fd = (int)arg[0], .events = POLLIN };
	struct dma_buf_phys_watch_event event;
	const bool alone = !fuzz_cause_is_beside();
	char behind[256];
	bool quiet;
	long ret;

	if (flags >= 0 && !(flags & O_NONBLOCK))
		return -EAGAIN;
	/* The last importer that is behind makes an event when it has caught up */
	quiet = alone && is_watch((int)arg[0]) && !dmabuf_is_behind(0, behind, sizeof(behind));
	poll(&pfd, 1, 0);
	ret = read((int)arg[0], (void *)(uintptr_t)arg[1], arg[2]);
	if (ret < 0)
		ret = -errno;
	if (fuzz_unchanged(at, size))
		return -FUZZ_WRONG;
	if (!is_watch((int)arg[0]))
		return ret;
	if (ret == -EAGAIN ? alone && pfd.revents : quiet && ret > 0 && !(pfd.revents & POLLIN))
		return fuzz_wrong("watch: poll says 0x%x, and read returns %ld",
				  (unsigned int)pfd.revents, ret);
	if (ret != sizeof(event))
		return ret;
	memcpy(&event, (void *)(uintptr_t)arg[1], sizeof(event));
	return check_event(&event) ?: ret;
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
		.name = "query", .weight = 120, GIVES_NOTHING,
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
		.name = "query-route", .weight = 80, GIVES_NOTHING,
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
		.name = "look", .weight = 80, GIVES_NOTHING, CALL(call_look),
		ARGS(ARG("dmabuf", RES(FUZZ_DMABUF)),),
		ERRNOS(OTHER_FILE, EOPNOTSUPP),
	}, {
		.name = "watch", .weight = 60, GIVES(FUZZ_WATCH),
		IOCTL(FUZZ_PHYS, DMA_BUF_PHYS_IOC_WATCH, WATCH),
		ARGS(MEMBER(WATCH, size, OF(sizeof(WATCH))),
		     MEMBER(WATCH, flags, BITS(O_CLOEXEC | O_NONBLOCK)),
		     MEMBER(WATCH, fd, RES(FUZZ_DMABUF)),
		     MEMBER(WATCH, reserved, OF(0)),),
		ERRNOS(OTHER_FILE, EOPNOTSUPP, ENODEV),
	}, {
		.name = "read-watch", .weight = 60, GIVES_NOTHING,
		CALL(call_read_watch),
		ARGS(ARG("watch", RES(FUZZ_WATCH)), ARG("at", ARENA(0)),
		     ARG("size", BELOW(100, 1)),),
		ERRNOS(OTHER_FILE, EINVAL, EAGAIN),
	}, {
		.name = "poll", .weight = 40, GIVES_NOTHING, CALL(call_poll),
		ARGS(ARG("file", RES(FUZZ_NOTHING)), ARG("events", BITS(0x7)),),
		ERRNOS(EINVAL),
	}, {
		.name = "any-ioctl", .weight = 40, .refused = true, GIVES_NOTHING,
		CALL(call_any_ioctl),
		ARGS(ARG("file", RES(FUZZ_NOTHING)), ARG("direction", BITS(3)),
		     ARG("magic", OF('b', 'b', ';', 'H', 0xed, 0xee)),
		     ARG("number", BELOW(256, 1)), ARG("size", BITS(0xff)),),
		ERRNOS(OTHER_FILE, EFAULT, ENOTTY, E2BIG, EOPNOTSUPP, ENODEV, ENXIO,
		       EPERM, EBUSY, ENOENT),
	}, {
		.name = "close-watch", .weight = 20, TAKES(FUZZ_WATCH),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
