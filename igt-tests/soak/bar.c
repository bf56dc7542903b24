// SPDX-License-Identifier: MIT
/*
 * The exporter: parts of a BAR, and all that takes access to them away
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bar.h"
#include "devices/iommufd.h"
#include "random.h"

#define BAR 2
#define BAR_PAGES 256u

/* What was handed out last stays here, so that some of it is handed out again */
#define KEPT 6

static struct vfio_device dev = { .fd = -1 };
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int iommufd;
static struct soak_buffer kept[KEPT];

enum { EXPORT, OLD };

static const struct soak_call calls[] = {
	/* While the device is away there is nothing to export */
	[EXPORT] = SOAK_CALL("export", ENODEV),
	[OLD] = SOAK_CALL("again"),
	{ 0 }
};

/* By the BAR itself, not by a dma-buf. What is plugged in is empty. */
static int stamp(void)
{
	int ret = __vfio_map_bar(&dev, BAR);
	uint32_t page;

	if (ret)
		return ret;
	for (page = 0; page < BAR_PAGES; page++)
		*(volatile uint64_t *)((uint8_t *)dev.map[BAR] + page * SOAK_PAGE) =
			soak_word(0, page);
	munmap(dev.map[BAR], dev.region[BAR].size);
	dev.map[BAR] = NULL;
	return 0;
}

int bar_open(void)
{
	int ret = __vfio_open(&dev, getenv("DMABUF_EXPORTER2"), iommufd);

	if (!ret)
		ret = __vfio_enable(&dev);
	if (!ret)
		ret = stamp();
	if (ret)
		vfio_close(&dev);
	return ret;
}

struct vfio_device *bar_get(void)
{
	pthread_rwlock_rdlock(&lock);
	return &dev;
}

struct vfio_device *bar_get_alone(void)
{
	pthread_rwlock_wrlock(&lock);
	return &dev;
}

void bar_put(void)
{
	pthread_rwlock_unlock(&lock);
}

/* Pages of the BAR in some order, in ranges of some length */
static int export(struct soak_buffer *buffer)
{
	struct vfio_region_dma_range ranges[SOAK_MAX_PAGES];
	uint32_t nr = 1 + below(8), pages, first, i, page;

	buffer->nr = 0;
	for (i = 0; i < nr; i++) {
		pages = 1 + below(SOAK_MAX_PAGES / 8);
		first = below(BAR_PAGES - pages);
		ranges[i] = (struct vfio_region_dma_range) {
			first * SOAK_PAGE, pages * SOAK_PAGE
		};
		for (page = 0; page < pages; page++)
			buffer->word[buffer->nr++] = soak_word(0, first + page);
	}
	/* Who plugs the device may take long, and who asks is not to wait for that */
	if (pthread_rwlock_tryrdlock(&lock))
		return -ENODEV;
	soak_may_fail();
	buffer->fd = dev.fd < 0 ? -ENODEV :
				  __vfio_dmabuf(&dev, BAR, ranges, nr);
	bar_put();
	return buffer->fd < 0 ? buffer->fd : 0;
}

static int which(struct soak_worker *worker, struct soak_buffer *buffer)
{
	struct soak_buffer *keep = &kept[below(KEPT)];
	int ret;

	if (keep->fd >= 0 && below(2)) {
		*buffer = *keep;
		return soak_ended(worker, OLD, 0);
	}
	ret = export(buffer);
	if (soak_failed(worker, EXPORT, ret) < 0)
		return ret;
	if (keep->fd >= 0)
		close(keep->fd);
	*keep = *buffer;
	return 0;
}

static int work(struct soak_worker *worker)
{
	unsigned int i;
	int ret;

	for (i = 0; i < KEPT; i++)
		kept[i].fd = -1;
	iommufd = __iommufd_open();
	if (iommufd < 0)
		return iommufd;
	ret = bar_open();
	if (ret)
		return ret;
	soak_threads(&soak_bar);
	while (!soak_stops())
		soak_give(worker, 200, which);
	soak_join();
	return 0;
}

const struct soak_kind soak_bar = {
	.name = "bar", .calls = calls, .gives = true, .work = work,
};
