// SPDX-License-Identifier: MIT
/*
 * Threads that do their things over and over, and whether they met
 *
 * A storm proves something only if its calls ran at the same time. The first worker
 * is the one that takes access away; it counts where its calls begin and end, and
 * every other worker looks at that count before and after its own. So a storm lasts
 * until each has met the first one often enough, however busy the machine is.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "igt_core.h"
#include "sysfs.h"
#include "worker.h"

/* How often is enough, and how long a busy machine gets for it */
#define ENOUGH 10
#define STORM_MS 240000

static bool stop;
static unsigned int turn;	/* of the first worker; odd inside a call */

static void add(unsigned long *count)
{
	__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
}

static unsigned long get(unsigned long *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	struct worker *worker = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		unsigned int before;
		int ret;

		if (worker->first)
			__atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
		before = __atomic_load_n(&turn, __ATOMIC_SEQ_CST);
		ret = worker->once();
		if (worker->first)
			__atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
		else if (before & 1 ||
			 __atomic_load_n(&turn, __ATOMIC_SEQ_CST) != before)
			add(&worker->met);

		if (!ret) {
			add(&worker->done);
		} else if (ret == worker->allowed) {
			add(&worker->refused);
		} else {
			worker->error = ret;
			return NULL;
		}
	}
	return NULL;
}

static bool enough(struct worker *workers, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (get(&workers[i].done) < ENOUGH ||
		    (i && get(&workers[i].met) < ENOUGH))
			return false;
	return true;
}

void workers_run(struct worker *workers, unsigned int nr, unsigned int seconds)
{
	uint64_t least = now_ms() + seconds * 1000ull;
	uint64_t most = now_ms() + STORM_MS;
	pthread_t threads[MAX_WORKERS];
	struct timespec patience;
	bool failed = false;
	unsigned int i;

	igt_assert_lte((int)nr, MAX_WORKERS);
	stop = false;
	turn = 0;
	workers[0].first = true;
	for (i = 0; i < nr; i++)
		igt_assert(!pthread_create(&threads[i], NULL, work,
					   &workers[i]));
	while (!failed && now_ms() < most &&
	       (now_ms() < least || !enough(workers, nr))) {
		usleep(100000);
		for (i = 0; i < nr; i++)
			failed |= __atomic_load_n(&workers[i].error,
						  __ATOMIC_RELAXED) != 0;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	/* A revoke that waits for ever would take the VM's whole time */
	clock_gettime(CLOCK_REALTIME, &patience);
	patience.tv_sec += 120;
	for (i = 0; i < nr; i++)
		igt_abort_on_f(pthread_timedjoin_np(threads[i], NULL,
						    &patience),
			       "%s is stuck in the kernel\n", workers[i].name);

	for (i = 0; i < nr; i++) {
		igt_info("%-16s %8lu done, %8lu refused, %8lu beside %s\n",
			 workers[i].name, workers[i].done, workers[i].refused,
			 workers[i].met, workers[0].name);
		igt_assert_f(!workers[i].error, "%s: %s\n", workers[i].name,
			     strerror(-workers[i].error));
	}
	for (i = 0; i < nr; i++)
		igt_assert_f(workers[i].done >= ENOUGH &&
			     (!i || workers[i].met >= ENOUGH),
			     "%s went well %lu times, %lu calls were beside one of %s: no storm\n",
			     workers[i].name, workers[i].done, workers[i].met,
			     workers[0].name);
}
