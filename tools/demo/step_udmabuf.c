// SPDX-License-Identifier: GPL-2.0
/*
 * A dma-buf of another exporter, of memory instead of a BAR, by the same call
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "demo.h"
#include "devices/iommufd.h"
#include "devices/memory.h"
#include "fail.h"
#include "must.h"
#include "report.h"
#include "topology.h"

#define IOVA 0xc00000000ull
#define SIZE KiB(64)
#define START (KiB(4) - KiB(1))

void demo_udmabuf(struct demo *demo)
{
	char text[KiB(2)];
	uint8_t *memory;
	int memfd, fd, ret;

	step_begin(STEP_UDMABUF, demo->edu.dev.addr);
	memfd = must_sealed_memfd(SIZE);
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (memory == MAP_FAILED)
		fail(NULL, "cannot map a memfd: %s", strerror(errno));
	guard_fill(memory, 0, SIZE);
	fd = __udmabuf(memfd, 0, SIZE);
	if (fd < 0)
		fail("modprobe udmabuf", "cannot make a dma-buf of a memfd: %s",
		     strerror(-fd));
	say("udmabuf makes a dma-buf of a memfd of %s; IOMMU_IOAS_MAP_FILE maps it",
	    size_text(SIZE));
	ret = __ioas_map_file(demo->iommufd, demo->ioas, fd, 0, SIZE, IOVA);
	close(fd);
	close(memfd);
	if (ret == -EOPNOTSUPP)
		fail(remedy_no_code(),
		     "iommufd of this kernel takes VFIO's dma-bufs only: %s",
		     strerror(-ret));
	if (ret)
		fail(NULL, "IOMMU_IOAS_MAP_FILE: %s", strerror(-ret));

	say("%s writes 2 KiB across a page's end", demo->edu.dev.addr);
	text_fill(text, sizeof(text), "host");
	must_edu_write(&demo->edu, IOVA + START, text, sizeof(text));
	if (memcmp(memory + START, text, sizeof(text)))
		fail(NULL, "the memfd does not hold what was written");
	hex_dump(memory, START, 32, "the memfd");
	must_guard_check(memory, 0, START & ~7ull);
	must_guard_check(memory, START + sizeof(text),
		    SIZE - START - sizeof(text));
	checked("2048 bytes are in the memfd, its other bytes are untouched");

	must_ioas_unmap(demo->iommufd, demo->ioas, IOVA, SIZE);
	munmap(memory, SIZE);
	step_done();
}
