// SPDX-License-Identifier: MIT
/*
 * The kernel's verbs without a library in between: devices, memory, events
 *
 * Most commands are written to the device as a header that counts 32-bit words,
 * a struct of rdma/ib_user_verbs.h and nothing else: a driver's own data is
 * empty here. Registering a dma-buf exists only as an ioctl, whose attributes
 * come with a number each. The queues are in verbs_qp.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl_cmds.h>

#include "sysfs.h"
#include "verbs.h"

#define CLASS "/sys/class/infiniband_verbs"

/* enum rdma_driver_id has no number for a device that only QEMU has */
#define DRIVER_ID RDMA_DRIVER_UNKNOWN

/* The largest command: a work request and its scatter/gather entries */
#define MAX_REQUEST 512

size_t verbs_list(struct verbs_device *devices, size_t max)
{
	struct dirent *entry;
	size_t nr = 0;
	DIR *dir;

	dir = opendir(CLASS);
	while (dir && nr < max && (entry = readdir(dir))) {
		struct verbs_device *device = &devices[nr];
		char path[PATH_MAX], target[PATH_MAX];
		ssize_t len;

		if (strncmp(entry->d_name, "uverbs", 6))
			continue;
		snprintf(path, sizeof(path), CLASS "/%s/ibdev", entry->d_name);
		if (__sysfs_read(path, device->name, sizeof(device->name)))
			continue;
		snprintf(device->node, sizeof(device->node),
			 "/dev/infiniband/%.64s", entry->d_name);
		snprintf(path, sizeof(path), "/sys/class/infiniband/%s/device",
			 device->name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = 0;
		snprintf(device->pci, sizeof(device->pci), "%s",
			 len > 0 ? basename(target) : "");
		nr++;
	}
	if (dir)
		closedir(dir);
	return nr;
}

int __verbs_find(const char *pci, struct verbs_device *device)
{
	struct verbs_device devices[VERBS_MAX_DEVICES];
	size_t nr = verbs_list(devices, VERBS_MAX_DEVICES), i;

	for (i = 0; i < nr; i++) {
		if (!strcmp(devices[i].pci, pci)) {
			*device = devices[i];
			return 0;
		}
	}
	return -ENODEV;
}

int __verbs_command(struct verbs *verbs, uint32_t command, const void *request,
		    size_t request_size, size_t response_size)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		uint8_t body[MAX_REQUEST];
	} message;
	size_t size = sizeof(message.hdr) + request_size;
	ssize_t put;

	if (request_size > sizeof(message.body) || request_size % 4)
		return -EINVAL;
	message.hdr = (struct ib_uverbs_cmd_hdr) {
		.command = command,
		.in_words = (uint16_t)(size / 4),
		.out_words = (uint16_t)(response_size / 4),
	};
	memcpy(message.body, request, request_size);
	put = write(verbs->fd, &message, size);
	if (put < 0)
		return -errno;
	return (size_t)put == size ? 0 : -EIO;
}

int __verbs_open(struct verbs *verbs, const char *node)
{
	struct ib_uverbs_get_context_resp response = { 0 };
	struct ib_uverbs_get_context request = {
		.response = (uintptr_t)&response,
	};
	int ret;

	verbs->async_fd = -1;
	verbs->fd = open(node, O_RDWR | O_CLOEXEC);
	if (verbs->fd < 0)
		return -errno;
	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_GET_CONTEXT, &request,
			      sizeof(request), sizeof(response));
	if (ret)
		verbs_close(verbs);
	else
		verbs->async_fd = (int)response.async_fd;
	return ret;
}

void verbs_close(struct verbs *verbs)
{
	if (verbs->async_fd >= 0)
		close(verbs->async_fd);
	if (verbs->fd >= 0)
		close(verbs->fd);
	verbs->fd = verbs->async_fd = -1;
}

int __verbs_query_device(struct verbs *verbs,
			 struct ib_uverbs_query_device_resp *attr)
{
	struct ib_uverbs_query_device request = {
		.response = (uintptr_t)attr,
	};

	return __verbs_command(verbs, IB_USER_VERBS_CMD_QUERY_DEVICE, &request,
			       sizeof(request), sizeof(*attr));
}

int __verbs_query_port(struct verbs *verbs, uint8_t port,
		       struct ib_uverbs_query_port_resp *attr)
{
	struct ib_uverbs_query_port request = {
		.response = (uintptr_t)attr,
		.port_num = port,
	};

	return __verbs_command(verbs, IB_USER_VERBS_CMD_QUERY_PORT, &request,
			       sizeof(request), sizeof(*attr));
}

int __verbs_alloc_pd(struct verbs *verbs, uint32_t *pd)
{
	struct ib_uverbs_alloc_pd_resp response;
	struct ib_uverbs_alloc_pd request = {
		.response = (uintptr_t)&response,
	};
	int ret;

	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_ALLOC_PD, &request,
			      sizeof(request), sizeof(response));
	if (!ret)
		*pd = response.pd_handle;
	return ret;
}

int __verbs_dealloc_pd(struct verbs *verbs, uint32_t pd)
{
	struct ib_uverbs_dealloc_pd request = { .pd_handle = pd };

	return __verbs_command(verbs, IB_USER_VERBS_CMD_DEALLOC_PD, &request,
			       sizeof(request), 0);
}

int __verbs_reg_mr(struct verbs *verbs, uint32_t pd, void *addr,
		   uint64_t length, uint32_t access, struct verbs_mr *mr)
{
	struct ib_uverbs_reg_mr_resp response;
	struct ib_uverbs_reg_mr request = {
		.response = (uintptr_t)&response,
		.start = (uintptr_t)addr,
		.length = length,
		.hca_va = (uintptr_t)addr,
		.pd_handle = pd,
		.access_flags = access,
	};
	int ret;

	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_REG_MR, &request,
			      sizeof(request), sizeof(response));
	if (ret)
		return ret;
	*mr = (struct verbs_mr) {
		.handle = response.mr_handle,
		.lkey = response.lkey,
		.rkey = response.rkey,
		.iova = (uintptr_t)addr,
		.length = length,
	};
	return 0;
}

/* Up to 8 bytes of input are in the attribute itself */
static struct ib_uverbs_attr attr_in(uint16_t id, uint16_t length,
				     uint64_t value)
{
	return (struct ib_uverbs_attr) {
		.attr_id = id,
		.len = length,
		.flags = UVERBS_ATTR_F_MANDATORY,
		.data = value,
	};
}

static struct ib_uverbs_attr attr_out(uint16_t id, uint16_t length, void *to)
{
	return attr_in(id, length, (uintptr_t)to);
}

/* Handles have no length; that of a new object comes back in its attribute */
static struct ib_uverbs_attr attr_handle(uint16_t id, uint32_t handle)
{
	return attr_in(id, 0, handle);
}

#define MAX_ATTRS 16

/* What comes back in the attributes themselves is there afterwards */
static int verbs_ioctl(struct verbs *verbs, uint16_t object, uint16_t method,
		       struct ib_uverbs_attr *attrs, unsigned int nr)
{
	struct {
		struct ib_uverbs_ioctl_hdr hdr;
		struct ib_uverbs_attr attrs[MAX_ATTRS];
	} message = {
		.hdr = {
			.length = (uint16_t)(sizeof(message.hdr) +
					     nr * sizeof(*attrs)),
			.object_id = object,
			.method_id = method,
			.num_attrs = (uint16_t)nr,
			.driver_id = DRIVER_ID,
		},
	};

	memcpy(message.attrs, attrs, nr * sizeof(*attrs));
	if (ioctl(verbs->fd, RDMA_VERBS_IOCTL, &message) < 0)
		return -errno;
	memcpy(attrs, message.attrs, nr * sizeof(*attrs));
	return 0;
}

int __verbs_reg_dmabuf_mr(struct verbs *verbs, uint32_t pd, int fd,
			  uint64_t offset, uint64_t length, uint64_t iova,
			  uint32_t access, struct verbs_mr *mr)
{
	enum { HANDLE, PD, OFFSET, LENGTH, IOVA, FD, ACCESS, LKEY, RKEY, NR };
	uint32_t lkey = 0, rkey = 0;
	int ret;
	struct ib_uverbs_attr attrs[NR] = {
		[HANDLE] = attr_handle(UVERBS_ATTR_REG_DMABUF_MR_HANDLE, 0),
		[PD] = attr_handle(UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE, pd),
		[OFFSET] = attr_in(UVERBS_ATTR_REG_DMABUF_MR_OFFSET, 8, offset),
		[LENGTH] = attr_in(UVERBS_ATTR_REG_DMABUF_MR_LENGTH, 8, length),
		[IOVA] = attr_in(UVERBS_ATTR_REG_DMABUF_MR_IOVA, 8, iova),
		[FD] = attr_in(UVERBS_ATTR_REG_DMABUF_MR_FD, 4, (uint32_t)fd),
		[ACCESS] = attr_in(UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS, 8,
				   access),
		[LKEY] = attr_out(UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY,
				  sizeof(lkey), &lkey),
		[RKEY] = attr_out(UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY,
				  sizeof(rkey), &rkey),
	};

	ret = verbs_ioctl(verbs, UVERBS_OBJECT_MR, UVERBS_METHOD_REG_DMABUF_MR,
			  attrs, NR);
	if (ret)
		return ret;
	*mr = (struct verbs_mr) {
		.handle = (uint32_t)attrs[HANDLE].data,
		.lkey = lkey,
		.rkey = rkey,
		.iova = iova,
		.length = length,
	};
	return 0;
}

/* Of rdma/ib_user_ioctl_cmds.h, which installed headers may lack */
#define OBJECT_DMABUF 18
#define METHOD_DMABUF_ALLOC 0
#define ATTR_ALLOC_DMABUF_HANDLE 0
#define ATTR_ALLOC_DMABUF_PGOFF 1

int __verbs_alloc_dmabuf(struct verbs *verbs, uint64_t offset)
{
	enum { HANDLE, PGOFF, NR };
	struct ib_uverbs_attr attrs[NR] = {
		[HANDLE] = attr_handle(ATTR_ALLOC_DMABUF_HANDLE, 0),
		[PGOFF] = attr_in(ATTR_ALLOC_DMABUF_PGOFF, 8, offset),
	};
	int ret = verbs_ioctl(verbs, OBJECT_DMABUF, METHOD_DMABUF_ALLOC, attrs,
			      NR);

	return ret ? ret : (int)attrs[HANDLE].data_s64;
}

int __verbs_dereg_mr(struct verbs *verbs, const struct verbs_mr *mr)
{
	struct ib_uverbs_dereg_mr request = { .mr_handle = mr->handle };

	return __verbs_command(verbs, IB_USER_VERBS_CMD_DEREG_MR, &request,
			       sizeof(request), 0);
}

int __verbs_create_channel(struct verbs *verbs)
{
	struct ib_uverbs_create_comp_channel_resp response;
	struct ib_uverbs_create_comp_channel request = {
		.response = (uintptr_t)&response,
	};
	int ret;

	ret = __verbs_command(verbs, IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL,
			      &request, sizeof(request), sizeof(response));
	return ret ? ret : (int)response.fd;
}

static int read_event(int fd, int timeout_ms, void *event, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t got;
	int ret;

	ret = poll(&pfd, 1, timeout_ms);
	if (ret < 0)
		return -errno;
	if (!ret)
		return -ETIMEDOUT;
	got = read(fd, event, size);
	if (got < 0)
		return -errno;
	return (size_t)got == size ? 0 : -EIO;
}

int __verbs_get_cq_event(int channel, int timeout_ms, uint64_t *cookie)
{
	struct ib_uverbs_comp_event_desc event;
	int ret = read_event(channel, timeout_ms, &event, sizeof(event));

	if (!ret)
		*cookie = event.cq_handle;
	return ret;
}

int __verbs_get_async_event(struct verbs *verbs, int timeout_ms,
			    struct ib_uverbs_async_event_desc *event)
{
	return read_event(verbs->async_fd, timeout_ms, event, sizeof(*event));
}
