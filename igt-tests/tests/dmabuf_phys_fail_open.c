// SPDX-License-Identifier: MIT
/*
 * A device that VFIO opens although it could not have its BAR
 *
 * An open reserves each BAR and maps it. If that fails the device opens all the same:
 * whoever needs the BAR has to look. Another driver may have a part of it, or there is
 * no memory, which is what a test can arrange.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "host_access.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "pci.h"
#include "ranges.h"
#include "subtests.h"
#include "sweep.h"
#include "sysfs.h"
#include "vfio.h"

/* Far more allocations than opening a device makes */
#define MOST 1000000u

/* More than it takes: allocations come and go by ones */
#define ROUNDS 20u

/* Pages for slabs are needed now and then: without them it is the same number each time */
#define MIN_ORDER "/sys/kernel/debug/fail_page_alloc/min-order"

static struct vfio_device edu;
static int iommufd;

/* Whether VFIO has the only memory BAR of the device for itself */
static bool bar_reserved(void)
{
	FILE *iomem = fopen("/proc/iomem", "r");
	bool in_bar = false, reserved = false;
	char line[256], *name;

	igt_assert(iomem);
	while (!reserved && fgets(line, sizeof(line), iomem)) {
		line[strcspn(line, "\n")] = 0;
		name = strstr(line, " : ");
		igt_assert(name);
		reserved = in_bar && !strcmp(name + 3, "vfio");
		in_bar = !strcmp(name + 3, edu.addr);
	}
	fclose(iomem);
	return reserved;
}

/* With the CPU's access and without, by the region's number and by its offset */
static void expect_exports(bool there)
{
	static const uint32_t flags[] = {
		0, VFIO_DMA_BUF_NO_HOST_ACCESS, VFIO_DMA_BUF_DEVICE_OFFSETS,
	};
	const unsigned int before = dmabuf_count();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct vfio_region_dma_range range = {
			flags[i] & VFIO_DMA_BUF_DEVICE_OFFSETS ? edu.region[0].offset : 0,
			PAGE,
		};
		int ret = __export_ranges(&edu, flags[i], 0, &range, 1);

		if (there)
			igt_assert_fd(ret);
		else
			igt_assert_eq(ret, -ENODEV);
		if (there)
			close(ret);
		dmabuf_expect_count(before);
	}
}

/* With the n-th allocation failing; *left is how many would have been left of n */
static int open_with(int fail, unsigned int n, unsigned int *left)
{
	const char *addr = pci_env("DMABUF_EDU2");
	char text[16] = "";
	int ret;

	igt_assert(__sweep_arm(fail, n));
	ret = __vfio_open(&edu, addr, iommufd);
	igt_assert(pread(fail, text, sizeof(text) - 1, 0) > 0 || !left);
	/* Writing can allocate, too, before it has an effect */
	if (!__sweep_arm(fail, 0))
		igt_assert(__sweep_arm(fail, 0));
	if (left)
		*left = (unsigned int)strtoul(text, NULL, 10);
	return ret;
}

static void unreserved(void)
{
	int fail = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	int log = klog_open(), ret;
	unsigned int unmapped = 0, others = 0, round, n, left;
	bool reserved;

	igt_assert_fd(fail);
	/* What only the first open needs */
	vfio_open(&edu, pci_env("DMABUF_EDU2"), iommufd);
	vfio_close(&edu);
	sysfs_write(MIN_ORDER, "20");
	for (round = 0; round < ROUNDS && !(unmapped && others); round++) {
		igt_assert_eq(open_with(fail, MOST, &left), 0);
		igt_assert(bar_reserved());
		expect_exports(true);
		vfio_close(&edu);
		/*
		 * Backwards, since BARs come last, until it does not open: earlier on are
		 * ACPI's tables, of which the kernel uses what it has freed after a failure
		 */
		for (n = MOST - left, ret = 0; n && !ret; n--) {
			ret = open_with(fail, n, NULL);
			if (ret)
				continue;
			igt_assert_eq_u64(edu.region[0].size, MiB(1));
			reserved = bar_reserved();
			expect_exports(reserved);
			vfio_close(&edu);
			if (reserved)
				continue;
			/* What is not mapped is given back, and looks alike */
			if (klog_count(log, "BAR 0: can't reserve"))
				others++;
			else
				unmapped++;
		}
	}
	sysfs_write(MIN_ORDER, "0");
	igt_info("BAR 0 could not be reserved %u times, not be mapped %u times\n", others,
		 unmapped);
	igt_assert(others && unmapped);
	vfio_open(&edu, pci_env("DMABUF_EDU2"), iommufd);
	expect_exports(true);
	vfio_close(&edu);
	close(log);
	close(fail);
}

void fail_open_subtests(void)
{
	static const struct subtest tests[] = {
		{ "unreserved", unreserved },
	};

	igt_fixture()
		iommufd = iommufd_open();

	subtests(tests, NULL, NULL);

	igt_fixture()
		close(iommufd);
}
