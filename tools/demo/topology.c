// SPDX-License-Identifier: GPL-2.0
/*
 * Which devices there are and how DMA gets from one to the other
 */
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "report.h"
#include "topology.h"

const char *size_text(uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB" };
	static char bufs[4][32];
	static unsigned int next;
	char *buf = bufs[next++ % 4];
	unsigned int unit = 0;

	while (unit < 3 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(buf, sizeof(bufs[0]), "%" PRIu64 " %s", bytes, units[unit]);
	return buf;
}

uint64_t bar_start(const char *addr, unsigned int bar)
{
	char path[64], line[128];
	uint64_t start = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", addr);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (!bar--) {
			sscanf(line, "%" SCNx64, &start);
			break;
		}
	fclose(file);
	return start;
}

/* /sys/devices/pci0000:00/0000:00:02.0/0000:01:00.0, from pci0000:00 on */
static void path_of(char *buf, size_t size, const char *addr)
{
	char link[64], path[PATH_MAX];

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s", addr);
	buf[0] = 0;
	if (realpath(link, path) && strstr(path, "/pci"))
		snprintf(buf, size, "%s", strstr(path, "/pci") + 1);
}

/* The bridges between the host bridge and the device, without their domain */
static void bridges_of(char *buf, size_t size, const char *addr)
{
	char path[512], *save, *part;
	size_t len = 0;

	buf[0] = 0;
	path_of(path, sizeof(path), addr);
	strtok_r(path, "/", &save);
	while ((part = strtok_r(NULL, "/", &save)) && len < size) {
		if (!strcmp(part, addr))
			break;
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					len ? " - " : "", strchr(part, ':') + 1);
	}
}

static void describe_bars(char *buf, size_t size, const struct vfio_device *dev)
{
	size_t len = 0;
	unsigned int i;

	buf[0] = 0;
	for (i = 0; i < 6 && len < size; i++)
		if (dev->region[i].size)
			len += (size_t)snprintf(buf + len, size - len,
						"%sBAR%u %s", len ? ", " : "",
						i, size_text(dev->region[i].size));
}

static void print_device(const struct vfio_device *dev, const char *name,
			 const char *role, int last)
{
	char bridges[128], bars[128];

	bridges_of(bridges, sizeof(bridges), dev->addr);
	describe_bars(bars, sizeof(bars), dev);
	say("  %s-- %s -- %s  %-8s %-40s %s", last ? "`" : "|", bridges,
	    dev->addr + 5, name, bars, role);
}

/* Length of the name of the device's IOMMU, 0 if it has none */
static size_t iommu_of(char *buf, size_t size, const char *addr)
{
	char path[64], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu", addr);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = 0;
	return (size_t)snprintf(buf, size, "%s", basename(target));
}

bool has_iommu(const char *addr)
{
	char name[64];

	return iommu_of(name, sizeof(name), addr) > 0;
}

static void print_route(const struct vfio_device *from,
			const struct vfio_device *to)
{
	char a[512], b[512];
	size_t i, common = 0;

	path_of(a, sizeof(a), from->addr);
	path_of(b, sizeof(b), to->addr);
	for (i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '/')
			common++;
	/* One part in common is the host bridge itself */
	if (common <= 1)
		say("route %s -> %s: up through the host bridge, translated by the IOMMU, and down again",
		    from->addr + 5, to->addr + 5);
	else
		say("route %s -> %s: below one switch, but up to the IOMMU and back, since an IOAS translates",
		    from->addr + 5, to->addr + 5);
}

void topology_print(const struct demo *demo)
{
	const char *name = getenv("DMABUF_TOPOLOGY");
	struct utsname uts;
	char iommu[64], path[512];

	uname(&uts);
	heading("Peer-to-peer DMA by physical lists: Linux %s, topology %s",
		uts.release, name ? name : "of this machine");
	printf("\n");
	if (!iommu_of(iommu, sizeof(iommu), demo->edu.dev.addr))
		snprintf(iommu, sizeof(iommu), "none");
	path_of(path, sizeof(path), demo->edu.dev.addr);
	path[strcspn(path, "/")] = 0;
	say("host bridge %s, IOMMU %s", path, iommu);
	say("  |");
	print_device(&demo->exporter, "ivshmem", "exporter", 0);
	if (demo->exporter2.fd >= 0)
		print_device(&demo->exporter2, "nvme", "exporter", 0);
	print_device(&demo->edu.dev, "edu", "does DMA", 0);
	print_device(&demo->nvme.dev, "nvme", "disk, does DMA", 1);
	printf("\n");
	if (!has_iommu(demo->edu.dev.addr))
		return;
	print_route(&demo->edu.dev, &demo->exporter);
	print_route(&demo->nvme.dev, &demo->exporter);
}
