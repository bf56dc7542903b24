// SPDX-License-Identifier: GPL-2.0
/*
 * What a dma-buf holds, in text and in JSON
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "info.h"
#include "message.h"
#include "text.h"
#include "units.h"
#include "verb.h"

/* "0000:01:00.0"; Linux has no domains beyond 24 bits */
static const char *pci_full(uint64_t number, char text[DEVICE_ADDR])
{
	snprintf(text, DEVICE_ADDR, "%04x:%02x:%02x.%x",
		 (unsigned int)(number >> 16 & 0xffffff),
		 (unsigned int)(number >> 8 & 0xff),
		 (unsigned int)(number >> 3 & 0x1f),
		 (unsigned int)(number & 7));
	return text;
}

/* "01:00.0"; the domain only where it is not 0000 */
static const char *pci_text(uint64_t number, char text[DEVICE_ADDR])
{
	return pci_full(number, text) + (number >> 16 ? 0 : 5);
}

/* Why the kernel's answer is missing */
static const char *unknown_text(int err)
{
	switch (err) {
	case EOPNOTSUPP:
		return "none: its exporter does not use them";
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return "unknown: no " DMABUF_PHYS_NODE
		       ", try 'modprobe dma-buf-phys'";
	case EPERM:
	case EACCES:
		return "unknown: it takes the right to trace the process";
	default:
		return strerror(err);
	}
}

static void print_providers(const struct dmabuf *dmabuf)
{
	char addr[DEVICE_ADDR], full[DEVICE_ADDR], name[160];
	uint32_t i, j;

	for (i = 0; i < dmabuf->query.nr_groups; i++) {
		uint64_t provider = dmabuf->groups[i].provider;

		if (provider == DMA_BUF_PHYS_NO_DEVICE)
			continue;
		for (j = 0; dmabuf->groups[j].provider != provider; j++)
			;
		if (j < i)
			continue;
		device_name(pci_full(provider, full), name, sizeof(name));
		printf("  %-12s  %s\n", pci_text(provider, addr), name);
	}
}

static void print_groups(const struct dmabuf *dmabuf, const char *route)
{
	char offset[UNITS_TEXT], length[UNITS_TEXT], addr[DEVICE_ADDR];
	uint32_t i;

	printf("  %10s %10s  %-9s %-5s %7s  %-*s", "OFFSET", "SIZE", "TYPE",
	       "CACHE", "RANGES", route ? 12 : 0, "PROVIDER");
	if (route)
		printf("  FROM %s", route + (strncmp(route, "0000:", 5) ? 0 : 5));
	putchar('\n');
	for (i = 0; i < dmabuf->query.nr_groups; i++) {
		const struct dma_buf_phys_group_info *g = &dmabuf->groups[i];

		printf("  %10s %10s  %-9s %-5s %7u  %-*s",
		       format_size(g->offset, offset),
		       format_size(g->length, length),
		       dmabuf_phys_type_name(g->type), dmabuf_phys_attr_name(g->attr),
		       g->nr_frags, route ? 12 : 0,
		       g->provider == DMA_BUF_PHYS_NO_DEVICE ?
			       "-" : pci_text(g->provider, addr));
		if (route)
			printf("  %s", dmabuf_route_text(g->route));
		putchar('\n');
	}
}

void info_print(const struct dmabuf *dmabuf, const char *spec,
		const char *route)
{
	const struct dma_buf_phys_query *query = &dmabuf->query;
	char size[UNITS_TEXT];

	char *clean = text_clean(text_format("%s", spec));

	printf("%s: %s, %s", clean, dmabuf->name[0] ? dmabuf->name : "no name",
	       format_size(dmabuf->size, size));
	free(clean);
	printf(", exporter %s, inode %ju\n", dmabuf->exporter,
	       (uintmax_t)dmabuf->inode);
	if (dmabuf->query_error) {
		printf("  physical list: %s\n",
		       unknown_text(dmabuf->query_error));
		return;
	}
	printf("  %s, generation %" PRIu64 "; %u importer%s, %u mapping%s; %" PRIu64
	       " range%s\n",
	       dmabuf_phys_state_name(query->state), (uint64_t)query->generation,
	       query->nr_importers, query->nr_importers == 1 ? "" : "s",
	       query->nr_mapped, query->nr_mapped == 1 ? "" : "s",
	       (uint64_t)query->nr_frags, query->nr_frags == 1 ? "" : "s");
	if (!query->nr_groups)
		return;
	putchar('\n');
	print_groups(dmabuf, route);
	putchar('\n');
	print_providers(dmabuf);
}

static struct json_object *json_group(const struct dma_buf_phys_group_info *g,
				      const char *route)
{
	struct json_object *obj = json_new_object();
	char addr[DEVICE_ADDR], name[160];

	json_number(obj, "offset", g->offset);
	json_number(obj, "length", g->length);
	json_text(obj, "type", dmabuf_phys_type_name(g->type));
	json_text(obj, "attribute", dmabuf_phys_attr_name(g->attr));
	json_number(obj, "ranges", g->nr_frags);
	if (g->provider == DMA_BUF_PHYS_NO_DEVICE) {
		json_null(obj, "provider");
		json_null(obj, "provider_name");
	} else {
		pci_full(g->provider, addr);
		device_name(addr, name, sizeof(name));
		json_text(obj, "provider", addr);
		json_text(obj, "provider_name", name);
	}
	if (route)
		json_text(obj, "route", dmabuf_phys_route_name(g->route));
	return obj;
}

struct json_object *info_json(const struct dmabuf *dmabuf, const char *route)
{
	const struct dma_buf_phys_query *query = &dmabuf->query;
	struct json_object *obj = json_new_object(), *groups;
	uint32_t i;

	json_text(obj, "name", dmabuf->name);
	json_number(obj, "size", dmabuf->size);
	json_text(obj, "exporter", dmabuf->exporter);
	json_number(obj, "inode", dmabuf->inode);
	if (dmabuf->query_error) {
		json_null(obj, "state");
		json_text(obj, "why", unknown_text(dmabuf->query_error));
		return obj;
	}
	json_text(obj, "state", dmabuf_phys_state_name(query->state));
	json_number(obj, "generation", query->generation);
	json_number(obj, "importers", query->nr_importers);
	json_number(obj, "mappings", query->nr_mapped);
	json_number(obj, "ranges", query->nr_frags);
	if (route)
		json_text(obj, "from", route);
	groups = json_new_array();
	for (i = 0; i < query->nr_groups; i++)
		json_append(groups, json_group(&dmabuf->groups[i], route));
	json_member(obj, "groups", groups);
	return obj;
}

int info_verdict(const struct dmabuf *dmabuf, const char *spec,
		 const char *route)
{
	switch (dmabuf->query_error) {
	case 0:
		break;
	case EOPNOTSUPP:
	case EPERM:
		return EXIT_OK;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return EXIT_UNSUPPORTED;
	default:
		complain(spec, NULL, "the kernel does not tell: %s",
			 strerror(dmabuf->query_error));
		return EXIT_FAILED;
	}
	if (!route || dmabuf_reachable(dmabuf))
		return EXIT_OK;
	if (!dmabuf->query.nr_groups)
		complain(spec, NULL, "%s cannot reach it: it is %s", route,
			 dmabuf_phys_state_name(dmabuf->query.state));
	else
		complain(spec, "'dmabuf-p2p topo' tells what is in the way",
			 "%s cannot reach all of it", route);
	return EXIT_MISMATCH;
}

int info_fd(int fd, const char *spec, const struct info_how *how)
{
	struct json_object *obj;
	struct dmabuf dmabuf;
	uint64_t size;
	int ret;

	ret = dmabuf_size(fd, spec, &size);
	if (ret)
		return ret;
	ret = dmabuf_read(&dmabuf, getpid(), fd);
	if (ret) {
		complain(spec, NULL, "cannot read about it in /proc: %s",
			 strerror(-ret));
		return EXIT_FAILED;
	}
	dmabuf.fd = fd;
	dmabuf_ask(&dmabuf, how->route);
	if (how->json) {
		obj = info_json(&dmabuf, how->route);
		if (how->users)
			holders_json(how->users, dmabuf.inode, obj);
		json_print(obj, "info");
	} else {
		info_print(&dmabuf, spec, how->route);
		if (how->users) {
			putchar('\n');
			holders_print(how->users, dmabuf.inode);
			holders_print_rest(how->users, true);
		}
	}
	ret = info_verdict(&dmabuf, spec, how->route);
	dmabuf_release(&dmabuf);
	return ret;
}
