// SPDX-License-Identifier: MIT
/*
 * Importers above the limit of their memory cgroup
 */
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "igt_core.h"
#include "memcg.h"
#include "ranges.h"
#include "sysfs.h"
#include "throttled.h"

#define ANON MiB(16)

static const char cgroup[] = MEMCG_ROOT "/throttled";

/* Not on its way back from a fault, where it holds no lock */
static bool waits_in_ioctl(pid_t task)
{
	char path[32], text[256];

	snprintf(path, sizeof(path), "/proc/%d/syscall", task);
	return task_state(task) == 'D' && !__sysfs_read(path, text, sizeof(text)) &&
	       strtol(text, NULL, 10) == SYS_ioctl;
}

pid_t throttled_start(int (*run)(int arg), int arg)
{
	int status;
	pid_t child;
	void *anon;

	memcg_mount();
	memcg_make(cgroup);
	memcg_enter(cgroup);
	child = fork();
	if (!child) {
		anon = mmap(NULL, ANON, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		/* Until there is a limit */
		raise(SIGSTOP);
		_exit(anon == MAP_FAILED || run(arg));
	}
	memcg_enter(MEMCG_ROOT);
	igt_assert(child > 0);
	igt_assert_eq(waitpid(child, &status, WUNTRACED), child);
	igt_assert(WIFSTOPPED(status));
	memcg_slow(cgroup, ANON / 4);
	kill(child, SIGCONT);
	return child;
}

void throttled_revoke(pid_t child, struct vfio_device *dev)
{
	uint64_t deadline = now_ms() + PATIENCE_MS, start, took;
	bool waits;
	int status;

	/* For the memory cgroup: nothing else that it does takes long */
	while (!(waits = waits_in_ioctl(child)) && now_ms() < deadline)
		usleep(10000);
	start = now_ms();
	vfio_memory_enable(dev, false);
	took = now_ms() - start;
	kill(child, SIGKILL);
	igt_assert_eq(waitpid(child, &status, 0), child);
	memcg_no_limit(cgroup);

	igt_assert_f(waits, "the importer does not wait\n");
	igt_info("a revoke took %" PRIu64 " ms\n", took);
	/* Broken it takes ten and more; what is left is a busy machine's */
	igt_assert_lte_u64(took, 5000);
}
