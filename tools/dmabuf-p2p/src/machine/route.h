/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ROUTE_H
#define ROUTE_H

#include "pci_model.h"

/**
 * enum route_kind - how one device reaches the BARs of another
 * @ROUTE_BUS_ADDR: by bus address, below a bridge that both share
 * @ROUTE_HOST_BRIDGE: up to the host bridge, and down again
 * @ROUTE_NONE: not at all
 * @ROUTE_UNKNOWN: by bus address, unless a bridge whose ACS could not be read
 *	redirects
 */
enum route_kind {
	ROUTE_BUS_ADDR,
	ROUTE_HOST_BRIDGE,
	ROUTE_NONE,
	ROUTE_UNKNOWN,
};

/**
 * enum trust - why the way through the host bridge is open or not
 * @TRUST_CPU: all host bridges of this CPU are trusted
 * @TRUST_LISTED: the host bridges are on the kernel's list
 * @TRUST_NOT_LISTED: one of them is not
 * @TRUST_SAME_ONLY: one of them is trusted only between its own devices
 * @TRUST_NAMELESS: the kernel cannot tell what one of them is
 */
enum trust {
	TRUST_CPU,
	TRUST_LISTED,
	TRUST_NOT_LISTED,
	TRUST_SAME_ONLY,
	TRUST_NAMELESS,
};

/* As many bridges as a domain has buses */
#define ROUTE_BRIDGES 256

/**
 * struct route - how one device reaches the BARs of another, and why
 * @kind: how
 * @distance: hops, as the kernel counts them
 * @common: the bridge where both ways meet, or the device itself if both are the
 *	same; NULL if they meet in no bridge
 * @trust: of the host bridge, whether the route needs it or not
 * @host: the host bridge that @trust is about
 * @redirects: functions on the way below @common with ACS redirect on
 * @nr_redirects: their number
 * @unread: functions on the way below @common whose ACS is unknown
 * @nr_unread: their number
 */
struct route {
	enum route_kind kind;
	unsigned int distance;
	const struct pci_device *common;
	enum trust trust;
	const struct host_bridge *host;
	const struct pci_device *redirects[ROUTE_BRIDGES];
	size_t nr_redirects;
	const struct pci_device *unread[ROUTE_BRIDGES];
	size_t nr_unread;
};

/**
 * route_find - what the kernel decides about two devices
 * @model: the machine
 * @provider: whose BARs
 * @client: who does DMA
 *
 * The rule is the one of drivers/pci/p2pdma.c of Linux 7.3; it gives the same
 * answer in both directions.
 */
struct route route_find(const struct pci_model *model,
			const struct pci_device *provider,
			const struct pci_device *client);

/**
 * route_narrowest - where least goes through between two devices
 * @route: from route_find()
 * @provider: whose BARs
 * @client: who does DMA
 *
 * Return: the function whose link that is; NULL if none on the way is known.
 */
const struct pci_device *route_narrowest(const struct route *route,
					 const struct pci_device *provider,
					 const struct pci_device *client);

/** host_trust - of a host bridge: does it route to devices below any other? */
enum trust host_trust(const struct pci_model *model,
		      const struct host_bridge *host);

/** host_trust_name - "trusted", "trusted within" (itself) or "not trusted" */
const char *host_trust_name(const struct pci_model *model,
			    const struct host_bridge *host);

/** trust_is_good - is the way through the host bridge open? */
bool trust_is_good(enum trust trust);

/** trust_text - why a host bridge is trusted or not, a clause to be freed */
char *trust_text(const struct pci_model *model, enum trust trust,
		 const struct host_bridge *host);

/** route_name - "bus address", "host bridge", "none" or "unknown" */
const char *route_name(enum route_kind kind);

/** route_id - the same for programs, without blanks, as dmabuf_phys_route_name() has it */
const char *route_id(enum route_kind kind);

/** route_cause - why it is so, one sentence, to be freed */
char *route_cause(const struct pci_model *model, const struct route *route);

/**
 * route_remedy - what would make it better
 *
 * Return: a sentence or two, to be freed; NULL if there is nothing to gain.
 */
char *route_remedy(const struct route *route);

/**
 * route_bridges - addresses in one text, to be freed
 * @devs: such as the redirects of a route
 * @nr: their number
 * @between: what separates them; ";" is what the kernel's parameters want
 */
char *route_bridges(const struct pci_device *const *devs, size_t nr,
		    const char *between);

#endif /* ROUTE_H */
