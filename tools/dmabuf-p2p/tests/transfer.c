// SPDX-License-Identifier: GPL-2.0
/*
 * transfer_run() with an engine that is difficult: it takes few moves at a time,
 * finishes them in reverse order, and fails when it is told to
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"
#include "interrupt.h"
#include "tap.h"
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
	unsigned int interrupt_at;
	unsigned int done;
	uint64_t longest;
} fake;

static int post(struct engine *engine, const struct move *move,
		unsigned int tag)
{
	(void)engine;
	if (fake.nr == DEPTH)
		return -EAGAIN;
	fake.queue[fake.nr++] = (struct queued){ *move, tag };
	fake.posted++;
	if (fake.nr > fake.most)
		fake.most = fake.nr;
	if (move->length > fake.longest)
		fake.longest = move->length;
	return 0;
}

static int poll(struct engine *engine, unsigned int *tag)
{
	const struct move *move;

	if (!fake.nr)
		return 0;
	fake.done++;
	if (fake.done == fake.fail_at) {
		snprintf(engine->why, sizeof(engine->why), "told to fail");
		return -EIO;
	}
	if (fake.done == fake.interrupt_at)
		raise(SIGINT);
	move = &fake.queue[--fake.nr].move;
	*tag = fake.queue[fake.nr].tag;
	if (fake.done != fake.drop_at)
		memcpy(move->to->buffer.cpu + move->at,
		       move->from->buffer.cpu + move->at, move->length);
	return 1;
}

static const struct engine_ops ops = {
	.kind = "fake",
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
	stats_reset(&stats);
	for (i = 0; i < 3; i++)
		ends[i] = (struct end) {
			.spec = "mem:1M",
			.buffer = {
				.fd = -1,
				.size = ROOM,
				.cpu = (uint8_t *)memory[i],
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

static void test_arrive(void)
{
	struct mismatch m;

	reset();
	tap_ok(run(4096, 1, 256, 1, false) == EXIT_OK && stats.count == 256 &&
		       fake.posted == 256,
	       "256 jobs of one piece fill everything");
	reset();
	tap_ok(run(100000, 4, 25, 1, false) == EXIT_OK && stats.count == 25 &&
		       fake.posted == 25 * 7 && fake.longest == MAX &&
		       fake.most == DEPTH,
	       "jobs of 7 pieces, 4 at a time, an engine of depth 3, any order");
	reset();
	tap_ok(run(100, 8, 3, 1, false) == EXIT_OK && stats.count == 3 &&
		       cpu_check(memory[1], 0, 101, 3, &m) == 1 && m.at == 100,
	       "not a byte beside small jobs");
	reset();
	tap_ok(run(ROOM, 2, 1, 1, false) == EXIT_OK && fake.posted == 64,
	       "one job of everything");
	reset();
	tap_ok(run(40000, 3, 30, 2, false) == EXIT_OK && fake.posted == 180 &&
		       !memcmp(memory[1], memory[2], 40000),
	       "two legs of the engine");
	reset();
	tap_ok(run(40000, 3, 30, 2, true) == EXIT_OK && fake.posted == 90 &&
		       !memcmp(memory[1], memory[2], 40000),
	       "two legs, the second by the CPU");
}

static void test_fail(void)
{
	reset();
	fake.drop_at = 5;
	tap_ok(run(4096, 1, 256, 1, false) == EXIT_MISMATCH,
	       "a move that was not carried out is found");
	reset();
	fake.fail_at = 5;
	tap_ok(run(4096, 1, 256, 1, false) == EXIT_FAILED && stats.count == 4,
	       "a failure ends it, and what was done is counted");
	reset();
	ends[1].size = 4096;
	tap_ok(!transfer_areas(&ends[0], &ends[1], 4097) &&
		       transfer_areas(&ends[0], &ends[1], 4096) == 1,
	       "what does not fit");
	ends[1].size = 8195;
	tap_ok(transfer_areas(&ends[0], &ends[1], 4096) == 2 &&
		       transfer_areas(&ends[0], &ends[1], 3) == 3,
	       "the last place need not be a whole page");
}

static void test_interrupt(void)
{
	reset();
	interrupt_catch();
	fake.interrupt_at = 10;
	tap_ok(run(4096, 1, 256, 1, false) == EXIT_INTERRUPTED &&
		       stats.count == 10 && interrupted(),
	       "Ctrl-C: what was done is counted");
}

int main(void)
{
	test_arrive();
	test_fail();
	test_interrupt();
	return tap_end();
}
