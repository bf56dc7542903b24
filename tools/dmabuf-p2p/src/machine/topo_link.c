// SPDX-License-Identifier: GPL-2.0
/*
 * Links in the table of the topology, and where a way is narrowest
 */
#include <stdio.h>
#include <stdlib.h>

#include "message.h"
#include "text.h"
#include "topo.h"
#include "units.h"

/* From the device to the root */
static const struct pci_device *narrowest_above(const struct pci_device *dev)
{
	const struct pci_device *least = NULL;

	for (; dev; dev = dev->up)
		if (dev->link.speed && (!least || pci_link_rate(&dev->link) <
						  pci_link_rate(&least->link)))
			least = dev;
	return least;
}

static void print_link(size_t number, const struct pci_device *dev)
{
	const struct pci_device *least = narrowest_above(dev);
	const uint64_t own = pci_link_rate(&dev->link);
	char *now = pci_link_text(&dev->link), *can = pci_link_could_text(&dev->link);
	char rate[UNITS_TEXT] = "-", node[16] = "-", *text;
	bool colour = colours_on(1) && pci_link_reduced(&dev->link);

	if (own)
		format_rate((double)own, rate);
	if (dev->node >= 0)
		snprintf(node, sizeof(node), "%d", dev->node);
	printf("%2zu %s%-12s%s  %-12s  %9s  %4s  ", number,
	       colour ? "\033[33m" : "", now, colour ? "\033[m" : "", can, rate,
	       node);
	if (!least) {
		puts("-");
	} else if (!own || pci_link_rate(&least->link) < own) {
		text = pci_link_text(&least->link);
		printf("%s, %s\n", least->addr, text);
		free(text);
	} else {
		puts("this");
	}
	free(now);
	free(can);
}

void topo_links(const struct topo *topo)
{
	bool any = false;
	size_t i;

	/* Emulated machines have none, or make them up */
	for (i = 0; i < topo->nr_devs; i++)
		any |= topo->devs[i]->link.speed || topo->devs[i]->node >= 0;
	if (!any)
		return;
	printf("\n%2s %-12s  %-12s  %9s  %4s  %s\n", "#", "LINK", "CAN BE", "RATE",
	       "NODE", "NARROWEST ON THE WAY UP");
	for (i = 0; i < topo->nr_devs; i++)
		print_link(i + 1, topo->devs[i]);
}

char *topo_narrowest_text(const struct pci_device *least)
{
	char *link = pci_link_text(&least->link), *can = NULL, *text;
	char rate[UNITS_TEXT];

	if (pci_link_reduced(&least->link))
		can = pci_link_could_text(&least->link);
	text = text_format("%s, %s%s%s%s: at most %s each way", least->addr, link,
			   can ? " (can be " : "", can ? can : "", can ? ")" : "",
			   format_rate((double)pci_link_rate(&least->link), rate));
	free(link);
	free(can);
	return text;
}
