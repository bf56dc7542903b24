// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attempt.h"
#include "calls.h"
#include "complaint.h"
#include "devices/klog.h"
#include "devices/sysfs.h"
#include "execute.h"

/* A call that takes longer hangs; one that was killed and stays hangs in the kernel */
#define HANGS_MS PATIENCE_MS
#define STAYS_MS 10000
/* What has failed once fails early the next time, or little is tried */
#define TRY_MS 5000

struct fuzz_report *fuzz_report_new(void)
{
	struct fuzz_report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (report == MAP_FAILED)
		return NULL;
	report->doing = "the beginning";
	return report;
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool run_sequence(const struct fuzz_table *table,
			 const struct fuzz_sequence *seq, bool show,
			 struct fuzz_report *report)
{
	const struct fuzz_op *op;
	uint64_t before;
	unsigned int i;
	long ret;

	report->nr = seq->nr;
	for (i = 0; i < seq->nr; i++) {
		op = table->op[seq->step[i].op];
		report->step = i;
		report->doing = op->name;
		before = now_us();
		ret = fuzz_execute(op, &seq->step[i]);
		report->us[seq->step[i].op] += now_us() - before;
		report->calls++;
		if (show)
			fuzz_show(op->name, ret);
		if (ret == -FUZZ_WRONG) {
			snprintf(report->why, sizeof(report->why), "%s: %s",
				 op->name, fuzz_why);
			return false;
		}
		if (ret > -FUZZ_MAX_ERRNO)
			report->came[seq->step[i].op][ret < 0 ? -ret : 0]++;
	}
	report->doing = "the end";
	before = now_us();
	ret = fuzz_reset();
	report->end_us += now_us() - before;
	if (!ret)
		return true;
	snprintf(report->why, sizeof(report->why), "at the end: %s", fuzz_why);
	return false;
}

/* Where the host sees it even if the VM dies */
static void note(uint64_t seed)
{
	const char *dir = getenv("SCRATCH");
	static int fd = -1;
	char path[200];

	if (fd < 0 && dir) {
		snprintf(path, sizeof(path), "%s/fuzz-seed", dir);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	}
	if (fd >= 0 && pwrite(fd, path, (size_t)snprintf(path, sizeof(path), "0x%016" PRIx64 "\n", seed), 0) < 0)
		close(fd);
}

/* Where calls that take any number for a file do not find it */
static int aside(int fd)
{
	int ret = fcntl(fd, F_DUPFD_CLOEXEC, 500);

	close(fd);
	return ret;
}

/* Some of what the kernel says only once it says again then */
static void listen_again(void)
{
	__sysfs_write("/sys/kernel/debug/clear_warn_once", "1");
	__sysfs_write("/sys/kernel/debug/dma-api/num_errors", "1");
}

/* Return: for the kernel's complaints from here on */
static int begin(void)
{
	int klog = aside(__klog_open()), sig;

	/* The harness's handlers would take its devices back */
	for (sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_DFL);
	if (klog < 0 || !freopen("/dev/null", "r", stdin))
		_exit(2);
	listen_again();
	fuzz_begin();
	return klog;
}

static void end(int klog, struct fuzz_report *report)
{
	/* What closing all that brings to light is the last sequence's */
	_exit(fuzz_end() || fuzz_complaint(klog, report));
}

static void child(const struct fuzz_plan *plan, struct fuzz_report *report)
{
	struct fuzz_sequence *seq = malloc(sizeof(*seq));
	uint64_t left = plan->calls;
	int klog = begin();

	if (!seq)
		_exit(2);
	for (report->seed = plan->seed; left; report->seed++) {
		note(report->seed);
		fuzz_generate(plan->table, report->seed,
			      left < plan->length ? (unsigned int)left : plan->length,
			      seq);
		if (!run_sequence(plan->table, seq, false, report) ||
		    fuzz_complaint(klog, report))
			_exit(1);
		left -= seq->nr;
		if (now_ms() > plan->end_ms)
			break;
	}
	end(klog, report);
}

static void say_why(int status, struct fuzz_report *report)
{
	if (status < 0)
		snprintf(report->why, sizeof(report->why), "step %u (%s) hangs",
			 report->step, report->doing);
	else if (WIFSIGNALED(status))
		snprintf(report->why, sizeof(report->why), "step %u (%s): %s",
			 report->step, report->doing, strsignal(WTERMSIG(status)));
	else if (status && !report->why[0])
		snprintf(report->why, sizeof(report->why),
			 "its end has failed, or a device could not be opened: see above");
}

/* Return: its status, or -1 if it stays */
static int end_child(pid_t pid)
{
	uint64_t deadline = now_ms() + STAYS_MS;
	int status;

	kill(pid, SIGKILL);
	while (now_ms() < deadline) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		usleep(5000);
	}
	return -1;
}

/* Return: its status, or -1 if it makes no progress */
static int watch(pid_t pid, const struct fuzz_report *report)
{
	uint64_t calls = report->calls, deadline = now_ms() + HANGS_MS;
	int status;

	while (now_ms() < deadline) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		if (report->calls != calls) {
			calls = report->calls;
			deadline = now_ms() + HANGS_MS;
		}
		usleep(5000);
	}
	end_child(pid);
	return -1;
}

bool fuzz_attempt(const struct fuzz_plan *plan, struct fuzz_report *report)
{
	pid_t pid;
	int status;

	report->why[0] = 0;
	fflush(NULL);
	pid = fork();
	if (!pid)
		child(plan, report);
	status = pid < 0 ? 1 << 8 : watch(pid, report);
	say_why(status, report);
	return !status;
}

static void try_all(struct fuzz_trier *trier, int pair)
{
	int klog = begin(), fd = aside(pair);
	uint8_t good;

	if (!trier->show)
		fuzz_patience_ms = TRY_MS;
	while (read(fd, &good, 1) == 1) {
		listen_again();
		good = run_sequence(trier->table, trier->seq, trier->show,
				    trier->report) &&
		       !fuzz_complaint(klog, trier->report);
		/* It has ended in the middle */
		if (!good && fuzz_reset())
			_exit(1);
		fflush(stdout);
		if (write(fd, &good, 1) != 1)
			break;
	}
	end(klog, trier->report);
}

static bool start(struct fuzz_trier *trier)
{
	int pair[2];

	if (!trier->seq)
		trier->seq = mmap(NULL, sizeof(*trier->seq), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (trier->seq == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return false;
	fflush(NULL);
	trier->pid = fork();
	if (!trier->pid) {
		close(pair[0]);
		try_all(trier, pair[1]);
	}
	close(pair[1]);
	trier->fd = pair[0];
	return trier->pid > 0;
}

/* Until it has something to say, or makes no progress */
static bool wait_for_child(const struct fuzz_trier *trier)
{
	struct pollfd pfd = { .fd = trier->fd, .events = POLLIN };
	uint64_t calls;

	do {
		calls = trier->report->calls;
		if (poll(&pfd, 1, HANGS_MS) == 1)
			return true;
	} while (trier->report->calls != calls);
	return false;
}

bool fuzz_try(struct fuzz_trier *trier, const struct fuzz_sequence *seq)
{
	uint8_t good = 0;
	int status = -1;

	if (!trier->pid && !start(trier))
		return false;
	memcpy(trier->seq, seq, sizeof(*seq));
	trier->report->why[0] = 0;
	if (write(trier->fd, &good, 1) == 1 && wait_for_child(trier)) {
		if (read(trier->fd, &good, 1) == 1)
			return good;
		waitpid(trier->pid, &status, 0);
	} else {
		end_child(trier->pid);
	}
	say_why(status, trier->report);
	close(trier->fd);
	trier->pid = 0;
	return false;
}

bool fuzz_try_no_more(struct fuzz_trier *trier)
{
	int status;

	if (!trier->pid)
		return true;
	close(trier->fd);
	status = watch(trier->pid, trier->report);
	trier->pid = 0;
	say_why(status, trier->report);
	return !status;
}
