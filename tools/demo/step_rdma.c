// SPDX-License-Identifier: GPL-2.0
/*
 * An RDMA device writes into the BAR; revoked, it cannot; restored, it can
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "bytes.h"
#include "demo.h"
#include "devices/rdma.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "topology.h"

#define NR ARRAY_SIZE(demo_ranges)
#define SIZE KiB(2)

/* Across the end of range 0 */
#define AT (demo_ranges[0].length - SIZE / 2)

static struct rdma rdma;
static struct verbs_mr memory_mr, bar_mr;

static int rdma_write(void)
{
	return __rdma_copy(&rdma, IBV_WR_RDMA_WRITE, &memory_mr,
			   memory_mr.iova, &bar_mr, AT, SIZE);
}

static void register_memory(struct demo *demo, void *memory, const char *addr)
{
	uint64_t size = ranges_size(demo_ranges, NR), page, entries;
	int fd, ret;

	must_rdma_open(&rdma, addr);
	must_rdma_reg_memory(&rdma, memory, SIZE, &memory_mr);
	fd = must_vfio_dmabuf(&demo->exporter, BAR, demo_ranges, NR);
	say("REG_DMABUF_MR of the dma-buf of %zu ranges, %s, by the RDMA device of %s",
	    NR, size_text(size), addr);
	ret = __rdma_reg_dmabuf(&rdma, fd, 0, size, &bar_mr);
	/* The memory region keeps the dma-buf */
	close(fd);
	if (ret)
		fail(remedy_no_code(),
		     "cannot register it: %s", strerror(-ret));
	entries = must_rdma_entries(addr, size, &page);
	checked("the device needs %" PRIu64 " translation %s of %s", entries,
		entries == 1 ? "entry" : "entries", size_text(page));
}

static void write_bar(struct demo *demo, void *text, const char *word)
{
	int status;

	text_fill(text, SIZE, word);
	status = rdma_write();
	if (status)
		fail(NULL, "RDMA WRITE: %s",
		     status < 0 ? strerror(-status) : verbs_wc_name(status));
	bytes_check(demo->bar, demo_ranges, NR, AT, text, SIZE);
}

void demo_rdma(struct demo *demo)
{
	const uint64_t end0 = demo_ranges[0].offset + demo_ranges[0].length;
	char addr[sizeof(demo->edu.dev.addr)];
	void *text;
	int status;

	memcpy(addr, demo->edu.dev.addr, sizeof(addr));
	step_begin(STEP_RDMA, addr);
	edu_close(&demo->edu);
	must_rdma_bind(addr);
	text = aligned_alloc(KiB(4), KiB(4));
	if (!text)
		fail(NULL, "no memory: %s", strerror(errno));
	register_memory(demo, text, addr);

	say("RDMA WRITE of 2 KiB of memory across the end of range 0");
	guard_fill(demo->bar, 0, DEMO_WINDOW);
	write_bar(demo, text, "verb");
	hex_dump(demo->bar, end0 - 16, 16, "end of range 0");
	hex_dump(demo->bar, demo_ranges[1].offset, 16, "start of range 1");
	checked("2048 bytes are in the BAR, half in each range");

	must_vfio_memory_enable(&demo->exporter, false);
	status = rdma_write();
	if (status != IBV_WC_REM_ACCESS_ERR)
		fail(NULL, "RDMA WRITE to a revoked BAR: %s",
		     status < 0 ? strerror(-status) : verbs_wc_name(status));
	checked("memory of %s off: RDMA WRITE completes with '%s'",
		demo->exporter.addr, verbs_wc_name(status));

	must_vfio_memory_enable(&demo->exporter, true);
	must_rdma_reset(&rdma);
	guard_fill(demo->bar, 0, DEMO_WINDOW);
	write_bar(demo, text, "back");
	checked("memory on, queue pairs reset: the same keys work again, bytes are in the BAR");
	step_done();

	rdma_close(&rdma);
	free(text);
}
