// SPDX-License-Identifier: GPL-2.0
/*
 * How a dma-buf is shown: what no device here can export
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "info.h"
#include "tap.h"

static struct dma_buf_phys_group_info groups[] = {
	{ 0, 4096, DMA_BUF_PHYS_NO_DEVICE, 1, DMA_BUF_PHYS_QUERY_CPU,
	  DMA_BUF_PHYS_QUERY_WB, DMA_BUF_PHYS_ROUTE_MEMORY },
	{ 4096, 1 << 20, DMA_BUF_PHYS_PCI(0x10000, 0x3b, 0xff), 70000,
	  DMA_BUF_PHYS_QUERY_P2P, DMA_BUF_PHYS_QUERY_WC,
	  DMA_BUF_PHYS_ROUTE_BUS_ADDR },
	{ 1052672, 8192, DMA_BUF_PHYS_PCI(0, 0xfe, 1), 2,
	  DMA_BUF_PHYS_QUERY_P2P, DMA_BUF_PHYS_QUERY_UC,
	  DMA_BUF_PHYS_ROUTE_MASK },
	{ 1060864, 12288, DMA_BUF_PHYS_NO_DEVICE, 1,
	  DMA_BUF_PHYS_QUERY_ENCRYPTED, DMA_BUF_PHYS_QUERY_WB,
	  DMA_BUF_PHYS_ROUTE_ENCRYPTED },
	/* Of a kernel newer than this program */
	{ 1073152, 4096, DMA_BUF_PHYS_NO_DEVICE, 1, 17, 18, 19 },
};

static struct dmabuf sample(void)
{
	struct dmabuf dmabuf = {
		.inode = 42,
		.size = 1077248,
		.exporter = "moving",
		.name = "sample",
		.query = {
			.nr_groups = 5,
			.state = DMA_BUF_PHYS_QUERY_REVOKED,
			.nr_frags = 70005,
			.generation = 7,
			.nr_importers = 2,
			.nr_mapped = 1,
		},
		.groups = groups,
	};

	return dmabuf;
}

/* Standard output of info_print(), to be freed */
static char *printed(const struct dmabuf *dmabuf, const char *route)
{
	int memfd = memfd_create("stdout", MFD_CLOEXEC), saved;
	char *text = calloc(1, 4096);

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(memfd, STDOUT_FILENO);
	info_print(dmabuf, "fd:3", route);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	if (!text || pread(memfd, text, 4095, 0) < 0)
		abort();
	close(memfd);
	return text;
}

static void shows(const struct dmabuf *dmabuf, const char *route,
		  const char *name, const char *want)
{
	char *text = printed(dmabuf, route);

	if (strcmp(text, want))
		printf("# %s\n", text);
	tap_ok(!strcmp(text, want), name);
	free(text);
}

static bool fits(const char *text, size_t columns)
{
	size_t len;

	for (; *text; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		if (len > columns)
			return false;
	}
	return true;
}

static void test_groups(void)
{
	struct dmabuf dmabuf = sample();
	char *text, *names;

	text = printed(&dmabuf, "0000:3b:00.0");
	names = strstr(text, "\n\n  10000:");
	tap_ok(names && strstr(names, "\n  fe:00.1"), "each provider is named");
	tap_ok(fits(text, 80), "it fits in 80 columns");
	if (names)
		*names = 0;
	if (!names || strcmp(text,
		"fd:3: sample, 1052K, exporter moving, inode 42\n"
		"  revoked, generation 7; 2 importers, 1 mapping; 70005 ranges\n\n"
		"      OFFSET       SIZE  TYPE      CACHE  RANGES  PROVIDER      FROM 3b:00.0\n"
		"           0         4K  cpu       wb          1  -             as memory\n"
		"          4K         1M  p2p       wc      70000  10000:3b:1f.7  bus address\n"
		"       1028K         8K  p2p       uc          2  fe:00.1       none: DMA mask\n"
		"       1036K        12K  encrypted wb          1  -             none: encrypted\n"
		"       1048K         4K  ?         ?           1  -             ?")) {
		printf("# %s\n", text);
		tap_ok(false, "groups");
	} else {
		tap_ok(true, "groups");
	}
	free(text);
}

static void test_short(void)
{
	struct dmabuf dmabuf = sample();

	dmabuf.query.nr_groups = 0;
	dmabuf.query.nr_frags = 0;
	dmabuf.query.state = DMA_BUF_PHYS_QUERY_DEAD;
	shows(&dmabuf, NULL, "dead",
	      "fd:3: sample, 1052K, exporter moving, inode 42\n"
	      "  dead, generation 7; 2 importers, 1 mapping; 0 ranges\n");
	dmabuf.name[0] = 0;
	dmabuf.query_error = EPERM;
	shows(&dmabuf, NULL, "not allowed",
	      "fd:3: no name, 1052K, exporter moving, inode 42\n"
	      "  physical list: unknown: it takes the right to trace the process\n");
	dmabuf.query_error = ENOENT;
	shows(&dmabuf, NULL, "no such kernel",
	      "fd:3: no name, 1052K, exporter moving, inode 42\n"
	      "  physical list: unknown: no /dev/dma_buf_phys, try 'modprobe dma-buf-phys'\n");
}

static void test_reachable(void)
{
	struct dmabuf dmabuf = sample();

	tap_ok(!dmabuf_reachable(&dmabuf), "not all is reachable");
	dmabuf.query.nr_groups = 2;
	tap_ok(dmabuf_reachable(&dmabuf), "memory and bus addresses are");
	dmabuf.query.nr_groups = 0;
	tap_ok(!dmabuf_reachable(&dmabuf), "nothing is not");
}

static void test_json(void)
{
	struct dmabuf dmabuf = sample();
	struct json_object *obj, *group, *value;

	obj = info_json(&dmabuf, "0000:3b:00.0");
	value = json_object_object_get(obj, "groups");
	tap_ok(json_object_array_length(value) == 5 &&
	       !strcmp(json_object_get_string(json_object_object_get(obj, "state")),
		       "revoked"), "JSON: groups and state");
	group = json_object_array_get_idx(value, 1);
	tap_ok(!strcmp(json_object_get_string(json_object_object_get(
			       group, "provider")), "10000:3b:1f.7") &&
	       !strcmp(json_object_get_string(json_object_object_get(
			       group, "route")), "bus-address"),
	       "JSON: provider and route");
	group = json_object_array_get_idx(value, 0);
	tap_ok(json_object_object_get_ex(group, "provider", &value) && !value,
	       "JSON: no provider");
	json_object_put(obj);
}

static void parsed(const char *text, int ret, const char *name,
		   const struct dmabuf *want)
{
	struct dmabuf got = { 0 };
	char *copy = strdup(text);
	int is = dmabuf_parse(&got, copy);

	if (is != ret || got.inode != want->inode || got.size != want->size ||
	    strcmp(got.name, want->name) ||
	    strcmp(got.exporter, want->exporter)) {
		printf("# %d %lu %lu '%s' '%s'\n", is, got.inode, got.size,
		       got.exporter, got.name);
		tap_ok(false, name);
	} else {
		tap_ok(true, name);
	}
	free(copy);
}

#define FDINFO "pos:\t0\nflags:\t02000002\nmnt_id:\t10\nino:\t5\n"
#define DMABUF FDINFO "size:\t65536\ncount:\t2\nexp_name:\tsystem\n"

/* Anybody may give a dma-buf any name */
static void test_fdinfo(void)
{
	struct dmabuf want = {
		.inode = 5, .size = 65536, .exporter = "system",
	};

	parsed(DMABUF, 0, "fdinfo without a name", &want);
	strcpy(want.name, "bar");
	parsed(DMABUF "name:\tbar\n", 0, "fdinfo with a name", &want);
	strcpy(want.name, "x?ino:?77?exp_name:?i915");
	parsed(DMABUF "name:\tx\nino:\t77\nexp_name:\ti915\n", 0,
	       "a name that looks like more of it", &want);
	strcpy(want.name, "x?size:?1?name:?y");
	parsed(DMABUF "name:\tx\nsize:\t1\nname:\ty\n", 0,
	       "a name in a name", &want);
	strcpy(want.name, "?31m?");
	parsed(DMABUF "name:\t\xc2\x9b" "31m\xff\n", 0,
	       "a name of controls and no UTF-8", &want);
	strcpy(want.name, "0123456789012345678901234567??");
	parsed(DMABUF "name:\t0123456789012345678901234567\xe2\x82\n", 0,
	       "a name that was cut in a character", &want);
	strcpy(want.name, "");
	parsed(DMABUF "name:\t\n", 0, "an empty name", &want);
	want = (struct dmabuf){ .inode = 5 };
	parsed(FDINFO, -EINVAL, "fdinfo of something else", &want);
}

/* Each group and each member that there can be, for the schema */
static int print_json(void)
{
	struct dmabuf dmabuf = sample();
	struct holders holders = { .importers.error = ENOENT };
	struct json_object *obj = info_json(&dmabuf, "0000:3b:00.0");

	uses_find(&holders.uses, 42, 1)->fds++;
	uses_sort(&holders.uses);
	holders_json(&holders, 42, obj);
	json_print(obj, "info");
	obj = info_json(&dmabuf, NULL);
	holders.importers = (struct importers) {
		.text = strdup("00065536\t00080002\t00080007\t00000003\tx\t00000042\tbar\n"
			       "\tAttached Devices:\n\t0000:03:00.0\n\tusb1\n"),
	};
	holders_json(&holders, 42, obj);
	json_print(obj, "info");
	holders_free(&holders);
	dmabuf.query_error = ENOENT;
	json_print(info_json(&dmabuf, NULL), "info");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--json"))
		return print_json();
	test_groups();
	test_short();
	test_reachable();
	test_json();
	test_fdinfo();
	return tap_end();
}
