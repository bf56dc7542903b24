// SPDX-License-Identifier: GPL-2.0
/*
 * A libibverbs for programs of one user on this machine: RDMA is process_vm_writev()
 *
 * Linked with the program, it takes the place of the library. A queue pair's number tells
 * which process it is of. $FAKE_ETHERNET makes it a port of Ethernet, with GIDs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <infiniband/verbs.h>

#define QUEUE 64

static struct ibv_device device = {
	.name = "fake0", .dev_name = "uverbs0", .dev_path = "/nonexistent",
};
static struct ibv_context context;
static struct ibv_pd pd;
static struct ibv_comp_channel channel;
static struct ibv_cq cq;
static struct ibv_wc done[QUEUE];
static unsigned int nr_done, nr_qps;
static struct ibv_mr mrs[QUEUE + 1];

struct fake_qp {
	struct ibv_qp qp;
	uint32_t peer;
};

struct ibv_device **ibv_get_device_list(int *num)
{
	struct ibv_device **list = calloc(2, sizeof(*list));

	list[0] = &device;
	if (num)
		*num = 1;
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

static int post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
		     struct ibv_send_wr **bad)
{
	const struct fake_qp *fake = (const struct fake_qp *)qp;
	struct iovec local = { (void *)(uintptr_t)wr->sg_list->addr, wr->sg_list->length };
	struct iovec remote = { (void *)(uintptr_t)wr->wr.rdma.remote_addr, local.iov_len };
	const pid_t pid = (pid_t)(fake->peer >> 3);
	ssize_t moved;

	(void)bad;
	if (nr_done == QUEUE)
		return ENOMEM;
	moved = wr->opcode == IBV_WR_RDMA_READ ?
			process_vm_readv(pid, &local, 1, &remote, 1, 0) :
			process_vm_writev(pid, &local, 1, &remote, 1, 0);
	done[nr_done++] = (struct ibv_wc) {
		.wr_id = wr->wr_id,
		.status = moved == (ssize_t)local.iov_len ? IBV_WC_SUCCESS :
							    IBV_WC_RETRY_EXC_ERR,
	};
	return 0;
}

static int poll_cq(struct ibv_cq *from, int nr, struct ibv_wc *wc)
{
	(void)from;
	(void)nr;
	if (!nr_done)
		return 0;
	*wc = done[0];
	memmove(done, done + 1, --nr_done * sizeof(*done));
	return 1;
}

struct ibv_context *ibv_open_device(struct ibv_device *dev)
{
	context.device = dev;
	context.async_fd = eventfd(0, EFD_CLOEXEC);
	context.ops.post_send = post_send;
	context.ops.poll_cq = poll_cq;
	return &context;
}

int ibv_close_device(struct ibv_context *ctx)
{
	/* As the kernel counts them */
	if (nr_qps)
		abort();
	close(ctx->async_fd);
	return 0;
}

int ibv_query_device(struct ibv_context *ctx, struct ibv_device_attr *attr)
{
	(void)ctx;
	*attr = (struct ibv_device_attr) {
		.phys_port_cnt = 2, .max_qp_rd_atom = 16, .max_qp_init_rd_atom = 1,
	};
	return 0;
}

#undef ibv_query_port
int ibv_query_port(struct ibv_context *ctx, uint8_t port,
		   struct _compat_ibv_port_attr *compat)
{
	struct ibv_port_attr *attr = (struct ibv_port_attr *)compat;

	(void)ctx;
	attr->state = port == 2 || !getenv("FAKE_ETHERNET") ? IBV_PORT_ACTIVE : IBV_PORT_DOWN;
	attr->active_mtu = IBV_MTU_4096;
	attr->max_msg_sz = 1 << 30;
	attr->gid_tbl_len = 3;
	attr->lid = getenv("FAKE_ETHERNET") ? 0 : 7;
	attr->link_layer = getenv("FAKE_ETHERNET") ? IBV_LINK_LAYER_ETHERNET :
						     IBV_LINK_LAYER_INFINIBAND;
	return 0;
}

int _ibv_query_gid_ex(struct ibv_context *ctx, uint32_t port, uint32_t index,
		      struct ibv_gid_entry *entry, uint32_t flags, size_t size)
{
	static const uint8_t gids[3][16] = {
		{ 0xfe, 0x80, [15] = 1 },
		{ [10] = 0xff, 0xff, 10, 0, 0, 1 },
		{ [10] = 0xff, 0xff, 127, 0, 0, 1 },
	};

	(void)ctx;
	(void)flags;
	(void)size;
	*entry = (struct ibv_gid_entry) {
		.gid_index = index, .port_num = port,
		.gid_type = index ? IBV_GID_TYPE_ROCE_V2 : IBV_GID_TYPE_ROCE_V1,
	};
	memcpy(entry->gid.raw, gids[index], 16);
	return 0;
}

struct ibv_pd *ibv_alloc_pd(struct ibv_context *ctx)
{
	pd.context = ctx;
	return &pd;
}

int ibv_dealloc_pd(struct ibv_pd *of)
{
	(void)of;
	return 0;
}

struct ibv_comp_channel *ibv_create_comp_channel(struct ibv_context *ctx)
{
	channel.context = ctx;
	return &channel;
}

int ibv_destroy_comp_channel(struct ibv_comp_channel *of)
{
	(void)of;
	return 0;
}

struct ibv_cq *ibv_create_cq(struct ibv_context *ctx, int cqe, void *cookie,
			     struct ibv_comp_channel *of, int vector)
{
	(void)cqe;
	(void)vector;
	cq.context = ctx;
	cq.channel = of;
	cq.cq_context = cookie;
	return &cq;
}

int ibv_destroy_cq(struct ibv_cq *of)
{
	(void)of;
	return 0;
}

struct ibv_qp *ibv_create_qp(struct ibv_pd *of, struct ibv_qp_init_attr *attr)
{
	struct fake_qp *fake = calloc(1, sizeof(*fake));

	(void)attr;
	fake->qp.context = of->context;
	fake->qp.qp_num = (uint32_t)getpid() << 3 | (nr_qps++ & 7);
	return &fake->qp;
}

int ibv_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	struct fake_qp *fake = (struct fake_qp *)qp;

	if (mask & IBV_QP_DEST_QPN)
		fake->peer = attr->dest_qp_num;
	/* InfiniBand by LID, Ethernet by the GID of the connection and its index */
	if (mask & IBV_QP_AV &&
	    (getenv("FAKE_ETHERNET") ?
		     attr->ah_attr.port_num != 2 || !attr->ah_attr.is_global ||
			     attr->ah_attr.grh.sgid_index != 2 ||
			     attr->ah_attr.grh.dgid.raw[12] != 127 :
		     attr->ah_attr.dlid != 7))
		return EINVAL;
	return 0;
}

int ibv_destroy_qp(struct ibv_qp *qp)
{
	nr_qps--;
	free(qp);
	return 0;
}

#undef ibv_reg_mr
struct ibv_mr *ibv_reg_mr(struct ibv_pd *of, void *addr, size_t length, int access)
{
	struct ibv_mr *mr = mrs;

	(void)access;
	/* What is left of them goes with the device */
	while (mr->length)
		mr++;
	if (mr == mrs + QUEUE)
		abort();
	*mr = (struct ibv_mr) {
		.context = of->context, .pd = of, .addr = addr, .length = length,
	};
	return mr;
}

struct ibv_mr *ibv_reg_mr_iova2(struct ibv_pd *of, void *addr, size_t length,
				uint64_t iova, unsigned int access)
{
	(void)iova;
	return ibv_reg_mr(of, addr, length, (int)access);
}

int ibv_dereg_mr(struct ibv_mr *mr)
{
	mr->length = 0;
	return 0;
}
