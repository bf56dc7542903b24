// SPDX-License-Identifier: GPL-2.0
/*
 * import: take a dma-buf from the socket of 'export', for a command or to look
 */
#include <argp.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "dmabuf.h"
#include "info.h"
#include "share.h"
#include "verb.h"

struct args {
	const char *spec;
	char **command;
	bool json;
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print what it holds as JSON" },
	{ 0 }
};

static const char doc[] =
	"Take a dma-buf from the socket of 'dmabuf-p2p export --socket', and start "
	"COMMAND with it. Without COMMAND tell what it holds."
	"\v"
	"COMMAND replaces this program and inherits the dma-buf: the number of the file "
	"descriptor is in $DMABUF_FD, its size in bytes in $DMABUF_SIZE.\n\n"
	"Exit status: that of COMMAND, 127 if there is none of that name, 126 if it cannot "
	"be executed; otherwise 0 done; 1 the system refused something; 2 bad usage; 4 the kernel cannot tell.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p import unix:/run/bar.sock\n"
	"  dmabuf-p2p import unix:/run/bar.sock -- ./importer --verbose\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!state->arg_num) {
			args->spec = arg;
		} else {
			args->command = state->argv + state->next - 1;
			state->next = state->argc;
		}
		return 0;
	case ARGP_KEY_END:
		if (!args->spec || strncmp(args->spec, "unix:", 5))
			argp_error(state, "from which unix:PATH?");
		if (args->command && args->json)
			argp_error(state, "--json is for no COMMAND");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = { options, parse,
					  "unix:PATH [[--] COMMAND...]", doc };
	struct share_header header;
	struct args args = { 0 };
	uint64_t size;
	int fd, ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &args);
	fd = share_take(args.spec + 5, &header);
	if (fd < 0)
		return -fd;
	if (!args.command) {
		ret = info_fd(fd, args.spec,
			      &(struct info_how){ .json = args.json });
	} else {
		/* What the kernel says counts, not the header */
		ret = dmabuf_size(fd, args.spec, &size);
		if (!ret)
			ret = command_exec(args.command, fd, size);
	}
	close(fd);
	return ret;
}

const struct verb cmd_import = {
	"import", "take a dma-buf from a socket of 'export'", run
};
