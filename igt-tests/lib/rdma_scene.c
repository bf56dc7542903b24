// SPDX-License-Identifier: MIT
/*
 * An exporter, an RDMA device, and transfers between them that are compared
 */
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "igt_core.h"
#include "iommufd.h"
#include "pci.h"
#include "rdma.h"
#include "sysfs.h"

#define SHM_BAR 2

static void open_rdma(struct rdma_scene *scene)
{
	rdma_open(&scene->rdma, pci_env("DMABUF_EDU"));
	rdma_reg_memory(&scene->rdma, scene->mem, RDMA_MEMORY, &scene->mem_mr);
}

static void open_exporter(struct rdma_scene *scene)
{
	vfio_open(&scene->shm, pci_env("DMABUF_EXPORTER"), scene->iommufd);
	scene->bar = vfio_map_bar(&scene->shm, SHM_BAR);
}

void rdma_scene_open(struct rdma_scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	scene->shm.fd = -1;
	/* Skips outside a VM */
	pci_env("DMABUF_EXPORTER");
	scene->iommufd = iommufd_open();
	open_exporter(scene);
	rdma_bind(pci_env("DMABUF_EDU"));
	/* Shared: a child must not make the pages that are registered move */
	scene->mem = mmap(NULL, RDMA_MEMORY, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(scene->mem != MAP_FAILED);
	open_rdma(scene);
}

void rdma_scene_close(struct rdma_scene *scene)
{
	rdma_close(&scene->rdma);
	vfio_close(&scene->shm);
	if (scene->mem)
		munmap(scene->mem, RDMA_MEMORY);
	scene->mem = NULL;
	if (scene->iommufd > 0)
		close(scene->iommufd);
	scene->iommufd = -1;
}

void rdma_scene_reset(struct rdma_scene *scene)
{
	if (scene->shm.fd < 0)
		open_exporter(scene);
	vfio_memory_enable(&scene->shm, true);
	rdma_close(&scene->rdma);
	rdma_pin(false);
	rdma_lose_page(false);
	rdma_poll_delay(0);
	open_rdma(scene);
}

void rdma_target_open(struct rdma_scene *scene, struct rdma_target *target,
		      const struct vfio_region_dma_range *ranges, size_t nr)
{
	int fd = vfio_dmabuf(&scene->shm, SHM_BAR, ranges, nr);

	*target = (struct rdma_target) {
		.base = scene->bar,
		.ranges = ranges,
		.nr = nr,
	};
	rdma_reg_dmabuf(&scene->rdma, fd, 0, ranges_size(ranges, nr),
			&target->mr);
	close(fd);
}

void rdma_target_close(struct rdma_target *target)
{
	verbs_dereg_mr(&target->mr);
}

/* Calls are rare and ranges many: look each page up once */
static uint8_t *next_byte(const struct rdma_target *target, uint64_t at,
			  uint8_t *last)
{
	uint64_t pos;

	if (last && at % PAGE)
		return last + 1;
	pos = ranges_find(target->ranges, target->nr, at);
	igt_assert(pos != UINT64_MAX);
	return target->base + pos;
}

static void restore_guard(const struct rdma_target *target, uint64_t at,
			  uint32_t length)
{
	uint8_t *byte = NULL;
	uint32_t i;

	for (i = 0; i < length; i++) {
		byte = next_byte(target, at + i, byte);
		*byte = guard_byte((uint64_t)(byte - target->base));
	}
}

static uint8_t fresh_byte(uint32_t i)
{
	static uint8_t salt;

	if (!i)
		salt += 0x35;
	return (uint8_t)(salt + i * 7 + (i >> 8) * 3);
}

void rdma_scene_write(struct rdma_scene *scene,
		      const struct rdma_target *target, uint64_t at,
		      uint32_t length)
{
	const uint32_t from = 77;
	uint8_t *byte = NULL;
	uint32_t i;

	igt_assert_lte_u64(from + length, RDMA_MEMORY);
	for (i = 0; i < length; i++)
		scene->mem[from + i] = fresh_byte(i);
	rdma_copy(&scene->rdma, IBV_WR_RDMA_WRITE, &scene->mem_mr,
		  scene->mem_mr.iova + from, &target->mr, at, length);
	for (i = 0; i < length; i++) {
		byte = next_byte(target, at + i, byte);
		igt_assert_f(*byte == scene->mem[from + i],
			     "byte 0x%" PRIx64
			     " of the dma-buf after RDMA WRITE: 0x%02x instead of 0x%02x\n",
			     at + i, *byte, scene->mem[from + i]);
	}
	restore_guard(target, at, length);
}

void rdma_scene_read(struct rdma_scene *scene, const struct rdma_target *target,
		     uint64_t at, uint32_t length)
{
	/* In the middle of the memory, at an odd place */
	const uint32_t to = (uint32_t)(RDMA_MEMORY / 4) + 129;
	uint8_t *byte = NULL;
	uint32_t i;

	igt_assert_lte_u64(to + length, RDMA_MEMORY);
	for (i = 0; i < length; i++) {
		byte = next_byte(target, at + i, byte);
		*byte = fresh_byte(i);
	}
	memset(scene->mem, 0x5a, RDMA_MEMORY);
	rdma_copy(&scene->rdma, IBV_WR_RDMA_READ, &scene->mem_mr,
		  scene->mem_mr.iova + to, &target->mr, at, length);
	byte = NULL;
	for (i = 0; i < length; i++) {
		byte = next_byte(target, at + i, byte);
		igt_assert_f(scene->mem[to + i] == *byte,
			     "byte 0x%" PRIx64
			     " of the dma-buf by RDMA READ: 0x%02x instead of 0x%02x\n",
			     at + i, scene->mem[to + i], *byte);
	}
	for (i = 0; i < RDMA_MEMORY; i++)
		if (i < to || i >= to + length)
			igt_assert_f(scene->mem[i] == 0x5a,
				     "RDMA READ wrote beside its buffer, at 0x%x\n",
				     i);
	restore_guard(target, at, length);
}

void rdma_scene_both(struct rdma_scene *scene, const struct rdma_target *target,
		     uint64_t at, uint32_t length)
{
	rdma_scene_write(scene, target, at, length);
	rdma_scene_read(scene, target, at, length);
}

void rdma_scene_fill(struct rdma_scene *scene, uint32_t length)
{
	uint32_t i;

	for (i = 0; i < length; i++)
		scene->mem[i] = (uint8_t)~guard_byte(i);
}

uint32_t rdma_scene_arrived(struct rdma_scene *scene, const void *to,
			    uint32_t length)
{
	const volatile uint8_t *byte = to;
	uint32_t i, done;

	for (done = 0; done < length; done++)
		if (byte[done] == guard_byte(done))
			break;
	for (i = 0; i < length; i++)
		igt_assert_f(byte[i] == (i < done ? scene->mem[i] :
					 guard_byte(i)),
			     "byte 0x%x is 0x%02x, and 0x%x bytes have arrived\n",
			     i, byte[i], done);
	return done;
}

void rdma_wait_moving(const void *to, uint8_t before)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;

	while (*(const volatile uint8_t *)to == before) {
		igt_assert_f(now_ms() < deadline,
			     "the transfer does not begin within %d s\n",
			     PATIENCE_MS / 1000);
		usleep(1000);
	}
}

void rdma_scene_watch(struct rdma_scene *scene, const void *to, uint32_t length)
{
	uint32_t arrived = rdma_scene_arrived(scene, to, length);

	rdma_engine_pass();
	igt_assert_eq_u32(rdma_scene_arrived(scene, to, length), arrived);
}
