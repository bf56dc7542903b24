// SPDX-License-Identifier: GPL-2.0
/*
 * transfer_run() with an engine that is difficult: it takes few moves at a time,
 * finishes them in reverse order, and fails when it is told to
 *
 * Time passes only when the engine is asked, so that it does not matter how busy
 * the machine is.
 */
#include <errno.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "cpu.h"
#include "interrupt.h"
#include "progress.h"
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
	unsigned int drop_from;	/* from which on none is; 0: all are */
	bool in_order;		/* the oldest is done first */
	bool hung;
	bool lies;		/* about what is done */
	volatile uint8_t *doorbell;	/* written to by each post() */
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

static void test_verify(void)
{
	static struct bench bench = {
		.job = { .spec = { "mem:1M", "mem:1M" }, .verify = true, .seed = 5 },
		.sizes = { 4096 },
		.nr_sizes = 1,
		.asked_for = true,
		.iterations = 1000,
		.duration = UINT64_MAX,
		.depth = 1,
		.format = BENCH_JSON,
	};
	int ret[2];
	int i;

	for (i = 0; i < 2; i++) {
		reset();
		bench.job.engine = engine;
		bench.job.from = ends[0];
		bench.job.to = ends[1];
		bench.nr_results = 0;
		/* The third round of 256 places */
		fake.drop_from = i ? 600 : 0;
		ret[i] = bench_measure(&bench);
	}
	tap_ok(ret[0] == EXIT_OK && bench.nr_results == 1,
	       "bench: every round arrives");
	tap_ok(ret[1] == EXIT_MISMATCH && !bench.result[0].direct.verified,
	       "bench: a round in which nothing arrives is found");

	/* Dma-bufs with the same bytes already: of the source nothing is written */
	for (i = 0; i < 2; i++) {
		reset();
		memset(memory[0], 0x5a, ROOM);
		memset(memory[1], 0x5a, ROOM);
		ends[0].buffer.fd = ends[1].buffer.fd = 1000;
		ends[0].buffer.writable = false;
		fake.drop_at = i ? 5 : 0;
		ret[i] = run(4096, 1, 256, 1, false);
	}
	tap_ok(ret[0] == EXIT_OK && ret[1] == EXIT_MISMATCH &&
		       ends[0].buffer.cpu[4096] == 0x5a && !ends[0].buffer.writable,
	       "what is in the source stays there, and what does not arrive is found");

	reset();
	memset(memory[0], 0x5a, ROOM);
	ends[0].buffer.fd = ends[1].buffer.fd = 1000;
	ends[1].buffer.cpu = ends[0].buffer.cpu + 65536;
	ends[0].size = ends[1].size = ROOM - 65536;
	ret[0] = run(131072, 1, 1, 1, false);
	for (i = 0; i < (int)ROOM && ends[0].buffer.cpu[i] == 0x5a; i++)
		;
	tap_ok(ret[0] == EXIT_USAGE && i == (int)ROOM,
	       "ends that overlap are as they were");
	reset();
	ends[1].buffer.cpu = ends[0].buffer.cpu + 65536;
	ends[0].size = ends[1].size = ROOM - 65536;
	tap_ok(run(131072, 1, 1, 1, false) == EXIT_USAGE && !fake.posted,
	       "ends that overlap are not compared");
	reset();
	ends[1].buffer.cpu = ends[0].buffer.cpu + 65536;
	ends[0].size = ends[1].size = 65536;
	tap_ok(run(65536, 1, 1, 1, false) == EXIT_OK,
	       "ends that lie side by side are");
}

/* Of a disk all of it is used, however little memory there is */
static void test_disk(void)
{
	static struct bench bench = {
		.job = { .spec = { "mem:64K", "disk:0+1M" }, .seed = 5 },
		.sizes = { 4096 },
		.nr_sizes = 1,
		.asked_for = true,
		.iterations = 300,
		.duration = UINT64_MAX,
		.depth = 1,
		.format = BENCH_JSON,
	};
	int verify, ret, i, used;

	for (verify = 0; verify < 3; verify++) {
		reset();
		ends[1].disk = true;
		ends[0].size = 65536;
		bench.job.engine = engine;
		bench.job.from = ends[0];
		bench.job.to = ends[1];
		bench.job.verify = verify;
		bench.nr_results = 0;
		fake.drop_from = verify == 2 ? 200 : 0;
		ret = bench_measure(&bench);
		for (i = used = 0; i < 256; i++)
			used += fake.disk_place[i];
		if (verify < 2)
			tap_ok(ret == EXIT_OK && used == 256 &&
				       fake.highest == 65536 - 4096,
			       verify ? "the same, every byte compared" :
			       "bench: all of a disk, in turn with little memory");
		else
			tap_ok(ret == EXIT_MISMATCH,
			       "bench: what does not arrive on a disk is found");
	}
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
	test_verify();
	test_disk();
	test_told();
	test_revoked();
	test_cause();
	test_interrupt();
	return tap_end();
}
