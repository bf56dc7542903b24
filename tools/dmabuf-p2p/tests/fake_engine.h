/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FAKE_ENGINE_H
#define FAKE_ENGINE_H

/*
 * An engine that is difficult: it takes few moves at a time, finishes them in reverse
 * order, and fails when it is told to
 *
 * Time passes only when the engine is asked, so that it does not matter how busy
 * the machine is. Programs are linked with --wrap=now_ns and --wrap=ioctl.
 */
#include <errno.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "transfer.h"
#include "verb.h"
#include "verify.h"

#define MAX 16384
#define DEPTH 3
#define ROOM (1u << 20)

struct queued {
	struct move move;
	unsigned int tag;
};

static struct fake {
	struct queued queue[DEPTH];
	unsigned int nr;
	unsigned int posted;
	unsigned int most;
	unsigned int fail_at;	/* the completion that fails, from 1; 0: none */
	unsigned int drop_at;	/* the move that is not carried out */
	unsigned int drop_from;	/* from which on none is; 0: all are */
	bool in_order;		/* the oldest is done first */
	bool hung;
	bool lies;		/* about what is done */
	volatile uint8_t *doorbell;	/* written to by each post() */
	unsigned int back;	/* moves of the way back */
	unsigned int interrupt_at;
	unsigned int done;
	uint64_t longest;
	bool disk_place[256];	/* of 4 KiB, that were moved */
	uint64_t highest;	/* place in what is no disk */
} fake;

/* What each question takes, and each answer, ns */
#define TICK 1000

static uint64_t now;

uint64_t __wrap_now_ns(void);
int __wrap_ioctl(int fd, unsigned long request, ...);

uint64_t __wrap_now_ns(void)
{
	return now;
}

/* What the exporter of a dma-buf was told */
static struct {
	unsigned int begun;
	unsigned int ended;
	unsigned int writes;
	bool inside;
	int error;
} told;

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct dma_buf_sync *sync;
	va_list args;

	(void)fd;
	va_start(args, request);
	sync = va_arg(args, const struct dma_buf_sync *);
	va_end(args);
	errno = told.error ? told.error : ENOTTY;
	if (request != DMA_BUF_IOCTL_SYNC || told.error)
		return -1;
	told.inside = !(sync->flags & DMA_BUF_SYNC_END);
	if (told.inside)
		told.begun++;
	else
		told.ended++;
	told.writes += told.inside && sync->flags & DMA_BUF_SYNC_WRITE;
	return 0;
}

static int post(struct engine *engine, const struct move *move,
		unsigned int tag)
{
	(void)engine;
	if (fake.nr == DEPTH)
		return -EAGAIN;
	if (fake.doorbell)
		*fake.doorbell = 1;
	fake.queue[fake.nr++] = (struct queued){ *move, tag };
	fake.posted++;
	fake.back += move->back;
	if (fake.nr > fake.most)
		fake.most = fake.nr;
	if (move->length > fake.longest)
		fake.longest = move->length;
	return 0;
}

static uint8_t *place(const struct move *move, const struct end *end)
{
	if (!end->disk)
		return end->buffer.cpu + move->at;
	fake.disk_place[move->disk_at / 4096] = true;
	if (move->at > fake.highest)
		fake.highest = move->at;
	return end->buffer.cpu + move->disk_at;
}

static int reach(struct engine *engine, struct end *end)
{
	(void)engine;
	(void)end;
	return 0;
}

static int poll(struct engine *engine, unsigned int *tag)
{
	const struct move *move;

	now += fake.hung ? 1000000000 : TICK;
	if (!fake.nr || fake.hung)
		return 0;
	fake.done++;
	if (fake.done == fake.fail_at) {
		snprintf(engine->why, sizeof(engine->why), "told to fail");
		return -EIO;
	}
	if (fake.done == fake.interrupt_at)
		raise(SIGINT);
	if (fake.in_order) {
		struct queued oldest = fake.queue[0];

		memmove(fake.queue, fake.queue + 1,
			(fake.nr - 1) * sizeof(fake.queue[0]));
		fake.queue[fake.nr - 1] = oldest;
	}
	move = &fake.queue[--fake.nr].move;
	*tag = fake.queue[fake.nr].tag + fake.lies;
	if (fake.done != fake.drop_at &&
	    (!fake.drop_from || fake.done < fake.drop_from))
		memcpy(place(move, move->to), place(move, move->from),
		       move->length);
	return 1;
}

static const struct engine_ops ops = {
	.kind = "fake",
	.reach = reach,
	.post = post,
	.poll = poll,
};

static uint64_t memory[3][ROOM / 8];
static struct stats stats;
static struct engine engine = {
	.ops = &ops,
	.name = "fake",
	.depth = DEPTH,
	.max = MAX,
	.align = 1,
	.ns_per_byte = 1000,
};
static struct end ends[3];

static void reset(void)
{
	unsigned int i;

	memset(&fake, 0, sizeof(fake));
	memset(&told, 0, sizeof(told));
	stats_reset(&stats);
	for (i = 0; i < 3; i++)
		ends[i] = (struct end) {
			.spec = "mem:1M",
			.buffer = {
				.fd = -1,
				.size = ROOM,
				.cpu = (uint8_t *)memory[i],
				.writable = true,
			},
			.size = ROOM,
		};
}

/* Moves and compares; the second kind of way goes through the third buffer */
static int run(uint64_t size, unsigned int depth, uint64_t iterations,
	       unsigned int legs, bool by_cpu)
{
	const struct way way = {
		.leg = {
			{ .from = &ends[0], .to = &ends[legs == 2 ? 2 : 1] },
			{ .from = &ends[2], .to = &ends[1],
			  .by_cpu = by_cpu },
		},
		.nr = legs,
	};
	struct transfer transfer = {
		.engine = &engine,
		.way = &way,
		.size = size,
		.areas = transfer_areas(&ends[0], &ends[1], size),
		.piece = MAX,
		.depth = depth,
		.iterations = iterations,
		.duration = UINT64_MAX,
		.stats = &stats,
	};
	struct verify verify = {
		.engine = &engine,
		.from = &ends[0],
		.to = &ends[1],
		.size = size,
		.areas = transfer.areas,
		.seed = 3,
	};
	int ret;

	ret = verify_prepare(&verify);
	if (!ret)
		ret = transfer_run(&transfer);
	if (!ret)
		ret = verify_check(&verify, iterations < transfer.areas ?
						    iterations :
						    transfer.areas);
	return ret;
}

#endif /* FAKE_ENGINE_H */
