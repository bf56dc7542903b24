// SPDX-License-Identifier: GPL-2.0
/*
 * Exporting BARs through VFIO, and everything that can be in the way
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bar_ranges.h"
#include "device.h"
#include "devices/iommufd.h"
#include "devices/nvme.h"
#include "dmabuf-phys.h"
#include "exporter.h"
#include "holder.h"
#include "message.h"
#include "procfs.h"
#include "sysfs_file.h"
#include "take.h"
#include "taken.h"
#include "verb.h"

#define MAX_DEVICES 8

/* The kernel's IORESOURCE_MEM, as sysfs shows it */
#define RESOURCE_MEMORY 0x200

/* A device is open once, its users are dma-bufs */
static struct opened {
	struct vfio_device dev;
	unsigned int users;
} opened[MAX_DEVICES];

static int iommufd = -1;

static int get_iommufd(void)
{
	if (iommufd >= 0)
		return EXIT_OK;
	iommufd = __iommufd_open();
	if (iommufd >= 0)
		return EXIT_OK;
	if (iommufd == -ENOENT || iommufd == -ENODEV)
		complain("/dev/iommu", "modprobe iommufd",
			 "the kernel offers no IOMMUFD");
	else if (iommufd == -EACCES)
		complain("/dev/iommu",
			 as_root("run it as root, or give this user the file"),
			 "no permission to open it");
	else
		complain("/dev/iommu", NULL, "cannot open it: %s",
			 strerror(-iommufd));
	return EXIT_FAILED;
}

int export_iommufd(int *fd)
{
	int ret = get_iommufd();

	*fd = ret ? -1 : fcntl(iommufd, F_DUPFD_CLOEXEC, 3);
	if (!ret && *fd < 0) {
		complain("/dev/iommu", NULL, "%s", strerror(errno));
		ret = EXIT_FAILED;
	}
	return ret;
}

/*
 * What the kernel says when it does not bind a device to an iommufd (7.3):
 *
 * EBUSY	its group is open by VFIO's older interface
 * EINVAL	the device is open already, or its IOMMU is not coherent
 * EPERM	the group has another owner: a driver of the host or an iommufd of
 *	another program, which may be for another device; or interrupts cannot
 *	be isolated; or there is no IOMMU, and the caller is not root
 * EACCES	it is a virtual function whose physical one has a user of VFIO, or
 *	the other way round; otherwise it is the permissions of the file
 */
static void complain_busy(const char *addr, int err)
{
	pid_t pid = holder_of(addr);
	char comm[PROCFS_COMM];

	if (pid == getpid()) {
		complain(addr, "take another device for one of the two",
			 "this command has it open already, for something else");
	} else if (pid > 0) {
		procfs_comm(pid, comm);
		complain(addr, "end that program", "process %d, %s, has it open",
			 pid, comm);
	} else {
		complain(addr, geteuid() ?
			 "root's 'dmabuf-p2p export' tells which" :
			 "see dmesg; it may be in a container of its own",
			 err == EINVAL ?
			 "another program has it open, or its IOMMU does not keep caches coherent" :
			 "another program has it or its IOMMU group open");
	}
}

/* Who has another device of its IOMMU group open */
static bool complain_mate(const char *addr)
{
	char **names = sysfs_list("", "/sys/bus/pci/devices/%s/iommu_group/devices",
				  addr), comm[PROCFS_COMM];
	pid_t pid = 0;
	size_t i;

	for (i = 0; names[i]; i++) {
		pid = strcmp(names[i], addr) && vfio_has_driver(names[i]) ?
			      holder_of(names[i]) : 0;
		if (pid > 0 && pid != getpid())
			break;
	}
	if (names[i]) {
		procfs_comm(pid, comm);
		complain(addr, "end that program, or have it take both",
			 "process %d, %s, has %s of its IOMMU group open", pid,
			 comm, names[i]);
	}
	sysfs_list_free(names);
	return pid > 0 && pid != getpid();
}

static void complain_unsafe(const char *addr)
{
	char mates[TAKE_TEXT];

	if (device_in_the_way("", addr, mates, sizeof(mates)))
		take_in_the_way(addr, mates);
	else if (!nvme_behind_iommu(addr))
		complain(addr, "run it as root",
			 "without an IOMMU it takes root to open it");
	else if (!complain_mate(addr))
		complain(addr,
			 "switch interrupt remapping on in the firmware or, at your own risk, load iommufd with allow_unsafe_interrupts=1",
			 "the machine cannot isolate its interrupts, or another program owns its IOMMU group");
}

void export_refused(const char *addr, int err)
{
	char path[64];

	switch (err) {
	case EACCES:
		snprintf(path, sizeof(path),
			 "/sys/bus/pci/devices/%s/physfn/vfio-dev", addr);
		if (!access(path, F_OK))
			complain(addr, "bind its physical function to its own driver",
				 "it is a virtual function whose physical one is VFIO's: it takes a VF token, which this program has not");
		else
			complain(addr,
				 as_root("run it as root, or give this user the device's file in /dev/vfio/devices"),
				 "no permission to open it");
		break;
	case ENOENT:
		complain(addr, "see 'dmabuf-p2p doctor'",
			 "it has no file in /dev/vfio/devices: no VFIO character devices in this kernel");
		break;
	case EBUSY:
	case EINVAL:
		complain_busy(addr, err);
		break;
	case EPERM:
		complain_unsafe(addr);
		break;
	default:
		complain(addr, "see 'dmabuf-p2p doctor'",
			 "cannot open it through VFIO: %s", strerror(err));
	}
}

static int open_device(struct opened **to, const char *addr, bool bind)
{
	struct opened *free = NULL;
	size_t i;
	int ret;

	for (i = 0; i < MAX_DEVICES; i++) {
		*to = &opened[i];
		if (!opened[i].users)
			free = free ? free : *to;
		else if (!strcmp(opened[i].dev.addr, addr))
			return EXIT_OK;
	}
	*to = free;
	if (!free) {
		complain(addr, NULL, "more than %d devices", MAX_DEVICES);
		return EXIT_FAILED;
	}

	ret = take_device(addr, bind);
	if (!ret)
		ret = get_iommufd();
	if (ret)
		return ret;
	ret = __vfio_open(&free->dev, addr, iommufd);
	if (ret) {
		export_refused(addr, -ret);
		return EXIT_FAILED;
	}
	taken_adopt(addr);
	/* What is off at the moment makes a dma-buf that is revoked */
	ret = __vfio_memory_enable(&free->dev, true);
	if (!ret)
		ret = __vfio_mask_intx(&free->dev);
	if (ret) {
		complain(addr, NULL, "cannot enable its memory: %s",
			 strerror(-ret));
		vfio_close(&free->dev);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static void put_device(struct opened *device)
{
	size_t i;

	if (!device->users)
		vfio_close(&device->dev);
	for (i = 0; i < MAX_DEVICES; i++)
		if (opened[i].users)
			return;
	close(iommufd);
	iommufd = -1;
}

/* Before anything is bound, so from sysfs */
static int resolve(struct bar_ranges *ranges, const char *addr)
{
	char error[BAR_RANGES_ERROR], path[64];
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t size[6] = { 0 }, start, end, flags;
	char there[BAR_RANGES_ERROR];
	unsigned int i;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", addr);
	file = fopen(path, "re");
	for (i = 0; file && i < 6; i++)
		if (fscanf(file, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start,
			   &end, &flags) == 3 && flags & RESOURCE_MEMORY)
			size[i] = end - start + 1;
	if (file)
		fclose(file);
	if (!bar_ranges_resolve(ranges, size, page_size, error))
		return EXIT_OK;
	bar_ranges_list(size, page_size, there);
	complain(addr, there, "%s", error);
	return EXIT_USAGE;
}

static int complain_export(const char *addr, int err, bool several_bars,
			   bool no_host_access)
{
	switch (err) {
	case ENOTTY:
		complain(addr, "see 'dmabuf-p2p doctor'",
			 "this kernel's VFIO exports no dma-bufs");
		return EXIT_UNSUPPORTED;
	case EOPNOTSUPP:
		complain(addr, NULL, no_host_access ?
			 "its driver exports no dma-bufs, or cannot keep the host away: it has ways to the BARs of its own, or is a VGA device" :
			 "its driver exports no dma-bufs");
		return EXIT_UNSUPPORTED;
	case EINVAL:
		/* All that may be wrong with ranges has been checked */
		complain(addr, "see 'dmabuf-p2p doctor'",
			 "the kernel refuses the ranges%s%s",
			 several_bars ? ", perhaps because they are of several BARs" : "",
			 no_host_access ? ", perhaps because of --no-host-access" : "");
		return several_bars || no_host_access ? EXIT_UNSUPPORTED :
							EXIT_FAILED;
	case EOVERFLOW:
		complain(addr, NULL, "the end of a range overflows");
		return EXIT_FAILED;
	case ENODEV:
		complain(addr, NULL,
			 "a BAR is not memory, or the device is going away");
		return EXIT_FAILED;
	case EBUSY:
		if (no_host_access)
			complain(addr,
				 "unmap, remove or close that first",
				 "some process has the ranges mapped, they have an ioeventfd, the MSI-X table is in their pages, or another dma-buf overlaps them");
		else
			complain(addr, "close that one first",
				 "a dma-buf without host access overlaps the ranges");
		return EXIT_FAILED;
	default:
		complain(addr, NULL, "cannot export the ranges: %s",
			 strerror(err));
		return EXIT_FAILED;
	}
}

/* Return: the fd or -errno */
static int make_dmabuf(struct vfio_device *dev, const struct bar_ranges *ranges,
		       bool no_host_access)
{
	struct dmabuf_phys_range *list = calloc(ranges->nr, sizeof(*list));
	size_t i;
	int ret;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < ranges->nr; i++)
		list[i] = (struct dmabuf_phys_range) {
			.bar = ranges->range[i].bar,
			.offset = ranges->range[i].offset,
			.length = ranges->range[i].length,
		};
	ret = dmabuf_phys_export(dev->fd, list, ranges->nr, no_host_access ?
				 DMABUF_PHYS_NO_HOST_ACCESS : 0);
	free(list);
	return ret;
}

/* So that /proc and 'info' can tell what it is; a kernel may do without */
static void name_it(struct exported *exported, const char *addr,
		    const char *ranges)
{
	int len;

	memset(exported->name, 0, sizeof(exported->name));
	if (!strncmp(addr, "0000:", 5))
		addr += 5;
	len = snprintf(exported->name, sizeof(exported->name), "%s/%s", addr,
		       ranges);
	if (len >= (int)sizeof(exported->name))
		memcpy(exported->name + sizeof(exported->name) - 4, "...", 4);
	ioctl(exported->fd, DMA_BUF_SET_NAME, exported->name);
}

static int export_from(struct exported *exported, struct vfio_device *dev,
		       const struct bar_ranges *ranges,
		       const struct export_request *request)
{
	bool several_bars = false;
	size_t i;
	int ret;

	for (i = 1; i < ranges->nr; i++)
		several_bars |= ranges->range[i].bar != ranges->range[0].bar;
	ret = make_dmabuf(dev, ranges, request->no_host_access);
	if (ret < 0)
		return complain_export(dev->addr, -ret, several_bars,
				       request->no_host_access);
	exported->fd = ret;
	exported->size = ranges->size;
	exported->vfio = *dev;
	name_it(exported, dev->addr, request->ranges);
	return EXIT_OK;
}

int export_bars(struct exported *exported, const struct export_request *request)
{
	char error[BAR_RANGES_ERROR], addr[DEVICE_ADDR];
	struct bar_ranges ranges;
	struct opened *device;
	int ret;

	if (bar_ranges_parse(&ranges, request->ranges, error)) {
		complain(request->ranges,
			 "examples: bar2, bar2:0-16M, bar2:0-16M,bar2:32M+4K",
			 "%s", error);
		return EXIT_USAGE;
	}
	ret = device_find(addr, request->device);
	if (!ret)
		ret = resolve(&ranges, addr);
	if (!ret)
		ret = open_device(&device, addr, request->bind);
	if (!ret) {
		ret = export_from(exported, &device->dev, &ranges, request);
		if (ret)
			put_device(device);
		else
			device->users++;
	}
	bar_ranges_free(&ranges);
	return ret;
}

void export_done(const struct vfio_device *vfio, int fd)
{
	size_t i;

	close(fd);
	for (i = 0; i < MAX_DEVICES; i++)
		if (opened[i].users && opened[i].dev.fd == vfio->fd) {
			opened[i].users--;
			put_device(&opened[i]);
			return;
		}
}
