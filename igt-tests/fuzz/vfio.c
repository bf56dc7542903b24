// SPDX-License-Identifier: MIT
/*
 * The exporter: its dma-bufs, and whatever else can be done with the device
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "cause.h"
#include "devices/iommufd.h"
#include "devices/sysfs.h"
#include "devices/vfio.h"
#include "map.h"
#include "ops.h"

/* What the BAR of memory is made of, as far as sequences look */
#define FUZZ_BAR 2
#define FUZZ_BAR_PAGES 128ull

#define MAX_RANGES 64u

static struct vfio_device dev = { .fd = -1 };
/* A dma-buf of it that is always there: what holds for one holds for all */
static int probe = -1;
/* How often it was opened; whether somebody else keeps it open */
static uint64_t opened;
static bool lost;

/* Which sizes of each page have an ioeventfd, and where in it; nobody signals the eventfd */
#define BELL 64
static uint8_t bells[FUZZ_BAR_PAGES];
static int doorbell = -1, interrupt = -1;

static int probe_state(struct dma_buf_phys_query *query)
{
	*query = (struct dma_buf_phys_query) {
		.size = sizeof(*query),
		.fd = probe,
	};
	if (ioctl((int)fuzz_res(FUZZ_PHYS, 0), DMA_BUF_PHYS_IOC_QUERY, query))
		return -errno;
	return (int)query->state;
}

static enum fuzz_reach reach(uint64_t when)
{
	struct dma_buf_phys_query query;

	if (fuzz_cause_is_beside() || lost)
		return FUZZ_MAY;
	if (when != opened)
		return FUZZ_MUST_NOT;
	return probe_state(&query) == DMA_BUF_PHYS_QUERY_LIVE ? FUZZ_MUST :
								FUZZ_MUST_NOT;
}

static long open_device(void)
{
	struct vfio_region_dma_range range = { 0, FUZZ_PAGE };
	long ret = __vfio_open(&dev, getenv("DMABUF_EXPORTER2"),
			       (int)fuzz_res(FUZZ_IOMMUFD, 0));

	if (!ret)
		ret = __vfio_enable(&dev);
	if (ret)
		return ret;
	opened++;
	lost = false;
	memset(bells, 0, sizeof(bells));
	probe = __vfio_dmabuf(&dev, FUZZ_BAR, &range, 1);
	if (probe < 0)
		return probe;
	fuzz_set(FUZZ_DEVICE, 0, dev.fd);
	fuzz_set(FUZZ_DEVICE_ID, 0, dev.devid);
	return 0;
}

static void close_device(void)
{
	vfio_close(&dev);
	fuzz_set(FUZZ_DEVICE, 0, -1);
	if (probe >= 0)
		close(probe);
	probe = -1;
}

/* A dma-buf that is no longer counted has yet to give back what the host must not map */
static long map_bar(void)
{
	uint64_t deadline = now_ms() + fuzz_patience_ms;
	long ret;

	while ((ret = __vfio_map_bar(&dev, FUZZ_BAR)) == -EBUSY && now_ms() < deadline)
		usleep(1000);
	return ret;
}

/* By the BAR itself, not by a dma-buf; what is not @fresh must be as it was */
static long stamp(bool fresh)
{
	uint64_t page, is;
	long ret = map_bar();
	volatile uint64_t *word;

	if (ret == -EBUSY)
		return fuzz_wrong("something still keeps the host from mapping the BAR");
	if (ret)
		return fuzz_wrong("cannot map the BAR: %s", strerror((int)-ret));
	for (page = 0; page < FUZZ_BAR_PAGES; page++) {
		word = (void *)((uint8_t *)dev.map[FUZZ_BAR] + page * FUZZ_PAGE);
		is = *word;
		if (is == fuzz_bar_word(page))
			continue;
		*word = fuzz_bar_word(page);
		if (!fresh)
			ret = fuzz_wrong("page %" PRIu64 " of the BAR had 0x%" PRIx64,
					 page, is);
	}
	munmap(dev.map[FUZZ_BAR], dev.region[FUZZ_BAR].size);
	dev.map[FUZZ_BAR] = NULL;
	return ret;
}

long fuzz_vfio_begin(void)
{
	long ret;

	fuzz_set(FUZZ_IOMMUFD, 0, __iommufd_open());
	interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = open_device();
	if (ret)
		return ret;
	fuzz_cause_begin(&dev);
	return stamp(true);
}

void fuzz_vfio_end(void)
{
	close_device();
	fuzz_cause_end();
	close(interrupt);
	close(doorbell);
	close((int)fuzz_res(FUZZ_IOMMUFD, 0));
}

/* From whatever address space it has: what is attached as PASID 0 VFIO does not know as that */
void fuzz_vfio_detach(void)
{
	const uint32_t pasid[3] = { sizeof(pasid), 1, 0 };

	__vfio_detach(&dev);
	fuzz_ioctl((uint64_t)dev.fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, (uintptr_t)pasid);
}

/* Page, log2 of bytes, on or off */
long call_ioeventfd(const uint64_t *arg)
{
	struct vfio_device_ioeventfd ioeventfd = {
		.argsz = sizeof(ioeventfd),
		.flags = 1u << arg[1] % 5,
		.offset = dev.region[FUZZ_BAR].offset + arg[0] * FUZZ_PAGE + BELL,
		.data = 1,
		.fd = arg[2] & 1 ? doorbell : -1,
	};
	long ret = fuzz_ioctl((uint64_t)dev.fd, VFIO_DEVICE_IOEVENTFD,
			      (uintptr_t)&ioeventfd);

	if (!ret && arg[0] < FUZZ_BAR_PAGES)
		bells[arg[0]] = arg[2] & 1 ? bells[arg[0]] | ioeventfd.flags :
					     bells[arg[0]] & ~ioeventfd.flags;
	return ret;
}

static void remove_ioeventfds(void)
{
	uint64_t arg[3] = { 0 };

	for (arg[0] = 0; arg[0] < FUZZ_BAR_PAGES; arg[0]++)
		for (arg[1] = 0; bells[arg[0]]; arg[1]++)
			if (bells[arg[0]] & 1u << arg[1] && call_ioeventfd(arg))
				bells[arg[0]] &= (uint8_t)~(1u << arg[1]);
}

/* Everything is closed by now but the device and what is here */
long fuzz_vfio_reset(void)
{
	struct dma_buf_phys_query query;
	uint64_t deadline;
	int state;
	long ret;

	if (dev.fd < 0 || lost) {
		close_device();
		ret = open_device();
		if (ret)
			return fuzz_wrong("cannot open the exporter again: %s",
					  strerror((int)-ret));
	}
	remove_ioeventfds();
	fuzz_cause_reset();
	__vfio_msix(&dev, -1);

	deadline = now_ms() + fuzz_patience_ms;
	while ((state = probe_state(&query)) != DMA_BUF_PHYS_QUERY_LIVE) {
		if (now_ms() > deadline)
			return fuzz_wrong("in the end the exporter's state is %d",
					  state);
		usleep(1000);
	}
	return 0;
}

long fuzz_vfio_check(void)
{
	return stamp(false);
}

/* BAR, first page, pages of each range, pages from one to the next, ranges, mode, flags */
long call_export(const uint64_t *arg)
{
	struct vfio_region_dma_range ranges[MAX_RANGES];
	struct vfio_device_feature_dma_buf head = {
		.region_index = (uint32_t)arg[0],
		.open_flags = (uint32_t)arg[5],
		.flags = (uint32_t)arg[6],
		.nr_ranges = (uint32_t)arg[4] % (MAX_RANGES + 1),
	};
	struct fuzz_bytes *bytes;
	uint64_t page = 0, i, at;
	int fd;

	for (i = 0; i < head.nr_ranges; i++) {
		ranges[i].offset = (arg[1] + i * arg[3]) * FUZZ_PAGE;
		ranges[i].length = arg[2] * FUZZ_PAGE;
		/* Every second one is of the other BAR */
		if (head.flags & VFIO_DMA_BUF_DEVICE_OFFSETS && i % 2)
			ranges[i] = (struct vfio_region_dma_range) {
				dev.region[0].offset, FUZZ_PAGE
			};
		else if (head.flags & VFIO_DMA_BUF_DEVICE_OFFSETS)
			ranges[i].offset += dev.region[FUZZ_BAR].offset;
	}
	if (head.flags & VFIO_DMA_BUF_DEVICE_OFFSETS && head.region_index == FUZZ_BAR)
		head.region_index = 0;
	fd = __vfio_dmabuf_raw(&dev, &head, ranges, head.nr_ranges);
	bytes = fd < 0 ? NULL : fuzz_bytes_new(fd);
	if (!bytes)
		return fd;
	bytes->reach = reach;
	bytes->data = opened;
	for (i = 0; i < head.nr_ranges; i++) {
		at = ranges[i].offset / FUZZ_PAGE;
		if (head.flags & VFIO_DMA_BUF_DEVICE_OFFSETS)
			at -= dev.region[FUZZ_BAR].offset / FUZZ_PAGE;
		for (; ranges[i].length; ranges[i].length -= FUZZ_PAGE, page++, at++)
			if (page < FUZZ_KNOWN_PAGES && at < FUZZ_BAR_PAGES &&
			    (head.region_index == FUZZ_BAR || head.flags & VFIO_DMA_BUF_DEVICE_OFFSETS))
				bytes->word[page] = fuzz_bar_word(at);
	}
	bytes->pages = page;
	return fd;
}

/* argsz, flags and the first words of the data */
long call_feature(const uint64_t *arg)
{
	union {
		struct vfio_device_feature head;
		uint64_t words[16];
	} feature = { 0 };
	long ret;

	memcpy(&feature.words[1], &arg[2], 4 * sizeof(*arg));
	feature.head.argsz = (uint32_t)arg[0];
	feature.head.flags = (uint32_t)arg[1];
	/* It may read as much as it likes of what is there */
	if (feature.head.argsz > sizeof(feature))
		feature.head.argsz = sizeof(feature);
	ret = fuzz_ioctl((uint64_t)dev.fd, VFIO_DEVICE_FEATURE, (uintptr_t)&feature);
	/* A dma-buf of which nothing is known */
	return ret > 0 ? close((int)ret) : ret;
}

/* No list may be live while the device's own registers say that it does not answer */
long call_state(const uint64_t *arg)
{
	struct dma_buf_phys_query query;
	int state;

	(void)arg;
	if (fuzz_cause_is_beside() || lost)
		return -EBUSY;
	state = probe_state(&query);
	if (state == DMA_BUF_PHYS_QUERY_LIVE && fuzz_cause_in_registers())
		return fuzz_wrong("live, but the exporter's registers say that it does not answer");
	return state;
}

/* Close, and open again if nobody else has it open */
long call_reopen(const uint64_t *arg)
{
	struct dma_buf_phys_query query;
	long ret;

	(void)arg;
	if (fuzz_cause_is_beside() || lost)
		return -EBUSY;
	vfio_close(&dev);
	fuzz_set(FUZZ_DEVICE, 0, -1);
	if (probe_state(&query) != DMA_BUF_PHYS_QUERY_DEAD) {
		lost = true;
		return 1;
	}
	close(probe);
	probe = -1;
	ret = open_device();
	if (ret)
		lost = true;
	return ret;
}

/* Page, pages, protection, slot: of the device, not of a dma-buf */
long call_device_map(const uint64_t *arg)
{
	uint64_t offset = dev.region[FUZZ_BAR].offset + arg[0] * FUZZ_PAGE;
	uint64_t length = arg[1] * FUZZ_PAGE;
	void *at = mmap(NULL, length, (int)arg[2] & 7, MAP_SHARED, dev.fd,
			(off_t)offset);

	if (at == MAP_FAILED)
		return -errno;
	return fuzz_map_new((unsigned int)arg[3], at, length, 0, (int)arg[2], 0);
}

/* Page, bytes, whether to write */
long call_region_rw(const uint64_t *arg)
{
	off_t at = (off_t)(dev.region[FUZZ_BAR].offset + arg[0] * FUZZ_PAGE);
	uint64_t word = fuzz_bar_word(arg[0]), is = 0;
	size_t size = arg[1] % 9;
	ssize_t ret;

	/* Who knows which region that is */
	if (arg[0] >= FUZZ_BAR_PAGES)
		fuzz_cause_config_written();
	if (arg[2] & 1) {
		ret = pwrite(dev.fd, &word, size, at);
		return ret < 0 ? -errno : ret;
	}
	ret = pread(dev.fd, &is, size, at);
	if (ret > 0 && arg[0] < FUZZ_BAR_PAGES && !fuzz_cause_is_beside() && memcmp(&is, &word, (size_t)ret))
		return fuzz_wrong("read 0x%" PRIx64 " of page %" PRIu64, is, arg[0]);
	return ret < 0 ? -errno : ret;
}

/* On, off; which vector */
long call_irq(const uint64_t *arg)
{
	return __vfio_msix_vector(&dev, (unsigned int)arg[1],
				  arg[0] & 1 ? interrupt : -1);
}

#define OFFSETS VFIO_DMA_BUF_DEVICE_OFFSETS
#define NO_HOST VFIO_DMA_BUF_NO_HOST_ACCESS
#define COMBINE VFIO_DMA_BUF_WRITE_COMBINE
#define ATTACH struct vfio_device_attach_iommufd_pt
#define DETACH struct vfio_device_detach_iommufd_pt
#define REGION struct vfio_region_info
#define INFO struct vfio_device_info
#define IRQ struct vfio_irq_info
#define RESET struct vfio_pci_hot_reset_info

const struct fuzz_op fuzz_vfio_ops[] = {
	{
		.name = "export", .weight = 120, GIVES(FUZZ_DMABUF),
		CALL(call_export),
		ARGS(ARG("bar", OF(2, 2, 2, 2, 2, 2, 2, 0)),
		     ARG("page", BELOW(FUZZ_BAR_PAGES, 1)),
		     ARG("pages", OF(1, 1, 2, 3, 8)), ARG("stride", OF(1, 2, 3, 8)),
		     ARG("nr", OF(1, 1, 2, 3, 12)),
		     ARG("mode", OF(O_RDWR | O_CLOEXEC, O_RDWR | O_CLOEXEC, O_RDWR,
				    O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY)),
		     ARG("flags", OF(0, 0, 0, 0, 0, 0, OFFSETS, OFFSETS, NO_HOST,
				     COMBINE, OFFSETS | NO_HOST, OFFSETS | COMBINE)),),
		ERRNOS(OTHER_FILE, EINVAL, EBUSY, ENODEV, EOVERFLOW),
	}, {
		.name = "feature", .weight = 16, GIVES_NOTHING, CALL(call_feature),
		ARGS(ARG("argsz", BELOW(64, 1)),
		     ARG("flags", OF(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
				     VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_BUF,
				     VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_DMA_BUF)),
		     ARG("head", ODD), ARG("count", OF(0, 1ull << 32, ~0ull << 32)),
		     ARG("offset", ODD), ARG("length", ODD),),
		ERRNOS(OTHER_FILE, EINVAL, ENODEV, EOVERFLOW, ENOTTY, EFAULT),
	}, {
		.name = "state", .weight = 20, GIVES_NOTHING, CALL(call_state),
		ARGS(), ERRNOS(EBUSY),
	}, {
		.name = "reopen", .weight = 2, GIVES_NOTHING, CALL(call_reopen),
		ARGS(), ERRNOS(OTHER_FILE, EBUSY),
	}, {
		.name = "device-map", .weight = 16, GIVES(FUZZ_MAP),
		CALL(call_device_map),
		ARGS(ARG("page", BELOW(FUZZ_BAR_PAGES, 1)),
		     ARG("pages", OF(1, 2, 16)), ARG("prot", OF(3, 3, 1, 2)),),
		ERRNOS(OTHER_FILE, EINVAL, EBUSY),
	}, {
		.name = "region-rw", .weight = 20, GIVES_NOTHING,
		CALL(call_region_rw),
		ARGS(ARG("page", BELOW(FUZZ_BAR_PAGES, 1)),
		     ARG("size", OF(8, 8, 4, 1)), ARG("write", BITS(1)),),
		ERRNOS(OTHER_FILE, EBUSY, EIO),
	}, {
		.name = "irq", .weight = 4, GIVES_NOTHING, CALL(call_irq),
		ARGS(ARG("on", BITS(1)), ARG("vector", OF(0, 0, 1)),),
		ERRNOS(OTHER_FILE, EINVAL, ENOSPC),
	}, {
		.name = "ioeventfd", .weight = 12, GIVES_NOTHING, CALL(call_ioeventfd),
		ARGS(ARG("page", BELOW(FUZZ_BAR_PAGES, 1)), ARG("size", BELOW(4, 1)),
		     ARG("on", OF(1, 1, 0)),),
		ERRNOS(OTHER_FILE, EINVAL, EBUSY, ENODEV, EEXIST),
	}, {
		.name = "region-info", .weight = 8, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_GET_REGION_INFO, REGION),
		ARGS(MEMBER(REGION, argsz, OF(sizeof(REGION))),
		     MEMBER(REGION, index, BELOW(10, 1)),),
		ERRNOS(OTHER_FILE, EINVAL),
	}, {
		.name = "irq-info", .weight = 4, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_GET_IRQ_INFO, IRQ),
		ARGS(MEMBER(IRQ, argsz, OF(sizeof(IRQ))),
		     MEMBER(IRQ, index, BELOW(6, 1)),),
		ERRNOS(OTHER_FILE, EINVAL),
	}, {
		.name = "reset-info", .weight = 4, .tells = true, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, RESET),
		ARGS(MEMBER(RESET, argsz, OF(sizeof(RESET), 256)),),
		/* The same number is iommufd's VFIO_IOMMU_GET_INFO, which needs an address space */
		ERRNOS(OTHER_FILE, ENOSPC, -ENODEV),
	}, {
		.name = "device-info", .weight = 4, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_GET_INFO, INFO),
		ARGS(MEMBER(INFO, argsz, OF(sizeof(INFO))),),
		ERRNOS(OTHER_FILE),
	}, {
		.name = "attach", .weight = 12, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_ATTACH_IOMMUFD_PT, ATTACH),
		ARGS(MEMBER(ATTACH, argsz, OF(sizeof(ATTACH))),
		     MEMBER(ATTACH, flags, OF(0)),
		     MEMBER(ATTACH, pt_id, RES(FUZZ_IOAS)),),
		/* After one with PASID 0 */
		ERRNOS(OTHER_FILE, EINVAL, ENOENT, EADDRINUSE, EOPNOTSUPP, EFAULT, EBUSY),
	}, {
		.name = "attach-hwpt", .weight = 30, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_ATTACH_IOMMUFD_PT, ATTACH),
		ARGS(MEMBER(ATTACH, argsz, OF(sizeof(ATTACH))),
		     MEMBER(ATTACH, flags, OF(0)),
		     MEMBER(ATTACH, pt_id, RES(FUZZ_HWPT)),),
		ERRNOS(OTHER_FILE, EINVAL, ENOENT, EADDRINUSE, EOPNOTSUPP, EFAULT, EBUSY),
	}, {
		.name = "detach", .weight = 6, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_DETACH_IOMMUFD_PT, DETACH),
		ARGS(MEMBER(DETACH, argsz, OF(sizeof(DETACH))),
		     MEMBER(DETACH, flags, OF(0)),),
		ERRNOS(OTHER_FILE),
	}, {
		.name = "close", .weight = 60, TAKES(FUZZ_DMABUF),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
