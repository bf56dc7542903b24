// SPDX-License-Identifier: GPL-2.0
/*
 * info: what dma-bufs hold, and who has them
 */
#include <argp.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "device.h"
#include "info.h"
#include "message.h"
#include "target.h"
#include "verb.h"

enum info_option {
	OPTION_ALL = 'a',
	OPTION_JSON = 'j',
	OPTION_ROUTE = 'r',
	OPTION_USERS = 'u',
};

struct args {
	struct target target;
	const char *route;
	bool all;
	bool users;
	bool json;
};

static const struct argp_option options[] = {
	TARGET_OPTIONS,
	{ "all", OPTION_ALL, NULL, 0, "Show all dma-bufs, and the processes that have them" },
	{ "route", OPTION_ROUTE, "DEVICE", 0,
	  "Tell how this PCI device would reach each part" },
	{ "users", OPTION_USERS, NULL, 0,
	  "Name the processes that have it, and the devices that import it" },
	{ "json", OPTION_JSON, NULL, 0, "Print as JSON" },
	{ 0 }
};

static const char doc[] =
	"Tell what a dma-buf holds: its state, how often access was taken or given "
	"back, who imports it, and the groups of its physical list: type of memory, "
	"cache attribute, and the PCI device it belongs to. No physical address is "
	"shown. Of dma-bufs without a physical list the kernel tells size and exporter."
	"\v"
	"It is a file descriptor this program inherits (fd:N, that of $DMABUF_FD if "
	"nothing is said), one that 'dmabuf-p2p export' hands out (unix:PATH), or those of another process (--pid): that takes "
	"the right to trace it, as gdb has it. Without, size and exporter are shown. With --all "
	"processes that cannot be looked at are counted. --users looks at all processes, and asks "
	"debugfs for devices: both take root. iommufd and KVM are no devices: of their imports there "
	"is a number only.\n\n"
	"TYPE is cpu (memory of the host), p2p (a BAR) or encrypted (the host does not "
	"touch it), CACHE is wb (write-back), wc (write-combining) or uc (uncached). "
	"'mappings' are those of importers; 'revoked' is a dma-buf that nobody reaches "
	"at the moment, 'dead' one that nobody will.\n\n"
	"Exit status: 0 done; 1 the system refused something; 2 bad usage; 3 DEVICE "
	"does not reach all of it; 4 the kernel cannot tell.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p info unix:/run/bar.sock --route 03:00.0\n"
	"  dmabuf-p2p info --pid $(pidof qemu-system-x86_64)\n"
	"  dmabuf-p2p info --all\n"
	"  dmabuf-p2p info --users unix:/run/bar.sock\n"
	"  dmabuf-p2p info --json fd:3 | jq .state\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPTION_ALL:
		args->all = true;
		return 0;
	case OPTION_JSON:
		args->json = true;
		return 0;
	case OPTION_USERS:
		args->users = true;
		return 0;
	case OPTION_ROUTE:
		args->route = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->all)
			target_default(&args->target);
		if (!!args->target.spec + !!args->target.pid + args->all != 1)
			argp_error(state, "one of fd:N, unix:PATH, --pid and --all");
		if (args->all && args->route)
			argp_error(state, "--route is about one dma-buf or process");
		break;
	}
	return target_parse(&args->target, key, arg, state);
}

static int tell(const struct args *args, const struct info_how *how)
{
	char name[128];
	int fd, ret;

	if (args->target.pid)
		return info_process(args->target.pid, args->target.fd, how);
	fd = target_open(&args->target, name, sizeof(name));
	if (fd < 0)
		return -fd;
	ret = info_fd(fd, name, how);
	close(fd);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "fd:N\nunix:PATH\n--pid PID\n--all", doc,
		common_children
	};
	struct args args = { .target = TARGET_NONE };
	char route[DEVICE_ADDR];
	struct holders holders;
	struct info_how how;
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.all)
		return info_all(args.json);
	if (args.route) {
		ret = device_find(route, args.route);
		if (ret)
			return ret;
		args.route = route;
	}
	how = (struct info_how){ .route = args.route, .json = args.json };
	if (!args.users)
		return tell(&args, &how);
	how.users = &holders;
	ret = holders_find(&holders, NULL, NULL);
	if (ret) {
		complain("/proc", NULL, "cannot look at all processes: %s",
			 strerror(-ret));
		ret = EXIT_FAILED;
	} else {
		ret = tell(&args, &how);
	}
	holders_free(&holders);
	return ret;
}

const struct verb cmd_info = {
	"info", "what a dma-buf holds, and who has it", run
};
