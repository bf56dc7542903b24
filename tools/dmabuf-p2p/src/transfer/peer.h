/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>
#include <sys/socket.h>

#include "devices/rdma.h"
#include "wire.h"

/**
 * struct peer - queue pairs whose peers are on another host
 * @qp: theirs; in an order that both sides agree on
 * @self: what the other side has to know of them; the rest is zero
 * @port: of the device
 * @takes: RDMA READs that it may have under way
 * @why: what has gone wrong, after an error of the functions below
 */
struct peer {
	struct ibv_qp *qp[WIRE_QUEUES];
	struct wire self;
	uint8_t port;
	uint8_t takes;
	char why[160];
};

/**
 * peer_open - create queue pairs that wait for peers
 * @peer: filled in; peer_close() it, whatever comes of this
 * @rdma: where
 * @fd: of the TCP connection to the other side
 * @access: what that may do by way of them, IBV_ACCESS_REMOTE_...
 *
 * On the first active port. On Ethernet the GID is the one that belongs to @fd's local
 * address if there is one of RoCE v2, otherwise the first of RoCE v2 with an IPv4
 * address, or of RoCE v2, or the first at all. On InfiniBand the LID is enough.
 *
 * Return: 0 or -errno.
 */
int peer_open(struct peer *peer, struct rdma *rdma, int fd, int access);

/** peer_connect - connect them to those of @other; Return: 0 or -errno */
int peer_connect(struct peer *peer, const struct wire *other);

/** peer_close - destroy them; harmless if they are */
void peer_close(struct peer *peer);

/**
 * peer_gid_rank - how well a GID serves to reach the other side; 0: not at all
 * @gid: from the port's table
 * @type: its type, enum ibv_gid_type
 * @local: this side's address of the TCP connection
 */
unsigned int peer_gid_rank(const uint8_t gid[16], uint32_t type,
			   const struct sockaddr_storage *local);

#endif /* PEER_H */
