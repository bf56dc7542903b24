// SPDX-License-Identifier: MIT
/*
 * Memory and what else must not become ever more
 */
#include <ctype.h>
#include <dirent.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "devices/memory.h"
#include "sample.h"

/*
 * How much more in the second half than in the first is chance: what is free is counted
 * for each CPU apart, and each worker has some dma-bufs, files and children more or less
 */
#define LONG 600
/* KASAN keeps what is freed for a while, up to a 32nd of 2 GiB: not in what is allocated */
#define QUARANTINE (64 << 10)
const struct soak_value_kind soak_values[SOAK_NR_VALUES] = {
	[SOAK_USED] = { "used", "KiB", QUARANTINE + (16 << 10), LONG },
	[SOAK_UNRECLAIMABLE] = { "unreclaimable", "KiB", QUARANTINE + (8 << 10), LONG },
	[SOAK_STACKS] = { "stacks", "KiB", 512, 0 },
	[SOAK_ALLOCATED] = { "allocated", "KiB", 8 << 10, LONG },
	[SOAK_OURS] = { "ours", "KiB", 1 << 10, 0 },
	[SOAK_DMABUFS] = { "dma-bufs", "", 24, 0 },
	[SOAK_PROCESSES] = { "processes", "", 8, 0 },
	[SOAK_FILES] = { "files", "", 64, 0 },
};

static void read_meminfo(uint64_t *value)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long kib, total = 0;
	char line[128], name[64];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]: %lu", name, &kib) != 2)
			continue;
		if (!strcmp(name, "MemTotal"))
			total = kib;
		else if (!strcmp(name, "MemAvailable"))
			value[SOAK_USED] = total - kib;
		else if (!strcmp(name, "SUnreclaim"))
			value[SOAK_UNRECLAIMABLE] = kib;
		else if (!strcmp(name, "KernelStack"))
			value[SOAK_STACKS] = kib;
	}
	if (file)
		fclose(file);
}

/*
 * Pages of files; pages of slabs, whose objects are counted where they are allocated; and
 * KASAN's shadow of mappings: 8 MiB for the exporter's BAR, as long as its device is open
 */
static bool is_left_out(const char *place)
{
	return strstr(place, " mm/slub.c:") || strstr(place, " mm/filemap.c:") ||
	       strstr(place, " mm/readahead.c:") || strstr(place, " mm/kasan/");
}

/* The words of tools/vm/allocated, which tools/soak passes; without them it is left alone */
static void read_allocated(uint64_t *value)
{
	const char *places = getenv("DMABUF_SOAK_PLACES");
	unsigned long size, all = 0, ours = 0;
	static bool compiled;
	static regex_t regex;
	char line[512];
	FILE *file;

	if (!places || (!compiled && regcomp(&regex, places, REG_EXTENDED | REG_NOSUB)))
		return;
	compiled = true;
	file = fopen("/proc/allocinfo", "r");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lu", &size) != 1 || !size || is_left_out(line))
			continue;
		all += size;
		if (!regexec(&regex, line, 0, NULL, 0))
			ours += size;
	}
	fclose(file);
	value[SOAK_ALLOCATED] = all >> 10;
	value[SOAK_OURS] = ours >> 10;
}

static uint64_t count_processes(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t nr = 0;

	while (proc && (entry = readdir(proc)))
		nr += !!isdigit(entry->d_name[0]);
	if (proc)
		closedir(proc);
	return nr;
}

void soak_sample(struct soak_sample *sample, uint64_t ms)
{
	FILE *file = fopen("/proc/sys/fs/file-nr", "r");
	int dmabufs = __dmabuf_count();
	unsigned long files;

	memset(sample, 0xff, sizeof(*sample));
	sample->ms = ms;
	read_meminfo(sample->value);
	read_allocated(sample->value);
	if (dmabufs >= 0)
		sample->value[SOAK_DMABUFS] = (uint64_t)dmabufs;
	sample->value[SOAK_PROCESSES] = count_processes();
	if (file && fscanf(file, "%lu", &files) == 1)
		sample->value[SOAK_FILES] = files;
	if (file)
		fclose(file);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(const struct soak_sample *samples, size_t nr,
		       enum soak_value value)
{
	uint64_t *sorted = calloc(nr, sizeof(*sorted)), middle;
	size_t i;

	if (!sorted)
		return UINT64_MAX;
	for (i = 0; i < nr; i++)
		sorted[i] = samples[i].value[value];
	qsort(sorted, nr, sizeof(*sorted), compare);
	middle = sorted[nr / 2];
	free(sorted);
	return middle;
}

bool soak_grows(const struct soak_sample *samples, size_t nr,
		enum soak_value value, uint64_t *first, uint64_t *last)
{
	size_t warm = nr * 2 / 5, half = (nr - warm) / 2;

	*first = *last = UINT64_MAX;
	if (half < SOAK_ENOUGH)
		return false;
	*first = median(&samples[warm], half, value);
	*last = median(&samples[warm + half], half, value);
	if (samples[nr - 1].ms < soak_values[value].from_s * 1000ull)
		return false;
	/* Not known */
	if (*first == UINT64_MAX || *last == UINT64_MAX)
		return false;
	return *last > *first + soak_values[value].more;
}
