// SPDX-License-Identifier: MIT
/*
 * What workers have in common: random numbers, counts, allocations that fail
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "random.h"
#include "run.h"
#include "sweep.h"

struct soak_shared *soak_shared;

bool soak_stops(void)
{
	return __atomic_load_n(&soak_shared->stop, __ATOMIC_ACQUIRE);
}

bool soak_unplugs(void)
{
	return __atomic_load_n(&soak_shared->unplugs, __ATOMIC_RELAXED);
}

void soak_wrong(struct soak_worker *worker, const char *fmt, ...)
{
	va_list args;

	if (!worker->nr_odd) {
		va_start(args, fmt);
		vsnprintf(worker->odd, sizeof(worker->odd), fmt, args);
		va_end(args);
	}
	__atomic_fetch_add(&worker->nr_odd, 1, __ATOMIC_RELEASE);
}

static bool may(const struct soak_call *call, int error)
{
	unsigned int i;

	for (i = 0; call->errnos[i]; i++)
		if (call->errnos[i] == error)
			return true;
	return false;
}

static int count(struct soak_worker *worker, unsigned int call, int ret)
{
	unsigned int error = ret < 0 ? (unsigned int)-ret : 0;

	if (error >= SOAK_ERRNOS)
		error = SOAK_ERRNOS - 1;
	__atomic_fetch_add(&worker->came[call][error], 1, __ATOMIC_RELAXED);
	/* Who only fails stands still, however much may fail */
	if (!error)
		__atomic_fetch_add(&worker->progress, 1, __ATOMIC_RELAXED);
	return ret;
}

int soak_ended(struct soak_worker *worker, unsigned int call, int ret)
{
	const struct soak_call *kind = &worker->kind->calls[call];

	if (ret < 0 && !may(kind, -ret))
		soak_wrong(worker, "%s: %s", kind->name, strerror(-ret));
	return count(worker, call, ret);
}

/* Of this thread, once it has been opened */
static __thread int fail_nth = -1;
static __thread bool armed;

/* One call in sixteen; most calls make fewer allocations than that */
void soak_may_fail(void)
{
	armed = soak_shared->injects && !below(16);
	if (armed && fail_nth < 0)
		fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	armed = armed && __sweep_arm(fail_nth, 1 + below(40));
}

/* A kernel with IOMMUFD_TEST makes look-ups, reservations and pins fail as well */
static bool is_injected(int ret)
{
	return ret == -ENOMEM || ret == -ENOENT || ret == -EINVAL || ret == -EFAULT;
}

int soak_failed(struct soak_worker *worker, unsigned int call, int ret)
{
	bool failed = armed && __sweep_disarm(fail_nth);

	armed = false;
	if (failed && is_injected(ret)) {
		__atomic_fetch_add(&worker->injected[call], 1, __ATOMIC_RELAXED);
		return count(worker, call, ret);
	}
	return soak_ended(worker, call, ret);
}

#define MAX_THREADS 8

static pthread_t threads[MAX_THREADS];
static unsigned int nr_threads;

void soak_work(struct soak_worker *worker)
{
	int ret;

	random_seed(worker->seed);
	ret = worker->kind->work(worker);
	if (ret)
		soak_wrong(worker, "cannot begin: %s", strerror(-ret));
	worker->ended = true;
}

static void *thread(void *worker)
{
	soak_work(worker);
	return NULL;
}

void soak_threads(const struct soak_kind *in)
{
	unsigned int i;

	for (i = 0; i < soak_shared->nr && nr_threads < MAX_THREADS; i++)
		if (soak_shared->worker[i].kind->in == in &&
		    !pthread_create(&threads[nr_threads], NULL, thread,
				    &soak_shared->worker[i]))
			nr_threads++;
}

void soak_join(void)
{
	while (nr_threads)
		pthread_join(threads[--nr_threads], NULL);
}
