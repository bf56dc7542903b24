// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between a client and 'serve'
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "wire.h"

#define MAGIC 0x64703270u	/* "dp2p" */
#define NUMBER_MAX 0xffffffu	/* queue pairs and packets are counted with 24 bits */
#define LID_MAX 0xbfffu		/* beyond that they are of multicast */
#define MTU_MAX 5		/* 4096 bytes */

struct layout {
	uint32_t magic;
	uint16_t version;
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
	uint8_t zero[11];
};

_Static_assert(sizeof(struct layout) == WIRE_SIZE, "no padding");

void wire_pack(const struct wire *wire, uint8_t bytes[WIRE_SIZE])
{
	struct layout out = {
		.magic = htobe32(MAGIC),
		.version = htobe16(WIRE_VERSION),
		.kind = htobe16(wire->kind),
		.lid = htobe16(wire->lid),
		.gid_index = htobe16(wire->gid_index),
		.link = wire->link,
		.gid_type = wire->gid_type,
		.mtu = wire->mtu,
		.reads = wire->reads,
		.address = htobe64(wire->address),
		.size = htobe64(wire->size),
		.rkey = htobe32(wire->rkey),
		.rights = wire->rights,
	};
	unsigned int i;

	for (i = 0; i < WIRE_QUEUES; i++) {
		out.qpn[i] = htobe32(wire->qpn[i]);
		out.psn[i] = htobe32(wire->psn[i]);
	}
	memcpy(out.gid, wire->gid, sizeof(out.gid));
	memcpy(bytes, &out, sizeof(out));
}

static int check_port(const struct wire *wire)
{
	static const uint8_t none[16];
	unsigned int i;

	for (i = 0; i < WIRE_QUEUES; i++)
		if (!wire->qpn[i] || wire->qpn[i] > NUMBER_MAX ||
		    wire->psn[i] > NUMBER_MAX)
			return -EPROTO;
	if (!wire->mtu || wire->mtu > MTU_MAX || wire->gid_type > 2)
		return -EPROTO;
	switch (wire->link) {
	case WIRE_INFINIBAND:
		return wire->lid && wire->lid <= LID_MAX ? 0 : -EPROTO;
	case WIRE_ETHERNET:
		return memcmp(wire->gid, none, sizeof(none)) ? 0 : -EPROTO;
	default:
		return -EPROTO;
	}
}

static int check(const struct wire *wire)
{
	int ret;

	if (!wire->kind || wire->kind > WIRE_GONE)
		return -EPROTO;
	if (wire->kind > WIRE_ANSWER)
		return 0;
	ret = check_port(wire);
	if (ret || wire->kind == WIRE_ANSWER)
		return ret;
	if (!wire->size || wire->size - 1 > UINT64_MAX - wire->address)
		return -EPROTO;
	return wire->rights == WIRE_READ || wire->rights == WIRE_READ_WRITE ?
		       0 : -EPROTO;
}

int wire_parse(struct wire *wire, const uint8_t bytes[WIRE_SIZE])
{
	struct layout in;
	unsigned int i;

	memcpy(&in, bytes, sizeof(in));
	if (be32toh(in.magic) != MAGIC)
		return -EPROTO;
	if (be16toh(in.version) != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	*wire = (struct wire) {
		.kind = be16toh(in.kind),
		.lid = be16toh(in.lid),
		.gid_index = be16toh(in.gid_index),
		.link = in.link,
		.gid_type = in.gid_type,
		.mtu = in.mtu,
		.reads = in.reads,
		.address = be64toh(in.address),
		.size = be64toh(in.size),
		.rkey = be32toh(in.rkey),
		.rights = in.rights,
	};
	for (i = 0; i < WIRE_QUEUES; i++) {
		wire->qpn[i] = be32toh(in.qpn[i]);
		wire->psn[i] = be32toh(in.psn[i]);
	}
	memcpy(wire->gid, in.gid, sizeof(wire->gid));
	for (i = 0; i < sizeof(in.zero); i++)
		if (in.zero[i])
			return -EPROTO;
	return check(wire);
}
