// SPDX-License-Identifier: GPL-2.0
/*
 * serve: a buffer that clients on other hosts read and write by RDMA
 *
 * One client at a time. The program waits for nobody: a client that says nothing, or half
 * of something, keeps others out for HOST_PATIENCE_MS.
 */
#include <argp.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "devices/sysfs.h"
#include "dmabuf.h"
#include "engine.h"
#include "far.h"
#include "host.h"
#include "message.h"
#include "peer.h"
#include "text.h"
#include "units.h"
#include "verb.h"

#define LOOPBACK "127.0.0.1"

/* How often the exporter is asked whether it has taken access away */
#define ASK_MS 100

enum { OPT_LISTEN = 'l', OPT_READ_ONLY = 256, OPT_FORCE };

enum stage { NOBODY, OFFERED, CONNECTED };

/**
 * struct serve - a server
 * @spec: the buffer's name
 * @via: the engine's
 * @listen: where to
 * @bind: devices may be taken away from their drivers
 * @force: try what the kernel knows no route to
 * @read_only: nobody may write to it
 * @engine: an RDMA device without queue pairs of its own
 * @buffer: the buffer, registered
 * @listener: for clients
 * @stage: of the one that is there
 * @fd: of it
 * @name: its address
 * @inbox: what has come from it
 * @deadline: when it has to have said all of that, ms
 * @peer: queue pairs for it
 */
struct serve {
	const char *spec;
	const char *via;
	const char *listen;
	bool bind;
	bool force;
	bool read_only;
	struct engine engine;
	struct end buffer;
	int listener;
	enum stage stage;
	int fd;
	char name[HOST_TEXT];
	struct inbox inbox;
	uint64_t deadline;
	struct peer peer;
};

static const struct argp_option options[] = {
	{ "via", 'e', "rdma:DEVICE", 0, "The RDMA device that clients come to", 0 },
	{ "listen", OPT_LISTEN, "ADDRESS:PORT", 0,
	  "Where clients connect to by TCP (" LOOPBACK ":" HOST_PORT ")", 0 },
	{ "read-only", OPT_READ_ONLY, NULL, 0, "Clients may only read", 0 },
	{ "bind", 'b', NULL, 0,
	  "Take devices away from their drivers while this runs", 0 },
	{ "force", OPT_FORCE, NULL, 0,
	  "Try it where Linux knows no peer-to-peer route", 0 },
	{ 0 }
};

static const char doc[] =
	"Let copy and bench on other hosts move bytes into and out of a buffer here, by RDMA.\v"
	BUFFER_HELP "\n"
	"Clients name it host:NAME or host:NAME:PORT. They come one after another; one that comes while another is there is told so. They agree by TCP on what RDMA needs, and the bytes go by way of the device alone. The port is the first active one. On Ethernet the GID is that of the address by which they talk TCP, in RoCE v2; if the device has none, its first one of RoCE v2 with an IPv4 address. On InfiniBand it is the LID.\n\n"
	"EVERY CLIENT MAY READ AND WRITE THE BUFFER: nobody is asked for a password, and neither TCP nor RDMA is encrypted. So it listens on this host only, unless --listen says otherwise; do that in networks of your own. With --read-only the device itself refuses to write.\n\n"
	"It goes on until Ctrl-C, or until the exporter of the buffer is no more. When access is revoked the client is told, and those that come later until it is back.\n\n"
	"EXAMPLES\n"
	"  On host a, whose address in the RDMA network is 10.0.0.1:\n"
	"    dmabuf-p2p serve 01:00.0/bar2:0-64M --bind --via rdma:mlx5_0 \\\n"
	"        --listen 10.0.0.1\n"
	"  On host b:\n"
	"    dmabuf-p2p copy mem:64M host:10.0.0.1 --via rdma:mlx5_0 --verify\n"
	"    dmabuf-p2p bench mem:64M host:10.0.0.1 --via rdma:mlx5_0 --both-ways\n\n"
	"Exit status: 1 refused, or the exporter is no more; 2 bad usage; 3 no route; 4 not supported; 130 interrupted.";

static void finish(struct serve *serve, struct argp_state *state)
{
	if (!serve->spec)
		argp_error(state, "say which buffer");
	if (!serve->via || strncmp(serve->via, "rdma:", 5))
		argp_error(state, "say by which RDMA device: --via rdma:DEVICE");
	if (!strncmp(serve->spec, "disk:", 5) || is_far(serve->spec))
		argp_error(state, "%s is no buffer of this host", serve->spec);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct serve *serve = state->input;

	switch (key) {
	case 'e':
		serve->via = arg;
		return 0;
	case 'b':
		serve->bind = true;
		return 0;
	case OPT_LISTEN:
		serve->listen = arg;
		return 0;
	case OPT_READ_ONLY:
		serve->read_only = true;
		return 0;
	case OPT_FORCE:
		serve->force = true;
		return 0;
	case ARGP_KEY_ARG:
		if (serve->spec)
			return ARGP_ERR_UNKNOWN;
		serve->spec = arg;
		return 0;
	case ARGP_KEY_END:
		finish(serve, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int start_listening(struct serve *serve)
{
	struct sockaddr_storage addr;
	socklen_t length = sizeof(addr);
	char name[256], port[8], text[HOST_TEXT], size[UNITS_TEXT];
	const char *why;

	if (host_split(serve->listen, name, port)) {
		complain(serve->listen, "write ADDRESS, ADDRESS:PORT or [IPV6]:PORT",
			 "no address to listen on");
		return EXIT_USAGE;
	}
	serve->listener = host_listen(*name ? name : LOOPBACK, port, &why);
	if (serve->listener < 0) {
		complain(serve->listen, NULL, "cannot listen there: %s", why);
		return EXIT_FAILED;
	}
	if (getsockname(serve->listener, (struct sockaddr *)&addr, &length))
		memset(&addr, 0, sizeof(addr));
	printf("%s, %s, is at host:%s until Ctrl-C\n", serve->spec,
	       format_size(serve->buffer.size, size), host_text(&addr, text));
	fflush(stdout);
	return EXIT_OK;
}

/* What is said is the last the client hears */
static void dismiss(struct serve *serve, uint16_t kind)
{
	const struct wire wire = { .kind = kind };

	if (kind)
		host_send(serve->fd, &wire);
	peer_close(&serve->peer);
	shutdown(serve->fd, SHUT_WR);
	close(serve->fd);
	serve->fd = -1;
	serve->stage = NOBODY;
}

static void offer(struct serve *serve)
{
	const int access = serve->read_only ? IBV_ACCESS_REMOTE_READ :
					      IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE;
	struct wire wire;

	if (peer_open(&serve->peer, serve->engine.state, serve->fd, access)) {
		complain(serve->name, "ibv_devinfo -v shows ports and their GIDs",
			 "%s", serve->peer.why);
		dismiss(serve, WIRE_REFUSED);
		return;
	}
	wire = serve->peer.self;
	wire.kind = WIRE_OFFER;
	wire.address = serve->buffer.address;
	wire.size = serve->buffer.size;
	wire.rkey = serve->buffer.rkey;
	wire.rights = serve->read_only ? WIRE_READ : WIRE_READ_WRITE;
	serve->inbox.length = 0;
	serve->deadline = now_ms() + HOST_PATIENCE_MS;
	serve->stage = OFFERED;
	if (host_send(serve->fd, &wire))
		dismiss(serve, 0);
}

/* What a dma-buf is like now: DMA_BUF_PHYS_QUERY_..., or "live" if it does not tell */
static uint32_t state_of(const struct serve *serve)
{
	struct dmabuf dmabuf = { .fd = serve->buffer.buffer.fd };
	uint32_t state = DMA_BUF_PHYS_QUERY_LIVE;

	if (!serve->buffer.watched)
		return state;
	dmabuf_ask(&dmabuf, NULL);
	if (!dmabuf.query_error)
		state = dmabuf.query.state;
	dmabuf_release(&dmabuf);
	return state;
}

static void welcome(struct serve *serve)
{
	struct sockaddr_storage addr;
	socklen_t size = sizeof(addr);
	const struct wire busy = { .kind = WIRE_BUSY };
	int fd = accept4(serve->listener, (struct sockaddr *)&addr, &size,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (serve->stage != NOBODY) {
		host_send(fd, &busy);
		close(fd);
		return;
	}
	host_keep(fd);
	serve->fd = fd;
	host_text(&addr, serve->name);
	if (state_of(serve) != DMA_BUF_PHYS_QUERY_LIVE)
		dismiss(serve, WIRE_GONE);
	else
		offer(serve);
}

static void connected(struct serve *serve, const struct wire *answer)
{
	const struct wire ready = { .kind = WIRE_READY };

	if (peer_connect(&serve->peer, answer)) {
		complain(serve->name, "ibv_devinfo -v shows ports and their GIDs",
			 "%s", serve->peer.why);
		dismiss(serve, WIRE_REFUSED);
		return;
	}
	serve->stage = CONNECTED;
	printf("%s has come\n", serve->name);
	fflush(stdout);
	if (host_send(serve->fd, &ready))
		dismiss(serve, 0);
}

/* The client has sent something, or closed */
static void hear(struct serve *serve)
{
	struct wire answer;
	int ret = host_take(serve->fd, &serve->inbox, &answer);

	if (!ret)
		return;
	if (ret > 0 && serve->stage == OFFERED && answer.kind == WIRE_ANSWER) {
		connected(serve, &answer);
		return;
	}
	if (serve->stage == CONNECTED) {
		printf("%s has gone\n", serve->name);
		fflush(stdout);
	}
	if (ret == -EPROTONOSUPPORT)
		complain(serve->name, "install the same version on both hosts",
			 "the client speaks another version of this protocol");
	else if (ret > 0 || ret == -EPROTO)
		complain(serve->name, NULL, "that is no client of ours");
	dismiss(serve, 0);
}

/* Return: EXIT_FAILED if there is nothing to serve any more */
static int check_exporter(struct serve *serve)
{
	uint64_t generation;
	uint32_t state;

	if (!serve->buffer.watched ||
	    access_generation(serve->buffer.buffer.fd, &generation) ||
	    generation == serve->buffer.generation)
		return EXIT_OK;
	serve->buffer.generation = generation;
	/* Even if it has come back since: what was moved meanwhile is lost */
	if (serve->stage != NOBODY)
		dismiss(serve, WIRE_GONE);
	state = state_of(serve);
	if (state == DMA_BUF_PHYS_QUERY_LIVE)
		printf("%s is there again\n", serve->spec);
	else
		complain(serve->spec, "'dmabuf-p2p watch' tells when that happens",
			 "access was revoked by the exporter");
	fflush(stdout);
	return state == DMA_BUF_PHYS_QUERY_DEAD ? EXIT_FAILED : EXIT_OK;
}

/* Of a queue pair there may be events as well, which its client is told by itself */
static int check_device(const struct serve *serve)
{
	const struct rdma *rdma = serve->engine.state;
	struct ibv_async_event event;

	if (__verbs_get_async_event(rdma->context, 0, &event) ||
	    event.event_type != IBV_EVENT_DEVICE_FATAL)
		return EXIT_OK;
	complain(serve->via, "see dmesg: the kernel may have said more",
		 "the device has failed, or is going away");
	return EXIT_FAILED;
}

static int serve_all(struct serve *serve)
{
	const struct rdma *rdma = serve->engine.state;
	struct pollfd pfd[3];
	int ret = EXIT_OK;

	while (!ret) {
		pfd[0] = (struct pollfd) { .fd = serve->listener, .events = POLLIN };
		pfd[1] = (struct pollfd) { .fd = serve->fd, .events = POLLIN };
		pfd[2] = (struct pollfd) { .fd = rdma->context->async_fd, .events = POLLIN };
		poll(pfd, 3, serve->buffer.watched || serve->stage == OFFERED ?
				     ASK_MS : -1);
		/* Before the client hears it from the device */
		ret = check_exporter(serve);
		if (!ret && pfd[2].revents)
			ret = check_device(serve);
		if (serve->fd >= 0 && pfd[1].revents)
			hear(serve);
		if (serve->stage == OFFERED && now_ms() > serve->deadline)
			dismiss(serve, 0);
		if (pfd[0].revents)
			welcome(serve);
	}
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "BUFFER",
		.doc = doc,
	};
	struct serve serve = {
		.listen = LOOPBACK, .listener = -1, .fd = -1,
	};
	int ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &serve);
	ret = engine_open_far(&serve.engine, serve.via, serve.bind, serve.force);
	if (!ret)
		ret = end_open(&serve.buffer, serve.spec, serve.bind);
	serve.buffer.write = !serve.read_only;
	serve.buffer.read_only = serve.read_only;
	if (!ret)
		ret = engine_reach_one(&serve.engine, &serve.buffer);
	if (!ret)
		ret = start_listening(&serve);
	if (!ret)
		ret = serve_all(&serve);
	engine_close(&serve.engine);
	end_close(&serve.buffer);
	return ret;
}

const struct verb cmd_serve = {
	.name = "serve",
	.summary = "let copy and bench on other hosts use a buffer, by RDMA",
	.run = run,
};
