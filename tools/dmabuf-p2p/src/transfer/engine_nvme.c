// SPDX-License-Identifier: GPL-2.0
/*
 * An NVMe controller as an engine: driven from here through VFIO, its disk on one
 * side, an address space of iommufd with the buffers on the other
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"
#include "devices/iommufd.h"
#include "devices/nvme.h"
#include "devices/sysfs.h"
#include "engine.h"
#include "exporter.h"
#include "message.h"
#include "take.h"
#include "taken.h"
#include "verb.h"

#define PAGE 4096ull

/* Class, subclass and interface of an NVMe controller for disks */
#define CLASS "0x010802"

/* Status: a command's data could not be transferred */
#define DATA_TRANSFER_ERROR 0x004

struct state {
	struct nvme nvme;
	int iommufd;
	uint32_t ioas;
	bool runs;
	unsigned int tag[NVME_DEPTH];
};

static bool is_nvme(const char *addr)
{
	char path[96], class[16];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", addr);
	if (!__sysfs_read(path, class, sizeof(class)) && !strcmp(class, CLASS))
		return true;
	complain(addr, "'lspci -d ::0108' lists those there are",
		 "this is no NVMe controller");
	return false;
}

/* Without one VFIO would hand it out all the same, and IOVAs would be physical */
static int no_iommu(const char *addr)
{
	complain(addr, "switch VT-d or AMD-Vi on in the firmware; with an Intel CPU boot with intel_iommu=on",
		 "there is no IOMMU between it and memory: driven from here it would write anywhere");
	return EXIT_UNSUPPORTED;
}

static int attach(void *arg)
{
	struct state *state = arg;

	return __nvme_attach(&state->nvme, state->ioas);
}

static int shut_down(void *arg)
{
	nvme_shutdown(arg);
	return 0;
}

static int start(struct engine *engine, struct state *state)
{
	const char *addr = engine->pci;
	int ret;

	if (!is_nvme(addr))
		return EXIT_USAGE;
	if (!nvme_behind_iommu(addr))
		return no_iommu(addr);
	ret = take_device(addr, engine->bind);
	if (!ret)
		ret = export_iommufd(&state->iommufd);
	if (ret)
		return ret;
	ret = __nvme_open(&state->nvme, addr, state->iommufd);
	if (ret && ret != -EOPNOTSUPP) {
		export_refused(addr, -ret);
		return EXIT_FAILED;
	}
	taken_adopt(addr);
	if (!ret)
		ret = __ioas_alloc(state->iommufd, &state->ioas);
	if (!ret)
		ret = cpu_guarded(attach, state);
	if (ret == -EOPNOTSUPP) {
		complain(addr, "use another controller or namespace format",
			 "%s", state->nvme.why);
		return EXIT_UNSUPPORTED;
	}
	if (ret) {
		complain(addr, ret == -ENOMEM ?
			 "raise 'ulimit -l', or run as root: its queues have to be locked" :
			 ret == -EADDRINUSE ?
			 "the machine reserves the addresses that this program uses" :
			 ret == -EFAULT ?
			 "it was reset or unplugged, or its memory was switched off: try again" :
			 "it may be broken: see dmesg, and 'nvme smart-log' when its driver has it again",
			 "the controller does not start: %s", strerror(-ret));
		return EXIT_FAILED;
	}
	state->runs = true;
	if (!state->nvme.size) {
		complain(addr, NULL, "it has no namespace 1");
		return EXIT_UNSUPPORTED;
	}
	return EXIT_OK;
}

static void close_nvme(struct engine *engine)
{
	struct state *state = engine->state;

	/* With commands under way there is nothing to be done in order */
	if (state->runs && !state->nvme.busy)
		cpu_guarded(shut_down, &state->nvme);
	nvme_close(&state->nvme);
	if (state->iommufd >= 0)
		close(state->iommufd);
	free(state);
}

static int open_nvme(struct engine *engine, const char *name)
{
	struct state *state;
	int ret;

	ret = device_find(engine->pci, name);
	if (ret)
		return ret;
	state = calloc(1, sizeof(*state));
	if (!state) {
		complain(NULL, NULL, "out of memory");
		return EXIT_FAILED;
	}
	state->nvme.dev.fd = state->iommufd = -1;
	engine->state = state;
	ret = start(engine, state);
	if (ret) {
		close_nvme(engine);
		return ret;
	}
	engine->disk_size = state->nvme.size;
	engine->depth = NVME_DEPTH;
	engine->max = state->nvme.max;
	engine->align = state->nvme.block;
	return EXIT_OK;
}

static const char *can(const struct end *from, const struct end *to)
{
	if (from->disk == to->disk)
		return "one end must be its disk, and only one: disk:OFFSET+LENGTH";
	return NULL;
}

static int reach(struct engine *engine, struct end *end)
{
	struct state *state = engine->state;
	int ret;

	end->address = IOVA_ANY;
	if (end->buffer.fd >= 0)
		ret = __ioas_map_file_prot(state->iommufd, state->ioas,
					   end->buffer.fd, 0, end->size,
					   &end->address,
					   IOMMU_IOAS_MAP_READABLE |
						   (end->write ?
						    IOMMU_IOAS_MAP_WRITEABLE : 0));
	else
		ret = __ioas_map(state->iommufd, state->ioas, end->buffer.cpu,
				 (end->size + PAGE - 1) & ~(PAGE - 1),
				 &end->address);
	return ret ? engine_refused(engine, end, ret) : EXIT_OK;
}

static void leave(struct engine *engine, struct end *end)
{
	struct state *state = engine->state;

	__ioas_unmap(state->iommufd, state->ioas, end->address,
		     (end->size + PAGE - 1) & ~(PAGE - 1));
}

static int post(struct engine *engine, const struct move *move,
		unsigned int tag)
{
	struct state *state = engine->state;
	const struct end *disk = move->from->disk ? move->from : move->to;
	const struct end *memory = move->from->disk ? move->to : move->from;
	/* One is free: the engine's depth is that of its slots */
	unsigned int slot = (unsigned int)__builtin_ctz(~state->nvme.busy);
	int ret;

	ret = __nvme_post(&state->nvme, slot, move->to->disk,
			  disk->at + move->disk_at, memory->address + move->at,
			  (uint32_t)move->length);
	if (ret) {
		snprintf(engine->why, sizeof(engine->why),
			 "0x%" PRIx64 "+0x%" PRIx64
			 " of the disk is not aligned to its blocks",
			 disk->at + move->disk_at, move->length);
		return ret;
	}
	state->tag[slot] = tag;
	return 0;
}

static int poll(struct engine *engine, unsigned int *tag)
{
	struct state *state = engine->state;
	unsigned int slot;
	int status = __nvme_poll(&state->nvme, &slot);

	if (status == -EAGAIN)
		return 0;
	if (status < 0) {
		snprintf(engine->why, sizeof(engine->why), "%s",
			 state->nvme.why);
		return status;
	}
	if (status) {
		snprintf(engine->why, sizeof(engine->why),
			 "a command completed with status 0x%03x%s",
			 (unsigned int)status,
			 status == DATA_TRANSFER_ERROR ?
				 ", data transfer error" : "");
		return -EIO;
	}
	*tag = state->tag[slot];
	return 1;
}

static int flush(struct engine *engine)
{
	struct state *state = engine->state;
	int ret = __nvme_flush(&state->nvme);

	if (!ret)
		return 0;
	snprintf(engine->why, sizeof(engine->why),
		 "the disk has not emptied its cache: %s 0x%x",
		 ret < 0 ? strerror(-ret) : "status", ret < 0 ? 0u : (unsigned int)ret);
	return -EIO;
}

const struct engine_ops engine_nvme = {
	.kind = "nvme",
	.open = open_nvme,
	.can = can,
	.reach = reach,
	.leave = leave,
	.post = post,
	.poll = poll,
	.flush = flush,
	.close = close_nvme,
};
