// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys revoke
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: revoke
 * Functionality: revoke
 * Description: Whatever takes a BAR away takes it from every importer before the
 *	call returns; what gives it back maps it again without the program
 * Test category: functionality test
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "pci.h"
#include "scene.h"
#include "vtd.h"

#define FRAG (2 * PAGE)
#define NR 4u
#define SIZE (NR * FRAG)

static struct scene scene;
static struct vfio_device nvme1;	/* exporter with FLR and D3 */
static struct vfio_region_dma_range *ranges;
static const char *edu;

/* The exporter and the dma-buf a subtest is about */
static struct {
	struct vfio_device *dev;
	uint8_t *bar;
	int fd;
} exporter = { .fd = -1 };

static uint8_t *cpu(uint64_t offset)
{
	return exporter.bar + ranges_find(ranges, NR, offset);
}

static void expect_mapped(bool mapped)
{
	static const uint64_t offsets[] = { 0, FRAG - PAGE, FRAG, SIZE - PAGE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		igt_assert_f(vtd_mapped(edu, BASE + offsets[i]) == mapped,
			     "the IOMMU %s page 0x%" PRIx64 " of the dma-buf\n",
			     mapped ? "does not map" : "still maps",
			     offsets[i]);
}

static void expect_live(void)
{
	expect_mapped(true);
	scene_store(&scene, BASE + FRAG, cpu(FRAG));
	scene_store(&scene, BASE + SIZE - 8, cpu(SIZE - 8));
}

/* DMA runs into nothing: the IOMMU says so, and the caller compares the bytes */
static void expect_gone(void)
{
	unsigned long faults = vtd_faults();

	expect_mapped(false);
	scene_store(&scene, BASE + FRAG, NULL);
	igt_assert_f(vtd_wait_fault(faults), "the IOMMU reports no fault\n");
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, exporter.fd, 0,
				      SIZE, BASE + GiB(1)), -ENODEV);
}

static void begin(struct vfio_device *dev)
{
	scene_reset_ioas(&scene);
	/* However the subtest before left it */
	if (exporter.fd >= 0)
		close(exporter.fd);
	__vfio_set_power(dev, 0);
	vfio_memory_enable(dev, true);
	exporter.dev = dev;
	exporter.bar = vfio_map_bar(dev, SHM_BAR);
	exporter.fd = vfio_dmabuf(dev, SHM_BAR, ranges, NR);
	ioas_map_file(scene.iommufd, scene.ioas, exporter.fd, 0, SIZE, BASE);
	guard_fill(exporter.bar, 0, 2 * SIZE);
	expect_live();
	guard_fill(exporter.bar, 0, 2 * SIZE);
	trace_revokes();
}

static void end(void)
{
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	close(exporter.fd);
	exporter.fd = -1;
}

/**
 * SUBTEST: memory-enable
 * Description: Memory switched off in the command register, and on again, twice
 */
static void memory_enable(struct vfio_device *dev)
{
	int i;

	begin(dev);
	for (i = 0; i < 2; i++) {
		vfio_memory_enable(dev, false);
		expect_gone();
		/* Off while it is off changes nothing */
		vfio_memory_enable(dev, false);
		expect_mapped(false);
		vfio_memory_enable(dev, true);
		guard_check(exporter.bar, 0, 2 * SIZE);
		expect_live();
		guard_fill(exporter.bar, 0, 2 * SIZE);
	}
	end();
}

/**
 * SUBTEST: d3
 * Description: The device sent to D3hot and back by its power register. Its BAR
 *	still answers there, so only the revoke keeps DMA away
 */
static void d3(void)
{
	begin(&nvme1);
	igt_assert_eq(__vfio_set_power(&nvme1, 3), 0);
	expect_gone();
	igt_assert_eq(__vfio_set_power(&nvme1, 0), 0);
	wait_restored();
	guard_check(exporter.bar, 0, 2 * SIZE);
	expect_live();
	end();
}

/**
 * SUBTEST: reset
 * Description: VFIO_DEVICE_RESET of a device without and with function-level reset:
 *	revoked and restored within the call
 *
 * SUBTEST: flr
 * Description: Function-level reset by a config write
 *
 * SUBTEST: hot-reset
 * Description: VFIO_DEVICE_PCI_HOT_RESET: the bus
 */
static void across(const char *what, struct vfio_device *dev,
		   int (*reset)(struct vfio_device *dev))
{
	int ret, revokes;

	begin(dev);
	ret = reset(dev);
	igt_assert_f(!ret, "%s: %s: %s\n", dev->addr, what, strerror(-ret));
	revokes = trace_revokes();
	igt_info("%s of %s: %d revokes\n", what, dev->addr, revokes);
	igt_assert_f(revokes, "%s: %s without a revoke\n", dev->addr, what);
	wait_restored();
	expect_live();
	end();
}

/**
 * SUBTEST: reset-while-disabled
 * Description: A reset does not restore what memory-enable keeps away
 */
static void reset_while_disabled(void)
{
	begin(&nvme1);
	vfio_memory_enable(&nvme1, false);
	expect_gone();
	igt_assert_eq(__vfio_reset(&nvme1), 0);
	expect_gone();
	vfio_memory_enable(&nvme1, true);
	guard_check(exporter.bar, 0, 2 * SIZE);
	expect_live();
	end();
}

/**
 * SUBTEST: close
 * Description: The exporter's fd is closed: access is gone for good, also after the
 *	device is opened again; a new dma-buf works
 *
 * SUBTEST: close-while-disabled
 * Description: The exporter closed while revoked
 */
static void exporter_close(bool disabled)
{
	int old;

	begin(&scene.shm);
	if (disabled)
		vfio_memory_enable(&scene.shm, false);
	vfio_close(&scene.shm);
	expect_gone();

	vfio_open(&scene.shm, pci_env("DMABUF_EXPORTER"), scene.iommufd);
	scene.bar = exporter.bar = vfio_map_bar(&scene.shm, SHM_BAR);
	guard_check(exporter.bar, 0, 2 * SIZE);
	expect_gone();

	/* What comes and goes on the same device is no business of the old one */
	old = exporter.fd;
	exporter.fd = vfio_dmabuf(&scene.shm, SHM_BAR, ranges, NR);
	ioas_map_file(scene.iommufd, scene.ioas, exporter.fd, 0, SIZE,
		      BASE + GiB(2));
	scene_store(&scene, BASE + GiB(2) + FRAG, cpu(FRAG));
	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
	scene_store(&scene, BASE + GiB(2) + FRAG, cpu(FRAG));
	expect_mapped(false);
	igt_assert_eq(__ioas_map_file(scene.iommufd, scene.ioas, old, 0, SIZE,
				      BASE + GiB(1)), -ENODEV);
	close(old);
	ioas_unmap(scene.iommufd, scene.ioas, BASE + GiB(2), SIZE);
	end();
}

/**
 * SUBTEST: unmap-while-revoked
 * Description: A revoked mapping can be unmapped like any other and does not come
 *	back
 */
static void unmap_while_revoked(void)
{
	begin(&scene.shm);
	vfio_memory_enable(&scene.shm, false);
	ioas_unmap(scene.iommufd, scene.ioas, BASE, SIZE);
	vfio_memory_enable(&scene.shm, true);
	expect_mapped(false);
	ioas_map_file(scene.iommufd, scene.ioas, exporter.fd, 0, SIZE, BASE);
	expect_live();
	end();
}

/**
 * SUBTEST: importer-closed-while-revoked
 * Description: The importing program exits while the buffer is revoked
 */
static void importer_closed_while_revoked(void)
{
	int other = iommufd_open();
	uint32_t ioas = ioas_alloc(other);

	begin(&scene.shm);
	ioas_map_file(other, ioas, exporter.fd, 0, SIZE, BASE);
	vfio_memory_enable(&scene.shm, false);
	close(other);
	vfio_memory_enable(&scene.shm, true);
	expect_live();
	end();
}

/**
 * SUBTEST: attach-while-revoked
 * Description: A device attached while the buffer is revoked sees it after restore;
 *	one detached meanwhile does no harm
 */
static void attach_while_revoked(void)
{
	uint32_t other = ioas_alloc(scene.iommufd);

	begin(&scene.shm);
	ioas_map_file(scene.iommufd, other, exporter.fd, 0, SIZE, BASE);
	vfio_memory_enable(&scene.shm, false);
	edu_attach(&scene.edu, other);
	expect_mapped(false);
	/* The first address space still has nvme, and now loses it too */
	vfio_detach(&scene.nvme.dev);
	vfio_memory_enable(&scene.shm, true);
	guard_check(exporter.bar, 0, 2 * SIZE);
	expect_live();
	vfio_attach(&scene.nvme.dev, scene.ioas);
	igt_assert(vtd_mapped(scene.nvme.dev.addr, BASE));
	vfio_attach(&scene.edu.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, other);
	end();
}

/**
 * SUBTEST: two-importers
 * Description: Mappings in two address spaces are revoked and restored together
 */
static void two_importers(void)
{
	uint32_t other = ioas_alloc(scene.iommufd);
	const char *nvme = scene.nvme.dev.addr;

	begin(&scene.shm);
	ioas_map_file(scene.iommufd, other, exporter.fd, PAGE, FRAG, BASE);
	ioas_map_file(scene.iommufd, other, exporter.fd, 0, SIZE, BASE + GiB(1));
	vfio_attach(&scene.nvme.dev, other);
	igt_assert(vtd_mapped(nvme, BASE));
	vfio_memory_enable(&scene.shm, false);
	expect_gone();
	igt_assert(!vtd_mapped(nvme, BASE));
	igt_assert(!vtd_mapped(nvme, BASE + GiB(1)));
	vfio_memory_enable(&scene.shm, true);
	expect_live();
	igt_assert(vtd_mapped(nvme, BASE));
	igt_assert(vtd_mapped(nvme, BASE + GiB(1) + SIZE - PAGE));
	vfio_attach(&scene.nvme.dev, scene.ioas);
	iommufd_destroy(scene.iommufd, other);
	end();
}

/**
 * SUBTEST: two-dmabufs
 * Description: Revoking one device's buffers leaves another device's alone
 */
static void two_dmabufs(void)
{
	int fd;

	begin(&scene.shm);
	fd = vfio_dmabuf_one(&nvme1, SHM_BAR, 0, SIZE);
	ioas_map_file(scene.iommufd, scene.ioas, fd, 0, SIZE, BASE + GiB(2));
	vfio_memory_enable(&nvme1, false);
	igt_assert(!vtd_mapped(edu, BASE + GiB(2)));
	expect_live();
	vfio_memory_enable(&nvme1, true);
	igt_assert(vtd_mapped(edu, BASE + GiB(2)));
	ioas_unmap(scene.iommufd, scene.ioas, BASE + GiB(2), SIZE);
	close(fd);
	end();
}

int igt_main()
{
	igt_fixture() {
		scene_open(&scene);
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), scene.iommufd);
		edu = scene.edu.dev.addr;
		ranges = ranges_scattered(NR, 0, FRAG);
	}

	igt_subtest_with_dynamic("memory-enable") {
		igt_dynamic("ivshmem")
			memory_enable(&scene.shm);
		igt_dynamic("nvme")
			memory_enable(&nvme1);
	}

	igt_subtest("d3")
		d3();

	igt_subtest_with_dynamic("reset") {
		igt_dynamic("ivshmem")
			across("VFIO_DEVICE_RESET", &scene.shm, __vfio_reset);
		igt_dynamic("nvme")
			across("VFIO_DEVICE_RESET", &nvme1, __vfio_reset);
	}

	igt_subtest("flr")
		across("function-level reset", &nvme1, __vfio_flr);

	igt_subtest("hot-reset")
		across("bus reset", &nvme1, __vfio_hot_reset);

	igt_subtest("reset-while-disabled")
		reset_while_disabled();

	igt_subtest("close")
		exporter_close(false);

	igt_subtest("close-while-disabled")
		exporter_close(true);

	igt_subtest("unmap-while-revoked")
		unmap_while_revoked();

	igt_subtest("importer-closed-while-revoked")
		importer_closed_while_revoked();

	igt_subtest("attach-while-revoked")
		attach_while_revoked();

	igt_subtest("two-importers")
		two_importers();

	igt_subtest("two-dmabufs")
		two_dmabufs();

	igt_fixture() {
		vfio_close(&nvme1);
		scene_close(&scene);
	}
}
