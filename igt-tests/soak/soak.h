/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, for a long time
 *
 * Workers are processes, so that one that crashes is seen, or threads of one of them. Each
 * makes calls until it is told to stop, and counts how they ended in memory that it shares
 * with who started it. Those that own memory hand out dma-bufs of it, through a socket:
 * to the others each is a dma-buf that may move, lose access, or die at any time.
 */
#ifndef SOAK_H
#define SOAK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SOAK_PAGE 4096ull

/* Most that a plan has, and kinds of calls that a worker makes */
#define SOAK_WORKERS 32
#define SOAK_CALLS 12
#define SOAK_ERRNOS 134

/**
 * struct soak_call - a kind of call that a worker makes
 * @name: short
 * @errnos: with which it may fail because of what the others do, up to 0
 */
struct soak_call {
	const char *name;
	const short *errnos;
};

#define SOAK_CALL(n, ...) { .name = n, .errnos = (const short []) { __VA_ARGS__ __VA_OPT__(,) 0 } }

struct soak_worker;

/**
 * struct soak_kind - a kind of worker
 * @name: of the worker, and of its socket if it hands out dma-bufs
 * @calls: what it does, up to one without a name
 * @in: kind of worker of which it is a thread, or NULL for a process
 * @gives: it hands out dma-bufs
 * @work: makes calls until soak_stops(); returns 0, or -errno if it could not begin
 */
struct soak_kind {
	const char *name;
	const struct soak_call *calls;
	const struct soak_kind *in;
	bool gives;
	int (*work)(struct soak_worker *worker);
};

/**
 * struct soak_worker - a worker
 * @kind: what it does
 * @pid: of its process
 * @seed: of its random numbers
 * @progress: calls that have gone well
 * @ended: it has been told to stop, and has
 * @came: how often each kind of call ended with each errno, 0 for well
 * @injected: how often one failed because an allocation was made to fail
 * @printed: how often each kind of call had gone well when that was printed last
 * @odd: what must not have happened, first
 * @nr_odd: how often such happened
 */
struct soak_worker {
	const struct soak_kind *kind;
	pid_t pid;
	uint64_t seed;
	uint64_t progress;
	bool ended;
	uint64_t came[SOAK_CALLS][SOAK_ERRNOS];
	uint64_t injected[SOAK_CALLS];
	uint64_t printed[SOAK_CALLS];
	char odd[160];
	uint64_t nr_odd;
};

/* All kinds there are, each in a file of its own */
extern const struct soak_kind soak_bar, soak_memory_off, soak_resets, soak_plugs;
extern const struct soak_kind soak_moves, soak_memfds;
extern const struct soak_kind soak_cpu, soak_watches, soak_areas, soak_type1, soak_disk;
extern const struct soak_kind soak_guests, soak_verbs;

/*
 * What a worker uses
 */

/** soak_stops - whether to stop */
bool soak_stops(void);

/**
 * soak_unplugs - whether devices may be unplugged yet
 *
 * The first time ends lockdep, by a report of pciehp's own: it has a third of the time to
 * look, and all of a short run.
 */
bool soak_unplugs(void);

/**
 * soak_ended - note how a call ended
 * @worker: who made it
 * @call: index of its kind
 * @ret: 0 or more, or -errno
 *
 * Return: @ret.
 */
int soak_ended(struct soak_worker *worker, unsigned int call, int ret);

/** soak_may_fail - now and then have an allocation of this thread fail, up to soak_failed() */
void soak_may_fail(void);

/** soak_failed - soak_ended() of a call for which soak_may_fail() was called before */
int soak_failed(struct soak_worker *worker, unsigned int call, int ret);

/* A call that may find no memory. It is made once. */
#define soak_try(worker, call, ...) \
	(soak_may_fail(), soak_failed(worker, call, __VA_ARGS__))

/** soak_wrong - something has happened that must not, whatever the others do */
void soak_wrong(struct soak_worker *worker, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** soak_threads - start the workers that are threads of this kind of worker */
void soak_threads(const struct soak_kind *in);

/** soak_join - wait until they have ended */
void soak_join(void);

/*
 * Which bytes there should be. The first word of every page says which page it is, and
 * what writes there writes that word again.
 */
#define SOAK_MAX_PAGES 32

/**
 * struct soak_buffer - a dma-buf
 * @fd: to be closed by who has it, -1 if there is none
 * @nr: how many pages it has
 * @word: first word of each page
 */
struct soak_buffer {
	int fd;
	uint32_t nr;
	uint64_t word[SOAK_MAX_PAGES];
};

/** soak_word - the first word of page @page of memory that has number @memory */
uint64_t soak_word(uint32_t memory, uint32_t page);

/**
 * soak_expect - look at a word that was read from a page of a dma-buf
 * @worker: who has read it
 * @buffer: the dma-buf
 * @page: of it
 * @word: what was read, which was there
 *
 * Return: 0.
 */
int soak_expect(struct soak_worker *worker, const struct soak_buffer *buffer,
		uint32_t page, uint64_t word);

/**
 * soak_judge - the same for a device, which need not know whether it got through
 *
 * A read that did not leaves anything but the first word of another page.
 *
 * Return: 0, or -EFAULT if it did not.
 */
int soak_judge(struct soak_worker *worker, const struct soak_buffer *buffer,
	       uint32_t page, uint64_t word);

/**
 * soak_take - have somebody hand out a dma-buf
 * @worker: who wants it
 * @call: kind of call that this is
 * @buffer: filled in
 *
 * Return: 0 or -errno; -EAGAIN if who was asked does not answer now.
 */
int soak_take(struct soak_worker *worker, unsigned int call,
	      struct soak_buffer *buffer);

/* What soak_take() may return */
#define SOAK_TAKE SOAK_CALL("take", EAGAIN)

/**
 * soak_give - hand out a dma-buf to who asks next
 * @worker: whose dma-bufs they are
 * @wait_ms: how long to wait for that
 * @which: fills in the dma-buf, which stays the caller's; returns 0 or -errno
 *
 * Return: 0; -ETIMEDOUT if nobody asked; or -errno.
 */
int soak_give(struct soak_worker *worker, int wait_ms,
	      int (*which)(struct soak_worker *worker, struct soak_buffer *buffer));

#endif /* SOAK_H */
