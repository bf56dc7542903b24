// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys group
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: VFIO
 * Functionality: groups and containers
 * Description: A device opened by its group and a container, as most programs do,
 *	exports as one does that is opened by its character device
 * Test category: functionality test
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu_access.h"
#include "edu.h"
#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "module.h"
#include "pci.h"
#include "scene.h"
#include "subtests.h"
#include "sysfs.h"
#include "vfio_group.h"
#include "vtd.h"

#define LENGTH MiB(1)

/* The exporter */
static struct vfio_group group = { .fd = -1, .dev.fd = -1 };
static struct vfio_device *const dev = &group.dev;
static int container = -1, dmabuf = -1;
static uint8_t *bar, *mapped;

/* Who reaches for it; not without an IOMMU */
static struct edu edu = { .dev.fd = -1 };
static int iommufd = -1;
static uint32_t ioas;

static bool translated(void)
{
	return !pci_topology_is("no-iommu");
}

static void close_all(void)
{
	if (mapped)
		munmap(mapped, LENGTH);
	mapped = NULL;
	close_fd(&dmabuf);
	group_close(&group);
	close_fd(&container);
	edu_close(&edu);
	close_fd(&iommufd);
}

static void open_group(const char *which)
{
	container = container_open();
	group_open(&group, pci_env(which), container,
		   translated() ? VFIO_TYPE1v2_IOMMU : VFIO_NOIOMMU_IOMMU);
}

static void open_device(const char *which)
{
	open_group(which);
	bar = vfio_map_bar(dev, SHM_BAR);
}

/* @dmabuf of the first bytes of BAR 2, for the CPU and for a device */
static void open_all(const char *which)
{
	open_device(which);
	guard_fill(bar, 0, LENGTH);
	dmabuf = vfio_dmabuf_one(dev, SHM_BAR, 0, LENGTH);
	mapped = cpu_map(dmabuf, NULL, LENGTH, 0);
	if (!translated())
		return;
	iommufd = iommufd_open();
	ioas = ioas_alloc(iommufd);
	edu_open(&edu, iommufd);
	edu_attach(&edu, ioas);
	ioas_map_file(iommufd, ioas, dmabuf, 0, LENGTH, BASE);
}

static void expect_access(void)
{
	static uint64_t word = 0x9009000000000000ull;
	uint64_t deadline = now_ms() + PATIENCE_MS;

	cpu_both_ways(mapped, bar);
	cpu_both_ways(mapped + LENGTH - 8, bar + LENGTH - 8);
	if (!translated())
		return;
	/* The importer maps in its own time */
	while (!vtd_mapped(edu.dev.addr, BASE + LENGTH - PAGE)) {
		igt_assert_f(now_ms() < deadline, "not mapped again\n");
		usleep(10000);
	}
	word++;
	edu_write(&edu, BASE + PAGE, &word, sizeof(word));
	igt_assert_eq_u64(cpu_load(bar + PAGE), word);
}

static void expect_none(void)
{
	igt_assert(!cpu_reachable(mapped));
	igt_assert(!cpu_reachable(mapped + LENGTH - 8));
	if (!translated())
		return;
	igt_assert(!vtd_mapped(edu.dev.addr, BASE));
	igt_assert(!vtd_mapped(edu.dev.addr, BASE + LENGTH - PAGE));
}

/**
 * SUBTEST: ranges
 * Description: 64 scattered ranges of one BAR, and pages of two BARs: every end
 *	both ways, and what is between them
 */
static void many_ranges(void)
{
	struct vfio_region_dma_range *list = ranges_scattered(64, 0, 2 * PAGE);
	uint8_t *at;
	unsigned int i;

	open_device("DMABUF_EXPORTER");
	guard_fill(bar, 0, LENGTH);
	dmabuf = vfio_dmabuf(dev, SHM_BAR, list, 64);
	at = cpu_map(dmabuf, NULL, 64 * 2 * PAGE, 0);
	for (i = 0; i < 64; i++) {
		uint64_t first = list[i].offset, last = first + 2 * PAGE - 8;

		cpu_both_ways(at + i * 2 * PAGE, bar + first);
		cpu_both_ways(at + (i + 1) * 2 * PAGE - 8, bar + last);
		cpu_store(bar + first, guard_word(first));
		cpu_store(bar + last, guard_word(last));
	}
	guard_check(bar, 0, LENGTH);
	munmap(at, 64 * 2 * PAGE);
	free(list);

	close_all();
	open_device("DMABUF_EXPORTER2");
	dmabuf = vfio_dmabuf_two_bars(dev, 2, MiB(3), 0, 0);
	at = cpu_map(dmabuf, NULL, 2 * PAGE, 0);
	cpu_both_ways(at + 8, bar + MiB(3) + 8);
	igt_assert_neq_u64(cpu_load(at + PAGE), 0);
	igt_assert_eq_u64(cpu_load(at + PAGE), cpu_load(vfio_map_bar(dev, 0)));
	munmap(at, 2 * PAGE);
}

/**
 * SUBTEST: revoke
 * Description: Memory off and on, D3hot and D0: no access by the CPU and by a
 *	device while it lasts, access after it
 */
static void revoked(void)
{
	open_all("DMABUF_EXPORTER2");
	expect_access();
	vfio_memory_enable(dev, false);
	expect_none();
	vfio_memory_enable(dev, true);
	expect_access();
	/* The BAR answers in D3hot: only the revoke keeps anybody away */
	igt_assert_eq(__vfio_set_power(dev, 3), 0);
	expect_none();
	igt_assert_eq(__vfio_set_power(dev, 0), 0);
	expect_access();
}

static int bus_reset(void)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int32_t fd;
	} arg = {
		.reset = { .argsz = sizeof(arg), .count = 1 },
		.fd = group.fd,
	};

	return ioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &arg) < 0 ? -errno : 0;
}

static void expect_reset(int ret)
{
	igt_assert_eq(ret, 0);
	igt_assert_lt(0, trace_revokes());
	vfio_enable(dev);
	expect_access();
	trace_revokes();
}

/**
 * SUBTEST: reset
 * Description: Reset of the device, function-level reset, reset of the bus: access
 *	was taken away and is back
 */
static void reset(void)
{
	open_all("DMABUF_EXPORTER2");
	expect_access();
	igt_assert_neq(trace_revokes(), -1);
	expect_reset(__vfio_reset(dev));
	expect_reset(__vfio_flr(dev));
	expect_reset(bus_reset());
}

/**
 * SUBTEST: closed
 * Description: The device's file is closed, its group is not: access is gone for
 *	good, also after the device is opened again, whose dma-bufs are new
 */
static void closed(void)
{
	int fresh;

	open_all("DMABUF_EXPORTER");
	expect_access();
	vfio_close(dev);
	expect_none();
	igt_assert_eq(__group_device(&group), 0);
	vfio_enable(dev);
	bar = vfio_map_bar(dev, SHM_BAR);
	expect_none();
	fresh = vfio_dmabuf_one(dev, SHM_BAR, 0, LENGTH);
	munmap(mapped, LENGTH);
	mapped = cpu_map(fresh, NULL, LENGTH, 0);
	cpu_both_ways(mapped, bar);
	close(fresh);
}

/**
 * SUBTEST: container-closed
 * Description: The container's file is closed first, which ends nothing
 */
static void container_closed(void)
{
	open_all("DMABUF_EXPORTER");
	close_fd(&container);
	expect_access();
	vfio_memory_enable(dev, false);
	expect_none();
	vfio_memory_enable(dev, true);
	expect_access();
	group_close(&group);
	expect_none();
}

/**
 * SUBTEST: no-host-access
 * Description: VFIO_DMA_BUF_NO_HOST_ACCESS closes the same ways in; closing and
 *	reopening the device opens them again
 */
static void no_host_access(void)
{
	open_group("DMABUF_EXPORTER2");
	expect_open(dev, PAGE);
	dmabuf = export_one(dev, NO_HOST, PAGE, PAGE);
	expect_closed(dev, PAGE);
	expect_open(dev, 0);
	expect_open(dev, 2 * PAGE);
	vfio_close(dev);
	igt_assert_eq(__group_device(&group), 0);
	vfio_enable(dev);
	expect_open(dev, PAGE);
}

static const struct subtest tests[] = {
	{ "ranges", many_ranges },
	{ "revoke", revoked },
	{ "reset", reset },
	{ "closed", closed },
	{ "container-closed", container_closed },
	{ "no-host-access", no_host_access },
};

int igt_main()
{
	igt_fixture() {
		module_load("vfio_iommu_type1");
		cpu_access_init();
	}

	subtests(tests, close_all, close_all);

	igt_fixture()
		close_all();
}
