// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys sg
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: scatterlist importer
 * Functionality: scatterlist mapping
 * Description: A driver that knows only scatterlists imports dma-bufs of physical
 *	ranges, on every route there is between two devices
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "klog.h"
#include "iommufd.h"
#include "memory.h"
#include "pci.h"
#include "ranges.h"
#include "sg_importer.h"
#include "sweep.h"
#include "sysfs.h"
#include "throttled.h"
#include "vfio.h"

#define BAR 2
#define CHUNK SG_COPY_BOTH

static int iommufd = -1;
static struct vfio_device dev;
static uint8_t *bar;

static void copy_both_ways(int importer,
			   const struct vfio_region_dma_range *ranges,
			   size_t nr, uint64_t at)
{
	sg_copy_both(importer, bar, ranges, nr, at);
}

/**
 * SUBTEST: ranges-1
 * Description: One range
 *
 * SUBTEST: ranges-256
 * Description: 256 ranges; one contiguous window behind an IOMMU; both ways at the
 *	first, middle and last byte and across a border of ranges
 *
 * SUBTEST: ranges-65536
 * Description: 65,536 ranges
 */
static void with_ranges(size_t nr, uint64_t length)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(nr, 0, length);
	const uint64_t size = nr * length;
	struct dma_buf_edu_info info;
	int fd, importer;

	/* The guard around what is touched is enough: the BAR is large */
	guard_fill(bar, 0, MiB(4));
	fd = vfio_dmabuf(&dev, BAR, ranges, nr);
	importer = sg_open();
	sg_attach(importer, fd, 0);

	sg_info(importer, &info);
	igt_info("%zu ranges: %u entries%s\n", nr, info.nents,
		 info.contiguous ? ", contiguous" : "");
	igt_assert_eq_u64(info.length, size);
	igt_assert_eq_u32(info.mapped, 1);
	if (pci_topology_is("host-bridge"))
		igt_assert_eq_u32(info.contiguous, 1);
	else
		igt_assert_eq_u32(info.contiguous, nr == 1);

	copy_both_ways(importer, ranges, nr, 0);
	copy_both_ways(importer, ranges, nr, size / 2 - 8);
	copy_both_ways(importer, ranges, nr, size - CHUNK);
	if (nr > 1)
		copy_both_ways(importer, ranges, nr, length - CHUNK / 2);
	guard_check(bar, 0, MiB(4));

	igt_assert_eq(__sg_unmap(importer), 0);
	igt_assert_eq(__sg_map(importer), 0);
	copy_both_ways(importer, ranges, nr, 0);
	igt_assert_eq(__sg_detach(importer), 0);
	close(importer);
	close(fd);
	free(ranges);
}

/**
 * SUBTEST: window
 * Description: Mapped and unmapped 64 times, the memory is where it was before to the
 *	device: the addresses of a mapping are given back with it
 */
static void window(void)
{
	int fd = vfio_dmabuf_one(&dev, BAR, 0, MiB(1)), importer = sg_open(), i;
	struct dma_buf_edu_info info;

	sg_attach(importer, fd, 0);
	for (i = 0; i < 64; i++) {
		igt_assert_eq(__sg_unmap(importer), 0);
		igt_assert_eq(__sg_map(importer), 0);
	}
	sg_info(importer, &info);
	igt_assert_eq_u32(info.elsewhere, 1);
	close(importer);
	close(fd);
}

/**
 * SUBTEST: two-bars
 * Description: Ranges of two BARs, two groups
 */
static void two_bars(void)
{
	static struct vfio_device nvme1;
	struct dma_buf_edu_info info;
	uint64_t word = 0x1122334455667788ull, cap = 0;
	int fd, importer = sg_open();

	vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
	fd = vfio_dmabuf_two_bars(&nvme1, 2, MiB(1), 0, 0);
	sg_attach(importer, fd, 0);
	sg_info(importer, &info);
	igt_assert_eq_u64(info.length, 2 * PAGE);
	igt_assert_eq(__sg_copy(importer, 16, &word, 8, true), 0);
	igt_assert_eq_u64(*(volatile uint64_t *)
			  ((uint8_t *)vfio_map_bar(&nvme1, 2) + MiB(1) + 16),
			  word);
	igt_assert_eq(__sg_copy(importer, PAGE, &cap, 8, false), 0);
	igt_assert_eq_u64(cap, *(volatile uint64_t *)vfio_map_bar(&nvme1, 0));
	close(importer);
	close(fd);
	vfio_close(&nvme1);
}

/**
 * SUBTEST: refused
 * Description: An importer that cannot be revoked or cannot reach peers is refused
 *	at attach
 */
static void refused(void)
{
	static const uint32_t flags[] = {
		DMA_BUF_EDU_NOT_REVOCABLE, DMA_BUF_EDU_NO_P2P,
		DMA_BUF_EDU_NOT_REVOCABLE | DMA_BUF_EDU_NO_P2P,
		DMA_BUF_EDU_STATIC,
	};
	int fd = vfio_dmabuf_one(&dev, BAR, 0, MiB(1));
	int importer = sg_open();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		igt_assert_f(__sg_attach(importer, fd, flags[i]) == -EOPNOTSUPP,
			     "attach with flags 0x%x is not refused\n", flags[i]);
	sg_attach(importer, fd, 0);
	close(importer);
	close(fd);
}

/**
 * SUBTEST: several
 * Description: Four importers of one dma-buf; each comes and goes independently
 */
static void several(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(16, 0, PAGE);
	int fd = vfio_dmabuf(&dev, BAR, ranges, 16), importers[4], i;

	guard_fill(bar, 0, MiB(1));
	for (i = 0; i < 4; i++) {
		importers[i] = sg_open();
		sg_attach(importers[i], fd, 0);
	}
	close(fd);
	copy_both_ways(importers[0], ranges, 16, PAGE);
	close(importers[0]);
	copy_both_ways(importers[3], ranges, 16, PAGE);
	vfio_memory_enable(&dev, false);
	close(importers[1]);
	vfio_memory_enable(&dev, true);
	copy_both_ways(importers[2], ranges, 16, 5 * PAGE);
	copy_both_ways(importers[3], ranges, 16, 6 * PAGE);
	close(importers[2]);
	close(importers[3]);
	guard_check(bar, 0, MiB(1));
	free(ranges);
}

/**
 * SUBTEST: read-only
 * Description: What was exported read-only can be mapped for reading, and behind an
 *	IOMMU no byte of it can be written
 */
static void read_only(void)
{
	const struct vfio_region_dma_range range = { 0, MiB(1) };
	uint8_t byte[8], word[8] = "written";
	int fd, importer = sg_open();
	uint64_t i;

	guard_fill(bar, 0, MiB(1));
	fd = vfio_dmabuf_mode(&dev, O_RDONLY, BAR, &range, 1);
	igt_assert_eq(__sg_attach(importer, fd, 0), 0);
	igt_assert_eq(__sg_map(importer), -EACCES);
	igt_assert_eq(__sg_detach(importer), 0);

	sg_attach(importer, fd, DMA_BUF_EDU_READ_ONLY);
	igt_assert_eq(__sg_copy(importer, PAGE, byte, sizeof(byte), false), 0);
	for (i = 0; i < sizeof(byte); i++)
		igt_assert_eq(byte[i], guard_byte(PAGE + i));
	if (pci_topology_is("host-bridge")) {
		/* The device does not notice that it wrote nothing */
		igt_assert_eq(__sg_copy(importer, PAGE, word, sizeof(word),
					true), 0);
		guard_check(bar, 0, MiB(1));
	}
	/* What it may, it may again after a restore, and no more */
	vfio_memory_enable(&dev, false);
	vfio_memory_enable(&dev, true);
	igt_assert_eq(__sg_copy(importer, 0, byte, sizeof(byte), false), 0);
	igt_assert_eq(byte[7], guard_byte(7));
	close(importer);
	close(fd);
}

/**
 * SUBTEST: revoke
 * Description: Revoke takes the mapping away before it returns; copies and attaches
 *	fail with ENODEV until restore, then work
 */
static void revoke_restore(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(16, 0, PAGE);
	int fd = vfio_dmabuf(&dev, BAR, ranges, 16);
	int importer = sg_open(), late = sg_open(), i;
	struct dma_buf_edu_info before, after;
	uint64_t word = 1;

	guard_fill(bar, 0, MiB(1));
	sg_attach(importer, fd, 0);
	copy_both_ways(importer, ranges, 16, PAGE);
	for (i = 0; i < 2; i++) {
		sg_info(importer, &before);
		vfio_memory_enable(&dev, false);
		sg_info(importer, &after);
		igt_assert_eq_u32(after.mapped, 0);
		igt_assert_lt((int)before.invalidations,
			      (int)after.invalidations);
		igt_assert_eq(__sg_copy(importer, 0, &word, 8, true), -ENODEV);
		igt_assert_eq(__sg_attach(late, fd, 0), -ENODEV);
		vfio_memory_enable(&dev, true);
		guard_check(bar, 0, MiB(1));
		copy_both_ways(importer, ranges, 16, 2 * PAGE);
	}
	sg_attach(late, fd, 0);
	close(late);
	close(importer);
	close(fd);
	free(ranges);
}

/* Whether a mapping that was taken away is still there tells who has waited */
static void expect_unmapped(int importer, uint32_t invalidations)
{
	struct dma_buf_edu_info info;

	sg_info(importer, &info);
	igt_assert_eq_u32(info.invalidations, invalidations);
	igt_assert_eq_u32(info.mapped, 0);
	igt_assert_eq_u32(info.stale, 0);
}

/**
 * SUBTEST: revoke-waits
 * Description: Revoke waits for an importer that unmaps late
 */
static void revoke_waits(void)
{
	int fd = vfio_dmabuf_one(&dev, BAR, 0, MiB(1));
	int importer = sg_open();
	struct dma_buf_edu_info info;
	int i;

	/* Unmaps 200 ms after it is told */
	sg_attach(importer, fd, DMA_BUF_EDU_LATE_UNMAP);
	for (i = 0; i < 3; i++) {
		sg_info(importer, &info);
		igt_assert_eq_u32(info.mapped, 1);
		vfio_memory_enable(&dev, false);
		expect_unmapped(importer, info.invalidations + 1);
		vfio_memory_enable(&dev, true);
		/* And again: the wait is armed anew */
		igt_assert_eq(__sg_map(importer), 0);
	}
	/* Nobody has mapped: nothing to wait for */
	igt_assert_eq(__sg_unmap(importer), 0);
	vfio_memory_enable(&dev, false);
	vfio_memory_enable(&dev, true);
	close(importer);
	close(fd);
}

static bool stop_copying;
static int copy_error;
static unsigned int copies;

static void *copy_thread(void *arg)
{
	int importer = *(int *)arg;
	uint8_t data[DMA_BUF_EDU_MAX_COPY];

	memset(data, 0x77, sizeof(data));
	while (!__atomic_load_n(&stop_copying, __ATOMIC_ACQUIRE)) {
		int ret = __sg_copy(importer, PAGE, data, sizeof(data), true);

		if (!ret)
			copies++;
		else if (ret != -ENODEV && !copy_error)
			copy_error = ret;
	}
	return NULL;
}

/**
 * SUBTEST: revoke-under-dma
 * Description: Revokes while the engine runs
 */
static void revoke_under_dma(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(16, 0, PAGE);
	int fd = vfio_dmabuf(&dev, BAR, ranges, 16);
	int importer = sg_open(), i;
	pthread_t thread;

	guard_fill(bar, 0, MiB(1));
	sg_attach(importer, fd, 0);
	stop_copying = false;
	copies = 0;
	copy_error = 0;
	igt_assert(!pthread_create(&thread, NULL, copy_thread, &importer));
	for (i = 0; i < 12; i++) {
		vfio_memory_enable(&dev, false);
		usleep(1000 * (unsigned int)i);
		vfio_memory_enable(&dev, true);
		usleep(130000 + 30000 * (unsigned int)i);
	}
	__atomic_store_n(&stop_copying, true, __ATOMIC_RELEASE);
	igt_assert(!pthread_join(thread, NULL));
	igt_info("%u copies\n", copies);
	igt_assert_f(!copy_error, "a copy failed: %s\n", strerror(-copy_error));
	igt_assert_lt(0, (int)copies);

	guard_fill(bar, ranges[1].offset, PAGE);
	guard_check(bar, 0, MiB(1));
	copy_both_ways(importer, ranges, 16, 3 * PAGE);
	close(importer);
	close(fd);
	free(ranges);
}

/**
 * SUBTEST: exporter-closed
 * Description: The exporter is closed under an attached importer, for good
 */
static void exporter_closed(void)
{
	int fd = vfio_dmabuf_one(&dev, BAR, 0, MiB(1));
	int importer = sg_open(), other = sg_open();
	struct dma_buf_edu_info info;
	uint64_t word = 1;

	guard_fill(bar, 0, MiB(1));
	sg_attach(importer, fd, 0);
	vfio_close(&dev);
	sg_info(importer, &info);
	igt_assert_eq_u32(info.mapped, 0);
	igt_assert_eq(__sg_copy(importer, 0, &word, 8, true), -ENODEV);

	vfio_open(&dev, pci_env("DMABUF_EXPORTER"), iommufd);
	bar = vfio_map_bar(&dev, BAR);
	guard_check(bar, 0, MiB(1));
	igt_assert_eq(__sg_copy(importer, 0, &word, 8, true), -ENODEV);
	igt_assert_eq(__sg_attach(other, fd, 0), -ENODEV);
	igt_assert_eq(__sg_detach(importer), 0);
	igt_assert_eq(__sg_attach(importer, fd, 0), -ENODEV);
	close(importer);
	close(other);
	close(fd);
}

#define SLOW_RANGES 65536u

/**
 * SUBTEST: slow-charge
 * Description: A program over its memory cgroup limit is throttled while it has 65,536
 *	ranges mapped, which take 2 MiB of tables behind a switch: a revoke meanwhile is
 *	not, and has nothing to unmap
 */
static void slow_charge(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(SLOW_RANGES, 0, PAGE);
	int fd = vfio_dmabuf(&dev, BAR, ranges, SLOW_RANGES);
	int importer = sg_open();

	free(ranges);
	igt_assert_eq(__sg_attach(importer, fd, 0), 0);
	throttled_revoke(throttled_start(__sg_map, importer), &dev);
	vfio_memory_enable(&dev, true);
	close(importer);
	close(fd);
}

static int unlucky_importer, unlucky_fd;

static int unlucky_go(void)
{
	return __sg_attach_map(unlucky_importer, unlucky_fd);
}

static void unlucky_undo(int result)
{
	(void)result;
	igt_assert_eq(__sg_detach(unlucky_importer), 0);
}

/**
 * SUBTEST: no-memory
 * Description: Attach and map 256 ranges, which take a table behind a switch, with the
 *	n-th allocation failing and all that come after it
 */
static void no_memory(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(256, 0, PAGE);

	sweep_require();
	unlucky_fd = vfio_dmabuf(&dev, BAR, ranges, 256);
	unlucky_importer = sg_open();
	sweep_over(&(struct sweep_op) {
		.go = unlucky_go, .undo = unlucky_undo, .rest = true });
	/* It would wait for what counts as mapped still */
	vfio_memory_enable(&dev, false);
	vfio_memory_enable(&dev, true);
	close(unlucky_importer);
	close(unlucky_fd);
	free(ranges);
}

/**
 * SUBTEST: unsupported-route
 * Description: Where the kernel does not trust the host bridge, attach is refused
 *	with EREMOTEIO, with one message that names both devices; ordinary memory is
 *	not affected
 */
static void unsupported_route(void)
{
	int fd = vfio_dmabuf_one(&dev, BAR, 0, MiB(1));
	int importer = sg_open(), log = klog_open(), memory;
	unsigned int said = 0, tries;
	char message[128];

	/* The PCI core has something to say, too; this is the framework's */
	snprintf(message, sizeof(message),
		 "%s: no peer-to-peer route to the memory of %s",
		 pci_env("DMABUF_EDU"), dev.addr);
	/* After ten of these, of whichever test, there are none for 5 s */
	for (tries = 0; tries < 2 && !said; tries++) {
		if (tries)
			sleep(6);
		igt_assert_eq(__sg_attach(importer, fd, 0), -EREMOTEIO);
		said = klog_count(log, message);
	}
	igt_assert_eq((int)said, 1);
	close(log);
	memory = heap_dmabuf(MiB(1));
	sg_attach(importer, memory, 0);
	close(memory);
	close(importer);
	close(fd);
}

int igt_main()
{
	igt_fixture() {
		iommufd = iommufd_open();
		vfio_open(&dev, pci_env("DMABUF_EXPORTER"), iommufd);
		bar = vfio_map_bar(&dev, BAR);
		sg_bind(pci_env("DMABUF_EDU"));
	}

	igt_subtest("ranges-1")
		with_ranges(1, MiB(1));

	igt_subtest("ranges-256")
		with_ranges(256, 2 * PAGE);

	igt_subtest("ranges-65536")
		with_ranges(65536, PAGE);

	igt_subtest("window")
		window();

	igt_subtest("two-bars")
		two_bars();

	igt_subtest("refused")
		refused();

	igt_subtest("several")
		several();

	igt_subtest("read-only")
		read_only();

	igt_subtest("revoke")
		revoke_restore();

	igt_subtest("revoke-waits")
		revoke_waits();

	igt_subtest("revoke-under-dma")
		revoke_under_dma();

	igt_subtest("exporter-closed")
		exporter_closed();

	igt_subtest("slow-charge") {
		igt_require(pci_topology_is("switch"));
		slow_charge();
	}

	igt_subtest("no-memory") {
		igt_require(pci_topology_is("switch"));
		no_memory();
	}

	igt_subtest("unsupported-route") {
		igt_require(pci_topology_is("unsupported"));
		unsupported_route();
	}

	igt_fixture() {
		vfio_close(&dev);
		close(iommufd);
	}
}
