// SPDX-License-Identifier: GPL-2.0
/*
 * transfer_run() with an engine that is difficult
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "cpu.h"
#include "fake_engine.h"
#include "interrupt.h"
#include "progress.h"
#include "tap.h"

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
	fake.lies = true;
	tap_ok(run(4096, 1, 256, 1, false) == EXIT_FAILED && !stats.count,
	       "an engine that has done what it was not asked for");
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

/* What copy has the engine move at once */
static void test_piece(void)
{
	struct engine disk = { .max = 65536, .align = 16384 };

	tap_ok(transfer_piece(&disk, 16384, 64) == 16384 &&
		       transfer_piece(&disk, 1 << 20, 64) == 32768 &&
		       transfer_piece(&disk, 16 << 20, 64) == 65536,
	       "pieces are whole blocks, also of more than 4 KiB");
	disk.align = 512;
	tap_ok(transfer_piece(&disk, 4096, 64) == 4096 &&
		       transfer_piece(&disk, 1 << 20, 64) == 20480,
	       "and whole pages otherwise");
}

/* Jobs that wait for others say nothing about the engine */
static void test_depth(void)
{
	reset();
	fake.in_order = true;
	tap_ok(run(4096, 8, 1000, 1, false) == EXIT_OK && fake.most == DEPTH &&
		       stats.max <= DEPTH * TICK,
	       "8 at a time, an engine of depth 3: none waits for others");
	reset();
	fake.in_order = true;
	tap_ok(run(MAX + 1, 8, 100, 1, false) == EXIT_OK &&
		       stats.max <= 2 * TICK,
	       "the same with jobs of 2 pieces");
	tap_ok(transfer_depth(&engine, MAX, MAX, 8) == 3 &&
		       transfer_depth(&engine, MAX, MAX, 2) == 2 &&
		       transfer_depth(&engine, MAX + 1, MAX, 8) == 1 &&
		       transfer_depth(&engine, 100 * MAX, MAX, 8) == 1 &&
		       transfer_depth(&engine, MAX, UINT64_MAX, 8) == 3,
	       "how many the engine has room for");
}

/* 30 s, and what three pieces may take, not what the job may */
static void test_hang(void)
{
	uint64_t began;

	reset();
	fake.hung = true;
	engine.ns_per_byte = 100000;
	began = now;
	tap_ok(run(ROOM, 1, 1, 1, false) == EXIT_FAILED &&
		       now - began > 34000000000ull &&
		       now - began < 40000000000ull,
	       "an engine that hangs is given up after some seconds");
	engine.ns_per_byte = 1000;
}

/* Both ends are dma-bufs; what the second leg reads is not */
static void test_told(void)
{
	reset();
	ends[0].buffer.fd = ends[1].buffer.fd = 1000;
	tap_ok(run(4096, 1, 10, 2, true) == EXIT_OK && told.begun == 7 &&
		       told.ended == 7 && told.writes == 3 && !told.inside,
	       "exporters are told what the CPU does: looks, spoils, copies, compares");
	reset();
	ends[1].buffer.fd = 1000;
	told.error = EIO;
	tap_ok(run(4096, 1, 10, 1, false) == EXIT_FAILED && !fake.posted,
	       "and may refuse");
}

/* Of the transfer alone: its first leg is the engine's */
static int bounce(void)
{
	const struct way way = {
		.leg = {
			{ .from = &ends[0], .to = &ends[2] },
			{ .from = &ends[2], .to = &ends[1], .by_cpu = true },
		},
		.nr = 2,
	};
	struct transfer transfer = {
		.engine = &engine,
		.way = &way,
		.size = 4096,
		.areas = 1,
		.piece = MAX,
		.depth = 1,
		.iterations = 1,
		.duration = UINT64_MAX,
		.stats = &stats,
	};

	return transfer_run(&transfer);
}

/* Both move 10 jobs, of which the engine has one of each at a time */
static void test_both_ways(void)
{
	static struct stats back_stats;
	const struct way way = {
		.leg = { { .from = &ends[0], .to = &ends[1] } },
		.nr = 1,
	}, back = {
		.leg = { { .from = &ends[1], .to = &ends[0] } },
		.nr = 1,
	};
	struct transfer transfer = {
		.engine = &engine,
		.way = &way,
		.back = &back,
		.size = 4096,
		.areas = 20,
		.piece = MAX,
		.depth = 1,
		.iterations = 10,
		.duration = UINT64_MAX,
		.stats = &stats,
		.back_stats = &back_stats,
	};
	struct mismatch m;

	reset();
	stats_reset(&back_stats);
	cpu_fill((uint8_t *)memory[0], 0, 40960, 1);
	cpu_fill((uint8_t *)memory[1] + 40960, 40960, 40960, 1);
	tap_ok(transfer_run(&transfer) == EXIT_OK && stats.count == 10 &&
		       back_stats.count == 10 && fake.most == 2 &&
		       fake.back == 10 && transfer.moved == 81920 &&
		       transfer.elapsed && transfer.back_elapsed,
	       "both ways at the same time");
	tap_ok(!cpu_check((uint8_t *)memory[0], 0, 81920, 1, &m) &&
		       !cpu_check((uint8_t *)memory[1], 0, 81920, 1, &m),
	       "each in places of its own, half a round apart");
}

/* Nobody tells the engine, which goes on and on; there is no exporter here to be asked */
static void test_revoked(void)
{
	const struct way way = {
		.leg = { { .from = &ends[0], .to = &ends[1] } },
		.nr = 1,
	};
	struct transfer transfer = {
		.engine = &engine,
		.way = &way,
		.size = 64,
		.areas = 1,
		.piece = MAX,
		.depth = 1,
		.iterations = 1000000,
		.duration = UINT64_MAX,
		.stats = &stats,
	};

	reset();
	ends[1].buffer.fd = 1000;
	ends[1].watched = true;
	tap_ok(transfer_run(&transfer) == EXIT_FAILED && stats.count &&
		       transfer.elapsed < 200000000,
	       "access that is taken away ends it while it is under way");
}

static void test_cause(void)
{
	/* A file of no bytes: to touch it is a SIGBUS, as with a BAR that was revoked */
	int empty = memfd_create("empty", MFD_CLOEXEC);
	void *gone = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, empty, 0);

	reset();
	ends[1].buffer.fd = 1000;
	told.error = EIO;
	strcpy(engine.why, "stale");
	tap_ok(bounce() == EXIT_FAILED && strstr(engine.why, strerror(EIO)),
	       "why an exporter has refused");
	reset();
	ends[1].buffer.cpu = gone;
	engine.why[0] = 0;
	tap_ok(bounce() == EXIT_FAILED && strstr(engine.why, "taken away"),
	       "why the CPU could not copy");
	reset();
	fake.doorbell = gone;
	tap_ok(run(4096, 1, 1, 1, false) == EXIT_FAILED && !fake.posted &&
		       strstr(engine.why, "its registers are gone"),
	       "a doorbell that was taken away");
	munmap(gone, ROOM);
	close(empty);
}

static void test_interrupt(void)
{
	reset();
	interrupt_catch();
	fake.interrupt_at = 10;
	tap_ok(run(4096, 1, 256, 1, false) == EXIT_INTERRUPTED &&
		       stats.count == 10 && interrupted(),
	       "Ctrl-C: what was done is counted");
	reset();
	ends[1].buffer.fd = 1000;
	told.error = EINTR;
	tap_ok(bounce() == EXIT_INTERRUPTED && !fake.posted,
	       "Ctrl-C while an exporter keeps it waiting");
}

int main(void)
{
	/* A shell has the background jobs of a script ignore it */
	signal(SIGINT, SIG_DFL);
	test_arrive();
	test_fail();
	test_piece();
	test_depth();
	test_hang();
	test_told();
	test_both_ways();
	test_revoked();
	test_cause();
	test_interrupt();
	return tap_end();
}
