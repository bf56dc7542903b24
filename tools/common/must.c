// SPDX-License-Identifier: GPL-2.0
/*
 * The exporter and its bytes, address spaces, the kernel's modules and log
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "devices/iommufd.h"
#include "devices/klog.h"
#include "devices/memory.h"
#include "devices/module.h"
#include "devices/pci.h"
#include "devices/sysfs.h"
#include "fail.h"
#include "must.h"

const char *must_pci_env(const char *name)
{
	const char *addr = getenv(name);

	if (!addr || !*addr)
		fail("run it in a VM of tools/vm/run, as 'make demo' does",
		     "$%s is not set", name);
	return addr;
}

void *must_alloc(size_t nr, size_t size)
{
	void *mem = calloc(nr, size);

	if (!mem)
		fail("give the VM more memory", "no memory for %zu bytes",
		     nr * size);
	return mem;
}

void must_sysfs_write(const char *path, const char *text)
{
	int ret = __sysfs_write(path, text);

	if (ret)
		fail(NULL, "cannot write '%s' to %s: %s", text, path,
		     strerror(-ret));
}

void must_module_load(const char *name)
{
	int ret = __module_load(name, NULL);

	if (ret)
		fail("build it for this kernel", "'modprobe %s' failed: %s", name,
		     strerror(-ret));
}

bool must_module_exists(const char *name)
{
	int ret = __module_exists(name);

	if (ret < 0)
		fail("install kmod", "cannot run modprobe: %s", strerror(-ret));
	return ret;
}

void must_pci_bind(const char *addr, const char *driver)
{
	int ret = __pci_bind(addr, driver);

	if (ret)
		fail("load the driver with modprobe, and end what uses the device",
		     "%s: cannot bind it to %s: %s", addr, driver, strerror(-ret));
}

int must_iommufd_open(void)
{
	int fd = __iommufd_open();

	if (fd < 0)
		fail("modprobe iommufd", "cannot open /dev/iommu: %s",
		     strerror(-fd));
	return fd;
}

uint32_t must_ioas_alloc(int iommufd)
{
	uint32_t ioas = 0;
	int ret = __ioas_alloc(iommufd, &ioas);

	if (ret)
		fail(NULL, "IOMMU_IOAS_ALLOC: %s", strerror(-ret));
	return ioas;
}

void must_ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
			uint64_t length, uint64_t iova)
{
	int ret = __ioas_map_file(iommufd, ioas, fd, start, length, iova);

	if (ret)
		fail(NULL, "IOMMU_IOAS_MAP_FILE of 0x%" PRIx64 "+0x%" PRIx64
		     " at IOVA 0x%" PRIx64 ": %s", start, length, iova,
		     strerror(-ret));
}

void must_ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length)
{
	int ret = __ioas_unmap(iommufd, ioas, iova, length);

	if (ret)
		fail(NULL, "IOMMU_IOAS_UNMAP of IOVA 0x%" PRIx64 "+0x%" PRIx64
		     ": %s", iova, length, strerror(-ret));
}

void must_vfio_open(struct vfio_device *dev, const char *addr, int iommufd)
{
	int ret = __vfio_open(dev, addr, iommufd);

	if (ret)
		fail(MUST_VFIO_REMEDY,
		     "%s: cannot open it through VFIO: %s", addr, strerror(-ret));
	ret = __vfio_enable(dev);
	if (ret)
		fail(NULL, "%s: cannot switch memory and bus master on: %s", addr,
		     strerror(-ret));
}

void *must_vfio_map_bar(struct vfio_device *dev, unsigned int bar)
{
	int ret = __vfio_map_bar(dev, bar);

	if (ret)
		fail(NULL, "%s: cannot map BAR%u: %s", dev->addr, bar,
		     strerror(-ret));
	return dev->map[bar];
}

void must_vfio_memory_enable(struct vfio_device *dev, bool on)
{
	char behind[256];
	int ret = __vfio_memory_enable(dev, on);

	if (ret)
		fail(NULL, "%s: cannot switch its memory %s: %s", dev->addr,
		     on ? "on" : "off", strerror(-ret));
	if (on && __wait_restored(behind, sizeof(behind)))
		fail(NULL, "%s: a restore does not come to its end: %s", dev->addr,
		     behind);
}

int must_vfio_dmabuf(struct vfio_device *dev, unsigned int bar,
		     const struct vfio_region_dma_range *ranges, size_t nr)
{
	int fd = __vfio_dmabuf(dev, bar, ranges, nr);

	if (fd < 0)
		fail(NULL, "%s: cannot export %zu ranges of BAR%u: %s", dev->addr,
		     nr, bar, strerror(-fd));
	return fd;
}

struct vfio_region_dma_range *must_ranges_scattered(size_t nr, uint64_t start,
						    uint64_t length)
{
	struct vfio_region_dma_range *ranges =
		__ranges_scattered(nr, start, length);

	if (!ranges)
		fail(NULL, "no %zu ranges: out of memory, or no power of two", nr);
	return ranges;
}

static void must_be_right(int ret, const struct picture_wrong *wrong)
{
	if (ret)
		fail(NULL, "byte 0x%" PRIx64 " of the BAR: 0x%" PRIx64
		     " instead of 0x%" PRIx64, wrong->offset, wrong->is,
		     wrong->expected);
}

void must_guard_check(const void *bar, uint64_t offset, uint64_t length)
{
	struct picture_wrong wrong = {};

	must_be_right(__guard_check(bar, offset, length, &wrong), &wrong);
}

void must_picture_start(struct picture *picture, void *bar, uint64_t size)
{
	int ret = __picture_start(picture, bar, size);

	if (ret)
		fail(NULL, "cannot fill 0x%" PRIx64 " bytes of the BAR: %s", size,
		     strerror(-ret));
}

void must_picture_disk(struct picture *picture,
		       const struct vfio_region_dma_range *ranges, size_t nr,
		       uint64_t start, uint64_t length, uint64_t disk)
{
	int ret = __picture_disk(picture, ranges, nr, start, length, disk);

	if (ret)
		fail(NULL, "cannot say what should be in the BAR: %s",
		     strerror(-ret));
}

void must_picture_check(const struct picture *picture)
{
	struct picture_wrong wrong = {};

	must_be_right(__picture_check(picture, &wrong), &wrong);
}

int must_sealed_memfd(uint64_t length)
{
	int fd = __sealed_memfd(length);

	if (fd < 0)
		fail(NULL, "cannot make a memfd: %s", strerror(-fd));
	return fd;
}

int must_klog_open(void)
{
	int fd = __klog_open();

	if (fd < 0)
		fail("run it as root", "cannot open /dev/kmsg: %s", strerror(-fd));
	return fd;
}

unsigned int must_klog_count(int fd, const char *text)
{
	int count = __klog_count(fd, text, NULL);

	if (count < 0)
		fail(NULL, "the kernel's log has overwritten lines before they were counted");
	return (unsigned int)count;
}

static void must_be_told(int ret)
{
	if (ret)
		fail("run it as root", "cannot write /dev/kmsg: %s",
		     strerror(-ret));
}

void must_klog_expect_faults(const char *addr)
{
	must_be_told(__klog_expect_faults(addr));
}

void must_klog_no_other_faults(void)
{
	must_be_told(__klog_no_other_faults());
}

void must_vtd_lookup(const char *addr, uint64_t iova, struct vtd_entry *entry)
{
	int ret = __vtd_lookup(addr, iova, entry);

	if (ret == -ENXIO)
		fail("boot topology host-bridge", "the IOMMU is not translating");
	if (ret == -EOPNOTSUPP)
		fail(NULL, "%s: not translated by a second-level table", addr);
	if (ret)
		fail(NULL, "%s: cannot walk the IOMMU's tables: %s", addr,
		     strerror(-ret));
}
