// SPDX-License-Identifier: GPL-2.0
/*
 * topo: which devices there are, and who reaches whom
 */
#include <argp.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "array.h"
#include "common.h"
#include "device.h"
#include "message.h"
#include "output.h"
#include "topo.h"
#include "verb.h"

enum view {
	VIEW_TABLE,
	VIEW_TREE,
	VIEW_JSON,
	VIEW_WHY,
	VIEW_ACS,
	VIEW_SVG,
};

enum topo_option {
	OPTION_ALL = 'a',
	OPTION_CLASS = 'c',
	OPTION_DRIVER = 'd',
	OPTION_JSON = 'j',
	OPTION_TREE = 't',
	OPTION_WHY = 'w',
	OPTION_ROOT = 256,
	OPTION_SVG,
	OPTION_ACS,
};

struct args {
	enum view view;
	bool all;
	const char *class;
	const char *driver;
	const char *svg;
	const char *root;
	char **names;
	size_t nr_names;
};

static const struct argp_option options[] = {
	{ "all", OPTION_ALL, NULL, 0, "Show devices without memory BARs as well" },
	{ "class", OPTION_CLASS, "CLASS", 0,
	  "Only devices of that class: network, storage, display, or hexadecimal as lspci -n has it" },
	{ "driver", OPTION_DRIVER, "NAME", 0, "Only devices that have this driver" },
	{ "tree", OPTION_TREE, NULL, 0, "Show the bridges above the devices, and their ACS" },
	{ "why", OPTION_WHY, NULL, 0, "Explain the route between the two DEVICEs named" },
	{ "acs", OPTION_ACS, NULL, 0,
	  "Print commands that keep ACS from sending requests between the devices to the host bridge" },
	{ "json", OPTION_JSON, NULL, 0, "Print everything as JSON" },
	{ "svg", OPTION_SVG, "FILE", 0, "Draw tree and matrix into FILE, print nothing" },
	/* For tests: DIR stands for / */
	{ "root", OPTION_ROOT, "DIR", OPTION_HIDDEN, NULL },
	{ 0 }
};

static const char doc[] =
	"Show PCI devices with memory BARs, and by which route the kernel lets each "
	"reach the BARs of the others: by bus address below one switch, through the "
	"host bridge, or not at all, and then which bridge or CPU decides that. A "
	"DEVICE is a PCI address, with or without domain, or a name that the kernel has "
	"for it, such as mlx5_0, eth0, nvme0n1 or card0; without any, all devices "
	"with memory BARs that are no bridges are shown."
	"\v"
	"Others than root cannot read the ACS registers of bridges: where they decide, "
	"the route is 'unknown'. The rule is that of Linux 7.3; earlier kernels trust "
	"fewer host bridges.\n\n"
	"Exit status: 0 done; 1 the devices cannot be read; 2 bad usage; 3 with --why: "
	"there is no route.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p topo\n"
	"  dmabuf-p2p topo --tree 01:00.0 03:00.0\n"
	"  dmabuf-p2p topo --why mlx5_0 nvme0n1\n"
	"  dmabuf-p2p topo --class network\n"
	"  dmabuf-p2p topo --acs mlx5_0 nvme0n1\n"
	"  dmabuf-p2p topo --svg topology.svg\n"
	"  dmabuf-p2p topo --json | jq '.routes[] | select(.route == \"none\")'\n";

/* Base classes; what else there is has numbers */
static const struct {
	const char *name;
	const char *digits;
} class_names[] = {
	{ "storage", "01" }, { "network", "02" }, { "display", "03" },
	{ "multimedia", "04" }, { "memory", "05" }, { "accelerator", "12" },
};

static const char *class_digits(const char *class)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(class_names); i++)
		if (!strcmp(class, class_names[i].name))
			return class_names[i].digits;
	return class;
}

static bool class_is_known(const char *class)
{
	const char *digits = class_digits(class);

	return *digits && strlen(digits) <= 4 &&
	       !digits[strspn(digits, "0123456789abcdefABCDEF")];
}

static bool is_wanted(const struct args *args, const struct pci_device *dev)
{
	const char *digits = args->class ? class_digits(args->class) : "";
	char class[8];

	snprintf(class, sizeof(class), "%04x", dev->class);
	return !strncasecmp(class, digits, strlen(digits)) &&
	       (!args->driver || !strcmp(dev->driver, args->driver));
}

static void set_view(struct argp_state *state, enum view view)
{
	struct args *args = state->input;

	if (args->view != VIEW_TABLE && args->view != view)
		argp_error(state, "one of --tree, --why, --acs, --json and --svg");
	args->view = view;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPTION_ALL:
		args->all = true;
		return 0;
	case OPTION_CLASS:
		if (!class_is_known(arg))
			argp_error(state, "there is no class '%s'", arg);
		args->class = arg;
		return 0;
	case OPTION_DRIVER:
		args->driver = arg;
		return 0;
	case OPTION_TREE:
		set_view(state, VIEW_TREE);
		return 0;
	case OPTION_WHY:
		set_view(state, VIEW_WHY);
		return 0;
	case OPTION_ACS:
		set_view(state, VIEW_ACS);
		return 0;
	case OPTION_JSON:
		set_view(state, VIEW_JSON);
		return 0;
	case OPTION_SVG:
		set_view(state, VIEW_SVG);
		args->svg = arg;
		return 0;
	case OPTION_ROOT:
		args->root = arg;
		return 0;
	case ARGP_KEY_ARGS:
		args->names = state->argv + state->next;
		args->nr_names = (size_t)(state->argc - state->next);
		return 0;
	case ARGP_KEY_SUCCESS:
		if (args->view == VIEW_WHY && args->nr_names != 2)
			argp_error(state, "--why takes two devices");
		if (args->view == VIEW_SVG && output_is_file())
			argp_error(state, "--svg or --output: with --svg nothing is printed");
		if (args->nr_names && (args->class || args->driver))
			argp_error(state, "--class and --driver choose among all devices");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int add(struct topo *topo, const struct args *args, const char *name)
{
	const struct pci_device *dev = pci_model_find(&topo->model, name);
	char addr[DEVICE_ADDR];

	if (!dev)
		return device_parse(addr, name) ? EXIT_FAILED : EXIT_USAGE;
	/* The route of a device to itself may be asked for */
	if (args->view == VIEW_WHY || !topo_has(topo, dev))
		topo->devs[topo->nr_devs++] = dev;
	return EXIT_OK;
}

static int choose(struct topo *topo, const struct args *args)
{
	const struct pci_model *model = &topo->model;
	size_t i;
	int ret;

	topo->devs = calloc(model->nr_devices + args->nr_names + 1,
			    sizeof(*topo->devs));
	if (!topo->devs) {
		complain(NULL, NULL, "out of memory");
		return EXIT_FAILED;
	}
	for (i = 0; i < args->nr_names; i++) {
		ret = add(topo, args, args->names[i]);
		if (ret)
			return ret;
	}
	for (i = 0; !args->nr_names && i < model->nr_devices; i++) {
		const struct pci_device *dev = &model->devices[i];

		if (is_wanted(args, dev) &&
		    (args->all ? !dev->port : pci_is_provider(dev)))
			topo->devs[topo->nr_devs++] = dev;
	}
	return EXIT_OK;
}

static int show(const struct topo *topo, const struct args *args)
{
	if (!topo->nr_devs && (args->view == VIEW_TABLE || args->view == VIEW_TREE)) {
		puts("no such device with memory BARs: 'dmabuf-p2p topo --all' shows all there are");
		return EXIT_OK;
	}
	switch (args->view) {
	case VIEW_TABLE:
		topo_table(topo);
		break;
	case VIEW_TREE:
		topo_tree(topo);
		break;
	case VIEW_JSON:
		topo_json(topo);
		break;
	case VIEW_WHY:
		return topo_why(topo);
	case VIEW_ACS:
		return topo_acs(topo);
	case VIEW_SVG:
		return topo_svg(topo, args->svg);
	}
	return EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[DEVICE...]", doc, common_children };
	struct args args = { .root = "" };
	struct topo topo = { 0 };
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	ret = pci_model_read(&topo.model, args.root);
	if (ret)
		return ret;
	ret = choose(&topo, &args);
	if (!ret)
		ret = show(&topo, &args);
	free(topo.devs);
	pci_model_free(&topo.model);
	return ret;
}

const struct verb cmd_topo = {
	"topo", "who can reach whose memory, by which route, and why not", run
};
