// SPDX-License-Identifier: MIT
/*
 * Memory cgroups: who pays for page tables, and what happens if somebody cannot
 */
#include <errno.h>
#include <inttypes.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "igt_core.h"
#include "memcg.h"
#include "sysfs.h"

static const char *in(const char *cgroup, const char *file)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	return path;
}

void memcg_mount(void)
{
	if (access(MEMCG_ROOT "/cgroup.procs", F_OK))
		igt_assert(!mount("none", MEMCG_ROOT, "cgroup2", 0, NULL));
	sysfs_write(MEMCG_ROOT "/cgroup.subtree_control", "+memory");
}

void memcg_make(const char *cgroup)
{
	igt_assert(!mkdir(cgroup, 0755) || errno == EEXIST);
}

void memcg_remove(const char *cgroup)
{
	igt_assert_f(!rmdir(cgroup), "%s: %m\n", cgroup);
}

/* Of one of the cgroup's files, whose lines are a word and a number */
static uint64_t value_of(const char *cgroup, const char *name, const char *what)
{
	FILE *file = fopen(in(cgroup, name), "r");
	uint64_t value, found = UINT64_MAX;
	char word[64];

	igt_assert(file);
	while (fscanf(file, "%63s %" SCNu64, word, &value) == 2)
		if (!strcmp(word, what))
			found = value;
	fclose(file);
	igt_assert_neq_u64(found, UINT64_MAX);
	return found;
}

uint64_t memcg_dying(void)
{
	return value_of(MEMCG_ROOT, "cgroup.stat", "nr_dying_descendants");
}

void memcg_enter(const char *cgroup)
{
	sysfs_write(in(cgroup, "cgroup.procs"), "0");
}

uint64_t memcg_stat(const char *cgroup, const char *what)
{
	return value_of(cgroup, "memory.stat", what);
}

uint64_t memcg_tables(const char *cgroup)
{
	return memcg_stat(cgroup, "sec_pagetables");
}

void memcg_limit(const char *cgroup, uint64_t more)
{
	char text[32];

	igt_assert_eq(__sysfs_read(in(cgroup, "memory.current"), text,
				   sizeof(text)), 0);
	more += strtoull(text, NULL, 10);
	snprintf(text, sizeof(text), "%" PRIu64, more);
	sysfs_write(in(cgroup, "memory.max"), text);
}

void memcg_slow(const char *cgroup, uint64_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	sysfs_write(in(cgroup, "memory.high"), text);
}

void memcg_no_limit(const char *cgroup)
{
	sysfs_write(in(cgroup, "memory.max"), "max");
	sysfs_write(in(cgroup, "memory.high"), "max");
}
