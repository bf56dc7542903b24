// SPDX-License-Identifier: MIT
/*
 * An exporter whose buffers move and end
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "file.h"
#include "ops.h"

/* A file each, and its buffer; a slot's former ones stay known for a while */
static struct buffer {
	int fd;
	uint64_t inode, pages;
	bool closed, shared, encrypted;
} buffers[64];
static unsigned int next;

static struct buffer *find(int fd)
{
	unsigned int i;

	for (i = 0; fd >= 0 && i < 64; i++)
		if (buffers[i].inode && !buffers[i].closed && buffers[i].fd == fd)
			return &buffers[i];
	return NULL;
}

static enum fuzz_reach reach(uint64_t i)
{
	const struct buffer *buffer = &buffers[i];

	/* Somebody else may have the file */
	if (buffer->closed)
		return buffer->shared ? FUZZ_MAY : FUZZ_MUST_NOT;
	return buffer->encrypted ? FUZZ_MAY : FUZZ_MUST;
}

static long release(unsigned int slot, long fd)
{
	struct buffer *buffer = find((int)fd);

	(void)slot;
	if (buffer) {
		buffer->closed = true;
		buffer->shared = fuzz_file_is_shared();
	}
	return close((int)fd) ? -errno : 0;
}

long fuzz_movable_begin(void)
{
	fuzz_on_release(FUZZ_MOVABLE, release);
	return 0;
}

long call_movable(const uint64_t *arg)
{
	int fd = open("/dev/dma-buf-movable", O_RDWR | O_CLOEXEC);

	(void)arg;
	return fd < 0 ? -errno : fd;
}

/* File, bytes */
long call_movable_dmabuf(const uint64_t *arg)
{
	struct dma_buf_movable_create create = { .size = arg[1] };
	long fd = fuzz_ioctl(arg[0], DMA_BUF_MOVABLE_CREATE, (uintptr_t)&create);
	struct fuzz_bytes *bytes = fd < 0 ? NULL : fuzz_bytes_new((int)fd);
	struct buffer *buffer;
	uint64_t page;

	if (!bytes)
		return fd;
	buffer = &buffers[next++ % 64];
	*buffer = (struct buffer) {
		.fd = (int)arg[0],
		.inode = bytes->inode,
		.pages = arg[1] / FUZZ_PAGE,
	};
	bytes->reach = reach;
	bytes->data = (uint64_t)(buffer - buffers);
	for (page = 0; page < buffer->pages && page < FUZZ_KNOWN_PAGES; page++) {
		bytes->word[page] = fuzz_own_word(bytes->inode, page);
		if (pwrite((int)arg[0], &bytes->word[page], 8,
			   (off_t)(page * FUZZ_PAGE)) != 8)
			return fuzz_wrong("cannot fill page %" PRIu64, page);
	}
	bytes->pages = page;
	return fd;
}

/* File, placements, how often, flags */
long call_move(const uint64_t *arg)
{
	struct dma_buf_movable_move move = {
		.placements = (uint32_t)arg[1],
		.count = (uint32_t)arg[2] % 64,
		/* Not what would have the next touch wait */
		.flags = (uint32_t)arg[3] & ~(uint32_t)(DMA_BUF_MOVABLE_HOLD | DMA_BUF_MOVABLE_SLOW),
	};
	struct buffer *buffer = find((int)arg[0]);
	long ret = fuzz_ioctl(arg[0], DMA_BUF_MOVABLE_MOVE, (uintptr_t)&move);
	struct fuzz_bytes *bytes;

	/* Some of those that it was to make it may have made */
	if (buffer && (!ret || move.flags & DMA_BUF_MOVABLE_ENCRYPTED))
		buffer->encrypted = move.flags & DMA_BUF_MOVABLE_ENCRYPTED;
	bytes = buffer ? fuzz_bytes_by_inode(buffer->inode) : NULL;
	if (bytes && (!ret || move.flags & DMA_BUF_MOVABLE_WC))
		bytes->uncached = move.flags & DMA_BUF_MOVABLE_WC;
	return ret;
}

/* File, page, whether to write */
long call_movable_rw(const uint64_t *arg)
{
	struct buffer *buffer = find((int)arg[0]);
	off_t at = (off_t)(arg[1] * FUZZ_PAGE);
	uint64_t word = buffer ? fuzz_own_word(buffer->inode, arg[1]) : 0, is;
	ssize_t ret;

	if (!buffer || arg[1] >= buffer->pages)
		return pread((int)arg[0], &is, 8, at) < 0 ? -errno : 0;
	if (arg[2] & 1)
		ret = pwrite((int)arg[0], &word, 8, at);
	else
		ret = pread((int)arg[0], &is, 8, at);
	if (ret >= 0 && ret != 8)
		return fuzz_wrong("%zd bytes of page %" PRIu64 " instead of 8", ret, arg[1]);
	if (ret == 8 && !(arg[2] & 1) && is != word)
		return fuzz_wrong("page %" PRIu64 " has 0x%" PRIx64 " instead of 0x%" PRIx64,
				  arg[1], is, word);
	return ret < 0 ? -errno : ret;
}

#define MOVABLE_INFO struct dma_buf_movable_info

const struct fuzz_op fuzz_movable_ops[] = {
	{
		.name = "movable", .weight = 16, GIVES(FUZZ_MOVABLE),
		CALL(call_movable), ARGS(), ERRNOS(EMFILE),
	}, {
		.name = "movable-dmabuf", .weight = 30, GIVES(FUZZ_DMABUF),
		CALL(call_movable_dmabuf),
		ARGS(ARG("file", RES(FUZZ_MOVABLE)),
		     ARG("bytes", OF(2 * FUZZ_PAGE, 2 * FUZZ_PAGE, 8 * FUZZ_PAGE)),),
		ERRNOS(OTHER_FILE, EBUSY, EMFILE),
	}, {
		.name = "move", .weight = 30, GIVES_NOTHING, CALL(call_move),
		ARGS(ARG("file", RES(FUZZ_MOVABLE)), ARG("placements", BELOW(16, 1)),
		     ARG("count", OF(1, 1, 2, 5)),
		     ARG("flags", OF(0, 0, 0, DMA_BUF_MOVABLE_WC,
				     DMA_BUF_MOVABLE_ENCRYPTED)),),
		ERRNOS(OTHER_FILE, EINVAL, ENXIO, EBUSY, ENOSPC),
	}, {
		.name = "movable-rw", .weight = 16, GIVES_NOTHING,
		CALL(call_movable_rw),
		ARGS(ARG("file", RES(FUZZ_MOVABLE)), ARG("page", BELOW(9, 1)),
		     ARG("write", BITS(1)),),
		ERRNOS(OTHER_FILE, ENXIO, ESPIPE, EOPNOTSUPP, EAGAIN, EIO),
	}, {
		.name = "movable-info", .weight = 16, GIVES_NOTHING,
		IOCTL(FUZZ_MOVABLE, DMA_BUF_MOVABLE_INFO, MOVABLE_INFO),
		ARGS(), ERRNOS(EBADF, ENXIO),
	}, {
		.name = "close-movable", .weight = 16, TAKES(FUZZ_MOVABLE),
		ARGS(), ERRNOS(EBADF),
	}, {
		.name = "close-file", .weight = 10, TAKES(FUZZ_FILE),
		ARGS(), ERRNOS(EBADF),
	},
	{ 0 }
};
