// SPDX-License-Identifier: GPL-2.0
/*
 * The topology as a tree, and the way between two devices in it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "topo.h"
#include "verb.h"

static bool is_shown(const struct topo *topo, const struct pci_device *dev)
{
	return topo_has(topo, dev) || topo_leads_to(topo, dev);
}

static const struct pci_device *next_child(const struct topo *topo,
					   const struct host_bridge *host,
					   const struct pci_device *up,
					   const struct pci_device *after)
{
	const struct pci_device *end = topo->model.devices +
				       topo->model.nr_devices;
	const struct pci_device *dev = after ? after + 1 : topo->model.devices;

	for (; dev < end; dev++)
		if (dev->host == host && dev->up == up && is_shown(topo, dev))
			return dev;
	return NULL;
}

static char *details(const struct pci_device *dev)
{
	char *bars = pci_bars_text(dev), *acs = pci_acs_text(dev);
	char group[32] = "no group", vfs[32] = "";
	char *text;

	if (dev->group >= 0)
		snprintf(group, sizeof(group), "group %d", dev->group);
	if (dev->nr_vfs)
		snprintf(vfs, sizeof(vfs), ", %u VFs", dev->nr_vfs);
	text = text_format("%s, %s%s%s%s%s%s%s%s",
			   dev->driver[0] ? dev->driver : "no driver", group,
			   dev->physfn ? ", VF of " : "",
			   dev->physfn ? dev->physfn->addr : "", vfs,
			   *bars ? ", BARs " : "", bars,
			   /* Of a device it is rare, and counts all the same */
			   dev->acs == ACS_READ ? ", " : "",
			   dev->acs == ACS_READ ? acs : "");
	free(bars);
	free(acs);
	return text;
}

static void print_node(const struct pci_device *dev, const char *prefix,
		       bool last)
{
	const char *port = pci_port_text(dev);
	char *acs, *more, *name;

	if (port) {
		acs = pci_acs_text(dev);
		more = pci_link_text(&dev->link);
		printf("%s%s-- %s  %s, %s%s%s\n", prefix, last ? "`" : "|",
		       dev->addr, port, acs, dev->link.speed ? ", " : "",
		       dev->link.speed ? more : "");
		free(more);
		free(acs);
		return;
	}
	more = details(dev);
	name = text_format("%s%s%s", dev->name, dev->names ? ", " : "",
			   dev->names ? dev->names : "");
	printf("%s%s-- %s  %s", prefix, last ? "`" : "|", dev->addr, name);
	if (strlen(prefix) + 4 + strlen(dev->addr) + 2 + text_length(name) + 2 +
	    strlen(more) <= text_width())
		printf("  %s\n", more);
	else
		printf("\n%s%s%*s%s\n", prefix, last ? " " : "|",
		       (int)strlen(dev->addr) + 5, "", more);
	free(name);
	free(more);
}

static void print_children(const struct topo *topo,
			   const struct host_bridge *host,
			   const struct pci_device *up, const char *prefix)
{
	const struct pci_device *dev, *next;
	char *longer;

	for (dev = next_child(topo, host, up, NULL); dev; dev = next) {
		next = next_child(topo, host, up, dev);
		print_node(dev, prefix, !next);
		longer = text_format("%s%s   ", prefix, next ? "|" : " ");
		if (dev->port)
			print_children(topo, host, dev, longer);
		free(longer);
	}
}

void topo_tree(const struct topo *topo)
{
	const struct host_bridge *hosts = topo->model.hosts, *host;
	bool first = true;

	for (host = hosts; host < hosts + topo->model.nr_hosts; host++) {
		if (!next_child(topo, host, NULL, NULL))
			continue;
		if (!first)
			putchar('\n');
		first = false;
		printf("%s  host bridge, %s\n", host->name,
		       host_trust_name(&topo->model, host));
		print_children(topo, host, NULL, "");
	}
}

static char *way_down(const struct pci_device *dev,
		      const struct pci_device *common)
{
	char *above, *text;

	if (dev == common)
		return text_format("%s", "");
	above = way_down(dev->up, common);
	text = text_format("%s -> %s", above, dev->addr);
	free(above);
	return text;
}

static char *longer(char *text, const char *next)
{
	char *both = text_format("%s -> %s", text, next);

	free(text);
	return both;
}

static const char *host_name(const struct pci_device *dev)
{
	return dev->host ? dev->host->name : "root";
}

static void print_way(const struct pci_device *client,
		      const struct pci_device *provider,
		      const struct route *route)
{
	bool root = route->kind != ROUTE_BUS_ADDR;
	const struct pci_device *up, *turn = root ? NULL : route->common;
	char *text = text_format("%s", client->addr), *down, *all;

	for (up = client; up != turn && up->up; up = up->up)
		text = longer(text, up->up->addr);
	if (root)
		text = longer(text, host_name(client));
	if (root && provider->host != client->host)
		text = longer(text, host_name(provider));
	down = way_down(provider, turn);
	all = text_format("%s%s", text, down);
	text_wrapped(9, "  way", all);
	free(all);
	free(down);
	free(text);
}

int topo_why(const struct topo *topo)
{
	const struct pci_device *client = topo->devs[0];
	const struct pci_device *provider = topo->devs[1];
	struct route route = topo_route(topo, 0, 1);
	const struct pci_device *least = route_narrowest(&route, provider, client);
	char *cause = route_cause(&topo->model, &route);
	char *remedy = route_remedy(&route);
	char *text;

	printf("%s  %s\n%s  %s\n", client->addr, client->name, provider->addr,
	       provider->name);
	printf("  route  %s\n", route_name(route.kind));
	if (route.kind == ROUTE_BUS_ADDR || route.kind == ROUTE_HOST_BRIDGE)
		print_way(client, provider, &route);
	if (route.kind != ROUTE_NONE && least && client != provider) {
		text = topo_narrowest_text(least);
		text_wrapped(9, "  link", text);
		free(text);
	}
	if (client->node >= 0 && provider->node >= 0 &&
	    client->node != provider->node)
		printf("  node   from %d to %d: between processors\n",
		       client->node, provider->node);
	text = text_format("%s.", cause);
	text_wrapped(9, "  why", text);
	free(text);
	if (remedy)
		text_wrapped(9, "  do", remedy);
	if (!pci_has_memory(client) && !pci_has_memory(provider))
		text_wrapped(9, "  but",
			     "neither has a memory BAR that the other could reach.");
	free(remedy);
	free(cause);
	return route.kind == ROUTE_NONE ? EXIT_MISMATCH : EXIT_OK;
}
