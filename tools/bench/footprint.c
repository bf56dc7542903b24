// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel allocates on behalf of this process, by its trace events
 *
 *  - slab objects, and what kmalloc() takes from the page allocator: as many
 *    bytes as they occupy;
 *  - vmalloc areas, by their size: their pages come in bulk, mostly untraced;
 *  - other pages, such as those of a chained scatterlist.
 *
 * Pages that are slabs, large kmalloc()s or page tables are allocated as
 * compound pages, those of a vmalloc area with highmem allowed; so neither is
 * counted as a page.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "devices/ranges.h"
#include "fail.h"
#include "footprint.h"
#include "must.h"

#define TRACING "/sys/kernel/tracing/"

/* Open all the time: opening it allocates */
static int tracing_on = -1;

static void tracing(bool on)
{
	ssize_t ret = pwrite(tracing_on, on ? "1" : "0", 1, 0);

	if (ret != 1)
		fail(NULL, "cannot write to " TRACING "tracing_on: %s",
		     strerror(errno));
}

static void trace_events(const char *enable)
{
	static const char *const events[] = {
		"kmem/kmalloc", "kmem/kmem_cache_alloc", "kmem/mm_page_alloc",
		"vmalloc/alloc_vmap_area",
	};
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		snprintf(path, sizeof(path), TRACING "events/%s/enable",
			 events[i]);
		must_sysfs_write(path, enable);
	}
}

void footprint_open(void)
{
	char pid[16];

	tracing_on = open(TRACING "tracing_on", O_WRONLY | O_CLOEXEC);
	if (tracing_on < 0)
		fail("mount tracefs, in a kernel with CONFIG_FTRACE",
		     "no " TRACING ": %s", strerror(errno));
	tracing(false);
	snprintf(pid, sizeof(pid), "%d", getpid());
	must_sysfs_write(TRACING "set_event_pid", pid);
	trace_events("1");
}

void footprint_close(void)
{
	trace_events("0");
	close(tracing_on);
	tracing_on = -1;
}

void footprint_start(void)
{
	/* Opening it for writing is what empties it */
	int fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		fail(NULL, "cannot empty " TRACING "trace: %s",
		     strerror(errno));
	close(fd);
	tracing(true);
}

/* The number after a field's name; fails if there is no such field */
static uint64_t field(const char *event, const char *name)
{
	const char *at = strstr(event, name);

	if (!at)
		fail(NULL, "a trace event has no field '%s': %s", name, event);
	return strtoull(at + strlen(name), NULL, 0);
}

static uint64_t bytes_of(const char *line)
{
	const char *event;

	if ((event = strstr(line, ": kmalloc: ")) ||
	    (event = strstr(line, ": kmem_cache_alloc: ")))
		return field(event, " bytes_alloc=");
	event = strstr(line, ": alloc_vmap_area: ");
	if (event)
		/* Its last page is a hole that catches overruns */
		return field(event, " size=") - PAGE;
	event = strstr(line, ": mm_page_alloc: ");
	if (event && !strstr(event, "__GFP_COMP") && !strstr(event, "HIGH"))
		return PAGE << field(event, " order=");
	return 0;
}

/* "# entries-in-buffer/entries-written: 12/12   #P:1" */
static void check_complete(const char *line)
{
	uint64_t kept, written;

	if (sscanf(line, "# entries-in-buffer/entries-written: %" SCNu64 "/%" SCNu64,
		   &kept, &written) == 2 && kept != written)
		fail("give it a larger buffer (" TRACING "buffer_size_kb)",
		     "the kernel has lost trace events: %" PRIu64 " of %" PRIu64
		     " are left", kept, written);
}

uint64_t footprint_stop(void)
{
	uint64_t bytes = 0;
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	tracing(false);
	file = fopen(TRACING "trace", "re");
	if (!file)
		fail(NULL, "cannot read " TRACING "trace: %s",
		     strerror(errno));
	while (getline(&line, &size, file) > 0) {
		if (line[0] == '#')
			check_complete(line);
		else
			bytes += bytes_of(line);
	}
	free(line);
	fclose(file);
	return bytes;
}
