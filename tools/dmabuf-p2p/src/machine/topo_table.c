// SPDX-License-Identifier: GPL-2.0
/*
 * The topology as a table of devices and a matrix of routes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "text.h"
#include "topo.h"

/* "12 0000:01:00.0" in front of the cells of a row */
#define ROW_HEAD 16
#define CELL 3

static const struct {
	char letter;
	const char *colour;
	const char *text;
} looks[] = {
	[ROUTE_BUS_ADDR] = { 'B', "\033[32m", "bus address: below one switch" },
	[ROUTE_HOST_BRIDGE] = { 'H', "\033[33m", "up to the host bridge and down" },
	[ROUTE_NONE] = { '-', "\033[31m", "none" },
	[ROUTE_UNKNOWN] = { '?', "\033[35m", "unknown" },
};

static size_t wider(size_t width, const char *text)
{
	return text_length(text) > width ? text_length(text) : width;
}

static void print_iommus(const struct pci_model *model)
{
	const struct pci_device *const devices = model->devices;
	size_t i, j, nr = 0;

	printf("IOMMU ");
	for (i = 0; i < model->nr_devices; i++) {
		for (j = 0; j < i; j++)
			if (!strcmp(devices[i].iommu, devices[j].iommu))
				break;
		if (j == i && devices[i].iommu[0]) {
			printf(" %s", devices[i].iommu);
			nr++;
		}
	}
	puts(nr ? "" : " none");
}

static void print_machine(const struct pci_model *model)
{
	const struct host_bridge *host;
	size_t i;

	printf("CPU    %s\n", model->cpu[0] ? model->cpu : "unknown");
	print_iommus(model);
	for (i = 0; i < model->nr_hosts; i++) {
		enum trust code;
		char *trust, *text;

		host = &model->hosts[i];
		code = host_trust(model, host);
		if (code == TRUST_CPU && i)
			break;
		trust = trust_text(model, code, host);
		text = text_format("%s.", trust);
		text_wrapped(7, i ? "" : "Root", text);
		free(text);
		free(trust);
	}
}

static void print_devices(const struct topo *topo)
{
	size_t driver = strlen("DRIVER"), bars = strlen("MEMORY BARS");
	size_t i, what, name = strlen("WHAT");

	for (i = 0; i < topo->nr_devs; i++) {
		char *text = pci_bars_text(topo->devs[i]);

		name = wider(name, topo->devs[i]->name);
		driver = wider(driver, topo->devs[i]->driver);
		bars = wider(bars, text);
		free(text);
	}
	/* "12 0000:01:00.0  WHAT  DRIVER  GROUP  BARS" */
	what = 3 + 12 + 2 + 2 + driver + 2 + 5 + 2 + bars;
	what = what + 12 > text_width() ? 12 : text_width() - what;
	/* On a wide terminal no wider than it has to be */
	if (text_width() > 80 && what > name)
		what = name;
	printf("\n%2s %-12s  %-*s  %-*s  %5s  %s\n", "#", "DEVICE", (int)what,
	       "WHAT", (int)driver, "DRIVER", "GROUP", "MEMORY BARS");
	for (i = 0; i < topo->nr_devs; i++) {
		const struct pci_device *dev = topo->devs[i];
		char *text = pci_bars_text(dev);
		char group[16] = "-";

		if (dev->group >= 0)
			snprintf(group, sizeof(group), "%d", dev->group);
		printf("%2zu %-12s  ", i + 1, dev->addr);
		text_column(what, dev->name);
		printf("  %-*s  %5s  %s\n", (int)driver,
		       dev->driver[0] ? dev->driver : "-", group,
		       *text ? text : "-");
		free(text);
	}
}

static void print_cell(const struct topo *topo, size_t i, size_t j)
{
	enum route_kind kind;

	if (i == j) {
		printf("%*s", CELL, ".");
		return;
	}
	kind = topo_route(topo, i, j).kind;
	printf("%*s%s%c%s", CELL - 1, "",
	       colours_on(1) ? looks[kind].colour : "", looks[kind].letter,
	       colours_on(1) ? "\033[m" : "");
}

/* As many columns at a time as fit */
static void print_matrix(const struct topo *topo)
{
	const size_t block = (text_width() - ROW_HEAD) / CELL;
	size_t first, i, j, end;

	for (first = 0; first < topo->nr_devs; first = end) {
		end = first + block < topo->nr_devs ? first + block :
						      topo->nr_devs;
		printf("\n%-*s", ROW_HEAD, "");
		for (j = first; j < end; j++)
			printf("%*zu", CELL, j + 1);
		putchar('\n');
		for (i = 0; i < topo->nr_devs; i++) {
			printf("%2zu %-*s", i + 1, ROW_HEAD - 3,
			       topo->devs[i]->addr);
			for (j = first; j < end; j++)
				print_cell(topo, i, j);
			putchar('\n');
		}
	}
}

static void print_reasons(const struct topo *topo)
{
	struct topo_reason *reasons;
	size_t i, nr = topo_reasons(topo, &reasons);

	for (i = 0; i < nr; i++) {
		const struct topo_reason *reason = &reasons[i];
		const struct route *route = &reason->route;
		char *cause = route_cause(&topo->model, route);
		char *remedy = route_remedy(route);
		char letter[] = { looks[route->kind].letter, 0 };
		/* The bridges of bus addresses differ, and nobody need know */
		bool plain = route->kind == ROUTE_BUS_ADDR;
		char *text = text_format("%s%s%s.%s%s", looks[route->kind].text,
					 plain ? "" : ": ", plain ? "" : cause,
					 remedy ? " " : "",
					 remedy ? remedy : "");

		putchar('\n');
		text_wrapped(3, letter, text);
		if (reason->nr_pairs <= TOPO_PAIRS)
			text_wrapped(10, "   Pairs:", reason->pairs);
		else
			printf("   Pairs: %zu\n", reason->nr_pairs);
		free(text);
		free(remedy);
		free(cause);
	}
	topo_reasons_free(reasons, nr);
}

void topo_table(const struct topo *topo)
{
	print_machine(&topo->model);
	print_devices(topo);
	topo_links(topo);
	if (topo->nr_devs > 1) {
		print_matrix(topo);
		print_reasons(topo);
	}
}
