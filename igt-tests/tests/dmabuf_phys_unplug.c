// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys unplug
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: revoke
 * Description: The exporting device is unbound or unplugged under its importers
 * Test category: functionality test
 */
#define _GNU_SOURCE /* O_PATH */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "igt_core.h"
#include "monitor.h"
#include "pci.h"
#include "scene.h"
#include "sysfs.h"
#include "vtd.h"

IGT_TEST_DESCRIPTION("The exporter's driver or the device itself goes away");

#define FRAG (2 * PAGE)
#define NR 4u
#define SIZE (NR * FRAG)

/*
 * What tools/vm/topology calls the exporter, for plugging it in again. QEMU 7.2
 * ends the VM when the second device gets the first one's memory.
 */
#define SHM_ID "shm0"
#define SHM_MEMORY "object_add memory-backend-memfd,id=again%u,share=on,size=64M"
#define SHM_PORT "rp1"
#define SHM_PLUG "device_add ivshmem-plain,id=shm0,memdev=again%u,bus=rp1"

static struct scene scene;
static struct vfio_region_dma_range *ranges;
static int fd, request;
static unsigned int nr_plugged;
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
	request = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	igt_assert_fd(request);
	igt_assert_eq(__vfio_request_eventfd(&scene.shm, request), 0);
}

static void wait_asked(void)
{
	struct pollfd pfd = { .fd = request, .events = POLLIN };

	igt_assert_f(poll(&pfd, 1, 30000) == 1,
		     "%s: the kernel does not ask for the device back\n",
		     scene.shm.addr);
}

/* The kernel asks for the device, and while it is not given back all is well */
static void wait_for_request(void)
{
	wait_asked();
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
 * Description: The same with the importer's mapping gone before, the dma-buf not
 *
 * SUBTEST: unplug
 * Description: The device pulled out through QEMU's monitor, and put back
 *
 * SUBTEST: unplug-o-path
 * Description: The same, and all that is left of the dma-buf is an O_PATH
 *	descriptor: nothing waits for it
 *
 * SUBTEST: link-error
 * Description: A fatal PCIe error above the device: the kernel resets the link
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

static void wait_for_device(bool there)
{
	uint64_t deadline = now_ms() + 60000;

	while (pci_exists(scene.shm.addr) != there) {
		igt_assert_f(now_ms() < deadline, "%s: still %s after 60 s\n",
			     scene.shm.addr, there ? "absent" : "present");
		usleep(50000);
	}
}

/* QEMU lets go of the device a moment after the kernel has */
static void plug_in(void)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char command[128], reply[256];

	snprintf(command, sizeof(command), SHM_PLUG, nr_plugged);
	do {
		igt_assert_eq(__monitor_command(command, reply, sizeof(reply)),
			      0);
		igt_assert_f(now_ms() < deadline, "'%s': %s\n", command,
			     reply);
		usleep(200000);
	} while (strstr(reply, "Duplicate device ID"));
	igt_assert_f(!reply[0], "'%s': %s\n", command, reply);
}

static void pull_out(void)
{
	char command[128];

	snprintf(command, sizeof(command), SHM_MEMORY, ++nr_plugged);
	monitor_command(command);
	monitor_command("device_del " SHM_ID);
}

static void put_back(void)
{
	int tries;

	plug_in();
	wait_for_device(true);
	/* It can be seen a moment before drivers may have it */
	for (tries = 0; tries < 100; tries++) {
		if (!__pci_bind(scene.shm.addr, "vfio-pci"))
			break;
		usleep(100000);
	}
}

static void unplug(void)
{
	begin();
	pull_out();
	wait_for_request();
	vfio_close(&scene.shm);
	wait_for_device(false);
	expect_dead();
	put_back();
	end(false);
}

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
	pull_out();
	wait_asked();
	vfio_close(&scene.shm);
	wait_for_device(false);
	put_back();
	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	close(path);
	close(request);
}

/*
 * The reset leaves the device without BARs, and only a new open brings them
 * back, so access must stay away until then.
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

	igt_describe("Unbind through sysfs");
	igt_subtest("unbind")
		unbind(false);

	igt_describe("Unbind with a dma-buf that nobody maps");
	igt_subtest("unbind-importer-first")
		unbind(true);

	igt_describe("Fatal error");
	igt_subtest("link-error")
		link_error();

	/* Last: lockdep ends with pciehp's own inversion, see scan-log.ignore */
	igt_describe("Hot unplug");
	igt_subtest("unplug")
		unplug();

	igt_describe("Hot unplug while an O_PATH descriptor is held");
	igt_subtest("unplug-o-path")
		unplug_o_path();

	igt_fixture()
		scene_close(&scene);
}
