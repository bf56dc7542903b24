// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include "igt_core.h"
#include "machine.h"
#include "vfio.h"
#include "vfio_group.h"

int container_open(void)
{
	int container = __container_open();

	require_there(container, "no /dev/vfio/vfio: %s. Try 'modprobe vfio', as root\n",
		      strerror(-container));
	igt_assert_f(container >= 0, "cannot open /dev/vfio/vfio: %s\n",
		     strerror(-container));
	return container;
}

void group_open(struct vfio_group *group, const char *addr, int container,
		unsigned long iommu)
{
	int ret = __group_open(group, addr, container);

	igt_assert_f(!ret,
		     "%s: cannot put its group into a container: %s. Is vfio-pci loaded and nobody else using the device?\n",
		     addr, strerror(-ret));
	ret = iommu ? __container_set_iommu(container, iommu) : 0;
	igt_assert_f(!ret, "%s: VFIO_SET_IOMMU %lu: %s\n", addr, iommu,
		     strerror(-ret));
	ret = __group_device(group);
	igt_assert_f(!ret, "%s: cannot open it by its group: %s\n", addr,
		     strerror(-ret));
	vfio_enable(&group->dev);
}

void type1_map(int container, const void *va, uint64_t length, uint64_t iova)
{
	int ret = __type1_map(container, va, length, iova,
			      VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);

	igt_assert_f(!ret,
		     "VFIO_IOMMU_MAP_DMA of 0x%" PRIx64 " bytes at 0x%" PRIx64 ": %s\n",
		     length, iova, strerror(-ret));
}

void type1_unmap(int container, uint64_t iova, uint64_t length)
{
	uint64_t unmapped = length;
	int ret = __type1_unmap(container, iova, &unmapped);

	igt_assert_f(!ret,
		     "VFIO_IOMMU_UNMAP_DMA of 0x%" PRIx64 " bytes at 0x%" PRIx64 ": %s\n",
		     length, iova, strerror(-ret));
	igt_assert_eq_u64(unmapped, length);
}
