// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions of an RDMA device: what they cost, and what translates them
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "devices/pci.h"
#include "devices/rdma.h"
#include "fail.h"
#include "must.h"
#include "regions.h"

static struct rdma rdma;

void regions_open(void)
{
	must_rdma_bind(must_pci_env("DMABUF_EDU"));
	must_rdma_open(&rdma, getenv("DMABUF_EDU"));
}

void regions_close(void)
{
	rdma_close(&rdma);
}

static int reg(const struct region *region, struct verbs_mr *mr)
{
	if (region->fd < 0)
		return __verbs_reg_mr(rdma.pd, region->memory,
				      region->length, VERBS_ACCESS_ALL, mr);
	return __verbs_reg_dmabuf_mr(rdma.pd, region->fd, 0,
				     region->length, region->iova,
				     VERBS_ACCESS_ALL, mr);
}

/* Of the only region of a dma-buf that there is */
static uint64_t entries_of(uint64_t length, uint64_t *page)
{
	uint64_t entries = must_rdma_entries(getenv("DMABUF_EDU"), length, page);

	if (!entries)
		fail("see that nobody takes the dma-buf's memory away",
		     "edu_ib knows no region of 0x%" PRIx64 " bytes", length);
	return entries;
}

/* What translates it, which nobody looks up while it is measured */
static int translated(const struct region *region, struct region_cost *cost)
{
	struct verbs_mr mr;
	int ret = reg(region, &mr);

	if (ret)
		return ret;
	if (region->fd >= 0)
		cost->entries = entries_of(region->length, &cost->page);
	return __verbs_dereg_mr(&mr);
}

int regions_cost(const struct region *region, unsigned int rounds,
		 struct region_cost *cost)
{
	uint64_t took[REGIONS_MAX_ROUNDS];
	struct verbs_mr mr;
	unsigned int i;
	int ret;

	if (!rounds || rounds > REGIONS_MAX_ROUNDS)
		return -EINVAL;
	*cost = (struct region_cost) {};
	ret = translated(region, cost);
	for (i = 0; !ret && i < rounds; i++) {
		took[i] = instructions();
		ret = reg(region, &mr);
		if (!ret)
			ret = __verbs_dereg_mr(&mr);
		took[i] = instructions() - took[i];
	}
	if (ret)
		return ret;
	cost->instructions = median(took, rounds);
	return 0;
}

uint64_t regions_entries(struct vfio_device *dev, unsigned int bar,
			 size_t ranges)
{
	struct vfio_region_dma_range *pieces = must_alloc(ranges, sizeof(*pieces));
	const uint64_t length = REGIONS_LENGTH / ranges;
	struct verbs_mr mr;
	uint64_t entries, page;
	size_t i;
	int fd;

	/* Backwards, so that no two can be merged */
	for (i = 0; i < ranges; i++)
		pieces[i] = (struct vfio_region_dma_range) {
			length * (ranges - 1 - i), length };
	fd = must_vfio_dmabuf(dev, bar, pieces, ranges);
	must_rdma_reg_dmabuf(&rdma, fd, 0, REGIONS_LENGTH, &mr);
	close(fd);
	entries = entries_of(REGIONS_LENGTH, &page);
	must_verbs_dereg_mr(&mr);
	free(pieces);
	return entries;
}
