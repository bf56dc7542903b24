/* SPDX-License-Identifier: MIT */
#ifndef LIB_MOVABLE_H
#define LIB_MOVABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "movable_uapi.h"

/* Where a move may go to: bits for struct dma_buf_movable_move */
#define MOVABLE_TO(placement) (1u << (placement))
#define MOVABLE_ANYWHERE (MOVABLE_TO(DMA_BUF_MOVABLE_NR_PLACEMENTS) - 1)

/**
 * movable_bind - give ivshmem to the exporter whose buffers move
 *
 * Fails the test if that cannot be. $DMABUF_EXPORTER goes back to what it had
 * when the program exits.
 */
void movable_bind(void);

/** movable_open - a file for one buffer, or fail the test; Return: its fd */
int movable_open(void);

/**
 * __movable_create - make the buffer of a file, zeroed, in system memory
 * @movable: from movable_open()
 * @size: bytes
 *
 * Return: fd of the dma-buf, or -errno.
 */
int __movable_create(int movable, uint64_t size);
int movable_create(int movable, uint64_t size);

/**
 * __movable_move - move the buffer
 * @movable: from movable_open(), with a buffer
 * @placements: %MOVABLE_TO() of the placements that take turns
 * @count: how often
 * @flags: %DMA_BUF_MOVABLE_SLOW and so on
 *
 * Afterwards no importer uses the old place; the copy may still be running.
 *
 * Return: how often it was moved, or -errno.
 */
int __movable_move(int movable, uint32_t placements, uint32_t count,
		   uint32_t flags);

/** movable_move - the same or fail the test; and wait_restored() */
void movable_move(int movable, uint32_t placements, uint32_t count,
		  uint32_t flags);

/** movable_release - let a copy begin that %DMA_BUF_MOVABLE_HOLD keeps waiting */
void movable_release(int movable);

/** movable_info - where the buffer is, or fail the test */
void movable_info(int movable, struct dma_buf_movable_info *info);

/**
 * movable_read - read bytes of the buffer by the CPU, wherever they are
 * @movable: from movable_open(), with a buffer
 * @at: offset in the buffer
 * @data: receives them
 * @length: how many
 */
void movable_read(int movable, uint64_t at, void *data, size_t length);

/** movable_write - the same in the other direction */
void movable_write(int movable, uint64_t at, const void *data, size_t length);

/**
 * movable_bar - where the BAR is that buffers move to
 * @start: receives its physical address
 * @length: receives its size, bytes
 */
void movable_bar(uint64_t *start, uint64_t *length);

/* A move that need not wait takes a fraction of this, a transfer of edu 100 ms */
#define MOVER_WAITED_MS 40

/**
 * struct mover - a thread that moves a buffer anywhere, with short pauses
 * @thread: it, if @running
 * @running: between mover_start() and mover_stop()
 * @stop: asks it to end
 * @movable: whose buffer
 * @slow_every: every so many moves one takes its time to copy
 * @allowed: how many moves it may have made
 * @begun: how many it has begun
 * @done: how many it has made
 * @waited: how many of them took %MOVER_WAITED_MS or more although the last copy
 *	was not slow: for a device that was at work
 * @error: what a move failed with, and the end
 */
struct mover {
	pthread_t thread;
	bool running;
	bool stop;
	int movable;
	unsigned int slow_every;
	unsigned int allowed;
	unsigned int begun;
	unsigned int done;
	unsigned int waited;
	int error;
};

/** mover_start - start the thread; it may not move yet */
void mover_start(struct mover *mover, int movable, unsigned int slow_every);

/** mover_stop - end it after the move it is at; harmless if it is not running */
void mover_stop(struct mover *mover);

/** mover_allow - let it make @moves more */
void mover_allow(struct mover *mover, unsigned int moves);

/** mover_wait - wait until it has made all that it may, or fail the test */
void mover_wait(struct mover *mover);

/** mover_begun - how many moves it has begun */
unsigned int mover_begun(const struct mover *mover);

#endif /* LIB_MOVABLE_H */
