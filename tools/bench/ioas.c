// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that a VMM makes by iommufd: what one of a single range costs
 *
 * In the unmodified kernel a mapping does not come back when the memory does. So each
 * revoke is that of a mapping just made, and what a restore costs is not compared.
 */
#include <unistd.h>

#include "clock.h"
#include "devices/iommufd.h"
#include "devices/ranges.h"
#include "ioas.h"
#include "machine.h"
#include "must.h"

#define IOVA GiB(64)
/* Odd, so that there is a median */
#define ROUNDS 15

static struct vfio_device user;
static int iommufd;
static uint32_t ioas;

void ioas_open(int fd)
{
	iommufd = fd;
	ioas = machine_ioas(iommufd, &user);
}

void ioas_close(void)
{
	vfio_close(&user);
}

static int time_map(int fd, uint64_t size, uint64_t *took)
{
	uint64_t start = instructions();
	int ret = __ioas_map_file(iommufd, ioas, fd, 0, size, IOVA);

	*took = instructions() - start;
	return ret;
}

static int time_unmap(uint64_t size, uint64_t *took)
{
	uint64_t start = instructions();
	int ret = __ioas_unmap(iommufd, ioas, IOVA, size);

	*took = instructions() - start;
	return ret;
}

static int time_revoke(struct vfio_device *shm, uint64_t *took)
{
	uint64_t start = instructions();
	int ret = __vfio_memory_enable(shm, false);

	*took = instructions() - start;
	return ret;
}

int ioas_cost(struct vfio_device *shm, unsigned int bar, uint64_t size,
	      struct ioas_cost *cost)
{
	const struct vfio_region_dma_range range = { 0, size };
	uint64_t maps[ROUNDS], unmaps[ROUNDS], revokes[ROUNDS], again;
	int fd = must_vfio_dmabuf(shm, bar, &range, 1), ret = 0, i;

	for (i = 0; !ret && i < ROUNDS; i++) {
		ret = time_map(fd, size, &maps[i]);
		if (!ret)
			ret = time_unmap(size, &unmaps[i]);
		if (!ret)
			ret = time_map(fd, size, &again);
		if (!ret)
			ret = time_revoke(shm, &revokes[i]);
		if (!ret)
			ret = time_unmap(size, &again);
		if (!ret)
			ret = __vfio_memory_enable(shm, true);
	}
	close(fd);
	if (ret)
		return ret;
	*cost = (struct ioas_cost) {
		median(maps, ROUNDS), median(unmaps, ROUNDS), median(revokes, ROUNDS),
	};
	return 0;
}
