// SPDX-License-Identifier: MIT
/*
 * Address spaces of the exporter's iommufd: every ioctl, with nothing assumed of what is
 * in them. dma.c looks at what a device sees.
 */
#include <string.h>

#include "devices/iommufd.h"
#include "ops.h"

#define LEFT 64

/* In use when their slots were emptied */
static uint32_t left[LEFT];
static unsigned int nr_left;

static long release(unsigned int slot, long id)
{
	int ret = __iommufd_destroy((int)fuzz_res(FUZZ_IOMMUFD, 0), (uint32_t)id);

	(void)slot;
	if (ret == -EBUSY && nr_left < LEFT)
		left[nr_left++] = (uint32_t)id;
	return ret;
}

void fuzz_iommufd_begin(void)
{
	fuzz_on_release(FUZZ_IOAS, release);
	fuzz_on_release(FUZZ_HWPT, release);
}

/* Page tables go first; what is still in use stays for the next time */
void fuzz_iommufd_reset(void)
{
	unsigned int i, round, in_use = 0;
	int ret;

	for (round = 0; round < 2; round++, nr_left = in_use)
		for (i = in_use = 0; i < nr_left; i++) {
			ret = __iommufd_destroy((int)fuzz_res(FUZZ_IOMMUFD, 0), left[i]);
			if (ret == -EBUSY)
				left[in_use++] = left[i];
		}
}

/* Few addresses that mean something, so that they meet */
#define IOVA OF(0, 0, 0, 0, 16ull << 20, 32ull << 20)
#define LENGTHS OF(FUZZ_PAGE, FUZZ_PAGE, FUZZ_PAGE, 2 * FUZZ_PAGE, 8 * FUZZ_PAGE, 16ull << 20)

#define ALLOC struct iommu_ioas_alloc
#define DESTROY struct iommu_destroy
#define MAP_FILE struct iommu_ioas_map_file
#define MAP_VA struct iommu_ioas_map
#define COPY struct iommu_ioas_copy
#define UNMAP struct iommu_ioas_unmap
#define RANGES struct iommu_ioas_iova_ranges
#define ALLOW struct iommu_ioas_allow_iovas
#define OPTION struct iommu_option
#define VFIO_IOAS struct iommu_vfio_ioas
#define HWPT_ALLOC struct iommu_hwpt_alloc
#define HW_INFO struct iommu_hw_info
#define DIRTY struct iommu_hwpt_set_dirty_tracking
#define BITMAP struct iommu_hwpt_get_dirty_bitmap
#define GET_PA struct iommu_ioas_noiommu_get_pa
#define CHANGE struct iommu_ioas_change_process
#define COMPAT struct vfio_iommu_type1_dma_unmap

#define IOAS_ERRNOS EINVAL, ENOENT, EOPNOTSUPP
#define MAP_ERRNOS IOAS_ERRNOS, EEXIST, ENOSPC, ENODEV, EACCES, EADDRINUSE, EOVERFLOW
/* Memory of a program is looked for when it is mapped, and for each page table again */
#define MEMORY_ERRNOS MAP_ERRNOS, EFAULT

const struct fuzz_op fuzz_iommufd_ops[] = {
	{
		.name = "ioas-alloc", .weight = 16,
		GIVES_ID(FUZZ_IOAS, ALLOC, out_ioas_id),
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_ALLOC, ALLOC),
		ARGS(MEMBER(ALLOC, size, OF(sizeof(ALLOC))),
		     MEMBER(ALLOC, flags, OF(0)),),
		ERRNOS(EOPNOTSUPP),
	}, {
		.name = "ioas-free", .weight = 6, TAKES(FUZZ_IOAS),
		ARGS(), ERRNOS(EBADF, EBUSY, ENOENT),
	}, {
		.name = "hwpt-free", .weight = 16, TAKES(FUZZ_HWPT),
		ARGS(), ERRNOS(EBADF, EBUSY, ENOENT),
	}, {
		.name = "destroy", .weight = 8, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_DESTROY, DESTROY),
		ARGS(MEMBER(DESTROY, size, OF(sizeof(DESTROY))),
		     MEMBER(DESTROY, id, RES(FUZZ_IOAS)),),
		ERRNOS(ENOENT, EBUSY),
	}, {
		.name = "map-file", .weight = 80, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_MAP_FILE, MAP_FILE),
		ARGS(MEMBER(MAP_FILE, size, OF(sizeof(MAP_FILE))),
		     MEMBER(MAP_FILE, flags, OF(7, 7, 7, 6, 5, 3)),
		     MEMBER(MAP_FILE, ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(MAP_FILE, fd, RES(FUZZ_DMABUF)),
		     MEMBER(MAP_FILE, start, OF(0, 0, 0, 0, 0, FUZZ_PAGE, 512)),
		     MEMBER(MAP_FILE, length, LENGTHS),
		     MEMBER(MAP_FILE, iova, IOVA),),
		ERRNOS(MAP_ERRNOS, EBADF),
	}, {
		.name = "map-memory", .weight = 40, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_MAP, MAP_VA),
		ARGS(MEMBER(MAP_VA, size, OF(sizeof(MAP_VA))),
		     MEMBER(MAP_VA, flags, OF(7, 7, 6, 5)),
		     MEMBER(MAP_VA, ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(MAP_VA, user_va, VA),
		     MEMBER(MAP_VA, length, LENGTHS),
		     MEMBER(MAP_VA, iova, IOVA),),
		ERRNOS(MEMORY_ERRNOS),
	}, {
		.name = "copy", .weight = 60, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_COPY, COPY),
		ARGS(MEMBER(COPY, size, OF(sizeof(COPY))),
		     MEMBER(COPY, flags, OF(7, 7, 5, 3)),
		     MEMBER(COPY, dst_ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(COPY, src_ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(COPY, length, OF(FUZZ_PAGE, FUZZ_PAGE, FUZZ_PAGE, FUZZ_PAGE, FUZZ_PAGE,
					  8 * FUZZ_PAGE)),
		     MEMBER(COPY, dst_iova, OF(0, 16ull << 20, 32ull << 20, 48ull << 20, 64ull << 20)),
		     MEMBER(COPY, src_iova, IOVA),),
		ERRNOS(MEMORY_ERRNOS, EPERM),
	}, {
		.name = "ioas-unmap", .weight = 30, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_UNMAP, UNMAP),
		ARGS(MEMBER(UNMAP, size, OF(sizeof(UNMAP))),
		     MEMBER(UNMAP, ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(UNMAP, iova, OF(0, 16ull << 20, 32ull << 20, FUZZ_PAGE)),
		     MEMBER(UNMAP, length, OF(FUZZ_PAGE, 8 * FUZZ_PAGE, 16ull << 20,
					      256ull << 20, UINT64_MAX)),),
		ERRNOS(ENOENT, EBUSY, EOVERFLOW),
	}, {
		.name = "iova-ranges", .weight = 8, .tells = true, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_IOVA_RANGES, RANGES),
		ARGS(MEMBER(RANGES, size, OF(sizeof(RANGES))),
		     MEMBER(RANGES, ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(RANGES, num_iovas, BELOW(5, 1)),
		     MEMBER(RANGES, allowed_iovas, ARENA(4 * 16)),),
		ERRNOS(ENOENT, EMSGSIZE),
	}, {
		.name = "allow-iovas", .weight = 10, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_ALLOW_IOVAS, ALLOW),
		ARGS(MEMBER(ALLOW, size, OF(sizeof(ALLOW))),
		     MEMBER(ALLOW, ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(ALLOW, num_iovas, BELOW(3, 1)),
		     MEMBER(ALLOW, allowed_iovas, ARENA(0)),),
		ERRNOS(IOAS_ERRNOS, EADDRINUSE, EEXIST),
	}, {
		.name = "option", .weight = 12, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_OPTION, OPTION),
		ARGS(MEMBER(OPTION, size, OF(sizeof(OPTION))),
		     MEMBER(OPTION, option_id, OF(IOMMU_OPTION_HUGE_PAGES)),
		     MEMBER(OPTION, op, BITS(1)),
		     MEMBER(OPTION, object_id, RES(FUZZ_IOAS)),
		     MEMBER(OPTION, val64, BITS(1)),),
		/* Not once a device has something mapped */
		ERRNOS(ENOENT, EOPNOTSUPP, EADDRINUSE, EINVAL),
	}, {
		.name = "vfio-ioas", .weight = 30, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_VFIO_IOAS, VFIO_IOAS),
		ARGS(MEMBER(VFIO_IOAS, size, OF(sizeof(VFIO_IOAS))),
		     MEMBER(VFIO_IOAS, ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(VFIO_IOAS, op, OF(IOMMU_VFIO_IOAS_SET, IOMMU_VFIO_IOAS_SET,
					   IOMMU_VFIO_IOAS_SET, IOMMU_VFIO_IOAS_SET,
					   IOMMU_VFIO_IOAS_GET, IOMMU_VFIO_IOAS_CLEAR)),),
		ERRNOS(ENOENT, EOPNOTSUPP, ENODEV),
	}, {
		.name = "vfio-unmap", .weight = 24, .tells = true, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, VFIO_IOMMU_UNMAP_DMA, COMPAT),
		ARGS(MEMBER(COMPAT, argsz, OF(sizeof(COMPAT))),
		     /* All has neither address nor size */
		     MEMBER(COMPAT, flags, OF(VFIO_DMA_UNMAP_FLAG_ALL, VFIO_DMA_UNMAP_FLAG_ALL, 0)),
		     MEMBER(COMPAT, iova, OF(0, 0, 0, 16ull << 20)),
		     MEMBER(COMPAT, size, OF(0, 0, 0, FUZZ_PAGE, 16ull << 20)),),
		ERRNOS(IOAS_ERRNOS, ENODEV, EOVERFLOW),
	}, {
		.name = "hwpt-alloc", .weight = 30,
		GIVES_ID(FUZZ_HWPT, HWPT_ALLOC, out_hwpt_id),
		IOCTL(FUZZ_IOMMUFD, IOMMU_HWPT_ALLOC, HWPT_ALLOC),
		ARGS(MEMBER(HWPT_ALLOC, size, OF(sizeof(HWPT_ALLOC))),
		     MEMBER(HWPT_ALLOC, flags, OF(0, 0, 0, 0, 1, 2)),
		     MEMBER(HWPT_ALLOC, dev_id, RES(FUZZ_DEVICE_ID)),
		     MEMBER(HWPT_ALLOC, pt_id, RES(FUZZ_IOAS)),),
		ERRNOS(MEMORY_ERRNOS),
	}, {
		.name = "hw-info", .weight = 4, .tells = true, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_GET_HW_INFO, HW_INFO),
		ARGS(MEMBER(HW_INFO, size, OF(sizeof(HW_INFO))),
		     MEMBER(HW_INFO, dev_id, RES(FUZZ_DEVICE_ID)),
		     MEMBER(HW_INFO, data_len, OF(0, 64)),
		     MEMBER(HW_INFO, data_uptr, ARENA(64)),),
		ERRNOS(ENOENT, EOPNOTSUPP),
	}, {
		/* QEMU's IOMMU sets no dirty bits */
		.name = "dirty-tracking", .weight = 6, .refused = true, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_HWPT_SET_DIRTY_TRACKING, DIRTY),
		ARGS(MEMBER(DIRTY, size, OF(sizeof(DIRTY))),
		     MEMBER(DIRTY, flags, BITS(1)),
		     MEMBER(DIRTY, hwpt_id, RES(FUZZ_HWPT)),),
		ERRNOS(IOAS_ERRNOS),
	}, {
		.name = "dirty-bitmap", .weight = 6, .refused = true, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_HWPT_GET_DIRTY_BITMAP, BITMAP),
		ARGS(MEMBER(BITMAP, size, OF(sizeof(BITMAP))),
		     MEMBER(BITMAP, hwpt_id, RES(FUZZ_HWPT)),
		     MEMBER(BITMAP, flags, BITS(1)),
		     MEMBER(BITMAP, iova, IOVA), MEMBER(BITMAP, length, LENGTHS),
		     MEMBER(BITMAP, page_size, OF(FUZZ_PAGE)),
		     MEMBER(BITMAP, data, ARENA(512)),),
		ERRNOS(IOAS_ERRNOS, ERANGE),
	}, {
		/* There is an IOMMU */
		.name = "get-pa", .weight = 4, .refused = true, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_NOIOMMU_GET_PA, GET_PA),
		ARGS(MEMBER(GET_PA, size, OF(sizeof(GET_PA))),
		     MEMBER(GET_PA, ioas_id, RES(FUZZ_IOAS)),
		     MEMBER(GET_PA, iova, IOVA), MEMBER(GET_PA, length, LENGTHS),),
		ERRNOS(IOAS_ERRNOS, EPERM, ENODEV),
	}, {
		.name = "change-process", .weight = 4, GIVES_NOTHING,
		IOCTL(FUZZ_IOMMUFD, IOMMU_IOAS_CHANGE_PROCESS, CHANGE),
		ARGS(MEMBER(CHANGE, size, OF(sizeof(CHANGE))),),
		ERRNOS(IOAS_ERRNOS),
	},
	{ 0 }
};
