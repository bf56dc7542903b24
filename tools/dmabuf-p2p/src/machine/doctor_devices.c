// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: the devices, their routes, groups and drivers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "doctor.h"
#include "route.h"
#include "sysfs_file.h"
#include "text.h"

static bool is_provider(const struct pci_device *dev)
{
	return pci_has_memory(dev) && !pci_is_bridge(dev);
}

/* "0000:01:00.0" to a list of them */
static char *append(char *list, const char *more)
{
	char *both = text_format("%s%s%s", list, *list ? " " : "", more);

	free(list);
	return both;
}

static void no_route(struct doctor *doctor, size_t nr_none, size_t nr_all,
		     const struct route *example,
		     const struct pci_device *a, const struct pci_device *b)
{
	char *cause = route_cause(&doctor->model, example);
	char *remedy = route_remedy(example);

	doctor_add(doctor, nr_none == nr_all ? MARK_FAIL : MARK_WARN, "routes",
		   text_format("%zu of %zu pairs of devices have no route; %s and %s: %s",
			       nr_none, nr_all, a->addr, b->addr, cause),
		   text_format("%s 'dmabuf-p2p topo' shows all pairs.", remedy));
	free(cause);
	free(remedy);
}

static void check_trust(struct doctor *doctor)
{
	const struct pci_model *model = &doctor->model;
	const struct host_bridge *host;
	enum trust trust;

	for (host = model->hosts; host < model->hosts + model->nr_hosts; host++) {
		trust = host_trust(model, host);
		doctor_add(doctor, trust_is_good(trust) ||
			   trust == TRUST_SAME_ONLY ? MARK_OK : MARK_WARN,
			   "trust", trust_text(model, trust, host),
			   trust_is_good(trust) || trust == TRUST_SAME_ONLY ?
			   NULL : text_format("Put devices that are to reach each other below one PCIe switch."));
		if (trust == TRUST_CPU)
			break;
	}
}

void doctor_routes(struct doctor *doctor)
{
	const struct pci_model *model = &doctor->model;
	size_t count[ROUTE_UNKNOWN + 1] = { 0 }, all = 0;
	const struct pci_device *a, *b, *none_a = NULL, *none_b = NULL;
	const struct pci_device *end = model->devices + model->nr_devices;
	struct route route, none;

	check_trust(doctor);
	for (a = model->devices; a < end; a++)
		for (b = a + 1; b < end; b++) {
			if (!is_provider(a) || !is_provider(b))
				continue;
			route = route_find(model, a, b);
			if (route.kind == ROUTE_NONE && !count[ROUTE_NONE]) {
				none = route;
				none_a = a;
				none_b = b;
			}
			count[route.kind]++;
			all++;
		}

	if (!all)
		doctor_add(doctor, MARK_WARN, "routes",
			   text_format("there are no two devices with memory BARs"),
			   text_format("Add a device."));
	if (count[ROUTE_BUS_ADDR])
		doctor_add(doctor, MARK_OK, "routes",
			   text_format("%zu of %zu pairs of devices reach each other by bus address",
				       count[ROUTE_BUS_ADDR], all), NULL);
	if (count[ROUTE_HOST_BRIDGE])
		doctor_add(doctor, MARK_OK, "routes",
			   text_format("%zu of %zu pairs of devices reach each other through the host bridge",
				       count[ROUTE_HOST_BRIDGE], all), NULL);
	if (count[ROUTE_UNKNOWN])
		doctor_add(doctor, MARK_WARN, "routes",
			   text_format("the route of %zu of %zu pairs depends on ACS, which only root can read",
				       count[ROUTE_UNKNOWN], all),
			   text_format("Run this as root."));
	if (none_a)
		no_route(doctor, count[ROUTE_NONE], all, &none, none_a, none_b);
}

/* Redirects between devices that could do without the host bridge */
void doctor_acs(struct doctor *doctor)
{
	const struct pci_model *model = &doctor->model;
	const struct pci_device *end = model->devices + model->nr_devices;
	const struct pci_device *a, *b, **found;
	char *list, *parameter;
	struct route route;
	size_t i, j, nr = 0;

	found = calloc(model->nr_devices + 1, sizeof(*found));
	for (a = model->devices; found && a < end; a++)
		for (b = a + 1; b < end; b++) {
			if (!is_provider(a) || !is_provider(b))
				continue;
			route = route_find(model, a, b);
			for (i = 0; i < route.nr_redirects; i++) {
				for (j = 0; j < nr; j++)
					if (found[j] == route.redirects[i])
						break;
				if (j == nr)
					found[nr++] = route.redirects[i];
			}
		}
	if (nr) {
		list = route_bridges(found, nr, " ");
		parameter = route_bridges(found, nr, ";");
		doctor_add(doctor, MARK_WARN, "acs",
			   text_format("ACS sends what devices below one bridge say to each other to the host bridge, in %s",
				       list),
			   text_format("For bus addresses boot with pci=disable_acs_redir=%s; that takes isolation away and makes IOMMU groups larger.",
				       parameter));
		free(parameter);
		free(list);
	}
	free(found);
}

/* Drivers of VFIO for certain devices have names of their own */
static bool is_users(const struct pci_device *dev)
{
	return strstr(dev->driver, "vfio");
}

/* VFIO opens no device of a group in which the kernel drives another one */
static bool is_in_the_way(const struct pci_device *dev)
{
	return dev->driver[0] && !is_users(dev) &&
	       strcmp(dev->driver, "pcieport") && strcmp(dev->driver, "pci-stub");
}

void doctor_group(struct doctor *doctor, const struct pci_device *dev,
		  enum mark mark)
{
	const struct pci_model *model = &doctor->model;
	char *list = text_format("%s", "");
	const struct pci_device *other;

	for (other = model->devices; dev->group >= 0 &&
	     other < model->devices + model->nr_devices; other++) {
		char *text;

		if (other == dev || other->group != dev->group ||
		    !is_in_the_way(other))
			continue;
		text = text_format("%s (%s)", other->addr, other->driver);
		list = append(list, text);
		free(text);
	}
	if (*list)
		doctor_add(doctor, mark, "group",
			   text_format("%s cannot be opened by VFIO: its IOMMU group %d also has %s",
				       dev->addr, dev->group, list),
			   text_format("Bind them to vfio-pci too, or to no driver, or put the device into another slot."));
	free(list);
}

/*
 * Return: a group of which VFIO opens none, "14: 0000:01:00.0 (nouveau)" and so on;
 * empty if it is no such group; to be freed
 */
static char *shared_group(const struct pci_model *model, int group)
{
	const struct pci_device *dev;
	char *list = text_format("%d:", group);
	size_t drivers = 0, providers = 0, members = 0;

	for (dev = model->devices; dev < model->devices + model->nr_devices; dev++) {
		bool driven = is_in_the_way(dev);
		char *text;

		if (dev->group != group ||
		    !(driven || (is_provider(dev) && !is_users(dev))))
			continue;
		text = text_format("%s (%s)", dev->addr,
				   driven ? dev->driver : "no driver");
		list = append(list, text);
		free(text);
		drivers += driven;
		providers += is_provider(dev);
		members++;
	}
	/* One by itself is in nobody's way */
	if (!drivers || !providers || members < 2)
		list[0] = 0;
	return list;
}

/* What export, copy and bench would find out when they need them */
static void check_other_groups(struct doctor *doctor)
{
	const struct pci_model *model = &doctor->model;
	const struct pci_device *dev, *first;
	char *all = text_format("%s", ""), *list;

	for (dev = model->devices; dev < model->devices + model->nr_devices; dev++) {
		for (first = model->devices; first->group != dev->group; first++)
			;
		if (dev->group < 0 || first != dev)
			continue;
		list = shared_group(model, dev->group);
		if (*list) {
			char *text = text_format("%sgroup %s", *all ? "; " : "",
						 list);

			all = append(all, text);
			free(text);
		}
		free(list);
	}
	if (*all)
		doctor_add(doctor, MARK_WARN, "groups",
			   text_format("VFIO opens none of these alone, as they share an IOMMU group with devices that have drivers: %s",
				       all),
			   text_format("Bind all of a group to vfio-pci or to no driver; slots with a port of their own make groups smaller."));
	free(all);
}

void doctor_vfio(struct doctor *doctor)
{
	const struct pci_model *model = &doctor->model;
	const struct pci_device *dev;
	char *list = text_format("%s", "");

	for (dev = model->devices; dev < model->devices + model->nr_devices; dev++)
		if (is_users(dev))
			list = append(list, dev->addr);
	if (*list)
		doctor_add(doctor, MARK_OK, "vfio-bound",
			   text_format("bound to vfio-pci: %s", list), NULL);
	else
		doctor_add(doctor, MARK_OK, "vfio-bound",
			   text_format("no device is bound to vfio-pci: export, copy and bench do it, with --bind if there is another driver"),
			   NULL);
	free(list);
	for (dev = model->devices; dev < model->devices + model->nr_devices; dev++)
		if (is_users(dev))
			doctor_group(doctor, dev, MARK_FAIL);
	check_other_groups(doctor);
}

/* What is known of the drivers that can be below an RDMA device */
static const struct {
	const char *driver;
	enum mark mark;
	const char *text;
} rdma_drivers[] = {
	{ "mlx5_core", MARK_OK, "takes VFIO's dma-bufs, also while they come and go" },
	{ "edu_ib", MARK_OK, "takes VFIO's dma-bufs, also while they come and go" },
	{ "irdma", MARK_OK, "takes VFIO's dma-bufs, and loses what is revoked" },
	{ "ice", MARK_OK, "takes VFIO's dma-bufs, and loses what is revoked" },
	{ "i40e", MARK_OK, "takes VFIO's dma-bufs, and loses what is revoked" },
	{ "bnxt_en", MARK_WARN, "takes no dma-bufs of VFIO" },
	{ "efa", MARK_WARN, "takes no dma-bufs of VFIO" },
	{ "ionic", MARK_WARN, "takes no dma-bufs of VFIO" },
	{ "mana", MARK_WARN, "takes no dma-bufs of VFIO" },
};

/* What users of zero copy are after: the BARs of VFIO's devices, by RDMA */
static void check_reach(struct doctor *doctor, const char *name)
{
	const struct pci_model *model = &doctor->model;
	const struct pci_device *end = model->devices + model->nr_devices;
	const struct pci_device *dev, *rdma;
	char *list = text_format("%s", ""), *remedy = NULL;
	size_t all = 0, unreached = 0;
	bool unknown = false;
	struct route route;
	char addr[32];

	/* Software has none, and no device has an empty one */
	sysfs_link(addr, sizeof(addr), model->root,
		   "/sys/class/infiniband/%s/device", name);
	for (rdma = model->devices; rdma < end; rdma++)
		if (!strcmp(rdma->addr, addr))
			break;
	for (dev = model->devices; rdma < end && dev < end; dev++) {
		if (!is_users(dev) || !is_provider(dev))
			continue;
		all++;
		route = route_find(model, dev, rdma);
		if (route.kind == ROUTE_UNKNOWN)
			unknown = true;
		if (route.kind != ROUTE_NONE)
			continue;
		if (!unreached++)
			remedy = route_remedy(&route);
		list = append(list, dev->addr);
	}
	if (unreached)
		doctor_add(doctor, MARK_WARN, "rdma-route",
			   text_format("RDMA device %s has no route to %s, %zu of the %zu devices bound to vfio-pci",
				       name, list, unreached, all), remedy);
	else if (all && !unknown)
		doctor_add(doctor, MARK_OK, "rdma-route",
			   text_format("RDMA device %s has a route to every device bound to vfio-pci",
				       name), NULL);
	free(list);
}

static void check_rdma(struct doctor *doctor, const char *name)
{
	const char *other = "Use one whose driver does, of mlx5 for example.";
	const char *root = doctor->model.root;
	char driver[32], addr[32];
	size_t i;

	if (!sysfs_link(addr, sizeof(addr), root,
			"/sys/class/infiniband/%s/device", name)) {
		doctor_add(doctor, MARK_WARN, "rdma",
			   text_format("RDMA device %s is software: it takes no dma-bufs",
				       name), text_format("%s", other));
		return;
	}
	sysfs_link(driver, sizeof(driver), root,
		   "/sys/bus/pci/devices/%s/driver", addr);
	for (i = 0; i < ARRAY_SIZE(rdma_drivers); i++) {
		enum mark mark = rdma_drivers[i].mark;

		if (strcmp(rdma_drivers[i].driver, driver))
			continue;
		doctor_add(doctor, mark, "rdma",
			   text_format("RDMA device %s (%s, %s) %s", name, addr,
				       driver, rdma_drivers[i].text),
			   mark == MARK_OK ? NULL : text_format("%s", other));
		return;
	}
	doctor_add(doctor, MARK_WARN, "rdma",
		   text_format("RDMA device %s (%s, %s): its driver is not known here",
			       name, addr, driver[0] ? driver : "no driver"),
		   text_format("Try it: it takes dma-bufs of VFIO if it can be told of a revoke."));
}

void doctor_rdma_of(struct doctor *doctor, const struct pci_device *dev)
{
	char **names = sysfs_list(doctor->model.root, "/sys/class/infiniband");
	char addr[32];
	size_t i;

	for (i = 0; names[i]; i++)
		if (sysfs_link(addr, sizeof(addr), doctor->model.root,
			       "/sys/class/infiniband/%s/device", names[i]) &&
		    !strcmp(addr, dev->addr))
			check_rdma(doctor, names[i]);
	sysfs_list_free(names);
}

/* Not by groups: VFIO's mode without an IOMMU makes them up */
static bool has_iommu(const struct pci_model *model)
{
	size_t i;

	for (i = 0; i < model->nr_devices; i++)
		if (model->devices[i].iommu[0])
			return true;
	return false;
}

void doctor_rdma(struct doctor *doctor)
{
	char **names = sysfs_list(doctor->model.root, "/sys/class/infiniband");
	size_t i;

	if (!names[0])
		doctor_add(doctor, MARK_OK, "rdma",
			   text_format("no RDMA device; copy and bench %s",
				       has_iommu(&doctor->model) ?
				       "can use NVMe" :
				       "have the CPU only: NVMe needs an IOMMU"),
			   NULL);
	for (i = 0; names[i]; i++) {
		check_rdma(doctor, names[i]);
		check_reach(doctor, names[i]);
	}
	sysfs_list_free(names);
}
