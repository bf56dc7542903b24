// SPDX-License-Identifier: GPL-2.0
/*
 * An RDMA device as an engine: two queue pairs of its own, connected to each
 * other or to those of another host, and both ends registered
 *
 * By libibverbs, so with any NIC that it has a provider for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/rdma.h"
#include "devices/sysfs.h"
#include "device_names.h"
#include "engine.h"
#include "message.h"
#include "verb.h"

#define EDU "0x1234:0x11e8"

/* What edu takes for a byte, ns, and ten times that before giving up on it */
#define EDU_NS_PER_BYTE 100000

static void list_devices(char *text, size_t size)
{
	struct verbs_device *devices;
	int nr = __verbs_list(&devices), i;
	size_t length;

	if (nr > 0)
		length = (size_t)snprintf(text, size, "there %s",
					  nr > 1 ? "are" : "is");
	else
		length = (size_t)snprintf(text, size,
					  "there is none: load the device's driver and ib_uverbs with modprobe, and install libibverbs' provider for it");
	for (i = 0; i < nr && length < size; i++)
		length += (size_t)snprintf(text + length, size - length,
					   "%s %s%s%s%s", i ? "," : "",
					   devices[i].name,
					   devices[i].pci[0] ? " (" : "",
					   devices[i].pci,
					   devices[i].pci[0] ? ")" : "");
	free(devices);
}

static bool find(struct verbs_device *device, const char *name)
{
	char there[512], addr[DEVICE_ADDR];
	int ret = __verbs_find(name, device);

	/* Of its network interface, too */
	if (ret == -ENODEV &&
	    (device_parse(addr, name) || !device_named("", name, addr)))
		ret = __verbs_find(addr, device);
	switch (ret) {
	case 0:
		return true;
	case -ENODEV:
		list_devices(there, sizeof(there));
		complain(name, there, "no such RDMA device");
		break;
	case -ELIBACC:
		complain(name, "install the package ibverbs-providers, or dmabuf-phys-tests for edu_ib",
			 "libibverbs has no provider for this RDMA device");
		break;
	default:
		complain(name, NULL, "libibverbs cannot list RDMA devices: %s",
			 strerror(-ret));
	}
	return false;
}

static int refused(const struct verbs_device *device, int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		complain(device->name, "run as root, or get access to that file",
			 "cannot open %s: %s", device->node, strerror(-err));
		return EXIT_FAILED;
	case -ENOENT:
		complain(device->name, "run 'modprobe ib_uverbs'",
			 "cannot open %s: %s", device->node, strerror(-err));
		return EXIT_FAILED;
	case -ENODEV:
	case -ENXIO:
		complain(device->name, NULL, "it is going away");
		return EXIT_FAILED;
	case -ENOMEM:
		complain(device->name, "raise 'ulimit -l', or run as root",
			 "its queues find no memory");
		return EXIT_FAILED;
	default:
		complain(device->name,
			 "see what ibv_rc_pingpong of ibverbs-utils says of it",
			 "two queue pairs of it cannot be connected: %s",
			 strerror(-err));
		return EXIT_UNSUPPORTED;
	}
}

static bool is_edu(const char *pci)
{
	char path[96], text[32] = "", device[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", pci);
	if (__sysfs_read(path, text, sizeof(text)))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/device", pci);
	if (__sysfs_read(path, device, sizeof(device)))
		return false;
	strcat(text, ":");
	strncat(text, device, sizeof(text) - strlen(text) - 1);
	return !strcmp(text, EDU);
}

static void close_rdma(struct engine *engine)
{
	rdma_close(engine->state);
	free(engine->state);
}

/* Return: whether it moves anything at all */
static bool learn_max(struct engine *engine, struct rdma *rdma)
{
	uint32_t max;

	engine->max = 1u << 30;
	if (!__rdma_max_message(rdma, &max) && max < engine->max)
		engine->max = max;
	return engine->max;
}

static int open_rdma(struct engine *engine, const char *name)
{
	struct verbs_device device;
	struct rdma *rdma;
	int ret;

	if (!find(&device, name))
		return EXIT_FAILED;
	rdma = malloc(sizeof(*rdma));
	if (!rdma) {
		complain(NULL, NULL, "out of memory");
		return EXIT_FAILED;
	}
	ret = engine->alone ? __rdma_open_alone(rdma, device.name) :
			      __rdma_open(rdma, device.name);
	if (ret) {
		free(rdma);
		return refused(&device, ret);
	}
	engine->state = rdma;
	snprintf(engine->pci, sizeof(engine->pci), "%.15s", device.pci);
	engine->depth = RDMA_DEPTH;
	if (!learn_max(engine, rdma)) {
		complain(device.name, "update its driver",
			 "its port 1 takes messages of 0 bytes, says its driver");
		close_rdma(engine);
		return EXIT_UNSUPPORTED;
	}
	if (is_edu(device.pci))
		engine->ns_per_byte = 10 * EDU_NS_PER_BYTE;
	return EXIT_OK;
}

/* Its server has registered it */
static int reach_far(struct engine *engine, struct end *end)
{
	end->address = end->far->offer.address;
	end->rkey = end->far->offer.rkey;
	if (end->write && end->far->offer.rights == WIRE_READ) {
		complain(end->spec, "leave out --read-only there",
			 "its server lets nobody write to it");
		return EXIT_FAILED;
	}
	return far_connect(end->far, engine->state);
}

static int reach(struct engine *engine, struct end *end)
{
	const uint32_t access = end->read_only ? IBV_ACCESS_REMOTE_READ :
						 VERBS_ACCESS_ALL;
	struct rdma *rdma = engine->state;
	struct verbs_mr mr;
	int ret;

	if (end->far)
		return reach_far(engine, end);
	if (end->buffer.fd >= 0)
		ret = __verbs_reg_dmabuf_mr(rdma->pd, end->buffer.fd, 0,
					    end->size, 0, access, &mr);
	else
		ret = __verbs_reg_mr(rdma->pd, end->buffer.cpu, end->size,
				     access, &mr);
	if (ret)
		return engine_refused(engine, end, ret);
	end->address = mr.iova;
	end->region = mr.ibv;
	end->lkey = mr.lkey;
	end->rkey = mr.rkey;
	return EXIT_OK;
}

static void leave(struct engine *engine, struct end *end)
{
	(void)engine;
	if (!end->far)
		ibv_dereg_mr(end->region);
}

/* The dma-buf, if there is just one, is at the far end, as with another host */
static int post(struct engine *engine, const struct move *move,
		unsigned int tag)
{
	bool read = move->from->far ||
		    (move->from->buffer.fd >= 0 && move->to->buffer.fd < 0 &&
		     !move->to->far);
	const struct rdma *rdma = engine->state;
	const struct end *local = read ? move->to : move->from;
	const struct end *remote = read ? move->from : move->to;
	const struct rdma_op op = {
		.opcode = read ? IBV_WR_RDMA_READ :
				 IBV_WR_RDMA_WRITE,
		.lkey = local->lkey,
		.local = local->address + move->at,
		.rkey = remote->rkey,
		.remote = remote->address + move->at,
		.length = (uint32_t)move->length,
	};
	int ret = __rdma_post_on(rdma->qp[move->back], &op, tag);

	if (ret)
		snprintf(engine->why, sizeof(engine->why),
			 "cannot post a work request: %s", strerror(-ret));
	return ret;
}

static int poll(struct engine *engine, unsigned int *tag)
{
	struct rdma *rdma = engine->state;
	struct ibv_wc wc;
	int ret = __verbs_poll_cq(rdma->cq, &wc);

	if (ret < 0) {
		snprintf(engine->why, sizeof(engine->why),
			 "cannot poll for completions: %s", strerror(-ret));
		return ret;
	}
	if (!ret)
		return 0;
	if (wc.status != IBV_WC_SUCCESS) {
		snprintf(engine->why, sizeof(engine->why),
			 "a work request completed with '%s'",
			 verbs_wc_name((int)wc.status));
		return -EIO;
	}
	*tag = (unsigned int)wc.wr_id;
	return 1;
}

const struct engine_ops engine_rdma = {
	.kind = "rdma",
	.open = open_rdma,
	.can = engine_no_disk,
	.reach = reach,
	.leave = leave,
	.post = post,
	.poll = poll,
	.close = close_rdma,
};
