// SPDX-License-Identifier: MIT
/*
 * Two that hand out dma-bufs of other memory: buffers that move, and memfds
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "devices/memory.h"
#include "movable.h"
#include "random.h"
#include "soak.h"

#define KEPT 6
#define PAGES 8u

/* Numbers of memory: the BAR is 0, these count from a number of their own on */
#define FIRST_MOVABLE 0x1000000u
#define FIRST_MEMFD 0x8000000u

static struct owned {
	int file;
	struct soak_buffer buffer;
} kept[KEPT];
static uint32_t made;

static void forget(struct owned *owned)
{
	if (owned->buffer.fd >= 0)
		close(owned->buffer.fd);
	if (owned->file >= 0)
		close(owned->file);
	owned->file = owned->buffer.fd = -1;
}

static void begin(void)
{
	unsigned int i;

	for (i = 0; i < KEPT; i++)
		kept[i].file = kept[i].buffer.fd = -1;
}

static int fill(struct owned *owned, uint32_t memory)
{
	uint32_t page;

	owned->buffer.nr = PAGES;
	for (page = 0; page < PAGES; page++) {
		owned->buffer.word[page] = soak_word(memory, page);
		if (pwrite(owned->file, &owned->buffer.word[page], 8,
			   (off_t)(page * SOAK_PAGE)) != 8)
			return errno ? -errno : -EIO;
	}
	return 0;
}

enum { CREATE, OLD, MOVE, DIE };

static const struct soak_call move_calls[] = {
	/* There is room in the BAR for so many */
	[CREATE] = SOAK_CALL("create"),
	[OLD] = SOAK_CALL("again"),
	[MOVE] = SOAK_CALL("move"),
	[DIE] = SOAK_CALL("kill"),
	{ 0 }
};

static int create(struct owned *owned)
{
	owned->file = open("/dev/dma-buf-movable", O_RDWR | O_CLOEXEC);
	if (owned->file < 0)
		return -errno;
	owned->buffer.fd = __movable_create(owned->file, PAGES * SOAK_PAGE);
	if (owned->buffer.fd < 0)
		return owned->buffer.fd;
	return fill(owned, FIRST_MOVABLE + made++);
}

static int movable(struct soak_worker *worker, struct soak_buffer *buffer)
{
	struct owned *owned = &kept[below(KEPT)];
	int ret;

	if (owned->file < 0) {
		ret = soak_try(worker, CREATE, create(owned));
		if (ret) {
			forget(owned);
			return ret;
		}
	} else {
		soak_ended(worker, OLD, 0);
	}
	*buffer = owned->buffer;
	return 0;
}

static int move(const struct owned *owned)
{
	uint32_t to = MOVABLE_TO(below(DMA_BUF_MOVABLE_NR_PLACEMENTS));

	return __movable_move(owned->file, to, 1 + below(3),
			      below(4) ? 0 : DMA_BUF_MOVABLE_WC);
}

/* A file that is closed takes access to its buffer away for good */
static int moves(struct soak_worker *worker)
{
	begin();
	while (!soak_stops()) {
		struct owned *owned = &kept[below(KEPT)];

		soak_give(worker, (int)below(50), movable);
		if (owned->file < 0)
			continue;
		if (!below(30)) {
			forget(owned);
			soak_ended(worker, DIE, 0);
		} else {
			soak_try(worker, MOVE, move(owned));
		}
	}
	return 0;
}

const struct soak_kind soak_moves = {
	.name = "moves", .calls = move_calls, .gives = true, .work = moves,
};

enum { MEMFD, UDMABUF, AGAIN };

static const struct soak_call memfd_calls[] = {
	[MEMFD] = SOAK_CALL("memfd"),
	[UDMABUF] = SOAK_CALL("udmabuf"),
	[AGAIN] = SOAK_CALL("again"),
	{ 0 }
};

static int memfd(struct soak_worker *worker, struct soak_buffer *buffer)
{
	struct owned *owned = &kept[below(KEPT)];
	int ret;

	if (owned->buffer.fd >= 0 && below(2)) {
		*buffer = owned->buffer;
		return soak_ended(worker, AGAIN, 0);
	}
	forget(owned);
	owned->file = __sealed_memfd(PAGES * SOAK_PAGE);
	ret = owned->file < 0 ? owned->file :
				fill(owned, FIRST_MEMFD + made++);
	if (soak_ended(worker, MEMFD, ret))
		goto out;
	owned->buffer.fd = soak_try(worker, UDMABUF,
				    __udmabuf(owned->file, 0, PAGES * SOAK_PAGE));
	ret = owned->buffer.fd;
	if (ret >= 0) {
		*buffer = owned->buffer;
		return 0;
	}
out:
	owned->buffer.fd = -1;
	forget(owned);
	return ret;
}

static int memfds(struct soak_worker *worker)
{
	begin();
	while (!soak_stops())
		soak_give(worker, 200, memfd);
	return 0;
}

const struct soak_kind soak_memfds = {
	.name = "memfds", .calls = memfd_calls, .gives = true, .work = memfds,
};
