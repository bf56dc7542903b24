// SPDX-License-Identifier: MIT
/*
 * libibverbs provider of edu_ib, the RDMA driver for QEMU's edu device
 *
 * Queues of this device are in the kernel, and every verb is a system call. So this has
 * little to do but hand each one to the function of libibverbs that makes the call, with
 * no data of the driver's own. Programs find it as libedu-rdmav34.so where libibverbs
 * keeps its providers, by the line in /etc/libibverbs.d/edu.driver; or anywhere, if
 * IBV_DRIVERS has its path without "-rdmav34.so".
 */
#include <stdio.h>
#include <stdlib.h>

#include <rdma/ib_user_ioctl_verbs.h>

#include "edu.h"

#define ABI_VERSION 1

static int edu_query_device_ex(struct ibv_context *context,
			       const struct ibv_query_device_ex_input *input,
			       struct ibv_device_attr_ex *attr, size_t size)
{
	struct ib_uverbs_ex_query_device_resp resp;
	size_t resp_size = sizeof(resp);
	int ret;

	ret = ibv_cmd_query_device_any(context, input, attr, size, &resp,
				       &resp_size);
	if (!ret)
		snprintf(attr->orig_attr.fw_ver, sizeof(attr->orig_attr.fw_ver),
			 "%u.%u", (unsigned int)(resp.base.fw_ver >> 32),
			 (unsigned int)resp.base.fw_ver);
	return ret;
}

static int edu_query_port(struct ibv_context *context, uint8_t port,
			  struct ibv_port_attr *attr)
{
	struct ibv_query_port cmd;

	return ibv_cmd_query_port(context, port, attr, &cmd, sizeof(cmd));
}

static struct ibv_pd *edu_alloc_pd(struct ibv_context *context)
{
	struct ib_uverbs_alloc_pd_resp resp;
	struct ibv_alloc_pd cmd;
	struct ibv_pd *pd;
	int ret;

	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return edu_null(ENOMEM);
	ret = ibv_cmd_alloc_pd(context, pd, &cmd, sizeof(cmd), &resp,
			       sizeof(resp));
	if (!ret)
		return pd;
	free(pd);
	return edu_null(ret);
}

static int edu_dealloc_pd(struct ibv_pd *pd)
{
	int ret = ibv_cmd_dealloc_pd(pd);

	if (!ret)
		free(pd);
	return ret;
}

/* The context is the start of what libibverbs allocates */
static void edu_free_context(struct ibv_context *context)
{
	struct verbs_context *verbs =
		container_of(context, struct verbs_context, context);

	verbs_uninit_context(verbs);
	free(verbs);
}

static const struct verbs_context_ops edu_context_ops = {
	.alloc_pd = edu_alloc_pd,
	.create_cq = edu_create_cq,
	.create_cq_ex = edu_create_cq_ex,
	.create_qp = edu_create_qp,
	.create_qp_ex = edu_create_qp_ex,
	.dealloc_pd = edu_dealloc_pd,
	.dereg_mr = edu_dereg_mr,
	.destroy_cq = edu_destroy_cq,
	.destroy_qp = edu_destroy_qp,
	.free_context = edu_free_context,
	.modify_cq = edu_modify_cq,
	.modify_qp = edu_modify_qp,
	.poll_cq = edu_poll_cq,
	.post_recv = edu_post_recv,
	.post_send = edu_post_send,
	.query_device_ex = edu_query_device_ex,
	.query_port = edu_query_port,
	.query_qp = edu_query_qp,
	.reg_dmabuf_mr = edu_reg_dmabuf_mr,
	.reg_mr = edu_reg_mr,
	.req_notify_cq = ibv_cmd_req_notify_cq,
	.rereg_mr = edu_rereg_mr,
};

static struct verbs_context *edu_alloc_context(struct ibv_device *device,
					       int cmd_fd, void *private_data)
{
	struct ib_uverbs_get_context_resp resp;
	struct verbs_context *verbs;
	struct ibv_get_context cmd;
	int ret;

	(void)private_data;
	verbs = _verbs_init_and_alloc_context(device, cmd_fd, sizeof(*verbs),
					      NULL, RDMA_DRIVER_UNKNOWN);
	if (!verbs)
		return NULL;
	ret = ibv_cmd_get_context(verbs, &cmd, sizeof(cmd), &resp,
				  sizeof(resp));
	if (ret) {
		verbs_uninit_context(verbs);
		free(verbs);
		return edu_null(ret);
	}
	verbs_set_ops(verbs, &edu_context_ops);
	return verbs;
}

static struct verbs_device *edu_alloc_device(struct verbs_sysfs_dev *sysfs)
{
	(void)sysfs;
	return calloc(1, sizeof(struct verbs_device));
}

static void edu_uninit_device(struct verbs_device *device)
{
	free(device);
}

/* By the PCI device: drivers without a number of their own have nothing else */
static const struct verbs_match_ent edu_match[] = {
	{ .kind = VERBS_MATCH_PCI, .vendor = 0x1234, .device = 0x11e8 },
	{ .kind = VERBS_MATCH_SENTINEL },
};

static const struct verbs_device_ops edu_device_ops = {
	.name = "edu",
	.match_min_abi_version = ABI_VERSION,
	.match_max_abi_version = ABI_VERSION,
	.match_table = edu_match,
	.alloc_context = edu_alloc_context,
	.alloc_device = edu_alloc_device,
	.uninit_device = edu_uninit_device,
};

static __attribute__((constructor)) void edu_register(void)
{
	verbs_register_driver_34(&edu_device_ops);
}
