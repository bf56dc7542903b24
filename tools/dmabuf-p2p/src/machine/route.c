// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's rule about peer-to-peer DMA between two PCI devices, see
 * drivers/pci/p2pdma.c there, and words for it
 */
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "route.h"
#include "text.h"

#define ANY_DEVICE (-1)

/*
 * Host bridges that the kernel trusts to route between devices below different
 * ports. Some do that only if both are below the same host bridge.
 */
static const struct trusted_bridge {
	uint16_t vendor;
	int32_t device;
	bool same_only;
} trusted_bridges[] = {
	/* Xeon E5 and Core i7, their third generation, Xeon E7 v3 */
	{ 0x8086, 0x3c00, true }, { 0x8086, 0x3c01, true },
	{ 0x8086, 0x2f00, true }, { 0x8086, 0x2f01, true },
	/* Skylake-E and Ice Lake servers */
	{ 0x8086, 0x2020, false }, { 0x8086, 0x2030, false },
	{ 0x8086, 0x2031, false }, { 0x8086, 0x2032, false },
	{ 0x8086, 0x2033, false }, { 0x8086, 0x09a2, false },
	/* Accelerators that come first on a root bus of their own */
	{ 0x8086, 0x0b25, false }, { 0x8086, 0x0cfe, false },
	{ 0x8086, 0x11fb, false }, { 0x8086, 0x1212, false },
	{ 0x8086, 0x1216, false }, { 0x8086, 0x4940, false },
	{ 0x8086, 0x4942, false }, { 0x8086, 0x4944, false },
	{ 0x8086, 0x4946, false }, { 0x8086, 0x4948, false },
	/* Google's SoCs */
	{ 0x1ae0, ANY_DEVICE, false },
	/* Nvidia's CPUs */
	{ 0x10de, 0x2f95, false }, { 0x10de, 0x2f96, false },
	{ 0x10de, 0x2f97, false }, { 0x10de, 0x2f98, false },
};

static bool cpu_is_trusted(const struct pci_model *model)
{
	return !strcmp(model->cpu_vendor, "AuthenticAMD") &&
	       model->cpu_family >= 0x17;
}

static enum trust trust_one(const struct host_bridge *host, bool same)
{
	const struct trusted_bridge *entry;
	size_t i;

	if (!host || !host->first)
		return TRUST_NAMELESS;
	for (i = 0; i < ARRAY_SIZE(trusted_bridges); i++) {
		entry = &trusted_bridges[i];
		if (entry->vendor != host->first->vendor ||
		    (entry->device != ANY_DEVICE &&
		     entry->device != host->first->device))
			continue;
		return entry->same_only && !same ? TRUST_SAME_ONLY : TRUST_LISTED;
	}
	return TRUST_NOT_LISTED;
}

static enum trust trust_both(const struct pci_model *model,
			     const struct host_bridge *a,
			     const struct host_bridge *b,
			     const struct host_bridge **host)
{
	enum trust trust;

	*host = a;
	if (cpu_is_trusted(model))
		return TRUST_CPU;
	trust = trust_one(a, a == b);
	if (trust != TRUST_LISTED || a == b)
		return trust;
	*host = b;
	return trust_one(b, false);
}

enum trust host_trust(const struct pci_model *model,
		      const struct host_bridge *host)
{
	return cpu_is_trusted(model) ? TRUST_CPU : trust_one(host, false);
}

const char *host_trust_name(const struct pci_model *model,
			    const struct host_bridge *host)
{
	enum trust trust = host_trust(model, host);

	if (trust == TRUST_SAME_ONLY)
		return "trusted within";
	return trust_is_good(trust) ? "trusted" : "not trusted";
}

bool trust_is_good(enum trust trust)
{
	return trust == TRUST_CPU || trust == TRUST_LISTED;
}

static void look_at_acs(struct route *route, const struct pci_device *dev)
{
	if (dev->acs == ACS_UNKNOWN && route->nr_unread < ROUTE_BRIDGES)
		route->unread[route->nr_unread++] = dev;
	if (dev->acs == ACS_READ && dev->acs_ctrl & ACS_REDIRECT &&
	    route->nr_redirects < ROUTE_BRIDGES)
		route->redirects[route->nr_redirects++] = dev;
}

struct route route_find(const struct pci_model *model,
			const struct pci_device *provider,
			const struct pci_device *client)
{
	struct route route = { .kind = ROUTE_HOST_BRIDGE };
	const struct pci_device *a, *b = NULL;
	unsigned int up_a = 0, up_b = 0;

	route.trust = trust_both(model, provider->host, client->host,
				 &route.host);

	/* Up from the provider, until the client is below as well */
	for (a = provider; a; a = a->up, up_a++) {
		/* The bridge in common counts too, and so does the provider */
		look_at_acs(&route, a);
		for (b = client, up_b = 0; b && b != a; b = b->up)
			up_b++;
		if (b)
			break;
	}
	route.common = a;
	route.distance = up_a + up_b;
	if (a) {
		for (b = client; b != a; b = b->up)
			look_at_acs(&route, b);
		if (!route.nr_redirects) {
			route.kind = route.nr_unread ? ROUTE_UNKNOWN :
						       ROUTE_BUS_ADDR;
			return route;
		}
	} else {
		/* On the way to the root ACS makes no difference */
		route.nr_redirects = 0;
		route.nr_unread = 0;
	}
	if (!trust_is_good(route.trust))
		route.kind = ROUTE_NONE;
	return route;
}

/* A bridge where the way turns has links on it only as ports below it have */
static void narrower(const struct pci_device **least, const struct pci_device *dev,
		     const struct pci_device *turn)
{
	for (; dev && dev != turn; dev = dev->up)
		if (dev->link.speed && (!*least || pci_link_rate(&dev->link) <
						   pci_link_rate(&(*least)->link)))
			*least = dev;
}

const struct pci_device *route_narrowest(const struct route *route,
					 const struct pci_device *provider,
					 const struct pci_device *client)
{
	const struct pci_device *least = NULL, *turn;

	turn = route->kind == ROUTE_BUS_ADDR || route->kind == ROUTE_UNKNOWN ?
		       route->common : NULL;
	narrower(&least, client, turn);
	narrower(&least, provider, turn);
	return least;
}

const char *route_id(enum route_kind kind)
{
	switch (kind) {
	case ROUTE_BUS_ADDR:
		return "bus-address";
	case ROUTE_HOST_BRIDGE:
		return "host-bridge";
	default:
		return route_name(kind);
	}
}

const char *route_name(enum route_kind kind)
{
	switch (kind) {
	case ROUTE_BUS_ADDR:
		return "bus address";
	case ROUTE_HOST_BRIDGE:
		return "host bridge";
	case ROUTE_NONE:
		return "none";
	case ROUTE_UNKNOWN:
		break;
	}
	return "unknown";
}

char *route_bridges(const struct pci_device *const *devs, size_t nr,
		    const char *between)
{
	char *text = text_format("%s", ""), *longer;
	size_t i;

	for (i = 0; i < nr; i++) {
		longer = text_format("%s%s%s", text, i ? between : "",
				     devs[i]->addr);
		free(text);
		text = longer;
	}
	return text;
}

char *trust_text(const struct pci_model *model, enum trust trust,
		 const struct host_bridge *host)
{
	const struct pci_device *first = host ? host->first : NULL;

	switch (trust) {
	case TRUST_CPU:
		return text_format("Linux trusts the host bridges of AMD CPUs from Zen on (this is family %Xh)",
				   model->cpu_family);
	case TRUST_LISTED:
		return text_format("Linux trusts the host bridge %s (%s is %04x:%04x, on its list)",
				   host->name, first->addr, first->vendor, first->device);
	case TRUST_NOT_LISTED:
		return text_format("Linux does not trust the host bridge %s (%s is %04x:%04x, not on its list)",
				   host->name, first->addr, first->vendor,
				   first->device);
	case TRUST_SAME_ONLY:
		return text_format("Linux trusts the host bridge %s (%s is %04x:%04x) only between its own devices",
				   host->name, first->addr, first->vendor,
				   first->device);
	case TRUST_NAMELESS:
		break;
	}
	return text_format("Linux cannot tell what the host bridge %s is (its bus has neither function 00.0 nor a root port first)",
			   host ? host->name : "above");
}

char *route_cause(const struct pci_model *model, const struct route *route)
{
	char *trust, *list, *text;

	if (route->kind == ROUTE_BUS_ADDR)
		return route->distance ?
		       text_format("both are below %s, and no bridge on the way redirects",
				   route->common->addr) :
		       text_format("it is the same function");
	if (route->kind == ROUTE_UNKNOWN)
		return text_format("both are below %s: by bus address, unless ACS redirects on the way, which only root can read",
				   route->common->addr);

	trust = trust_text(model, route->trust, route->host);
	if (route->common) {
		list = route_bridges(route->redirects, route->nr_redirects, " ");
		text = text_format("ACS redirects to the host bridge in %s, and %s",
				   list, trust);
		free(list);
	} else {
		text = text_format("no switch is above both, and %s", trust);
	}
	free(trust);
	return text;
}

char *route_remedy(const struct route *route)
{
	char *list, *text;

	if (route->kind == ROUTE_UNKNOWN)
		return text_format("Run this as root.");
	if (route->kind == ROUTE_BUS_ADDR)
		return NULL;
	if (!route->common)
		return route->kind == ROUTE_HOST_BRIDGE ? NULL :
		       text_format("Put both below one PCIe switch, or into a machine whose host bridge Linux trusts: AMD Zen, Intel Xeon Scalable.");
	list = route_bridges(route->redirects, route->nr_redirects, ";");
	text = text_format("Boot with pci=disable_acs_redir=%s for a route by bus address; that takes isolation away and makes IOMMU groups larger.",
			   list);
	free(list);
	return text;
}
