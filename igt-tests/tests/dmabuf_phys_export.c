// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys export
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: VFIO exporter
 * Functionality: ranges and arguments of an export
 * Description: Exporting ranges of BARs as dma-bufs, and everything that must
 *	be refused
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "array.h"
#include "cpu_tables.h"
#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "module.h"
#include "pci.h"
#include "query.h"
#include "ranges.h"
#include "sysfs.h"
#include "vfio.h"
#include "worker.h"

#define BAR 2
#define MANY 65536u

static int iommufd = -1;
static struct vfio_device dev, dev2;

static uint64_t dmabuf_size(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	igt_assert_f(size >= 0, "a dma-buf's size: %s\n", strerror(errno));
	return (uint64_t)size;
}

/**
 * SUBTEST: one-range
 * Description: One range gives a dma-buf of its size, and so does the whole BAR
 */
static void one_range(void)
{
	int fd = vfio_dmabuf_one(&dev, BAR, MiB(1), MiB(2));

	igt_assert_eq_u64(dmabuf_size(fd), MiB(2));
	close(fd);
	fd = vfio_dmabuf_one(&dev, BAR, 0, dev.region[BAR].size);
	igt_assert_eq_u64(dmabuf_size(fd), dev.region[BAR].size);
	close(fd);
	fd = vfio_dmabuf_one(&dev, BAR, dev.region[BAR].size - PAGE, PAGE);
	igt_assert_eq_u64(dmabuf_size(fd), PAGE);
	close(fd);
}

/**
 * SUBTEST: mirrored
 * Description: Bytes may repeat, up to twice as much as the device's BARs hold
 */
static void mirrored(void)
{
	const struct vfio_region_dma_range all = { 0, dev.region[BAR].size };
	const struct vfio_region_dma_range ranges[] = {
		all, all, { 0, PAGE }, all, all };
	uint64_t bars = 0;
	unsigned int i;
	int fd;

	for (i = 0; i < VFIO_PCI_ROM_REGION_INDEX; i++)
		bars += dev.region[i].size;
	igt_assert_lte_u64(2 * bars, 2 * all.length + PAGE - 1);
	fd = vfio_dmabuf(&dev, BAR, ranges, 2);
	igt_assert_eq_u64(dmabuf_size(fd), 2 * all.length);
	close(fd);
	igt_assert_eq(__vfio_dmabuf(&dev, BAR, ranges, 3), -EINVAL);
	igt_assert_eq(__vfio_dmabuf(&dev, BAR, ranges, 5), -EINVAL);
}

/**
 * SUBTEST: many-ranges
 * Description: 65,536 ranges that do not merge give one dma-buf of 256 MiB
 */
static void many_ranges(void)
{
	struct vfio_region_dma_range *ranges;
	int fd;

	ranges = ranges_scattered(MANY, 0, PAGE);
	fd = vfio_dmabuf(&dev, BAR, ranges, MANY);
	igt_assert_eq_u64(dmabuf_size(fd), MANY * PAGE);
	close(fd);
	free(ranges);
}

/**
 * SUBTEST: two-exports
 * Description: Two dma-bufs of the same bytes live and die independently
 */
static void two_exports(void)
{
	int a = vfio_dmabuf_one(&dev, BAR, 0, MiB(1));
	int b = vfio_dmabuf_one(&dev, BAR, 0, MiB(1));
	uint32_t ioas = ioas_alloc(iommufd);

	igt_assert_neq(a, b);
	close(a);
	ioas_map_file(iommufd, ioas, b, 0, MiB(1), GiB(1));
	close(b);
	iommufd_destroy(iommufd, ioas);
}

/**
 * SUBTEST: fd-flags
 * Description: O_CLOEXEC and the access mode are those asked for
 */
static void fd_flags(void)
{
	static const struct {
		int open, fd, status;
	} cases[] = {
		{ O_RDWR | O_CLOEXEC, FD_CLOEXEC, O_RDWR },
		{ O_RDWR, 0, O_RDWR },
		{ O_RDONLY | O_CLOEXEC, FD_CLOEXEC, O_RDONLY },
	};
	struct vfio_region_dma_range range = { 0, PAGE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vfio_device_feature_dma_buf head = {
			.region_index = BAR,
			.open_flags = (uint32_t)cases[i].open,
			.nr_ranges = 1,
		};
		int fd = __vfio_dmabuf_raw(&dev, &head, &range, 1);

		igt_assert_fd(fd);
		igt_assert_eq(fcntl(fd, F_GETFD), cases[i].fd);
		igt_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, cases[i].status);
		close(fd);
	}
}

/**
 * SUBTEST: write-only
 * Description: Whoever may not read a dma-buf does not read it through a mapping of
 *	the CPU's or of a device's, whatever that is said to be for
 */
static void write_only(void)
{
	static const int modes[] = { O_WRONLY, O_ACCMODE };
	struct vfio_region_dma_range range = { 0, PAGE };
	uint32_t ioas = ioas_alloc(iommufd);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		int fd = vfio_dmabuf_mode(&dev, modes[i], BAR, &range, 1);
		uint32_t prot;

		igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) ==
			   MAP_FAILED);
		igt_assert_eq(errno, EACCES);
		for (prot = IOMMU_IOAS_MAP_WRITEABLE;
		     prot <= (IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE);
		     prot += IOMMU_IOAS_MAP_WRITEABLE) {
			uint64_t iova = GiB(1);

			igt_assert_eq(__ioas_map_file_prot(iommufd, ioas, fd, 0,
							   PAGE, &iova, prot),
				      -EACCES);
		}
		close(fd);
	}
	iommufd_destroy(iommufd, ioas);
}

/**
 * SUBTEST: while-disabled
 * Description: Export works while memory is disabled: the dma-buf starts revoked
 */
static void while_disabled(void)
{
	uint32_t ioas = ioas_alloc(iommufd);
	int fd;

	vfio_memory_enable(&dev, false);
	fd = vfio_dmabuf_one(&dev, BAR, 0, MiB(1));
	igt_assert_eq(__ioas_map_file(iommufd, ioas, fd, 0, MiB(1), GiB(1)),
		      -ENODEV);
	vfio_memory_enable(&dev, true);
	ioas_map_file(iommufd, ioas, fd, 0, MiB(1), GiB(1));
	close(fd);
	iommufd_destroy(iommufd, ioas);
}

/**
 * SUBTEST: bad-range
 * Description: A range that is empty, unaligned, outside its BAR or overflows is
 *	refused, alone and behind good ones
 */
static void bad_range(void)
{
	const uint64_t size = dev.region[BAR].size;
	const struct {
		struct vfio_region_dma_range range;
		int err, or_err;
	} cases[] = {
		{ { 0, 0 }, -EINVAL, 0 },
		{ { PAGE, 0 }, -EINVAL, 0 },
		{ { 0, 1 }, -EINVAL, 0 },
		{ { 0, PAGE - 1 }, -EINVAL, 0 },
		{ { 0, PAGE + 512 }, -EINVAL, 0 },
		{ { 1, PAGE }, -EINVAL, 0 },
		{ { 512, PAGE }, -EINVAL, 0 },
		{ { size, PAGE }, -EINVAL, 0 },
		{ { size - PAGE, 2 * PAGE }, -EINVAL, 0 },
		{ { 0, size + PAGE }, -EINVAL, 0 },
		{ { size + GiB(4), PAGE }, -EINVAL, 0 },
		{ { PAGE, 1ull << 63 }, -EINVAL, -EOVERFLOW },
		{ { -PAGE, PAGE }, -EINVAL, -EOVERFLOW },
		{ { -PAGE, 2 * PAGE }, -EINVAL, -EOVERFLOW },
		{ { PAGE, -PAGE }, -EINVAL, -EOVERFLOW },
		{ { -PAGE, -PAGE }, -EINVAL, -EOVERFLOW },
	};
	struct vfio_region_dma_range ranges[4] = {
		{ 0, PAGE }, { MiB(1), PAGE }, { MiB(2), PAGE }, { MiB(3), PAGE },
	};
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (n = 1; n <= 4; n++) {
			int ret;

			ranges[n - 1] = cases[i].range;
			ret = __vfio_dmabuf(&dev, BAR, ranges, n);
			ranges[n - 1] = (struct vfio_region_dma_range) {
				MiB(n - 1), PAGE };
			igt_assert_f(ret == cases[i].err ||
				     (cases[i].or_err &&
				      ret == cases[i].or_err),
				     "range 0x%llx+0x%llx as number %zu: %d instead of %d\n",
				     cases[i].range.offset,
				     cases[i].range.length, n, ret,
				     cases[i].err);
		}
	}

	/* The sum overflows */
	for (n = 0; n < 4; n++)
		ranges[n] = (struct vfio_region_dma_range) { 0, 1ull << 62 };
	igt_assert_eq(__vfio_dmabuf(&dev, BAR, ranges, 4), -EINVAL);
}

/**
 * SUBTEST: bad-count
 * Description: No ranges, absurd counts and counts beyond the caller's array are
 *	refused
 */
static void bad_count(void)
{
	static const uint32_t absurd[] = {
		(1u << 20) + 1, 1u << 24, 0x0fffffff, 0x10000001, 0x7fffffff,
		0x80000000, 0xffffffff,
	};
	struct vfio_region_dma_range range = { 0, PAGE };
	struct vfio_device_feature_dma_buf head = {
		.region_index = BAR,
		.open_flags = O_RDWR | O_CLOEXEC,
	};
	size_t i;
	int ret;

	igt_assert_eq(__vfio_dmabuf_raw(&dev, &head, &range, 1), -EINVAL);
	igt_assert_eq(__vfio_dmabuf_raw(&dev, &head, NULL, 0), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(absurd); i++) {
		head.nr_ranges = absurd[i];
		ret = __vfio_dmabuf_raw(&dev, &head, &range, 1);
		igt_assert_f(ret == -EINVAL, "%u ranges: %d\n", absurd[i], ret);
	}

	/* A count that is fine, of ranges that are not there to be read */
	head.nr_ranges = 1u << 19;
	ret = __vfio_dmabuf_raw(&dev, &head, &range, 1);
	igt_assert_f(ret == -EFAULT || ret == -EINVAL,
		     "ranges beyond the caller's memory: %d\n", ret);
}

/* How many descriptors there may be */
static int limit_descriptors(rlim_t nr)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	limit.rlim_cur = nr;
	return setrlimit(RLIMIT_NOFILE, &limit) ? -errno : 0;
}

/**
 * SUBTEST: no-descriptor
 * Description: An export when no file descriptor is free fails, and nothing is left
 */
static void no_descriptor(void)
{
	const struct vfio_region_dma_range range = { 0, PAGE };
	const unsigned int before = dmabuf_count();
	int next = dup(STDERR_FILENO), ret;
	struct rlimit limit;

	igt_assert_fd(next);
	close(next);
	igt_assert(!getrlimit(RLIMIT_NOFILE, &limit));
	igt_assert_eq(limit_descriptors((rlim_t)next), 0);
	ret = __vfio_dmabuf(&dev, BAR, &range, 1);
	igt_assert(!setrlimit(RLIMIT_NOFILE, &limit));
	igt_assert_eq(ret, -EMFILE);
	dmabuf_expect_count(before);
}

/**
 * SUBTEST: bad-region
 * Description: Regions that are not BARs, or BARs the device does not have, are
 *	refused
 */
static void bad_region(void)
{
	static const uint32_t regions[] = {
		1, 3, 5, VFIO_PCI_ROM_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX,
		VFIO_PCI_VGA_REGION_INDEX, VFIO_PCI_NUM_REGIONS, 0x7fffffff,
		0xffffffff,
	};
	struct vfio_region_dma_range range = { 0, PAGE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(regions); i++) {
		int ret = __vfio_dmabuf(&dev, regions[i], &range, 1);

		igt_assert_f(ret == -ENODEV, "region %u: %d instead of %d\n",
			     regions[i], ret, -ENODEV);
	}
	/* ivshmem's BAR0 is 256 bytes: there, but holds no whole page */
	igt_assert_eq(__vfio_dmabuf(&dev, 0, &range, 1), -EINVAL);
}

/**
 * SUBTEST: bad-flags
 * Description: Undefined flags are refused
 */
static void bad_flags(void)
{
	struct vfio_region_dma_range range = { 0, PAGE };
	struct vfio_device_feature_dma_buf head = {
		.region_index = BAR,
		.open_flags = O_RDWR | O_CLOEXEC,
		.nr_ranges = 1,
	};
	uint32_t bit;

	for (bit = 3; bit < 32; bit++) {
		head.flags = 1u << bit;
		igt_assert_eq(__vfio_dmabuf_raw(&dev, &head, &range, 1),
			      -EINVAL);
	}
}

/**
 * SUBTEST: bars
 * Description: Ranges of several BARs in one dma-buf, in any order
 */
static void bars(void)
{
	const uint64_t bar0 = dev2.region[0].offset, bar2 = dev2.region[2].offset;
	const struct vfio_region_dma_range ranges[] = {
		{ bar2 + MiB(1), MiB(1) }, { bar0, PAGE }, { bar2, PAGE },
		{ bar2 + MiB(4), PAGE }, { bar0 + PAGE, PAGE },
	};
	int fd;

	fd = __vfio_dmabuf_bars(&dev2, ranges, 5);
	igt_assert_f(fd >= 0, "ranges of two BARs: %s\n", strerror(-fd));
	igt_assert_eq_u64(dmabuf_size(fd), MiB(1) + 4 * PAGE);
	close(fd);

	/* One BAR, named by offset, is the same as by index */
	fd = __vfio_dmabuf_bars(&dev2, &ranges[0], 1);
	igt_assert_fd(fd);
	igt_assert_eq_u64(dmabuf_size(fd), MiB(1));
	close(fd);
}

/**
 * SUBTEST: bars-bad
 * Description: With device offsets: a range in no BAR, across two BARs, in config
 *	space, unaligned, or a region index besides, is refused
 */
static void bars_bad(void)
{
	const uint64_t bar0 = dev2.region[0].offset, bar2 = dev2.region[2].offset;
	const uint64_t size2 = dev2.region[2].size;
	const struct vfio_region_dma_range bad[] = {
		{ bar2 + size2, PAGE },
		{ bar2 + size2 - PAGE, 2 * PAGE },
		{ bar0 + dev2.region[0].size, PAGE },
		{ bar0, bar2 + PAGE - bar0 },
		{ dev2.region[1].offset, PAGE },
		{ dev2.region[VFIO_PCI_ROM_REGION_INDEX].offset, PAGE },
		{ dev2.region[VFIO_PCI_CONFIG_REGION_INDEX].offset, PAGE },
		{ bar2 + 512, PAGE }, { bar2, 512 }, { bar2, 0 },
		{ -PAGE, PAGE }, { -PAGE, 2 * PAGE }, { bar2, -PAGE },
		{ 0x00ffull << 40, PAGE },
	};
	struct vfio_region_dma_range ranges[2] = { { bar2, PAGE } };
	struct vfio_device_feature_dma_buf head = {
		.open_flags = O_RDWR | O_CLOEXEC,
		.flags = VFIO_DMA_BUF_DEVICE_OFFSETS,
		.nr_ranges = 1,
	};
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ranges[1] = bad[i];
		ret = __vfio_dmabuf_bars(&dev2, ranges, 2);
		igt_assert_f(ret == -EINVAL || ret == -ENODEV ||
			     ret == -EOVERFLOW,
			     "range 0x%llx+0x%llx of the device: %d\n",
			     bad[i].offset, bad[i].length, ret);
		ret = __vfio_dmabuf_bars(&dev2, &bad[i], 1);
		igt_assert_f(ret == -EINVAL || ret == -ENODEV ||
			     ret == -EOVERFLOW,
			     "range 0x%llx+0x%llx of the device, alone: %d\n",
			     bad[i].offset, bad[i].length, ret);
	}

	head.region_index = 2;
	igt_assert_eq(__vfio_dmabuf_raw(&dev2, &head, ranges, 1), -EINVAL);
	head.region_index = 0;
	head.nr_ranges = 0;
	igt_assert_eq(__vfio_dmabuf_raw(&dev2, &head, ranges, 1), -EINVAL);
	head.nr_ranges = 0xffffffff;
	ret = __vfio_dmabuf_raw(&dev2, &head, ranges, 1);
	igt_assert(ret == -EINVAL || ret == -ENOMEM);
}

static int __page_with(struct vfio_device *vfio, uint32_t flags)
{
	struct vfio_device_feature_dma_buf head = {
		.region_index = BAR,
		.open_flags = O_RDWR | O_CLOEXEC,
		.flags = flags,
		.nr_ranges = 1,
	};
	struct vfio_region_dma_range range = { 0, PAGE };

	return __vfio_dmabuf_raw(vfio, &head, &range, 1);
}

static uint32_t attr_with(uint32_t flags)
{
	int fd = __page_with(&dev, flags), questions;
	struct dma_buf_phys_group_info group;
	struct dma_buf_phys_query answer;

	igt_assert_f(fd >= 0, "%s: BAR%d with flags %u: %s\n", dev.addr, BAR,
		     flags, strerror(-fd));
	questions = query_open();
	query_groups(questions, fd, &answer, &group, 1);
	close(questions);
	close(fd);
	return group.attr;
}

/* VFIO has the BAR mapped, and on x86 all mappings of a page are alike */
static void uncached_all_the_same(void)
{
	int fd = __page_with(&dev2, VFIO_DMA_BUF_WRITE_COMBINE);
	volatile uint8_t *at;
	struct cpu_entry entry;

	igt_assert_fd(fd);
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	igt_assert(at != MAP_FAILED);
	close(fd);
	(void)at[0];
	cpu_lookup((void *)at, &entry);
	igt_assert(entry.present);
	igt_assert(entry.cache == CPU_UC_MINUS || entry.cache == CPU_UC);
	munmap((void *)at, PAGE);
}

/**
 * SUBTEST: write-combine
 * Description: With the flag a prefetchable BAR may be write-combining, without it
 *	must be uncached, which a CPU's mapping on x86 is in any case; a BAR that is
 *	not prefetchable is refused, alone and with another
 */
static void write_combine(void)
{
	const struct vfio_region_dma_range ranges[] = {
		{ dev2.region[2].offset, PAGE }, { dev2.region[0].offset, PAGE },
	};
	struct vfio_device_feature_dma_buf head = {
		.open_flags = O_RDWR | O_CLOEXEC,
		.flags = VFIO_DMA_BUF_WRITE_COMBINE,
		.nr_ranges = 1,
	};
	struct vfio_region_dma_range range = { 0, PAGE };

	igt_assert_eq_u64(attr_with(0), DMA_BUF_PHYS_QUERY_UC);
	igt_assert_eq_u64(attr_with(VFIO_DMA_BUF_WRITE_COMBINE),
			  DMA_BUF_PHYS_QUERY_WC);
	igt_assert_eq_u64(attr_with(VFIO_DMA_BUF_WRITE_COMBINE |
				    VFIO_DMA_BUF_NO_HOST_ACCESS),
			  DMA_BUF_PHYS_QUERY_WC);

	/* Registers of an NVMe controller */
	igt_assert_eq(__vfio_dmabuf_raw(&dev2, &head, &range, 1), -EINVAL);
	head.flags |= VFIO_DMA_BUF_DEVICE_OFFSETS;
	head.nr_ranges = 2;
	igt_assert_eq(__vfio_dmabuf_raw(&dev2, &head, ranges, 2), -EINVAL);

	uncached_all_the_same();
}

/* The SATA controller of the machine's chipset has I/O ports in BAR4 */
#define SATA "0000:00:1f.2"
#define SATA_IO_BAR 4
#define SATA_NO_BAR 2

/**
 * SUBTEST: io-bar
 * Description: An I/O port BAR gives EINVAL, a BAR the device does not have ENODEV
 */
static void io_bar(void)
{
	struct vfio_region_dma_range range = { 0, PAGE };
	struct vfio_device sata;
	uint32_t bar;
	int ret;

	ret = __vfio_open(&sata, SATA, iommufd);
	igt_assert_f(!ret, SATA ": cannot open it: %s\n", strerror(-ret));
	igt_assert_eq(__vfio_config_read(&sata, 0x10 + 4 * SATA_IO_BAR, 4,
					 &bar), 0);
	igt_assert_f(bar & 1, SATA ": BAR%d is memory: 0x%x\n", SATA_IO_BAR,
		     bar);
	igt_assert_eq(__vfio_dmabuf(&sata, SATA_IO_BAR, &range, 1), -EINVAL);
	igt_assert_eq(__vfio_dmabuf(&sata, SATA_NO_BAR, &range, 1), -ENODEV);
	range.offset = sata.region[SATA_IO_BAR].offset;
	igt_assert_eq(__vfio_dmabuf_bars(&sata, &range, 1), -EINVAL);
	vfio_close(&sata);
}

/* Descriptors from here on are those of the exports; there is room for few, or more */
#define FIRST 100
#define FEW 4u
#define MORE 60u

#define EVENTS "/sys/kernel/tracing/events/dma_buf/enable"

static int udmabufs = -1, memfd = -1, watches = -1;

static void no_events(int sig)
{
	(void)sig;
	__sysfs_write(EVENTS, "0");
}

/* Whatever was given out: it need not have come back to whom it was given to */
static int close_all(void)
{
	return syscall(SYS_close_range, FIRST, FIRST + MORE, 0) ? -errno : 0;
}

static int limit_once(void)
{
	int ret = limit_descriptors(FIRST + FEW);

	return ret ? ret : limit_descriptors(FIRST + MORE);
}

static int export_once(void)
{
	struct vfio_region_dma_range range = { 0, MiB(1) };
	int fd = __vfio_dmabuf(&dev, BAR, &range, 1);

	return fd < 0 ? fd : 0;
}

/* Without opening the device, whose descriptor might be closed as well */
static int udmabuf_once(void)
{
	struct udmabuf_create create = {
		.memfd = (uint32_t)memfd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = MiB(1),
	};

	return ioctl(udmabufs, UDMABUF_CREATE, &create) < 0 ? -errno : 0;
}

static int watch_once(void)
{
	struct vfio_region_dma_range range = { 0, MiB(1) };
	int ret = __vfio_dmabuf(&dev, BAR, &range, 1);

	if (ret >= 0)
		ret = __watch(watches, ret, O_CLOEXEC);
	/* It is closed, or another file has its number, or there is no room */
	if (ret == -EINVAL || ret == -EMFILE)
		ret = -EBADF;
	return ret < 0 ? ret : 0;
}

/**
 * SUBTEST: close-range
 * Description: Exports by VFIO and udmabuf, and watches, while other threads close
 *	their descriptors the moment they are there, and there is room for few:
 *	each is there or is not, and nothing is left
 */
static void close_range_storm(void)
{
	struct worker workers[] = {
		{ .name = "close", .once = close_all },
		{ .name = "limit", .once = limit_once },
		{ .name = "export", .once = export_once, .allowed = -EMFILE },
		{ .name = "udmabuf", .once = udmabuf_once, .allowed = -EMFILE },
		{ .name = "watch", .once = watch_once, .allowed = -EBADF },
	};
	unsigned int before = dmabuf_count(), i, nr = 0;
	int below[FIRST], fd;
	struct rlimit limit;

	module_load("udmabuf");
	udmabufs = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	igt_assert_fd(udmabufs);
	memfd = sealed_memfd(MiB(1));
	watches = query_open();
	while ((fd = dup(iommufd)) < FIRST) {
		igt_assert_fd(fd);
		below[nr++] = fd;
	}
	close(fd);
	igt_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);

	/* Events name what somebody else may have freed; older kernels have none */
	__sysfs_write(EVENTS, "1");
	igt_install_exit_handler(no_events);
	workers_run(workers, ARRAY_SIZE(workers), 1);
	no_events(0);

	igt_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	igt_assert_eq(close_all(), 0);
	for (i = 0; i < nr; i++)
		close(below[i]);
	close(watches);
	close(memfd);
	close(udmabufs);
	dmabuf_expect_count(before);
	/* And all of it works as before */
	close(vfio_dmabuf_one(&dev, BAR, 0, MiB(1)));
}

/* Whoever is refused is told by the errno: the log is not for users' mistakes */
static void quietly(void (*test)(void))
{
	int log = klog_open();

	test();
	igt_assert_eq((int)klog_count(log, NULL), 0);
	close(log);
}

int igt_main()
{
	igt_fixture() {
		klog_no_other_faults();
		iommufd = iommufd_open();
		vfio_open(&dev, pci_env("DMABUF_EXPORTER"), iommufd);
		vfio_open(&dev2, pci_env("DMABUF_EXPORTER2"), iommufd);
		igt_assert(vfio_has_dmabuf(&dev));
	}

	igt_subtest("one-range")
		one_range();

	/**
	 * SUBTEST: ranges
	 * Description: Ranges out of order, adjacent, and the same bytes twice
	 */
	igt_subtest("ranges") {
		const struct vfio_region_dma_range ranges[] = {
			{ MiB(8), MiB(2) }, { 0, PAGE }, { PAGE, PAGE },
			{ MiB(8), MiB(2) }, { MiB(4), 3 * PAGE },
		};
		int fd = vfio_dmabuf(&dev, BAR, ranges, 5);

		igt_assert_eq_u64(dmabuf_size(fd), MiB(4) + 5 * PAGE);
		close(fd);
	}

	igt_subtest("mirrored")
		mirrored();

	igt_subtest("many-ranges")
		many_ranges();

	igt_subtest("two-exports")
		two_exports();

	igt_subtest("fd-flags")
		fd_flags();

	igt_subtest("write-only")
		write_only();

	igt_subtest("while-disabled")
		while_disabled();

	igt_subtest("bad-range")
		quietly(bad_range);

	igt_subtest("bad-count")
		quietly(bad_count);

	igt_subtest("no-descriptor")
		quietly(no_descriptor);

	igt_subtest("bad-region")
		quietly(bad_region);

	igt_subtest("bad-flags")
		quietly(bad_flags);

	igt_subtest("write-combine")
		quietly(write_combine);

	igt_subtest("io-bar")
		io_bar();

	igt_subtest("bars")
		bars();

	igt_subtest("bars-bad")
		quietly(bars_bad);

	/* The last one: where it fails, there is room for few still */
	igt_subtest("close-range")
		quietly(close_range_storm);

	igt_fixture() {
		vfio_close(&dev);
		vfio_close(&dev2);
		close(iommufd);
	}
}
