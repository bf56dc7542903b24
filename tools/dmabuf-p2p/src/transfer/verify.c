// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access.h"
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

/* Until the exporter lets the CPU at it; access_end() comes after that */
static int begin(const struct end *end, bool write)
{
	int ret = access_begin(end, write);

	if (!ret)
		return EXIT_OK;
	if (interrupted())
		return EXIT_INTERRUPTED;
	complain(end->spec, NULL, "its exporter does not let the CPU use it: %s",
		 strerror(-ret));
	return EXIT_FAILED;
}

/* With cpu_fill() or cpu_spoil() */
static int fill_all(struct end *end, uint64_t length, uint64_t seed,
		    int (*fill)(void *to, uint64_t at, size_t length,
				uint64_t seed))
{
	uint64_t at;

	for (at = 0; at < length; at += CHUNK) {
		if (interrupted())
			return EXIT_INTERRUPTED;
		if (fill(end->buffer.cpu + at, at, chunk(length - at), seed))
			return lost(end);
	}
	/* Before a device is told to look at it */
	return end->buffer.fd >= 0 && cpu_settle(end->buffer.cpu, length) ?
		       lost(end) : EXIT_OK;
}

static int prepare(struct end *end, uint64_t length, uint64_t seed,
		   int (*fill)(void *to, uint64_t at, size_t length,
			       uint64_t seed))
{
	int ret;

	if (end->disk)
		return EXIT_OK;
	ret = buffer_map(&end->buffer);
	if (!ret)
		ret = begin(end, true);
	if (ret)
		return ret;
	ret = fill_all(end, length, seed, fill);
	access_end(end, true);
	return ret;
}

/* Two names of the same bytes: the source is spoilt as well, page by page */
static int check_apart(const struct verify *v, uint64_t length)
{
	struct mismatch m;
	uint64_t at;
	int ret = EXIT_OK;

	if (v->from->disk || v->to->disk)
		return EXIT_OK;
	ret = begin(v->from, false);
	for (at = 0; !ret && at < length; at += TRANSFER_STRIDE) {
		ret = cpu_check(v->from->buffer.cpu + at, at,
				length - at < 8 ? length - at : 8, v->seed, &m);
		if (ret > 0) {
			complain(v->to->spec, "take parts that have nothing in common",
				 "it overlaps %s: that cannot be verified",
				 v->from->spec);
			ret = EXIT_USAGE;
		} else if (ret) {
			ret = lost(v->from);
		}
	}
	access_end(v->from, false);
	return ret;
}

int verify_prepare(const struct verify *v)
{
	uint64_t length = span(v, v->areas);
	int ret = prepare(v->from, length, v->seed, cpu_fill);

	if (!ret)
		ret = prepare(v->to, length, v->seed, cpu_spoil);
	return ret ? ret : check_apart(v, length);
}

static int mismatch(const struct verify *v, const struct mismatch *m)
{
	char remedy[64];

	snprintf(remedy, sizeof(remedy), "--seed %" PRIu64 " writes the same again",
		 v->seed);
	complain(v->to->spec, v->from->disk ? NULL : remedy,
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
			return ret > 0 ? mismatch(v, &m) : lost(v->to);
	}
	return EXIT_OK;
}

static int compare(const struct verify *v, const uint8_t *bytes,
		   const uint8_t *reference, uint64_t areas)
{
	int ret = begin(v->to, false);
	uint64_t i;

	if (ret)
		return ret;
	for (i = 0; !ret && i < areas; i++)
		ret = compare_place(v, bytes, reference,
				    i * transfer_stride(v->size));
	access_end(v->to, false);
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
		.disk_areas = v->disk_areas,
		.disk_first = v->disk_first,
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
