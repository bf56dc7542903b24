// SPDX-License-Identifier: GPL-2.0
/*
 * What bench and copy compute: percentiles, lists of sizes, patterns, progress
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "array.h"
#include "buffer.h"
#include "cpu.h"
#include "progress.h"
#include "sizes.h"
#include "stats.h"
#include "tap.h"
#include "verb.h"

#define SIZE 4096u

static struct stats stats;

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Any order, ten decades, and the answer of a sorted list beside it */
static bool percentiles_agree(void)
{
	static uint64_t sorted[10000];
	static const size_t permille[] = { 0, 10, 500, 900, 990, 999, 1000 };
	const size_t nr = ARRAY_SIZE(sorted);
	uint64_t x = 1, exact, got;
	size_t i, rank;

	stats_reset(&stats);
	for (i = 0; i < nr; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		sorted[i] = x >> (20 + x % 40);
		stats_add(&stats, sorted[i]);
	}
	qsort(sorted, nr, sizeof(sorted[0]), by_value);
	for (i = 0; i < ARRAY_SIZE(permille); i++) {
		rank = (permille[i] * nr + 999) / 1000;
		exact = sorted[rank ? rank - 1 : 0];
		got = stats_percentile(&stats, (double)permille[i] / 10);
		if ((got > exact ? got - exact : exact - got) > exact / 1000)
			return false;
	}
	return stats.min == sorted[0] && stats.max == sorted[nr - 1];
}

static void test_stats(void)
{
	uint64_t ns;

	stats_reset(&stats);
	tap_ok(!stats_percentile(&stats, 50) && stats_mean(&stats) == 0,
	       "no times: all zero");
	stats_add(&stats, 123456789);
	tap_ok(stats_percentile(&stats, 0) == 123456789 &&
		       stats_percentile(&stats, 50) == 123456789 &&
		       stats_percentile(&stats, 100) == 123456789,
	       "one time: every percentile is it");

	stats_reset(&stats);
	for (ns = 1; ns <= 1000; ns++)
		stats_add(&stats, ns);
	tap_ok(stats_percentile(&stats, 50) == 500 &&
		       stats_percentile(&stats, 90) == 900 &&
		       stats_percentile(&stats, 99) == 990 &&
		       stats_percentile(&stats, 99.95) == 1000 &&
		       stats_mean(&stats) == 500.5,
	       "1 to 1000 ns: exact");
	tap_ok(percentiles_agree(), "10,000 times of ten decades: 0.1 % off at most");

	stats_reset(&stats);
	stats_add(&stats, 0);
	stats_add(&stats, UINT64_MAX);
	tap_ok(!stats_percentile(&stats, 50) &&
		       stats_percentile(&stats, 51) == UINT64_MAX,
	       "the shortest and the longest there can be");
}

static void test_sizes(void)
{
	uint64_t sizes[SIZES_MAX];
	char many[2 * SIZES_MAX + 2];
	size_t nr;

	tap_ok(!sizes_parse("4K,64k,1M", sizes, &nr) && nr == 3 &&
		       sizes[0] == 4096 && sizes[1] == 65536 &&
		       sizes[2] == 1048576,
	       "sizes: 4K,64k,1M");
	tap_ok(!sizes_parse("1", sizes, &nr) && nr == 1 && sizes[0] == 1,
	       "sizes: one");
	tap_ok(sizes_parse("", sizes, &nr) == -EINVAL &&
		       sizes_parse("4K,", sizes, &nr) == -EINVAL &&
		       sizes_parse(",4K", sizes, &nr) == -EINVAL &&
		       sizes_parse("4K,,4K", sizes, &nr) == -EINVAL &&
		       sizes_parse("0", sizes, &nr) == -EINVAL &&
		       sizes_parse("4K 8K", sizes, &nr) == -EINVAL,
	       "sizes: empty, zero and garbage are refused");
	memset(many, 0, sizeof(many));
	for (nr = 0; nr < SIZES_MAX + 1; nr++)
		memcpy(many + 2 * nr, "1,", 2);
	many[2 * SIZES_MAX + 1] = 0;
	tap_ok(sizes_parse(many, sizes, &nr) == -E2BIG, "sizes: too many");
	tap_ok(sizes_sweep(4096, 65535, sizes) == 4 && sizes[3] == 32768,
	       "sweep: none is larger than what there is");
	tap_ok(!sizes_sweep(4096, 4095, sizes), "sweep: nothing fits");
	tap_ok(sizes_sweep(4096, UINT64_MAX, sizes) == 52,
	       "sweep: it ends at 64 bits");
}

/* Every byte is looked at, wherever it is */
static bool each_flip_found(uint8_t *bytes, size_t length)
{
	struct mismatch m;
	size_t i;

	for (i = 0; i < length; i++) {
		uint8_t was = bytes[i];

		bytes[i] ^= 0x10;
		if (cpu_check(bytes, 4096, length, 7, &m) != 1 ||
		    m.at != 4096 + i || m.expected != was ||
		    m.found != (was ^ 0x10))
			return false;
		bytes[i] = was;
	}
	return !cpu_check(bytes, 4096, length, 7, &m);
}

static void test_pattern(void)
{
	static uint64_t space[2][SIZE / 8];
	uint8_t *a = (uint8_t *)space[0], *b = (uint8_t *)space[1];
	struct mismatch m;
	size_t same = 0, i;

	cpu_fill(a, 4096, 301, 7);
	tap_ok(!a[301], "fill: not a byte more than asked for");
	tap_ok(each_flip_found(a, 301), "check: a flipped bit is found in each byte");
	for (i = 0; i < 301 && a[i] == cpu_pattern(4096 + i, 7); i++)
		;
	tap_ok(i == 301, "pattern: bytes and words agree");

	cpu_spoil(b, 4096, 301, 7);
	for (i = 0; i < 301; i++)
		same += a[i] == b[i];
	tap_ok(!same, "spoil: no byte is as the pattern has it");

	cpu_fill(a, 0, SIZE, 1);
	cpu_fill(b, 0, SIZE, 2);
	for (i = 0; i < SIZE; i++)
		same += a[i] == b[i];
	tap_ok(same < SIZE / 64, "pattern: two seeds have little in common");
	cpu_fill(b, SIZE, SIZE, 1);
	tap_ok(memcmp(a, b, SIZE), "pattern: two places differ");

	for (i = 0; i < 2; i++) {
		cpu_spoil(b, 0, SIZE, 1);
		cpu_copy(b, a, 1003, i);
		tap_ok(!memcmp(a, b, 1003) && a[1003] != b[1003],
		       i ? "copy: by words" : "copy: memory");
	}
	memcpy(b, a, SIZE);
	b[1001] ^= 1;
	tap_ok(!cpu_compare(b, a, 1001, &m) &&
		       cpu_compare(b, a, 1003, &m) == 1 && m.at == 1001 &&
		       m.expected == a[1001] && m.found == b[1001],
	       "compare: with bytes in memory");
}

/* A file that gets shorter is like memory that is switched off */
static void test_lost(void)
{
	int fd = memfd_create("lost", MFD_CLOEXEC);
	static uint64_t there[SIZE / 8];
	struct mismatch m;
	uint8_t *map;

	if (fd < 0 || ftruncate(fd, SIZE)) {
		tap_ok(false, "a file in memory");
		return;
	}
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	tap_ok(map != MAP_FAILED && !cpu_fill(map, 0, SIZE, 1) &&
		       !cpu_check(map, 0, SIZE, 1, &m),
	       "memory that is there");
	tap_ok(!ftruncate(fd, 0) && cpu_fill(map, 0, SIZE, 1) == -EFAULT &&
		       cpu_spoil(map, 0, SIZE, 1) == -EFAULT &&
		       cpu_check(map, 0, SIZE, 1, &m) == -EFAULT &&
		       cpu_compare(map, there, SIZE, &m) == -EFAULT &&
		       cpu_copy(map, there, SIZE, true) == -EFAULT &&
		       cpu_copy(there, map, SIZE, false) == -EFAULT,
	       "memory that was taken away: -EFAULT, not the end");
	tap_ok(!ftruncate(fd, SIZE) && !cpu_fill(map, 0, SIZE, 1) &&
		       !cpu_check(map, 0, SIZE, 1, &m),
	       "memory that is back");
	munmap(map, SIZE);
	close(fd);
}

/* What a user opened for reading can be a source, and nothing else */
static void test_read_only(void)
{
	int fd = memfd_create("source", MFD_CLOEXEC);
	struct buffer buffer = { .spec = "fd:3", .size = SIZE, .vfio.fd = -1 };
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	buffer.fd = ftruncate(fd, SIZE) || pwrite(fd, "x", 1, 0) != 1 ?
			    -1 : open(path, O_RDONLY | O_CLOEXEC);
	tap_ok(buffer_map(&buffer, true) == EXIT_FAILED &&
		       !buffer_map(&buffer, false) && buffer.cpu[0] == 'x',
	       "a file opened for reading: mapped to be read only");
	tap_ok(buffer_map(&buffer, true) == EXIT_FAILED && buffer.cpu[0] == 'x',
	       "and not to be written later");
	buffer_close(&buffer);
	buffer.fd = fd;
	tap_ok(!buffer_map(&buffer, false) && !buffer_map(&buffer, true),
	       "one that may be written to: read first, written later");
	buffer.cpu[0] = 'y';
	buffer_close(&buffer);
}

static void test_progress(void)
{
	char line[80];

	progress_line(line, sizeof(line), "64K", 0.5, 89500000000ull);
	tap_ok(!strcmp(line, "64K [###############...............]  50 %, 1:30 left"),
	       "progress: half of it");
	progress_line(line, sizeof(line), "1M", 0, 3661000000000ull);
	tap_ok(!strcmp(line, "1M [..............................]   0 %, 1:01:01 left"),
	       "progress: hours");
	progress_line(line, sizeof(line), "copy", 1.2, 0);
	tap_ok(!strcmp(line, "copy [##############################] 100 %, 0:00 left"),
	       "progress: never beyond the end");
	progress_line(line, sizeof(line), "copy", 1, UINT64_MAX);
	tap_ok(strlen(line) < sizeof(line), "progress: one line, whatever happens");
}

int main(void)
{
	test_stats();
	test_sizes();
	test_pattern();
	test_lost();
	test_read_only();
	test_progress();
	return tap_end();
}
