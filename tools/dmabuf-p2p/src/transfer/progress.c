// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define NS_PER_S 1000000000ull
#define EVERY_NS (NS_PER_S / 5)
#define BAR 30

static bool shown;

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void progress_line(char *line, size_t size, const char *label, double done,
		   uint64_t remaining_ns)
{
	uint64_t seconds = (remaining_ns + NS_PER_S - 1) / NS_PER_S;
	char bar[BAR + 1];
	int full;

	if (done > 1)
		done = 1;
	full = (int)(done * BAR);
	memset(bar, '#', (size_t)full);
	memset(bar + full, '.', (size_t)(BAR - full));
	bar[BAR] = 0;
	if (seconds >= 3600)
		snprintf(line, size, "%s [%s] %3.0f %%, %" PRIu64 ":%02" PRIu64
			 ":%02" PRIu64 " left", label, bar, done * 100,
			 seconds / 3600, seconds / 60 % 60, seconds % 60);
	else
		snprintf(line, size, "%s [%s] %3.0f %%, %" PRIu64 ":%02" PRIu64
			 " left", label, bar, done * 100, seconds / 60,
			 seconds % 60);
}

void progress_show(const char *label, double done, uint64_t remaining_ns)
{
	static int terminal = -1;
	static uint64_t next;
	char line[80];

	if (terminal < 0)
		terminal = isatty(STDERR_FILENO) && getenv("TERM") &&
			   strcmp(getenv("TERM"), "dumb");
	if (!terminal || now_ns() < next)
		return;
	next = now_ns() + EVERY_NS;
	progress_line(line, sizeof(line), label, done, remaining_ns);
	/* Lines of results come out before what is still being measured */
	fflush(stdout);
	fprintf(stderr, "\r%s\033[K", line);
	shown = true;
}

void progress_clear(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
