// SPDX-License-Identifier: GPL-2.0
/*
 * A thread of the highest priority that sleeps, looks at the clock, and takes a lock
 *
 * It preempts whatever can be preempted. So the time from its timer to the thread is
 * how long something could not; and if the lock is taken, the time until the thread
 * has it is how long it was held after that.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf-phys.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "probe.h"

#define NODE "/dev/dma_buf_phys"

static struct {
	pthread_t thread;
	bool stop;
	uint64_t period;
	int fd;
	struct probe found;
} probe;

static int node(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open(NODE, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int query_behind(int fd)
{
	struct dma_buf_phys_query query = { .size = sizeof(query), .fd = fd };
	int dev = node();

	if (dev < 0)
		return dev;
	return ioctl(dev, DMA_BUF_PHYS_IOC_QUERY, &query) < 0 ?
		       -errno : (int)query.nr_behind;
}

int watch_open(int fd)
{
	struct dma_buf_phys_watch arg = { .size = sizeof(arg), .flags = O_CLOEXEC, .fd = fd };
	int dev = node();
	int watch = dev < 0 ? dev : ioctl(dev, DMA_BUF_PHYS_IOC_WATCH, &arg);

	if (watch < 0)
		fail(NULL, "cannot watch a dma-buf: %s", strerror(errno));
	return watch;
}

void watch_restored(int watch)
{
	struct dma_buf_phys_watch_event event;

	do {
		if (read(watch, &event, sizeof(event)) < 0)
			fail(NULL, "cannot read a watch: %s", strerror(errno));
	} while (event.state != DMA_BUF_PHYS_QUERY_LIVE || event.nr_behind);
}

static void look(uint64_t due)
{
	uint64_t now = instructions();

	if (now - due > probe.found.late)
		probe.found.late = now - due;
	if (probe.fd >= 0 && query_behind(probe.fd) >= 0) {
		now = instructions() - now;
		if (now > probe.found.wait)
			probe.found.wait = now;
	}
	probe.found.samples++;
}

static void *probe_thread(void *unused)
{
	struct timespec at;
	uint64_t due;

	(void)unused;
	while (!__atomic_load_n(&probe.stop, __ATOMIC_ACQUIRE)) {
		due = instructions() + probe.period;
		at.tv_sec = (time_t)(due / 1000000000);
		at.tv_nsec = (long)(due % 1000000000);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		look(due);
	}
	probe.found.cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return NULL;
}

pthread_t start_first(void *(*thread)(void *), void *arg)
{
	const struct sched_param first = { .sched_priority = 1 };
	pthread_attr_t attr;
	pthread_t started;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &first);
	ret = pthread_create(&started, &attr, thread, arg);
	pthread_attr_destroy(&attr);
	if (ret)
		fail(NULL, "cannot start a thread of the highest priority: %s",
		     strerror(ret));
	return started;
}

void probe_start(uint64_t period, int fd)
{
	/* Whatever it needs the first time, it has */
	query_behind(fd);
	memset(&probe, 0, sizeof(probe));
	probe.period = period;
	probe.fd = fd;
	probe.thread = start_first(probe_thread, NULL);
}

void probe_stop(struct probe *found)
{
	__atomic_store_n(&probe.stop, true, __ATOMIC_RELEASE);
	pthread_join(probe.thread, NULL);
	*found = probe.found;
}
