// SPDX-License-Identifier: MIT
/**
 * TEST: dmabuf phys drm
 * Category: Core
 * Mega feature: dma-buf physical lists
 * Sub-category: DRM
 * Functionality: PRIME import
 * Description: Where dma-bufs with a physical list meet drivers that have none: PRIME
 *	import is refused, PRIME exports go by scatterlist
 * Test category: functionality test
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "drmtest.h"
#include "igt_core.h"
#include "igt_vgem.h"
#include "iommufd.h"
#include "klog.h"
#include "memory.h"
#include "rdma.h"

/* A dumb buffer of 64 KiB, and its dma-buf */
#define SIZE KiB(64)

static struct rdma_scene scene;
static int card = -1;

static void expect_prime_refused(int fd, int error)
{
	uint32_t handle = 0;
	int ret = drmPrimeFDToHandle(card, fd, &handle) ? -errno : 0;

	igt_assert_f(ret == error, "PRIME import: %s instead of %s\n",
		     strerror(-ret), strerror(-error));
}

/**
 * SUBTEST: prime-import
 * Description: vgem cannot be told that memory goes away, so it must not import a
 *	BAR: EOPNOTSUPP, and the dma-buf is unharmed
 */
static void prime_import(void)
{
	struct vfio_region_dma_range *ranges = ranges_scattered(16, 0, PAGE);
	int fd = vfio_dmabuf(&scene.shm, 2, ranges, 16), i;
	struct rdma_target target = {
		.base = scene.bar, .ranges = ranges, .nr = 16 };

	guard_fill(scene.bar, 0, 32 * PAGE);
	for (i = 0; i < 20; i++)
		expect_prime_refused(fd, -EOPNOTSUPP);
	/* Nothing of it is left that a revoke would wait for */
	vfio_memory_enable(&scene.shm, false);
	vfio_memory_enable(&scene.shm, true);
	rdma_reg_dmabuf(&scene.rdma, fd, 0, 16 * PAGE, &target.mr);
	expect_prime_refused(fd, -EOPNOTSUPP);
	rdma_scene_both(&scene, &target, PAGE - 100, 200);
	guard_check(scene.bar, 0, 32 * PAGE);
	rdma_target_close(&target);
	close(fd);
	free(ranges);
}

/**
 * SUBTEST: prime-import-revoked
 * Description: The same while the BAR is switched off and when the exporter has
 *	gone
 */
static void prime_import_revoked(void)
{
	int fd = vfio_dmabuf_one(&scene.shm, 2, 0, PAGE);

	vfio_memory_enable(&scene.shm, false);
	expect_prime_refused(fd, -EOPNOTSUPP);
	vfio_close(&scene.shm);
	expect_prime_refused(fd, -EOPNOTSUPP);
	close(fd);
}

static uint32_t create_dumb(uint8_t **map)
{
	struct vgem_bo bo = { .width = 128, .height = SIZE / 512, .bpp = 32 };

	vgem_create(card, &bo);
	igt_assert_eq_u64(bo.size, SIZE);
	*map = vgem_mmap(card, &bo, PROT_READ | PROT_WRITE);
	return bo.handle;
}

static void destroy_dumb(uint32_t handle)
{
	struct drm_mode_destroy_dumb destroy = { .handle = handle };

	igt_assert_eq(drmIoctl(card, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy), 0);
}

/**
 * SUBTEST: prime-export
 * Description: vgem's dma-buf becomes a memory region by scatterlist: RDMA WRITE
 *	and READ are seen in the mapping of the dumb buffer
 */
static void prime_export(void)
{
	const struct vfio_region_dma_range all = { 0, SIZE };
	struct rdma_target target = { .ranges = &all, .nr = 1 };
	uint32_t handle = create_dumb(&target.base);
	int fd = -1;

	igt_assert_f(!drmPrimeHandleToFD(card, handle, DRM_CLOEXEC | DRM_RDWR,
					 &fd),
		     "vgem: cannot export a dumb buffer: %s\n",
		     strerror(errno));
	guard_fill(target.base, 0, SIZE);
	rdma_reg_dmabuf(&scene.rdma, fd, 0, SIZE, &target.mr);
	rdma_scene_both(&scene, &target, PAGE - 100, 3000);
	rdma_scene_both(&scene, &target, SIZE - 8, 8);
	guard_check(target.base, 0, SIZE);
	rdma_target_close(&target);

	/* A slice; and the region keeps the buffer when all else is closed */
	rdma_reg_dmabuf(&scene.rdma, fd, 3 * PAGE + 5, 2 * PAGE, &target.mr);
	close(fd);
	destroy_dumb(handle);
	rdma_scene_both(&scene, &target, 3 * PAGE + 5, 300);
	rdma_scene_both(&scene, &target, 5 * PAGE + 5 - 300, 300);
	guard_check(target.base, 0, SIZE);
	rdma_target_close(&target);
	munmap(target.base, SIZE);
}

/**
 * SUBTEST: prime-export-iommufd
 * Description: iommufd needs a physical list: EOPNOTSUPP
 */
static void prime_export_iommufd(void)
{
	uint32_t ioas = ioas_alloc(scene.iommufd), handle;
	uint8_t *map;
	int fd = -1;

	handle = create_dumb(&map);
	igt_assert_eq(drmPrimeHandleToFD(card, handle, DRM_CLOEXEC | DRM_RDWR,
					 &fd), 0);
	igt_assert_eq(__ioas_map_file(scene.iommufd, ioas, fd, 0, SIZE, GiB(4)),
		      -EOPNOTSUPP);
	/* The address is still free, the buffer still good */
	igt_assert_eq(__ioas_unmap(scene.iommufd, ioas, GiB(4), SIZE), -ENOENT);
	map[SIZE - 1] = 1;
	close(fd);
	munmap(map, SIZE);
	destroy_dumb(handle);
	iommufd_destroy(scene.iommufd, ioas);
}

/* A fence of vgem's, which signals in 10 s if nobody does so before */
struct fence {
	uint32_t handle;
	uint32_t id;
	int sync_file;
};

static void fence_begin(struct fence *fence)
{
	struct vgem_bo bo = { .width = 32, .height = 32, .bpp = 32 };
	struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_RW };
	int fd = -1;

	vgem_create(card, &bo);
	fence->handle = bo.handle;
	fence->id = vgem_fence_attach(card, &bo, VGEM_FENCE_WRITE);
	igt_assert_eq(drmPrimeHandleToFD(card, bo.handle, DRM_CLOEXEC, &fd), 0);
	igt_assert_eq(ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export), 0);
	fence->sync_file = export.fd;
	close(fd);
}

static void fence_add_to(const struct fence *fence, int dmabuf)
{
	struct dma_buf_import_sync_file import = {
		.flags = DMA_BUF_SYNC_RW, .fd = fence->sync_file };

	igt_assert_eq(ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import),
		      0);
}

static bool fence_signaled(const struct fence *fence)
{
	struct pollfd p = { .fd = fence->sync_file, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void fence_end(struct fence *fence)
{
	/* ETIMEDOUT if it has signaled by itself */
	__vgem_fence_signal(card, fence->id);
	close(fence->sync_file);
	destroy_dumb(fence->handle);
}

static bool ends_before_fence(bool imported, bool closes)
{
	uint32_t ioas = ioas_alloc(scene.iommufd);
	struct fence fence;
	bool before;
	int fds[3];
	size_t i;

	fence_begin(&fence);
	for (i = 0; i < 3; i++) {
		fds[i] = vfio_dmabuf_one(&scene.shm, 2, i * PAGE, PAGE);
		if (imported)
			ioas_map_file(scene.iommufd, ioas, fds[i], 0, PAGE,
				      GiB(4) + i * PAGE);
		fence_add_to(&fence, fds[i]);
	}
	if (closes)
		vfio_close(&scene.shm);
	else
		vfio_memory_enable(&scene.shm, false);
	before = !fence_signaled(&fence);
	fence_end(&fence);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	iommufd_destroy(scene.iommufd, ioas);
	rdma_scene_reset(&scene);
	return before;
}

/**
 * SUBTEST: strangers-fence
 * Description: Anyone holding a dma-buf may add fences to it. They delay neither a
 *	revoke nor the close of the device, whether or not iommufd is attached
 */
static void strangers_fence(void)
{
	int kind, tries;

	for (kind = 0; kind < 4; kind++) {
		/* On a busy machine 10 s may pass without anybody's waiting */
		for (tries = 0; tries < 3; tries++)
			if (ends_before_fence(kind & 1, kind & 2))
				break;
		igt_assert_f(tries < 3, "%s of %s waits for a stranger's fence\n",
			     kind & 2 ? "the close" : "the revoke",
			     kind & 1 ? "what iommufd has mapped" :
					"what nobody has");
	}
}

int igt_main()
{
	igt_fixture() {
		klog_no_other_faults();
		rdma_scene_open(&scene);
		card = drm_open_driver(DRIVER_VGEM);
	}

	igt_subtest("prime-import") {
		rdma_scene_reset(&scene);
		prime_import();
	}

	igt_subtest("prime-import-revoked") {
		rdma_scene_reset(&scene);
		prime_import_revoked();
	}

	igt_subtest("prime-export") {
		rdma_scene_reset(&scene);
		prime_export();
	}

	igt_subtest("prime-export-iommufd") {
		rdma_scene_reset(&scene);
		prime_export_iommufd();
	}

	igt_subtest("strangers-fence") {
		rdma_scene_reset(&scene);
		strangers_fence();
	}

	igt_fixture() {
		close(card);
		rdma_scene_close(&scene);
	}
}
