// SPDX-License-Identifier: MIT
/*
 * What /dev/dma_buf_phys tells about dma-bufs
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "igt_core.h"
#include "machine.h"
#include "query.h"
#include "sysfs.h"

#define NODE "/dev/dma_buf_phys"

static int do_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int __query_open(void)
{
	int fd = open(NODE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int query_open(void)
{
	int fd = __query_open();

	require_there(fd, "no " NODE ": %s. Try 'modprobe dma-buf-phys'\n",
		      strerror(-fd));
	igt_assert_f(fd >= 0,
		     "cannot open " NODE ": %s. Is dma-buf-phys loaded ('modprobe dma-buf-phys')?\n",
		     strerror(-fd));
	return fd;
}

int __query(int dev, int dmabuf, struct dma_buf_phys_query *query,
	    struct dma_buf_phys_group_info *groups)
{
	query->size = sizeof(*query);
	query->fd = dmabuf;
	query->groups = (uintptr_t)groups;
	query->group_size = groups ? sizeof(*groups) : 0;
	return do_ioctl(dev, DMA_BUF_PHYS_IOC_QUERY, query);
}

void query(int dev, int dmabuf, struct dma_buf_phys_query *query)
{
	int ret;

	memset(query, 0, sizeof(*query));
	ret = __query(dev, dmabuf, query, NULL);
	igt_assert_f(!ret, "cannot query the dma-buf: %s\n", strerror(-ret));
}

uint32_t query_wait_try(int dev, int dmabuf)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	struct dma_buf_phys_query q;

	do {
		igt_assert_f(now_ms() < deadline, "the restore hangs\n");
		usleep(1000);
		query(dev, dmabuf, &q);
	} while (q.nr_behind && !q.nr_failed);
	return q.nr_failed;
}

void query_groups(int dev, int dmabuf, struct dma_buf_phys_query *query,
		  struct dma_buf_phys_group_info *groups, uint32_t nr)
{
	uint64_t offset = 0, nr_frags = 0;
	uint32_t i;
	int ret;

	memset(query, 0, sizeof(*query));
	query->nr_groups = nr;
	ret = __query(dev, dmabuf, query, groups);
	igt_assert_f(!ret, "cannot query the dma-buf: %s\n", strerror(-ret));
	igt_assert_f(query->nr_groups <= nr, "%u groups instead of %u\n",
		     query->nr_groups, nr);
	if (!query->nr_groups)
		return;

	for (i = 0; i < query->nr_groups; i++) {
		igt_assert_eq_u64(groups[i].offset, offset);
		igt_assert_neq_u64(groups[i].length, 0);
		igt_assert_lt(0, (int)groups[i].nr_frags);
		igt_assert_eq(groups[i].provider == DMA_BUF_PHYS_NO_DEVICE,
			      groups[i].type != DMA_BUF_PHYS_QUERY_P2P);
		igt_assert(!i || groups[i].type == DMA_BUF_PHYS_QUERY_P2P ||
			   groups[i].type != groups[i - 1].type ||
			   groups[i].attr != groups[i - 1].attr);
		offset += groups[i].length;
		nr_frags += groups[i].nr_frags;
	}
	igt_assert_eq_u64(offset, query->length);
	igt_assert_eq_u64(nr_frags, query->nr_frags);
}

int __query_route(int dev, int dmabuf, uint64_t device,
		  struct dma_buf_phys_query *query,
		  struct dma_buf_phys_group_info *groups)
{
	memset(query, 0, sizeof(*query));
	query->flags = DMA_BUF_PHYS_QUERY_ROUTE;
	query->device = device;
	query->nr_groups = 8;
	return __query(dev, dmabuf, query, groups);
}

uint64_t query_device(const char *addr)
{
	unsigned int domain, bus, slot, function;

	igt_assert(sscanf(addr, "%x:%x:%x.%x", &domain, &bus, &slot,
			  &function) == 4);
	return DMA_BUF_PHYS_PCI(domain, bus, slot << 3 | function);
}

int __watch(int dev, int dmabuf, uint32_t flags)
{
	struct dma_buf_phys_watch arg = {
		.size = sizeof(arg),
		.flags = flags,
		.fd = dmabuf,
	};

	return do_ioctl(dev, DMA_BUF_PHYS_IOC_WATCH, &arg);
}

int watch(int dev, int dmabuf, uint32_t flags)
{
	int fd = __watch(dev, dmabuf, flags);

	igt_assert_f(fd >= 0, "cannot watch the dma-buf: %s\n", strerror(-fd));
	return fd;
}

int __watch_read(int watch, struct dma_buf_phys_watch_event *event)
{
	ssize_t got = read(watch, event, sizeof(*event));

	if (got < 0)
		return -errno;
	return got && got != sizeof(*event) ? -EIO : !!got;
}

void watch_read(int watch, struct dma_buf_phys_watch_event *event)
{
	int ret = __watch_read(watch, event);

	igt_assert_f(ret == 1, "cannot read the watch: %s\n",
		     ret ? strerror(-ret) : "it has ended");
}

short watch_poll(int watch, int ms)
{
	struct pollfd pfd = { .fd = watch, .events = POLLIN };
	int ret = poll(&pfd, 1, ms);

	igt_assert_f(ret >= 0, "poll: %s\n", strerror(errno));
	return ret ? pfd.revents : 0;
}
