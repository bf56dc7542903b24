/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "device.h"
#include "far.h"

/**
 * struct end - where bytes come from or go to
 * @spec: how the user named it
 * @buffer: it, unless @disk
 * @disk: it is a part of the engine's disk
 * @far: it is on another host, and this is the connection to it; otherwise NULL
 * @at: on the disk, where that part begins
 * @size: bytes
 * @address: what the engine calls its first byte
 * @region: what the engine calls it
 * @lkey: key that goes with it, local
 * @rkey: key that goes with it, remote
 * @write: the engine writes to it
 * @read_only: no other host may write to it
 * @watched: its exporter counts revokes, and @generation is the count
 * @generation: when the engine was given it
 */
struct end {
	const char *spec;
	struct buffer buffer;
	bool disk;
	struct far *far;
	uint64_t at;
	uint64_t size;
	uint64_t address;
	void *region;
	uint32_t lkey;
	uint32_t rkey;
	bool write;
	bool read_only;
	bool watched;
	uint64_t generation;
};

/**
 * struct engine - what moves bytes
 * @ops: how
 * @name: what the user called it
 * @bind: it may take its device away from another driver
 * @force: it may be let at what the kernel knows no route to
 * @pci: address of its PCI device, empty if it has none
 * @emulator: who emulates it; NULL if it is real, for all we know
 * @alone: it has no use for queue pairs of its own
 * @disk_size: bytes of its disk, 0 if it has none
 * @depth: moves it takes at once
 * @max: bytes of the longest move
 * @align: lengths and places on its disk are multiples of this
 * @ns_per_byte: when to give up waiting for it
 * @why: what has gone wrong, after an error of post() or poll()
 * @state: its own
 */
struct engine {
	const struct engine_ops *ops;
	const char *name;
	bool bind;
	bool force;
	char pci[DEVICE_ADDR];
	const char *emulator;
	bool alone;
	uint64_t disk_size;
	unsigned int depth;
	uint64_t max;
	uint64_t align;
	uint64_t ns_per_byte;
	char why[160];
	void *state;
};

/**
 * struct move - a task for an engine
 * @from: from where
 * @to: to where
 * @at: offset in both
 * @disk_at: offset on a disk instead, of the end that is one
 * @length: bytes, at most engine.max
 * @back: the other way of two at the same time
 */
struct move {
	const struct end *from;
	const struct end *to;
	uint64_t at;
	uint64_t disk_at;
	uint64_t length;
	bool back;
};

/**
 * struct engine_ops - a kind of engine
 * @kind: how its names begin
 * @open: take the device that @name names. Return: enum exit_code, complained
 * @can: whether it moves between these, as far as their kinds go. Return: NULL
 *	or what it says to the user instead
 * @reach: get at an end. Return: enum exit_code, complained
 * @leave: undo @reach; may be NULL
 * @post: begin a move. Return: 0; -errno, and engine.why is filled in
 * @poll: take one that is done. Return: 1 and its tag, 0 if there is none;
 *	-errno, and engine.why is filled in
 * @flush: what was written to its disk is there for good; may be NULL. Return: as
 *	@post
 * @close: stop at once, whatever is under way
 */
struct engine_ops {
	const char *kind;
	int (*open)(struct engine *engine, const char *name);
	const char *(*can)(const struct end *from, const struct end *to);
	int (*reach)(struct engine *engine, struct end *end);
	void (*leave)(struct engine *engine, struct end *end);
	int (*post)(struct engine *engine, const struct move *move,
		    unsigned int tag);
	int (*poll)(struct engine *engine, unsigned int *tag);
	int (*flush)(struct engine *engine);
	void (*close)(struct engine *engine);
};

extern const struct engine_ops engine_cpu, engine_nvme, engine_rdma;

/* For the --help of verbs that take engines and ends */
#define ENGINE_HELP                                                          \
	"An ENGINE is one of\n"                                              \
	"  cpu           this program's own copying, for comparison\n"       \
	"  rdma:DEVICE   an RDMA device that libibverbs has a provider for: mlx5_0, or\n" \
	"                eth0, or its PCI address. It moves bytes between buffers here,\n" \
	"                or to and from a buffer of 'dmabuf-p2p serve' on another host\n" \
	"  nvme:DEVICE   an NVMe controller, by address or name, driven from here through\n" \
	"                VFIO. Its disk is one end: disk:OFFSET+LENGTH, in namespace 1\n"

/* For the --help of verbs that take ends, behind %BUFFER_HELP */
#define END_HELP                                                             \
	"  disk:OFFSET+LENGTH  a part of the disk of an NVMe engine\n"       \
	"  host:NAME[:PORT]    what 'dmabuf-p2p serve' serves on another host, for\n" \
	"                      an RDMA engine\n"

/** engine_no_disk - the &engine_ops.can of engines that move buffers only */
const char *engine_no_disk(const struct end *from, const struct end *to);

/**
 * engine_open - get an engine
 * @engine: filled in
 * @name: see %ENGINE_HELP; kept
 * @bind: take its device away from another driver
 * @force: try what the kernel knows no route to
 *
 * Return: enum exit_code; anything but EXIT_OK has been complained about.
 */
int engine_open(struct engine *engine, const char *name, bool bind,
		bool force);

/** engine_open_far - the same for moves to and from other hosts only */
int engine_open_far(struct engine *engine, const char *name, bool bind,
		    bool force);

/** engine_close - whatever is under way is over; harmless if not open */
void engine_close(struct engine *engine);

/**
 * end_open - open what the user named
 * @end: filled in
 * @spec: a BUFFER or one of %END_HELP; kept
 * @bind: take devices away from other drivers
 *
 * Return: enum exit_code, as engine_open().
 */
int end_open(struct end *end, const char *spec, bool bind);

/**
 * end_may_write - see that no disk is overwritten by mistake
 * @spec: where bytes are to go
 * @yes: the user has said that a disk may be
 *
 * Return: enum exit_code, as engine_open().
 */
int end_may_write(const char *spec, bool yes);

/** end_close - harmless if end_open() failed */
void end_close(struct end *end);

/**
 * engine_reach - let an engine at both ends of its moves
 * @engine: the engine
 * @from: from where
 * @to: to where
 *
 * Return: enum exit_code, as engine_open(); EXIT_MISMATCH if there is no route.
 */
int engine_reach(struct engine *engine, struct end *from, struct end *to);

/** engine_reach_one - the same for one end, for others than the engine to use */
int engine_reach_one(struct engine *engine, struct end *end);

/**
 * engine_memory - memory that an engine has access to
 * @engine: the engine
 * @end: filled in; end_close() it after engine_leave()
 * @size: bytes
 *
 * Return: enum exit_code, as engine_open().
 */
int engine_memory(struct engine *engine, struct end *end, uint64_t size);

/**
 * engine_post - &engine_ops.post, also of a device that is taken away meanwhile
 *
 * Its registers are memory of a BAR: when that is switched off the CPU gets SIGBUS.
 *
 * Return: as the operation.
 */
int engine_post(struct engine *engine, const struct move *move, unsigned int tag);

/** engine_poll - the same of &engine_ops.poll */
int engine_poll(struct engine *engine, unsigned int *tag);

/** engine_flush - the same of &engine_ops.flush; 0 if it has none */
int engine_flush(struct engine *engine);

/** engine_leave - take an end from the engine */
void engine_leave(struct engine *engine, struct end *end);

/**
 * engine_refused - complain about a dma-buf that an engine could not map
 * @engine: the engine
 * @end: what it was
 * @err: -errno of the kernel
 *
 * Return: enum exit_code.
 */
int engine_refused(const struct engine *engine, const struct end *end, int err);

#endif /* ENGINE_H */
