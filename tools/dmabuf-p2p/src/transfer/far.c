// SPDX-License-Identifier: GPL-2.0
/*
 * The client's side of a buffer on another host
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "far.h"
#include "message.h"
#include "peer.h"
#include "verb.h"

bool is_far(const char *spec)
{
	return !strncmp(spec, FAR_PREFIX, strlen(FAR_PREFIX));
}

/* What came instead of the message that was to come */
static int refused(const struct far *far, int err, const struct wire *wire)
{
	static const char remedy[] = "see what 'dmabuf-p2p serve' says there";

	switch (err) {
	case 0:
		if (wire->kind == WIRE_BUSY)
			complain(far->spec, "try again when that has ended",
				 "it serves another client");
		else if (wire->kind == WIRE_GONE)
			complain(far->spec, "'dmabuf-p2p watch' on that host tells when it is back",
				 "access is revoked by the exporter");
		else
			complain(far->spec, remedy,
				 "its server cannot connect queue pairs with this host");
		break;
	case -EPROTONOSUPPORT:
		complain(far->spec, "install the same version on both hosts",
			 "its server speaks another version of this protocol");
		break;
	case -EPROTO:
		complain(far->spec, "the default port is " HOST_PORT,
			 "that is no 'dmabuf-p2p serve'");
		break;
	case -EPIPE:
		complain(far->spec, remedy, "its server has closed the connection");
		break;
	default:
		complain(far->spec, remedy, "no answer from its server: %s", strerror(-err));
	}
	return EXIT_FAILED;
}

int far_open(struct far *far, const char *spec)
{
	char name[256], port[8];
	const char *why;
	int ret;

	*far = (struct far) { .spec = spec, .fd = -1 };
	if (host_split(spec + strlen(FAR_PREFIX), name, port) || !*name ||
	    !strcmp(port, "0")) {
		complain(spec, "write host:NAME, host:NAME:PORT or host:[IPV6]:PORT",
			 "that names no host");
		return EXIT_USAGE;
	}
	far->fd = host_connect(name, port, &why);
	if (far->fd < 0) {
		complain(spec, "start 'dmabuf-p2p serve BUFFER --via rdma:DEVICE --listen ADDRESS' there",
			 "cannot connect to port %s of %s: %s", port, name, why);
		return EXIT_FAILED;
	}
	ret = host_receive(far->fd, &far->offer, HOST_PATIENCE_MS);
	if (!ret && far->offer.kind == WIRE_OFFER)
		return EXIT_OK;
	ret = refused(far, ret, &far->offer);
	far_close(far);
	return ret;
}

int far_connect(struct far *far, struct rdma *rdma)
{
	struct wire ready, answer;
	struct peer peer;
	unsigned int i;
	int ret;

	/* The server has nothing to do with this side's memory */
	ret = peer_open(&peer, rdma, far->fd, 0);
	/* They go with the device, whatever comes of this */
	for (i = 0; i < WIRE_QUEUES; i++)
		rdma->qp[i] = peer.qp[i];
	if (!ret)
		ret = peer_connect(&peer, &far->offer);
	if (ret) {
		complain(far->spec, "ibv_devinfo -v shows ports and their GIDs",
			 "%s", peer.why);
		return EXIT_FAILED;
	}
	answer = peer.self;
	answer.kind = WIRE_ANSWER;
	ret = host_send(far->fd, &answer);
	if (!ret)
		ret = host_receive(far->fd, &ready, HOST_PATIENCE_MS);
	if (!ret && ready.kind == WIRE_READY)
		return EXIT_OK;
	return refused(far, ret, &ready);
}

int far_ask(struct far *far, int timeout_ms)
{
	struct pollfd pfd = { .fd = far->fd, .events = POLLIN };
	struct wire news;
	int ret;

	if (far->gone || poll(&pfd, 1, timeout_ms) <= 0)
		return far->gone;
	ret = host_take(far->fd, &far->inbox, &news);
	if (ret > 0)
		ret = news.kind == WIRE_GONE ? -ENODEV : -EPROTO;
	far->gone = ret;
	return ret;
}

int far_complain(const struct far *far)
{
	if (far->gone == -ENODEV)
		complain(far->spec,
			 "its memory was switched off, reset or unplugged; 'dmabuf-p2p watch' on that host tells when",
			 "access was revoked by the exporter");
	else
		complain(far->spec, "see what 'dmabuf-p2p serve' says there",
			 "its server has ended, or the connection to it");
	return EXIT_FAILED;
}

void far_close(struct far *far)
{
	if (far->fd >= 0)
		close(far->fd);
	far->fd = -1;
}
