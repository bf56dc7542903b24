// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys unplug
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: revoke
 * Functionality: hot unplug
 * Description: The exporting device is unbound or unplugged under its importers
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "host_access.h"
#include "igt_core.h"
#include "memory.h"
#include "monitor.h"
#include "pci.h"
#include "plug.h"
#include "scene.h"
#include "sysfs.h"
#include "vfio.h"
#include "vtd.h"

#define FRAG (2 * PAGE)
#define NR 4u
#define SIZE (NR * FRAG)

/* What tools/vm/topology calls the exporter and the port above it */
#define SHM_ID "shm0"
#define SHM_PORT "rp1"

static struct scene scene;
static struct vfio_region_dma_range *ranges;
static int fd, request;
static const char *edu;

static void expect_live(void)
{
	igt_assert(vtd_mapped(edu, BASE));
	igt_assert(vtd_mapped(edu, BASE + SIZE - PAGE));
	scene_store(&scene, BASE + FRAG,
		    scene.bar + ranges_find(ranges, NR, FRAG));
}

static void expect_dead(void)
{
	unsigned long faults = vtd_faults();

	igt_assert(!vtd_mapped(edu, BASE));
	igt_assert(!vtd_mapped(edu, BASE + SIZE - PAGE));
	scene_store(&scene, BASE + FRAG, NULL);
	igt_assert_f(vtd_wait_fault(faults), "the IOMMU reports no fault\n");
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE,
				      BASE + GiB(1)), -ENODEV);
}

static void begin(void)
{
	fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE);
	expect_live();
	guard_fill(scene.bar, 0, 2 * SIZE);
	request = plug_watch(&scene.shm);
}

/* The kernel asks for the device, and while it is not given back all is well */
static void wait_for_request(void)
{
	plug_wait_asked(request, scene.shm.addr);
	expect_live();
	guard_fill(scene.bar, 0, 2 * SIZE);
}

/* The device is there again: old dma-buf dead, bytes unharmed, new one works */
static void end(bool same_memory)
{
	int again;

	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	if (same_memory)
		guard_check(scene.bar, 0, 2 * SIZE);
	expect_dead();
	again = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
	ioas_map_file(scene.iommufd, scene.ioas, again, 0, SIZE, BASE + GiB(1));
	scene_store(&scene, BASE + GiB(1),
		    scene.bar + ranges_find(ranges, NR, 0));
	igt_assert(!vtd_mapped(edu, BASE));
	ioas_unmap(scene.iommufd, scene.ioas, BASE + GiB(1), SIZE);
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	close(again);
	close(fd);
	close(request);
}

/**
 * SUBTEST: unbind
 * Description: The driver unbound through sysfs while importers are attached
 *
 * SUBTEST: unbind-importer-first
 * Description: The driver unbound once the importer's mapping is gone, but the
 *	dma-buf is not
 */
static void unbind(bool unmap_first)
{
	struct plug_unbind unbinding;

	begin();
	plug_unbind_begin(&unbinding, scene.shm.addr);
	wait_for_request();
	if (unmap_first)
		ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	vfio_close(&scene.shm);
	igt_assert_eq(plug_unbind_end(&unbinding), 0);
	expect_dead();
	/* end() expects a mapping to remove, dead or not */
	if (unmap_first) {
		close(fd);
		close(request);
		vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"),
			  scene.iommufd);
		scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
		guard_check(scene.bar, 0, 2 * SIZE);
		return;
	}
	end(true);
}

/**
 * SUBTEST: unplug
 * Description: The device pulled out through QEMU's monitor, and put back
 */
static void unplug(void)
{
	begin();
	plug_pull_out(SHM_ID);
	wait_for_request();
	vfio_close(&scene.shm);
	plug_wait_gone(scene.shm.addr);
	expect_dead();
	plug_in_exporter(scene.shm.addr);
	end(false);
}

/**
 * SUBTEST: unplug-o-path
 * Description: The device pulled out when only an O_PATH descriptor of the dma-buf
 *	is left: nothing waits for it
 */
static void unplug_o_path(void)
{
	char proc[32];
	int path;

	begin();
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	path = open(proc, O_PATH | O_CLOEXEC);
	igt_assert_fd(path);
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	close(fd);
	plug_pull_out(SHM_ID);
	plug_wait_asked(request, scene.shm.addr);
	vfio_close(&scene.shm);
	plug_wait_gone(scene.shm.addr);
	plug_in_exporter(scene.shm.addr);
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	close(path);
	close(request);
}

/**
 * SUBTEST: link-error
 * Description: A fatal PCIe error above the device: the kernel resets the link. That
 *	leaves the device without BARs until it is opened anew, and without access
 */
static void link_error(void)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char reply[256];

	begin();
	trace_revokes();
	igt_assert_eq(__monitor_command("pcie_aer_inject_error " SHM_PORT " DLP",
					reply, sizeof(reply)), 0);
	igt_debug("QEMU: %s\n", reply);
	while (trace_revokes() == 0) {
		igt_assert_f(now_ms() < deadline,
			     "%s: access is not taken away on a fatal error of %s; QEMU said: %s\n",
			     scene.shm.addr, SHM_PORT, reply);
		usleep(50000);
	}
	expect_dead();
	vfio_close(&scene.shm);
	end(true);
}

/* Of pci-testdev: how large this one is can be chosen, and it need not have memory */
#define LARGE_BAR 2
/* This one is a page */
#define SMALL_BAR 0

static void expect_no_export(const struct vfio_region_dma_range *list, size_t nr,
			     uint32_t region, uint32_t flags)
{
	const unsigned int before = dmabuf_count();

	igt_assert_eq(__export_ranges(&scene.shm, flags, region, list, nr), -ENODEV);
	dmabuf_expect_count(before);
}

static void expect_small_only(void)
{
	struct vfio_region_dma_range both[2] = { { 0, PAGE }, { 0, PAGE } };
	int dmabuf;

	expect_no_export(both, 1, LARGE_BAR, 0);
	expect_no_export(both, 1, LARGE_BAR, VFIO_DMA_BUF_NO_HOST_ACCESS);
	expect_no_export(both, 1, LARGE_BAR, VFIO_DMA_BUF_WRITE_COMBINE);
	both[0].offset = scene.shm.region[SMALL_BAR].offset;
	both[1].offset = scene.shm.region[LARGE_BAR].offset;
	expect_no_export(both, 2, 0, VFIO_DMA_BUF_DEVICE_OFFSETS);
	expect_no_export(both, 2, 0, VFIO_DMA_BUF_DEVICE_OFFSETS |
				     VFIO_DMA_BUF_NO_HOST_ACCESS);

	/* Each of them would be refused if a claim of the other kind were left */
	dmabuf = vfio_dmabuf_one(&scene.shm, SMALL_BAR, 0, PAGE);
	close(dmabuf);
	both[0].offset = 0;
	dmabuf = __export_ranges(&scene.shm, VFIO_DMA_BUF_NO_HOST_ACCESS, SMALL_BAR, both, 1);
	igt_assert_fd(dmabuf);
	close(dmabuf);
}

/**
 * SUBTEST: unassigned
 * Description: Devices with a BAR for which there are no addresses: VFIO opens them, no
 *	dma-buf is made of that BAR, also not together with another BAR, and nothing is
 *	left of the attempt
 */
static void unassigned(void)
{
	/* Of the first one the kernel forgets even the size, of the second it does not */
	static const char *const sizes[] = { "32T", "4P" };
	char addr[sizeof(scene.shm.addr)], device[64];
	size_t i;

	strcpy(addr, scene.shm.addr);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		vfio_close(&scene.shm);
		plug_pull_out(SHM_ID);
		plug_wait_gone(addr);
		snprintf(device, sizeof(device), "pci-testdev,membar=%s,bus=" SHM_PORT,
			 sizes[i]);
		plug_in(SHM_ID, device, addr, "vfio-pci");
		vfio_open(&scene.shm, addr, scene.iommufd);
		igt_assert(pci_bar(addr, SMALL_BAR, NULL));
		igt_assert(!pci_bar(addr, LARGE_BAR, NULL));
		igt_info("a BAR of %s, without an address: VFIO says 0x%" PRIx64 " bytes\n",
			 sizes[i], scene.shm.region[LARGE_BAR].size);
		expect_small_only();
	}
	vfio_close(&scene.shm);
	plug_pull_out(SHM_ID);
	plug_wait_gone(addr);
	plug_in_exporter(addr);
	vfio_open(&scene.shm, addr, scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
}

int igt_main()
{
	igt_fixture() {
		scene_open(&scene);
		edu = scene.edu.dev.addr;
		ranges = ranges_scattered(NR, 0, FRAG);
	}

	igt_subtest("unbind")
		unbind(false);

	igt_subtest("unbind-importer-first")
		unbind(true);

	igt_subtest("link-error")
		link_error();

	/* Last: lockdep ends with pciehp's own inversion, see scan-log.ignore */
	igt_subtest("unplug")
		unplug();

	igt_subtest("unplug-o-path")
		unplug_o_path();

	igt_subtest("unassigned")
		unassigned();

	igt_fixture()
		scene_close(&scene);
}
