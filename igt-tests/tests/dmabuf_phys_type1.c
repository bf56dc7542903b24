// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys type1
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: VFIO
 * Functionality: mapping into a container
 * Description: VFIO's own address spaces (type 1) copy what they find in page tables
 *	and never look again: what a revoke has to reach must not get there
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "cpu_access.h"
#include "edu.h"
#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "module.h"
#include "pci.h"
#include "scene.h"
#include "subtests.h"
#include "vfio_group.h"
#include "vtd.h"

#define LENGTH MiB(1)
#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* The device that reaches for the BAR, in a container of its own */
static struct vfio_group reacher = { .fd = -1, .dev.fd = -1 };
static struct edu edu = { .dev.fd = -1 };
static int container = -1;

/* The exporter, opened in one of two ways */
static struct vfio_group by_group = { .fd = -1, .dev.fd = -1 };
static struct vfio_device by_cdev = { .fd = -1 };
static struct vfio_device *shm;
static int iommufd = -1, other_container = -1, dmabuf = -1;
static uint8_t *bar, *mapped;

static void close_all(void)
{
	close_fd(&dmabuf);
	if (mapped)
		munmap(mapped, LENGTH);
	mapped = NULL;
	edu_close(&edu);
	group_close(&reacher);
	close_fd(&container);
	vfio_close(&by_cdev);
	group_close(&by_group);
	close_fd(&other_container);
}

static void open_reacher(int address_space)
{
	container = address_space;
	group_open(&reacher, pci_env("DMABUF_EDU"), container,
		   VFIO_TYPE1v2_IOMMU);
	/* edu_close() closes it */
	edu.dev = reacher.dev;
	reacher.dev.fd = -1;
	edu_start(&edu);
	type1_map(container, edu.bounce, PAGE, EDU_BOUNCE_IOVA);
}

static void open_exporter(bool group)
{
	const char *addr = pci_env("DMABUF_EXPORTER");

	if (group) {
		other_container = container_open();
		group_open(&by_group, addr, other_container, VFIO_TYPE1v2_IOMMU);
		shm = &by_group.dev;
	} else {
		vfio_open(&by_cdev, addr, iommufd);
		shm = &by_cdev;
	}
	bar = vfio_map_bar(shm, SHM_BAR);
	guard_fill(bar, 0, 2 * LENGTH);
	dmabuf = vfio_dmabuf_one(shm, SHM_BAR, 0, LENGTH);
	mapped = cpu_map(dmabuf, NULL, LENGTH, 0);
}

/* Its ends and its middle tell as much as every page, each of which takes 0.1 s */
static void expect_not_translated(uint64_t iova, uint64_t length,
				  const char *when)
{
	const uint64_t places[] = { 0, length / 2, length - PAGE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		igt_assert_f(!vtd_mapped(edu.dev.addr, iova + places[i]),
			     "%s the IOMMU still takes 0x%" PRIx64 " of the other device to the BAR\n",
			     when, iova + places[i]);
}

static void expect_write_faults(uint64_t iova)
{
	const uint64_t word = 0xbadbadbadull;
	unsigned long faults = vtd_faults();

	klog_expect_faults(edu.dev.addr);
	edu_write(&edu, iova, &word, sizeof(word));
	igt_assert(vtd_wait_fault(faults));
	klog_expect_no_more_faults(edu.dev.addr);
}

/* What was mapped, if anything was, goes with the right to it */
static void expect_no_way_in(int ret)
{
	if (!ret) {
		vfio_memory_enable(shm, false);
		expect_not_translated(BASE, LENGTH, "with the memory off");
	}
	igt_assert_eq(ret, -EOPNOTSUPP);
	expect_not_translated(BASE, LENGTH, "having refused");
	expect_write_faults(BASE);
	guard_check(bar, 0, 2 * LENGTH);
}

/**
 * SUBTEST: refused
 * Description: A mapping of a dma-buf, touched or not, all of it or a part, at the
 *	end of ordinary memory, for reading or writing: EOPNOTSUPP, and the other
 *	device reaches nothing, before and after a revoke, munmap and close
 */
static void refused(bool group)
{
	uint8_t *both;

	close_all();
	open_reacher(container_open());
	open_exporter(group);
	expect_no_way_in(__type1_map(container, mapped, LENGTH, BASE, RW));
	cpu_both_ways(mapped, bar);
	cpu_both_ways(mapped + LENGTH - 8, bar + LENGTH - 8);
	guard_fill(bar, 0, LENGTH);
	expect_no_way_in(__type1_map(container, mapped, LENGTH, BASE, RW));
	expect_no_way_in(__type1_map(container, mapped, LENGTH, BASE,
				     VFIO_DMA_MAP_FLAG_READ));
	expect_no_way_in(__type1_map(container, mapped + LENGTH - PAGE, PAGE,
				     BASE, VFIO_DMA_MAP_FLAG_WRITE));

	/* Ordinary memory in front of it is let go of */
	both = mmap(NULL, 2 * LENGTH, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(both != MAP_FAILED);
	cpu_map(dmabuf, both + LENGTH, LENGTH, 0);
	expect_no_way_in(__type1_map(container, both, 2 * LENGTH, BASE, RW));
	expect_not_translated(BASE, 2 * LENGTH, "having refused");
	type1_map(container, both, LENGTH, BASE);
	type1_unmap(container, BASE, LENGTH);

	vfio_memory_enable(shm, false);
	/* There is nothing to find either way */
	igt_assert_neq(__type1_map(container, mapped, LENGTH, BASE, RW), 0);
	munmap(mapped, LENGTH);
	munmap(both, 2 * LENGTH);
	mapped = NULL;
	close_fd(&dmabuf);
	vfio_memory_enable(shm, true);
	expect_not_translated(BASE, 2 * LENGTH, "after all");
	expect_write_faults(BASE);
	guard_check(bar, 0, 2 * LENGTH);
}

/**
 * SUBTEST: device
 * Description: A mapping of the device itself is not a dma-buf: VFIO maps it as
 *	before
 */
static void device(void)
{
	struct vtd_entry entry;
	uint64_t word = 0x600d600d;

	close_all();
	open_reacher(container_open());
	open_exporter(false);
	type1_map(container, bar, LENGTH, BASE);
	vtd_lookup(edu.dev.addr, BASE, &entry);
	igt_assert(entry.present && entry.writable);
	edu_write(&edu, BASE + 64, &word, sizeof(word));
	igt_assert_eq_u64(cpu_load(bar + 64), word);
	type1_unmap(container, BASE, LENGTH);
	expect_not_translated(BASE, LENGTH, "unmapped,");
}

/**
 * SUBTEST: udmabuf
 * Description: A mapping of a udmabuf is refused as well, since its pages are not
 *	pinned for it; that of the memfd, whose pages are, works
 */
static void udmabuf(void)
{
	int memfd = sealed_memfd(LENGTH);
	uint8_t *memory;

	close_all();
	open_reacher(container_open());
	module_load("udmabuf");
	dmabuf = __udmabuf(memfd, 0, LENGTH);
	igt_assert_fd(dmabuf);
	mapped = cpu_map(dmabuf, NULL, LENGTH, 0);
	igt_assert_eq(__type1_map(container, mapped, LENGTH, BASE, RW), -EFAULT);
	cpu_store(mapped, 1);
	igt_assert_eq(__type1_map(container, mapped, LENGTH, BASE, RW), -EFAULT);
	expect_not_translated(BASE, LENGTH, "having refused");
	memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	igt_assert(memory != MAP_FAILED);
	type1_map(container, memory, LENGTH, BASE);
	munmap(memory, LENGTH);
	close(memfd);
}

/**
 * SUBTEST: iommufd
 * Description: A group in an address space of iommufd: a mapping of a dma-buf
 *	cannot be pinned; the dma-buf's file is mapped, and a revoke takes it away
 */
static void in_iommufd(void)
{
	uint64_t word = 0xfd600d;
	uint32_t ioas;
	int fd;

	close_all();
	fd = iommufd_open();
	ioas = ioas_alloc(fd);
	igt_assert_eq(__vfio_compat_set_ioas(fd, ioas), 0);
	open_reacher(fd);
	open_exporter(true);
	cpu_both_ways(mapped, bar);
	guard_fill(bar, 0, LENGTH);
	igt_assert_eq(__type1_map(fd, mapped, LENGTH, BASE, RW), -EFAULT);
	expect_not_translated(BASE, LENGTH, "having refused");
	expect_write_faults(BASE);
	guard_check(bar, 0, LENGTH);

	ioas_map_file(fd, ioas, dmabuf, 0, LENGTH, BASE);
	edu_write(&edu, BASE + 64, &word, sizeof(word));
	igt_assert_eq_u64(cpu_load(bar + 64), word);
	vfio_memory_enable(shm, false);
	expect_not_translated(BASE, LENGTH, "with the memory off");
	vfio_memory_enable(shm, true);
	vfio_close(shm);
	expect_not_translated(BASE, LENGTH, "with the exporter closed");
}

static const struct subtest tests[] = {
	{ "device", device },
	{ "udmabuf", udmabuf },
	{ "iommufd", in_iommufd },
};

int igt_main()
{
	igt_fixture() {
		module_load("vfio_iommu_type1");
		iommufd = iommufd_open();
		cpu_access_init();
		klog_no_other_faults();
	}

	igt_subtest_with_dynamic("refused") {
		igt_dynamic("cdev")
			refused(false);
		igt_dynamic("group")
			refused(true);
	}

	subtests(tests, NULL, close_all);

	igt_fixture() {
		close_all();
		close(iommufd);
	}
}
