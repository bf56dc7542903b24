// SPDX-License-Identifier: GPL-2.0
/*
 * The CPU as an engine: what everything else is compared with
 *
 * A move is done when it has been posted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu.h"
#include "engine.h"
#include "message.h"
#include "verb.h"

#define DEPTH 64

/* Tags of moves whose end was not asked for yet: first in, first out */
struct cpu {
	unsigned int done[DEPTH];
	unsigned int first;
	unsigned int nr;
};

static int open_cpu(struct engine *engine, const char *name)
{
	if (*name) {
		complain(engine->name, "write --via cpu", "no such CPU");
		return EXIT_USAGE;
	}
	engine->state = calloc(1, sizeof(struct cpu));
	if (!engine->state) {
		complain(NULL, NULL, "out of memory");
		return EXIT_FAILED;
	}
	engine->depth = DEPTH;
	engine->max = UINT64_MAX;
	return EXIT_OK;
}

static int reach(struct engine *engine, struct end *end)
{
	(void)engine;
	return buffer_map(&end->buffer, end->write);
}

static int post(struct engine *engine, const struct move *move,
		unsigned int tag)
{
	struct cpu *cpu = engine->state;
	int ret;

	ret = cpu_copy(move->to->buffer.cpu + move->at,
		       move->from->buffer.cpu + move->at, move->length,
		       move->to->buffer.fd >= 0 || move->from->buffer.fd >= 0);
	/* Until then it has only been posted */
	if (!ret && move->to->buffer.fd >= 0)
		ret = cpu_settle(move->to->buffer.cpu + move->at, move->length);
	if (ret) {
		snprintf(engine->why, sizeof(engine->why),
			 "the memory was taken away while the CPU used it");
		return ret;
	}
	cpu->done[(cpu->first + cpu->nr++) % DEPTH] = tag;
	return 0;
}

static int poll(struct engine *engine, unsigned int *tag)
{
	struct cpu *cpu = engine->state;

	if (!cpu->nr)
		return 0;
	*tag = cpu->done[cpu->first];
	cpu->first = (cpu->first + 1) % DEPTH;
	cpu->nr--;
	return 1;
}

static void close_cpu(struct engine *engine)
{
	free(engine->state);
}

const struct engine_ops engine_cpu = {
	.kind = "cpu",
	.open = open_cpu,
	.can = engine_no_disk,
	.reach = reach,
	.post = post,
	.poll = poll,
	.close = close_cpu,
};
