// SPDX-License-Identifier: MIT
/*
 * Questions to /dev/dma_buf_phys
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dmabuf-phys.h"
#include "node.h"

/* What is known of the groups is behind what users see */
struct answer {
	struct dmabuf_phys_info info;
	struct dma_buf_phys_group_info *groups;
};

int phys_node(void)
{
	/* Not kept: programs close what they do not know, and its number is soon another's */
	int fd = open("/dev/dma_buf_phys", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* The file may be there without a driver behind it */
	return errno == ENODEV || errno == ENXIO ? -ENOENT : -errno;
}

/* "0000:3b:00.0"; Linux has no domains beyond 24 bits */
static int parse(const char *device, uint64_t *number)
{
	unsigned int domain, bus, slot, function;
	int end = 0;

	/* It would take signs and blanks */
	if (device[strspn(device, "0123456789abcdefABCDEF:.")] ||
	    sscanf(device, "%6x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &end) != 4 || device[end] || slot > 0x1f || function > 7)
		return -EINVAL;
	*number = DMA_BUF_PHYS_PCI(domain, bus, slot << 3 | function);
	return 0;
}

static int ask(int fd, const uint64_t *device, struct dma_buf_phys_query *query,
	       struct dma_buf_phys_group_info *groups, uint32_t room)
{
	int node = phys_node(), ret;

	if (node < 0)
		return node;
	*query = (struct dma_buf_phys_query) {
		.size = sizeof(*query),
		.flags = device ? DMA_BUF_PHYS_QUERY_ROUTE : 0,
		.fd = fd,
		.group_size = groups ? sizeof(*groups) : 0,
		.groups = (uintptr_t)groups,
		.device = device ? *device : 0,
		.nr_groups = room,
	};
	ret = ioctl(node, DMA_BUF_PHYS_IOC_QUERY, query) < 0 ? -errno : 0;
	close(node);
	return ret;
}

static void fill(struct answer *answer, const struct dma_buf_phys_query *query)
{
	answer->info = (struct dmabuf_phys_info) {
		.length = query->length,
		.nr_frags = query->nr_frags,
		.generation = query->generation,
		.state = query->state,
		.nr_groups = query->nr_groups,
		.nr_importers = query->nr_importers,
		.nr_mapped = query->nr_mapped,
		.nr_behind = query->nr_behind,
		.nr_failed = query->nr_failed,
	};
}

int dmabuf_phys_query(int fd, const char *device, struct dmabuf_phys_info **info)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	struct dma_buf_phys_query query;
	uint64_t number = 0;
	uint32_t room = 0;
	int ret;

	*info = NULL;
	if (!answer)
		return -ENOMEM;
	ret = device ? parse(device, &number) : 0;
	/* It may move between two questions, and have more groups: then ask again */
	while (!ret) {
		ret = ask(fd, device ? &number : NULL, &query, answer->groups,
			  room);
		if (ret || query.nr_groups <= room)
			break;
		free(answer->groups);
		room = query.nr_groups;
		answer->groups = calloc(room, sizeof(*answer->groups));
		ret = answer->groups ? 0 : -ENOMEM;
	}
	if (ret) {
		dmabuf_phys_free(&answer->info);
		return ret;
	}
	fill(answer, &query);
	*info = &answer->info;
	return 0;
}

void dmabuf_phys_free(struct dmabuf_phys_info *info)
{
	struct answer *answer = (struct answer *)info;

	if (answer)
		free(answer->groups);
	free(answer);
}

const struct dma_buf_phys_group_info *
dmabuf_phys_group(const struct dmabuf_phys_info *info, uint32_t i)
{
	const struct answer *answer = (const struct answer *)info;

	return i < info->nr_groups ? &answer->groups[i] : NULL;
}

/* From good to bad; a kernel that knows more than this library may mean anything */
static int worse(uint32_t a, uint32_t b)
{
	static const int order[] = {
		[DMA_BUF_PHYS_ROUTE_MEMORY] = 1,
		[DMA_BUF_PHYS_ROUTE_BUS_ADDR] = 2,
		[DMA_BUF_PHYS_ROUTE_HOST_BRIDGE] = 3,
		[DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE] = 4,
		[DMA_BUF_PHYS_ROUTE_MASK] = 5,
		[DMA_BUF_PHYS_ROUTE_ENCRYPTED] = 6,
		[DMA_BUF_PHYS_ROUTE_NONE] = 7,
		[DMA_BUF_PHYS_ROUTE_UNKNOWN] = 8,
	};
	const uint32_t nr = sizeof(order) / sizeof(order[0]);

	return (a < nr ? order[a] : 9) > (b < nr ? order[b] : 9);
}

int dmabuf_phys_route(int fd, const char *device)
{
	struct dmabuf_phys_info *info;
	uint32_t i, route, worst = DMA_BUF_PHYS_ROUTE_MEMORY;
	int ret;

	if (!device)
		return -EINVAL;
	ret = dmabuf_phys_query(fd, device, &info);
	if (ret)
		return ret;
	for (i = 0; i < info->nr_groups; i++) {
		route = dmabuf_phys_group(info, i)->route;
		if (worse(route, worst))
			worst = route;
	}
	ret = info->nr_groups ? (int)worst : -ENODATA;
	dmabuf_phys_free(info);
	return ret;
}

int dmabuf_phys_reaches(uint32_t route)
{
	return route == DMA_BUF_PHYS_ROUTE_MEMORY ||
	       route == DMA_BUF_PHYS_ROUTE_BUS_ADDR ||
	       route == DMA_BUF_PHYS_ROUTE_HOST_BRIDGE;
}
