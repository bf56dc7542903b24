// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "iommufd.h"

static int do_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int __iommufd_open(void)
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int __iommufd_destroy(int iommufd, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return do_ioctl(iommufd, IOMMU_DESTROY, &cmd);
}

int __ioas_alloc(int iommufd, uint32_t *ioas)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int ret = do_ioctl(iommufd, IOMMU_IOAS_ALLOC, &cmd);

	if (!ret)
		*ioas = cmd.out_ioas_id;
	return ret;
}

int __hwpt_alloc(int iommufd, uint32_t devid, uint32_t ioas, uint32_t *hwpt)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = devid,
		.pt_id = ioas,
	};
	int ret = do_ioctl(iommufd, IOMMU_HWPT_ALLOC, &cmd);

	if (!ret)
		*hwpt = cmd.out_hwpt_id;
	return ret;
}

int __ioas_map_file_prot(int iommufd, uint32_t ioas, int fd, uint64_t start,
			 uint64_t length, uint64_t *iova, uint32_t prot)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = prot,
		.ioas_id = ioas,
		.fd = fd,
		.start = start,
		.length = length,
	};
	int ret;

	if (*iova != IOVA_ANY) {
		cmd.flags |= IOMMU_IOAS_MAP_FIXED_IOVA;
		cmd.iova = *iova;
	}
	ret = do_ioctl(iommufd, IOMMU_IOAS_MAP_FILE, &cmd);
	if (!ret)
		*iova = cmd.iova;
	return ret;
}

int __ioas_map_file(int iommufd, uint32_t ioas, int fd, uint64_t start,
		    uint64_t length, uint64_t iova)
{
	return __ioas_map_file_prot(iommufd, ioas, fd, start, length, &iova,
				    IOMMU_IOAS_MAP_READABLE |
					    IOMMU_IOAS_MAP_WRITEABLE);
}

int __ioas_map(int iommufd, uint32_t ioas, void *va, uint64_t length,
	       uint64_t *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
	};
	int ret;

	if (*iova != IOVA_ANY) {
		cmd.flags |= IOMMU_IOAS_MAP_FIXED_IOVA;
		cmd.iova = *iova;
	}
	ret = do_ioctl(iommufd, IOMMU_IOAS_MAP, &cmd);
	if (!ret)
		*iova = cmd.iova;
	return ret;
}

int __ioas_unmap(int iommufd, uint32_t ioas, uint64_t iova, uint64_t length)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};

	return do_ioctl(iommufd, IOMMU_IOAS_UNMAP, &cmd);
}

int __ioas_copy(int iommufd, uint32_t dst, uint64_t dst_iova, uint32_t src,
		uint64_t src_iova, uint64_t length)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.dst_ioas_id = dst,
		.src_ioas_id = src,
		.length = length,
		.dst_iova = dst_iova,
		.src_iova = src_iova,
	};

	return do_ioctl(iommufd, IOMMU_IOAS_COPY, &cmd);
}

int __ioas_get_pa(int iommufd, uint32_t ioas, uint64_t iova, uint64_t *pa)
{
	struct iommu_ioas_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.iova = iova,
		.length = 1,
	};
	int ret = do_ioctl(iommufd, IOMMU_IOAS_NOIOMMU_GET_PA, &cmd);

	if (!ret)
		*pa = cmd.out_phys;
	return ret;
}

int __ioas_set_huge_pages(int iommufd, uint32_t ioas, bool allow)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = ioas,
		.val64 = allow,
	};

	return do_ioctl(iommufd, IOMMU_OPTION, &cmd);
}

int __vfio_compat_set_ioas(int iommufd, uint32_t ioas)
{
	struct iommu_vfio_ioas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas,
		.op = IOMMU_VFIO_IOAS_SET,
	};

	return do_ioctl(iommufd, IOMMU_VFIO_IOAS, &cmd);
}

int __vfio_compat_unmap(int iommufd, uint64_t iova, uint64_t *length)
{
	struct vfio_iommu_type1_dma_unmap cmd = {
		.argsz = sizeof(cmd),
		.iova = iova,
		.size = *length,
	};
	int ret = do_ioctl(iommufd, VFIO_IOMMU_UNMAP_DMA, &cmd);

	if (!ret)
		*length = cmd.size;
	return ret;
}
