// SPDX-License-Identifier: MIT
/*
 * Opening a device by its group, and its container's address space
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "pci.h"
#include "sysfs.h"
#include "vfio_group.h"

int __container_open(void)
{
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	if (container < 0)
		return -errno;
	if (ioctl(container, VFIO_GET_API_VERSION) == VFIO_API_VERSION)
		return container;
	close(container);
	return -EPROTO;
}

int __container_set_iommu(int container, unsigned long iommu)
{
	return ioctl(container, VFIO_SET_IOMMU, iommu) < 0 ? -errno : 0;
}

/* "7" or, where there is no IOMMU, "noiommu-0" */
static int group_node(const char *addr, char *path, size_t size)
{
	char file[128], target[256], name[64] = "";
	ssize_t length;
	FILE *f;

	snprintf(file, sizeof(file), "/sys/bus/pci/devices/%s/iommu_group",
		 addr);
	length = readlink(file, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = 0;

	snprintf(file, sizeof(file),
		 "/sys/bus/pci/devices/%s/iommu_group/name", addr);
	f = fopen(file, "re");
	if (f) {
		if (!fgets(name, sizeof(name), f))
			name[0] = 0;
		fclose(f);
	}
	snprintf(path, size, "/dev/vfio/%s%s",
		 strstr(name, "noiommu") ? "noiommu-" : "",
		 strrchr(target, '/') + 1);
	return 0;
}

/* The node appears a moment after the driver is bound */
static int open_node(const char *addr)
{
	uint64_t deadline = now_ms() + 5000;
	char path[300];
	int fd;

	for (;;) {
		int ret = group_node(addr, path, sizeof(path));

		fd = ret ? ret : open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (!ret && errno != ENOENT)
			return -errno;
		if (now_ms() > deadline)
			return -ENOENT;
		usleep(10000);
	}
}

int __group_open(struct vfio_group *group, const char *addr, int container)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int ret;

	memset(group, 0, sizeof(*group));
	group->dev.fd = -1;
	group->dev.iommufd = -1;
	snprintf(group->dev.addr, sizeof(group->dev.addr), "%s", addr);

	ret = vfio_has_driver(addr) ? 0 : __pci_bind(addr, "vfio-pci");
	if (ret)
		return ret;
	group->fd = open_node(addr);
	if (group->fd < 0)
		return group->fd;
	ret = ioctl(group->fd, VFIO_GROUP_GET_STATUS, &status) < 0 ? -errno : 0;
	if (!ret && !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		ret = -EPERM;
	if (!ret && ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &container) < 0)
		ret = -errno;
	if (ret)
		group_close(group);
	return ret;
}

int __group_device(struct vfio_group *group)
{
	int ret;

	group->dev.fd = ioctl(group->fd, VFIO_GROUP_GET_DEVICE_FD,
			      group->dev.addr);
	if (group->dev.fd < 0)
		return -errno;
	ret = __vfio_read_regions(&group->dev);
	if (ret)
		vfio_close(&group->dev);
	return ret;
}

void group_close(struct vfio_group *group)
{
	vfio_close(&group->dev);
	if (group->fd > 0)
		close(group->fd);
	group->fd = -1;
}

int __type1_map(int container, const void *va, uint64_t length, uint64_t iova,
		uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)va,
		.iova = iova,
		.size = length,
	};

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) < 0 ? -errno : 0;
}

int __type1_unmap(int container, uint64_t iova, uint64_t *length)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = *length,
	};

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0)
		return -errno;
	*length = unmap.size;
	return 0;
}
