// SPDX-License-Identifier: MIT
/*
 * Memory regions, by verbs, of QEMU's edu
 */
#include <string.h>
#include <stdlib.h>

#include "bytes.h"
#include "devices/rdma.h"
#include "file.h"
#include "map.h"
#include "ops.h"

/* For which RDMA wants memory that can be written to; edu has neither atomics nor windows */
#define WRITES \
	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC | \
	 IBV_ACCESS_MW_BIND)

static struct rdma rdma;
static struct verbs_mr regions[FUZZ_SLOTS];

static long release(unsigned int slot, long what)
{
	(void)what;
	return __verbs_dereg_mr(&regions[slot]);
}

long fuzz_rdma_begin(void)
{
	struct verbs_device device = { .name = "" };
	int ret = __rdma_wait_device(getenv("DMABUF_EDU"), &device);

	fuzz_on_release(FUZZ_MR, release);
	if (!ret)
		ret = __rdma_open_alone(&rdma, device.name);
	if (!ret)
		fuzz_set(FUZZ_RDMA, 0, rdma.context->cmd_fd);
	return ret;
}

void fuzz_rdma_end(void)
{
	rdma_close(&rdma);
}

/* dma-buf, offset, length, address, access, slot */
long call_reg_mr(const uint64_t *arg)
{
	struct verbs_mr mr;
	int ret = __verbs_reg_dmabuf_mr(rdma.pd, (int)arg[0], arg[1], arg[2],
					arg[3], (uint32_t)arg[4], &mr);

	if (ret)
		return ret;
	if (fuzz_bytes_find((int)arg[0]) &&
	    !fuzz_file_allows((int)arg[0], arg[4] & WRITES)) {
		__verbs_dereg_mr(&mr);
		return fuzz_wrong("a region has rights that the descriptor does not have");
	}
	fuzz_take(FUZZ_MR, (unsigned int)arg[5]);
	regions[arg[5]] = mr;
	return 0;
}

/* Address in a mapping, length, access, slot: none that may be taken away can be pinned */
long call_reg_memory_mr(const uint64_t *arg)
{
	const bool dmabuf = fuzz_map_has_dmabuf(arg[0], arg[1]);
	struct verbs_mr mr;
	int ret = __verbs_reg_mr(rdma.pd, (void *)(uintptr_t)arg[0], arg[1],
				 (uint32_t)arg[2], &mr);

	if (ret)
		return ret;
	if (dmabuf) {
		__verbs_dereg_mr(&mr);
		return fuzz_wrong("a mapping of a dma-buf was pinned");
	}
	fuzz_take(FUZZ_MR, (unsigned int)arg[3]);
	regions[arg[3]] = mr;
	return 0;
}

/* Which page of the device */
long call_rdma_export(const uint64_t *arg)
{
	return __verbs_alloc_dmabuf(rdma.context, arg[0]);
}

const struct fuzz_op fuzz_rdma_ops[] = {
	{
		.name = "reg-mr", .weight = 50, GIVES(FUZZ_MR), CALL(call_reg_mr),
		ARGS(ARG("dmabuf", RES(FUZZ_DMABUF)),
		     ARG("offset", OF(0, 0, 0, FUZZ_PAGE, 512)),
		     ARG("length", OF(FUZZ_PAGE, 2 * FUZZ_PAGE, 100)),
		     ARG("address", OF(0, 0, FUZZ_PAGE)), ARG("access", OF(7, 7, 7, 5, 4, 1, 0, 2)),),
		ERRNOS(OTHER_FILE, EINVAL, EREMOTEIO, EACCES, ENODEV, EOPNOTSUPP),
	}, {
		.name = "reg-memory-mr", .weight = 16, GIVES(FUZZ_MR), CALL(call_reg_memory_mr),
		ARGS(ARG("address", VA), ARG("length", OF(FUZZ_PAGE, 2 * FUZZ_PAGE, 100)),
		     ARG("access", OF(7, 7, 7, 5, 4, 1, 0, 2)),),
		ERRNOS(EINVAL, EFAULT, EOPNOTSUPP),
	}, {
		.name = "rdma-export", .weight = 8, GIVES(FUZZ_DMABUF),
		CALL(call_rdma_export),
		ARGS(ARG("offset", OF(0, FUZZ_PAGE, 2 * FUZZ_PAGE)),),
		ERRNOS(EINVAL, EMFILE),
	}, {
		.name = "dereg-mr", .weight = 20, TAKES(FUZZ_MR),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
