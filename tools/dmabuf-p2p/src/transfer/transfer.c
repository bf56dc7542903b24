// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs that go one or two legs each, several at a time
 *
 * The engine takes pieces, which it may finish in any order. A job is over when
 * all pieces of its last leg are; what the CPU copies is done on the spot.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "access.h"
#include "cpu.h"
#include "interrupt.h"
#include "message.h"
#include "progress.h"
#include "transfer.h"
#include "verb.h"

/*
 * The engine may keep us waiting for so long before it is asked less often, and
 * after that for a part of the time we have waited already: what is found out late
 * counts as time that the engine took. At 5 ms that is half a percent.
 */
#define SPIN_NS 5000000
#define SLEEP_PART 200
#define MAX_SLEEP_US 10000
#define PATIENCE_NS 30000000000ull

/* How often exporters are asked whether they have taken access away */
#define ASK_NS 100000000

/* How long after a failure it may take another host to say why */
#define NEWS_MS 1000

/**
 * struct job - moving one piece of transfer.size bytes
 * @active: there is one
 * @back: on the way back
 * @at: offset of its place
 * @disk_at: the same on a disk
 * @leg: that is under way
 * @posted: bytes of it that the engine has got
 * @pieces: of these, not done yet
 * @started: when
 */
struct job {
	bool active;
	bool back;
	uint64_t at;
	uint64_t disk_at;
	unsigned int leg;
	uint64_t posted;
	unsigned int pieces;
	uint64_t started;
};

/* Those with an index have it for each way: [1] is the way back */
struct state {
	struct transfer *t;
	struct job *job;	/* first those there, then those back */
	unsigned int nr_jobs;
	unsigned int active[2];
	unsigned int pieces[2];
	uint64_t nr_started[2];
	uint64_t progress;	/* when something was done last */
	uint64_t asked;		/* when exporters were */
	const struct end *taken; /* by its exporter, that is known of */
};

uint64_t transfer_stride(uint64_t size)
{
	return (size + TRANSFER_STRIDE - 1) & ~(TRANSFER_STRIDE - 1);
}

static uint64_t places(uint64_t room, uint64_t size)
{
	if (size > room)
		return 0;
	/* The last one need not be a whole stride */
	return (room - size) / transfer_stride(size) + 1;
}

uint64_t transfer_disk_areas(const struct end *from, const struct end *to,
			     uint64_t size)
{
	const struct end *disk = from->disk ? from : to;

	return disk->disk ? places(disk->size, size) : 0;
}

uint64_t transfer_areas(const struct end *from, const struct end *to,
			uint64_t size)
{
	return places(from->size < to->size ? from->size : to->size, size);
}

uint64_t transfer_piece(const struct engine *engine, uint64_t size,
			unsigned int pieces)
{
	uint64_t piece = transfer_stride(size / pieces + 1);

	/* Blocks may be longer than a stride */
	piece = (piece + engine->align - 1) / engine->align * engine->align;
	return piece < engine->max ? piece : engine->max;
}

unsigned int transfer_depth(const struct engine *engine, uint64_t size,
			    uint64_t piece, unsigned int wanted)
{
	uint64_t pieces = size / piece + (size % piece ? 1 : 0);
	uint64_t most = engine->depth / pieces;

	if (!most)
		most = 1;
	return wanted < most ? wanted : (unsigned int)most;
}

/* What an end's exporter has done to it since engine_reach(), as ask() */
static int ask_about(struct state *s, const struct end *end)
{
	uint64_t generation;
	int ret;

	if (end->far && far_ask(end->far, 0)) {
		s->taken = end;
		return -ENODEV;
	}
	if (!end->watched)
		return 0;
	ret = access_generation(end->buffer.fd, &generation);
	/* That says nothing of the exporter */
	if (ret == -EINTR)
		return EXIT_INTERRUPTED;
	if (!ret && generation == end->generation)
		return 0;
	s->taken = end;
	return -ENODEV;
}

/*
 * A device that writes to revoked memory is not told: so this is asked now and then,
 * and even after a transfer that seems to have gone well.
 *
 * Return: 0, EXIT_INTERRUPTED, or -ENODEV if access was taken away.
 */
static int ask(struct state *s)
{
	const struct way *way = s->t->way;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < way->nr; i++) {
		ret = ask_about(s, way->leg[i].from);
		if (!ret)
			ret = ask_about(s, way->leg[i].to);
	}
	return ret;
}

static bool is_time_to_ask(struct state *s)
{
	const uint64_t now = now_ns();

	if (now - s->asked < ASK_NS)
		return false;
	s->asked = now;
	return true;
}

/* The device may know before the server has said so */
static const struct end *far_gone(const struct state *s)
{
	const struct leg *leg = &s->t->way->leg[0];
	const struct end *end = leg->from->far ? leg->from : leg->to;

	return end->far && far_ask(end->far, NEWS_MS) ? end : NULL;
}

static int failed(struct state *s)
{
	const struct end *end = far_gone(s);

	if (end)
		return far_complain(end->far);
	if (s->taken || ask(s) == -ENODEV)
		complain(s->taken->spec,
			 "its memory was switched off, reset or unplugged; 'dmabuf-p2p watch' tells when",
			 "access was revoked by the exporter");
	else
		complain(s->t->engine->name, "see dmesg: the kernel may have said more",
			 "%s", s->t->engine->why);
	return EXIT_FAILED;
}

static void begin(struct state *s, struct job *job, uint64_t now)
{
	const struct transfer *t = s->t;
	const uint64_t stride = transfer_stride(t->size);
	const uint64_t disk = t->disk_areas ? t->disk_areas : t->areas;
	const bool back = job >= s->job + t->depth;
	const uint64_t nr = s->nr_started[back]++;

	*job = (struct job) {
		.active = true,
		.back = back,
		.at = (nr + (back ? t->areas / 2 : 0)) % t->areas * stride,
		.disk_at = (nr + t->disk_first) % disk * stride,
		.started = now,
	};
	s->active[back]++;
}

static void finish(struct state *s, struct job *job, uint64_t now)
{
	struct transfer *t = s->t;

	stats_add(job->back ? t->back_stats : t->stats, now - job->started);
	*(job->back ? &t->back_elapsed : &t->elapsed) = now - t->began;
	job->active = false;
	s->active[job->back]--;
}

static int copy_by_cpu(const struct leg *leg, uint64_t at, uint64_t size)
{
	uint8_t *to = leg->to->buffer.cpu + at;
	int ret = cpu_copy(to, leg->from->buffer.cpu + at, size, true);

	/* Until then it has only been posted */
	return ret || leg->to->buffer.fd < 0 ? ret : cpu_settle(to, size);
}

static const struct way *way_of(const struct state *s, const struct job *job)
{
	return job->back ? s->t->back : s->t->way;
}

/* The leg is done: on to the next one, or the job is done as well */
static int next_leg(struct state *s, struct job *job)
{
	const struct way *way = way_of(s, job);
	const struct leg *leg;

	while (++job->leg < way->nr) {
		job->posted = 0;
		leg = &way->leg[job->leg];
		if (!leg->by_cpu)
			return 0;
		if (copy_by_cpu(leg, job->at, s->t->size)) {
			snprintf(s->t->engine->why, sizeof(s->t->engine->why),
				 "the memory was taken away while the CPU used it");
			return -EFAULT;
		}
	}
	finish(s, job, now_ns());
	return 0;
}

/* The first leg may be the CPU's, too */
static int start(struct state *s, struct job *job)
{
	begin(s, job, now_ns());
	if (!way_of(s, job)->leg[0].by_cpu)
		return 0;
	job->leg = UINT32_MAX;
	return next_leg(s, job);
}

static int post(struct state *s, struct job *job)
{
	const struct leg *leg = &way_of(s, job)->leg[job->leg];
	struct move move = {
		.from = leg->from,
		.to = leg->to,
		.back = job->back,
	};
	int ret;

	while (job->posted < s->t->size &&
	       s->pieces[job->back] < s->t->engine->depth) {
		move.at = job->at + job->posted;
		move.disk_at = job->disk_at + job->posted;
		move.length = s->t->size - job->posted;
		if (move.length > s->t->piece)
			move.length = s->t->piece;
		ret = engine_post(s->t->engine, &move,
				  (unsigned int)(job - s->job));
		if (ret)
			return ret;
		job->posted += move.length;
		job->pieces++;
		s->pieces[job->back]++;
	}
	return 0;
}

/* 1 if there was one */
static int poll(struct state *s)
{
	unsigned int tag;
	struct job *job;
	int ret;

	ret = engine_poll(s->t->engine, &tag);
	if (ret <= 0)
		return ret;
	/* Where it comes from a device may have written it */
	if (tag >= s->nr_jobs || !s->job[tag].pieces) {
		snprintf(s->t->engine->why, sizeof(s->t->engine->why),
			 "it has completed what is not under way");
		return -EPROTO;
	}
	job = &s->job[tag];
	job->pieces--;
	s->pieces[job->back]--;
	if (job->leg == way_of(s, job)->nr - 1)
		s->t->moved += s->t->piece < s->t->size ? s->t->piece :
							  s->t->size;
	if (job->pieces || job->posted < s->t->size)
		return 1;
	ret = next_leg(s, job);
	return ret ? ret : 1;
}

static bool may_start(struct state *s, bool back, uint64_t now)
{
	const struct transfer *t = s->t;

	return s->active[back] < t->depth && s->nr_started[back] < t->iterations &&
	       (!s->nr_started[back] || now - t->began < t->duration);
}

static int begin_more(struct state *s)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < s->nr_jobs; i++)
		if (!s->job[i].active &&
		    may_start(s, i >= s->t->depth, now_ns()))
			ret = start(s, &s->job[i]);
	for (i = 0; !ret && i < s->nr_jobs; i++)
		if (s->job[i].active)
			ret = post(s, &s->job[i]);
	return ret;
}

/*
 * An engine that takes ages is not asked a million times a second, and given up
 * when it has not finished a single piece in the time for all that it has
 */
static int wait(struct state *s)
{
	const struct transfer *t = s->t;
	uint64_t idle = now_ns() - s->progress;
	uint64_t us = idle / SLEEP_PART / 1000;
	uint64_t bytes = (s->pieces[0] + s->pieces[1]) *
			 (t->piece < t->size ? t->piece : t->size);

	if (idle > PATIENCE_NS + bytes * t->engine->ns_per_byte) {
		snprintf(t->engine->why, sizeof(t->engine->why),
			 "no answer within %u s",
			 (unsigned int)(idle / 1000000000));
		return -ETIMEDOUT;
	}
	if (idle > SPIN_NS)
		usleep((useconds_t)(us < MAX_SLEEP_US ? us : MAX_SLEEP_US));
	return 0;
}

/* What the CPU moves, of foreign dma-bufs, begins and ends with telling them */
static int cpu_access(const struct transfer *t,
		      int (*fn)(const struct end *end, bool write))
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < t->way->nr; i++) {
		const struct leg *leg = &t->way->leg[i];

		if (!leg->by_cpu && t->engine->ops != &engine_cpu)
			continue;
		ret = fn(leg->from, false);
		if (!ret)
			ret = fn(leg->to, true);
	}
	return ret;
}

/* 0, EXIT_INTERRUPTED, or -errno */
static int loop(struct state *s)
{
	int ret = 0;

	while (!ret) {
		if (interrupted())
			return EXIT_INTERRUPTED;
		if (is_time_to_ask(s))
			ret = ask(s);
		if (!ret)
			ret = begin_more(s);
		if (ret || !(s->active[0] + s->active[1]))
			break;
		ret = poll(s);
		if (ret > 0) {
			s->progress = now_ns();
			ret = 0;
		} else if (!ret) {
			ret = wait(s);
		}
		if (s->t->tick)
			s->t->tick(s->t, s->t->arg);
	}
	return ret;
}

int transfer_run(struct transfer *transfer)
{
	struct state s = { .t = transfer };
	int ret;

	transfer->depth = transfer_depth(transfer->engine, transfer->size,
					 transfer->piece, transfer->depth);
	s.nr_jobs = transfer->depth * (transfer->back ? 2 : 1);
	s.job = calloc(s.nr_jobs, sizeof(*s.job));
	if (!s.job) {
		complain(NULL, NULL, "out of memory");
		return EXIT_FAILED;
	}
	/* By default the kernel wakes us up to 50 us late */
	prctl(PR_SET_TIMERSLACK, 1ul);
	transfer->moved = transfer->elapsed = transfer->back_elapsed = 0;
	transfer->engine->why[0] = 0;
	ret = cpu_access(transfer, access_begin);
	if (ret && interrupted()) {
		ret = EXIT_INTERRUPTED;
	} else if (ret) {
		snprintf(transfer->engine->why, sizeof(transfer->engine->why),
			 "an exporter does not let the CPU use its memory: %s",
			 strerror(-ret));
	} else {
		transfer->began = s.progress = s.asked = now_ns();
		ret = loop(&s);
		cpu_access(transfer, access_end);
	}
	free(s.job);
	progress_clear();
	if (!ret)
		ret = ask(&s);
	return ret < 0 ? failed(&s) : ret;
}
