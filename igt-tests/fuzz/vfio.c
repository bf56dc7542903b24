// SPDX-License-Identifier: MIT
/*
 * The exporter: its dma-bufs, and everything that takes access away and gives it back
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "devices/iommufd.h"
#include "devices/sysfs.h"
#include "devices/vfio.h"
#include "map.h"
#include "ops.h"
#include "vfio.h"

/* What the BAR of memory is made of, as far as sequences look */
#define FUZZ_BAR 2
#define FUZZ_BAR_PAGES 128ull

#define MAX_RANGES 64u
#define CONFIG_SIZE 256u

static struct vfio_device dev = { .fd = -1 };
/* A dma-buf of it that is always there: what holds for one holds for all */
static int probe = -1, wakeup = -1;
/* How often it was opened; whether somebody else keeps it open */
static uint64_t opened;
static bool lost;

/* What config space was, and whether a sequence has written to it */
static uint32_t config[CONFIG_SIZE / 4];
static bool config_written;

static pthread_t thread;
static bool beside;
static unsigned int toggles;

bool fuzz_vfio_is_beside(void)
{
	return beside;
}

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

	if (beside || lost)
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
	probe = __vfio_dmabuf(&dev, FUZZ_BAR, &range, 1);
	if (probe < 0)
		return probe;
	fuzz_set(FUZZ_DEVICE, 0, dev.fd);
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

/* By the BAR itself, not by a dma-buf; what is not @fresh must be as it was */
static long stamp(bool fresh)
{
	uint64_t page, is;
	long ret = __vfio_map_bar(&dev, FUZZ_BAR);
	volatile uint64_t *word;

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

static void save_config(void)
{
	unsigned int pos;

	for (pos = 0; pos < CONFIG_SIZE; pos += 4)
		__vfio_config_read(&dev, pos, 4, &config[pos / 4]);
}

static void restore_config(void)
{
	uint32_t value;
	unsigned int pos;

	for (pos = 4; pos < CONFIG_SIZE; pos += 4)
		if (!__vfio_config_read(&dev, pos, 4, &value) &&
		    value != config[pos / 4])
			__vfio_config_write(&dev, pos, 4, config[pos / 4]);
}

long fuzz_vfio_begin(void)
{
	long ret;

	fuzz_set(FUZZ_IOMMUFD, 0, __iommufd_open());
	wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = open_device();
	if (ret)
		return ret;
	save_config();
	return stamp(true);
}

void fuzz_vfio_end(void)
{
	close_device();
	close(wakeup);
	close((int)fuzz_res(FUZZ_IOMMUFD, 0));
}

/* From whatever address space it has */
void fuzz_vfio_detach(void)
{
	__vfio_detach(&dev);
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
	__vfio_low_power_exit(&dev);
	__vfio_msix(&dev, -1);
	__vfio_set_power(&dev, 0);
	if (config_written)
		restore_config();
	config_written = false;
	__vfio_enable(&dev);

	deadline = now_ms() + 5000;
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

long call_memory(const uint64_t *arg)
{
	return __vfio_memory_enable(&dev, arg[0] & 1);
}

static void *toggle(void *unused)
{
	unsigned int i;

	for (i = 0; i < toggles; i++) {
		__vfio_memory_enable(&dev, i % 2);
		usleep(200);
	}
	return unused;
}

/* How often */
long call_beside(const uint64_t *arg)
{
	if (beside)
		return -EBUSY;
	toggles = (unsigned int)(arg[0] % 256);
	beside = !pthread_create(&thread, NULL, toggle, NULL);
	return 0;
}

long call_alone(const uint64_t *arg)
{
	(void)arg;
	if (!beside)
		return -EBUSY;
	pthread_join(thread, NULL);
	beside = false;
	return 0;
}

long call_power(const uint64_t *arg)
{
	return __vfio_set_power(&dev, arg[0] & 3);
}

/* Exit, entry, entry with wake-up */
long call_low_power(const uint64_t *arg)
{
	if (!(arg[0] % 3))
		return __vfio_low_power_exit(&dev);
	return __vfio_low_power(&dev, arg[0] % 3 == 1 ? -1 : wakeup);
}

/* By VFIO, of the function, of the bus */
long call_reset(const uint64_t *arg)
{
	switch (arg[0] % 3) {
	case 0:
		return __vfio_reset(&dev);
	case 1:
		return __vfio_flr(&dev);
	default:
		return __vfio_hot_reset(&dev);
	}
}

/* Where, how many bytes, what */
long call_config_write(const uint64_t *arg)
{
	config_written = true;
	return __vfio_config_write(&dev, (unsigned int)arg[0],
				   1u << arg[1] % 3, (uint32_t)arg[2]);
}

long call_config_read(const uint64_t *arg)
{
	uint32_t value;

	return __vfio_config_read(&dev, (unsigned int)arg[0], 1u << arg[1] % 3,
				  &value);
}

static bool registers_say_no(void)
{
	char path[80];
	uint16_t command = 0, power = 0;
	int pm = -1, fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", dev.addr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &command, 2, PCI_COMMAND) != 2)
		command = PCI_COMMAND_MEMORY;
	for (unsigned int pos = 0x40; pos < CONFIG_SIZE && pm < 0; pos += 4)
		if ((config[pos / 4] & 0xff) == PCI_CAP_ID_PM && pos ==
		    (config[PCI_CAPABILITY_LIST / 4] & 0xff))
			pm = (int)pos;
	if (pm >= 0 && pread(fd, &power, 2, pm + PCI_PM_CTRL) != 2)
		power = 0;
	close(fd);
	return !(command & PCI_COMMAND_MEMORY) || power & PCI_PM_CTRL_STATE_MASK;
}

/* No list may be live while the device's own registers say that it does not answer */
long call_state(const uint64_t *arg)
{
	struct dma_buf_phys_query query;
	int state;

	(void)arg;
	if (beside || lost)
		return -EBUSY;
	state = probe_state(&query);
	if (state == DMA_BUF_PHYS_QUERY_LIVE && registers_say_no())
		return fuzz_wrong("live, but the exporter's registers say that it does not answer");
	return state;
}

/* Close, and open again if nobody else has it open */
long call_reopen(const uint64_t *arg)
{
	struct dma_buf_phys_query query;
	long ret;

	(void)arg;
	if (beside || lost)
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
	uint64_t word = fuzz_bar_word(arg[0]);
	size_t size = arg[1] % 9;
	ssize_t ret;

	/* Who knows which region that is */
	if (arg[0] >= FUZZ_BAR_PAGES)
		config_written = true;
	if (arg[2] & 1) {
		ret = pwrite(dev.fd, &word, size, at);
		return ret < 0 ? -errno : ret;
	}
	ret = pread(dev.fd, &word, size, at);
	if (ret == 8 && arg[0] < FUZZ_BAR_PAGES && !beside && word != fuzz_bar_word(arg[0]))
		return fuzz_wrong("read 0x%" PRIx64 " of page %" PRIu64, word, arg[0]);
	return ret < 0 ? -errno : ret;
}

/* On, off; which vector */
long call_irq(const uint64_t *arg)
{
	return __vfio_msix_vector(&dev, (unsigned int)arg[1],
				  arg[0] & 1 ? wakeup : -1);
}

#define IOEVENTFD struct vfio_device_ioeventfd
#define ATTACH struct vfio_device_attach_iommufd_pt
#define DETACH struct vfio_device_detach_iommufd_pt
#define REGION struct vfio_region_info
#define INFO struct vfio_device_info

const struct fuzz_op fuzz_vfio_ops[] = {
	{
		.name = "export", .weight = 60, GIVES(FUZZ_DMABUF),
		CALL(call_export),
		ARGS(ARG("bar", OF(2, 2, 2, 2, 2, 2, 2, 0)),
		     ARG("page", BELOW(FUZZ_BAR_PAGES, 1)),
		     ARG("pages", OF(1, 1, 2, 3, 8)), ARG("stride", OF(1, 2, 3, 8)),
		     ARG("nr", OF(1, 1, 2, 3, 12)),
		     ARG("mode", OF(O_RDWR | O_CLOEXEC, O_RDWR | O_CLOEXEC,
				    O_RDWR | O_CLOEXEC, O_RDONLY, O_WRONLY)),
		     ARG("flags", OF(0, 0, 0, VFIO_DMA_BUF_DEVICE_OFFSETS,
				     VFIO_DMA_BUF_NO_HOST_ACCESS,
				     VFIO_DMA_BUF_WRITE_COMBINE)),),
		ERRNOS(DEVICE_ERRNOS, ENODEV, EOVERFLOW),
	}, {
		.name = "feature", .weight = 8, GIVES_NOTHING, CALL(call_feature),
		ARGS(ARG("argsz", BELOW(64, 1)),
		     ARG("flags", OF(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
				     VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_BUF,
				     VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_DMA_BUF)),
		     ARG("head", ODD), ARG("count", OF(0, 1ull << 32, ~0ull << 32)),
		     ARG("offset", ODD), ARG("length", ODD),),
		ERRNOS(DEVICE_ERRNOS, ENODEV, EOVERFLOW, ENOTTY, EFAULT),
	}, {
		.name = "memory", .weight = 40, GIVES_NOTHING, CALL(call_memory),
		ARGS(ARG("on", OF(0, 1, 1)),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "beside", .weight = 2, GIVES_NOTHING, CALL(call_beside),
		ARGS(ARG("times", BELOW(64, 1)),),
		ERRNOS(EBUSY),
	}, {
		.name = "alone", .weight = 2, GIVES_NOTHING, CALL(call_alone),
		ARGS(), ERRNOS(EBUSY),
	}, {
		.name = "power", .weight = 3, GIVES_NOTHING, CALL(call_power),
		ARGS(ARG("state", OF(0, 0, 3, 1)),),
		ERRNOS(DEVICE_ERRNOS, ENOENT),
	}, {
		.name = "low-power", .weight = 2, GIVES_NOTHING,
		CALL(call_low_power),
		ARGS(ARG("how", BELOW(3, 1)),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "reset", .weight = 1, GIVES_NOTHING, CALL(call_reset),
		ARGS(ARG("how", OF(0, 0, 0, 1, 1, 1, 2)),),
		ERRNOS(DEVICE_ERRNOS, ENOTTY, EAGAIN),
	}, {
		.name = "config-write", .weight = 6, GIVES_NOTHING,
		CALL(call_config_write),
		ARGS(ARG("at", BELOW(CONFIG_SIZE, 1)), ARG("size", BELOW(3, 1)),
		     ARG("value", ODD),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "config-read", .weight = 8, GIVES_NOTHING,
		CALL(call_config_read),
		ARGS(ARG("at", BELOW(CONFIG_SIZE, 1)), ARG("size", BELOW(3, 1)),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "state", .weight = 20, GIVES_NOTHING, CALL(call_state),
		ARGS(), ERRNOS(EBUSY, EBADF, EINVAL),
	}, {
		.name = "reopen", .weight = 1, GIVES_NOTHING, CALL(call_reopen),
		ARGS(), ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "device-map", .weight = 8, GIVES(FUZZ_MAP),
		CALL(call_device_map),
		ARGS(ARG("page", BELOW(FUZZ_BAR_PAGES, 1)),
		     ARG("pages", OF(1, 2, 16)), ARG("prot", OF(3, 3, 1, 2)),),
		ERRNOS(DEVICE_ERRNOS, EACCES, EOVERFLOW),
	}, {
		.name = "region-rw", .weight = 10, GIVES_NOTHING,
		CALL(call_region_rw),
		ARGS(ARG("page", BELOW(FUZZ_BAR_PAGES, 1)),
		     ARG("size", OF(8, 8, 4, 1)), ARG("write", BITS(1)),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "irq", .weight = 2, GIVES_NOTHING, CALL(call_irq),
		ARGS(ARG("on", BITS(1)), ARG("vector", OF(0, 0, 1)),),
		ERRNOS(DEVICE_ERRNOS, ENOSPC),
	}, {
		.name = "ioeventfd", .weight = 4, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_IOEVENTFD, IOEVENTFD),
		ARGS(MEMBER(IOEVENTFD, argsz, OF(sizeof(IOEVENTFD))),
		     MEMBER(IOEVENTFD, flags, OF(1, 2, 4, 8)),
		     MEMBER(IOEVENTFD, offset, BELOW(64, 8)),
		     MEMBER(IOEVENTFD, data, OF(1)),
		     MEMBER(IOEVENTFD, fd, OF(UINT32_MAX)),),
		ERRNOS(DEVICE_ERRNOS, ENOSPC),
	}, {
		.name = "region-info", .weight = 4, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_GET_REGION_INFO, REGION),
		ARGS(MEMBER(REGION, argsz, OF(sizeof(REGION))),
		     MEMBER(REGION, index, BELOW(10, 1)),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "device-info", .weight = 2, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_GET_INFO, INFO),
		ARGS(MEMBER(INFO, argsz, OF(sizeof(INFO))),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "attach", .weight = 6, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_ATTACH_IOMMUFD_PT, ATTACH),
		ARGS(MEMBER(ATTACH, argsz, OF(sizeof(ATTACH))),
		     MEMBER(ATTACH, flags, OF(0)),
		     MEMBER(ATTACH, pt_id, RES(FUZZ_IOAS)),),
		ERRNOS(DEVICE_ERRNOS, ENOENT, EADDRINUSE, EOPNOTSUPP, EFAULT),
	}, {
		.name = "attach-hwpt", .weight = 3, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_ATTACH_IOMMUFD_PT, ATTACH),
		ARGS(MEMBER(ATTACH, argsz, OF(sizeof(ATTACH))),
		     MEMBER(ATTACH, flags, OF(0)),
		     MEMBER(ATTACH, pt_id, RES(FUZZ_HWPT)),),
		ERRNOS(DEVICE_ERRNOS, ENOENT, EADDRINUSE, EOPNOTSUPP, EFAULT),
	}, {
		.name = "detach", .weight = 3, GIVES_NOTHING,
		IOCTL(FUZZ_DEVICE, VFIO_DEVICE_DETACH_IOMMUFD_PT, DETACH),
		ARGS(MEMBER(DETACH, argsz, OF(sizeof(DETACH))),
		     MEMBER(DETACH, flags, OF(0)),),
		ERRNOS(DEVICE_ERRNOS),
	}, {
		.name = "close", .weight = 30, TAKES(FUZZ_DMABUF),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
