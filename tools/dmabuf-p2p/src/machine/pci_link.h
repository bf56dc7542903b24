/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PCI_LINK_H
#define PCI_LINK_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct pci_link - a function's link towards the root, of a port also the one below it
 * @speed: of each lane now, megatransfers a second; 0 if there is none, or unknown
 * @width: lanes now
 * @max_speed: what the function can do
 * @max_width: likewise
 * @could_speed: what both ends can do; of a port that is what there is: another device
 *	below it may do more, but not this one
 * @could_width: likewise
 */
struct pci_link {
	unsigned int speed;
	unsigned int width;
	unsigned int max_speed;
	unsigned int max_width;
	unsigned int could_speed;
	unsigned int could_width;
};

/** pci_link_meet - learn what could be, with what is at the other end */
void pci_link_meet(struct pci_link *link, const struct pci_link *above);

/** pci_link_read - by sysfs below @root; nothing of a link that cannot be told */
void pci_link_read(struct pci_link *link, const char *root, const char *addr);

/**
 * pci_link_rate - what goes through in each direction
 *
 * Less what the encoding takes, but not packets' headers: what a device reaches is
 * less by a tenth or more.
 *
 * Return: bytes a second, 0 if not known.
 */
uint64_t pci_link_rate(const struct pci_link *link);

/** pci_link_reduced - whether it does less than both ends can */
bool pci_link_reduced(const struct pci_link *link);

/** pci_link_text - "16 GT/s x8", to be freed; "-" if not known */
char *pci_link_text(const struct pci_link *link);

/** pci_link_could_text - the same of what both ends can do */
char *pci_link_could_text(const struct pci_link *link);

#endif /* PCI_LINK_H */
