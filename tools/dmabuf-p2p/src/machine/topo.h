/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TOPO_H
#define TOPO_H

#include "pci_model.h"
#include "route.h"

/**
 * struct topo - what the topo verb shows
 * @model: all devices
 * @devs: those it is about
 * @nr_devs: their number
 */
struct topo {
	struct pci_model model;
	const struct pci_device **devs;
	size_t nr_devs;
};

/** topo_route - between the @i-th and the @j-th device it is about */
struct route topo_route(const struct topo *topo, size_t i, size_t j);

/* So many pairs are worth a list */
#define TOPO_PAIRS 12

/**
 * struct topo_reason - a reason that pairs of devices have in common
 * @route: of the pairs; its bridges are those of all of them
 * @pairs: "1-2 1-3", numbers count from 1; not all if there are more than %TOPO_PAIRS
 * @nr_pairs: their number
 */
struct topo_reason {
	struct route route;
	char *pairs;
	size_t nr_pairs;
};

/**
 * topo_reasons - why the routes are as they are
 * @topo: the devices
 * @reasons: receives them, to be freed by topo_reasons_free(); bus addresses last
 *
 * Return: their number.
 */
size_t topo_reasons(const struct topo *topo, struct topo_reason **reasons);
void topo_reasons_free(struct topo_reason *reasons, size_t nr);

/** topo_has - is a device among those it is about? */
bool topo_has(const struct topo *topo, const struct pci_device *dev);

/** topo_leads_to - is a bridge above one of those? */
bool topo_leads_to(const struct topo *topo, const struct pci_device *dev);

/* The ways to show it, on stdout */
void topo_table(const struct topo *topo);
void topo_tree(const struct topo *topo);
void topo_json(const struct topo *topo);

/** topo_links - a part of topo_table(): links and NUMA nodes, if any are known */
void topo_links(const struct topo *topo);

/** topo_narrowest_text - of route_narrowest(), to be freed */
char *topo_narrowest_text(const struct pci_device *least);

/** topo_why - explain the route between two devices; Return: enum exit_code */
int topo_why(const struct topo *topo);

/** topo_acs - print commands that change ACS between devices; Return: enum exit_code */
int topo_acs(const struct topo *topo);

/** topo_svg - draw it into a file; Return: enum exit_code */
int topo_svg(const struct topo *topo, const char *path);

#endif /* TOPO_H */
