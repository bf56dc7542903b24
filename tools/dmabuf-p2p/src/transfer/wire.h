/* SPDX-License-Identifier: GPL-2.0 */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

/*
 * What a client and 'serve' say to each other by TCP: messages of one size, in network
 * byte order
 *
 *	server   OFFER: the buffer, and the queue pairs of this client
 *	client   ANSWER: its own queue pairs
 *	server   READY: both are connected
 *
 * BUSY or REFUSED may come instead of the first or the last, and GONE afterwards. The
 * connection stays until the client has done.
 */
#define WIRE_VERSION 1
#define WIRE_SIZE 80

/* Queue pairs of a connection: one for each way, or they would wait for each other */
#define WIRE_QUEUES 2

enum wire_kind {
	WIRE_OFFER = 1,
	WIRE_ANSWER,
	WIRE_READY,
	WIRE_BUSY,	/* it serves another client */
	WIRE_REFUSED,	/* the two cannot be connected */
	WIRE_GONE,	/* access to the buffer was revoked */
};

/* Link layers, as RDMA devices call them */
enum wire_link {
	WIRE_INFINIBAND = 1,
	WIRE_ETHERNET,
};

/* What may be done with the buffer */
enum wire_rights {
	WIRE_READ = 1,
	WIRE_READ_WRITE = 3,
};

/**
 * struct wire - a message
 * @kind: enum wire_kind; only %WIRE_OFFER and %WIRE_ANSWER have what follows
 * @qpn: numbers of the queue pairs
 * @psn: of their first packets
 * @lid: address of the port on InfiniBand
 * @gid_index: of @gid in the sender's table, for messages
 * @link: enum wire_link
 * @gid_type: as libibverbs has them: 0, 1 RoCE v1, 2 RoCE v2
 * @mtu: enum ibv_mtu, the longest it takes
 * @reads: RDMA READs that it takes at a time
 * @gid: address of the port on Ethernet
 * @address: of the buffer's first byte; of an offer only, as all below
 * @size: bytes
 * @rkey: its key
 * @rights: enum wire_rights
 */
struct wire {
	uint16_t kind;
	uint32_t qpn[WIRE_QUEUES];
	uint32_t psn[WIRE_QUEUES];
	uint16_t lid;
	uint16_t gid_index;
	uint8_t link;
	uint8_t gid_type;
	uint8_t mtu;
	uint8_t reads;
	uint8_t gid[16];
	uint64_t address;
	uint64_t size;
	uint32_t rkey;
	uint8_t rights;
};

/** wire_pack - write a message as it is sent */
void wire_pack(const struct wire *wire, uint8_t bytes[WIRE_SIZE]);

/**
 * wire_parse - read one that came from the network
 * @wire: filled in; nothing in it is beyond what libibverbs may be given
 * @bytes: whoever sent them
 *
 * Return: 0; -EPROTO if that is no message of ours; -EPROTONOSUPPORT if it is one of
 * another version.
 */
int wire_parse(struct wire *wire, const uint8_t bytes[WIRE_SIZE]);

#endif /* WIRE_H */
