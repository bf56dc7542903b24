// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

/* What is written: the pattern, its inverse, or the inverse of what @from has */
enum fill { FILL_PATTERN, FILL_SPOIL, FILL_INVERT };

static int fill_chunk(const struct verify *v, struct end *end, enum fill fill,
		      uint64_t at, uint64_t length)
{
	uint8_t *to = end->buffer.cpu + at;

	switch (fill) {
	case FILL_PATTERN:
		return cpu_fill(to, at, length, v->seed);
	case FILL_SPOIL:
		return cpu_spoil(to, at, length, v->seed);
	case FILL_INVERT:
		break;
	}
	return cpu_invert(to, v->from->buffer.cpu + at, length);
}

static int fill_all(const struct verify *v, struct end *end, enum fill fill)
{
	const uint64_t length = span(v, v->areas);
	uint64_t at;
	int ret;

	ret = begin(end, true);
	for (at = 0; !ret && at < length; at += CHUNK) {
		if (interrupted())
			ret = EXIT_INTERRUPTED;
		else if (fill_chunk(v, end, fill, at, chunk(length - at)))
			ret = lost(end);
	}
	/* Before a device is told to look at it */
	if (!ret && end->buffer.fd >= 0 && cpu_settle(end->buffer.cpu, length))
		ret = lost(end);
	access_end(end, true);
	return ret;
}

/* A word of each page, into @words, or only a sum of them */
static int look(const struct end *end, uint64_t length, uint64_t *words,
		uint64_t *sum)
{
	uint64_t at, word;

	*sum = 0;
	for (at = 0; at + 8 <= length; at += TRANSFER_STRIDE) {
		if (cpu_copy(&word, end->buffer.cpu + at, 8, true))
			return lost(end);
		if (words)
			words[at / TRANSFER_STRIDE] = word;
		*sum = (*sum ^ word) * 0x100000001b3ull + 1;
	}
	return EXIT_OK;
}

static int put(const struct end *end, uint64_t length, const uint64_t *words,
	       uint64_t invert)
{
	uint64_t at, word;

	for (at = 0; at + 8 <= length; at += TRANSFER_STRIDE) {
		word = words[at / TRANSFER_STRIDE] ^ invert;
		if (cpu_copy(end->buffer.cpu + at, &word, 8, true))
			return lost(end);
	}
	return length >= 8 && end->buffer.fd >= 0 &&
	       cpu_settle(end->buffer.cpu, at - TRANSFER_STRIDE + 8) ?
		       lost(end) : EXIT_OK;
}

/* Two names of the same bytes: what changes at the one changes at the other */
static int compare_names(const struct verify *v, uint64_t length, uint64_t *words)
{
	uint64_t before, after, ignored;
	int ret = look(v->from, length, NULL, &before);

	if (!ret)
		ret = look(v->to, length, words, &ignored);
	if (!ret)
		ret = put(v->to, length, words, UINT64_MAX);
	if (!ret)
		ret = look(v->from, length, NULL, &after);
	if (!ret)
		ret = put(v->to, length, words, 0);
	if (ret || before == after)
		return ret;
	complain(v->to->spec, "take parts that have nothing in common",
		 "it overlaps %s: that cannot be verified", v->from->spec);
	return EXIT_USAGE;
}

/* Only the engine gets at it: a disk, or what is on another host */
static bool is_away(const struct end *end)
{
	return end->disk || end->far;
}

/* Before anything is lost: page by page, and put back as it was */
static int check_apart(const struct verify *v)
{
	const uint64_t length = span(v, v->areas);
	uint64_t *words;
	int ret;

	/* Memory of this program is nobody else's */
	if (is_away(v->from) || is_away(v->to))
		return EXIT_OK;
	words = malloc((length / TRANSFER_STRIDE + 1) * sizeof(*words));
	if (!words) {
		complain(NULL, NULL, "out of memory");
		return EXIT_FAILED;
	}
	ret = begin(v->from, false);
	if (!ret) {
		ret = begin(v->to, true);
		if (!ret)
			ret = compare_names(v, length, words);
		access_end(v->to, true);
	}
	access_end(v->from, false);
	free(words);
	return ret;
}

/* Plain memory has nothing in it that anybody would miss */
static bool has_pattern(const struct verify *v)
{
	return !is_away(v->from) && (v->pattern || v->from->buffer.fd < 0);
}

int verify_prepare(const struct verify *v)
{
	const bool pattern = has_pattern(v);
	int ret = EXIT_OK;

	if (!is_away(v->from))
		ret = buffer_map(&v->from->buffer, pattern);
	if (!ret && !is_away(v->to))
		ret = buffer_map(&v->to->buffer, true);
	if (!ret)
		ret = check_apart(v);
	if (!ret && pattern)
		ret = fill_all(v, v->from, FILL_PATTERN);
	if (ret || is_away(v->to))
		return ret;
	if (is_away(v->from) || pattern)
		return fill_all(v, v->to, FILL_SPOIL);
	ret = begin(v->from, false);
	if (!ret)
		ret = fill_all(v, v->to, FILL_INVERT);
	access_end(v->from, false);
	return ret;
}

static int mismatch(const struct verify *v, const struct mismatch *m)
{
	char remedy[64];

	snprintf(remedy, sizeof(remedy), "--seed %" PRIu64 " writes the same again",
		 v->seed);
	complain(v->to->spec, has_pattern(v) ? remedy : NULL,
		 "byte 0x%" PRIx64 " is 0x%02x instead of 0x%02x", m->at,
		 m->found, m->expected);
	return EXIT_MISMATCH;
}

/* @reference: what there should be; NULL: the pattern */
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

/* Read the places of it into memory */
static int read_away(const struct verify *v, const struct end *away,
		     const struct end *memory, uint64_t areas)
{
	const struct way way = {
		.leg = { { .from = away, .to = memory } },
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

/* With the pattern, with what the source has, or with what was read of it */
static int compare_all(const struct verify *v, const struct end *away,
		       const uint8_t *was_read, uint64_t areas)
{
	const uint8_t *bytes = is_away(v->to) ? was_read : v->to->buffer.cpu;
	const uint8_t *reference = has_pattern(v) ? NULL :
				   away && is_away(v->from) ? was_read :
							      v->from->buffer.cpu;
	int ret;

	if (!reference || is_away(v->from))
		return compare(v, bytes, reference, areas);
	ret = begin(v->from, false);
	if (!ret)
		ret = compare(v, bytes, reference, areas);
	access_end(v->from, false);
	return ret;
}

int verify_check(const struct verify *v, uint64_t areas)
{
	const struct end *away = is_away(v->from) ? v->from :
				 is_away(v->to) ? v->to : NULL;
	struct end memory;
	int ret;

	if (!away)
		return compare_all(v, NULL, NULL, areas);
	ret = engine_memory(v->engine, &memory, span(v, areas));
	if (ret)
		return ret;
	ret = read_away(v, away, &memory, areas);
	if (!ret)
		ret = compare_all(v, away, memory.buffer.cpu, areas);
	engine_leave(v->engine, &memory);
	end_close(&memory);
	return ret;
}
