// SPDX-License-Identifier: MIT
/*
 * The CPU by mmap(), in a process that stays and in children that are killed
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu_access.h"
#include "random.h"
#include "soak.h"

enum { TAKE, MAP, LOAD, STORE, CHILD };

static const struct soak_call calls[] = {
	[TAKE] = SOAK_TAKE,
	[MAP] = SOAK_CALL("mmap"),
	/* SIGBUS while there is no access */
	[LOAD] = SOAK_CALL("load", EFAULT),
	[STORE] = SOAK_CALL("store", EFAULT),
	[CHILD] = SOAK_CALL("child"),
	{ 0 }
};

static void *page_of(void *map, uint32_t page)
{
	return (uint8_t *)map + page * SOAK_PAGE;
}

static void touch(struct soak_worker *worker, const struct soak_buffer *buffer,
		  void *map)
{
	uint32_t page = below(buffer->nr);
	uint64_t word;
	int ret;

	if (below(2)) {
		ret = __cpu_load(page_of(map, page), &word);
		soak_ended(worker, LOAD,
			   ret ? ret : soak_expect(worker, buffer, page, word));
	} else {
		soak_ended(worker, STORE,
			   __cpu_store(page_of(map, page), buffer->word[page]));
	}
}

/* It has the mapping, and ends in the middle of something */
static int child(const struct soak_buffer *buffer, void *map)
{
	pid_t pid = fork();
	uint64_t word;
	int status;
	uint32_t i;

	if (pid < 0)
		return -errno;
	if (!pid) {
		/* A worker that is killed leaves none behind */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (i = 0;; i++)
			__cpu_load(page_of(map, i % buffer->nr), &word);
	}
	usleep(below(20000));
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : -EIO;
}

static int cpu(struct soak_worker *worker)
{
	struct soak_buffer buffer;
	unsigned int i, nr;
	void *map;

	cpu_access_init();
	while (!soak_stops()) {
		if (soak_take(worker, TAKE, &buffer))
			continue;
		soak_may_fail();
		map = __cpu_map(buffer.fd, NULL, buffer.nr * SOAK_PAGE, 0);
		soak_failed(worker, MAP, map ? 0 : -errno);
		/* The mapping is enough to keep it */
		close(buffer.fd);
		if (!map)
			continue;
		for (i = 0, nr = below(40); i < nr && !soak_stops(); i++) {
			touch(worker, &buffer, map);
			usleep(below(3000));
		}
		if (!below(8))
			soak_ended(worker, CHILD, child(&buffer, map));
		munmap(map, buffer.nr * SOAK_PAGE);
	}
	return 0;
}

const struct soak_kind soak_cpu = {
	.name = "cpu", .calls = calls, .work = cpu,
};
