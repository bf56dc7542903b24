// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of the port, for sysfs and "rdma statistic".
 *
 * What the worker executed is counted when a request ends, on the side that it is
 * named after. Bytes are those that have been transferred, also of requests that
 * failed later.
 */
#include <linux/cleanup.h>

#include "edu_ib.h"

static const struct rdma_stat_desc edu_stats[] = {
	[EDU_STAT_SENDS].name = "sends",
	[EDU_STAT_RECVS].name = "recvs",
	[EDU_STAT_WRITES].name = "rdma_writes",
	[EDU_STAT_READS].name = "rdma_reads",
	[EDU_STAT_BYTES].name = "bytes",
	[EDU_STAT_ERRORS].name = "errors",
	[EDU_STAT_FLUSHED].name = "flushed",
	[EDU_STAT_NO_ANSWER].name = "no_answer",
	[EDU_STAT_NOT_READY].name = "not_ready",
	[EDU_STAT_CQ_OVERFLOWS].name = "cq_overflows",
	[EDU_STAT_INVALIDATIONS].name = "mr_invalidations",
};

struct rdma_hw_stats *edu_alloc_hw_port_stats(struct ib_device *ibdev, u32 port)
{
	static_assert(ARRAY_SIZE(edu_stats) == EDU_NUM_STATS);

	return rdma_alloc_hw_stats_struct(edu_stats, EDU_NUM_STATS,
					  RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

int edu_get_hw_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats,
		     u32 port, int index)
{
	struct edu_dev *edu = to_edu_dev(ibdev);

	if (port != EDU_PORT)
		return -EINVAL;
	guard(spinlock_irqsave)(&edu->lock);
	memcpy(stats->value, edu->stats, sizeof(edu->stats));
	return EDU_NUM_STATS;
}
