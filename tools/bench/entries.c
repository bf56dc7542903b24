// SPDX-License-Identifier: GPL-2.0
/*
 * How much of a device's memory a memory region needs for translation
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "entries.h"
#include "igt_core.h"
#include "pci.h"
#include "rdma.h"

static struct rdma rdma;

void entries_open(void)
{
	rdma_bind(pci_env("DMABUF_EDU"));
	rdma_open(&rdma, getenv("DMABUF_EDU"));
}

void entries_close(void)
{
	rdma_close(&rdma);
}

uint64_t entries_count(struct vfio_device *dev, unsigned int bar,
		       size_t ranges)
{
	struct vfio_region_dma_range *pieces = calloc(ranges, sizeof(*pieces));
	const uint64_t length = ENTRIES_LENGTH / ranges;
	struct verbs_mr mr;
	uint64_t entries, page;
	size_t i;
	int fd;

	igt_assert(pieces);
	/* Backwards, so that no two can be merged */
	for (i = 0; i < ranges; i++)
		pieces[i] = (struct vfio_region_dma_range) {
			length * (ranges - 1 - i), length };
	fd = vfio_dmabuf(dev, bar, pieces, ranges);
	rdma_reg_dmabuf(&rdma, fd, 0, ENTRIES_LENGTH, &mr);
	close(fd);
	entries = rdma_entries(ENTRIES_LENGTH, &page);
	verbs_dereg_mr(&rdma.dev, &mr);
	free(pieces);
	return entries;
}
