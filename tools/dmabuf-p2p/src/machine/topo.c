// SPDX-License-Identifier: GPL-2.0
/*
 * What all views of the topology have in common
 */
#include <stdio.h>
#include <stdlib.h>

#include "message.h"
#include "text.h"
#include "topo.h"
#include "verb.h"

struct route topo_route(const struct topo *topo, size_t i, size_t j)
{
	return route_find(&topo->model, topo->devs[j], topo->devs[i]);
}

bool topo_has(const struct topo *topo, const struct pci_device *dev)
{
	size_t i;

	for (i = 0; i < topo->nr_devs; i++)
		if (topo->devs[i] == dev)
			return true;
	return false;
}

bool topo_leads_to(const struct topo *topo, const struct pci_device *dev)
{
	const struct pci_device *up;
	size_t i;

	for (i = 0; i < topo->nr_devs; i++)
		for (up = topo->devs[i]->up; up; up = up->up)
			if (up == dev)
				return true;
	return false;
}

static bool alike(const struct route *a, const struct route *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == ROUTE_BUS_ADDR ||
	       (a->common == b->common && a->trust == b->trust &&
		(a->trust == TRUST_CPU || a->host == b->host));
}

static void merge(const struct pci_device **all, size_t *nr_all,
		  const struct pci_device *const *more, size_t nr_more)
{
	size_t i, j;

	for (i = 0; i < nr_more; i++) {
		for (j = 0; j < *nr_all && all[j] != more[i]; j++)
			;
		if (j == *nr_all && j < ROUTE_BRIDGES)
			all[(*nr_all)++] = more[i];
	}
}

static int by_kind(const void *a, const void *b)
{
	/* What needs attention comes first */
	static const int order[] = {
		[ROUTE_NONE] = 0,
		[ROUTE_UNKNOWN] = 1,
		[ROUTE_HOST_BRIDGE] = 2,
		[ROUTE_BUS_ADDR] = 3,
	};
	const struct topo_reason *x = a, *y = b;

	return order[x->route.kind] - order[y->route.kind];
}

size_t topo_reasons(const struct topo *topo, struct topo_reason **reasons)
{
	struct topo_reason *list = NULL, *reason;
	size_t i, j, nr = 0;
	char *pairs;

	for (i = 0; i < topo->nr_devs; i++)
		for (j = i + 1; j < topo->nr_devs; j++) {
			struct route route = topo_route(topo, i, j);

			for (reason = list; reason < list + nr; reason++)
				if (alike(&reason->route, &route))
					break;
			if (reason == list + nr) {
				list = realloc(list, (nr + 1) * sizeof(*list));
				if (!list) {
					complain(NULL, NULL, "out of memory");
					exit(EXIT_FAILED);
				}
				reason = &list[nr++];
				*reason = (struct topo_reason) {
					.route = route,
					.pairs = text_format("%s", ""),
				};
			}
			merge(reason->route.redirects,
			      &reason->route.nr_redirects, route.redirects,
			      route.nr_redirects);
			merge(reason->route.unread, &reason->route.nr_unread,
			      route.unread, route.nr_unread);
			if (reason->nr_pairs++ >= TOPO_PAIRS)
				continue;
			pairs = text_format("%s%s%zu-%zu", reason->pairs,
					    *reason->pairs ? " " : "", i + 1,
					    j + 1);
			free(reason->pairs);
			reason->pairs = pairs;
		}
	if (list)
		qsort(list, nr, sizeof(*list), by_kind);
	*reasons = list;
	return nr;
}

void topo_reasons_free(struct topo_reason *reasons, size_t nr)
{
	while (nr--)
		free(reasons[nr].pairs);
	free(reasons);
}
