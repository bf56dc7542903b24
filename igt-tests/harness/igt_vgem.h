/* SPDX-License-Identifier: MIT */
#ifndef IGT_VGEM_H
#define IGT_VGEM_H

#include <stdint.h>

#include <drm.h>

/* include/uapi/drm/vgem_drm.h, which Debian does not install */
struct drm_vgem_fence_attach {
	uint32_t handle, flags, out_fence, pad;
};

struct drm_vgem_fence_signal {
	uint32_t fence, flags;
};

#define VGEM_FENCE_WRITE 1
#define DRM_IOCTL_VGEM_FENCE_ATTACH \
	DRM_IOWR(DRM_COMMAND_BASE + 1, struct drm_vgem_fence_attach)
#define DRM_IOCTL_VGEM_FENCE_SIGNAL \
	DRM_IOW(DRM_COMMAND_BASE + 2, struct drm_vgem_fence_signal)

/**
 * struct vgem_bo - a dumb buffer of vgem's
 * @handle: of the buffer
 * @width: pixels; set by the caller
 * @height: pixels; set by the caller
 * @bpp: bits of a pixel; set by the caller
 * @pitch: bytes of a line
 * @size: bytes
 */
struct vgem_bo {
	uint32_t handle;
	uint32_t width, height;
	uint32_t bpp, pitch;
	uint64_t size;
};

/** vgem_create - make a buffer, or fail the test */
void vgem_create(int fd, struct vgem_bo *bo);

/** vgem_mmap - map all of it, or fail the test */
void *vgem_mmap(int fd, struct vgem_bo *bo, unsigned int prot);

/** vgem_fence_attach - add a fence, which signals in 10 s; return its number */
uint32_t vgem_fence_attach(int fd, struct vgem_bo *bo, unsigned int flags);

/** __vgem_fence_signal - signal it; return 0 or -errno, -ETIMEDOUT if it has signaled */
int __vgem_fence_signal(int fd, uint32_t fence);

#endif /* IGT_VGEM_H */
