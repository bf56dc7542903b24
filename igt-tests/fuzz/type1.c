// SPDX-License-Identifier: MIT
/*
 * A container of type 1, which pins what it finds in page tables and never looks again
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/vfio_group.h"
#include "map.h"
#include "ops.h"

static struct vfio_group group = { .fd = -1, .dev.fd = -1 };

long fuzz_type1_begin(void)
{
	int container = __container_open();
	long ret;

	if (container < 0)
		return container;
	fuzz_set(FUZZ_CONTAINER, 0, container);
	ret = __group_open(&group, getenv("DMABUF_EDU2"), container);
	return ret ?: __container_set_iommu(container, VFIO_TYPE1v2_IOMMU);
}

void fuzz_type1_end(void)
{
	group_close(&group);
	close((int)fuzz_res(FUZZ_CONTAINER, 0));
}

/* Address, length, IOVA, flags */
long call_type1_map(const uint64_t *arg)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = (uint32_t)arg[3],
		.vaddr = arg[0],
		.iova = arg[2],
		.size = arg[1],
	};
	const bool dmabuf = fuzz_map_has_dmabuf(arg[0], arg[1]);
	long ret = fuzz_ioctl(fuzz_res(FUZZ_CONTAINER, 0), VFIO_IOMMU_MAP_DMA,
			      (uintptr_t)&map);

	/* What other files have there it may pin */
	if (!ret && dmabuf)
		return fuzz_wrong("type 1 took the mapping of a dma-buf");
	return ret;
}

/* The same of the arena's first page: memory that stays */
long call_type1_map_memory(const uint64_t *arg)
{
	const uint64_t args[4] = { fuzz_at(FUZZ_PAGE), arg[0], arg[1], arg[2] };

	return call_type1_map(args);
}

/* IOVA, length, flags */
long call_type1_unmap(const uint64_t *arg)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = (uint32_t)arg[2],
		.iova = arg[0],
		.size = arg[1],
	};

	return fuzz_ioctl(fuzz_res(FUZZ_CONTAINER, 0), VFIO_IOMMU_UNMAP_DMA,
			  (uintptr_t)&unmap);
}

#define INFO struct vfio_iommu_type1_info

const struct fuzz_op fuzz_type1_ops[] = {
	{
		.name = "type1-map", .weight = 20, GIVES_NOTHING,
		CALL(call_type1_map),
		ARGS(ARG("address", VA), ARG("length", OF(FUZZ_PAGE, 2 * FUZZ_PAGE)),
		     ARG("iova", BELOW(16, 16ull << 20)), ARG("flags", OF(3, 3, 1, 2)),),
		/* VFIO_DMA_MAP_FLAG_VADDR of what is not mapped: ENOENT */
		ERRNOS(EINVAL, EFAULT, EOPNOTSUPP, EEXIST, ENOSPC, EPERM, ENOENT),
	}, {
		.name = "type1-map-memory", .weight = 8, GIVES_NOTHING,
		CALL(call_type1_map_memory),
		ARGS(ARG("length", OF(FUZZ_PAGE, 2 * FUZZ_PAGE)),
		     ARG("iova", BELOW(16, 16ull << 20)), ARG("flags", OF(3, 3, 1, 2)),),
		ERRNOS(EINVAL, EFAULT, EOPNOTSUPP, EEXIST, ENOSPC, EPERM, ENOENT),
	}, {
		.name = "type1-unmap", .weight = 16, GIVES_NOTHING,
		CALL(call_type1_unmap),
		ARGS(ARG("iova", BELOW(16, 16ull << 20)),
		     ARG("length", OF(FUZZ_PAGE, 16ull << 20, 256ull << 20)),
		     ARG("flags", OF(0)),),
		ERRNOS(EINVAL, ENOENT, EBUSY),
	}, {
		.name = "type1-info", .weight = 4, GIVES_NOTHING,
		IOCTL(FUZZ_CONTAINER, VFIO_IOMMU_GET_INFO, INFO),
		ARGS(MEMBER(INFO, argsz, OF(sizeof(INFO))),),
		ERRNOS(EINVAL, ENODEV),
	},
	{ 0 }
};
