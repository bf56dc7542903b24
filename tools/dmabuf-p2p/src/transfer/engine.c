// SPDX-License-Identifier: GPL-2.0
/*
 * What all engines have in common: names, ends, and complaints
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "array.h"
#include "cpu.h"
#include "devices/sysfs.h"
#include "engine.h"
#include "message.h"
#include "units.h"
#include "verb.h"

/* Whose devices are programs: QEMU's and virtio's vendor IDs */
static const struct {
	const char *vendor;
	const char *emulator;
} emulators[] = {
	{ "0x1234", "QEMU" },
	{ "0x1b36", "QEMU" },
	{ "0x1af4", "QEMU" },
};

static const char *emulator_of(const char *pci)
{
	char path[96], vendor[16];
	size_t i;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vendor", pci);
	if (__sysfs_read(path, vendor, sizeof(vendor)))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(emulators); i++)
		if (!strcmp(vendor, emulators[i].vendor))
			return emulators[i].emulator;
	return NULL;
}

const char *engine_no_disk(const struct end *from, const struct end *to)
{
	if (from->disk || to->disk)
		return "disks are moved by --via nvme:DEVICE";
	return NULL;
}

static int open_any(struct engine *engine, const char *name, bool bind,
		    bool force, bool alone)
{
	static const struct engine_ops *const all[] = {
		&engine_cpu, &engine_nvme, &engine_rdma,
	};
	size_t length = strcspn(name, ":"), i;
	int ret;

	memset(engine, 0, sizeof(*engine));
	engine->name = name;
	engine->bind = bind;
	engine->force = force;
	engine->alone = alone;
	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (strlen(all[i]->kind) == length &&
		    !strncmp(all[i]->kind, name, length))
			break;
	if (i == ARRAY_SIZE(all)) {
		complain(name, "there are cpu, rdma:DEVICE and nvme:DEVICE",
			 "no such engine");
		return EXIT_USAGE;
	}
	engine->align = 1;
	engine->ns_per_byte = 100;
	ret = all[i]->open(engine, name[length] ? name + length + 1 : "");
	if (ret)
		return ret;
	engine->ops = all[i];
	if (engine->pci[0])
		engine->emulator = emulator_of(engine->pci);
	return EXIT_OK;
}

int engine_open(struct engine *engine, const char *name, bool bind,
		bool force)
{
	return open_any(engine, name, bind, force, false);
}

int engine_open_far(struct engine *engine, const char *name, bool bind,
		    bool force)
{
	return open_any(engine, name, bind, force, true);
}

void engine_close(struct engine *engine)
{
	if (engine->ops)
		engine->ops->close(engine);
	engine->ops = NULL;
}

/* OFFSET+LENGTH or START-END */
static int parse_disk(struct end *end, const char *text)
{
	size_t first = strcspn(text, "+-");
	char start[UNITS_TEXT * 2];
	uint64_t second;

	if (!text[first] || first >= sizeof(start))
		return -EINVAL;
	memcpy(start, text, first);
	start[first] = 0;
	if (parse_size(start, &end->at) ||
	    parse_size(text + first + 1, &second))
		return -EINVAL;
	if (text[first] == '-') {
		if (second < end->at)
			return -EINVAL;
		second -= end->at;
	}
	end->size = second;
	return end->size && end->size <= UINT64_MAX - end->at ? 0 : -EINVAL;
}

static bool is_disk(const char *spec)
{
	return !strncmp(spec, "disk:", 5);
}

int end_may_write(const char *spec, bool yes)
{
	if (yes || !is_disk(spec))
		return EXIT_OK;
	complain(spec, "add --yes-overwrite if that is what you want",
		 "this overwrites what is on the disk");
	return EXIT_USAGE;
}

static int open_far(struct end *end, const char *spec)
{
	int ret;

	end->buffer.fd = -1;
	end->far = malloc(sizeof(*end->far));
	if (!end->far) {
		complain(spec, NULL, "out of memory");
		return EXIT_FAILED;
	}
	ret = far_open(end->far, spec);
	end->size = end->far->offer.size;
	return ret;
}

int end_open(struct end *end, const char *spec, bool bind)
{
	int ret;

	memset(end, 0, sizeof(*end));
	end->spec = spec;
	if (is_disk(spec)) {
		end->disk = true;
		if (!parse_disk(end, spec + 5))
			return EXIT_OK;
		complain(spec, "write disk:OFFSET+LENGTH or disk:START-END, as in disk:0+16M",
			 "no part of a disk");
		return EXIT_USAGE;
	}
	if (is_far(spec))
		return open_far(end, spec);
	ret = buffer_open(&end->buffer, spec, bind);
	/* Engines take memory by its address */
	if (!ret && end->buffer.fd < 0)
		ret = buffer_map(&end->buffer, true);
	end->size = end->buffer.size;
	return ret;
}

void end_close(struct end *end)
{
	if (end->spec && end->far) {
		far_close(end->far);
		free(end->far);
		end->far = NULL;
	} else if (end->spec && !end->disk) {
		buffer_close(&end->buffer);
	}
	end->spec = NULL;
}

/*
 * iommufd maps what the kernel knows no route to, and then bytes may get lost, or
 * arrive elsewhere. Drivers of RDMA devices are refused by the kernel itself.
 */
static int check_route(const struct engine *engine, const struct end *end)
{
	char text[ACCESS_TEXT];
	bool reaches;

	if (!engine->pci[0] || end->buffer.fd < 0 ||
	    !access_route(end->buffer.fd, engine->pci, text, &reaches) ||
	    reaches)
		return EXIT_OK;
	if (engine->force) {
		complain(end->spec, "use --verify to see whether bytes arrive",
			 "Linux knows no peer-to-peer route from %s and trusts in none; trying it all the same",
			 engine->pci);
		return EXIT_OK;
	}
	complain(end->spec,
		 "see 'dmabuf-p2p topo' for what is in the way; --force tries it if the engine's driver lets it",
		 "no peer-to-peer route from %s", engine->pci);
	return EXIT_MISMATCH;
}

int engine_reach_one(struct engine *engine, struct end *end)
{
	char size[UNITS_TEXT];
	int ret;

	if (end->disk) {
		if (end->at <= engine->disk_size &&
		    end->size <= engine->disk_size - end->at)
			return EXIT_OK;
		complain(end->spec, NULL, "the disk of %s has %s", engine->pci,
			 format_size(engine->disk_size, size));
		return EXIT_USAGE;
	}
	ret = check_route(engine, end);
	if (ret)
		return ret;
	/* Before it is mapped: what happens from now on is noticed */
	end->watched = end->buffer.fd >= 0 &&
		       !access_generation(end->buffer.fd, &end->generation);
	return engine->ops->reach(engine, end);
}

int engine_reach(struct engine *engine, struct end *from, struct end *to)
{
	const char *why = engine->ops->can(from, to);
	int ret;

	if (why) {
		complain(engine->name, why, "this engine does not move %s to %s",
			 from->spec, to->spec);
		return EXIT_USAGE;
	}
	to->write = true;
	ret = engine_reach_one(engine, from);
	return ret ? ret : engine_reach_one(engine, to);
}

int engine_memory(struct engine *engine, struct end *end, uint64_t size)
{
	static char spec[UNITS_TEXT + 8];
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int ret;

	size = (size + page - 1) & ~(page - 1);
	snprintf(spec, sizeof(spec), "mem:%" PRIu64, size);
	ret = end_open(end, spec, false);
	end->write = true;
	if (!ret)
		ret = engine_reach_one(engine, end);
	if (ret)
		end_close(end);
	return ret;
}

struct call {
	struct engine *engine;
	const struct move *move;
	unsigned int *tag;
};

static int call_post(void *arg)
{
	const struct call *call = arg;

	return call->engine->ops->post(call->engine, call->move, *call->tag);
}

static int call_poll(void *arg)
{
	const struct call *call = arg;

	return call->engine->ops->poll(call->engine, call->tag);
}

static int call_flush(void *arg)
{
	const struct call *call = arg;

	return call->engine->ops->flush(call->engine);
}

static int guarded(struct engine *engine, int (*fn)(void *arg), struct call *call)
{
	int ret = cpu_guarded(fn, call);

	if (ret == -EFAULT && !engine->why[0])
		snprintf(engine->why, sizeof(engine->why),
			 "its registers are gone: it was reset or unplugged, or its memory was switched off");
	return ret;
}

int engine_post(struct engine *engine, const struct move *move, unsigned int tag)
{
	struct call call = { .engine = engine, .move = move, .tag = &tag };

	return guarded(engine, call_post, &call);
}

int engine_poll(struct engine *engine, unsigned int *tag)
{
	struct call call = { .engine = engine, .tag = tag };

	return guarded(engine, call_poll, &call);
}

int engine_flush(struct engine *engine)
{
	struct call call = { .engine = engine };

	return engine->ops->flush ? guarded(engine, call_flush, &call) : 0;
}

void engine_leave(struct engine *engine, struct end *end)
{
	if (engine->ops && engine->ops->leave && !end->disk)
		engine->ops->leave(engine, end);
}

int engine_refused(const struct engine *engine, const struct end *end, int err)
{
	if (end->buffer.fd < 0) {
		complain(end->spec,
			 err == -ENOMEM ? "raise 'ulimit -l', or run as root" :
					  NULL,
			 "%s cannot use this memory: %s", engine->name,
			 strerror(-err));
		return EXIT_FAILED;
	}
	switch (err) {
	case -EREMOTEIO:
		complain(end->spec,
			 "see 'dmabuf-p2p topo' for what is in the way; below one switch there is a route",
			 "no peer-to-peer route from %s", engine->pci);
		return EXIT_MISMATCH;
	case -ENODEV:
		complain(end->spec,
			 "its memory is disabled, or it is being reset or unplugged; see 'dmabuf-p2p watch'",
			 "access is revoked by the exporter");
		return EXIT_FAILED;
	case -EACCES:
		complain(end->spec, "open it for reading and writing",
			 "%s cannot write to it: the dma-buf was opened for reading only",
			 engine->name);
		return EXIT_FAILED;
	case -EOPNOTSUPP:
		complain(end->spec,
			 "the driver of the engine, or the exporter, does not support peer-to-peer dma-bufs; see 'dmabuf-p2p doctor'",
			 "%s cannot map it: %s", engine->name, strerror(-err));
		return EXIT_UNSUPPORTED;
	default:
		complain(end->spec, "see dmesg: the kernel may have said more",
			 "%s cannot map it: %s", engine->name, strerror(-err));
		return EXIT_FAILED;
	}
}
