// SPDX-License-Identifier: GPL-2.0
/*
 * Two BARs of an NVMe controller in one dma-buf: its memory and its registers
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "demo.h"
#include "devices/iommufd.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "topology.h"

#define IOVA 0x800000000ull
#define MEMORY_BAR 2
#define MEMORY_OFFSET MiB(1)
#define MEMORY_SIZE KiB(64)
#define REGISTERS_BAR 0
#define REGISTERS_SIZE KiB(4)
#define SIZE (MEMORY_SIZE + REGISTERS_SIZE)
/* Capabilities and version, which do not change */
#define REGISTERS 12
#define TAIL 1024

void demo_bars(struct demo *demo)
{
	struct vfio_device *dev = &demo->exporter2;
	uint8_t text[TAIL], got[TAIL + REGISTERS];
	uint32_t registers[REGISTERS / 4];
	volatile uint32_t *bar0;
	uint8_t *memory;
	unsigned int i;
	int fd, ret;

	if (dev->fd < 0) {
		step_begin(STEP_BARS, NULL);
		fail("boot topology host-bridge",
		     "there is no device with two memory BARs: $DMABUF_EXPORTER2 is not set");
	}
	step_begin(STEP_BARS, dev->addr);
	memory = (uint8_t *)must_vfio_map_bar(dev, MEMORY_BAR) + MEMORY_OFFSET;
	bar0 = must_vfio_map_bar(dev, REGISTERS_BAR);
	for (i = 0; i < REGISTERS / 4; i++)
		registers[i] = bar0[i];

	say("VFIO_DEVICE_FEATURE_DMA_BUF of %s with VFIO_DMA_BUF_DEVICE_OFFSETS: %s of BAR%d, %s of BAR%d",
	    dev->addr, size_text(MEMORY_SIZE), MEMORY_BAR,
	    size_text(REGISTERS_SIZE), REGISTERS_BAR);
	fd = __vfio_dmabuf_bars(
		dev,
		(const struct vfio_region_dma_range[]){
			{ dev->region[MEMORY_BAR].offset + MEMORY_OFFSET,
			  MEMORY_SIZE },
			{ dev->region[REGISTERS_BAR].offset, REGISTERS_SIZE },
		},
		2);
	if (fd < 0)
		fail(remedy_no_code(),
		     "VFIO does not put two BARs into one dma-buf: %s",
		     strerror(-fd));
	ret = __ioas_map_file(demo->iommufd, demo->ioas, fd, 0, SIZE, IOVA);
	close(fd);
	if (ret)
		fail(NULL, "IOMMU_IOAS_MAP_FILE: %s", strerror(-ret));

	say("%s writes the end of the first BAR's range, then reads across into the second's",
	    demo->edu.dev.addr);
	guard_fill(memory, 0, MEMORY_SIZE + KiB(4));
	text_fill(text, sizeof(text), "BARs");
	must_edu_write(&demo->edu, IOVA + MEMORY_SIZE - TAIL, text, TAIL);
	if (memcmp(memory + MEMORY_SIZE - TAIL, text, TAIL))
		fail(NULL, "BAR%d does not hold what was written", MEMORY_BAR);
	must_guard_check(memory, 0, MEMORY_SIZE - TAIL);
	must_guard_check(memory, MEMORY_SIZE, KiB(4));
	checked("%d bytes are in BAR%d, its other bytes are untouched", TAIL,
		MEMORY_BAR);

	must_edu_read(&demo->edu, IOVA + MEMORY_SIZE - TAIL, got, sizeof(got));
	if (memcmp(got, text, TAIL) || memcmp(got + TAIL, registers, REGISTERS))
		fail(NULL, "%s read other bytes than are in the BARs",
		     demo->edu.dev.addr);
	checked("one read yields both: BAR%d's bytes, then BAR%d's registers (NVMe version %u.%u)",
		MEMORY_BAR, REGISTERS_BAR, registers[2] >> 16,
		registers[2] >> 8 & 0xff);
	must_ioas_unmap(demo->iommufd, demo->ioas, IOVA, SIZE);
	step_done();
}
