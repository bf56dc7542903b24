// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys mixed
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: device mapping
 * Functionality: BARs and memory in one buffer
 * Description: One half of a buffer is memory, the other in a BAR: on every route
 *	each half is mapped as its kind has to be, and the bytes are compared
 * Test category: functionality test
 */
#include <inttypes.h>
#include <unistd.h>

#include "array.h"
#include "igt_core.h"
#include "klog.h"
#include "memory.h"
#include "movable.h"
#include "pci.h"
#include "rdma.h"
#include "sg_importer.h"
#include "subtests.h"
#include "sysfs.h"

#define NR_PAGES 8u
#define SIZE (NR_PAGES * PAGE)
#define MIDDLE (SIZE / 2)

static int movable = -1, dmabuf = -1, importer = -1;
static struct rdma rdma;

static void start(uint32_t placement)
{
	rdma_close(&rdma);
	close_fd(&importer);
	close_fd(&dmabuf);
	close_fd(&movable);
	movable = movable_open();
	dmabuf = movable_create(movable, SIZE);
	movable_move(movable, MOVABLE_TO(placement), 1, 0);
}

static uint64_t bar_half(uint32_t placement)
{
	return placement == DMA_BUF_MOVABLE_BAR_SYSTEM ? 0 : MIDDLE;
}

/* Whether QEMU takes a device to what is at an offset */
static bool reachable(uint32_t placement, uint64_t at, uint32_t length)
{
	uint64_t bar = bar_half(placement);

	return !pci_topology_is("switch-iommu") ||
	       at + length <= bar || at >= bar + MIDDLE;
}

/* No two pages of the buffer are neighbours, so entries count windows */
static void check_entries(void)
{
	struct dma_buf_edu_info info;

	sg_info(importer, &info);
	igt_info("%u entries%s\n", info.nents,
		 info.contiguous ? ", contiguous" : "");
	igt_assert_eq_u64(info.length, SIZE);
	igt_assert_eq_u32(info.contiguous, pci_topology_is("host-bridge"));
	if (pci_topology_is("host-bridge"))
		igt_assert_eq_u32(info.nents, 1);
	else if (pci_topology_is("switch-iommu"))
		igt_assert_eq_u32(info.nents, NR_PAGES / 2 + 1);
	else
		igt_assert_eq_u32(info.nents, NR_PAGES);
}

static uint8_t byte_at(uint64_t at, unsigned int round)
{
	return (uint8_t)(at * 7 + at / PAGE + round * 31 + 1);
}

static void fill(unsigned int round)
{
	uint8_t data[SIZE];
	uint64_t i;

	for (i = 0; i < SIZE; i++)
		data[i] = byte_at(i, round);
	movable_write(movable, 0, data, SIZE);
}

/* All of the buffer is what fill() wrote, but for [at, at + length) */
static void check(unsigned int round, uint64_t at, const uint8_t *is,
		  uint32_t length)
{
	uint8_t data[SIZE];
	uint64_t i;

	movable_read(movable, 0, data, SIZE);
	for (i = 0; i < SIZE; i++) {
		uint8_t want = i >= at && i < at + length ?
			       is[i - at] : byte_at(i, round);

		igt_assert_f(data[i] == want,
			     "byte 0x%" PRIx64 " is 0x%02x instead of 0x%02x after a transfer of %u bytes at 0x%" PRIx64 "\n",
			     i, data[i], want, length, at);
	}
}

/* First and last bytes, across pages, across the border of the halves */
static const struct {
	uint64_t at;
	uint32_t length;
} places[] = {
	{ 0, 64 }, { 1, 511 }, { PAGE - 100, 200 }, { MIDDLE - PAGE - 3, 9 },
	{ MIDDLE - 256, 512 }, { MIDDLE - 1, 2 }, { MIDDLE + PAGE - 64, 128 },
	{ SIZE - 77, 77 },
};

typedef int (*transfer_t)(bool to_buffer, uint64_t at, uint8_t *data,
			  uint32_t length);

static void both_ways(transfer_t transfer, uint32_t placement)
{
	unsigned int i, j, done = 0;
	uint8_t data[512];
	int ret;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const uint64_t at = places[i].at;
		const uint32_t length = places[i].length;

		if (!reachable(placement, at, length))
			continue;
		fill(i);
		ret = transfer(false, at, data, length);
		igt_assert_f(!ret, "from 0x%" PRIx64 ": %d\n", at, ret);
		for (j = 0; j < length; j++)
			igt_assert_eq(data[j], byte_at(at + j, i));
		for (j = 0; j < length; j++)
			data[j] = (uint8_t)~byte_at(at + j, i);
		ret = transfer(true, at, data, length);
		igt_assert_f(!ret, "to 0x%" PRIx64 ": %d\n", at, ret);
		check(i, at, data, length);
		done++;
	}
	if (!pci_topology_is("switch-iommu"))
		igt_assert_eq(done, 8);
	else
		igt_assert_eq(done, bar_half(placement) ? 4 : 2);
}

static int sg_transfer(bool to_buffer, uint64_t at, uint8_t *data,
		       uint32_t length)
{
	return __sg_copy(importer, at, data, length, to_buffer);
}

/*
 * QEMU takes it to the IOMMU, which logs the address it was asked for: that of
 * the page in the BAR, as the switch has to see it.
 */
static void faults_at_bus_address(uint32_t placement)
{
	const uint64_t deadline = now_ms() + 5000;
	uint64_t bar, length;
	uint8_t data[64] = { 0 };
	int log = klog_open();
	char text[64];

	movable_bar(&bar, &length);
	fill(9);
	igt_assert_eq(__sg_copy(importer, bar_half(placement) + PAGE, data,
				sizeof(data), true), 0);
	check(9, 0, NULL, 0);
	/* IOVA windows are below 4 GiB, and the BAR does not cross a multiple */
	igt_assert_eq_u64(bar >> 32, (bar + length - 1) >> 32);
	igt_assert_neq_u64(bar >> 32, 0);
	snprintf(text, sizeof(text), "fault addr 0x%" PRIx64, bar >> 32);
	/* Its interrupt may come after that of edu */
	while (!klog_count(log, text)) {
		igt_assert_f(now_ms() < deadline, "no '%s' in the log\n", text);
		usleep(1000);
	}
	close(log);
}

/**
 * SUBTEST: sg
 * Description: By scatterlist: how many entries, and bytes both ways at both ends,
 *	across pages and across the border of memory and BAR
 */
static void by_scatterlist(uint32_t placement)
{
	start(placement);
	sg_bind(pci_env("DMABUF_EDU"));
	importer = sg_open();
	sg_attach(importer, dmabuf, 0);
	check_entries();
	both_ways(sg_transfer, placement);
	if (pci_topology_is("switch-iommu"))
		faults_at_bus_address(placement);
	igt_assert_eq(__sg_detach(importer), 0);
}

static struct rdma_pair pair;

static int rdma_transfer(bool to_buffer, uint64_t at, uint8_t *data,
			 uint32_t length)
{
	return __rdma_pair_copy(&rdma, &pair, to_buffer, at, data, length);
}

/**
 * SUBTEST: rdma
 * Description: The same as a memory region
 */
static void by_rdma(uint32_t placement)
{
	uint64_t entries, page;

	start(placement);
	rdma_bind(pci_env("DMABUF_EDU"));
	rdma_open(&rdma, pci_env("DMABUF_EDU"));
	rdma_pair_open(&rdma, &pair, dmabuf, SIZE);
	both_ways(rdma_transfer, placement);
	entries = rdma_entries(SIZE, &page);
	igt_info("%" PRIu64 " entries of %" PRIu64 " bytes\n", entries, page);
	igt_assert_eq_u64(entries,
			  pci_topology_is("host-bridge") ? 1 : NR_PAGES);
	rdma_close(&rdma);
	rdma_pair_close(&pair);
}

int igt_main()
{
	igt_fixture()
		movable_bind();

	igt_subtest("sg") {
		by_scatterlist(DMA_BUF_MOVABLE_BAR_SYSTEM);
		by_scatterlist(DMA_BUF_MOVABLE_SYSTEM_BAR);
	}

	igt_subtest("rdma") {
		by_rdma(DMA_BUF_MOVABLE_BAR_SYSTEM);
		by_rdma(DMA_BUF_MOVABLE_SYSTEM_BAR);
	}

	igt_fixture() {
		rdma_close(&rdma);
		close_fd(&importer);
		close_fd(&dmabuf);
		close_fd(&movable);
	}
}
