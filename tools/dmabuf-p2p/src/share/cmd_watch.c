// SPDX-License-Identifier: GPL-2.0
/*
 * watch: when access to a dma-buf is taken away and given back
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dmabuf.h"
#include "interrupt.h"
#include "json.h"
#include "message.h"
#include "target.h"
#include "units.h"
#include "verb.h"

enum watch_option {
	OPTION_COUNT = 'n',
	OPTION_EXEC = 'x',
	OPTION_JSON = 'j',
	OPTION_TIMEOUT = 't',
};

struct args {
	struct target target;
	uint64_t count;
	double timeout;
	const char *exec;
	bool json;
};

/* What happened since the line before */
struct news {
	const char *event;
	uint64_t generation;
	uint64_t revokes;
	uint64_t restores;
	uint64_t moves;
	uint64_t time;
};

static const struct argp_option options[] = {
	TARGET_OPTIONS,
	{ "count", OPTION_COUNT, "N", 0, "End after N lines of events" },
	{ "timeout", OPTION_TIMEOUT, "SECONDS", 0,
	  "Give up when nothing has happened for so long" },
	{ "exec", OPTION_EXEC, "COMMAND", 0,
	  "Run COMMAND by sh for each line, $DMABUF_EVENT and $DMABUF_GENERATION set" },
	{ "json", OPTION_JSON, NULL, 0, "Print an object a line" },
	{ 0 }
};

static const char doc[] =
	"Print a line when access to a dma-buf is taken away (revoked), given back "
	"(restored), when its bytes go elsewhere (moved), and when it is gone for good "
	"(dead), which ends this. The first line tells how it is now."
	"\v"
	"None is lost: when several things have happened until a line is printed, as "
	"while a COMMAND runs, the line is about the last one and counts them all. One "
	"COMMAND runs at a time.\n\n"
	"Exit status: 0 it is dead, or --count was reached; 1 the system refused "
	"something; 2 bad usage; 3 --timeout was reached; 4 the kernel cannot tell.\n\n"
	"EXAMPLES\n\n"
	"  dmabuf-p2p watch unix:/run/bar.sock\n"
	"  dmabuf-p2p watch --pid 1234 --fd 17 --exec 'logger BAR $DMABUF_EVENT'\n"
	"  dmabuf-p2p watch fd:3 --count 1 --timeout 10\n";

static error_t parse_count(struct argp_state *state, const char *arg,
			   uint64_t *count)
{
	if (parse_number(arg, 1, UINT64_MAX, count))
		argp_error(state, "invalid event count '%s'", arg);
	return 0;
}

static error_t parse_timeout(struct argp_state *state, const char *arg,
			     double *timeout)
{
	char *end;

	/* No sign, no blank */
	*timeout = strtod(arg, &end);
	if (!strchr("0123456789.", arg[0]) || end == arg || *end || !(*timeout >= 0 && *timeout <= 1e6))
		argp_error(state, "invalid number of seconds '%s'", arg);
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case OPTION_COUNT:
		return parse_count(state, arg, &args->count);
	case OPTION_EXEC:
		args->exec = arg;
		return 0;
	case OPTION_JSON:
		args->json = true;
		return 0;
	case OPTION_TIMEOUT:
		return parse_timeout(state, arg, &args->timeout);
	case ARGP_KEY_END:
		target_default(&args->target);
		if (!args->target.spec &&
		    (!args->target.pid || args->target.fd < 0))
			argp_error(state, "one of fd:N, unix:PATH, and --pid with --fd");
		break;
	}
	return target_parse(&args->target, key, arg, state);
}

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Time of day, and for programs the date as well */
static void time_text(char *text, size_t size, uint64_t monotonic, bool full)
{
	uint64_t real = now(CLOCK_REALTIME) -
			(now(CLOCK_MONOTONIC) - monotonic);
	time_t seconds = (time_t)(real / 1000000000);
	char zone[8];
	struct tm tm;
	size_t len;

	localtime_r(&seconds, &tm);
	len = strftime(text, size, full ? "%FT%T" : "%T", &tm);
	len += (size_t)snprintf(text + len, size - len, ".%03u",
				(unsigned int)(real / 1000000 % 1000));
	/* +01:00, as RFC 3339 wants it */
	if (full && strftime(zone, sizeof(zone), "%z", &tm) == 5)
		snprintf(text + len, size - len, "%.3s:%s", zone, zone + 3);
}

static void print_news(const struct news *news, bool json)
{
	char time[64];
	struct json_object *obj;

	time_text(time, sizeof(time), news->time, json);
	if (json) {
		obj = json_new_object();
		json_text(obj, "time", time);
		json_text(obj, "event", news->event);
		json_number(obj, "generation", news->generation);
		json_number(obj, "revokes", news->revokes);
		json_number(obj, "restores", news->restores);
		json_number(obj, "moves", news->moves);
		json_print_line(obj, "event");
		return;
	}
	printf("%s  %-8s  (generation %" PRIu64, time, news->event,
	       news->generation);
	if (news->revokes + news->restores + news->moves > 1)
		printf("; since the last line %" PRIu64 " revoked, %" PRIu64
		       " restored, %" PRIu64 " moved",
		       news->revokes, news->restores, news->moves);
	puts(")");
	fflush(stdout);
}

/* Only Ctrl-C during the command ends the watch */
static void run_exec(const struct news *news, const char *command)
{
	char generation[32];
	int status;

	snprintf(generation, sizeof(generation), "%" PRIu64, news->generation);
	setenv("DMABUF_EVENT", news->event, 1);
	setenv("DMABUF_GENERATION", generation, 1);
	status = system(command);
	if (status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
		interrupt_die(SIGINT);
	if (status < 0)
		complain("--exec", NULL, "cannot run it: %s", strerror(errno));
	else if (WIFSIGNALED(status))
		complain("--exec", NULL, "signal %d ended the command",
			 WTERMSIG(status));
	else if (WEXITSTATUS(status))
		complain("--exec", NULL, "the command's exit status is %d",
			 WEXITSTATUS(status));
}

static const char *event_text(const struct dma_buf_phys_watch_event *event,
			      const struct news *news)
{
	if (event->state != DMA_BUF_PHYS_QUERY_LIVE)
		return dmabuf_phys_state_name(event->state);
	return news->moves && !news->restores ? "moved" : "restored";
}

/* Return: 1 for an event, 0 if none can come any more, -ETIME, or -errno */
static int next_news(int watch, const struct args *args, struct news *news)
{
	static struct dma_buf_phys_watch_event before;
	struct dma_buf_phys_watch_event event;
	struct pollfd pfd = { .fd = watch, .events = POLLIN };
	int ret, got;

	ret = poll(&pfd, 1, args->timeout < 0 ? -1 :
					(int)(args->timeout * 1000 + 0.5));
	if (!ret)
		return -ETIME;
	got = ret < 0 ? -errno : dmabuf_phys_watch_next(watch, &event);
	if (got <= 0)
		return got;
	news->time = event.time;
	news->generation = event.generation;
	news->revokes = event.nr_revokes - before.nr_revokes;
	news->restores = event.nr_restores - before.nr_restores;
	news->moves = event.nr_moves - before.nr_moves;
	news->event = event_text(&event, news);
	before = event;
	return 1;
}

static int follow(int watch, const struct args *args, const char *name)
{
	struct news news;
	uint64_t i;
	int ret;

	for (i = 0; !args->count || i < args->count; i++) {
		ret = next_news(watch, args, &news);
		if (!ret)
			return EXIT_OK;
		if (ret == -ETIME)
			return EXIT_MISMATCH;
		if (ret < 0) {
			complain(name, NULL, "cannot read the watch: %s",
				 strerror(-ret));
			return EXIT_FAILED;
		}
		print_news(&news, args->json);
		if (args->exec)
			run_exec(&news, args->exec);
	}
	return EXIT_OK;
}

static int complain_watch(const char *name, int err)
{
	switch (err) {
	case EOPNOTSUPP:
		complain(name, NULL,
			 "its exporter uses no physical lists, so it tells nobody");
		return EXIT_UNSUPPORTED;
	case ENOENT:
	case ENODEV:
	case ENXIO:
		complain(DMABUF_PHYS_NODE, "modprobe dma-buf-phys",
			 "there is no such file");
		return EXIT_UNSUPPORTED;
	default:
		complain(name, NULL, "cannot watch it: %s", strerror(err));
		return EXIT_FAILED;
	}
}

static int watch_fd(int fd, const struct args *args, const char *name)
{
	struct dmabuf dmabuf = { .fd = fd };
	struct news news = { .event = "dead" };
	int watch, ret;
	uint64_t size;

	ret = dmabuf_size(fd, name, &size);
	if (ret)
		return ret;
	watch = dmabuf_phys_watch(fd, O_CLOEXEC);
	if (watch < 0 && watch != -ESTALE)
		return complain_watch(name, -watch);

	/* After the watch, so that nothing is between the two */
	dmabuf_ask(&dmabuf, NULL);
	if (!dmabuf.query_error) {
		news.event = dmabuf_phys_state_name(dmabuf.query.state);
		news.generation = dmabuf.query.generation;
	}
	dmabuf_release(&dmabuf);
	news.time = now(CLOCK_MONOTONIC);
	print_news(&news, args->json);
	if (watch < 0)
		return EXIT_OK;
	ret = follow(watch, args, name);
	close(watch);
	return ret;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "fd:N\nunix:PATH\n--pid PID --fd N", doc
	};
	struct args args = { .target = TARGET_NONE, .timeout = -1 };
	char name[128];
	int fd, ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &args);
	fd = target_open(&args.target, name, sizeof(name));
	if (fd < 0)
		return -fd;
	ret = watch_fd(fd, &args, name);
	close(fd);
	return ret;
}

const struct verb cmd_watch = {
	"watch", "tell when access is taken away and given back", run
};
