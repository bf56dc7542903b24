// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>

#include "pci_link.h"
#include "sysfs_file.h"
#include "text.h"

#define DEVICES "/sys/bus/pci/devices"

/* "16.0 GT/s PCIe", "2.5 GT/s PCIe" or "Unknown" */
static unsigned int read_speed(const char *root, const char *addr,
			       const char *which)
{
	unsigned int whole, tenth = 0;
	char text[64];

	if (!sysfs_text(text, sizeof(text), root, DEVICES "/%s/%s_link_speed",
			addr, which) ||
	    sscanf(text, "%4u.%1u GT/s", &whole, &tenth) < 1)
		return 0;
	return whole * 1000 + tenth * 100;
}

/* Where nothing is plugged in there are 0 lanes, and of what has no link 255 */
static unsigned int read_width(const char *root, const char *addr,
			       const char *which)
{
	unsigned int width;
	char text[16];

	if (!sysfs_text(text, sizeof(text), root, DEVICES "/%s/%s_link_width",
			addr, which) ||
	    sscanf(text, "%u", &width) != 1 || width > 32)
		return 0;
	return width;
}

void pci_link_read(struct pci_link *link, const char *root, const char *addr)
{
	*link = (struct pci_link) {
		.speed = read_speed(root, addr, "current"),
		.width = read_width(root, addr, "current"),
		.max_speed = read_speed(root, addr, "max"),
		.max_width = read_width(root, addr, "max"),
	};
	if (!link->speed || !link->width)
		*link = (struct pci_link){ 0 };
	link->could_speed = link->speed;
	link->could_width = link->width;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

void pci_link_meet(struct pci_link *link, const struct pci_link *above)
{
	if (!link->speed || !above->max_speed || !above->max_width)
		return;
	link->could_speed = least(link->max_speed, above->max_speed);
	link->could_width = least(link->max_width, above->max_width);
}

/* 8b/10b up to 5 GT/s, 128b/130b up to 32 GT/s, then flits of 256 bytes with 236 of data */
uint64_t pci_link_rate(const struct pci_link *link)
{
	const uint64_t bits = (uint64_t)link->speed * 1000000 * link->width;

	if (link->speed <= 5000)
		return bits / 10;
	if (link->speed <= 32000)
		return bits / 8 * 128 / 130;
	return bits / 8 * 236 / 256;
}

bool pci_link_reduced(const struct pci_link *link)
{
	return link->speed < link->could_speed || link->width < link->could_width;
}

static char *text_of(unsigned int speed, unsigned int width)
{
	if (!speed || !width)
		return text_format("-");
	return speed % 1000 ? text_format("%u.%u GT/s x%u", speed / 1000,
					  speed % 1000 / 100, width) :
			      text_format("%u GT/s x%u", speed / 1000, width);
}

char *pci_link_text(const struct pci_link *link)
{
	return text_of(link->speed, link->width);
}

char *pci_link_could_text(const struct pci_link *link)
{
	return text_of(link->could_speed, link->could_width);
}
