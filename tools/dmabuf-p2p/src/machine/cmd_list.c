// SPDX-License-Identifier: GPL-2.0
/*
 * list: which devices VFIO has, and who has them open
 */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind_rule.h"
#include "common.h"
#include "holder.h"
#include "json.h"
#include "pci_model.h"
#include "procfs.h"
#include "taken.h"
#include "text.h"
#include "verb.h"

enum list_option {
	OPTION_JSON = 'j',
	OPTION_ROOT = 256,
};

struct args {
	bool json;
	const char *root;
};

/**
 * struct row - a device that VFIO has, or will have
 * @dev: the device
 * @before: what this program took it from, or NULL
 * @persistent: it is bound at each boot
 * @holder: process that has it open, 0 for none, -errno if that cannot be told
 */
struct row {
	const struct pci_device *dev;
	const struct taken *before;
	bool persistent;
	pid_t holder;
};

static const struct argp_option options[] = {
	{ "json", OPTION_JSON, NULL, 0, "Print as JSON" },
	/* For tests: DIR stands for / */
	{ "root", OPTION_ROOT, "DIR", OPTION_HIDDEN, NULL },
	{ 0 }
};

static const char doc[] =
	"List the PCI devices that are bound to vfio-pci or its like, or will be at the next "
	"boot: their IOMMU group, the driver that 'dmabuf-p2p bind' or 'export --bind' took them "
	"from, and the process that has them open."
	"\v"
	"BOOT is yes for devices of 'dmabuf-p2p bind --persist'. OPEN BY is ? where not all "
	"processes can be looked at.\n\n"
	"Exit status: 0 done; 1 the devices cannot be read; 2 bad usage.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p list\n"
	"  dmabuf-p2p list --json | jq -r '.devices[] | select(.holder) | .address'\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPTION_JSON:
		args->json = true;
		return 0;
	case OPTION_ROOT:
		args->root = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static bool is_listed(struct row *row, const struct pci_device *dev,
		      const struct taken *taken, ssize_t nr, const char *root)
{
	const bool has_it = pci_is_users(dev);

	*row = (struct row) {
		.dev = dev,
		.persistent = bind_rule_exists(root, dev->addr),
	};
	while (nr-- > 0)
		if (!strcmp(taken[nr].addr, dev->addr))
			row->before = &taken[nr];
	if (has_it && !root[0])
		row->holder = holder_of(dev->addr);
	return has_it || row->persistent;
}

static void print_row(const struct row *row)
{
	const struct pci_device *dev = row->dev;
	char group[16] = "-", comm[PROCFS_COMM];

	if (dev->group >= 0)
		snprintf(group, sizeof(group), "%d", dev->group);
	printf("%-12s  ", dev->addr);
	text_column(22, dev->name);
	printf("  %-9s %-11s %5s %-4s ", dev->driver[0] ? dev->driver : "-",
	       !row->before ? "-" :
	       row->before->driver[0] ? row->before->driver : "none",
	       group, row->persistent ? "yes" : "no");
	if (row->holder > 0) {
		procfs_comm(row->holder, comm);
		printf("%d %s\n", row->holder, comm);
	} else {
		puts(row->holder ? "?" : "-");
	}
}

static struct json_object *json_row(const struct row *row)
{
	struct json_object *obj = json_new_object(), *holder;
	const struct pci_device *dev = row->dev;
	char comm[PROCFS_COMM];

	json_text(obj, "address", dev->addr);
	json_text(obj, "name", dev->name);
	if (dev->driver[0])
		json_text(obj, "driver", dev->driver);
	else
		json_null(obj, "driver");
	if (row->before)
		json_text(obj, "driver_before", row->before->driver);
	else
		json_null(obj, "driver_before");
	if (dev->group >= 0)
		json_number(obj, "iommu_group", (uint64_t)dev->group);
	else
		json_null(obj, "iommu_group");
	json_flag(obj, "persistent", row->persistent);
	json_flag(obj, "holder_known", row->holder >= 0);
	if (row->holder <= 0) {
		json_null(obj, "holder");
		return obj;
	}
	holder = json_new_object();
	procfs_comm(row->holder, comm);
	json_number(holder, "pid", (uint64_t)row->holder);
	json_text(holder, "command", comm);
	json_member(obj, "holder", holder);
	return obj;
}

static void list(const struct pci_model *model, const struct args *args)
{
	struct json_object *devices = args->json ? json_new_array() : NULL, *obj;
	struct taken *taken;
	size_t i, nr = 0;
	struct row row;
	ssize_t nr_taken;

	taken = taken_list(args->root, &nr_taken);
	for (i = 0; i < model->nr_devices; i++) {
		if (!is_listed(&row, &model->devices[i], taken, nr_taken,
			       args->root))
			continue;
		if (devices) {
			json_append(devices, json_row(&row));
			continue;
		}
		if (!nr++)
			printf("%-12s  %-22s  %-9s %-11s %5s %-4s %s\n", "DEVICE",
			       "WHAT", "DRIVER", "BEFORE", "GROUP", "BOOT",
			       "OPEN BY");
		print_row(&row);
	}
	free(taken);
	if (!devices && !nr)
		puts("VFIO has no device: 'dmabuf-p2p bind' gives it one");
	if (!devices)
		return;
	obj = json_new_object();
	json_member(obj, "devices", devices);
	json_print(obj, "list");
}

static int run(int argc, char **argv)
{
	static const struct argp argp = { options, parse, NULL, doc, common_children };
	struct args args = { .root = "" };
	struct pci_model model;
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	ret = pci_model_read(&model, args.root);
	if (ret)
		return ret;
	list(&model, &args);
	pci_model_free(&model);
	return EXIT_OK;
}

const struct verb cmd_list = {
	"list", "which devices VFIO has, and who has them open", run
};
