// SPDX-License-Identifier: GPL-2.0
/*
 * The topology as JSON
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "topo.h"

static void text_or_null(struct json_object *obj, const char *name,
			 const char *value)
{
	if (value && *value)
		json_text(obj, name, value);
	else
		json_null(obj, name);
}

static struct json_object *bars(const struct pci_device *dev)
{
	static const char *const kinds[] = {
		[BAR_IO] = "io", [BAR_MEM32] = "mem32", [BAR_MEM64] = "mem64",
	};
	struct json_object *array = json_new_array(), *obj;
	unsigned int i;

	for (i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &dev->bars[i];

		if (bar->kind == BAR_NONE)
			continue;
		obj = json_new_object();
		json_number(obj, "index", i);
		json_text(obj, "kind", kinds[bar->kind]);
		json_number(obj, "size", bar->size);
		json_flag(obj, "prefetchable", bar->prefetchable);
		json_append(array, obj);
	}
	return array;
}

static struct json_object *acs(const struct pci_device *dev)
{
	static const char *const states[] = {
		[ACS_NONE] = "none", [ACS_UNKNOWN] = "unknown",
		[ACS_READ] = "present",
	};
	struct json_object *obj = json_new_object();

	json_text(obj, "state", states[dev->acs]);
	if (dev->acs == ACS_READ) {
		json_number(obj, "capability", dev->acs_cap);
		json_number(obj, "control", dev->acs_ctrl);
		json_flag(obj, "redirect", !!(dev->acs_ctrl & ACS_REDIRECT));
	}
	return obj;
}

static struct json_object *names(const struct pci_device *dev)
{
	struct json_object *array = json_new_array();
	char *copy = dev->names ? strdup(dev->names) : NULL, *rest = copy, *name;

	while ((name = strsep(&rest, " ")))
		json_append(array, json_object_new_string(name));
	free(copy);
	return array;
}

static struct json_object *link_object(const struct pci_link *link)
{
	struct json_object *obj;

	if (!link->speed)
		return NULL;
	obj = json_new_object();
	json_real(obj, "gigatransfers", link->speed / 1000.0);
	json_number(obj, "width", link->width);
	json_real(obj, "max_gigatransfers", link->max_speed / 1000.0);
	json_number(obj, "max_width", link->max_width);
	json_flag(obj, "reduced", pci_link_reduced(link));
	json_number(obj, "bytes_per_second", pci_link_rate(link));
	return obj;
}

static struct json_object *device(const struct pci_device *dev, bool listed)
{
	struct json_object *obj = json_new_object();

	json_text(obj, "address", dev->addr);
	json_text(obj, "name", dev->name);
	json_member(obj, "names", names(dev));
	json_text(obj, "class_name", dev->class_name);
	json_number(obj, "class", dev->class);
	json_number(obj, "vendor", dev->vendor);
	json_number(obj, "device", dev->device);
	text_or_null(obj, "driver", dev->driver);
	text_or_null(obj, "iommu", dev->iommu);
	if (dev->group >= 0)
		json_number(obj, "iommu_group", (uint64_t)dev->group);
	else
		json_null(obj, "iommu_group");
	if (dev->node >= 0)
		json_number(obj, "numa_node", (uint64_t)dev->node);
	else
		json_null(obj, "numa_node");
	json_member(obj, "link", link_object(&dev->link));
	text_or_null(obj, "port", pci_port_text(dev));
	text_or_null(obj, "host_bridge", dev->host ? dev->host->name : NULL);
	text_or_null(obj, "upstream_bridge", dev->up ? dev->up->addr : NULL);
	text_or_null(obj, "physical_function",
		     dev->physfn ? dev->physfn->addr : NULL);
	json_number(obj, "virtual_functions", dev->nr_vfs);
	json_member(obj, "bars", bars(dev));
	json_member(obj, "acs", acs(dev));
	json_flag(obj, "in_matrix", listed);
	return obj;
}

static struct json_object *host_bridges(const struct pci_model *model)
{
	struct json_object *array = json_new_array(), *obj;
	const struct host_bridge *host;

	for (host = model->hosts; host < model->hosts + model->nr_hosts; host++) {
		enum trust trust = host_trust(model, host);
		char *text = trust_text(model, trust, host);

		obj = json_new_object();
		json_text(obj, "name", host->name);
		text_or_null(obj, "function", host->first ? host->first->addr :
							    NULL);
		json_text(obj, "trust", host_trust_name(model, host));
		json_text(obj, "reason", text);
		json_append(array, obj);
		free(text);
	}
	return array;
}

static struct json_object *addresses(const struct pci_device *const *devs,
				     size_t nr)
{
	struct json_object *array = json_new_array();
	size_t i;

	for (i = 0; i < nr; i++)
		json_append(array, json_object_new_string(devs[i]->addr));
	return array;
}

static struct json_object *route(const struct topo *topo, size_t i, size_t j)
{
	struct route found = topo_route(topo, i, j);
	const struct pci_device *least = route_narrowest(&found, topo->devs[j],
							 topo->devs[i]);
	char *cause = route_cause(&topo->model, &found);
	char *remedy = route_remedy(&found);
	struct json_object *obj = json_new_object();

	json_text(obj, "a", topo->devs[i]->addr);
	json_text(obj, "b", topo->devs[j]->addr);
	json_text(obj, "route", route_id(found.kind));
	json_number(obj, "distance", found.distance);
	text_or_null(obj, "common_bridge",
		     found.common ? found.common->addr : NULL);
	json_member(obj, "acs_redirect",
		    addresses(found.redirects, found.nr_redirects));
	json_member(obj, "acs_unknown",
		    addresses(found.unread, found.nr_unread));
	text_or_null(obj, "narrowest", least ? least->addr : NULL);
	if (least)
		json_number(obj, "bytes_per_second", pci_link_rate(&least->link));
	else
		json_null(obj, "bytes_per_second");
	json_text(obj, "reason", cause);
	text_or_null(obj, "remedy", remedy);
	free(cause);
	free(remedy);
	return obj;
}

struct pairs {
	const struct topo *topo;
	size_t i;
	size_t j;
};

/* Of a thousand virtual functions there are half a million */
static struct json_object *next_route(void *arg)
{
	struct pairs *pairs = arg;

	if (pairs->j >= pairs->topo->nr_devs) {
		pairs->i++;
		pairs->j = pairs->i + 1;
	}
	if (pairs->j >= pairs->topo->nr_devs)
		return NULL;
	return route(pairs->topo, pairs->i, pairs->j++);
}

void topo_json(const struct topo *topo)
{
	const struct pci_model *model = &topo->model;
	struct json_object *obj = json_new_object();
	struct json_object *cpu = json_new_object();
	struct json_object *devices = json_new_array();
	struct pairs pairs = { .topo = topo, .j = 1 };
	size_t i;

	text_or_null(cpu, "name", model->cpu);
	text_or_null(cpu, "vendor", model->cpu_vendor);
	json_number(cpu, "family", model->cpu_family);
	json_member(obj, "cpu", cpu);
	json_member(obj, "host_bridges", host_bridges(model));

	for (i = 0; i < model->nr_devices; i++) {
		const struct pci_device *dev = &model->devices[i];
		bool listed = topo_has(topo, dev);

		if (listed || topo_leads_to(topo, dev))
			json_append(devices, device(dev, listed));
	}
	json_member(obj, "devices", devices);

	json_print_array(obj, "topo", "routes", next_route, &pairs);
}
