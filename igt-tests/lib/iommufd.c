// SPDX-License-Identifier: MIT
#include <inttypes.h>

#include "igt_core.h"
#include "iommufd.h"
#include "klog.h"
#include "machine.h"

int iommufd_open(void)
{
	int fd = __iommufd_open();

	require_there(fd, "no /dev/iommu: %s. Try 'modprobe iommufd', as root\n",
		      strerror(-fd));
	igt_assert_f(fd >= 0,
		     "cannot open /dev/iommu: %s. Try 'modprobe iommufd'\n",
		     strerror(-fd));
	return fd;
}

void iommufd_destroy(int iommufd, uint32_t id)
{
	int ret = __iommufd_destroy(iommufd, id);

	igt_assert_f(!ret, "cannot destroy iommufd object %u: %s\n", id,
		     strerror(-ret));
}

uint32_t ioas_alloc(int iommufd)
{
	uint32_t ioas = 0;
	int ret = __ioas_alloc(iommufd, &ioas);

	igt_assert_f(!ret, "IOMMU_IOAS_ALLOC: %s\n", strerror(-ret));
	return ioas;
}

void ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
		   uint64_t length, uint64_t iova)
{
	int ret;

	klog_tell_runner();
	ret = __ioas_map_file(iommufd, ioas, fd, start, length, iova);

	igt_assert_f(!ret,
		     "IOMMU_IOAS_MAP_FILE of 0x%" PRIx64 "+0x%" PRIx64
		     " at IOVA 0x%" PRIx64 ": %s\n",
		     start, length, iova, strerror(-ret));
}

void ioas_map(int iommufd, uint32_t ioas, void *va, uint64_t length,
	      uint64_t iova)
{
	int ret = __ioas_map(iommufd, ioas, va, length, &iova);

	igt_assert_f(!ret,
		     "IOMMU_IOAS_MAP of memory, 0x%" PRIx64
		     " bytes at IOVA 0x%" PRIx64
		     ": %s. If out of memory: raise 'ulimit -l'\n",
		     length, iova, strerror(-ret));
}

void ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length)
{
	int ret = __ioas_unmap(iommufd, ioas, iova, length);

	igt_assert_f(!ret,
		     "IOMMU_IOAS_UNMAP of IOVA 0x%" PRIx64 "+0x%" PRIx64
		     ": %s\n",
		     iova, length, strerror(-ret));
}
