// SPDX-License-Identifier: MIT
/*
 * Opening a device: bind, open, attach; regions, reset
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pci.h"
#include "sysfs.h"
#include "vfio.h"

bool vfio_has_driver(const char *addr)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", addr);
	return !access(path, F_OK);
}

/* The node appears a moment after the driver is bound */
static int open_node(const char *addr)
{
	uint64_t deadline = now_ms() + PATIENCE_MS;
	char dir[128], path[300];
	struct dirent *entry;
	DIR *d;
	int fd;

	snprintf(dir, sizeof(dir), "/sys/bus/pci/devices/%s/vfio-dev", addr);
	for (;;) {
		path[0] = 0;
		d = opendir(dir);
		while (d && (entry = readdir(d)))
			if (strstr(entry->d_name, "vfio"))
				snprintf(path, sizeof(path),
					 "/dev/vfio/devices/%s", entry->d_name);
		if (d)
			closedir(d);
		fd = path[0] ? open(path, O_RDWR | O_CLOEXEC) : -1;
		if (fd >= 0)
			return fd;
		if (path[0] && errno != ENOENT)
			return -errno;
		if (now_ms() > deadline)
			return -ENOENT;
		usleep(10000);
	}
}

int __vfio_read_regions(struct vfio_device *dev)
{
	unsigned int i;

	for (i = 0; i <= VFIO_PCI_CONFIG_REGION_INDEX; i++) {
		struct vfio_region_info info = {
			.argsz = sizeof(info),
			.index = i,
		};

		if (ioctl(dev->fd, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
			return -errno;
		dev->region[i].size = info.size;
		dev->region[i].offset = info.offset;
		dev->region[i].flags = info.flags;
	}
	return 0;
}

int __vfio_open(struct vfio_device *dev, const char *addr, int iommufd)
{
	struct vfio_device_bind_iommufd bind = {
		.argsz = sizeof(bind),
		.iommufd = iommufd,
	};
	int ret;

	memset(dev, 0, sizeof(*dev));
	dev->fd = -1;
	dev->iommufd = iommufd;
	snprintf(dev->addr, sizeof(dev->addr), "%s", addr);

	ret = vfio_has_driver(addr) ? 0 : __pci_bind(addr, "vfio-pci");
	if (ret)
		return ret;
	dev->fd = open_node(addr);
	if (dev->fd < 0)
		return dev->fd;
	ret = ioctl(dev->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind) < 0 ? -errno : 0;
	if (!ret) {
		dev->devid = bind.out_devid;
		ret = __vfio_read_regions(dev);
	}
	if (ret)
		vfio_close(dev);
	return ret;
}

int __vfio_enable(struct vfio_device *dev)
{
	uint32_t command = 0;
	int ret = __vfio_config_read(dev, PCI_COMMAND, 2, &command);

	if (ret)
		return ret;
	return __vfio_config_write(dev, PCI_COMMAND, 2,
				   command | PCI_COMMAND_MEMORY |
					   PCI_COMMAND_MASTER);
}

void vfio_close(struct vfio_device *dev)
{
	unsigned int i;

	for (i = 0; i < 6; i++) {
		if (dev->map[i])
			munmap(dev->map[i], dev->region[i].size);
		dev->map[i] = NULL;
	}
	if (dev->fd >= 0)
		close(dev->fd);
	dev->fd = -1;
}

int __vfio_attach(struct vfio_device *dev, uint32_t pt_id)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = pt_id,
	};

	return ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach) < 0 ?
		       -errno : 0;
}

int __vfio_detach(struct vfio_device *dev)
{
	struct vfio_device_detach_iommufd_pt detach = {
		.argsz = sizeof(detach),
	};

	return ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach) < 0 ?
		       -errno : 0;
}

int __vfio_map_bar(struct vfio_device *dev, unsigned int bar)
{
	void *map;

	if (dev->map[bar])
		return 0;
	map = mmap(NULL, dev->region[bar].size, PROT_READ | PROT_WRITE,
		   MAP_SHARED, dev->fd, (off_t)dev->region[bar].offset);
	if (map == MAP_FAILED)
		return -errno;
	dev->map[bar] = map;
	return 0;
}

int __vfio_reset(struct vfio_device *dev)
{
	return ioctl(dev->fd, VFIO_DEVICE_RESET) < 0 ? -errno : 0;
}

int __vfio_hot_reset(struct vfio_device *dev)
{
	/* With an iommufd owner no group fds are given: the kernel looks itself */
	struct vfio_pci_hot_reset reset = { .argsz = sizeof(reset) };

	return ioctl(dev->fd, VFIO_DEVICE_PCI_HOT_RESET, &reset) < 0 ?
		       -errno : 0;
}

static int set_irq(struct vfio_device *dev, uint32_t index, uint32_t start,
		   int eventfd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} irq = {
		.set = {
			.argsz = sizeof(irq),
			.flags = VFIO_IRQ_SET_ACTION_TRIGGER |
				 (eventfd < 0 ? VFIO_IRQ_SET_DATA_NONE :
						VFIO_IRQ_SET_DATA_EVENTFD),
			.index = index,
			.start = start,
			.count = eventfd >= 0,
		},
		.fd = eventfd,
	};

	return ioctl(dev->fd, VFIO_DEVICE_SET_IRQS, &irq) < 0 ? -errno : 0;
}

int __vfio_request_eventfd(struct vfio_device *dev, int eventfd)
{
	return set_irq(dev, VFIO_PCI_REQ_IRQ_INDEX, 0, eventfd);
}

int __vfio_msix(struct vfio_device *dev, int eventfd)
{
	return __vfio_msix_vector(dev, 0, eventfd);
}

int __vfio_msix_vector(struct vfio_device *dev, unsigned int vector, int eventfd)
{
	return set_irq(dev, VFIO_PCI_MSIX_IRQ_INDEX, vector, eventfd);
}
