// SPDX-License-Identifier: MIT
#include "array.h"
#include "ops.h"

const struct fuzz_table *fuzz_ops(void)
{
	static const struct fuzz_op *const topics[] = {
		fuzz_query_ops, fuzz_vfio_ops, fuzz_cause_ops, fuzz_map_ops,
		fuzz_file_ops, fuzz_memory_ops, fuzz_movable_ops, fuzz_iommufd_ops, fuzz_dma_ops,
		fuzz_kvm_ops, fuzz_rdma_ops, fuzz_type1_ops,
	};
	static const struct fuzz_op *all[128];
	static struct fuzz_table table;
	const struct fuzz_op *op;
	size_t i;

	if (table.nr)
		return &table;
	for (i = 0; i < ARRAY_SIZE(topics); i++)
		for (op = topics[i]; op->name && table.nr < ARRAY_SIZE(all); op++)
			all[table.nr++] = op;
	table.op = all;
	return &table;
}
