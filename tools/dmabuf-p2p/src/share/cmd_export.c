// SPDX-License-Identifier: GPL-2.0
/*
 * export: ranges of a device's BARs become a dma-buf, for a command or a socket
 */
#include <argp.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "command.h"
#include "exporter.h"
#include "message.h"
#include "revoker.h"
#include "share.h"
#include "units.h"
#include "verb.h"

enum export_option {
	OPTION_BIND = 'b',
	OPTION_GROUP = 'g',
	OPTION_QUIET = 'q',
	OPTION_SOCKET = 's',
	OPTION_NO_HOST_ACCESS = 256,
	OPTION_REVOKE_EVERY,
	OPTION_REVOKE_SIGNAL,
};

struct args {
	struct export_request request;
	const char *socket;
	gid_t gid;
	bool quiet;
	double revoke_every;
	bool revoke_signal;
	char **command;
};

/**
 * struct export - an export under way
 * @args: what the user wants
 * @exported: the dma-buf
 * @request: readable when the kernel wants the device back
 * @revoker: takes access away now and then
 */
struct export {
	struct args args;
	struct exported exported;
	int request;
	struct revoker revoker;
};

static const struct argp_option options[] = {
	{ "bind", OPTION_BIND, NULL, 0,
	  "Take the device away from its driver while this runs" },
	{ "socket", OPTION_SOCKET, "PATH", 0,
	  "Pass the dma-buf to every client of this Unix socket, until Ctrl-C" },
	{ "group", OPTION_GROUP, "GROUP", 0,
	  "Let members of GROUP connect as well; by default only this user and root may" },
	{ "quiet", OPTION_QUIET, NULL, 0, "Do not tell where it is and who has taken it" },
	{ "revoke-every", OPTION_REVOKE_EVERY, "SECONDS", 0,
	  "Take access away so often, and give it back half of that later" },
	{ "revoke-signal", OPTION_REVOKE_SIGNAL, NULL, 0,
	  "Let SIGUSR1 take access away, and the next one give it back" },
	{ "no-host-access", OPTION_NO_HOST_ACCESS, NULL, 0,
	  "Keep all programs away from the ranges while the dma-buf exists" },
	{ 0 }
};

static const char doc[] =
	"Export ranges of the BARs of a PCI device as one dma-buf, through VFIO, and "
	"hand it to COMMAND or to the clients of a socket. The dma-buf dies with this "
	"program."
	"\v"
	"RANGES are parts of BARs, one after the other, with commas between them: "
	"bar2:0-16M from start to end, bar2:32M+4K from start and length, bar0 all of "
	"it. They are made of whole pages.\n\n"
	"COMMAND inherits the dma-buf: the number of the file descriptor is in "
	"$DMABUF_FD, its size in bytes in $DMABUF_SIZE. Clients of a socket are "
	"'dmabuf-p2p import', and all verbs that take 'unix:PATH'; the socket is there "
	"when the line that tells of it is.\n\n"
	"--bind refuses a device that is in use, may be in use, or could not be given back. "
	"Seeing what all processes have open and mapped requires CAP_SYS_PTRACE and "
	"CAP_CHECKPOINT_RESTORE (or CAP_SYS_ADMIN) outside of any container. The check is "
	"made once, before the device is taken, and cannot see everything: not a file that "
	"only io_uring holds, for example. Take only devices that nothing needs.\n\n"
	"A device with a driver of VFIO's stays as it is. Another one's driver is put "
	"back when this ends, by Ctrl-C as well, but not by SIGKILL or signals 32 and 33, which are "
	"the C library's, and not if somebody has given it another driver since. After these 'dmabuf-p2p "
	"release' puts it back, or the end of the next export, copy or bench of it. A shell "
	"has the background jobs of a script ignore Ctrl-C: end them with kill.\n\n"
	"--revoke-every and --revoke-signal are for testing importers: the device's memory is "
	"switched off and on, as by a guest that resets it. Without --revoke-signal COMMAND gets "
	"SIGUSR1 as all other signals.\n\n"
	"Exit status: that of COMMAND, 127 if there is none of that name, 126 if it cannot "
	"be executed; otherwise 0 done; 1 the system refused something, or a device was not put back; 2 bad usage; 4 the "
	"kernel or the device cannot do it. A signal that ends it, or COMMAND, is passed on "
	"to the parent process, after everything has been put back.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p export 01:00.0 bar2:0-16M -- ./importer\n"
	"  dmabuf-p2p export --bind 01:00.0 bar0,bar2:32M+4K -- dmabuf-p2p info\n"
	"  dmabuf-p2p export --revoke-every 2 01:00.0 bar2 -- ./importer\n"
	"  dmabuf-p2p export 01:00.0 bar2 --socket /run/bar.sock --group rdma\n";

static error_t parse_group(struct argp_state *state, const char *name,
			   gid_t *gid)
{
	const struct group *group = getgrnam(name);
	uint64_t number = 0;

	/* The largest number means none */
	if (!group && parse_number(name, 0, (gid_t)-2, &number))
		argp_error(state, "there is no group '%s'", name);
	*gid = group ? group->gr_gid : (gid_t)number;
	return 0;
}

static error_t parse_every(struct argp_state *state, const char *arg, double *every)
{
	char *end;

	/* No sign, no blank */
	*every = strtod(arg, &end);
	if (!strchr("0123456789.", arg[0]) || end == arg || *end ||
	    !(*every >= 0.001 && *every <= 1e6))
		argp_error(state, "--revoke-every %s: invalid number of seconds", arg);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPTION_BIND:
		args->request.bind = true;
		return 0;
	case OPTION_GROUP:
		return parse_group(state, arg, &args->gid);
	case OPTION_QUIET:
		args->quiet = true;
		return 0;
	case OPTION_SOCKET:
		args->socket = arg;
		return 0;
	case OPTION_REVOKE_EVERY:
		return parse_every(state, arg, &args->revoke_every);
	case OPTION_REVOKE_SIGNAL:
		args->revoke_signal = true;
		return 0;
	case OPTION_NO_HOST_ACCESS:
		args->request.no_host_access = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num == 0) {
			args->request.device = arg;
		} else if (state->arg_num == 1) {
			args->request.ranges = arg;
		} else {
			args->command = state->argv + state->next - 1;
			state->next = state->argc;
		}
		return 0;
	case ARGP_KEY_END:
		if (!args->request.ranges)
			argp_error(state, "which DEVICE and RANGES?");
		if (!args->command == !args->socket)
			argp_error(state,
				   "either a COMMAND or --socket takes the dma-buf");
		if (args->gid != (gid_t)-1 && !args->socket)
			argp_error(state, "--group is about a --socket");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/*
 * The kernel wants the device back, for an unbind or unplug, and waits until it
 * is closed.
 */
static void give_up(struct exported *exported)
{
	complain(exported->vfio.addr, NULL,
		 "the kernel wants the device back: the dma-buf is dead");
	export_done(&exported->vfio, exported->fd);
	exported->fd = -1;
}

static void turn(struct export *export)
{
	int ret = revoker_turn(&export->revoker);

	if (ret < 0)
		complain(export->exported.vfio.addr, NULL, "cannot %s: %s",
			 export->revoker.revoked ? "give access back" :
						   "take access away",
			 strerror(-ret));
	if (ret <= 0 || export->args.quiet)
		return;
	puts(export->revoker.revoked ? "access is taken away" :
				       "access is given back");
	fflush(stdout);
}

/* Return: whether @fd is ready; otherwise the device is to be given up */
static bool wait_for(struct export *export, int fd)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = export->request, .events = POLLIN },
		{ .fd = export->revoker.timer, .events = POLLIN },
		{ .fd = export->revoker.signal, .events = POLLIN },
	};
	const struct timespec pause = { .tv_nsec = 100000000 };

	for (;;) {
		if (poll(fds, 4, -1) < 0) {
			/* Memory may be short: not to be asked for a million times */
			if (errno != EINTR)
				nanosleep(&pause, NULL);
			continue;
		}
		if (fds[2].revents || fds[3].revents)
			turn(export);
		if (fds[1].revents)
			return false;
		if (fds[0].revents)
			return true;
	}
}

/* After what cleanup.h has handlers for */
static void begin_revokes(struct export *export)
{
	int ret = revoker_begin(&export->revoker, &export->exported.vfio,
				export->args.revoke_every,
				export->args.revoke_signal);

	if (ret)
		complain(export->exported.vfio.addr, NULL,
			 "access will not be taken away: %s", strerror(-ret));
}

static int run_command(struct export *export)
{
	struct exported *exported = &export->exported;
	char **command = export->args.command;
	int pidfd, status;
	pid_t pid;

	fflush(NULL);
	pid = cleanup_fork(&pidfd);
	if (pid < 0) {
		complain(command[0], NULL, "cannot start it: %s",
			 strerror(errno));
		return EXIT_FAILED;
	}
	if (!pid)
		_exit(command_exec(command, exported->fd, exported->size));

	begin_revokes(export);
	if (!wait_for(export, pidfd))
		give_up(exported);
	revoker_end(&export->revoker);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILED;
	if (exported->fd >= 0)
		export_done(&exported->vfio, exported->fd);
	cleanup_exit(status);
}

/* What ends it: a shell has background jobs of a script ignore Ctrl-C */
static const char *end_text(void)
{
	static char text[32];
	struct sigaction now;

	if (sigaction(SIGINT, NULL, &now) || now.sa_handler != SIG_IGN)
		return "Ctrl-C";
	snprintf(text, sizeof(text), "'kill %d'", getpid());
	return text;
}

static int serve(struct export *export)
{
	const struct args *args = &export->args;
	struct exported *exported = &export->exported;
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct share_header header;
	char size[UNITS_TEXT];
	int listener, ret;
	pid_t client;

	share_header(&header, exported->size, exported->name);
	listener = share_listen(args->socket, args->gid);
	if (listener < 0)
		return -listener;
	if (!args->quiet)
		printf("%s, %s, is at unix:%s until %s\n", exported->name,
		       format_size(exported->size, size), args->socket, end_text());
	fflush(stdout);
	begin_revokes(export);
	while (wait_for(export, listener)) {
		ret = share_serve(listener, exported->fd, &header, &client);
		if (ret == -EPIPE)
			continue;
		if (ret) {
			complain(args->socket, NULL,
				 "cannot hand it out: %s", strerror(-ret));
			/* The client still waits, so that this would be at once */
			nanosleep(&pause, NULL);
			continue;
		}
		if (!args->quiet)
			printf("process %d has it\n", client);
		fflush(stdout);
	}
	give_up(exported);
	return EXIT_FAILED;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "DEVICE RANGES [--] COMMAND...\n"
				"DEVICE RANGES --socket PATH", doc
	};
	struct export export = {
		.args = { .gid = (gid_t)-1 },
		.revoker = REVOKER_NONE,
	};
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &export.args);
	ret = export_bars(&export.exported, &export.args.request);
	if (ret)
		return ret;
	/* Without it the kernel only waits longer */
	export.request = eventfd(0, EFD_CLOEXEC);
	__vfio_request_eventfd(&export.exported.vfio, export.request);
	ret = export.args.command ? run_command(&export) : serve(&export);
	if (export.exported.fd >= 0)
		export_done(&export.exported.vfio, export.exported.fd);
	close(export.request);
	return ret;
}

const struct verb cmd_export = {
	"export", "share ranges of a device's BARs as a dma-buf", run
};
