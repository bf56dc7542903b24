/* SPDX-License-Identifier: MIT */
#ifndef LIB_MEMCG_H
#define LIB_MEMCG_H

#include <stdint.h>

#define MEMCG_ROOT "/sys/fs/cgroup"

/** memcg_mount - make sure that cgroups can have limits of memory */
void memcg_mount(void);

/**
 * memcg_make - make a cgroup, or be content with one that exists
 * @cgroup: its path, directly below %MEMCG_ROOT
 */
void memcg_make(const char *cgroup);

/** memcg_remove - remove a cgroup in which no process is, whatever is charged to it */
void memcg_remove(const char *cgroup);

/** memcg_dying - how many have been removed that somebody refers to still */
uint64_t memcg_dying(void);

/** memcg_enter - move this process into a cgroup */
void memcg_enter(const char *cgroup);

/**
 * memcg_stat - bytes that a cgroup pays for
 * @cgroup: path
 * @what: kind of memory, as in memory.stat. The kernel sums up every 2 s.
 */
uint64_t memcg_stat(const char *cgroup, const char *what);

/** memcg_tables - bytes for tables of IOMMUs and guests that a cgroup pays for */
uint64_t memcg_tables(const char *cgroup);

/**
 * memcg_limit - leave a cgroup the memory it has got
 * @cgroup: path
 * @more: and so many bytes, besides what CPUs have at hand, 256 KiB each
 */
void memcg_limit(const char *cgroup, uint64_t more);

/**
 * memcg_slow - let who asks for memory wait while a cgroup has too much
 * @cgroup: path
 * @bytes: more than that; with twice as much they wait 2 s each time
 */
void memcg_slow(const char *cgroup, uint64_t bytes);

/** memcg_no_limit - give it as much as there is */
void memcg_no_limit(const char *cgroup);

#endif /* LIB_MEMCG_H */
