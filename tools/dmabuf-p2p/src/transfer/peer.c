// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pairs between two hosts: which port and GID, and from RESET to RTS
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "peer.h"

/* As perftest has them: 4.096 us << 14, about 67 ms, seven times */
#define TIMEOUT 14
#define RETRIES 7
#define MIN_RNR_TIMER 12

#define HOP_LIMIT 64
#define PSN_MASK 0xffffffu
#define GIDS_MAX 256	/* what an address vector can name */

static int fail(struct peer *peer, int err, const char *what)
{
	snprintf(peer->why, sizeof(peer->why), "%s: %s", what, strerror(-err));
	return err;
}

static int find_port(struct peer *peer, struct ibv_context *context,
		     struct ibv_port_attr *attr)
{
	struct ibv_device_attr device;
	int ret = -ibv_query_device(context, &device), port;

	if (ret)
		return fail(peer, ret, "cannot query the device");
	peer->self.reads = device.max_qp_rd_atom < 16 ?
				   (uint8_t)device.max_qp_rd_atom : 16;
	peer->takes = device.max_qp_init_rd_atom < 16 ?
			      (uint8_t)device.max_qp_init_rd_atom : 16;
	for (port = 1; port <= device.phys_port_cnt; port++) {
		if (ibv_query_port(context, (uint8_t)port, attr) ||
		    attr->state != IBV_PORT_ACTIVE)
			continue;
		peer->port = (uint8_t)port;
		return 0;
	}
	snprintf(peer->why, sizeof(peer->why), "none of its ports is active");
	return -ENETDOWN;
}

/* Of IPv4 as GIDs have it, ::ffff:10.0.0.1 */
static void as_ipv6(const struct sockaddr_storage *addr, struct in6_addr *ipv6)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memset(ipv6, 0, sizeof(*ipv6));
	if (addr->ss_family == AF_INET6) {
		*ipv6 = ((const struct sockaddr_in6 *)addr)->sin6_addr;
	} else if (addr->ss_family == AF_INET) {
		memcpy(ipv6->s6_addr, mapped, sizeof(mapped));
		memcpy(ipv6->s6_addr + 12,
		       &((const struct sockaddr_in *)addr)->sin_addr, 4);
	}
}

unsigned int peer_gid_rank(const uint8_t gid[16], uint32_t type,
			   const struct sockaddr_storage *local)
{
	static const struct in6_addr none;
	struct in6_addr addr, wanted;

	memcpy(&addr, gid, sizeof(addr));
	as_ipv6(local, &wanted);
	if (!memcmp(&addr, &none, sizeof(addr)))
		return 0;
	if (type != IBV_GID_TYPE_ROCE_V2)
		return 1;
	if (!memcmp(&addr, &wanted, sizeof(addr)))
		return 4;
	return IN6_IS_ADDR_V4MAPPED(&addr) ? 3 : 2;
}

static int find_gid(struct peer *peer, struct ibv_context *context, int fd,
		    int count)
{
	struct sockaddr_storage local = { .ss_family = AF_UNSPEC };
	socklen_t size = sizeof(local);
	unsigned int best = 0, rank;
	struct ibv_gid_entry entry;
	int i;

	getsockname(fd, (struct sockaddr *)&local, &size);
	for (i = 0; i < count && i < GIDS_MAX; i++) {
		if (ibv_query_gid_ex(context, peer->port, (uint32_t)i, &entry, 0))
			continue;
		rank = peer_gid_rank(entry.gid.raw, entry.gid_type, &local);
		if (rank <= best)
			continue;
		best = rank;
		peer->self.gid_index = (uint16_t)i;
		peer->self.gid_type = (uint8_t)entry.gid_type;
		memcpy(peer->self.gid, entry.gid.raw, sizeof(peer->self.gid));
	}
	if (best)
		return 0;
	snprintf(peer->why, sizeof(peer->why), "port %u has no GID: give its network interface an address",
		 peer->port);
	return -EADDRNOTAVAIL;
}

static int create(struct peer *peer, struct rdma *rdma, unsigned int i, int access)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = peer->port,
		.qp_access_flags = (unsigned int)access,
	};
	int ret;

	ret = __verbs_create_qp(rdma->pd, rdma->cq, RDMA_DEPTH, &peer->qp[i]);
	if (ret)
		return fail(peer, ret, "cannot create a queue pair");
	ret = -ibv_modify_qp(peer->qp[i], &attr,
			     IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
				     IBV_QP_ACCESS_FLAGS);
	if (ret)
		return fail(peer, ret, "cannot set up a queue pair");
	peer->self.qpn[i] = peer->qp[i]->qp_num;
	/* Nobody else is to guess it */
	if (getrandom(&peer->self.psn[i], sizeof(peer->self.psn[i]), 0) < 0)
		return fail(peer, -errno, "no random number");
	peer->self.psn[i] &= PSN_MASK;
	return 0;
}

int peer_open(struct peer *peer, struct rdma *rdma, int fd, int access)
{
	struct ibv_port_attr attr;
	unsigned int i;
	int ret;

	memset(peer, 0, sizeof(*peer));
	if (rdma->context->device->transport_type == IBV_TRANSPORT_IWARP) {
		snprintf(peer->why, sizeof(peer->why),
			 "it is a device for iWARP, where queue pairs are connected in another way");
		return -EPROTONOSUPPORT;
	}
	ret = find_port(peer, rdma->context, &attr);
	if (ret)
		return ret;
	peer->self.mtu = (uint8_t)attr.active_mtu;
	peer->self.lid = attr.lid;
	peer->self.link = WIRE_INFINIBAND;
	if (attr.link_layer == IBV_LINK_LAYER_ETHERNET) {
		peer->self.link = WIRE_ETHERNET;
		ret = find_gid(peer, rdma->context, fd, attr.gid_tbl_len);
	}
	for (i = 0; !ret && i < WIRE_QUEUES; i++)
		ret = create(peer, rdma, i, access);
	return ret;
}

/* Before the kernel says EINVAL, or nothing at all */
static int check(struct peer *peer, const struct wire *other)
{
	static const char *const links[] = { "", "InfiniBand", "Ethernet" };

	if (peer->self.link != other->link)
		snprintf(peer->why, sizeof(peer->why),
			 "its port is of %s, and that of the other host of %s",
			 links[peer->self.link], links[other->link]);
	else if (peer->self.link == WIRE_ETHERNET &&
		 peer->self.gid_type != other->gid_type)
		snprintf(peer->why, sizeof(peer->why),
			 "its GID %u is of RoCE v%u, and GID %u of the other host of RoCE v%u",
			 peer->self.gid_index, peer->self.gid_type,
			 other->gid_index, other->gid_type);
	else
		return 0;
	return -EPROTOTYPE;
}

static int to_rtr(struct peer *peer, const struct wire *other, unsigned int i)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = peer->self.mtu < other->mtu ?
				    peer->self.mtu : other->mtu,
		.dest_qp_num = other->qpn[i],
		.rq_psn = other->psn[i],
		.max_dest_rd_atomic = peer->self.reads,
		.min_rnr_timer = MIN_RNR_TIMER,
		.ah_attr = { .port_num = peer->port, .dlid = other->lid },
	};

	if (peer->self.link == WIRE_ETHERNET) {
		attr.ah_attr.is_global = 1;
		attr.ah_attr.grh.hop_limit = HOP_LIMIT;
		attr.ah_attr.grh.sgid_index = (uint8_t)peer->self.gid_index;
		memcpy(attr.ah_attr.grh.dgid.raw, other->gid, sizeof(other->gid));
	}
	return -ibv_modify_qp(peer->qp[i], &attr,
			      IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
				      IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				      IBV_QP_MAX_DEST_RD_ATOMIC |
				      IBV_QP_MIN_RNR_TIMER);
}

static int to_rts(struct peer *peer, const struct wire *other, unsigned int i)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS,
		.timeout = TIMEOUT,
		.retry_cnt = RETRIES,
		.rnr_retry = RETRIES,
		.sq_psn = peer->self.psn[i],
		.max_rd_atomic = peer->takes < other->reads ?
					 peer->takes : other->reads,
	};

	return -ibv_modify_qp(peer->qp[i], &attr,
			      IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
				      IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
				      IBV_QP_MAX_QP_RD_ATOMIC);
}

int peer_connect(struct peer *peer, const struct wire *other)
{
	int ret = check(peer, other);
	unsigned int i;

	if (ret)
		return ret;
	for (i = 0; !ret && i < WIRE_QUEUES; i++) {
		ret = to_rtr(peer, other, i);
		if (!ret)
			ret = to_rts(peer, other, i);
	}
	return ret ? fail(peer, ret, "cannot connect a queue pair") : 0;
}

void peer_close(struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < WIRE_QUEUES; i++)
		if (peer->qp[i])
			ibv_destroy_qp(peer->qp[i]);
	memset(peer->qp, 0, sizeof(peer->qp));
}
