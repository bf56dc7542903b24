// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys encrypted use
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: memory the host does not touch
 * Functionality: use without host access
 * Description: Who can import memory that the host does not touch, and that a
 *	revoke, a reset or a close of the device does not open it
 * Test category: functionality test
 */
#include <errno.h>
#include <unistd.h>

#include "edu.h"
#include "host_access.h"
#include "igt_core.h"
#include "iommufd.h"
#include "memory.h"
#include "pci.h"
#include "rdma.h"
#include "sg_importer.h"
#include "subtests.h"

#define AT MiB(4)
#define LENGTH MiB(2)

static int iommufd = -1;
static uint32_t ioas;
static struct vfio_device shm = { .fd = -1 }, nvme1 = { .fd = -1 };
static struct edu edu = { .dev.fd = -1 };

/**
 * SUBTEST: importers
 * Description: A scatterlist importer and an RDMA device are refused
 */
static void importers(void)
{
	int fd = export_one(&shm, NO_HOST, AT, LENGTH), importer;
	const char *addr = pci_env("DMABUF_EDU2");
	struct verbs_mr mr;
	struct rdma rdma;

	sg_bind(addr);
	importer = sg_open();
	igt_assert_eq(__sg_attach(importer, fd, 0), -EOPNOTSUPP);
	close(importer);

	rdma_bind(addr);
	rdma_open(&rdma, addr);
	igt_assert_eq(__rdma_reg_dmabuf(&rdma, fd, 0, LENGTH, &mr),
		      -EOPNOTSUPP);
	rdma_close(&rdma);
	close(fd);
	expect_open(&shm, AT);
}

/* edu writes at each border of a range; what arrived is seen when it is over */
static void dma_to(struct vfio_device *dev, uint32_t flags, unsigned int bar,
		   const struct vfio_region_dma_range *ranges, size_t nr,
		   bool revoke)
{
	uint64_t size = ranges_size(ranges, nr), at, words[2];
	int fd = __export_ranges(dev, flags, bar, ranges, nr);
	size_t i;

	igt_assert_fd(fd);
	ioas_map_file(iommufd, ioas, fd, 0, size, BASE);
	if (revoke) {
		vfio_memory_enable(dev, false);
		vfio_memory_enable(dev, true);
	}
	for (i = 0, at = 0; i < nr; at += ranges[i++].length) {
		words[0] = 0xe4c0000000000000ull + i;
		words[1] = ~words[0];
		edu_write(&edu, BASE + at, &words[0], 8);
		edu_write(&edu, BASE + at + ranges[i].length - 8, &words[1], 8);
	}
	/* It reads them, too: nobody else can */
	edu_read(&edu, BASE + size - 8, &words[0], 8);
	igt_assert_eq_u64(words[0], words[1]);
	ioas_unmap(iommufd, ioas, BASE, size);
	close(fd);

	for (i = 0; i < nr; i++) {
		uint64_t base = ranges[i].offset;

		if (!(flags & VFIO_DMA_BUF_DEVICE_OFFSETS))
			base += dev->region[bar].offset;
		igt_assert_eq(pread(dev->fd, &words[0], 8, (off_t)base), 8);
		base += ranges[i].length - 8;
		igt_assert_eq(pread(dev->fd, &words[1], 8, (off_t)base), 8);
		igt_assert_eq_u64(words[0], 0xe4c0000000000000ull + i);
		igt_assert_eq_u64(words[1], ~words[0]);
	}
}

/**
 * SUBTEST: dma
 * Description: iommufd maps three ranges and a device's DMA reaches them, also
 *	after a revoke and restore
 */
static void dma(void)
{
	const struct vfio_region_dma_range ranges[] = {
		{ AT + MiB(2), MiB(2) }, { AT, PAGE }, { MiB(512), 3 * PAGE },
	};

	dma_to(&shm, NO_HOST, SHM_BAR, ranges, 3, false);
	dma_to(&shm, NO_HOST, SHM_BAR, ranges, 3, true);
}

/**
 * SUBTEST: bars
 * Description: Ranges of two BARs of a device in one dma-buf
 */
static void bars(void)
{
	const uint64_t regs = nvme1.region[0].offset;
	const uint64_t cmb = nvme1.region[2].offset;
	const struct vfio_region_dma_range both[] = {
		{ cmb + MiB(1), MiB(1) }, { regs, PAGE }, { cmb, PAGE },
	};
	const struct vfio_region_dma_range ordinary = { 0, MiB(1) };
	const uint32_t with = NO_HOST | VFIO_DMA_BUF_DEVICE_OFFSETS;
	uint64_t cap, again;
	int fd, other;

	igt_assert_eq(pread(nvme1.fd, &cap, 8, (off_t)regs), 8);
	fd = __export_ranges(&nvme1, with, 0, both, 3);
	igt_assert_fd(fd);
	igt_assert_eq(pread(nvme1.fd, &again, 8, (off_t)regs), -1);
	igt_assert_eq(errno, EBUSY);
	igt_assert_eq(pread(nvme1.fd, &again, 8, (off_t)cmb), -1);
	igt_assert_eq(errno, EBUSY);
	igt_assert_eq(pread(nvme1.fd, &again, 8, (off_t)(cmb + PAGE)), 8);
	igt_assert_eq(__export_ranges(&nvme1, 0, 2, &ordinary, 1), -EBUSY);

	/* The registers are reached by DMA: nothing of the promise is about it */
	ioas_map_file(iommufd, ioas, fd, 0, MiB(1) + 2 * PAGE, BASE);
	edu_read(&edu, BASE + MiB(1), &again, 8);
	igt_assert_eq_u64(again, cap);
	ioas_unmap(iommufd, ioas, BASE, MiB(1) + 2 * PAGE);
	close(fd);
	igt_assert_eq(pread(nvme1.fd, &again, 8, (off_t)regs), 8);
	igt_assert_eq_u64(again, cap);
	other = __export_ranges(&nvme1, 0, 2, &ordinary, 1);
	igt_assert_fd(other);
	close(other);
}

/**
 * SUBTEST: revoked
 * Description: The ranges stay closed while revoked; an export can be made then
 */
static void revoked(void)
{
	int fd = export_one(&shm, NO_HOST, AT, LENGTH);

	vfio_memory_enable(&shm, false);
	igt_assert_eq(try_map(&shm, AT, PAGE), -EBUSY);
	igt_assert_eq(try_export(&shm, 0, AT, PAGE), -EBUSY);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, PAGE), -EBUSY);
	igt_assert_eq(try_rw(&shm, AT, 8), -EIO);
	igt_assert_eq(__ioas_map_file(iommufd, ioas, fd, 0, LENGTH, BASE),
		      -ENODEV);
	close(fd);
	fd = export_one(&shm, NO_HOST, AT, LENGTH);
	vfio_memory_enable(&shm, true);
	expect_closed(&shm, AT);
	igt_assert_eq(__vfio_reset(&shm), 0);
	vfio_memory_enable(&shm, true);
	expect_closed(&shm, AT);
	ioas_map_file(iommufd, ioas, fd, 0, LENGTH, BASE);
	ioas_unmap(iommufd, ioas, BASE, LENGTH);
	close(fd);
	expect_open(&shm, AT);
}

/**
 * SUBTEST: device-closed
 * Description: The dma-buf is dead once the device is closed, and does not get in
 *	the way when it is opened again
 */
static void device_closed(void)
{
	int fd = export_one(&shm, NO_HOST, AT, LENGTH);

	ioas_map_file(iommufd, ioas, fd, 0, LENGTH, BASE);
	vfio_close(&shm);
	vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	expect_open(&shm, AT);
	igt_assert_eq(try_export(&shm, 0, AT, LENGTH), 0);
	igt_assert_eq(try_export(&shm, NO_HOST, AT, LENGTH), 0);
	ioas_unmap(iommufd, ioas, BASE, LENGTH);
	igt_assert_eq(__ioas_map_file(iommufd, ioas, fd, 0, LENGTH, BASE),
		      -ENODEV);
	close(fd);
	expect_open(&shm, AT);
}

/* What a subtest that failed has left does not matter to the next */
static void start_over(void)
{
	uint32_t old = ioas;

	ioas = ioas_alloc(iommufd);
	edu_attach(&edu, ioas);
	__iommufd_destroy(iommufd, old);
	if (shm.fd < 0)
		vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
	vfio_memory_enable(&shm, true);
}

/* No subtest leaves a dma-buf */
static unsigned int dmabufs;

static void expect_all_gone(void)
{
	dmabuf_expect_count(dmabufs);
}

int igt_main()
{
	static const struct subtest tests[] = {
		{ "importers", importers },
		{ "dma", dma },
		{ "bars", bars },
		{ "revoked", revoked },
		{ "device-closed", device_closed },
	};

	igt_fixture() {
		iommufd = iommufd_open();
		ioas = ioas_alloc(iommufd);
		vfio_open(&shm, pci_env("DMABUF_EXPORTER"), iommufd);
		vfio_open(&nvme1, pci_env("DMABUF_EXPORTER2"), iommufd);
		edu_open(&edu, iommufd);
		edu_attach(&edu, ioas);
		dmabufs = dmabuf_count();
	}

	subtests(tests, start_over, expect_all_gone);

	igt_fixture() {
		edu_close(&edu);
		vfio_close(&nvme1);
		vfio_close(&shm);
		close(iommufd);
	}
}
