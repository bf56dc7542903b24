// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>

#include "cpu.h"
#include "interrupt.h"
#include "message.h"
#include "transfer.h"
#include "verb.h"
#include "verify.h"

/* What the CPU fills or compares before it looks for a Ctrl-C, bytes */
#define CHUNK (1ull << 20)

static int lost(const struct end *end)
{
	complain(end->spec, "'dmabuf-p2p watch' tells when that happens",
		 "its memory was taken away while the CPU used it");
	return EXIT_FAILED;
}

static uint64_t chunk(uint64_t length)
{
	return length < CHUNK ? length : CHUNK;
}

/* From the first place to the end of the last one */
static uint64_t span(const struct verify *v, uint64_t areas)
{
	return (areas - 1) * transfer_stride(v->size) + v->size;
}

/* With cpu_fill() or cpu_spoil() */
static int prepare(struct end *end, uint64_t length, uint64_t seed,
		   int (*fill)(void *to, uint64_t at, size_t length,
			       uint64_t seed))
{
	uint64_t at;
	int ret;

	if (end->disk)
		return EXIT_OK;
	ret = buffer_map(&end->buffer);
	if (ret)
		return ret;
	for (at = 0; at < length; at += CHUNK) {
		if (interrupted())
			return EXIT_INTERRUPTED;
		if (fill(end->buffer.cpu + at, at, chunk(length - at), seed))
			return lost(end);
	}
	return EXIT_OK;
}

int verify_prepare(const struct verify *v)
{
	uint64_t length = span(v, v->areas);
	int ret = prepare(v->from, length, v->seed, cpu_fill);

	return ret ? ret : prepare(v->to, length, v->seed, cpu_spoil);
}

static int mismatch(const struct end *end, const struct mismatch *m)
{
	complain(end->spec, NULL,
		 "byte 0x%" PRIx64 " is 0x%02x instead of 0x%02x", m->at,
		 m->found, m->expected);
	return EXIT_MISMATCH;
}

/* @reference: what was on the disk; NULL: the pattern was at the source */
static int compare_place(const struct verify *v, const uint8_t *bytes,
			 const uint8_t *reference, uint64_t at)
{
	const uint64_t end = at + v->size;
	struct mismatch m;
	int ret;

	for (; at < end; at += CHUNK) {
		if (interrupted())
			return EXIT_INTERRUPTED;
		if (reference)
			ret = cpu_compare(bytes + at, reference + at,
					  chunk(end - at), &m);
		else
			ret = cpu_check(bytes + at, at, chunk(end - at),
					v->seed, &m);
		if (ret > 0 && reference)
			m.at += at;
		if (ret)
			return ret > 0 ? mismatch(v->to, &m) : lost(v->to);
	}
	return EXIT_OK;
}

static int compare(const struct verify *v, const uint8_t *bytes,
		   const uint8_t *reference, uint64_t areas)
{
	int ret = EXIT_OK;
	uint64_t i;

	for (i = 0; !ret && i < areas; i++)
		ret = compare_place(v, bytes, reference,
				    i * transfer_stride(v->size));
	return ret;
}

/* Read the places of a disk into memory */
static int read_disk(const struct verify *v, const struct end *disk,
		     const struct end *memory, uint64_t areas)
{
	const struct way way = {
		.leg = { { .from = disk, .to = memory } },
		.nr = 1,
	};
	static struct stats stats;
	struct transfer transfer = {
		.engine = v->engine,
		.way = &way,
		.size = v->size,
		.areas = areas,
		.piece = v->engine->max,
		.depth = 1,
		.iterations = areas,
		.duration = UINT64_MAX,
		.stats = &stats,
	};

	stats_reset(&stats);
	return transfer_run(&transfer);
}

int verify_check(const struct verify *v, uint64_t areas)
{
	const struct end *disk = v->from->disk ? v->from : v->to;
	struct end memory;
	int ret;

	if (!disk->disk)
		return compare(v, v->to->buffer.cpu, NULL, areas);

	ret = engine_memory(v->engine, &memory, span(v, areas));
	if (ret)
		return ret;
	ret = read_disk(v, disk, &memory, areas);
	if (!ret && v->from->disk)
		ret = compare(v, v->to->buffer.cpu, memory.buffer.cpu, areas);
	else if (!ret)
		ret = compare(v, memory.buffer.cpu, NULL, areas);
	engine_leave(v->engine, &memory);
	end_close(&memory);
	return ret;
}
