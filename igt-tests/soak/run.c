// SPDX-License-Identifier: MIT
/*
 * Starts workers, looks at them five times a second, ends them, and says what was wrong
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "devices/memory.h"
#include "devices/sysfs.h"
#include "igt_core.h"
#include "sample.h"
#include "run.h"

/* So often a call may fail at first, and in so many seconds everything has been called */
#define TRIES 20
#define ALL_S 1800
/* See soak_unplugs() */
#define UNPLUGS_S 300

#define MAX_SAMPLES 720
/* Enough of them in a short run */
#define LEAST_SAMPLES 60
#define SAMPLE_MS 5000

static struct soak_plan *plan;
static uint64_t began;
static int dmabufs;

static struct soak_sample samples[MAX_SAMPLES];
static size_t nr_samples;
static uint64_t sample_ms;

static void bad(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void bad(const char *fmt, ...)
{
	size_t used = strlen(plan->bad);
	va_list args;
	char *line = plan->bad + used;

	va_start(args, fmt);
	vsnprintf(line, sizeof(plan->bad) - used, fmt, args);
	va_end(args);
	printf("WRONG: %s", line);
	if (plan->log) {
		line[strcspn(line, "\n")] = 0;
		fprintf(plan->log, "{\"ms\": %" PRIu64 ", \"wrong\": \"%s\"}\n",
			now_ms() - began, line);
		fflush(plan->log);
		strncat(line, "\n", sizeof(plan->bad) - used - strlen(line) - 1);
	}
	fflush(stdout);
}

/*
 * Not the harness's handlers, which would take its devices back. A child's output is not
 * its parent's.
 */
static void begin(struct soak_worker *worker)
{
	int sig;

	for (sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, worker->kind->name);
	/* Those that take access away come seldom enough to it, among so many others */
	if (worker->kind->gives)
		setpriority(PRIO_PROCESS, 0, -5);
	soak_work(worker);
	_exit(0);
}

/* A program that ends early gives its devices back, for which it waits for who has them */
static void kill_workers(int sig)
{
	unsigned int i;

	(void)sig;
	for (i = 0; soak_shared && i < soak_shared->nr; i++)
		if (soak_shared->worker[i].pid)
			kill(soak_shared->worker[i].pid, SIGKILL);
}

static unsigned int nr_calls(const struct soak_kind *kind)
{
	unsigned int nr = 0;

	while (kind->calls[nr].name)
		nr++;
	return nr;
}

static bool start(void)
{
	unsigned int i, j;
	pid_t pid;

	soak_shared = mmap(NULL, sizeof(*soak_shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (soak_shared == MAP_FAILED) {
		soak_shared = NULL;
		return false;
	}
	igt_install_exit_handler(kill_workers);
	soak_shared->injects = plan->injects;
	while (plan->kinds[soak_shared->nr]) {
		struct soak_worker *worker = &soak_shared->worker[soak_shared->nr];

		igt_assert_lt(soak_shared->nr, SOAK_WORKERS);
		worker->kind = plan->kinds[soak_shared->nr];
		igt_assert_lte(nr_calls(worker->kind), SOAK_CALLS);
		worker->seed = plan->seed + soak_shared->nr;
		soak_shared->socket[soak_shared->nr] =
			worker->kind->gives ? soak_listen(soak_shared->nr) : -1;
		soak_shared->nr++;
	}
	fflush(NULL);
	for (i = 0; i < soak_shared->nr; i++) {
		struct soak_worker *worker = &soak_shared->worker[i];

		if (worker->kind->in)
			continue;
		/* The child shares its place in memory */
		pid = fork();
		if (!pid)
			begin(worker);
		if (pid < 0) {
			bad("%s: cannot fork\n", worker->kind->name);
			continue;
		}
		for (j = 0; j < soak_shared->nr; j++)
			if (j == i || soak_shared->worker[j].kind->in == worker->kind)
				soak_shared->worker[j].pid = pid;
	}
	return true;
}

/* Where its threads are in the kernel */
static void print_stacks(pid_t pid)
{
	char command[160];

	snprintf(command, sizeof(command),
		 "for t in /proc/%d/task/*; do echo \"$t $(cat $t/comm) $(cat $t/wchan)\"; cat $t/stack; done",
		 (int)pid);
	fflush(stdout);
	if (system(command))
		printf("no stack of process %d\n", (int)pid);
}

/* What each counted when it was last seen to, and when that was */
static struct {
	uint64_t progress, ms;
	bool told;
} last[SOAK_WORKERS];

static void look_at_progress(uint64_t ms)
{
	unsigned int i;

	for (i = 0; i < soak_shared->nr; i++) {
		struct soak_worker *worker = &soak_shared->worker[i];

		if (worker->progress != last[i].progress) {
			last[i].progress = worker->progress;
			last[i].ms = ms;
			last[i].told = false;
		} else if (worker->pid && !last[i].told &&
			   ms - last[i].ms > plan->stands_still_s * 1000ull) {
			bad("%s has stood still for %u s\n", worker->kind->name,
			    plan->stands_still_s);
			last[i].told = true;
			print_stacks(worker->pid);
		}
	}
}

static void forget(pid_t pid, const char *how, int number)
{
	unsigned int i;

	for (i = 0; i < soak_shared->nr; i++) {
		struct soak_worker *worker = &soak_shared->worker[i];

		if (worker->pid != pid)
			continue;
		worker->pid = 0;
		if (!worker->ended && !worker->kind->in)
			bad("%s %s %d\n", worker->kind->name, how, number);
		else if (!soak_stops() && !worker->kind->in && !worker->nr_odd)
			bad("%s has ended by itself\n", worker->kind->name);
	}
}

/* Return: whether any are there */
static bool look_for_ends(void)
{
	unsigned int i;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (WIFSIGNALED(status))
			forget(pid, "was ended by signal", WTERMSIG(status));
		else
			forget(pid, "has ended with status", WEXITSTATUS(status));
	}
	for (i = 0; i < soak_shared->nr; i++)
		if (soak_shared->worker[i].pid)
			return true;
	return false;
}

/* A long run keeps every second sample, then every fourth, and so on */
static void keep_sample(uint64_t ms)
{
	struct soak_sample sample;
	size_t i;

	soak_sample(&sample, ms);
	if (nr_samples == MAX_SAMPLES) {
		nr_samples /= 2;
		for (i = 0; i < nr_samples; i++)
			samples[i] = samples[2 * i];
		sample_ms *= 2;
	}
	samples[nr_samples++] = sample;
	if (!plan->log)
		return;
	fprintf(plan->log, "{\"ms\": %" PRIu64, ms);
	for (i = 0; i < SOAK_NR_VALUES; i++)
		if (sample.value[i] != UINT64_MAX)
			fprintf(plan->log, ", \"%s\": %" PRIu64,
				soak_values[i].name, sample.value[i]);
	fprintf(plan->log, "}\n");
	soak_log_calls(plan->log, ms);
}

static uint64_t tries(const struct soak_worker *worker, unsigned int call)
{
	unsigned int error;
	uint64_t nr = 0;

	for (error = 0; error < SOAK_ERRNOS; error++)
		nr += worker->came[call][error];
	return nr;
}

/* Whether a third of what a worker does has gone well */
static bool has_begun(const struct soak_worker *worker)
{
	unsigned int call, well = 0;

	for (call = 0; worker->kind->calls[call].name; call++)
		well += !!worker->came[call][0];
	return 3 * well >= call;
}

/* What never went well shows nothing. A short run does not come to everything. */
static bool is_missed(const struct soak_worker *worker, unsigned int call)
{
	return !worker->came[call][0] &&
	       (plan->seconds >= ALL_S || tries(worker, call) >= TRIES ||
		!has_begun(worker));
}

static uint64_t injections(void)
{
	unsigned int i, call;
	uint64_t nr = 0;

	for (i = 0; i < soak_shared->nr; i++)
		for (call = 0; call < SOAK_CALLS; call++)
			nr += soak_shared->worker[i].injected[call];
	return nr;
}

static bool misses_something(void)
{
	unsigned int i, call;

	for (i = 0; i < soak_shared->nr; i++) {
		const struct soak_worker *worker = &soak_shared->worker[i];

		/* Who has ended does no more */
		for (call = 0; worker->pid && worker->kind->calls[call].name; call++)
			if (is_missed(worker, call))
				return true;
	}
	return plan->injects && !injections();
}

/* On a busy machine it takes longer until there is something to judge */
static void watch(void)
{
	uint64_t end = plan->seconds * 1000ull, ms, sampled = 0, minute = 60000;
	uint64_t patience = plan->stands_still_s * 1000ull;

	while ((ms = now_ms() - began) < end ||
	       (ms < end + patience && misses_something())) {
		if (plan->seconds >= UNPLUGS_S && ms > end / 3)
			soak_shared->unplugs = true;
		look_at_progress(ms);
		if (!look_for_ends())
			break;
		if (ms >= sampled) {
			keep_sample(ms);
			sampled += sample_ms;
		}
		if (ms >= minute) {
			soak_print_minute(ms);
			minute += 60000;
		}
		usleep(200000);
	}
}

static void stop(void)
{
	uint64_t deadline = now_ms() + plan->stands_still_s * 1000ull;
	unsigned int i;

	__atomic_store_n(&soak_shared->stop, true, __ATOMIC_RELEASE);
	while (look_for_ends() && now_ms() < deadline)
		usleep(100000);
	for (i = 0; i < soak_shared->nr; i++) {
		struct soak_worker *worker = &soak_shared->worker[i];

		if (!worker->pid)
			continue;
		if (!worker->ended) {
			bad("%s does not stop\n", worker->kind->name);
			print_stacks(worker->pid);
		}
		if (!worker->kind->in)
			kill(worker->pid, SIGKILL);
	}
	for (i = 0; i < 100 && look_for_ends(); i++)
		usleep(100000);
	for (i = 0; i < soak_shared->nr; i++)
		if (soak_shared->socket[i] >= 0)
			close(soak_shared->socket[i]);
}

static void judge_workers(void)
{
	unsigned int i, call;

	for (i = 0; i < soak_shared->nr; i++) {
		const struct soak_worker *worker = &soak_shared->worker[i];

		if (worker->nr_odd)
			bad("%s: %s, %" PRIu64 " times such things\n",
			    worker->kind->name, worker->odd, worker->nr_odd);
		for (call = 0; worker->kind->calls[call].name; call++)
			if (is_missed(worker, call))
				bad("%s: %s never went well\n", worker->kind->name,
				    worker->kind->calls[call].name);
	}
	if (plan->injects && !injections())
		bad("no allocation was made to fail\n");
}

static void judge_memory(void)
{
	uint64_t deadline = now_ms() + plan->stands_still_s * 1000ull, first, then;
	unsigned int value;
	int left;

	for (value = 0; value < SOAK_NR_VALUES; value++)
		if (soak_grows(samples, nr_samples, (enum soak_value)value, &first,
			       &then))
			bad("%s: %" PRIu64 " %s in the end instead of %" PRIu64 "\n",
			    soak_values[value].name, then, soak_values[value].unit,
			    first);
	/* Files, and who holds what files are of, go a moment later */
	while ((left = __dmabuf_count()) > dmabufs && now_ms() < deadline)
		usleep(100000);
	if (left > dmabufs)
		bad("%d dma-bufs are left\n", left - dmabufs);
}

bool soak_run(struct soak_plan *what)
{
	plan = what;
	plan->bad[0] = 0;
	nr_samples = 0;
	memset(last, 0, sizeof(last));
	sample_ms = plan->seconds * 1000ull / LEAST_SAMPLES;
	if (sample_ms > SAMPLE_MS)
		sample_ms = SAMPLE_MS;
	dmabufs = __dmabuf_count();
	if (plan->log)
		soak_log_units(plan->log);
	began = now_ms();
	if (!start()) {
		bad("no memory\n");
		return false;
	}
	/* Who looks at the time is not to wait for those who are looked at */
	setpriority(PRIO_PROCESS, 0, -10);
	watch();
	stop();
	keep_sample(now_ms() - began);
	soak_print_minute(now_ms() - began);
	setpriority(PRIO_PROCESS, 0, 0);
	judge_workers();
	judge_memory();
	munmap(soak_shared, sizeof(*soak_shared));
	soak_shared = NULL;
	return !plan->bad[0];
}
