// SPDX-License-Identifier: MIT
/*
 * RDMA devices by libibverbs: which there are, waiting with a timeout, and loopback
 */
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rdma/rdma_user_ioctl_cmds.h>

#include "array.h"
#include "sysfs.h"
#include "verbs.h"

#define CLASS "/sys/class/infiniband_verbs"

/* Of a uverbs device, by its folder in sysfs; empty if there is none */
static void pci_behind(const char *folder, char pci[64])
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "%s/device", folder);
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = 0;
	snprintf(pci, 64, "%.63s", len > 0 ? basename(target) : "");
}

static void describe(const struct ibv_device *ibv, struct verbs_device *device)
{
	snprintf(device->name, sizeof(device->name), "%s", ibv->name);
	snprintf(device->node, sizeof(device->node), "/dev/infiniband/%s",
		 ibv->dev_name);
	/* Not by its name, which udev changes and libibverbs remembers */
	pci_behind(ibv->dev_path, device->pci);
}

int __verbs_list(struct verbs_device **devices)
{
	struct ibv_device **list;
	int nr, i;

	*devices = NULL;
	list = ibv_get_device_list(&nr);
	/* There are none before ib_uverbs is loaded */
	if (!list)
		return errno == ENOSYS ? 0 : -errno;
	*devices = calloc((size_t)nr + 1, sizeof(**devices));
	for (i = 0; *devices && i < nr; i++)
		describe(list[i], &(*devices)[i]);
	ibv_free_device_list(list);
	return *devices ? nr : -ENOMEM;
}

/* One that is no PCI device has an empty address */
static bool is_named(const char *name, const char *ibdev, const char *pci)
{
	return *name && (!strcmp(name, ibdev) || !strcmp(name, pci));
}

/* Why libibverbs does not list it: what __verbs_find() returns */
static int not_listed(const char *name)
{
	char path[PATH_MAX], ibdev[64], pci[64];
	DIR *dir = opendir(CLASS);
	struct dirent *entry;
	int ret = -ENODEV;

	if (!dir)
		return errno == ENOENT ? -ENODEV : -errno;
	while (ret == -ENODEV && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), CLASS "/%s/ibdev", entry->d_name);
		/* The class has an attribute of its own beside them */
		if (entry->d_name[0] == '.' ||
		    __sysfs_read(path, ibdev, sizeof(ibdev)))
			continue;
		snprintf(path, sizeof(path), CLASS "/%s", entry->d_name);
		pci_behind(path, pci);
		snprintf(path, sizeof(path), "/dev/infiniband/%s", entry->d_name);
		if (is_named(name, ibdev, pci) && !access(path, F_OK))
			ret = -ELIBACC;
	}
	closedir(dir);
	return ret;
}

int __verbs_find(const char *name, struct verbs_device *device)
{
	struct verbs_device *devices;
	int nr = __verbs_list(&devices), i;
	bool found = false;

	if (nr < 0)
		return nr;
	for (i = 0; !found && i < nr; i++) {
		found = is_named(name, devices[i].name, devices[i].pci);
		if (found)
			*device = devices[i];
	}
	free(devices);
	return found ? 0 : not_listed(name);
}

/* Of functions that return NULL and say why in errno, which was 0, if they do */
static int error_of(const void *result)
{
	if (result)
		return 0;
	return errno ? -errno : -EIO;
}

int __verbs_open(const char *name, struct ibv_context **context)
{
	struct ibv_device **list;
	int ret = -ENODEV;
	size_t i;

	errno = 0;
	list = ibv_get_device_list(NULL);
	if (!list)
		return error_of(list);
	*context = NULL;
	for (i = 0; list[i] && strcmp(list[i]->name, name); i++)
		;
	if (list[i]) {
		errno = 0;
		*context = ibv_open_device(list[i]);
		ret = error_of(*context);
	}
	ibv_free_device_list(list);
	return ret;
}

static int registered(struct ibv_mr *ibv, uint64_t iova, struct verbs_mr *mr)
{
	if (!ibv)
		return error_of(ibv);
	*mr = (struct verbs_mr) {
		.ibv = ibv,
		.lkey = ibv->lkey,
		.rkey = ibv->rkey,
		.iova = iova,
		.length = ibv->length,
	};
	return 0;
}

int __verbs_reg_mr(struct ibv_pd *pd, void *addr, uint64_t length,
		   uint32_t access, struct verbs_mr *mr)
{
	errno = 0;
	return registered(ibv_reg_mr(pd, addr, length, (int)access),
			  (uintptr_t)addr, mr);
}

int __verbs_reg_dmabuf_mr(struct ibv_pd *pd, int fd, uint64_t offset,
			  uint64_t length, uint64_t iova, uint32_t access,
			  struct verbs_mr *mr)
{
	errno = 0;
	return registered(ibv_reg_dmabuf_mr(pd, offset, length, iova, fd,
					    (int)access), iova, mr);
}

int __verbs_dereg_mr(const struct verbs_mr *mr)
{
	return -ibv_dereg_mr(mr->ibv);
}

/* Of rdma/ib_user_ioctl_cmds.h, which installed headers may lack */
#define OBJECT_DMABUF 18
#define METHOD_DMABUF_ALLOC 0
#define ATTR_ALLOC_DMABUF_HANDLE 0
#define ATTR_ALLOC_DMABUF_PGOFF 1

/* libibverbs has a call for this from rdma-core 61 on, for its providers only */
int __verbs_alloc_dmabuf(struct ibv_context *context, uint64_t offset)
{
	enum { HANDLE, PGOFF, NR };
	struct {
		struct ib_uverbs_ioctl_hdr hdr;
		struct ib_uverbs_attr attrs[NR];
	} message = {
		.hdr = {
			.length = sizeof(message),
			.object_id = OBJECT_DMABUF,
			.method_id = METHOD_DMABUF_ALLOC,
			.num_attrs = NR,
			.driver_id = RDMA_DRIVER_UNKNOWN,
		},
		.attrs = {
			[HANDLE] = {
				.attr_id = ATTR_ALLOC_DMABUF_HANDLE,
				.flags = UVERBS_ATTR_F_MANDATORY,
			},
			[PGOFF] = {
				.attr_id = ATTR_ALLOC_DMABUF_PGOFF,
				.len = sizeof(offset),
				.flags = UVERBS_ATTR_F_MANDATORY,
				.data = offset,
			},
		},
	};

	if (ioctl(context->cmd_fd, RDMA_VERBS_IOCTL, &message) < 0)
		return -errno;
	return (int)message.attrs[HANDLE].data_s64;
}

static int wait_readable(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret = poll(&pfd, 1, timeout_ms);

	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

int __verbs_get_cq_event(struct ibv_comp_channel *channel, int timeout_ms,
			 void **cookie)
{
	struct ibv_cq *cq;
	int ret = wait_readable(channel->fd, timeout_ms);

	if (ret)
		return ret;
	if (ibv_get_cq_event(channel, &cq, cookie))
		return -errno;
	ibv_ack_cq_events(cq, 1);
	return 0;
}

int __verbs_get_async_event(struct ibv_context *context, int timeout_ms,
			    struct ibv_async_event *event)
{
	int ret = wait_readable(context->async_fd, timeout_ms);

	if (ret)
		return ret;
	if (ibv_get_async_event(context, event))
		return -errno;
	ibv_ack_async_event(event);
	return 0;
}

int __verbs_poll_cq(struct ibv_cq *cq, struct ibv_wc *wc)
{
	int ret;

	errno = 0;
	ret = ibv_poll_cq(cq, 1, wc);
	/* Negative, but not every provider says why */
	return ret < 0 ? error_of(NULL) : ret;
}

int __verbs_wait_cq(struct ibv_cq *cq, struct ibv_wc *wc, uint64_t timeout_ms)
{
	uint64_t deadline = now_ms() + timeout_ms;
	bool late;
	int ret;

	for (;;) {
		/* This thread may not run for long: then one more look */
		late = now_ms() > deadline;
		ret = __verbs_poll_cq(cq, wc);
		if (ret)
			return ret < 0 ? ret : 0;
		if (late)
			return -ETIMEDOUT;
		usleep(2000);
	}
}

int __verbs_create_qp(struct ibv_pd *pd, struct ibv_cq *cq, uint32_t depth,
		      struct ibv_qp **qp)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = cq,
		.recv_cq = cq,
		.cap = {
			.max_send_wr = depth,
			.max_recv_wr = depth,
			.max_send_sge = VERBS_MAX_SGE,
			.max_recv_sge = VERBS_MAX_SGE,
		},
		.qp_type = IBV_QPT_RC,
	};

	errno = 0;
	*qp = ibv_create_qp(pd, &attr);
	return error_of(*qp);
}

int __verbs_modify_qp(struct ibv_qp *qp, enum ibv_qp_state state,
		      const struct ibv_qp *peer)
{
	struct ibv_qp_attr attr = { .qp_state = state };
	int mask = IBV_QP_STATE, ret;
	struct ibv_port_attr port;

	switch (state) {
	case IBV_QPS_INIT:
		mask |= IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS;
		attr.port_num = VERBS_PORT;
		attr.qp_access_flags = VERBS_ACCESS_ALL;
		break;
	case IBV_QPS_RTR:
		ret = ibv_query_port(qp->context, VERBS_PORT, &port);
		if (ret)
			return -ret;
		mask |= IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN |
			IBV_QP_RQ_PSN | IBV_QP_MAX_DEST_RD_ATOMIC |
			IBV_QP_MIN_RNR_TIMER;
		attr.ah_attr.port_num = VERBS_PORT;
		attr.ah_attr.dlid = port.lid;
		/* Ethernet has no LIDs: there the GID is the address */
		if (port.link_layer == IBV_LINK_LAYER_ETHERNET) {
			attr.ah_attr.is_global = 1;
			attr.ah_attr.grh.hop_limit = 1;
			ret = ibv_query_gid(qp->context, VERBS_PORT, 0,
					    &attr.ah_attr.grh.dgid);
			if (ret)
				return -EIO;
		}
		attr.path_mtu = port.active_mtu;
		attr.dest_qp_num = peer->qp_num;
		attr.max_dest_rd_atomic = 1;
		break;
	case IBV_QPS_RTS:
		mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC;
		attr.max_rd_atomic = 1;
		attr.timeout = 8;	/* 4.096 us << 8, about 1 ms */
		attr.retry_cnt = 1;
		break;
	default:
		break;
	}
	return -ibv_modify_qp(qp, &attr, mask);
}

int __verbs_connect(struct ibv_qp *qp, const struct ibv_qp *peer)
{
	static const enum ibv_qp_state states[] = {
		IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS };
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < ARRAY_SIZE(states); i++)
		ret = __verbs_modify_qp(qp, states[i], peer);
	return ret;
}

int __verbs_qp_state(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	int ret = ibv_query_qp(qp, &attr, IBV_QP_STATE, &init);

	return ret ? -ret : (int)attr.qp_state;
}

int __verbs_post_send(struct ibv_qp *qp, const struct ibv_send_wr *wr,
		      const struct ibv_sge *sge)
{
	struct ibv_sge list[VERBS_MAX_SGE];
	struct ibv_send_wr copy = *wr, *bad;

	if (wr->num_sge > VERBS_MAX_SGE)
		return -EINVAL;
	copy.sg_list = list;
	if (wr->num_sge)
		memcpy(list, sge, (size_t)wr->num_sge * sizeof(*sge));
	return -ibv_post_send(qp, &copy, &bad);
}

int __verbs_post_recv(struct ibv_qp *qp, uint64_t wr_id,
		      const struct ibv_sge *sge)
{
	struct ibv_sge list = sge ? *sge : (struct ibv_sge) { .addr = 0 };
	struct ibv_recv_wr wr = {
		.wr_id = wr_id,
		.sg_list = &list,
		.num_sge = sge ? 1 : 0,
	}, *bad;

	return -ibv_post_recv(qp, &wr, &bad);
}

const char *verbs_wc_name(int status)
{
	if (status < 0)
		return strerror(-status);
	return ibv_wc_status_str((enum ibv_wc_status)status);
}
