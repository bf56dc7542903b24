// SPDX-License-Identifier: GPL-2.0
/*
 * ACS as commands: what would let devices below one switch reach each other in it
 */
#include <stdio.h>
#include <stdlib.h>

#include "text.h"
#include "topo.h"
#include "verb.h"

/* The control register, from the beginning of the capability */
#define CONTROL 6

struct bridges {
	const struct pci_device *dev[ROUTE_BRIDGES];
	size_t nr;
};

static void add(struct bridges *bridges, const struct pci_device *const *devs,
		size_t nr)
{
	size_t i, j;

	for (i = 0; i < nr; i++) {
		for (j = 0; j < bridges->nr && bridges->dev[j] != devs[i]; j++)
			;
		if (j == bridges->nr && j < ROUTE_BRIDGES)
			bridges->dev[bridges->nr++] = devs[i];
	}
}

/* By mask, so that what else is on stays on */
static void print_commands(const struct bridges *bridges, bool back)
{
	size_t i;

	for (i = 0; i < bridges->nr; i++)
		printf("setpci -s %s ECAP_ACS+%d.w=%04x:%04x\n",
		       bridges->dev[i]->addr, CONTROL,
		       back ? bridges->dev[i]->acs_ctrl & ACS_REDIRECT : 0,
		       ACS_REDIRECT);
}

int topo_acs(const struct topo *topo)
{
	struct bridges redirects = { .nr = 0 }, unread = { .nr = 0 };
	struct route route;
	size_t i, j;
	char *list;

	for (i = 0; i < topo->nr_devs; i++)
		for (j = i + 1; j < topo->nr_devs; j++) {
			route = topo_route(topo, i, j);
			add(&redirects, route.redirects, route.nr_redirects);
			add(&unread, route.unread, route.nr_unread);
		}
	if (unread.nr)
		puts("# Only root can read ACS of");
	for (i = 0; i < unread.nr; i++)
		printf("# %s\n", unread.dev[i]->addr);
	if (!redirects.nr) {
		if (!unread.nr)
			puts("# No ACS is in the way of these devices below a bridge that they share");
		return EXIT_OK;
	}
	list = route_bridges(redirects.dev, redirects.nr, ";");
	puts("# Until the next boot. Linux made its IOMMU groups when this was on, and goes on\n"
	     "# believing in them: a device below these ports then reaches others past the\n"
	     "# IOMMU. Do not do it to devices of programs or guests that you do not trust.\n"
	     "# Drivers that have them already may keep the routes they know.");
	print_commands(&redirects, false);
	puts("\n# As it was");
	print_commands(&redirects, true);
	printf("\n# For good, and with groups to match, boot with\n# pci=disable_acs_redir=%s\n",
	       list);
	free(list);
	return EXIT_OK;
}
