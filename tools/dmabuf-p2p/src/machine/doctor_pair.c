// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: two devices that are to reach each other
 */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "route.h"
#include "text.h"
#include "units.h"

static void check_route(struct doctor *doctor, const struct route *route,
			const struct pci_device *a, const struct pci_device *b)
{
	static const enum mark marks[] = {
		[ROUTE_BUS_ADDR] = MARK_OK, [ROUTE_HOST_BRIDGE] = MARK_OK,
		[ROUTE_NONE] = MARK_FAIL, [ROUTE_UNKNOWN] = MARK_WARN,
	};
	char *cause = route_cause(&doctor->model, route);

	doctor_add(doctor, marks[route->kind], "route",
		   text_format("%s and %s: %s%s: %s", a->addr, b->addr,
			       route->kind == ROUTE_NONE ? "" : "route by ",
			       route->kind == ROUTE_NONE ? "no route" :
							   route_name(route->kind),
			       cause),
		   marks[route->kind] == MARK_OK ? NULL : route_remedy(route));
	free(cause);
	if (route->kind == ROUTE_HOST_BRIDGE && route->nr_redirects)
		doctor_add(doctor, MARK_WARN, "acs",
			   text_format("without ACS redirection they would reach each other inside the switch"),
			   text_format("'dmabuf-p2p topo --acs %s %s' prints the commands.",
				       a->addr, b->addr));
}

static void check_link(struct doctor *doctor, const struct route *route,
		       const struct pci_device *a, const struct pci_device *b)
{
	const struct pci_device *least = route_narrowest(route, b, a);
	char *now, *can, rate[UNITS_TEXT];

	if (!least || route->kind == ROUTE_NONE)
		return;
	now = pci_link_text(&least->link);
	can = pci_link_could_text(&least->link);
	format_rate((double)pci_link_rate(&least->link), rate);
	if (pci_link_reduced(&least->link))
		doctor_add(doctor, MARK_WARN, "link",
			   text_format("the narrowest link on the way, of %s, is %s and could be %s: at most %s each way",
				       least->addr, now, can, rate),
			   text_format("Look at the slot, its lanes and its riser; some devices slow their link down while they are idle."));
	else
		doctor_add(doctor, MARK_OK, "link",
			   text_format("the narrowest link on the way, of %s, is %s: at most %s each way",
				       least->addr, now, rate), NULL);
	free(now);
	free(can);
	if (a->node >= 0 && b->node >= 0 && a->node != b->node)
		doctor_add(doctor, MARK_WARN, "numa",
			   text_format("%s is at NUMA node %d, %s at %d: what they send each other goes from one processor to another",
				       a->addr, a->node, b->addr, b->node),
			   text_format("Use a slot of the same processor."));
}

static void check_driver(struct doctor *doctor, const struct pci_device *dev)
{
	if (pci_is_users(dev))
		doctor_add(doctor, MARK_OK, "driver",
			   text_format("%s has the driver %s: its BARs can be exported",
				       dev->addr, dev->driver), NULL);
	else
		doctor_add(doctor, MARK_OK, "driver",
			   text_format("%s has %s%s; 'dmabuf-p2p bind' or --bind gives it to VFIO",
				       dev->addr,
				       dev->driver[0] ? "the driver " : "no driver",
				       dev->driver), NULL);
	doctor_group(doctor, dev, pci_is_users(dev) ? MARK_FAIL : MARK_WARN);
}

void doctor_pair(struct doctor *doctor, const struct pci_device *a,
		 const struct pci_device *b)
{
	struct route route = route_find(&doctor->model, b, a);

	if (!pci_has_memory(a) && !pci_has_memory(b))
		doctor_add(doctor, MARK_FAIL, "bars",
			   text_format("neither %s nor %s has a memory BAR that the other could reach",
				       a->addr, b->addr),
			   text_format("Choose other devices: 'dmabuf-p2p topo' shows those that have one."));
	check_route(doctor, &route, a, b);
	check_link(doctor, &route, a, b);
	check_driver(doctor, a);
	check_driver(doctor, b);
	doctor_rdma_of(doctor, a);
	doctor_rdma_of(doctor, b);
}
