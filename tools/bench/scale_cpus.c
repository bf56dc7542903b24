// SPDX-License-Identifier: GPL-2.0
/*
 * Several CPUs at once: faults and maps, of one dma-buf and of one each
 *
 * Time, not instructions: QEMU counts those of one CPU only. And QEMU's CPUs are threads
 * on however many CPUs the host has. With more of them than those, somebody who holds a
 * lock may not run at all for a while. So this shows whether the work that is done per
 * second collapses when many want the same lock, and whether CPUs that have nothing in
 * common hinder each other. It cannot show what it costs that CPUs take cache lines away
 * from each other, and more CPUs than the host has cannot get more done.
 *
 *  cpus-fault-one   page faults on a mapping of the same dma-buf, mmap() and munmap()
 *                   of it once for every 256 of them
 *  cpus-fault-many  the same with a dma-buf for each CPU
 *  cpus-fault-bar   the same with VFIO's own mapping of the BAR, without a dma-buf
 *  cpus-map-one     IOMMU_IOAS_MAP_FILE and unmap of the same dma-buf, each in an
 *                   address space of its own that no device uses
 *  cpus-map-many    the same with a dma-buf for each CPU
 *
 * Rows have "per_second", the sum of all CPUs. Each has a process of its own, since
 * threads would wait for each other's mmap() and not for anything of dma-bufs.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "array.h"
#include "clock.h"
#include "cost.h"
#include "devices/iommufd.h"
#include "devices/ranges.h"
#include "fail.h"
#include "must.h"
#include "scale.h"

#define MAX_CPUS 8
/* Long beside a time slice of the host's */
#define DURATION UINT64_C(2000000000)
#define PAGES 256

/**
 * struct worker - what a process does
 * @work: a little of it
 * @fd: the dma-buf, or the device
 * @offset: in it, bytes
 * @ioas: an address space
 * @done: how often it was done
 */
struct worker {
	void (*work)(struct worker *worker);
	int fd;
	uint64_t offset;
	uint32_t ioas;
	uint64_t done;
};

static struct shared {
	bool go, stop;
	struct worker workers[MAX_CPUS];
} *shared;

static void fault(struct worker *worker)
{
	unsigned int i;
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, worker->fd,
			(off_t)worker->offset);

	if (at == MAP_FAILED)
		fail(NULL, "cannot map a dma-buf: %s", strerror(errno));
	for (i = 0; i < PAGES; i++)
		*(volatile char *)(at + i * PAGE);
	munmap(at, PAGES * PAGE);
	worker->done += PAGES;
}

static void map(struct worker *worker)
{
	must_ioas_map_file(scale.iommufd, worker->ioas, worker->fd, 0,
			   PAGES * PAGE, IOVA);
	must_ioas_unmap(scale.iommufd, worker->ioas, IOVA, PAGES * PAGE);
	worker->done++;
}

static pid_t start_worker(struct worker *worker, unsigned int cpu)
{
	pid_t pid = fork();
	cpu_set_t cpus;

	if (pid < 0)
		fail(NULL, "cannot start a process: %s", strerror(errno));
	if (pid)
		return pid;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		fail("start it by tools/vm/run --cpus 8", "there is no CPU %u", cpu);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		sched_yield();
	while (!__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		worker->work(worker);
	_exit(0);
}

static void end_worker(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		fail(NULL, "a process has failed: see above");
}

static void run(const char *name, unsigned int cpus)
{
	pid_t pids[MAX_CPUS];
	uint64_t start, took, done = 0;
	unsigned int i;

	shared->go = false;
	shared->stop = false;
	for (i = 0; i < cpus; i++) {
		shared->workers[i].done = 0;
		pids[i] = start_worker(&shared->workers[i], i);
	}
	start = instructions();
	__atomic_store_n(&shared->go, true, __ATOMIC_RELEASE);
	do {
		usleep(10000);
		took = instructions() - start;
	} while (took < DURATION);
	__atomic_store_n(&shared->stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < cpus; i++) {
		end_worker(pids[i]);
		done += shared->workers[i].done;
	}
	took = instructions() - start;
	printf("{\"name\": \"%s\", \"variant\": \"%s\", \"route\": \"%s\", \"ranges\": %d, \"count\": %u, \"instructions\": null, \"bytes\": null, \"per_second\": %" PRIu64 ", \"error\": null}\n",
	       name, scale.variant, scale.route, PAGES, cpus,
	       done * 1000000000 / took);
	fflush(stdout);
}

static void run_all(const char *name)
{
	static const unsigned int counts[] = { 1, 2, 4, MAX_CPUS };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++)
		run(name, counts[i]);
}

static void measure_bar(void)
{
	unsigned int i;

	for (i = 0; i < MAX_CPUS; i++)
		shared->workers[i] = (struct worker) {
			.work = fault,
			.fd = scale.shm.fd,
			.offset = scale.shm.region[BAR].offset,
		};
	run_all("cpus-fault-bar");
}

static void measure(const char *name, void (*what)(struct worker *), bool same)
{
	struct vfio_region_dma_range *ranges = must_ranges_scattered(PAGES, 0, PAGE);
	struct worker *workers = shared->workers;
	unsigned int i;

	for (i = 0; i < MAX_CPUS; i++) {
		workers[i].work = what;
		workers[i].offset = 0;
		workers[i].fd = same && i ? workers[0].fd :
				must_vfio_dmabuf(&scale.shm, BAR, ranges, PAGES);
		workers[i].ioas = must_ioas_alloc(scale.iommufd);
	}
	run_all(name);
	for (i = 0; i < MAX_CPUS; i++) {
		__iommufd_destroy(scale.iommufd, workers[i].ioas);
		if (!same || !i)
			close(workers[i].fd);
	}
	free(ranges);
}

void scale_cpus(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		fail(NULL, "no memory: %s", strerror(errno));
	measure("cpus-fault-one", fault, true);
	measure("cpus-fault-many", fault, false);
	measure_bar();
	measure("cpus-map-one", map, true);
	measure("cpus-map-many", map, false);
	munmap(shared, sizeof(*shared));
}
