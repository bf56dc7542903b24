// SPDX-License-Identifier: GPL-2.0
/*
 * What ends a transfer when the kernel is asked whether access was taken away: the
 * exporter, the user, or nothing. The kernel's answers are made up.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf-phys.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmabuf.h"
#include "interrupt.h"
#include "messages.h"
#include "tap.h"
#include "transfer.h"
#include "verb.h"

#define GENERATION 7

/* Of the questions: which one a signal ends, and which one finds another generation */
static struct {
	unsigned int nr;
	unsigned int signal_at;
	int sig;
	unsigned int taken_at;
} asked;

static uint64_t now;
static unsigned int nr_queued;

uint64_t __wrap_now_ns(void);
int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

/* As often as it asks what time it is */
uint64_t __wrap_now_ns(void)
{
	return now += 10000000;
}

int __wrap_open64(const char *path, int flags, ...)
{
	if (!strcmp(path, DMABUF_PHYS_NODE))
		path = "/dev/null";
	return __real_open64(path, flags, 0600);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct dma_buf_phys_query *query;
	va_list args;

	(void)fd;
	va_start(args, request);
	query = va_arg(args, struct dma_buf_phys_query *);
	va_end(args);
	errno = ENOTTY;
	if (request != DMA_BUF_PHYS_IOC_QUERY)
		return -1;
	if (++asked.nr == asked.signal_at) {
		if (asked.sig)
			raise(asked.sig);
		errno = EINTR;
		return -1;
	}
	query->generation = GENERATION + (asked.nr == asked.taken_at);
	query->nr_groups = 0;
	return 0;
}

static int post(struct engine *engine, const struct move *move, unsigned int tag)
{
	(void)engine;
	(void)move;
	(void)tag;
	nr_queued++;
	return 0;
}

static int poll(struct engine *engine, unsigned int *tag)
{
	(void)engine;
	*tag = 0;
	return nr_queued ? (int)nr_queued-- : 0;
}

/* Return: of a transfer that asks some times, and once more at its end */
static int run(void)
{
	static const struct engine_ops ops = { .kind = "fake", .post = post, .poll = poll };
	static struct stats stats;
	struct engine engine = { .ops = &ops, .name = "fake", .depth = 1, .max = 4096,
				 .align = 1, .ns_per_byte = 1 };
	struct end from = { .spec = "from" }, to = { .spec = "to", .watched = true,
						     .generation = GENERATION };
	const struct way way = { .leg = { { &from, &to } }, .nr = 1 };
	struct transfer transfer = { .engine = &engine, .way = &way, .size = 4096,
				     .areas = 1, .piece = 4096, .depth = 1,
				     .iterations = 100, .duration = UINT64_MAX,
				     .stats = &stats };

	from.buffer.fd = -1;
	to.buffer.fd = 1000;
	stats_reset(&stats);
	asked.nr = 0;
	return transfer_run(&transfer);
}

static void run_to_the_end(void)
{
	signal(SIGINT, SIG_DFL);
	interrupt_catch();
	_exit(run());
}

/* Where an interrupt does not end the test. @error receives what was said */
static int status_of(char error[256])
{
	int how = messages_of(run_to_the_end, error, 256);

	return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

int main(void)
{
	char error[256];
	unsigned int last, i;
	bool good;

	tap_ok(run() == EXIT_OK && asked.nr > 2, "nothing is taken away");
	last = asked.nr;

	asked.signal_at = 2;
	tap_ok(run() == EXIT_OK && asked.nr == last + 1,
	       "a signal that ends nothing: it is asked again");

	asked.sig = SIGINT;
	for (i = 1, good = true; i <= last; i += last - 1) {
		asked.signal_at = i;
		good &= status_of(error) == EXIT_INTERRUPTED && !error[0];
	}
	tap_ok(good, "Ctrl-C during a question, the last one, too, is Ctrl-C");

	asked.signal_at = 0;
	for (i = 1, good = true; i <= last; i += last - 1) {
		asked.taken_at = i;
		good &= status_of(error) == EXIT_FAILED && strstr(error, "to: access was revoked");
	}
	tap_ok(good, "access is taken away, and given back at once");
	return tap_end();
}
