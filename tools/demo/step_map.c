// SPDX-License-Identifier: GPL-2.0
/*
 * Export scattered ranges, map them, write and read through the mapping
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "bytes.h"
#include "demo.h"
#include "devices/iommufd.h"
#include "devices/vtd.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "topology.h"

/* Out of order and with gaps; the last one is large enough for a large page */
const struct vfio_region_dma_range demo_ranges[3] = {
	{ MiB(6), KiB(64) },
	{ MiB(1), KiB(16) },
	{ MiB(2), MiB(2) },
};

#define NR ARRAY_SIZE(demo_ranges)

/* Every entry of the IOMMU's tables that the mapping needs, read from outside
 * the kernel: where it starts, that the next one follows on, and its page size
 */
static void check_tables(struct demo *demo, uint64_t size)
{
	uint64_t page_sizes[NR] = { 0 };
	uint64_t offset, iova;
	unsigned int entries = 0;
	struct vtd_entry entry;
	size_t i;

	for (offset = 0; offset < size; offset += entry.page) {
		uint64_t want = ranges_find(demo_ranges, NR, offset);
		uint64_t start = 0;

		must_vtd_lookup(demo->edu.dev.addr, DEMO_IOVA + offset, &entry);
		if (!entry.present || !entry.writable || !entry.readable)
			fail(NULL,
			     "the IOMMU does not translate IOVA 0x%" PRIx64,
			     (uint64_t)DEMO_IOVA + offset);
		if (entry.paddr != demo->bar_start + want)
			fail(NULL,
			     "IOVA 0x%" PRIx64
			     " is not translated to byte 0x%" PRIx64 " of BAR%d",
			     (uint64_t)DEMO_IOVA + offset, want, BAR);
		for (i = 0; start + demo_ranges[i].length <= offset; i++)
			start += demo_ranges[i].length;
		page_sizes[i] = entry.page;
		entries++;
	}

	faint("dma-buf   length  BAR%d      IOVA         I/O page", BAR);
	for (i = 0, iova = DEMO_IOVA; i < NR; i++) {
		faint("%06" PRIx64 "    %-7s %06" PRIx64 "    %09" PRIx64
		      "    %s",
		      (uint64_t)(iova - DEMO_IOVA), size_text(demo_ranges[i].length),
		      (uint64_t)demo_ranges[i].offset, iova,
		      size_text(page_sizes[i]));
		iova += demo_ranges[i].length;
	}
	checked("%u table entries read in memory: IOVAs without a hole, each to its place in the BAR",
		entries);
}

static void export_and_map(struct demo *demo)
{
	uint64_t size = ranges_size(demo_ranges, NR);
	off_t is;
	int fd, ret;

	step_begin(STEP_EXPORT, demo->exporter.addr);
	say("VFIO_DEVICE_FEATURE_DMA_BUF of %s, BAR%d: %zu ranges, out of order, with gaps",
	    demo->exporter.addr, BAR, NR);
	fd = must_vfio_dmabuf(&demo->exporter, BAR, demo_ranges, NR);
	is = lseek(fd, 0, SEEK_END);
	if (is != (off_t)size)
		fail(NULL, "the dma-buf has %jd bytes instead of %" PRIu64,
		     (intmax_t)is, size);
	checked("one dma-buf of %s", size_text(size));
	step_done();

	step_begin(STEP_MAP, demo->edu.dev.addr);
	say("IOMMU_IOAS_MAP_FILE of the dma-buf for %s, one call",
	    demo->edu.dev.addr);
	ret = __ioas_map_file(demo->iommufd, demo->ioas, fd, 0, size,
			      DEMO_IOVA);
	if (ret == -EOPNOTSUPP)
		fail(remedy_no_code(),
		     "iommufd of this kernel imports dma-bufs of one range only: %s",
		     strerror(-ret));
	if (ret)
		fail(NULL, "IOMMU_IOAS_MAP_FILE: %s", strerror(-ret));
	/* The mapping keeps the dma-buf */
	close(fd);
	check_tables(demo, size);
	step_done();
}

/* One transfer from memory to the dma-buf, and a look at the BAR */
static void write_slice(struct demo *demo, uint64_t start, size_t len,
			const char *word)
{
	char text[EDU_MAX];

	text_fill(text, len, word);
	must_edu_write(&demo->edu, DEMO_IOVA + start, text, len);
	bytes_check(demo->bar, demo_ranges, NR, start, text, len);
}

static void write_and_read(struct demo *demo)
{
	uint64_t border1 = demo_ranges[0].length;
	uint64_t border2 = border1 + demo_ranges[1].length;
	uint64_t end0 = demo_ranges[0].offset + demo_ranges[0].length;
	char text[EDU_MAX], got[EDU_MAX];

	step_begin(STEP_WRITE, demo->edu.dev.addr);
	say("%s of the BAR hold a guard pattern; %s writes 2 KiB across the end of range 0",
	    size_text(DEMO_WINDOW), demo->edu.dev.addr);
	guard_fill(demo->bar, 0, DEMO_WINDOW);
	write_slice(demo, border1 - KiB(1), KiB(2), "peer");
	hex_dump(demo->bar, end0 - 32, 32, "end of range 0");
	hex_dump(demo->bar, end0, 16, "its neighbour, untouched");
	hex_dump(demo->bar, demo_ranges[1].offset - 16, 16,
		 "neighbour of range 1, untouched");
	hex_dump(demo->bar, demo_ranges[1].offset, 32, "start of range 1");
	checked("2048 bytes are in the BAR, half in each range");

	say("and 2 KiB across the end of range 1");
	write_slice(demo, border2 - KiB(1), KiB(2), "edu2");
	checked("2048 bytes are in the BAR, half in each range");
	text_fill(text, sizeof(text), "edu2");

	step_done();

	step_begin(STEP_READ, demo->edu.dev.addr);
	say("%s reads the same 2 KiB back into memory", demo->edu.dev.addr);
	must_edu_read(&demo->edu, DEMO_IOVA + border2 - KiB(1), got, sizeof(got));
	if (memcmp(got, text, sizeof(got)))
		fail(NULL, "%s read other bytes than are in the BAR",
		     demo->edu.dev.addr);
	checked("2048 bytes in memory are those of the BAR");

	bytes_reset(demo->bar, demo_ranges, NR, border1 - KiB(1), KiB(2));
	bytes_reset(demo->bar, demo_ranges, NR, border2 - KiB(1), KiB(2));
	must_guard_check(demo->bar, 0, DEMO_WINDOW);
	checked("every other byte of the %s is as it was",
		size_text(DEMO_WINDOW));
	step_done();
}

void demo_map(struct demo *demo)
{
	export_and_map(demo);
	write_and_read(demo);
}
