// SPDX-License-Identifier: MIT
/*
 * Address spaces of iommufd, which a device joins and leaves; and, in turn, a container of
 * type 1, which must take no dma-buf, with the same device
 */
#include <fcntl.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/edu.h"
#include "devices/iommufd.h"
#include "devices/memory.h"
#include "devices/vfio_group.h"
#include "random.h"
#include "soak.h"

#define ROUNDS 4

/* Use the device in turn with the other worker */
static int take_turns(struct soak_worker *worker, unsigned int call,
		      void (*use)(struct soak_worker *worker))
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config",
		 getenv("DMABUF_EDU2"));
	while (!soak_stops()) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		while (flock(fd, LOCK_EX | LOCK_NB)) {
			soak_ended(worker, call, -errno);
			usleep(200000);
		}
		soak_ended(worker, call, 0);
		use(worker);
		close(fd);
		/* So that the other one gets it */
		usleep(50000);
	}
	return 0;
}

#define AREAS 4u
#define AREA(i) ((4ull << 30) + (uint64_t)(i) * (1ull << 30))

enum { TURN, TAKE, OPEN, ATTACH, MAP, COPY, UNMAP, DMA };

static const struct soak_call area_calls[] = {
	[TURN] = SOAK_CALL("turn", EWOULDBLOCK),
	[TAKE] = SOAK_TAKE,
	[OPEN] = SOAK_CALL("open"),
	[ATTACH] = SOAK_CALL("attach"),
	[MAP] = SOAK_CALL("map", ENODEV),
	[COPY] = SOAK_CALL("copy", ENODEV),
	[UNMAP] = SOAK_CALL("unmap"),
	/* The device does not know; the bytes tell */
	[DMA] = SOAK_CALL("dma", EFAULT),
	{ 0 }
};

static struct edu edu = { .dev.fd = -1 };
static int iommufd;
static uint32_t ioas[2], current;
static struct area {
	struct soak_buffer buffer;
	uint32_t first, nr;
} areas[AREAS];

static int open_device(void)
{
	const char *addr = getenv("DMABUF_EDU2");
	int ret;

	memset(areas, 0, sizeof(areas));
	current = 0;
	iommufd = __iommufd_open();
	if (iommufd < 0)
		return iommufd;
	ret = __ioas_alloc(iommufd, &ioas[0]);
	if (!ret)
		ret = __ioas_alloc(iommufd, &ioas[1]);
	if (!ret)
		ret = __edu_open(&edu, addr, iommufd);
	if (!ret)
		ret = __edu_map_bounce(&edu, ioas[1]);
	if (!ret)
		ret = __edu_attach(&edu, ioas[0]);
	return ret;
}

static void unmap(struct soak_worker *worker, struct area *area)
{
	uint32_t i = (uint32_t)(area - areas);

	if (area->nr)
		soak_ended(worker, UNMAP,
			   __ioas_unmap(iommufd, ioas[0], AREA(i), area->nr * SOAK_PAGE));
	area->nr = 0;
}

/* Any slice of it */
static void map(struct soak_worker *worker)
{
	struct area *area = &areas[below(AREAS)];
	uint32_t i = (uint32_t)(area - areas);

	unmap(worker, area);
	if (soak_take(worker, TAKE, &area->buffer))
		return;
	area->first = below(area->buffer.nr);
	area->nr = 1 + below(area->buffer.nr - area->first);
	if (soak_try(worker, MAP,
		     __ioas_map_file(iommufd, ioas[0], area->buffer.fd,
				     area->first * SOAK_PAGE, area->nr * SOAK_PAGE,
				     AREA(i))))
		area->nr = 0;
	close(area->buffer.fd);
}

static void copy(struct soak_worker *worker)
{
	uint32_t i = below(AREAS);

	if (!areas[i].nr)
		return;
	if (soak_try(worker, COPY,
		     __ioas_copy(iommufd, ioas[1], AREA(i), ioas[0], AREA(i),
				 areas[i].nr * SOAK_PAGE)))
		return;
	soak_ended(worker, UNMAP,
		   __ioas_unmap(iommufd, ioas[1], AREA(i), areas[i].nr * SOAK_PAGE));
}

/* What was read before stays in the device if nothing comes */
static void dma(struct soak_worker *worker)
{
	const struct area *area = &areas[below(AREAS)];
	const uint64_t nothing = 0;
	uint64_t iova = AREA(area - areas), word = 0;
	uint32_t page;
	int ret;

	if (!area->nr || current)
		return;
	page = below(area->nr);
	ret = __edu_load(&edu, &nothing, sizeof(nothing));
	if (!ret)
		ret = __edu_read(&edu, iova + page * SOAK_PAGE, &word, sizeof(word));
	if (!ret)
		ret = soak_judge(worker, &area->buffer, area->first + page, word);
	soak_ended(worker, DMA, ret);
}

static void attach(struct soak_worker *worker)
{
	if (!soak_try(worker, ATTACH, __vfio_attach(&edu.dev, ioas[!current])))
		current = !current;
}

static void use_areas(struct soak_worker *worker)
{
	unsigned int i;

	if (!soak_ended(worker, OPEN, open_device()))
		for (i = 0; i < ROUNDS && !soak_stops(); i++) {
			map(worker);
			copy(worker);
			attach(worker);
			dma(worker);
		}
	/* Whatever is mapped */
	edu_close(&edu);
	if (iommufd >= 0)
		close(iommufd);
}

static int work_areas(struct soak_worker *worker)
{
	return take_turns(worker, TURN, use_areas);
}

const struct soak_kind soak_areas = {
	.name = "areas", .calls = area_calls, .work = work_areas,
};

enum { TURN_TYPE1, GET, CONTAINER, MEMORY, DMABUF, FREE };

static const struct soak_call type1_calls[] = {
	[TURN_TYPE1] = SOAK_CALL("turn", EWOULDBLOCK),
	[GET] = SOAK_TAKE,
	[CONTAINER] = SOAK_CALL("open"),
	[MEMORY] = SOAK_CALL("map"),
	[DMABUF] = SOAK_CALL("refused"),
	[FREE] = SOAK_CALL("unmap"),
	{ 0 }
};

#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)
#define LENGTH (8 * SOAK_PAGE)

static struct vfio_group group = { .fd = -1, .dev.fd = -1 };
static int container = -1;

static int open_container(void)
{
	int ret;

	container = __container_open();
	if (container < 0)
		return container;
	ret = __group_open(&group, getenv("DMABUF_EDU2"), container);
	if (!ret)
		ret = __container_set_iommu(container, VFIO_TYPE1v2_IOMMU);
	return ret ? ret : __group_device(&group);
}

static void memory(struct soak_worker *worker)
{
	void *at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t length = LENGTH;

	if (at == MAP_FAILED)
		return;
	if (!soak_try(worker, MEMORY, __type1_map(container, at, LENGTH, AREA(0), RW)))
		soak_ended(worker, FREE, __type1_unmap(container, AREA(0), &length));
	munmap(at, LENGTH);
}

/* A container cannot be told of a move or a revoke */
static void dmabuf(struct soak_worker *worker)
{
	struct soak_buffer buffer;
	void *at;
	int ret;

	if (soak_take(worker, GET, &buffer))
		return;
	at = mmap(NULL, SOAK_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, buffer.fd, 0);
	close(buffer.fd);
	if (at == MAP_FAILED)
		return;
	ret = __type1_map(container, at, SOAK_PAGE, AREA(1), RW);
	if (!ret)
		soak_wrong(worker, "type 1 has taken the mapping of a dma-buf");
	soak_ended(worker, DMABUF, ret == -EOPNOTSUPP || ret == -EFAULT ? 0 : ret);
	munmap(at, SOAK_PAGE);
}

static void use_type1(struct soak_worker *worker)
{
	unsigned int i;

	if (!soak_ended(worker, CONTAINER, open_container()))
		for (i = 0; i < ROUNDS && !soak_stops(); i++) {
			memory(worker);
			dmabuf(worker);
		}
	group_close(&group);
	if (container >= 0)
		close(container);
}

static int work_type1(struct soak_worker *worker)
{
	return take_turns(worker, TURN_TYPE1, use_type1);
}

const struct soak_kind soak_type1 = {
	.name = "type1", .calls = type1_calls, .work = work_type1,
};
