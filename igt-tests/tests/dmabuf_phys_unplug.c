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
#include <pthread.h>
#include <unistd.h>

#include "igt_core.h"
#include "monitor.h"
#include "pci.h"
#include "plug.h"
#include "scene.h"
#include "sysfs.h"
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

static void *unbind_thread(void *arg)
{
	int *result = arg;

	*result = __pci_unbind(scene.shm.addr);
	return NULL;
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
	pthread_t thread;
	int result = 1;

	begin();
	igt_assert(!pthread_create(&thread, NULL, unbind_thread, &result));
	wait_for_request();
	if (unmap_first)
		ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	vfio_close(&scene.shm);
	igt_assert(!pthread_join(thread, NULL));
	igt_assert_eq(result, 0);
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

	igt_fixture()
		scene_close(&scene);
}
