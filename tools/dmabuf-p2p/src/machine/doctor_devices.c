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
			if (!pci_is_provider(a) || !pci_is_provider(b))
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
			if (!pci_is_provider(a) || !pci_is_provider(b))
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

/* VFIO opens no device of a group in which the kernel drives another one */
static bool is_in_the_way(const struct pci_device *dev)
{
	return dev->driver[0] && !pci_is_users(dev) &&
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
		    !(driven || (pci_is_provider(dev) && !pci_is_users(dev))))
			continue;
		text = text_format("%s (%s)", dev->addr,
				   driven ? dev->driver : "no driver");
		list = append(list, text);
		free(text);
		drivers += driven;
		providers += pci_is_provider(dev);
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
		if (pci_is_users(dev))
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
		if (pci_is_users(dev))
			doctor_group(doctor, dev, MARK_FAIL);
	check_other_groups(doctor);
}
