// SPDX-License-Identifier: GPL-2.0
/*
 * libdmabuf-phys, against a kernel that is made up here: a dma-buf that moves between
 * two questions, routes of all kinds, and a device with three BARs
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf-phys-vfio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dmabuf-phys.h"
#include "tap.h"

#define NODE 900
#define VFIO 901
#define BUFFER 902

static struct {
	bool node;		/* there is one */
	int error;		/* of questions */
	uint32_t groups[2];	/* when asked first, and later */
	uint32_t routes[4];
	unsigned int asked;
	uint64_t device;
	uint32_t flags;
	int watch_error;
	struct vfio_device_feature_dma_buf dmabuf;
	struct vfio_region_dma_range ranges[4];
	unsigned int looked;
} kernel;

/* How often it is open */
static int nodes;

int __real_close(int fd);
int __wrap_close(int fd);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_open64(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/dma_buf_phys"))
		return __real_open64(path, flags, 0600);
	errno = ENXIO;
	nodes += kernel.node;
	return kernel.node ? NODE : -1;
}

int __wrap_close(int fd)
{
	nodes -= fd == NODE;
	return fd == NODE ? 0 : __real_close(fd);
}

static int fail(int err)
{
	errno = err;
	return -1;
}

static int query(struct dma_buf_phys_query *q)
{
	struct dma_buf_phys_group_info *groups = (void *)(uintptr_t)q->groups;
	uint32_t nr = kernel.groups[!!kernel.asked++], i;

	kernel.device = q->device;
	kernel.flags = q->flags;
	if (kernel.error)
		return fail(kernel.error);
	if (q->size != sizeof(*q) || q->fd != BUFFER ||
	    q->group_size != (groups ? sizeof(*groups) : 0))
		return fail(EINVAL);
	for (i = 0; i < nr && i < q->nr_groups; i++)
		groups[i] = (struct dma_buf_phys_group_info) {
			.offset = i * 4096, .length = 4096, .nr_frags = 1,
			.route = q->flags ? kernel.routes[i] : 0,
		};
	q->nr_groups = nr;
	q->length = nr * 4096;
	q->generation = kernel.asked;
	return 0;
}

static int region(struct vfio_region_info *info)
{
	/* BARs 0 and 2; 4 begins where 2 ends, in the device's file */
	static const uint64_t sizes[6] = { 8192, 0, 65536, 0, 65536, 0 };

	kernel.looked++;
	info->size = sizes[info->index];
	info->offset = 0x100000ull * info->index;
	return 0;
}

static int feature(struct vfio_device_feature *f)
{
	const struct vfio_device_feature_dma_buf *d = (void *)f->data;

	if (f->flags != (VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF) ||
	    f->argsz != sizeof(*f) + sizeof(*d) + d->nr_ranges * sizeof(d->dma_ranges[0]))
		return fail(ENOTTY);
	memcpy(&kernel.dmabuf, d, sizeof(*d));
	memcpy(kernel.ranges, d->dma_ranges, d->nr_ranges * sizeof(d->dma_ranges[0]));
	return BUFFER;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd == NODE && request == DMA_BUF_PHYS_IOC_QUERY)
		return query(arg);
	if (fd == NODE && request == DMA_BUF_PHYS_IOC_WATCH)
		return kernel.watch_error ? fail(kernel.watch_error) : BUFFER;
	if (fd == VFIO && request == VFIO_DEVICE_GET_REGION_INFO)
		return region(arg);
	if (fd == VFIO && request == VFIO_DEVICE_FEATURE)
		return feature(arg);
	return fail(ENOTTY);
}

static void test_query(void)
{
	struct dmabuf_phys_info *info = (void *)1;

	tap_ok(dmabuf_phys_query(BUFFER, NULL, &info) == -ENOENT && !info &&
		       dmabuf_phys_watch(BUFFER, 0) == -ENOENT,
	       "no physical lists, as the file has no driver");
	kernel.node = true;
	kernel.groups[0] = 1;
	kernel.groups[1] = 3;
	tap_ok(!dmabuf_phys_query(BUFFER, NULL, &info) && info->nr_groups == 3 &&
		       info->length == 3 * 4096 && info->generation == kernel.asked &&
		       dmabuf_phys_group(info, 2)->offset == 8192 &&
		       !dmabuf_phys_group(info, 3) && !kernel.flags,
	       "one that has more groups each time it is asked");
	dmabuf_phys_free(info);
	dmabuf_phys_free(NULL);
	tap_ok(!dmabuf_phys_query(BUFFER, "12345:3b:1f.7", &info) &&
		       kernel.device == DMA_BUF_PHYS_PCI(0x12345, 0x3b, 0xff) &&
		       kernel.flags == DMA_BUF_PHYS_QUERY_ROUTE,
	       "routes of a device");
	dmabuf_phys_free(info);
	kernel.asked = 0;
	tap_ok(dmabuf_phys_query(BUFFER, "3b:00.0", &info) == -EINVAL &&
		       dmabuf_phys_query(BUFFER, "0000:3b:20.0", &info) == -EINVAL &&
		       dmabuf_phys_query(BUFFER, "0000:3b:00.0x", &info) == -EINVAL &&
		       dmabuf_phys_query(BUFFER, "+000:3b:00.0", &info) == -EINVAL &&
		       dmabuf_phys_query(BUFFER, "0000: 3:00.0", &info) == -EINVAL &&
		       dmabuf_phys_query(BUFFER, "0x00:3b:00.0", &info) == -EINVAL &&
		       dmabuf_phys_query(BUFFER, "", &info) == -EINVAL && !kernel.asked,
	       "what is no address");
	kernel.error = EOPNOTSUPP;
	tap_ok(dmabuf_phys_query(BUFFER, NULL, &info) == -EOPNOTSUPP && !info,
	       "an exporter without physical lists");
	kernel.error = 0;
}

static int route(uint32_t a, uint32_t b, uint32_t c)
{
	kernel.routes[0] = a;
	kernel.routes[1] = b;
	kernel.routes[2] = c;
	return dmabuf_phys_route(BUFFER, "0000:3b:00.0");
}

static void test_route(void)
{
	const uint32_t memory = DMA_BUF_PHYS_ROUTE_MEMORY,
		       bus = DMA_BUF_PHYS_ROUTE_BUS_ADDR,
		       host = DMA_BUF_PHYS_ROUTE_HOST_BRIDGE,
		       none = DMA_BUF_PHYS_ROUTE_NONE;

	tap_ok(route(memory, memory, memory) == (int)memory &&
		       route(memory, bus, memory) == (int)bus &&
		       route(host, bus, memory) == (int)host &&
		       route(host, none, memory) == (int)none &&
		       route(bus, 77, none) == 77,
	       "the worst route counts");
	tap_ok(dmabuf_phys_reaches(memory) && dmabuf_phys_reaches(bus) &&
		       dmabuf_phys_reaches(host) && !dmabuf_phys_reaches(none) &&
		       !dmabuf_phys_reaches(77) && !dmabuf_phys_reaches(0),
	       "which routes there are");
	tap_ok(!strcmp(dmabuf_phys_route_name(host), "host-bridge") &&
		       !strcmp(dmabuf_phys_route_name(77), "?") &&
		       !strcmp(dmabuf_phys_state_name(2), "dead") &&
		       !strcmp(dmabuf_phys_type_name(1), "p2p") &&
		       !strcmp(dmabuf_phys_attr_name(9), "?"),
	       "words");
	kernel.groups[1] = 0;
	tap_ok(route(0, 0, 0) == -ENODATA, "a dead one has no routes");
	tap_ok(dmabuf_phys_route(BUFFER, NULL) == -EINVAL, "a route is some device's");
}

static void test_watch(void)
{
	const struct dma_buf_phys_watch_event sent = { .generation = 7 };
	struct dma_buf_phys_watch_event event = { 0 };
	int pipes[2];

	tap_ok(dmabuf_phys_watch(BUFFER, O_CLOEXEC) == BUFFER, "a watch");
	kernel.watch_error = ENODEV;
	tap_ok(dmabuf_phys_watch(BUFFER, 0) == -ESTALE, "of a dead one");
	kernel.watch_error = EOPNOTSUPP;
	tap_ok(dmabuf_phys_watch(BUFFER, 0) == -EOPNOTSUPP, "of one that tells nobody");
	if (pipe2(pipes, O_NONBLOCK) || write(pipes[1], &sent, sizeof(sent)) < 0)
		exit(1);
	tap_ok(dmabuf_phys_watch_next(pipes[0], &event) == 1 && event.generation == 7 &&
		       dmabuf_phys_watch_next(pipes[0], &event) == -EAGAIN,
	       "an event, and no more");
	close(pipes[1]);
	tap_ok(!dmabuf_phys_watch_next(pipes[0], &event), "the end");
	close(pipes[0]);
}

static void test_export(void)
{
	const struct dmabuf_phys_range one[] = { { 2, 4096, 8192 }, { 2, 0, 4096 } };
	const struct dmabuf_phys_range rest = { 2, 4096, 0 };
	const struct dmabuf_phys_range two[] = { { 0, 0, 0 }, { 4, 4096, 4096 } };
	struct dmabuf_phys_range bad = { 2, 0, 131072 };

	tap_ok(dmabuf_phys_export(VFIO, one, 2, 0) == BUFFER && !kernel.looked &&
		       kernel.dmabuf.region_index == 2 && !kernel.dmabuf.flags &&
		       kernel.dmabuf.open_flags == (O_RDWR | O_CLOEXEC) &&
		       kernel.ranges[0].offset == 4096 && kernel.ranges[1].length == 4096,
	       "ranges of one BAR, as every kernel takes them");
	tap_ok(dmabuf_phys_export(VFIO, &rest, 1, DMABUF_PHYS_READ_ONLY) == BUFFER &&
		       kernel.ranges[0].length == 61440 &&
		       kernel.dmabuf.open_flags == (O_RDONLY | O_CLOEXEC),
	       "the rest of a BAR, to be read only");
	tap_ok(dmabuf_phys_export(VFIO, two, 2, DMABUF_PHYS_NO_HOST_ACCESS) == BUFFER &&
		       !kernel.dmabuf.region_index &&
		       kernel.dmabuf.flags == (VFIO_DMA_BUF_DEVICE_OFFSETS |
					       VFIO_DMA_BUF_NO_HOST_ACCESS) &&
		       kernel.ranges[0].length == 8192 &&
		       kernel.ranges[1].offset == 0x401000,
	       "ranges of several BARs");
	kernel.dmabuf.nr_ranges = 0;
	tap_ok(dmabuf_phys_export(VFIO, &bad, 0, 0) == -EINVAL &&
		       dmabuf_phys_export(VFIO, &bad, 1, 1u << 7) == -EINVAL &&
		       !kernel.dmabuf.nr_ranges,
	       "nothing, and flags that there are not");
	bad = (struct dmabuf_phys_range){ 6, 0, 4096 };
	tap_ok(dmabuf_phys_export(VFIO, &bad, 1, 0) == -EINVAL, "a BAR that there is not");
	bad = (struct dmabuf_phys_range){ 2, 131072, 0 };
	tap_ok(dmabuf_phys_export(VFIO, &bad, 1, 0) == -EINVAL &&
		       !kernel.dmabuf.nr_ranges, "and a place beyond one");
	tap_ok(dmabuf_phys_export(BUFFER, one, 1, 0) == -ENOTTY, "what is no device");
}

int main(void)
{
	test_query();
	test_route();
	test_watch();
	test_export();
	tap_ok(!nodes, "nothing stays open that the program does not know of");
	return tap_end();
}
