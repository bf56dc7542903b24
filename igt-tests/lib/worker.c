// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "igt_core.h"
#include "worker.h"

static bool stop;

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		int ret = worker->once();

		if (!ret)
			worker->done++;
		else if (ret == worker->allowed)
			worker->refused++;
		else if (!worker->error)
			worker->error = ret;
	}
	return NULL;
}

void workers_run(struct worker *workers, unsigned int nr, unsigned int seconds)
{
	pthread_t threads[MAX_WORKERS];
	struct timespec patience;
	unsigned int i;

	igt_assert_lte((int)nr, MAX_WORKERS);
	stop = false;
	for (i = 0; i < nr; i++)
		igt_assert(!pthread_create(&threads[i], NULL, work,
					   &workers[i]));
	sleep(seconds);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	/* A revoke that waits for ever would take the VM's whole time */
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 60;
	for (i = 0; i < nr; i++)
		igt_abort_on_f(pthread_timedjoin_np(threads[i], NULL,
						    &patience),
			       "%s is stuck in the kernel\n", workers[i].name);

	for (i = 0; i < nr; i++) {
		igt_info("%-16s %8lu done, %8lu refused\n", workers[i].name,
			 workers[i].done, workers[i].refused);
		igt_assert_f(!workers[i].error, "%s: %s\n", workers[i].name,
			     strerror(-workers[i].error));
		igt_assert_f(workers[i].done, "%s never went well\n",
			     workers[i].name);
	}
}
