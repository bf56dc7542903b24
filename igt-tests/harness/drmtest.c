// SPDX-License-Identifier: MIT
/*
 * What the tests use of IGT's drmtest.h and igt_vgem.h: vgem, its buffers and fences
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xf86drm.h>

#include "devices/module.h"
#include "drmtest.h"
#include "igt_core.h"
#include "igt_vgem.h"

#define MAX_CARDS 16

static bool is_vgem(int fd)
{
	drmVersion *version = drmGetVersion(fd);
	bool is = version && !strcmp(version->name, "vgem");

	drmFreeVersion(version);
	return is;
}

int drm_open_driver(int chipset)
{
	char path[32];
	int i, fd;

	igt_assert_eq(chipset, DRIVER_VGEM);
	__module_load("vgem", NULL);
	/* drmOpen() would make and change device nodes */
	for (i = 0; i < MAX_CARDS; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (is_vgem(fd))
			return fd;
		close(fd);
	}
	igt_skip("no /dev/dri/card* is vgem's: try 'modprobe vgem', as root\n");
}

void vgem_create(int fd, struct vgem_bo *bo)
{
	struct drm_mode_create_dumb create = {
		.width = bo->width, .height = bo->height, .bpp = bo->bpp };

	igt_assert_f(!drmIoctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &create),
		     "vgem: cannot create a dumb buffer: %s\n", strerror(errno));
	bo->handle = create.handle;
	bo->pitch = create.pitch;
	bo->size = create.size;
}

void *vgem_mmap(int fd, struct vgem_bo *bo, unsigned int prot)
{
	struct drm_mode_map_dumb offset = { .handle = bo->handle };
	void *map;

	igt_assert_f(!drmIoctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &offset),
		     "vgem: cannot map a dumb buffer: %s\n", strerror(errno));
	map = mmap(NULL, bo->size, (int)prot, MAP_SHARED, fd, (off_t)offset.offset);
	igt_assert(map != MAP_FAILED);
	return map;
}

uint32_t vgem_fence_attach(int fd, struct vgem_bo *bo, unsigned int flags)
{
	struct drm_vgem_fence_attach attach = {
		.handle = bo->handle, .flags = flags };

	igt_assert_eq(drmIoctl(fd, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach), 0);
	return attach.out_fence;
}

int __vgem_fence_signal(int fd, uint32_t fence)
{
	struct drm_vgem_fence_signal signal = { .fence = fence };

	return drmIoctl(fd, DRM_IOCTL_VGEM_FENCE_SIGNAL, &signal) ? -errno : 0;
}
