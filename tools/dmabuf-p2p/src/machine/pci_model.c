// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI devices of a machine, read through libpci and sysfs
 *
 * Bridges above a device are taken from the path of its folder in sysfs, which
 * is the kernel's own tree. Physical addresses of BARs are read by libpci and go
 * no further.
 */
#include <errno.h>
#include <limits.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "array.h"
#include "device.h"
#include "device_names.h"
#include "message.h"
#include "pci_model.h"
#include "sysfs_file.h"
#include "text.h"
#include "units.h"
#include "verb.h"

#define DEVICES "/sys/bus/pci/devices"

/* As struct resource has them, in the third column of sysfs's "resource" */
#define RESOURCE_IO 0x100
#define RESOURCE_MEM 0x200
#define RESOURCE_PREFETCH 0x2000
#define RESOURCE_MEM_64 0x100000

/* How often everything is read anew when something has gone meanwhile */
#define TRIES 5

#define CLASS_BASE(class) ((class) >> 8)

/* Files that are missing or end early are dealt with where they are needed */
static void no_warning(char *fmt, ...)
{
	(void)fmt;
}

/* What libpci calls does not return: so these are freed by who tries again */
static struct pci_access *access_now;
static struct pci_dev **order_now;
static sigjmp_buf again;
static volatile int tries_left;

static void __attribute__((noreturn)) libpci_error(char *fmt, ...)
{
	char cause[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(cause, sizeof(cause), fmt, args);
	va_end(args);
	/* A device that is unplugged meanwhile is none the next time */
	if (tries_left)
		siglongjmp(again, 1);
	complain(NULL, NULL, "cannot read the PCI devices: %s", cause);
	exit(EXIT_FAILED);
}

static struct pci_access *open_libpci(const char *root)
{
	struct pci_access *access = pci_alloc();
	char path[PATH_MAX];

	access_now = access;
	access->method = PCI_ACCESS_SYS_BUS_PCI;
	access->error = libpci_error;
	access->warning = no_warning;
	snprintf(path, sizeof(path), "%s/sys/bus/pci", root);
	pci_set_param(access, (char *)"sysfs.path", path);
	if (root[0]) {
		/* Names must not depend on the machine that looks at a copy */
		pci_set_param(access, (char *)"hwdb.disable", (char *)"1");
		if (!sysfs_access(R_OK, root, "/usr/share/misc/pci.ids")) {
			snprintf(path, sizeof(path), "%s/usr/share/misc/pci.ids",
				 root);
			pci_set_name_list_path(access, strdup(path), 1);
		}
	}
	pci_init(access);
	pci_scan_bus(access);
	return access;
}

static void read_bars(struct pci_device *dev, const struct pci_dev *from)
{
	size_t i;

	for (i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &dev->bars[i];
		pciaddr_t flags = from->flags[i];

		bar->size = from->size[i];
		if (!bar->size)
			continue;
		if (flags & RESOURCE_IO)
			bar->kind = BAR_IO;
		else if (flags & RESOURCE_MEM)
			bar->kind = flags & RESOURCE_MEM_64 ? BAR_MEM64 : BAR_MEM32;
		bar->prefetchable = flags & RESOURCE_PREFETCH;
	}
}

/* Bytes of config space that can be read, at most what the device has */
static bool config_reaches(struct pci_dev *from, int pos)
{
	u8 byte;

	return pci_read_block(from, pos, &byte, 1);
}

/* The kernel shows others than root the first 64 bytes of it */
static void read_acs(struct pci_device *dev, struct pci_dev *from,
		     const char *root)
{
	const struct pci_cap *cap;
	char path[PATH_MAX];
	struct stat stat_buf;

	if (!config_reaches(from, 64)) {
		snprintf(path, sizeof(path), "%s" DEVICES "/%s/config", root,
			 dev->addr);
		/* Conventional devices have no extended capabilities */
		if (!stat(path, &stat_buf) && stat_buf.st_size == 256)
			return;
		dev->acs = ACS_UNKNOWN;
		return;
	}
	cap = pci_find_cap(from, PCI_EXT_CAP_ID_ACS, PCI_CAP_EXTENDED);
	if (!cap)
		return;
	dev->acs = ACS_READ;
	dev->acs_cap = pci_read_word(from, (int)cap->addr + PCI_ACS_CAP);
	dev->acs_ctrl = pci_read_word(from, (int)cap->addr + PCI_ACS_CTRL);
}

static void read_port(struct pci_device *dev, struct pci_dev *from,
		      const char *root)
{
	const struct pci_cap *cap = pci_find_cap(from, PCI_CAP_ID_EXP,
						 PCI_CAP_NORMAL);

	if (dev->class != PCI_CLASS_BRIDGE_PCI)
		return;
	dev->port = PORT_BRIDGE;
	if (cap && config_reaches(from, 64)) {
		u16 flags = pci_read_word(from, (int)cap->addr + PCI_EXP_FLAGS);

		switch ((flags & PCI_EXP_FLAGS_TYPE) >> 4) {
		case PCI_EXP_TYPE_ROOT_PORT:
			dev->port = PORT_ROOT;
			break;
		case PCI_EXP_TYPE_UPSTREAM:
			dev->port = PORT_UPSTREAM;
			break;
		case PCI_EXP_TYPE_DOWNSTREAM:
			dev->port = PORT_DOWNSTREAM;
			break;
		}
	} else if (!sysfs_access(F_OK, root, DEVICES "/%s/max_link_speed",
				 dev->addr)) {
		/* A bridge with a PCIe link: its place tells which end it is */
		if (!dev->up)
			dev->port = PORT_ROOT;
		else
			dev->port = dev->up->port == PORT_UPSTREAM ?
				    PORT_DOWNSTREAM : PORT_UPSTREAM;
	}
}

static void read_name(struct pci_device *dev, struct pci_access *access)
{
	char class[64], name[64];

	if (!pci_lookup_name(access, class, sizeof(class),
			     PCI_LOOKUP_CLASS | PCI_LOOKUP_NO_NUMBERS,
			     dev->class))
		snprintf(class, sizeof(class), "class %04x", dev->class);
	snprintf(dev->class_name, sizeof(dev->class_name), "%s", class);
	if (pci_lookup_name(access, name, sizeof(name),
			    PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_NUMBERS,
			    dev->vendor, dev->device))
		snprintf(dev->name, sizeof(dev->name), "%s", name);
	else
		snprintf(dev->name, sizeof(dev->name), "%04x:%04x %s",
			 dev->vendor, dev->device, class);
	/* Cut, perhaps in the middle of a character */
	text_clean(dev->class_name);
	text_clean(dev->name);
}

/* QEMU's and virtio's devices: their registers tell of links that there are not */
static bool is_emulated(const struct pci_device *dev)
{
	return dev->vendor == 0x1234 || dev->vendor == 0x1b36 ||
	       dev->vendor == 0x1af4;
}

static void read_device(struct pci_device *dev, struct pci_dev *from,
			struct pci_access *access, const char *root)
{
	char text[32];

	pci_fill_info(from, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_BASES |
			    PCI_FILL_SIZES | PCI_FILL_IO_FLAGS);
	dev->domain = (unsigned int)from->domain;
	dev->bus = from->bus;
	dev->devfn = (uint8_t)(from->dev << 3 | from->func);
	snprintf(dev->addr, sizeof(dev->addr), "%04x:%02x:%02x.%u",
		 dev->domain & 0xffffff, dev->bus, from->dev, from->func & 7u);
	dev->vendor = from->vendor_id;
	dev->device = from->device_id;
	dev->class = from->device_class;
	read_bars(dev, from);
	read_name(dev, access);
	sysfs_link(dev->driver, sizeof(dev->driver), root, DEVICES "/%s/driver",
		   dev->addr);
	sysfs_link(dev->iommu, sizeof(dev->iommu), root, DEVICES "/%s/iommu",
		   dev->addr);
	dev->group = -1;
	if (sysfs_link(text, sizeof(text), root, DEVICES "/%s/iommu_group",
		       dev->addr))
		dev->group = atoi(text);
	dev->node = -1;
	if (sysfs_text(text, sizeof(text), root, DEVICES "/%s/numa_node",
		       dev->addr))
		dev->node = atoi(text);
	if (!is_emulated(dev))
		pci_link_read(&dev->link, root, dev->addr);
	if (sysfs_text(text, sizeof(text), root, DEVICES "/%s/sriov_numvfs",
		       dev->addr))
		dev->nr_vfs = (unsigned int)strtoul(text, NULL, 10);
}

static struct pci_device *by_address(const struct pci_model *model,
				     const char *addr)
{
	size_t i;

	for (i = 0; i < model->nr_devices; i++)
		if (!strcmp(model->devices[i].addr, addr))
			return &model->devices[i];
	return NULL;
}

static struct host_bridge *host_bridge(struct pci_model *model,
				       const char *name)
{
	struct host_bridge *host;

	for (host = model->hosts; host < model->hosts + model->nr_hosts; host++)
		if (!strcmp(host->name, name))
			return host;
	model->nr_hosts++;
	snprintf(host->name, sizeof(host->name), "%s", name);
	return host;
}

/*
 * .../pci0000:00/0000:00:1c.0/0000:01:00.0: the folder above the device is the
 * bridge it is below, or the host bridge's. There may be more PCI devices above
 * that one: of a host bridge that is itself behind a PCI device.
 */
static void find_above(struct pci_model *model, struct pci_device *dev)
{
	char link[PATH_MAX], path[PATH_MAX];
	char *name;

	snprintf(link, sizeof(link), "%s" DEVICES "/%s", model->root, dev->addr);
	if (!realpath(link, path))
		return;
	while ((name = strrchr(path, '/'))) {
		*name++ = 0;
		if (!strncmp(name, "pci", 3) && strchr(name, ':')) {
			dev->host = host_bridge(model, name);
			return;
		}
		if (!dev->up && strcmp(name, dev->addr))
			dev->up = by_address(model, name);
	}
}

/* A port's register is about the link below it */
static void meet_above(struct pci_device *dev)
{
	if (dev->up && dev->port != PORT_DOWNSTREAM && dev->port != PORT_ROOT)
		pci_link_meet(&dev->link, &dev->up->link);
}

static void find_physfn(struct pci_model *model, struct pci_device *dev)
{
	char addr[16];

	if (!sysfs_link(addr, sizeof(addr), model->root, DEVICES "/%s/physfn",
			dev->addr))
		return;
	dev->physfn = by_address(model, addr);
	if (dev->physfn)
		dev->up = dev->physfn->up;
	/* It has registers for that, which are all 0 */
	if (dev->physfn)
		dev->link = dev->physfn->link;
}

/* By which function does the kernel know the host bridge? */
static void find_first(struct pci_model *model, struct host_bridge *host)
{
	const struct pci_device *dev;
	size_t i;

	for (i = 0; i < model->nr_devices; i++) {
		dev = &model->devices[i];
		if (dev->host == host && !dev->up && !dev->physfn) {
			if (!dev->devfn || dev->port == PORT_ROOT)
				host->first = dev;
			return;
		}
	}
}

/* "name	: value" */
void pci_model_read_cpu(struct pci_model *model, const char *root)
{
	char path[PATH_MAX], line[256];
	FILE *file;

	model->root = root;
	snprintf(path, sizeof(path), "%s/proc/cpuinfo", root);
	file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file) && line[0] != '\n') {
		char *value = strchr(line, ':');

		line[strcspn(line, "\n")] = 0;
		value = value ? value + strspn(value, ": ") : line;
		if (!strncmp(line, "vendor_id", 9))
			snprintf(model->cpu_vendor, sizeof(model->cpu_vendor),
				 "%.*s", (int)sizeof(model->cpu_vendor) - 1, value);
		else if (!strncmp(line, "cpu family", 10))
			model->cpu_family = (unsigned int)strtoul(value, NULL, 10);
		else if (!strncmp(line, "model name", 10))
			snprintf(model->cpu, sizeof(model->cpu), "%.*s",
				 (int)sizeof(model->cpu) - 1, value);
	}
	fclose(file);
	/* Who starts a VM may choose them */
	text_clean(model->cpu_vendor);
	text_clean(model->cpu);
}

static int in_order(const void *a, const void *b)
{
	const struct pci_dev *const *x = a, *const *y = b;

	if ((*x)->domain != (*y)->domain)
		return (*x)->domain < (*y)->domain ? -1 : 1;
	return ((*x)->bus << 8 | (*x)->dev << 3 | (*x)->func) -
	       ((*y)->bus << 8 | (*y)->dev << 3 | (*y)->func);
}

static void add_name(const char *addr, const char *name, void *arg)
{
	struct pci_device *dev = by_address(arg, addr);
	char *longer;

	if (!dev)
		return;
	longer = text_format("%s%s%s", dev->names ? dev->names : "",
			     dev->names ? " " : "", name);
	free(dev->names);
	dev->names = text_clean(longer);
}

static void read_all(struct pci_model *model, const char *root)
{
	struct pci_access *access;
	struct pci_dev **order;
	struct pci_dev *from;
	size_t i, nr = 0;

	access = open_libpci(root);
	for (from = access->devices; from; from = from->next)
		nr++;
	order_now = order = calloc(nr + 1, sizeof(*order));
	model->devices = calloc(nr + 1, sizeof(*model->devices));
	model->hosts = calloc(nr + 1, sizeof(*model->hosts));
	if (!order || !model->devices || !model->hosts)
		libpci_error((char *)"out of memory");
	for (from = access->devices; from; from = from->next)
		order[model->nr_devices++] = from;
	qsort(order, nr, sizeof(*order), in_order);

	for (i = 0; i < nr; i++)
		read_device(&model->devices[i], order[i], access, root);
	for (i = 0; i < nr; i++)
		find_above(model, &model->devices[i]);
	for (i = 0; i < nr; i++) {
		read_port(&model->devices[i], order[i], root);
		read_acs(&model->devices[i], order[i], root);
		meet_above(&model->devices[i]);
	}
	for (i = 0; i < nr; i++)
		find_physfn(model, &model->devices[i]);
	device_names_each(root, add_name, model);
	for (i = 0; i < model->nr_hosts; i++)
		find_first(model, &model->hosts[i]);
	pci_model_read_cpu(model, root);
	free(order);
	order_now = NULL;
	pci_cleanup(access);
}

int pci_model_read(struct pci_model *model, const char *root)
{
	int ret;

	memset(model, 0, sizeof(*model));
	model->root = root;
	ret = sysfs_access(R_OK | X_OK, root, DEVICES);
	if (ret) {
		complain(root[0] ? root : NULL, ret == -ENOENT ?
			 "Is sysfs mounted at /sys, and is there a PCI bus?" : NULL,
			 "cannot read sys/bus/pci/devices: %s", strerror(-ret));
		return EXIT_FAILED;
	}
	tries_left = TRIES;
	if (sigsetjmp(again, 0)) {
		tries_left--;
		pci_cleanup(access_now);
		free(order_now);
		order_now = NULL;
		pci_model_free(model);
		model->root = root;
	}
	read_all(model, root);
	return EXIT_OK;
}

void pci_model_free(struct pci_model *model)
{
	size_t i;

	for (i = 0; i < model->nr_devices; i++)
		free(model->devices[i].names);
	free(model->devices);
	free(model->hosts);
	memset(model, 0, sizeof(*model));
}

const struct pci_device *pci_model_find(const struct pci_model *model,
					const char *text)
{
	const struct pci_device *dev;
	char addr[DEVICE_ADDR];

	int ret = 0;

	if (!device_parse(addr, text))
		ret = device_named(model->root, text, addr);
	if (ret) {
		complain(text, ret == -ENOTUNIQ ? DEVICE_SEVERAL_REMEDY :
			 "Write 0000:01:00.0, 01:00.0, or a name such as mlx5_0, eth0 or nvme0n1.",
			 ret == -ENOTUNIQ ? "several PCI devices have that name" :
			 "neither a PCI address nor the name of a PCI device");
		return NULL;
	}
	dev = by_address(model, addr);
	if (!dev)
		complain(text, "'dmabuf-p2p topo --all' shows all there are.",
			 "no such PCI device");
	return dev;
}

bool pci_has_memory(const struct pci_device *dev)
{
	size_t i;

	for (i = 0; i < PCI_BARS; i++)
		if (dev->bars[i].kind >= BAR_MEM32)
			return true;
	return false;
}

bool pci_is_bridge(const struct pci_device *dev)
{
	return CLASS_BASE(dev->class) == PCI_BASE_CLASS_BRIDGE;
}

bool pci_is_provider(const struct pci_device *dev)
{
	return pci_has_memory(dev) && !pci_is_bridge(dev);
}

/* Drivers of VFIO for certain devices have names of their own */
bool pci_is_users(const struct pci_device *dev)
{
	return strstr(dev->driver, "vfio");
}

char *pci_acs_text(const struct pci_device *dev)
{
	/* In the order of their bits, as the PCIe specification abbreviates them */
	static const char *const names[] = {
		"SV", "TB", "RR", "CR", "UF", "EC", "DT",
	};
	char *text, *longer;
	size_t i;

	if (dev->acs == ACS_NONE)
		return text_format("no ACS");
	if (dev->acs == ACS_UNKNOWN)
		return text_format("ACS unknown");
	text = text_format("ACS");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(dev->acs_ctrl & 1u << i))
			continue;
		longer = text_format("%s %s", text, names[i]);
		free(text);
		text = longer;
	}
	if (dev->acs_ctrl & 0x7f)
		return text;
	free(text);
	return text_format("ACS off");
}

const char *pci_port_text(const struct pci_device *dev)
{
	switch (dev->port) {
	case PORT_ROOT:
		return "root port";
	case PORT_UPSTREAM:
		return "switch, upstream port";
	case PORT_DOWNSTREAM:
		return "switch, downstream port";
	case PORT_BRIDGE:
		return "bridge";
	case PORT_NONE:
		break;
	}
	return NULL;
}

char *pci_bars_text(const struct pci_device *dev)
{
	char *text = text_format("%s", ""), *longer, size[UNITS_TEXT];
	size_t i;

	for (i = 0; i < PCI_BARS; i++) {
		if (dev->bars[i].kind < BAR_MEM32)
			continue;
		longer = text_format("%s%s%zu:%s", text, *text ? " " : "", i,
				     format_size(dev->bars[i].size, size));
		free(text);
		text = longer;
	}
	return text;
}
