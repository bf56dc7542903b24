// SPDX-License-Identifier: GPL-2.0
/*
 * bench_measure() and what --verify finds, with an engine that is difficult
 */
#include "bench.h"
#include "fake_engine.h"
#include "progress.h"
#include "tap.h"

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

/* On another host, which is read by the engine: nobody spoils it */
static void test_far(void)
{
	struct far far = { .fd = -1 };
	int way, i, ret[2];

	for (way = 0; way < 2; way++) {
		for (i = 0; i < 2; i++) {
			reset();
			memset(memory[way], 0x5a, ROOM);
			memset(memory[1 - way], 0xa5, ROOM);
			ends[1 - way].far = &far;
			fake.drop_at = i ? 5 : 0;
			ret[i] = run(4096, 1, 256, 1, false);
		}
		tap_ok(ret[0] == EXIT_OK && ret[1] == EXIT_MISMATCH &&
			       fake.posted == 512,
		       way ? "READ: it is read again, and compared" :
			     "WRITE: it is read back, and compared");
	}
}

int main(void)
{
	test_verify();
	test_disk();
	test_far();
	return tap_end();
}
